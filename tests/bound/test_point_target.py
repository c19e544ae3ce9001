"""Bound of the OFDM echo against a closed form and against receivers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac import bound

C = 299792458.0
ANTENNAS, SUBCARRIERS, SPACING, WAVELENGTH = 8, 32, 1e6, 0.005
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, C / WAVELENGTH)


def array(precision: str = "double"):
    return isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision=precision)


def targets(angle, distance, gain, count=None) -> isac.scene.PointTargets:
    angle, distance = np.atleast_2d(angle), np.atleast_2d(distance)
    gain = np.atleast_2d(gain) + 0j
    count = np.full(len(angle), angle.shape[1]) if count is None else np.asarray(count)
    return isac.scene.PointTargets(angle, distance, gain, count)


def steer(angle) -> np.ndarray:
    return np.asarray(array().steering(angle))


def test_closed_form_of_one_target():
    """Angle and delay decouple; the gain takes the means of both away."""
    angle, gain, no = 0.4, 0.3 - 0.2j, 0.05
    beam = steer(0.1).conj() / np.sqrt(ANTENNAS)
    found = bound.point_target_bound(
        array(), NUMEROLOGY, targets(angle, 20.0, gain), beam, None, no, normalize=True
    )
    energy = 2 / no * np.abs(gain * (steer(angle) @ beam)) ** 2 / SUBCARRIERS
    y = (np.arange(ANTENNAS) - (ANTENNAS - 1) / 2) / 2  # wavelengths
    across = energy * SUBCARRIERS * np.sum((2 * np.pi * np.cos(angle) * y) ** 2)
    s = np.arange(SUBCARRIERS) - (SUBCARRIERS - 1) / 2
    along = energy * ANTENNAS * np.sum((4 * np.pi * SPACING / C * s) ** 2)
    np.testing.assert_allclose(found.angle, across**-0.5, rtol=1e-9)
    np.testing.assert_allclose(found.range, along**-0.5, rtol=1e-9)
    np.testing.assert_allclose(found.position, np.sqrt(1 / along + 400 / across), rtol=1e-9)


def test_batch_chunks_and_absent_targets(monkeypatch, rng):
    angle, distance = rng.uniform(-0.8, 0.8, (5, 2)), rng.uniform(10, 70, (5, 2))
    gain = rng.normal(size=(5, 2)) + 1j
    beam = rng.normal(size=(5, ANTENNAS)) + 0j
    count = np.array([2, 1, 0, 2, 1])
    no = np.linspace(0.1, 0.5, 5)
    scene = targets(angle, distance, gain, count)
    together = bound.point_target_bound(array("single"), NUMEROLOGY, scene, beam, None, no)
    monkeypatch.setattr(bound.point_target, "_CHUNK", 2 * ANTENNAS * SUBCARRIERS)
    again = bound.point_target_bound(array(), NUMEROLOGY, scene, beam, None, no)
    np.testing.assert_allclose(again.position, together.position, rtol=1e-5)
    absent = np.arange(2) >= count[:, None]
    np.testing.assert_array_equal(np.isnan(again.angle), absent)
    alone = bound.point_target_bound(
        array(),
        NUMEROLOGY,
        targets(angle[1, :1], distance[1, :1], gain[1, :1]),
        beam[1],
        None,
        no[1],
    )
    np.testing.assert_allclose(again.range[1, 0], alone.range[0, 0], rtol=1e-9)
    rms = np.sqrt(np.mean(again.position[~absent] ** 2))
    np.testing.assert_allclose(again.rms.position, rms)
    nobody = bound.PointTargetBound(*(np.full((2, 2), np.nan) for _ in range(3)))
    with pytest.warns(UserWarning, match="no target in the batch: the bound is not a number"):
        assert np.isnan(nobody.rms.position)


def test_a_second_target_takes_information_away():
    beam = np.eye(1, ANTENNAS)[0]
    one = bound.point_target_bound(array(), NUMEROLOGY, targets(0.1, 20.0, 1.0), beam, None, 1)
    scene = targets([0.1, 0.2], [20.0, 23.0], [1.0, 1.0])
    two = bound.point_target_bound(array(), NUMEROLOGY, scene, beam, None, 1)
    assert np.all(two.position[:, 0] > 1.1 * one.position[:, 0])


@pytest.mark.parametrize("kind", ["OMP", "DifferentiableOMP"])
def test_receivers_do_not_pass_it(kind):
    """Errors of one target at high SNR: not below the bound, and on a fine grid close to it."""
    number, no = 300, 0.2
    angle, distance = np.full((number, 1), 0.1 + 3e-4), np.full((number, 1), 24.31)
    scene = targets(angle, distance, np.ones((number, 1)))
    beam = np.broadcast_to(steer(0.1).conj() / np.sqrt(ANTENNAS), (number, ANTENNAS))
    least = bound.point_target_bound(array(), NUMEROLOGY, scene, beam, None, no).rms
    angles = 0.1 + np.arange(-25, 26) * 0.3 * least.angle
    ranges = 24.3 + np.arange(-25, 26) * 0.3 * least.range
    echo = isac.channel.MonostaticEcho(array(), NUMEROLOGY, precision="double")
    y = echo(np.ones((number, SUBCARRIERS)) + 0j, scene, beam, no)
    grid = isac.receiver.SearchGrid(angles, ranges)
    if kind == "OMP":
        receiver = isac.receiver.OMP(array(), NUMEROLOGY, grid, max_targets=1, precision="double")
    else:
        receiver = isac.receiver.DifferentiableOMP(
            array(),
            NUMEROLOGY,
            grid,
            max_targets=1,
            window=(6, 6),
            temperature=no,
            precision="double",
        )
    estimate = receiver(y, np.tile(angles[[0, -1]], (number, 1)))
    error = np.concatenate([estimate.angle - angle, estimate.range - distance], 1)
    for part, smallest in zip(error.T, (least.angle, least.range), strict=True):
        ratio = np.mean(part**2) / smallest**2
        assert 1 - 4 * np.sqrt(2 / number) < ratio < 1.6, ratio


def test_numbers_of_automatic_differentiation(rng):
    """The static echo, differentiated by TensorFlow, with an impaired array and a mask."""
    active = rng.uniform(size=SUBCARRIERS) < 0.7
    numerology = isac.waveform.Numerology(SUBCARRIERS, SPACING, C / WAVELENGTH, active=active)
    rough = isac.array.ImpairedArray(
        ANTENNAS,
        WAVELENGTH,
        gain=rng.uniform(0.8, 1.2, ANTENNAS),
        phase=rng.normal(size=ANTENNAS),
        coupling=[0.1 + 0.05j],
        precision="double",
    )
    angle, distance = rng.uniform(-0.8, 0.8, (4, 3)), rng.uniform(10, 140, (4, 3))
    gain = rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3))
    beam = rng.normal(size=(4, ANTENNAS)) + 1j * rng.normal(size=(4, ANTENNAS))

    def echo(angle, distance, gain):
        steering = rough.steering(angle)
        phase = -4 * np.pi * SPACING / C * distance[..., None] * np.flatnonzero(active)
        amplitude = gain * tf.linalg.matvec(steering, tf.constant(beam))
        delayed = amplitude[..., None] * tf.complex(tf.cos(phase), tf.sin(phase))
        return tf.matmul(steering, delayed, transpose_a=True)

    values = {"angle": angle, "distance": distance, "gain": gain}
    fim = bound.fisher(echo, values, 0.3, batch_dims=1)
    expected = np.sqrt(np.diagonal(np.linalg.inv(fim), axis1=1, axis2=2))
    x = np.exp(0.5j * np.pi * rng.integers(0, 4, (4, SUBCARRIERS)))
    scene = targets(angle, distance, gain)
    for symbols in (None, x, x[:1], x[0]):  # a square magnitude of 1 to rounding
        found = bound.point_target_bound(rough, numerology, scene, beam, symbols, 0.3)
        np.testing.assert_allclose(found.angle, expected[:, :3], rtol=1e-9)
        np.testing.assert_allclose(found.range, expected[:, 3:6], rtol=1e-9)
        assert found.velocity is None and found.rms.velocity is None
