"""Field of an electric dipole against derivatives of the scalar Green's function."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c, epsilon_0

from sionna_isac.scattering import dipole_field
from sionna_isac.scattering.dipole import dyad_field
from tests.scattering.voxel_bodies import FREQUENCY, WAVELENGTH

K = 2 * np.pi * FREQUENCY / c


def green(x: np.ndarray) -> complex:
    r = np.linalg.norm(x)
    return np.exp(-1j * K * r) / (4 * np.pi * r)


def dyad_by_differences(x: np.ndarray, step: float = 1e-3 * WAVELENGTH) -> np.ndarray:
    """(k^2 I + grad grad) g."""
    units = step * np.eye(3)
    hessian = np.empty([3, 3], complex)
    for i, u in enumerate(units):
        for j, v in enumerate(units):
            signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
            terms = [a * b * green(x + a * u + b * v) for a, b in signs]
            hessian[i, j] = sum(terms) / (4 * step**2)
    return K**2 * green(x) * np.eye(3) + hessian


@pytest.mark.parametrize("distance", [0.3, 1.0, 10.0])
def test_field_is_derivative_of_green_function(distance):
    rng = np.random.default_rng(0)
    ray = rng.normal(size=3)
    point = distance * WAVELENGTH * ray / np.linalg.norm(ray)
    field = dipole_field([point], [[0, 0, 0]] * 3, np.eye(3), FREQUENCY)[:, 0]
    expected = dyad_by_differences(point) / epsilon_0
    # Differences are accurate to about (k step)^2 / 3 over the distance in wavelengths
    np.testing.assert_allclose(field, expected, atol=3e-4 * np.abs(expected).max())


def test_field_is_reciprocal_and_linear():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=[2, 3])
    p, q = rng.normal(size=[2, 3]) + 1j * rng.normal(size=[2, 3])
    forth = q @ dipole_field([b], [a], [p], FREQUENCY)[0, 0]
    back = p @ dipole_field([a], [b], [q], FREQUENCY)[0, 0]
    assert forth == pytest.approx(back, rel=1e-13)
    double = dipole_field([b], [a], [2j * p], FREQUENCY)
    np.testing.assert_allclose(double, 2j * dipole_field([b], [a], [p], FREQUENCY), rtol=1e-14)


def test_single_precision_keeps_the_phase_of_long_ways():
    points, sources = np.array([[300.0, 20.0, 1.0]]), np.array([[0.0, 0.1, 0.0]])
    vectors = np.array([[0, 1, 1j]])
    exact = dyad_field(points, sources, vectors, K)
    single = dyad_field(points, sources, vectors, K, np.complex64)
    assert single.dtype == np.complex64
    np.testing.assert_allclose(single, exact, atol=3e-7 * np.abs(exact).max())


def test_mean_over_cells_is_that_of_many_points():
    size = 0.7 * WAVELENGTH
    nodes, weights = np.polynomial.legendre.leggauss(12)
    grid = np.stack(np.meshgrid(*[nodes * size / 2] * 3, indexing="ij"), -1).reshape(-1, 3)
    weight = np.einsum("i,j,k->ijk", weights, weights, weights).ravel() / 8
    center, sources = np.array([[40.0, 3.0, -2.0]]), np.zeros([1, 3])
    vectors = np.array([[0.2, 1, 1j]])
    mean = dyad_field(center + grid, sources, vectors, K) @ weight
    cell = dyad_field(center, sources, vectors, K, cell=size)[..., 0]
    # The cell is seen as flat: its size over the distance is what is left out
    np.testing.assert_allclose(cell, mean, atol=0.01 * np.abs(mean).max())
    point = dyad_field(center, sources, vectors, K)[..., 0]
    assert np.abs(point - mean).max() > 0.5 * np.abs(mean).max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": [1.0, 2.0, 3.0]}, r"positions must have shape \[N, 3\]"),
        ({"positions": [[np.nan, 0, 0]]}, "positions must be finite"),
        ({"positions": [[0, 0, 0]]}, "must differ from source_positions"),
        ({"moments": [[1, 0]]}, r"moments must have shape \[1, 3\]"),
        ({"frequency": 0}, "frequency must be a finite number > 0"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "positions": [[1, 0, 0]],
        "source_positions": [[0, 0, 0]],
        "moments": [[0, 0, 1]],
        "frequency": FREQUENCY,
    }
    with pytest.raises(ValueError, match=message):
        dipole_field(**{**arguments, **change})
