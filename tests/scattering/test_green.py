"""Kernels against the Green's dyad, and their spectra against direct sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c, epsilon_0

from sionna_isac.scattering import dipole_field, green_kernel, self_term
from sionna_isac.scattering._spectrum import SpectrumCache
from sionna_isac.scattering.green import choose_kernel
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
    assert choose_kernel("auto", 1.0, 1.0) == "filtered"
    assert choose_kernel("auto", 1.01, 1.0) == "galerkin"
    with pytest.raises(ValueError, match="kernel must be 'galerkin'"):
        choose_kernel("filtered", np.pi, 1.0)
    with pytest.raises(ValueError, match="kernel must be one of"):
        choose_kernel("exact", 1.0, 1.0)


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
