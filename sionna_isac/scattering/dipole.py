"""Electric dipoles in free space: their fields, and those of antennas on the voxels of a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from scipy.constants import c, epsilon_0

from sionna_isac.core import checks, cites

__all__ = [
    "ElementFields",
    "compress",
    "dipole_field",
    "dyad_field",
    "numerical_rank",
    "point_list",
    "vector_list",
]

BLOCK = 1 << 17  # pairs of points that are worked on at a time
BLOCK_BYTES = 1 << 28
SAMPLE = 2048  # voxels that tell the side of lower rank
GRAM_LIMIT = 1e-6  # squares of what is smaller drown in the rounding of the Gram matrix


@cites("Zhao26")
def dipole_field(
    positions: Any, source_positions: Any, moments: Any, frequency: float
) -> np.ndarray:
    r"""Electric field of electric dipoles.

    .. math::
        \mathbf{E} = \frac{e^{-jkR}}{4\pi\varepsilon_0} \left[\frac{k^2}{R}
        (\mathbf{I} - \hat{\mathbf{R}}\hat{\mathbf{R}}^T) + \left(\frac{1}{R^3} +
        \frac{jk}{R^2}\right)(3\hat{\mathbf{R}}\hat{\mathbf{R}}^T - \mathbf{I})\right] \mathbf{p}

    This is Eq. (4) of [Zhao26]_ with the sign of :math:`jk/R^2` that follows from its Eqs. (8) and
    (9) for the time factor :math:`e^{+j\omega t}`; Eq. (4) is printed with the other sign.

    Parameters
    ----------
    positions : [N, 3], array_like
        Points at which the field is wanted [m]
    source_positions : [T, 3], array_like
        Positions of the dipoles [m]
    moments : [T, 3], array_like
        Dipole moments :math:`\mathbf{p}` [C m], complex
    frequency : `float`
        Frequency [Hz]

    Output
    ------
    : [T, N, 3], `np.complex128`
        Field of each dipole at each point [V/m]

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value, or a point lies on a dipole
    """
    points = point_list("positions", positions)
    sources = point_list("source_positions", source_positions)
    moments = vector_list("moments", moments, len(sources))
    frequency = checks.frequency("frequency", frequency)
    wavenumber = 2 * math.pi * frequency / c
    field = dyad_field(points, sources, moments, wavenumber)
    return field.swapaxes(1, 2) / epsilon_0


def dyad_field(
    points: np.ndarray,
    sources: np.ndarray,
    vectors: np.ndarray,
    wavenumber: float,
    dtype: type = np.complex128,
    cell: float = 0.0,
) -> np.ndarray:
    """k^2 G(r_n, r_t) v_t, [T, 3, N], of points [N, 3], sources [T, 3] and vectors v [T, 3].

    With ``cell``, the mean over cubes of that side around the points, for sources far from them.
    Phases are taken in double precision whatever ``dtype`` is: kR reaches thousands of radians.
    """
    field: np.ndarray = np.empty([len(sources), 3, len(points)], dtype)
    real = np.dtype(dtype).type(0).real.dtype
    step = max(1, BLOCK // len(sources))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        ray = points[part].T - sources[:, :, np.newaxis]  # [T, 3, n]
        distance = np.linalg.norm(ray, axis=1)
        if not np.all(distance > 0):
            raise ValueError("positions must differ from source_positions; got a distance of 0 m")
        ray /= distance[:, np.newaxis]
        phase = wavenumber * distance
        green = np.exp(-1j * phase) / (4 * np.pi * distance)
        if cell:
            green *= np.prod(np.sinc(wavenumber * cell / (2 * np.pi) * ray), axis=1)
        static = (1 + 1j * phase) / distance**2
        across = (green * (wavenumber**2 - static)).astype(dtype)
        along = (green * (3 * static - wavenumber**2)).astype(dtype)
        ray = ray.astype(real)
        along *= np.einsum("tcn,tc->tn", ray, vectors.astype(dtype))
        np.multiply(ray, along[:, np.newaxis], out=field[:, :, part])
        field[:, :, part] += across[:, np.newaxis] * vectors.astype(dtype)[:, :, np.newaxis]
    return field


def point_list(name: str, value: Any) -> np.ndarray:
    """``value`` as a finite float64 array [N, 3] with N >= 1."""
    points = checks.finite(name, checks.floats(name, value))
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"{name} must have shape [N, 3], N >= 1; got shape {list(points.shape)}")
    return points


def vector_list(name: str, value: Any, size: int) -> np.ndarray:
    """``value`` as a finite complex128 array [size, 3]."""
    vectors = checks.complexes(name, value)
    if vectors.shape != (size, 3):
        raise ValueError(f"{name} must have shape [{size}, 3]; got shape {list(vectors.shape)}")
    return vectors


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
    dtype : `type`
        Complex type
    cell : `float`
        Side of the cells that fields are averaged over [m], 0 for none
    root : `callable`
        Root of the polarisability times vectors [T, 3, n] of a part of the voxels
    """

    def __init__(
        self,
        voxels: np.ndarray,
        antennas: np.ndarray,
        vectors: np.ndarray,
        wavenumber: float,
        dtype: type,
        cell: float,
        root: Callable[[np.ndarray, slice], np.ndarray],
    ) -> None:
        self._voxels = voxels
        self._antennas = antennas
        # Unit vectors: what is given may lie outside the range of single precision
        length = np.linalg.norm(vectors, axis=1)
        self._length = length
        self._units = vectors / np.where(length > 0, length, 1)[:, np.newaxis]
        self._arguments = (wavenumber, dtype, cell)
        self._root = root
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
        """[T], divisors of the normalised fields."""
        return self._length * self.scale

    def gram(self) -> np.ndarray:
        """[T, T], of the normalised fields, in double precision."""
        total = np.zeros([self.num_antennas] * 2, np.complex128)
        for _, rows in self.blocks():
            wide = _flat(rows).astype(np.complex128)
            total += wide @ wide.conj().T
        return total / np.outer(self.scale, self.scale)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of voxels, with their fields of unit vectors [T, 3, n]."""
        for start in range(0, len(self._voxels), self._step):
            part = slice(start, start + self._step)
            whole = self._step >= len(self._voxels)
            yield part, self._all if whole else self._rows(part)

    def products(self, vectors: np.ndarray) -> np.ndarray:
        """Unconjugated products of the normalised fields with vectors [K, 3, N]: [T, K]."""
        total = np.zeros([self.num_antennas, len(vectors)], np.complex128)
        for part, rows in self.blocks():
            total += _flat(rows) @ _flat(vectors[:, :, part]).T
        return total / self.scale[:, np.newaxis]

    def mix(self, matrix: np.ndarray) -> np.ndarray:
        """Matrix [K, T] times the normalised fields: [K, 3, N]."""
        matrix = (matrix / self.scale).astype(self._arguments[1])
        out: np.ndarray = np.empty([len(matrix), 3, len(self._voxels)], self._arguments[1])
        for part, rows in self.blocks():
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
        wavenumber, dtype, cell = self._arguments
        voxels = self._voxels[part]
        fields = dyad_field(voxels, self._antennas, self._units, wavenumber, dtype, cell)
        return self._root(fields, part)


def compress(fields: ElementFields, tolerance: float) -> Basis:
    """Smallest set of right-hand sides that gives all fields with relative RMS error ``tolerance``.

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
