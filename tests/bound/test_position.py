"""Closed forms of the near-field position bound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sionna_isac import bound

DATA = Path(__file__).parents[1] / "data" / "near_field_beamforming"
CASES = json.loads((DATA / "fim_cases.json").read_text(encoding="utf-8"))["cases"]
WAVELENGTH = 299792458 / 28e9
SCENE = {"reflection": 2.4e-6 * np.exp(0.7j), "no": 1e-12, "num_snapshots": 100}


def positions(num_antennas: int = 32, aperture: float = 0.5) -> np.ndarray:
    return (np.arange(num_antennas) - (num_antennas - 1) / 2) * aperture / (num_antennas - 1)


def number(value: dict) -> np.ndarray:
    return np.asarray(value["re"]) + 1j * np.asarray(value["im"])


def draws(rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_reference(case):
    arguments = (
        positions(case["N"], case["D"]),
        299792458 / case["fc"],
        case["target"],
        number(case["F"]),
        number(case["beta"]),
        case["sigma2"],
        case["T"],
    )
    fim, expected = bound.near_field_position_fim(*arguments), np.array(case["FIM"])
    scale = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        fim / np.outer(scale, scale), expected / np.outer(scale, scale), atol=1e-9
    )
    for efim in (bound.effective_fim(fim, 2), bound.near_field_position_efim(*arguments)):
        np.testing.assert_allclose(efim, case["EFIM"], rtol=1e-9)
        np.testing.assert_allclose(
            bound.squared_position_error_bound(efim), case["SPEB"], rtol=1e-9
        )
        np.testing.assert_allclose(bound.position_error_bound(efim), case["PEB"], rtol=1e-9)


def test_a_batch_equals_its_members(rng):
    target = np.stack([rng.uniform(3, 20, 5), rng.uniform(-4, 4, 5)], -1)
    beams = draws(rng, 5, 32, 2)
    reflection = draws(rng, 5) * 1e-6
    for function in (bound.near_field_position_fim, bound.near_field_position_efim):
        together = function(positions(), WAVELENGTH, target, beams, reflection, 1e-12, 100)
        for b in range(5):
            alone = function(
                positions(), WAVELENGTH, target[b], beams[b], reflection[b], 1e-12, 100
            )
            np.testing.assert_allclose(together[b], alone, rtol=1e-12)
        # one scene, several sets of beams
        swept = function(positions(), WAVELENGTH, target[0], beams, reflection[0], 1e-12, 100)
        np.testing.assert_allclose(swept[0], together[0], rtol=1e-12)


def test_efim_does_not_see_rotations(rng):
    """Neither the phase of the reflection nor a unitary mix of the streams is information."""
    beams, target = draws(rng, 32, 3), [9.0, 4.0]
    mix = np.linalg.qr(draws(rng, 3, 3))[0]

    def efim(beams, reflection):
        arguments = (positions(), WAVELENGTH, target, beams, reflection, 1e-12, 100)
        full = bound.effective_fim(bound.near_field_position_fim(*arguments), 2)
        np.testing.assert_allclose(full, bound.near_field_position_efim(*arguments), rtol=1e-9)
        return full

    base = efim(beams, 1e-6)
    np.testing.assert_allclose(efim(beams, 1e-6 * np.exp(2.1j)), base, rtol=1e-9)
    np.testing.assert_allclose(efim(beams @ mix, 1e-6), base, rtol=1e-9)
    np.testing.assert_allclose(efim(beams[:, ::-1], 1e-6), base, rtol=1e-9)
    np.testing.assert_allclose(efim(2 * beams, 1e-6), 4 * base, rtol=1e-9)


def test_elements_anywhere(rng):
    """Turning array and target together turns the information."""
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    line = np.stack([np.zeros(32), positions()], -1)
    beams, target = draws(rng, 32, 2), np.array([9.0, 4.0])
    efim = bound.near_field_position_efim(line, WAVELENGTH, target, beams, **SCENE)
    turned = bound.near_field_position_efim(
        line @ turn.T, WAVELENGTH, turn @ target, beams, **SCENE
    )
    np.testing.assert_allclose(turned, turn @ efim @ turn.T, rtol=1e-9)


@pytest.mark.parametrize("target", [(10.0, 0.0), (9.0, 4.0), (3.0, -2.0)])
def test_minimum_is_reached_and_not_passed(rng, target):
    scene = (positions(), WAVELENGTH, target)
    least = bound.minimum_speb(*scene, 2.0, **SCENE)

    def speb(beams):
        beams = beams * np.sqrt(2.0 / np.sum(np.abs(beams) ** 2))
        efim = bound.near_field_position_efim(*scene, beams, **SCENE)
        return bound.squared_position_error_bound(efim)

    steering, derivative = bound.steering_derivatives(*scene)
    focused = speb(steering[:, np.newaxis])
    np.testing.assert_allclose(focused, least, rtol=1e-9)
    for _ in range(20):
        assert speb(draws(rng, 32, 3)) >= least
        nearly = np.stack([steering, *(draws(rng, 2)[:, None] * 1e-3 * derivative)], -1)
        assert speb(nearly) >= least * (1 - 1e-12)


def test_published_setting():
    """One watt on a target at 10 m: 1.58 cm for a radar cross section of 1 m^2."""
    wavelength = WAVELENGTH
    reflection = np.sqrt(wavelength**2 / ((4 * np.pi) ** 3 * 10.0**4))
    least = bound.minimum_speb(positions(), wavelength, (10.0, 0.0), 1.0, reflection, 1e-12, 100)
    assert np.sqrt(least) == pytest.approx(0.015826, abs=1e-6)


def test_stable_form_far_away():
    """At 5 km range carries 1e-10 of the information of the angle, and is not lost."""
    steering, _ = bound.steering_derivatives(positions(), WAVELENGTH, (5e3, 0.0))
    efim = bound.near_field_position_efim(
        positions(), WAVELENGTH, (5e3, 0.0), steering[:, None], **SCENE
    )
    y = positions()
    wavenumber = 2 * np.pi / WAVELENGTH
    kappa = 2 * 100 * 2.4e-6**2 / 1e-12 * 32**2
    x_part = (wavenumber * y**2 / (2 * 5e3**2)) ** 2  # x/r_n = 1 - y_n^2/(2 x^2)
    expected = kappa * (np.sum(x_part) - np.sum(np.sqrt(x_part)) ** 2 / 32)
    np.testing.assert_allclose(efim[0, 0], expected, rtol=1e-4)
    np.testing.assert_allclose(efim[1, 1], kappa * np.sum((wavenumber * y / 5e3) ** 2), rtol=1e-4)


def test_one_array_element_has_no_position():
    efim = bound.near_field_position_efim([0.0], WAVELENGTH, (10.0, 0.0), np.ones((1, 1)), **SCENE)
    with pytest.raises(ValueError, match="singular"):
        bound.position_error_bound(efim)
    with pytest.raises(ValueError, match="singular"):
        bound.minimum_speb([0.0], WAVELENGTH, (10.0, 0.0), 1.0, **SCENE)


def test_target_on_the_line_of_the_array_has_no_position():
    with pytest.raises(ValueError, match="singular"):
        bound.minimum_speb(positions(), WAVELENGTH, (0.0, 5.0), 1.0, **SCENE)


class TestEffectiveInformation:
    def test_equals_the_block_of_the_inverse(self, rng):
        root = rng.normal(size=(4, 6, 9))
        fim = root @ root.swapaxes(-1, -2)
        scale = 10.0 ** rng.uniform(-8, 8, 6)
        fim = fim * np.outer(scale, scale)
        efim = bound.effective_fim(fim, 2)
        np.testing.assert_allclose(
            bound.cramer_rao_bound(efim), bound.cramer_rao_bound(fim)[:, :2, :2], rtol=1e-9
        )
        unit = bound.cramer_rao_bound(fim) @ fim * scale[None, :, None] / scale[None, None, :]
        np.testing.assert_allclose(unit, np.broadcast_to(np.eye(6), unit.shape), atol=1e-9)

    def test_nothing_to_remove(self, rng):
        root = rng.normal(size=(3, 3))
        np.testing.assert_allclose(bound.effective_fim(root @ root.T, 3), root @ root.T)

    def test_singular_nuisance(self):
        fim = np.diag([1.0, 2.0, 0.0])
        with pytest.raises(ValueError, match="nuisance"):
            bound.effective_fim(fim, 2)
        fim = np.array([[2.0, 0, 0], [0, 1, 1], [0, 1, 1]])
        with pytest.raises(ValueError, match="nuisance"):
            bound.effective_fim(fim, 1)
