"""Spectra of the kernels on the doubled grid, kept between calls."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import scipy.fft

from sionna_isac.scattering.green import COMPONENTS, green_kernel

__all__ = ["CACHE", "SpectrumCache", "kernel_spectrum", "padded_shape"]

CACHE_BYTES = 1 << 30


def padded_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Lengths at which cyclic convolution with all offsets of the grid is free of overlap."""
    return tuple(scipy.fft.next_fast_len(2 * n - 1) for n in shape)


def kernel_spectrum(
    shape: Sequence[int], voxel_size: float, frequency: float, kernel: str, dtype: type
) -> np.ndarray:
    """DFT [6, px, py, pz] of the kernel, mirrored from its octant into all offsets."""
    octant = green_kernel(shape, voxel_size, frequency, kernel)
    padded = padded_shape(shape)
    spectrum: np.ndarray = np.empty([6, *padded], dtype)
    for component, (i, j) in enumerate(COMPONENTS):
        full = np.zeros(padded, np.complex128)
        full[tuple(slice(n) for n in shape)] = octant[component]
        for axis, n in enumerate(shape):
            sign = -1 if i != j and axis in (i, j) else 1
            mirror = np.moveaxis(full, axis, 0)
            if n > 1:
                mirror[-(n - 1) :] = sign * mirror[n - 1 : 0 : -1]
        spectrum[component] = scipy.fft.fftn(full, workers=-1, overwrite_x=True)
    return spectrum


class SpectrumCache:
    """Spectra by all that they depend on; the ones not used for longest go first.

    Parameters
    ----------
    max_bytes : `int`
        Memory that may be held
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self.max_bytes = max_bytes
        self._spectra: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory held"""
        return sum(spectrum.nbytes for spectrum in self._spectra.values())

    def clear(self) -> None:
        """Forget all spectra."""
        with self._lock:
            self._spectra.clear()

    def get(
        self, shape: Sequence[int], voxel_size: float, frequency: float, kernel: str, dtype: type
    ) -> np.ndarray:
        """Spectrum, as from :func:`kernel_spectrum`; read-only."""
        key = (*shape, float(voxel_size), float(frequency), kernel, np.dtype(dtype).str)
        with self._lock:
            if key in self._spectra:
                self._spectra.move_to_end(key)
                return self._spectra[key]
        spectrum = kernel_spectrum(shape, voxel_size, frequency, kernel, dtype)
        spectrum.flags.writeable = False
        with self._lock:
            self._spectra[key] = spectrum
            while self._spectra and self.nbytes > self.max_bytes:
                self._spectra.popitem(last=False)
        return spectrum


CACHE = SpectrumCache()
