"""The backend in NumPy and SciPy: products by FFT, and as few right-hand sides as possible."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import scipy.fft
import tensorflow as tf

from sionna_isac.scattering._equations import Algebra, Antennas, Equations, Side, System
from sionna_isac.scattering._krylov import Solution, ToneHistory, solve
from sionna_isac.scattering.dipole import ElementFields, compress, dyad_field, numerical_rank
from sionna_isac.scattering.errors import NotConvergedError

__all__ = ["HostBackend", "HostSystem", "Root", "VolumeOperator"]

SLAB = 1 << 14  # points of the doubled grid worked on at a time: three components fit in a cache
BATCH_BYTES = 1 << 28


class Root:
    """Symmetric square root of the polarisability of the voxels, acting on vectors [K, 3, n].

    Parameters
    ----------
    values : [1 or 2, N], `np.complex128`
        Polarisability of all directions, or along and across the surface
    normals : `None` | [N, 3]
        Unit normals of the surface
    dtype : `type`
        Complex type of the vectors
    """

    def __init__(self, values: np.ndarray, normals: np.ndarray | None, dtype: type) -> None:
        real = np.dtype(dtype).type(0).real.dtype
        self._normals = None if normals is None else np.ascontiguousarray(normals.T, real)
        roots = np.sqrt(values)
        # Along the surface, and what is added across it
        self._along: np.ndarray = roots[0].astype(dtype)
        self._added: np.ndarray = (roots[-1] - roots[0]).astype(dtype)

    def __call__(self, vectors: np.ndarray, part: slice = slice(None)) -> np.ndarray:
        """Root times vectors of a part of the voxels."""
        out = self._along[part] * vectors
        if self._normals is not None:
            normals = self._normals[:, part]
            across = self._added[part] * np.einsum("cn,kcn->kn", normals, vectors)
            out += across[:, np.newaxis] * normals
        return out


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
    root : ``Root``
        Root of the polarisability of the voxels
    """

    def __init__(
        self,
        spectrum: np.ndarray,
        index: np.ndarray,
        shape: Sequence[int],
        root: Root,
    ) -> None:
        self.dtype = spectrum.dtype
        self.root = root
        self._spectrum = spectrum
        self._shape = tuple(shape)
        self._flat = np.ravel_multi_index(tuple(index.T), self._shape)
        self._workers = _num_cpus()
        self._pool = ThreadPoolExecutor(self._workers)
        self.num_products = 0

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Operator times y, [K, 3, N] to [K, 3, N]."""
        return y - self.root(self.radiate(self.root(y)))

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


class Solved(NamedTuple):
    """Response of a sample at a tone, from scaled polarisations mixing @ solutions."""

    h: np.ndarray
    """[R, T]"""
    mixing: np.ndarray
    """[A, K], for antennas with unit vectors"""
    solutions: np.ndarray
    """[K, 3, N]"""
    iterations: np.ndarray
    """[K], products with the operator"""
    residual: float
    """Relative to the fields of the antennas, RMS over them"""


class HostSystem(System):
    """The equations of one sample at one tone.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    n : `int`
        Tone
    values : [1 or 2, N], `np.complex128`
        Polarisability
    antennas : ``Antennas``
        Antennas of the sample
    """

    algebra = Algebra(
        np.asarray,
        lambda x: float(np.linalg.norm(x)) or 1.0,
        np.conj,
        np.sum,
        np.tensordot,
        np.stack,
    )

    def __init__(
        self, equations: Equations, n: int, values: np.ndarray, antennas: Antennas
    ) -> None:
        voxels = equations.voxels
        self.equations, self._n, self._values, self._antennas = equations, n, values, antennas
        self.normals = None if voxels.normals is None else voxels.normals.T
        root = Root(values, voxels.normals, equations.dtype)
        self.operator = VolumeOperator(equations.spectrum(n), voxels.cells, voxels.shape, root)
        self._wave = equations.wavenumbers[n], equations.dtype, equations.cells[n]
        self.tx, self.rx = (
            ElementFields(voxels.positions, points, vectors, *self._wave, root)
            for points, vectors in (antennas[:2], antennas[2:])
        )

    @property
    def scale(self) -> np.ndarray:
        """[R, T], from products of normalised fields to volts per metre."""
        return self.equations.scale * np.outer(self.rx.weight, self.tx.weight)

    def receivers_are_fewer(self) -> bool:
        """`True` if the fields of the receivers have fewer dimensions at the tolerance."""
        tx, rx = (numerical_rank(side, self.equations.tolerance) for side in (self.tx, self.rx))
        return rx < tx

    def solve(self, swap: bool, history: ToneHistory) -> Solved:
        """Solve for all antennas of one side at once, from what is known of earlier tones."""
        fields, others = (self.rx, self.tx) if swap else (self.tx, self.rx)
        tolerance, wavenumber = self.equations.tolerance, self._wave[0]
        rows, mixing = compress(fields, tolerance)
        # Equal absolute residuals of the rows make an RMS of `tolerance` over the antennas
        active = fields.num_active
        targets = np.full(len(rows), tolerance * math.sqrt(active / len(rows)))
        found = self._solve(rows, targets, history.guess(wavenumber, mixing))
        history.add(wavenumber, mixing, found.x)
        residual = math.sqrt(float(np.sum(found.residuals**2)) / active)
        answer = others.products(found.x) @ mixing.T
        h = self.scale * (answer.T if swap else answer)
        mixing = mixing * fields.scale[:, np.newaxis]
        return Solved(h, mixing, found.x, found.iterations, residual)

    def sides(self, swap: bool) -> list[Side]:
        """Antennas with solutions, and the others."""
        antennas = self._antennas.swapped() if swap else self._antennas
        sides = []
        for points, vectors in (antennas[:2], antennas[2:]):
            length = np.linalg.norm(vectors, axis=1)
            units = vectors / np.where(length > 0, length, 1)[:, np.newaxis]
            wavenumber, _, cell = self._wave
            places = self.equations.voxels.positions
            fields = dyad_field(places, points, units, wavenumber, cell=cell)
            sides.append(Side(fields, length))
        return sides

    def scattered(self, fields: np.ndarray) -> np.ndarray:
        root, dtype, tolerance = self.operator.root, self._wave[1], self.equations.tolerance
        weighted = root(fields.astype(dtype))
        flat = weighted.reshape(len(fields), -1).astype(np.complex128)
        squares, vectors = np.linalg.eigh(flat @ flat.conj().T)
        tails = np.cumsum(squares.clip(0))
        keep = tails > (tolerance / 2) ** 2 * tails[-1]
        if not np.any(keep):
            return np.zeros(fields.shape)
        mixing = vectors[:, keep]
        rows: np.ndarray = (mixing.conj().T @ flat).reshape(-1, *fields.shape[1:]).astype(dtype)
        targets = np.full(len(rows), tolerance * math.sqrt(tails[-1] / len(rows)))
        try:
            found = self._solve(rows, targets)
        except NotConvergedError as error:
            raise NotConvergedError(f"gradient: {error}") from None
        return np.tensordot(mixing, self.operator.radiate(root(found.x)), 1)

    def excited(self, state: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        mixing, solutions = state
        field = self.operator.radiate(self.operator.root(solutions))
        return np.tensordot(mixing, field, 1)

    def _solve(
        self, rows: np.ndarray, targets: np.ndarray, guess: np.ndarray | None = None
    ) -> Solution:
        try:
            return solve(self.operator.apply, rows, targets, self.equations.max_iterations, guess)
        except NotConvergedError as error:
            advice = self.equations.advice(self._n, self._values, error)
            raise NotConvergedError(f"{error}; {advice}") from None


class State(NamedTuple):
    """Solutions of all samples and tones, one after the other."""

    swap: np.ndarray
    """[B], `True` where solved for the receivers"""
    ranks: np.ndarray
    """[B, F]"""
    mixing: np.ndarray
    """[sum of ranks, largest number of antennas]"""
    solutions: np.ndarray
    """[sum of ranks, 3, N]"""


class HostBackend:
    """Backend in NumPy and SciPy, called from eager code or from a graph.

    ``values`` [B, F, 1 or 2, N] is the polarisability.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    """

    def __init__(self, equations: Equations) -> None:
        self._equations = equations

    def tones(
        self, values: Callable[[int], np.ndarray], antennas: Antennas
    ) -> Iterator[tuple[int, bool, Solved]]:
        """Tones of one sample in rising order, the side with solutions, and the solutions."""
        history: ToneHistory | None = None
        for n in np.argsort(self._equations.frequencies):
            system = HostSystem(self._equations, n, values(n), antennas)
            if history is None:  # the side must not change from tone to tone
                swap = system.receivers_are_fewer()
                history = ToneHistory(self._equations.voxels.positions, antennas[2 * swap])
            yield n, swap, system.solve(swap, history)

    def forward(self, values: tf.Tensor, antennas: Antennas) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """h [B, F, R, T] and the state for the adjoint."""

        def forward(values: np.ndarray, *antennas: np.ndarray) -> list[np.ndarray]:
            h, state = self._forward(values, Antennas(*antennas))
            return [h, *state]

        dtype = tf.as_dtype(self._equations.dtype)
        types = [dtype, tf.bool, tf.int32, tf.complex128, dtype]
        h, *state = _on_host(forward, [values, *antennas], types)
        num_tx, num_rx = (antennas[n].shape[1] for n in (0, 2))
        h.set_shape([*values.shape[:2], num_rx, num_tx])
        return h, state

    def backward(
        self, values: tf.Tensor, antennas: Antennas, state: list[tf.Tensor], upstream: tf.Tensor
    ) -> tf.Tensor:
        """Gradient with respect to ``values``, by one more solution."""

        def backward(values: np.ndarray, upstream: np.ndarray, *rest: np.ndarray) -> list:
            return [self._backward(values, Antennas(*rest[:4]), State(*rest[4:]), upstream)]

        inputs = [values, upstream, *antennas, *state]
        (gradient,) = _on_host(backward, inputs, [tf.complex128])
        gradient.set_shape(values.shape)
        return gradient

    def _forward(self, values: np.ndarray, antennas: Antennas) -> tuple[np.ndarray, State]:
        number, tones = values.shape[:2]
        num_tx, num_rx = antennas.tx_positions.shape[1], antennas.rx_positions.shape[1]
        h: np.ndarray = np.empty([number, tones, num_rx, num_tx], self._equations.dtype)
        swaps = np.zeros(number, bool)
        parts: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        for b in range(number):
            sample = Antennas(*(v[b] for v in antennas))
            for n, swap, solved in self.tones(values[b].__getitem__, sample):
                h[b, n], swaps[b] = solved.h, swap
                mixing = np.zeros([len(solved.solutions), max(num_tx, num_rx)], np.complex128)
                mixing[:, : len(solved.mixing)] = solved.mixing.T
                parts[b, n] = mixing, solved.solutions
        pairs = list(np.ndindex(number, tones))
        ranks = np.array([len(parts[pair][0]) for pair in pairs], np.int32)
        none: np.ndarray = np.zeros([0, max(num_tx, num_rx)], np.complex128)
        unsolved: np.ndarray = np.zeros([0, 3, values.shape[-1]], h.dtype)  # of an empty batch
        mixing, solutions = (
            np.concatenate([first, *(parts[pair][n] for pair in pairs)])
            for n, first in enumerate((none, unsolved))
        )
        return h, State(swaps, ranks.reshape(number, tones), mixing, solutions)

    def _backward(
        self, values: np.ndarray, antennas: Antennas, state: State, upstream: np.ndarray
    ) -> np.ndarray:
        gradient = np.empty_like(values)
        ends = np.cumsum(state.ranks).reshape(state.ranks.shape)
        for b, n in np.ndindex(state.ranks.shape):
            sample = Antennas(*(v[b] for v in antennas))
            system = HostSystem(self._equations, n, values[b, n], sample)
            side, others = system.sides(bool(state.swap[b]))
            weight = (upstream[b, n] if state.swap[b] else upstream[b, n].T).astype(np.complex128)
            rows = slice(ends[b, n] - state.ranks[b, n], ends[b, n])
            kept = state.mixing[rows, : len(weight)].T, state.solutions[rows]
            gradient[b, n] = system.gradient(side, others, weight, kept)
        return gradient


def _num_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _on_host(function: Callable, inputs: list, types: list) -> list[tf.Tensor]:
    """Outputs of a NumPy function; called eagerly, its errors come through as they are."""
    if tf.executing_eagerly():
        return [tf.constant(v) for v in function(*(v.numpy() for v in inputs))]
    return list(tf.numpy_function(function, inputs, types))
