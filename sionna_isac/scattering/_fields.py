"""Fields of the antennas on the voxels, compressed to what the tolerance can tell apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.linalg

from sionna_isac.scattering._polarizability import Polarizability
from sionna_isac.scattering.dipole import dyad_field

__all__ = ["Basis", "ElementFields", "compress", "numerical_rank"]

BLOCK_BYTES = 1 << 28
SAMPLE = 2048  # voxels that tell the side of lower rank
GRAM_LIMIT = 1e-6  # squares of what is smaller drown in the rounding of the Gram matrix


class Basis(NamedTuple):
    """Right-hand sides that span the fields of many antennas."""

    rows: np.ndarray
    """[K, 3, N]"""
    mixing: np.ndarray
    """[T, K], orthonormal columns; normalised fields = mixing @ rows, up to the tail"""


class ElementFields:
    """Weighted fields sqrt(a) k^2 G v_t of antennas, [T, 3, N], each scaled to norm 1.

    Computed a block of voxels at a time, so that memory does not grow with T times N; kept if there
    is a single block.

    Parameters
    ----------
    voxels : [N, 3], `float`
        Voxel centres [m]
    antennas : [T, 3], `float`
        Antenna positions [m]
    vectors : [T, 3], `complex`
        Moments or conjugate polarisations
    wavenumber : `float`
        Wavenumber [1/m]
    polarizability : ``Polarizability``
        Of the voxels
    dtype : `type`
        Complex type
    cell : `float`
        Side of the cells that fields are averaged over [m], 0 for none
    """

    def __init__(
        self,
        voxels: np.ndarray,
        antennas: np.ndarray,
        vectors: np.ndarray,
        wavenumber: float,
        polarizability: Polarizability,
        dtype: type,
        cell: float,
    ) -> None:
        self._voxels = voxels
        self._antennas = antennas
        # Unit vectors: what is given may lie outside the range of single precision
        length = np.linalg.norm(vectors, axis=1)
        self._length = length
        self._units = vectors / np.where(length > 0, length, 1)[:, np.newaxis]
        self._arguments = (wavenumber, dtype, cell)
        self._polarizability = polarizability
        bytes_each = 3 * len(antennas) * np.dtype(dtype).itemsize
        self._step = max(1, BLOCK_BYTES // bytes_each)

    @property
    def num_antennas(self) -> int:
        """T"""
        return len(self._antennas)

    @cached_property
    def scale(self) -> np.ndarray:
        """[T], norms of the fields of unit vectors; 1 for what is 0."""
        total = np.zeros(self.num_antennas)
        for _, rows in self.blocks():
            total += np.sum(np.abs(rows.reshape(len(rows), -1)) ** 2, axis=1, dtype=np.float64)
        return np.sqrt(np.where(total > 0, total, 1))

    @property
    def num_active(self) -> int:
        """Antennas whose fields are not 0"""
        return max(1, int(np.count_nonzero(self._length)))

    @property
    def weight(self) -> np.ndarray:
        """[T], what the normalised fields were divided by."""
        return self._length * self.scale

    def gram(self) -> np.ndarray:
        """[T, T], of the normalised fields, in double precision."""
        total = np.zeros([self.num_antennas] * 2, np.complex128)
        for _, rows in self.blocks():
            wide = _flat(rows).astype(np.complex128)
            total += wide @ wide.conj().T
        return total / np.outer(self.scale, self.scale)

    def blocks(self, step: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of voxels, with their fields of unit vectors [T, 3, n]."""
        step = min(step or self._step, self._step)
        for start in range(0, len(self._voxels), step):
            part = slice(start, start + step)
            whole = self._step >= len(self._voxels)
            yield part, self._all[:, :, part] if whole else self._rows(part)

    def products(self, vectors: np.ndarray) -> np.ndarray:
        """Unconjugated products of the normalised fields with vectors [K, 3, N]: [T, K]."""
        total = np.zeros([self.num_antennas, len(vectors)], np.complex128)
        for part, rows in self.blocks():
            total += _flat(rows) @ _flat(vectors[:, :, part]).T
        return total / self.scale[:, np.newaxis]

    def cross(self, other: ElementFields) -> np.ndarray:
        """Unconjugated products of the normalised fields with those of others: [T, T']."""
        total = np.zeros([self.num_antennas, other.num_antennas], np.complex128)
        step = min(self._step, other._step)
        for (_, rows), (_, others) in zip(self.blocks(step), other.blocks(step), strict=True):
            total += _flat(rows) @ _flat(others).T
        return total / np.outer(self.scale, other.scale)

    def mix(self, matrix: np.ndarray, weighted: bool = True) -> np.ndarray:
        """Matrix [K, T] times the normalised fields, or the same without sqrt(a): [K, 3, N]."""
        matrix = (matrix / self.scale).astype(self._arguments[1])
        out: np.ndarray = np.empty([len(matrix), 3, len(self._voxels)], self._arguments[1])
        for part, rows in self.blocks():
            rows = rows if weighted else self._plain(part)
            out[:, :, part] = (matrix @ _flat(rows)).reshape(len(matrix), 3, -1)
        return out

    def upper(self) -> np.ndarray:
        """R [., T] of a QR decomposition of the normalised fields [3N, T]."""
        upper = np.zeros([0, self.num_antennas])
        for _, rows in self.blocks():
            stacked = np.concatenate([upper, (_flat(rows) / self.scale[:, np.newaxis]).T])
            upper = scipy.linalg.qr(stacked, mode="r", overwrite_a=True)[0][: self.num_antennas]
        return upper

    def sample(self) -> np.ndarray:
        """[T, n], normalised fields at a few voxels all over the target."""
        rows = _flat(self._rows(slice(None, None, -(-len(self._voxels) // SAMPLE))))
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(norms > 0, norms, 1)

    @cached_property
    def _all(self) -> np.ndarray:
        return self._rows(slice(None))

    def _rows(self, part: slice) -> np.ndarray:
        return self._polarizability.root(self._plain(part), part)

    def _plain(self, part: slice) -> np.ndarray:
        wavenumber, dtype, cell = self._arguments
        return dyad_field(self._voxels[part], self._antennas, self._units, wavenumber, dtype, cell)


def compress(fields: ElementFields, tolerance: float) -> Basis:
    """Fewest right-hand sides from which all fields follow with relative RMS error ``tolerance``.

    Rows of the basis have the norms of the singular values: one that matters little may be solved
    less accurately, to the same absolute residual.
    """
    if tolerance >= GRAM_LIMIT:
        squares, vectors = np.linalg.eigh(fields.gram())
        squares, vectors = squares[::-1].clip(0), vectors[:, ::-1]
    else:
        _, values, rows = np.linalg.svd(fields.upper())
        squares, vectors = values**2, rows.T
        squares = np.pad(squares, [0, fields.num_antennas - len(squares)])
    num = _count(squares, tolerance)
    mixing = np.ascontiguousarray(vectors[:, :num])
    return Basis(fields.mix(mixing.conj().T), mixing)


def numerical_rank(fields: ElementFields, tolerance: float) -> int:
    """Number of right-hand sides to expect of :func:`compress`, from a sample of voxels."""
    rows = fields.sample()
    return _count(scipy.linalg.svdvals(rows) ** 2, tolerance)


def _count(squares: np.ndarray, tolerance: float) -> int:
    """Number of falling squares to keep for a relative RMS tail of ``tolerance``."""
    tails = np.append(np.cumsum(squares[::-1])[::-1], 0)
    allowed = tolerance**2 * tails[0]
    return max(1, int(np.argmax(tails <= allowed))) if math.isfinite(allowed) else len(squares)


def _flat(rows: np.ndarray) -> np.ndarray:
    return rows.reshape(len(rows), -1)
