"""Images of scenes against their definition, and wrong calls."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.constants import c

from sionna_isac.channel import point_echo
from sionna_isac.receiver import back_projection


def test_back_projection():
    """Against its definition; it is coherent at the place of a point and nowhere else."""
    random = np.random.default_rng(1)
    tx, rx = random.normal(size=(4, 3)), random.normal(size=(3, 3))
    points = random.normal([9, 0, 0], 1, size=(5, 3))
    frequencies = np.array([4.8e9, 4.9e9])
    h = np.empty([2, 3, 4], complex)
    image = np.zeros(5, complex)
    for f, r, t in np.ndindex(2, 3, 4):
        path = [np.linalg.norm(tx[t] - p) + np.linalg.norm(rx[r] - p) for p in points]
        phase = np.exp(-2j * math.pi * frequencies[f] / c * np.array(path))
        h[f, r, t] = phase[0]
    for f, r, t in np.ndindex(2, 3, 4):
        path = [np.linalg.norm(tx[t] - p) + np.linalg.norm(rx[r] - p) for p in points]
        image += h[f, r, t] * np.exp(2j * math.pi * frequencies[f] / c * np.array(path))
    found = back_projection(h, frequencies, tx, rx, points)
    np.testing.assert_allclose(found, np.abs(image) / 24, atol=1e-5)
    assert found[0] == pytest.approx(1, abs=1e-5) and found[1:].max() < 0.9
    grid = back_projection(h, frequencies, tx, rx, points.reshape(5, 1, 3))
    np.testing.assert_array_equal(grid, found[:, np.newaxis])


def test_echo_of_a_point():
    """Against its definition, antenna by antenna; an image of it has its maximum there."""
    random = np.random.default_rng(2)
    tx, rx = random.normal(size=(4, 3)), random.normal(size=(3, 3))
    place, frequencies = np.array([9.0, 0.5, 0.2]), np.array([4.8e9, 4.9e9])
    h = point_echo(place, frequencies, tx, rx, rcs=4.0)
    assert h.shape == (2, 3, 4)
    for f, r, t in np.ndindex(2, 3, 4):
        wavelength = c / frequencies[f]
        way = [np.linalg.norm(side - place) for side in (rx[r], tx[t])]
        size = 2 * wavelength / ((4 * math.pi) ** 1.5 * way[0] * way[1])
        expected = size * np.exp(-2j * math.pi * sum(way) / wavelength)
        np.testing.assert_allclose(h[f, r, t], expected, rtol=1e-9)
    points = place + np.linspace(-1, 1, 9)[:, np.newaxis] * [0.3, 1.0, 0.2]
    assert np.argmax(back_projection(h, frequencies, tx, rx, points)) == 4


def image(h=None, frequencies=(5e9,), tx=((0, 0, 0), (0, 1, 0)), rx=((0, 0, 1),), points=(5, 0, 0)):
    h = np.ones((1, 1, 2)) if h is None else h
    return back_projection(h, frequencies, tx, rx, points)


BAD = [
    (lambda: image(np.ones((1, 2, 1))), r"channel must have shape \[1, 1, 2\]"),
    (lambda: image(np.zeros((1, 1, 2))), "channel must not be 0 everywhere"),
    (lambda: image(np.full((1, 1, 2), np.nan)), "channel must be finite"),
    (lambda: image(points=(5, 0)), r"points must have shape \[..., 3\]"),
    (lambda: image(tx=(0, 0, 0)), r"tx_positions must have shape \[number, 3\]"),
    (lambda: image(frequencies=(5.0,)), "frequencies must be in Hz"),
    (lambda: point_echo([0, 0, 1], [5e9], [[0, 0, 1]], [[0, 1, 1]]), "tx_positions must not hold"),
    (
        lambda: point_echo([0, 1], [5e9], [[0, 0, 1]], [[0, 1, 1]]),
        r"position must have shape \[3\]",
    ),
    (lambda: point_echo([1, 0, 0], [[5e9]], [[0, 0, 1]], [[0, 1, 1]]), "frequencies must have"),
    (lambda: point_echo([1, 0, 0], [5e9], [[0, 0, 1]], [[0, 1, 1]], -1), "rcs must be"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[b[1] for b in BAD])
def test_a_wrong_value_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_place_has_no_image():
    assert image(points=np.zeros((0, 3))).shape == (0,) and image().shape == ()
