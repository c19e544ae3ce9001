"""Lobes by hand and by closed forms, targets that count once, wrong shapes."""

from __future__ import annotations

import numpy as np
import pytest

from sionna_isac.metrics import found_targets, lobes, sidelobe


def steering(positions, angle):
    """Positions in wavelengths."""
    return np.exp(-2j * np.pi * np.multiply.outer(np.sin(angle), positions))


def test_lobes_of_a_triangle_by_hand():
    """Peak 1, slopes of 1/4: half power 4 (1 - sqrt(1/2)) away on both sides, -10 dB 2.7."""
    pattern = np.array([[0.1, 0.4, 0.2, 0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0, 0.3]])
    found = lobes(pattern, 0.1 * np.arange(13))
    assert found.peak == 1
    np.testing.assert_allclose(found.width, 0.1 * 2 * 4 * (1 - np.sqrt(0.5)))
    np.testing.assert_allclose(found.extent, 0.1 * 6)  # 0.5 to 0.5 and the 0.4
    np.testing.assert_allclose(found.sidelobe, 20 * np.log10(0.4))


def test_lobes_at_the_end_of_the_grid():
    found = lobes(np.array([[1.0, 0.0, 0.2], [0.5, 0.75, 1.0]]), np.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(found.width, [1 - np.sqrt(0.5), 1 + (0.75 - np.sqrt(0.5)) / 0.25])
    np.testing.assert_allclose(found.sidelobe, [20 * np.log10(0.2), -200])  # no sidelobe


def test_lobe_of_a_uniform_array_is_the_textbook_one():
    """At broadside 0.886 lambda / (K lambda / 2), and sidelobes of -13.26 dB."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 8001)
    pattern = np.abs(steering((np.arange(64) - 31.5) / 2, angle).sum(-1))
    found = lobes(pattern[np.newaxis], angle)
    np.testing.assert_allclose(found.peak, 64, rtol=1e-4)
    np.testing.assert_allclose(found.width, 0.8859 * 2 / 64, rtol=1e-3)
    np.testing.assert_allclose(found.sidelobe, -13.26, atol=0.02)


def test_highest_side_lobe_of_a_plane_by_hand():
    """The main lobe ends at the first minima; of equal side lobes the nearest counts."""
    pattern = np.array(
        [
            [0.3, 0.1, 0.2, 0.1, 0.5],
            [0.1, 0.6, 0.7, 0.2, 0.1],
            [0.2, 0.9, 1.0, 0.1, 0.4],
            [0.0, 0.1, 0.2, 0.0, 0.0],
            [0.5, 0.0, 0.3, 0.0, 0.0],
        ]
    )
    found = sidelobe(pattern, [0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 10.0, 20.0, 30.0, 40.0])
    assert found.level == pytest.approx(20 * np.log10(0.5))
    np.testing.assert_allclose(found.place, [2, 20])
    row = sidelobe(pattern[2], np.arange(5.0))
    assert (row.level, *row.place) == (pytest.approx(20 * np.log10(0.4)), 2)
    alone = sidelobe([0.5, 1.0, 0.5], [0, 1, 2])
    assert alone.level == -200 and np.all(np.isnan(alone.place))


FOUND = [
    ([[0.0, 1.0], [10.0, 20.0]], [[0.0, 1.0], [10.0, 20.0]], [True, True]),
    ([[0.0, 0.0], [10.0, 10.0]], [[0.0, 1.0], [10.0, 20.0]], [True, False]),
    ([[0.05, 3.0], [10.0, 10.0]], [[0.0, 0.1], [10.0, 10.0]], [True, False]),  # one for two
    ([[0.05, 0.2], [10.0, 10.0]], [[0.1, 0.0], [10.0, 10.0]], [True, True]),  # needs assignment
    ([[0.0, 1.0], [14.0, 20.0]], [[0.0, 1.2], [10.0, 20.0]], [False, False]),
]


@pytest.mark.parametrize(("estimate", "truth", "expected"), FOUND)
def test_targets_count_once(estimate, truth, expected):
    found = found_targets(np.array(estimate), np.array(truth), (0.11, 3.0))
    assert found.sum() == sum(expected)
    if estimate[0] != [0.05, 3.0]:
        np.testing.assert_array_equal(found, expected)


def test_what_holds_no_number_finds_nothing():
    truth = [[0.0, 1.0], [10.0, 20.0]]
    found = found_targets([[np.nan, 1.0], [np.nan, 20.0]], truth, (0.1, 1.0))
    np.testing.assert_array_equal(found, [False, True])
    assert not found_targets(np.zeros((2, 0)), truth, (0.1, 1.0)).any()


BAD = [
    (lambda: lobes(np.ones((2, 3)), [0, 1]), "pattern must have shape"),
    (lambda: lobes(np.ones(3), [0, 1, 2]), "pattern must have 2 dimensions"),
    (lambda: lobes(np.zeros((1, 3)), [0, 1, 2]), "pattern must be >= 0 and not 0 everywhere"),
    (lambda: lobes(-np.eye(3), [0, 1, 2]), "pattern must be >= 0"),
    (lambda: lobes(np.ones((1, 3)), [0, 1, 3]), "angle must be a uniform grid; got steps from 1"),
    (lambda: found_targets(np.ones(2), np.ones((2, 1)), (1, 1)), "estimate must have shape"),
    (lambda: found_targets(np.ones((2, 1)), np.ones((3, 1)), (1, 1)), "truth must have shape"),
    (lambda: found_targets(np.ones((2, 1)), np.ones((2, 1)), (1, -1)), "resolution must be >= 0"),
    (lambda: found_targets(np.ones((2, 1)), [[np.nan], [1]], (1, 1)), "truth must be finite"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[b[1] for b in BAD])
def test_a_wrong_value_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
