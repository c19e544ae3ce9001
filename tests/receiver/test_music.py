"""MUSIC in the near field: noise-free reference, and errors against the bound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac import bound

DATA = Path(__file__).parents[1] / "data" / "near_field_beamforming"
CASES = json.loads((DATA / "music_noisefree.json").read_text(encoding="utf-8"))["cases"]
WAVELENGTH = 299792458 / 28e9
POSITIONS = isac.array.uniform_positions(32, 0.5 / 31)


def music(precision: str = "double", **kwargs) -> isac.receiver.MUSIC:
    array = isac.array.SphericalWaveArray(POSITIONS, WAVELENGTH, precision=precision)
    return isac.receiver.MUSIC(array, (2.0, 40.0), precision=precision, **kwargs)


def noise_free() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steering vectors, sectors and targets of the reference cases."""
    target = np.array([c["target"] for c in CASES])
    angle = np.array([c["angle_true"] for c in CASES])
    steering, _ = bound.steering_derivatives(POSITIONS, WAVELENGTH, target)
    return steering, np.stack([angle - 0.03, angle + 0.03], -1), target


def test_noise_free_reference():
    steering, sector, target = noise_free()
    estimate = music(num_zooms=8)(steering[:, :, None], sector)
    np.testing.assert_allclose(estimate.angle[:, 0], [c["angle_ff_peak"] for c in CASES], atol=1e-6)
    np.testing.assert_allclose(estimate.range[:, 0], [c["range_est"] for c in CASES], atol=1e-4)
    error = np.linalg.norm(estimate.position[:, 0] - target, axis=-1)
    np.testing.assert_allclose(error, [c["pos_err"] for c in CASES], atol=1e-4)


def test_refinement_removes_the_bias_of_the_far_field():
    steering, sector, target = noise_free()
    estimate = music(num_zooms=8, num_refinements=2)(steering[:, :, None], sector)
    np.testing.assert_allclose(estimate.position[:, 0], target, atol=1e-5)
    np.testing.assert_allclose(estimate.metric, 1, atol=1e-9)


def test_spectrum_has_its_maximum_at_the_target():
    steering, sector, target = noise_free()
    receiver = music(num_angles=61, num_ranges=200)
    spectrum = receiver.spectrum(steering[:, :, None], sector).numpy()
    assert spectrum.shape == (len(target), 61, 200) and np.max(spectrum) <= 1 + 1e-9
    best = np.reshape(spectrum, (len(target), -1)).argmax(-1)
    assert np.all(best // 200 == 30)  # the middle of the sector
    cell = np.gradient(receiver.ranges)[best % 200]
    error = receiver.ranges[best % 200] - np.hypot(*target.T)
    assert np.all(np.abs(error) <= cell)


def test_single_precision():
    steering, sector, target = noise_free()
    small = steering[:, :, None] * np.array([1e-20, 2e-20j])  # squares vanish in single precision
    estimate = music("single", num_refinements=1)(small, sector)
    np.testing.assert_allclose(estimate.position[:, 0], target, rtol=1e-2, atol=1e-2)


def test_silence_in_a_graph_has_metric_zero():
    steering, sector, _ = noise_free()
    y = np.stack([steering[0], 0 * steering[0]])[:, :, None]
    estimate = tf.function(music(num_refinements=1))(y, sector[:2])
    assert estimate.metric[0] > 0.99 and estimate.metric[1] == 0


@pytest.mark.parametrize("precision", ["single", "double"])
def test_sector_may_reach_all_that_is_in_front(precision):
    """Also where pi/2 is rounded up."""
    array = isac.array.SphericalWaveArray(
        isac.array.uniform_positions(8, WAVELENGTH / 2), WAVELENGTH, precision=precision
    )
    receiver = isac.receiver.MUSIC(array, (0.02, 1.0), precision=precision)
    y = array.steering([[0.3, 0.1]])[..., None]
    angle = receiver(y, [[-np.pi / 2, np.pi / 2]]).angle
    np.testing.assert_allclose(angle, np.arctan2(0.1, 0.3), atol=0.02)


def test_layout_in_the_plane_sees_what_is_behind():
    turns = np.arange(7) * 2 * np.pi / 7
    array = isac.array.SphericalWaveArray(
        0.02 * np.stack([np.cos(turns), np.sin(turns)], -1), WAVELENGTH, precision="double"
    )
    receiver = isac.receiver.MUSIC(array, (0.05, 2.0), num_refinements=1, precision="double")
    estimate = receiver(array.steering([[-0.3, -0.02]])[..., None], [[3.0, 3.4]])
    np.testing.assert_allclose(estimate.position[:, 0], [[-0.3, -0.02]], atol=2e-3)


def test_sector_with_grating_lobes_is_pointed_out():
    steering, sector, _ = noise_free()
    with pytest.warns(UserWarning, match="cannot tell azimuths"):
        music()(steering[:, :, None], 0 * sector + [-0.5, 0.5])


@pytest.mark.parametrize("target", [(10.0, 0.0), (9.0, 4.0)])
def test_error_against_the_bound(rng, target):
    """Never significantly below it; within 2 dB where the power allows, with all beams focused."""
    number, snapshots, noise = 400, 50, 1e-12
    array = isac.array.SphericalWaveArray(POSITIONS, WAVELENGTH, precision="double")
    echo = isac.channel.NearFieldEcho(array, precision="double")
    receiver = music(num_zooms=5, num_refinements=1)
    reflection = isac.channel.reflection_coefficient(np.hypot(*target), WAVELENGTH)
    steering, _ = bound.steering_derivatives(POSITIONS, WAVELENGTH, target)
    symbols = np.exp(2j * np.pi * rng.uniform(size=(number, 1, snapshots)))
    angle = np.arctan2(target[1], target[0])
    sector = angle + np.tile([-0.1, 0.1], (number, 1))
    point = np.broadcast_to(target, (number, 1, 2))
    ratios = []
    for power in (0.1, 1.0, 10.0, 100.0):
        x = np.sqrt(power / 32) * steering[:, None] * symbols
        y = echo(x, point, np.full((number, 1), reflection + 0j), noise)
        error = np.sum((receiver(y, sector).position.numpy()[:, 0] - target) ** 2, -1)
        least = bound.minimum_speb(
            POSITIONS, WAVELENGTH, target, power, reflection, noise, snapshots
        )
        ratio, spread = np.mean(error) / least, np.std(error) / least / np.sqrt(number)
        assert ratio > 1 - 4 * spread
        ratios.append(10 * np.log10(ratio))
    assert max(ratios[1:]) < 2.0, ratios
