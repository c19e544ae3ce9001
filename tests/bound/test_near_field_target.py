"""Near-field bound in polar coordinates against automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac import bound

WAVELENGTH = 299792458 / 28e9
POSITIONS = isac.array.uniform_positions(16, 0.02)
TARGETS = np.array([[4.0, 1.0], [7.0, -3.0], [2.0, 0.0]])


def test_against_automatic_differentiation_in_polar_coordinates(rng):
    beams = rng.normal(size=(3, 16, 2)) + 1j * rng.normal(size=(3, 16, 2))
    reflection, noise, snapshots = 1e-3 * np.exp([0.1j, 2j, -1j]), 1e-4, 8
    found = bound.near_field_target_bound(
        POSITIONS, WAVELENGTH, TARGETS, beams, reflection, noise, snapshots
    )
    array = isac.array.SphericalWaveArray(POSITIONS, WAVELENGTH, precision="double")
    echo = isac.channel.NearFieldEcho(array, precision="double")
    symbols = np.exp(2j * np.pi * np.outer([0, 1], np.arange(snapshots)) / snapshots)

    def mean(angle, distance, reflection):
        point = tf.stack([distance * tf.cos(angle), distance * tf.sin(angle)], -1)
        return echo(beams @ symbols, point, reflection)

    values = {
        "angle": np.arctan2(TARGETS[:, 1], TARGETS[:, 0])[:, None],
        "distance": np.linalg.norm(TARGETS, axis=1)[:, None],
        "reflection": reflection[:, None],
    }
    efim = bound.fisher(mean, values, noise, nuisance=["reflection"], batch_dims=1)
    variance = np.diagonal(bound.cramer_rao_bound(efim), axis1=1, axis2=2)
    np.testing.assert_allclose(found.angle**2, variance[:, 0], rtol=1e-8)
    np.testing.assert_allclose(found.range**2, variance[:, 1], rtol=1e-8)
    distance = values["distance"][:, 0]
    np.testing.assert_allclose(
        found.position**2, variance[:, 1] + distance**2 * variance[:, 0], rtol=1e-8
    )
    assert found.rms.position == pytest.approx(np.sqrt(np.mean(found.position**2)))


def test_one_target_without_batch():
    arguments = (POSITIONS, WAVELENGTH, TARGETS[0], np.eye(16), 1e-3, 1e-4, 8)
    found = bound.near_field_target_bound(*arguments)
    expected = bound.position_error_bound(bound.near_field_position_efim(*arguments))
    assert found.position.shape == ()
    assert float(found.position) == pytest.approx(float(expected))


def test_no_range_from_a_plane_wave_of_two_elements():
    with pytest.raises(ValueError, match="singular"):
        bound.near_field_target_bound(
            POSITIONS[:2], WAVELENGTH, TARGETS[0], np.eye(2), 1e-3, 1e-4, 8
        )


def test_no_angle_at_the_origin():
    """A layout may have no element there, so that the position itself is known."""
    ring = 0.1 * np.stack([np.cos(np.arange(5)), np.sin(np.arange(5))], axis=-1)
    arguments = (ring, WAVELENGTH, [[1.0, 1.0], [0.0, 0.0]], np.eye(5), 1e-3, 1e-4, 8)
    assert np.all(np.isfinite(bound.near_field_position_efim(*arguments)))
    with pytest.raises(ValueError, match=r"target must not lie at the origin.*got.*0 m"):
        bound.near_field_target_bound(*arguments)
