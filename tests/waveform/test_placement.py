"""Placement of sensing tones and its ambiguity function."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from scipy.constants import c

import sionna_isac as isac
from sionna_isac.waveform import TonePlacement, ambiguity_function, place_tones

SPACING = 1.5625e6  # 100 MHz in 64 tones
FOUND_BEFORE = [0, 20, 26, 33, 36, 38, 39, 40, 41, 48, 49, 52, 54, 57, 58, 63]


def delay(distance: float) -> float:
    return 2 * distance / c


def placed(**kwargs) -> TonePlacement:
    return place_tones(64, 16, delay(47.0), subcarrier_spacing=SPACING, **kwargs)


def test_ambiguity_of_equal_distances_is_the_dirichlet_kernel():
    delays = np.linspace(0.013, 0.987, 40).reshape(4, 10)
    expected = np.abs(np.sin(7 * np.pi * delays) / np.sin(np.pi * delays)) / 7
    found = ambiguity_function(3.0 * np.arange(7) + 1e3, delays / 3)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert ambiguity_function([5e9], 1.0) == 1.0


def test_a_carrier_changes_nothing():
    delays = np.linspace(0, 3e-7, 50)
    offsets = SPACING * np.array(FOUND_BEFORE)
    at_carrier = ambiguity_function(4.9e9 + offsets, delays)
    np.testing.assert_allclose(at_carrier, ambiguity_function(offsets, delays), atol=1e-8)


@pytest.mark.parametrize(("num_tones", "chosen"), [(12, 4), (14, 5)])
def test_annealing_finds_what_trying_all_sets_finds(num_tones, chosen):
    best = min(
        TonePlacement(s, num_tones, 0.45).peak_side_lobe
        for s in itertools.combinations(range(num_tones), chosen)
        if s[0] == 0  # a shift changes nothing
    )
    found = place_tones(num_tones, chosen, 0.45)
    assert len(found) == chosen
    # the search looks at fewer delays than the report does
    assert best <= found.peak_side_lobe < best + 0.01


def test_side_lobes_are_those_of_the_formula():
    tones = placed()
    for distance in np.linspace(c / (2 * 64 * SPACING), 47.0, 500):
        phase = -2j * np.pi * tones.indices * SPACING * delay(distance)
        assert abs(np.mean(np.exp(phase))) <= tones.peak_side_lobe + 1e-3


@pytest.mark.parametrize("limit", [None, delay(2.0)])
def test_lower_side_lobes_than_a_set_found_before(limit):
    start = time.perf_counter()
    tones = placed(main_lobe=limit)
    assert time.perf_counter() - start < 20
    before = TonePlacement.from_config({**tones.get_config(), "indices": FOUND_BEFORE})
    assert tones.peak_side_lobe < 0.31 < 0.34 < before.peak_side_lobe
    if limit:
        assert before.peak_side_lobe == pytest.approx(0.34, abs=5e-3)


def test_uniform_tones_are_even_and_repeat():
    tones = placed(method="uniform")
    np.testing.assert_array_equal(tones.indices, 4 * np.arange(16))
    assert tones.peak_side_lobe == pytest.approx(1, abs=1e-3)
    assert place_tones(8, 8, 0.4).peak_side_lobe < 0.3  # all of them
    np.testing.assert_array_equal(place_tones(10, 4, 0.4, "uniform").indices, [0, 2, 5, 7])


def test_without_a_largest_delay_all_delays_count():
    tones = place_tones(16, 5, subcarrier_spacing=2.0)
    delays = np.linspace(1 / 32, 0.5 - 1 / 32, 5000)  # a period less the main lobe
    level = ambiguity_function(2.0 * tones.indices, delays)
    assert level.max() == pytest.approx(tones.peak_side_lobe, abs=1e-3)


def test_nested_sets():
    tones = placed()
    sets = {k: set(tones.nested(k)) for k in range(1, 17)}
    assert sets[16] == set(tones) and all(len(s) == k for k, s in sets.items())
    assert all(sets[k] < sets[k + 1] for k in range(1, 16))
    assert tones.nested(8).nested(8) == tones.nested(8)
    for number in (4, 8, 12):
        random = np.random.default_rng(number)
        others = [
            TonePlacement.from_config(
                {**tones.get_config(), "indices": np.sort(random.choice(tones, number, False))}
            ).peak_side_lobe
            for _ in range(100)
        ]
        assert tones.nested(number).peak_side_lobe < np.quantile(others, 0.1)


def test_the_same_seed_gives_the_same_tones():
    first, second, other = (place_tones(32, 8, 0.45, seed=s) for s in (3, 3, 4))
    assert first == second and hash(first) == hash(second)
    assert first != other
    assert first.peak_side_lobe == pytest.approx(other.peak_side_lobe, rel=0.1)


def test_a_placement_stands_for_its_indices():
    tones = place_tones(16, 5, 0.45)
    np.testing.assert_array_equal(np.asarray(tones), tones.indices)
    assert list(tones) == tones.indices.tolist() and np.flatnonzero(tones.mask).tolist() == [*tones]
    numerology = isac.waveform.Numerology(16, 1e6, 5e9, active=tones.mask)
    np.testing.assert_array_equal(numerology.subcarriers, tones)
    grid = isac.waveform.shared_tone_grid(4, 16, 1e6, sensing_tones=tones)
    assert grid.num_data_symbols == 3 * 11  # the first symbol holds pilots
    assert TonePlacement.from_config(tones.get_config()) == tones
