"""The pursuit receivers over angle, velocity and range against a plain cube."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c

import sionna_isac as isac
from tests.receiver.reference import plain_cube_pursuit

ANTENNAS, SYMBOLS, SUBCARRIERS, SPACING, TARGETS = 6, 8, 12, 1e6, 3
WAVELENGTH = 0.01
NUMEROLOGY = isac.waveform.Numerology(
    SUBCARRIERS, SPACING, c / WAVELENGTH, num_symbols=SYMBOLS, symbol_duration=1.1e-6
)
ANGLES = np.linspace(-np.pi / 2, np.pi / 2, 41)
RANGES = np.linspace(5.0, 75.0, 17)
VELOCITIES = np.linspace(-0.6, 0.7, 15) * NUMEROLOGY.max_velocity
POSITIONS = np.sort((np.arange(ANTENNAS) - 2.5) * np.random.default_rng(1).normal(0.5, 0.03, 6))
SECTORS = np.array([[-np.pi / 2, -1.0], [-0.4, 0.3], [0.2, 0.9]])
PATTERN = np.random.default_rng(7).random((SYMBOLS, SUBCARRIERS)) < 0.6
COMB = np.outer(np.arange(SYMBOLS) % 3 > 0, np.arange(SUBCARRIERS) % 2 == 0)
WINDOW = (3, 2, 1)  # of angle, range and velocity
masks = pytest.mark.parametrize("elements", [None, PATTERN, COMB], ids=["all", "pattern", "comb"])


def steering(angle):
    return np.exp(-2j * np.pi * np.sin(np.asarray(angle))[..., None] * POSITIONS)


def doppler(velocity):
    step = 4 * np.pi * NUMEROLOGY.symbol_duration / WAVELENGTH * np.asarray(velocity)
    return np.exp(-1j * step[..., None] * np.arange(SYMBOLS))


def delay(distance):
    step = 4 * np.pi * SPACING / c * np.asarray(distance)
    return np.exp(-1j * step[..., None] * np.arange(SUBCARRIERS))


def array(precision="double", positions=POSITIONS, **kwargs):
    return isac.array.UniformLinearArray(
        ANTENNAS,
        WAVELENGTH,
        element_positions=positions * WAVELENGTH,
        precision=precision,
        **kwargs,
    )


def grid(**kwargs):
    return isac.receiver.SearchGrid(
        kwargs.pop("angles", ANGLES), kwargs.pop("ranges", RANGES), velocities=VELOCITIES
    )


def omp(precision="double", **kwargs):
    options = {"max_targets": TARGETS, **kwargs}
    place = grid(angles=options.pop("angles", ANGLES))
    return isac.receiver.OMP(array(precision), NUMEROLOGY, place, precision=precision, **options)


def domp(precision="double", **kwargs):
    options = {"max_targets": TARGETS, "window": WINDOW, "temperature": 0.1, **kwargs}
    return isac.receiver.DifferentiableOMP(
        array(precision, trainable=True), NUMEROLOGY, grid(), precision=precision, **options
    )


@pytest.fixture
def observation(rng) -> np.ndarray:
    """Three targets off the grid in each sector, in noise."""
    samples = []
    for low, high in SECTORS:
        parts = (
            rng.normal(size=3) + 1j * rng.normal(size=3),
            steering(rng.uniform(low, high, 3)),
            doppler(rng.uniform(VELOCITIES[0], VELOCITIES[-1], 3)),
            delay(rng.uniform(5.1, 74.9, 3)),
        )
        samples.append(np.einsum("t,tk,tm,ts->kms", *parts))
    z = np.array(samples)
    return z + 0.5 * (rng.normal(size=z.shape) + 1j * rng.normal(size=z.shape))


def plain(z, **kwargs):
    grids = ANGLES, VELOCITIES, RANGES
    return plain_cube_pursuit(z, SECTORS, steering, doppler, delay, grids, TARGETS, **kwargs)


def assert_estimates(actual, expected: dict, tolerance: float = 1e-9) -> None:
    for name, value in expected.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(
            getattr(actual, name), value, rtol=0, atol=tolerance * scale, err_msg=name
        )


@masks
def test_omp_equals_plain_pursuit(observation, elements):
    expected = plain(observation, elements=elements)
    assert_estimates(omp(elements=elements)(observation, SECTORS), expected)


@masks
@pytest.mark.parametrize("atoms", ["grid", "refined"])
def test_differentiable_omp_equals_plain_pursuit(observation, atoms, elements):
    expected = plain(observation, refine=atoms, window=(3, 1, 2), beta=0.1, elements=elements)
    receiver = domp(atoms=atoms, elements=elements)
    assert_estimates(receiver(observation, SECTORS), expected)
