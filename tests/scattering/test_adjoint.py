"""Gradient in the material against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import epsilon_0

from sionna_isac.scattering import volume_response, volume_response_vjp
from tests.scattering.voxel_bodies import FREQUENCY, WAVELENGTH, antennas, blob, relative_error

FREQUENCIES = np.array([FREQUENCY, 1.02 * FREQUENCY])
TIGHT = {"tolerance": 1e-12, "precision": "double", "allow_coarse": True}


def weights(seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=[2, 2, 3]) + 1j * rng.normal(size=[2, 2, 3])


@pytest.mark.filterwarnings("ignore::sionna_isac.scattering.CoarseGridWarning")
@pytest.mark.parametrize("size", [WAVELENGTH / 12, 0.4 * WAVELENGTH])
@pytest.mark.parametrize("empty", [False, True])
def test_gradient_is_that_of_central_differences(size, empty):
    body = blob(size, shape=(3, 2, 3)) | {"frequencies": FREQUENCIES}
    if empty:
        body["permittivity"][2], body["conductivity"][2] = 1.0, 0.0
    gradient = volume_response_vjp(**body, **antennas(3, 2), upstream=weights(), **TIGHT)
    omega = 2 * np.pi * FREQUENCIES[:, np.newaxis]
    expected = {
        "permittivity": gradient.sum(0),
        "conductivity": np.sum(-1j * gradient / (omega * epsilon_0), axis=0),
    }

    def loss(name: str, n: int, step: float) -> complex:
        changed = body | {name: body[name].copy()}
        changed[name][n] += step
        h = volume_response(**changed, **antennas(3, 2), **TIGHT)
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
    body = blob(WAVELENGTH / 12) | {"frequencies": FREQUENCIES}
    exact = volume_response_vjp(**body, **antennas(3, 2), upstream=weights(), **TIGHT)
    single = volume_response_vjp(**body, **antennas(3, 2), upstream=weights(), precision="single")
    assert single.dtype == np.complex64
    assert relative_error(single, exact) < 5e-5


def test_upstream_must_have_the_shape_of_the_response():
    body = blob(WAVELENGTH / 12) | {"frequencies": FREQUENCIES}
    with pytest.raises(ValueError, match=r"upstream must have shape \[2, 2, 3\]"):
        volume_response_vjp(**body, **antennas(3, 2), upstream=np.ones([2, 3, 2]), **TIGHT)
