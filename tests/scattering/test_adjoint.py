"""Gradient in the material against central differences."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import epsilon_0

from sionna_isac.scattering import VolumeIntegralScattering, volume_response
from tests.scattering.voxel_bodies import FREQUENCY, WAVELENGTH, antennas, blob, relative_error

FREQUENCIES = np.array([FREQUENCY, 1.02 * FREQUENCY])
TIGHT = {"tolerance": 1e-12, "precision": "double", "allow_coarse": True}


def weights(seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=[2, 2, 3]) + 1j * rng.normal(size=[2, 2, 3])


def gradient(body: dict, frequencies: np.ndarray, **options) -> dict[str, np.ndarray]:
    """Complex derivatives of the weighted sum of the response, by the layer."""
    solve = VolumeIntegralScattering(
        body["positions"], body["voxel_size"], frequencies, backend="scipy", **options
    )
    names = ("permittivity", "conductivity")
    inputs = [tf.constant(body[name], solve.rdtype) for name in names]
    weight = tf.constant(weights()[np.isin(FREQUENCIES, frequencies)], solve.cdtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(weight * solve(*inputs, *antennas(3, 2).values()))
        parts = tf.math.real(total), tf.math.imag(total)
    slopes = [tape.gradient(part, inputs) for part in parts]
    return {name: re.numpy() + 1j * im.numpy() for name, re, im in zip(names, *slopes, strict=True)}


@pytest.mark.filterwarnings("ignore::sionna_isac.scattering.CoarseGridWarning")
@pytest.mark.parametrize("size", [WAVELENGTH / 12, 0.4 * WAVELENGTH])
@pytest.mark.parametrize("empty", [False, True])
def test_gradient_is_that_of_central_differences(size, empty):
    body = blob(size, shape=(3, 2, 3))
    if empty:
        body["permittivity"][2], body["conductivity"][2] = 1.0, 0.0
    expected = gradient(body, FREQUENCIES, **TIGHT)

    def loss(name: str, n: int, step: float) -> complex:
        changed = body | {name: body[name].copy()}
        changed[name][n] += step
        h = volume_response(**changed, **antennas(3, 2), frequencies=FREQUENCIES, **TIGHT)
        return np.sum(weights() * h)

    for name, step in (("permittivity", 1e-4), ("conductivity", 3e-5)):
        found = np.array(expected[name])
        for n in (0, 2, len(found) - 1):
            if empty and n == 2:  # only upwards: nothing below free space
                parts = [loss(name, n, k * step) for k in (0, 1, 2)]
                slope = (-3 * parts[0] + 4 * parts[1] - parts[2]) / (2 * step)
            else:
                slope = (loss(name, n, step) - loss(name, n, -step)) / (2 * step)
            assert abs(slope - found[n]) < 1e-6 * np.abs(found).max()


def test_single_precision():
    body = blob(WAVELENGTH / 12)
    for tone in FREQUENCIES[:, np.newaxis]:
        exact = gradient(body, tone, **TIGHT)
        single = gradient(body, tone, precision="single")
        for name, values in single.items():
            assert values.dtype == np.complex64
            assert relative_error(values, exact[name]) < 5e-5


def test_response_is_holomorphic_in_the_contrast():
    """At one tone, conductivity enters as -j / (omega eps_0) times permittivity does."""
    for tone in FREQUENCIES[:, np.newaxis]:
        found = gradient(blob(WAVELENGTH / 12), tone, **TIGHT)
        expected = -1j * found["permittivity"] / (2 * np.pi * tone[0] * epsilon_0)
        assert relative_error(found["conductivity"], expected) < 1e-10
