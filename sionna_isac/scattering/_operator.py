"""Action of all voxels on all voxels, by FFT; no matrix is ever formed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft

from sionna_isac.scattering._polarizability import Polarizability

__all__ = ["VolumeOperator"]

SLAB = 1 << 14  # points of the doubled grid worked on at a time: three components fit in a cache
BATCH_BYTES = 1 << 28


class VolumeOperator:
    r"""Complex-symmetric operator of the scaled polarisation :math:`\mathbf{y}`.

    .. math::
        (\mathbf{I} - \sqrt{\mathbf{a}}\, \mathbf{D} \sqrt{\mathbf{a}})\, \mathbf{y}

    with the interaction :math:`\mathbf{D}` of :func:`~sionna_isac.scattering.green_kernel` and the
    polarisability :math:`\mathbf{a}` of a voxel. Vectors are [K, 3, N]: K right-hand sides and
    the N voxels of the target, not those of its bounding box.

    Along x, transforms run over the lines of the target's box; then slabs of constant x frequency
    are zero-padded in y and z, transformed, multiplied and transformed back one after the other, so
    that the doubled grid exists along x only and a slab stays in the processor's cache.

    Parameters
    ----------
    spectrum : [6, px, py, pz], `np.complex64` or `np.complex128`
        Spectrum of the kernel on the doubled grid; sets the precision
    index : [N, 3], `int`
        Cells of the voxels
    shape : (nx, ny, nz)
        Size of the grid
    polarizability : ``Polarizability``
        Of the voxels
    """

    def __init__(
        self,
        spectrum: np.ndarray,
        index: np.ndarray,
        shape: Sequence[int],
        polarizability: Polarizability,
    ) -> None:
        self.dtype = spectrum.dtype
        self.polarizability = polarizability
        self._spectrum = spectrum
        self._shape = tuple(shape)
        self._flat = np.ravel_multi_index(tuple(index.T), self._shape)
        self._workers = _num_cpus()
        self._pool = ThreadPoolExecutor(self._workers)
        self.num_products = 0

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Operator times y, [K, 3, N] to [K, 3, N]."""
        root = self.polarizability.root
        return y - root(self.radiate(root(y)))

    def radiate(self, moments: np.ndarray) -> np.ndarray:
        """D times moments: field of all other voxels at each voxel, [K, 3, N] to [K, 3, N]."""
        self.num_products += len(moments)
        px = self._spectrum.shape[1]
        _, ny, nz = self._shape
        step = max(1, BATCH_BYTES // (3 * px * ny * nz * self.dtype.itemsize))
        out = np.empty(moments.shape, self.dtype)
        for start in range(0, len(moments), step):
            part = slice(start, start + step)
            num = len(out[part])
            lines = np.zeros([num, 3, px, ny, nz], self.dtype)
            # x is the slowest axis: padding it leaves the places of the voxels as they are
            lines.reshape(num, 3, -1)[:, :, self._flat] = moments[part]
            lines = scipy.fft.fft(lines, axis=2, overwrite_x=True, workers=self._workers)
            depth = max(1, SLAB // int(np.prod(self._spectrum.shape[2:])))
            slabs = [slice(a, a + depth) for a in range(0, px, depth)]
            for _ in self._pool.map(lambda slab: self._convolve(lines, slab), slabs):  # noqa: B023
                pass
            lines = scipy.fft.ifft(lines, axis=2, overwrite_x=True, workers=self._workers)
            np.take(lines.reshape(num, 3, -1), self._flat, axis=2, out=out[part])
        return out

    def _convolve(self, lines: np.ndarray, slab: slice) -> None:
        """Convolve in y and z, in place, [K, 3, slab, ny, nz]."""
        _, ny, nz = self._shape
        _, _, py, pz = self._spectrum.shape
        xx, yy, zz, xy, xz, yz = self._spectrum[:, slab]
        rows = ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))
        product = np.empty([3, *xx.shape], self.dtype)
        term = np.empty_like(xx)
        for line in lines[:, :, slab]:
            field = scipy.fft.fft(line, n=py, axis=2)
            field = scipy.fft.fft(field, n=pz, axis=3)
            for out, row in zip(product, rows, strict=True):
                np.multiply(row[0], field[0], out=out)
                out += np.multiply(row[1], field[1], out=term)
                out += np.multiply(row[2], field[2], out=term)
            field = scipy.fft.ifft(product, axis=3)[..., :nz]
            line[...] = scipy.fft.ifft(field, axis=2)[:, :, :ny]


def _num_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
