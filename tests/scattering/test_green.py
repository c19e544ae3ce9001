"""Kernels against the Green's dyad, and their spectra against direct sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c, epsilon_0

from sionna_isac.scattering import dipole_field, green_kernel, self_term
from sionna_isac.scattering.green import SpectrumCache, _demagnetising_tensor, choose_kernel
from tests.scattering.voxel_bodies import FREQUENCY, WAVELENGTH

K = 2 * np.pi * FREQUENCY / c
SHAPE = (5, 4, 3)


def full(octant: np.ndarray, offset: tuple[int, int, int]) -> np.ndarray:
    """3 x 3 dyad of one offset >= 0."""
    xx, yy, zz, xy, xz, yz = octant[:, *offset]
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def test_point_kernel_is_the_dipole_field():
    size = WAVELENGTH / 9
    kernel = green_kernel(SHAPE, size, FREQUENCY, "point")
    for offset in ((1, 0, 0), (2, 1, 0), (4, 3, 2)):
        field = dipole_field([np.array(offset) * size], [[0, 0, 0]] * 3, np.eye(3), FREQUENCY)
        np.testing.assert_allclose(
            full(kernel, offset), size**3 * epsilon_0 * field[:, 0], rtol=1e-12, atol=1e-16
        )
    assert not np.any(kernel[:, 0, 0, 0])


def test_filtered_kernel_tends_to_the_dipole_field():
    """Far away the filter touches nothing that propagates."""
    size = WAVELENGTH / 10
    shape = (200, 1, 1)
    near, far = (
        np.abs(filtered - point).max() / np.abs(point).max()
        for filtered, point in (
            (
                green_kernel(shape, size, FREQUENCY, "filtered")[:, n],
                green_kernel(shape, size, FREQUENCY, "point")[:, n],
            )
            for n in (1, 199)
        )
    )
    assert near > 0.05
    assert far < 0.02


def test_self_terms_radiate_what_a_dipole_radiates():
    size = WAVELENGTH / 20
    radiated = -((K * size) ** 3) / (6 * np.pi)
    for kernel in ("point", "filtered"):
        assert self_term(size, FREQUENCY, kernel).imag == pytest.approx(radiated, rel=1e-12)


def test_auto_kernel_follows_the_voxel_size():
    half = np.pi / 2 * (1 + 1e-12)  # exactly a quarter of a wavelength but for rounding
    for kd, kernel in ((1, "filtered"), (half, "filtered"), (1.58, "galerkin")):
        assert choose_kernel("auto", kd) == kernel
    for kd, kernel in ((2 * half, "galerkin"), (3.15, "point"), (30, "point")):
        assert choose_kernel("auto", kd) == kernel
    with pytest.raises(ValueError, match="kernel must be 'auto', 'galerkin' or 'point'"):
        choose_kernel("filtered", np.pi)
    with pytest.raises(ValueError, match="kernel must be one of"):
        choose_kernel("exact", 1.0)


def test_spectrum_mirrors_the_octant():
    size = WAVELENGTH / 9
    octant = green_kernel(SHAPE, size, FREQUENCY, "point")
    spectrum = SpectrumCache().get(SHAPE, size, FREQUENCY, "point", np.complex128)
    kernel = np.fft.ifftn(spectrum, axes=(1, 2, 3))
    for offset in ((1, -2, 2), (-4, 3, -1), (-1, -1, -2)):
        signs = np.sign(offset)
        dyad = full(octant, tuple(np.abs(offset))) * np.outer(signs, signs)
        np.testing.assert_allclose(full(kernel, offset), dyad, atol=1e-14)


def test_cache_returns_the_same_spectrum_and_stays_within_its_bytes():
    one = SpectrumCache().get(SHAPE, 0.01, FREQUENCY, "point", np.complex64).nbytes
    cache = SpectrumCache(max_bytes=2 * one)
    arguments = [(SHAPE, 0.01, f, "point", np.complex64) for f in (1e9, 2e9, 3e9)]
    first = cache.get(*arguments[0])
    assert cache.get(*arguments[0]) is first
    for other in arguments[1:]:
        cache.get(*other)
    assert cache.nbytes == 2 * one
    assert cache.get(*arguments[0]) is not first
    assert cache.get(SHAPE, 0.01, 1e9, "point", np.complex128).dtype == np.complex128
    cache.clear()
    assert cache.nbytes == 0


def interaction(shape: tuple[int, int, int], kd: float, kernel: str) -> np.ndarray:
    """Symmetric matrix [3N, 3N] of all interactions, own fields included."""
    size, frequency = 1.0, kd * c / (2 * np.pi)
    octant = green_kernel(shape, size, frequency, kernel)
    cells = np.argwhere(np.ones(shape, bool))
    offset = cells[:, np.newaxis] - cells
    sign = np.sign(offset)
    xx, yy, zz, xy, xz, yz = octant[:, *np.moveaxis(np.abs(offset), -1, 0)]
    dyads = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], -1).reshape(*xx.shape, 3, 3)
    dyads *= np.where(np.eye(3, dtype=bool), 1, sign[..., np.newaxis] * sign[..., np.newaxis, :])
    dyads[np.arange(len(cells)), np.arange(len(cells))] = np.eye(3) * (
        self_term(size, frequency, kernel) - 1 / 3
    )
    return dyads.transpose(0, 2, 1, 3).reshape(3 * len(cells), -1)


@pytest.mark.parametrize(
    ("kd", "part"), [(0.3, 1e-6), (2.0, 1e-3), (5.1, 0.01), (7.0, 0.01), (10.3, 0.03)]
)
def test_galerkin_kernel_is_nearly_passive(kd, part):
    """Polarisations that radiate a negative power do so weakly: far means are approximate."""
    power = np.linalg.eigvalsh(-interaction((5, 4, 5), kd, "galerkin").imag)
    assert power.min() > -part * power.max()


def test_galerkin_kernel_is_passive_where_it_is_integrated():
    power = np.linalg.eigvalsh(-interaction((4, 4, 4), 10.3, "galerkin").imag)
    assert power.min() > 0


@pytest.mark.parametrize(
    ("kernel", "kd"), [("filtered", 0.9), ("filtered", 1.57), ("point", 3.5), ("point", 10.3)]
)
def test_kernels_of_dipoles_are_passive(kernel, kd):
    power = np.linalg.eigvalsh(-interaction((5, 5, 5), kd, kernel).imag)
    assert power.min() > -1e-12 * power.max()


def mean_over_cubes(offset: tuple[int, int, int], kd: float, order: int = 8) -> np.ndarray:
    """Mean of k^2 G over two unit cubes, by plain Gauss quadrature over both."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    grid = np.stack(np.meshgrid(*[nodes / 2] * 3, indexing="ij"), -1).reshape(-1, 3)
    weight = np.einsum("i,j,k->ijk", *[weights / 2] * 3).ravel()
    total = np.zeros([3, 3], complex)
    for source, w in zip(grid, weight, strict=True):
        field = dipole_field(offset + grid, [source] * 3, np.eye(3), kd * c / (2 * np.pi))
        total += w * np.einsum("tnc,n->tc", field, weight)
    return total * epsilon_0


@pytest.mark.parametrize("kd", [0.5, 3.0])
def test_galerkin_kernel_is_the_mean_over_both_voxels(kd):
    kernel = green_kernel((6, 4, 4), 1.0, kd * c / (2 * np.pi), "galerkin")
    for offset in ((2, 0, 0), (3, 2, 1), (5, 2, 3)):
        mean = mean_over_cubes(offset, kd)
        # Integrated nearby, a plane wave's mean farther away
        tolerance = 1e-5 if max(offset) < 4 else 0.02 * kd
        np.testing.assert_allclose(full(kernel, offset), mean, atol=tolerance * np.abs(mean).max())


def test_demagnetising_tensor_of_a_cube():
    tensor = _demagnetising_tensor()
    np.testing.assert_allclose(tensor[:, 0, 0, 0], [1 / 3] * 3 + [0] * 3, atol=1e-14)
    trace = tensor[:3].sum(0)
    trace[0, 0, 0] -= 1
    np.testing.assert_allclose(trace, 0, atol=1e-13)


def test_galerkin_kernel_tends_to_the_point_kernel():
    frequency = 0.2 * c / (2 * np.pi)
    point, mean = (
        green_kernel((12, 1, 1), 1.0, frequency, kernel)[:, -1] for kernel in ("point", "galerkin")
    )
    assert np.abs(mean - point).max() < 5e-3 * np.abs(point).max()
