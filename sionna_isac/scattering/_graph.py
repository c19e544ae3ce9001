"""The backend in TensorFlow: static shapes, one sample and tone at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.scattering._equations import Algebra, Antennas, Equations, Side, System
from sionna_isac.scattering._krylov import solve_in_graph
from sionna_isac.scattering.errors import NotConvergedError
from sionna_isac.scattering.green import padded_shape
from sionna_isac.scattering.material import metal_advice

__all__ = ["GraphBackend", "accept", "born_response"]


class _Compressed(NamedTuple):
    """Right-hand sides that span fields, which are scale * mixing @ rows."""

    rows: tf.Tensor
    """[K, 3, N]"""
    mixing: tf.Tensor
    """[A, K], orthonormal columns"""
    tail: tf.Tensor
    """Energy that was cut off, of A in total"""


class GraphBackend:
    """Backend in the graph; ``values`` [B, F, 1 or 2, N] is the polarisability.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    max_rank : `None` | `int`
        Number of right-hand sides that are kept; `None` for one each antenna
    """

    def __init__(self, equations: Equations, max_rank: int | None) -> None:
        self.equations = equations
        self.max_rank = max_rank
        self.dtype = tf.as_dtype(equations.dtype)
        self.convolve = GridConvolution(equations.voxels.cells, equations.voxels.shape)
        self._graph_forward = tf.function(self._forward, autograph=False)
        self._graph_backward = tf.function(self._backward, autograph=False)
        larger = "a larger one or " if equations.tolerance < 0.1 else ""
        rank = "" if max_rank is None else f" or max_rank above {max_rank}"
        double = " or precision='double'" if equations.dtype == np.complex64 else ""
        hint = metal_advice(equations.voxels.voxel_size, float(equations.frequencies.max()))
        metal = "" if equations.effective_metal else f" or, for metal, {hint}"
        self._advice = (
            f"the equations were not solved to the tolerance {equations.tolerance:g}; try "
            f"{larger}max_iterations above {equations.max_iterations}"
            f"{rank}{double}{metal}"
        )

    @cached_property
    def spectra(self) -> tf.Tensor:
        """[F, 6, px, py, pz]"""
        # An eager tensor is an input of the graphs that use it, not a constant in each of them
        with tf.init_scope():
            number = len(self.equations.frequencies)
            return tf.constant(np.stack([self.equations.spectrum(n) for n in range(number)]))

    def forward(self, values: tf.Tensor, antennas: Antennas) -> tuple[tf.Tensor, tf.Tensor]:
        """h [B, F, R, T] and the state for the adjoint."""
        _ = self.spectra  # outside of any graph
        h, good, state = self._graph_forward(values, antennas)
        return accept(h, good, self._advice), state

    def backward(
        self, values: tf.Tensor, antennas: Antennas, state: tf.Tensor, upstream: tf.Tensor
    ) -> tf.Tensor:
        """Gradient with respect to ``values``."""
        gradient, good = self._graph_backward(values, antennas, state, upstream)
        return accept(gradient, good, f"gradient: {self._advice}")

    def _forward(self, values: tf.Tensor, antennas: Antennas) -> tuple:
        """h [B, F, R, T], the mask [B, F] of convergence, and the scaled polarisations."""
        swap, sides = _fewer(antennas)

        def one(index: tf.Tensor) -> tuple:
            system = GraphSystem(self, values, sides, index)
            h, y = system.solve()
            return _not_nan(h, system.good), system.good, tf.cast(y, self.dtype)

        result = self._map(one, sides, [tf.complex128, tf.bool, self.dtype])
        h = tf.cast(result[0], self.dtype)
        return tf.linalg.matrix_transpose(h) if swap else h, result[1], result[2]

    def _backward(
        self, values: tf.Tensor, antennas: Antennas, state: tf.Tensor, upstream: tf.Tensor
    ) -> tuple:
        """Gradient with respect to ``values``, and the mask [B, F] of convergence."""
        swap, sides = _fewer(antennas)
        upstream = tf.cast(upstream, tf.complex128)
        weights = upstream if swap else tf.linalg.matrix_transpose(upstream)  # [B, F, A, others]

        def one(index: tf.Tensor) -> tuple:
            system = GraphSystem(self, values, sides, index)
            weight, kept = (tf.gather_nd(v, index) for v in (weights, state))
            side, others = system.sides
            gradient = system.gradient(side, others, weight, kept)
            return _not_nan(gradient, system.good), system.good

        return tuple(self._map(one, sides, [tf.complex128, tf.bool]))

    def _map(self, one: Callable, sides: Antennas, types: list) -> list[tf.Tensor]:
        """Results of ``one`` for all samples and tones, one after the other, [B, F, ...]."""
        tones = len(self.equations.frequencies)
        batch = sides.tx_positions.shape[0]
        if batch is None:
            batch = tf.shape(sides.tx_positions)[0]
        results = tf.map_fn(
            lambda i: one(tf.stack([i // tones, i % tones])),
            tf.range(batch * tones),
            fn_output_signature=tuple(types),
            parallel_iterations=1,
        )
        return [tf.reshape(r, [batch, tones, *r.shape[1:]]) for r in results]


class GraphSystem(System):
    """The equations of one sample at one tone; ``good`` tells if all was solved so far."""

    algebra = Algebra(
        linalg.to_complex,
        lambda x: _nonzero(tf.norm(linalg.real_rows(x))),
        tf.math.conj,
        tf.reduce_sum,
        tf.tensordot,
        tf.stack,
    )

    def __init__(
        self, backend: GraphBackend, values: tf.Tensor, sides: Antennas, index: tf.Tensor
    ) -> None:
        self.equations = backend.equations
        sample, tone = index[0], index[1]
        normals = self.equations.voxels.normals
        self.normals = None if normals is None else linalg.to_complex(tf.constant(normals.T))
        self._dtype, self._max_rank = backend.dtype, backend.max_rank
        self._root = GraphRoot(tf.gather_nd(values, index), self.normals, self._dtype)
        self._spectrum, self._convolve = backend.spectra[tone], backend.convolve
        antennas = Antennas(*(v[sample] for v in sides))
        self.sides = [_normalised(f) for f in _fields(self.equations, antennas, tone)]
        self.good = tf.constant(True)

    def solve(self) -> tuple[tf.Tensor, tf.Tensor]:
        """h [others, A], and scaled polarisations [A, 3, N] under the first of the two sides."""
        side, others = self.sides
        rows = self._weighted(side.fields)
        norms = _nonzero(tf.norm(linalg.real_rows(rows), axis=[1, 2]))
        y, mixing = self._solve(rows / _column(norms))
        y = tf.tensordot(linalg.to_complex(norms)[:, tf.newaxis] * mixing, y, 1)
        h = _flat(self._weighted(others.fields)) @ tf.transpose(_flat(y))
        weight = others.weight[:, tf.newaxis] * side.weight
        h *= linalg.to_complex(self.equations.scale * weight)
        self.good &= tf.reduce_all(tf.math.is_finite(linalg.real_rows(h)))  # others, too
        return h, y

    def scattered(self, fields: tf.Tensor) -> tf.Tensor:
        rows = self._weighted(fields)
        size = _nonzero(tf.norm(linalg.real_rows(rows)) / rows.shape[0] ** 0.5)
        y, mixing = self._solve(rows / linalg.to_complex(size))
        return self.excited(linalg.to_complex(size) * tf.tensordot(mixing, y, 1))

    def excited(self, state: tf.Tensor) -> tf.Tensor:
        y = tf.cast(state, self._dtype)
        return tf.cast(self._convolve(self._spectrum, self._root(y)), tf.complex128)

    def _weighted(self, fields: tf.Tensor) -> tf.Tensor:
        """Root of the polarisability times fields [A, 3, N], as exact as the vectors are."""
        return tf.cast(self._root(tf.cast(fields, self._dtype)), tf.complex128)

    def _solve(self, fields: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Scaled polarisations [K, 3, N] and mixing [A, K] for fields [A, 3, N] whose norms are
        1 in the mean; ``good`` if mixing times polarisations is within the tolerance."""
        right = self._compress(fields)
        rank, _, number = right.rows.shape

        def apply(y: tf.Tensor) -> tf.Tensor:
            y = tf.reshape(y, [rank, 3, number])
            field = self._convolve(self._spectrum, self._root(y))
            return _flat(y - self._root(field))

        tolerance = self.equations.tolerance
        target = tolerance * (fields.shape[0] / rank) ** 0.5
        targets = tf.fill([rank], tf.constant(target, self._dtype.real_dtype))
        found = solve_in_graph(apply, _flat(right.rows), targets, self.equations.max_iterations)
        kept = right.tail <= tolerance**2 * fields.shape[0]
        self.good &= tf.reduce_all(found.residuals <= targets) & kept
        y = tf.cast(tf.reshape(found.x, [rank, 3, number]), tf.complex128)
        return y, right.mixing

    def _compress(self, fields: tf.Tensor) -> _Compressed:
        """Unitary mixtures of fields [A, 3, N] in falling order, cut at the largest rank."""
        wide = _flat(fields)
        finite = tf.reduce_all(tf.math.is_finite(linalg.real_rows(wide)))
        wide = tf.where(finite, wide, tf.zeros_like(wide))  # eigh need not return for NaN
        squares, vectors = tf.linalg.eigh(wide @ tf.linalg.adjoint(wide))
        rank = min(self._max_rank or fields.shape[0], fields.shape[0])
        mixing = vectors[:, ::-1][:, :rank]
        tail = tf.reduce_sum(tf.math.real(squares)[: fields.shape[0] - rank])
        tail = tf.where(finite, tail, tf.constant(np.inf, tail.dtype))
        rows = tf.cast(tf.linalg.adjoint(mixing) @ wide, self._dtype)
        return _Compressed(tf.reshape(rows, [rank, *fields.shape[1:]]), mixing, tail)


def born_response(equations: Equations, values: tf.Tensor, antennas: Antennas) -> tf.Tensor:
    """h [B, F, R, T] without scattering from voxel to voxel; plain operations, so that it can be
    differentiated in any argument, forward and backward."""
    tones = []
    for n in range(len(equations.frequencies)):
        tx, rx = _fields(equations, antennas, n)
        # along the surface and across it, or the same in all directions
        weighted = values[:, n, 0, tf.newaxis, tf.newaxis] * tx
        if equations.voxels.normals is not None:
            normals = linalg.to_complex(tf.constant(equations.voxels.normals.T))
            across = tf.reduce_sum(normals * tx, -2) * (values[:, n, 1] - values[:, n, 0])[:, None]
            weighted += across[..., tf.newaxis, :] * normals
        tones.append(linalg.matmul(_flat(rx), tf.linalg.matrix_transpose(_flat(weighted))))
    return equations.scale * tf.stack(tones, axis=1)


def _fields(equations: Equations, antennas: Antennas, tone) -> tuple[tf.Tensor, tf.Tensor]:
    """Fields k^2 G p of both sides, [..., A, 3, N]."""
    points = tf.constant(equations.voxels.positions)
    wavenumber = tf.constant(equations.wavenumbers)[tone]
    cell = tf.constant(equations.cells)[tone] if np.any(equations.cells) else None
    sides = antennas[:2], antennas[2:]
    size = equations.voxels.voxel_size
    tx, rx = (dyad_field(points, *side, wavenumber, size, cell) for side in sides)
    return tx, rx


def _normalised(fields: tf.Tensor) -> Side:
    """Fields [A, 3, N] scaled to norm 1: single precision could not hold others."""
    norms = _nonzero(tf.norm(linalg.real_rows(fields), axis=[1, 2]))
    return Side(fields / _column(norms), norms)


def _nonzero(norms: tf.Tensor) -> tf.Tensor:
    return tf.where(norms == 0, tf.ones_like(norms), norms)


def _column(norms: tf.Tensor) -> tf.Tensor:
    return linalg.to_complex(norms)[:, tf.newaxis, tf.newaxis]


def _flat(vectors: tf.Tensor) -> tf.Tensor:
    shape = vectors.shape
    lead = tf.shape(vectors)[:-2] if None in shape[:-2] else shape[:-2]
    return tf.reshape(vectors, tf.concat([lead, [shape[-2] * shape[-1]]], 0))


def _not_nan(value: tf.Tensor, good: tf.Tensor) -> tf.Tensor:
    """The value, or NaN where it is not good."""
    nan = tf.constant(np.nan, value.dtype.real_dtype)
    return tf.where(good, value, tf.complex(nan, nan))


def _fewer(antennas: Antennas) -> tuple[bool, Antennas]:
    """`True` if receivers are fewer, and the antennas with the fewer ones first."""
    swap = antennas.rx_positions.shape[1] < antennas.tx_positions.shape[1]
    return swap, antennas.swapped() if swap else antennas


def accept(value: tf.Tensor, good: tf.Tensor, message: str) -> tf.Tensor:
    """The value if all is good, otherwise an error; XLA has no errors and gives the value."""
    good = tf.reduce_all(good)
    if tf.executing_eagerly():
        if not bool(good):
            raise NotConvergedError(message)
        return value
    with tf.control_dependencies([tf.debugging.Assert(good, [message])]):
        return tf.identity(value)


def dyad_field(
    points: tf.Tensor,
    sources: tf.Tensor,
    vectors: tf.Tensor,
    wavenumber: tf.Tensor,
    voxel_size: float,
    cell: tf.Tensor | None = None,
) -> tf.Tensor:
    """k^2 G(r_n, r_t) v_t, [..., T, 3, N], of points [N, 3], sources and vectors v [..., T, 3].

    In double precision; with ``cell``, the mean over cubes of that side around the points. NaN
    for sources inside voxels.
    """
    ray = tf.transpose(points) - sources[..., tf.newaxis]  # [..., T, 3, N]
    inside = tf.reduce_all(tf.abs(ray) <= voxel_size / 2, axis=-2)
    distance = tf.where(inside, tf.constant(np.nan, ray.dtype), tf.norm(ray, axis=-2))
    ray /= distance[..., tf.newaxis, :]
    phase = wavenumber * distance
    amplitude = 1 / (4 * math.pi * distance)
    if cell is not None:
        half = wavenumber * (cell / 2) * ray
        small = tf.abs(half) < 1e-8
        safe = tf.where(small, tf.ones_like(half), half)
        sinc = tf.where(small, tf.ones_like(half), tf.sin(safe) / safe)
        amplitude *= tf.reduce_prod(sinc, axis=-2)
    green = linalg.to_complex(amplitude) * linalg.expj(-phase)
    static = tf.complex(tf.ones_like(phase), phase) / linalg.to_complex(distance**2)
    square = linalg.to_complex(wavenumber**2)
    ray = linalg.to_complex(ray)
    vectors = vectors[..., tf.newaxis]
    along = green * (3 * static - square) * tf.reduce_sum(ray * vectors, -2)
    across = green * (square - static)
    return along[..., tf.newaxis, :] * ray + across[..., tf.newaxis, :] * vectors


class GraphRoot:
    """Square root of the polarisability of the voxels, acting on vectors [K, 3, N].

    Parameters
    ----------
    values : [1 or 2, N], `tf.complex128`
        Polarisability of all directions, or along and across the surface
    normals : `None` | [3, N], `tf.complex128`
        Normals of the surface
    dtype : `tf.DType`
        Complex type of the vectors
    """

    def __init__(self, values: tf.Tensor, normals: tf.Tensor | None, dtype: tf.DType) -> None:
        roots = tf.sqrt(values)
        self._along = tf.cast(roots[0], dtype)
        self._added = tf.cast(roots[-1] - roots[0], dtype)
        self._normals = None if normals is None else tf.cast(normals, dtype)

    def __call__(self, vectors: tf.Tensor) -> tf.Tensor:
        out = self._along * vectors
        if self._normals is not None:
            across = self._added * tf.reduce_sum(self._normals * vectors, 1)
            out += across[:, tf.newaxis] * self._normals
        return out


class GridConvolution:
    """Field of all other voxels at each voxel, [K, 3, N] to [K, 3, N], by FFT on the doubled box.

    Parameters
    ----------
    cells : [N, 3], `int`
        Cells of the voxels
    shape : (nx, ny, nz)
        Size of the grid
    """

    def __init__(self, cells: np.ndarray, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.padded = padded_shape(shape)
        # cells without a voxel take the 0 that is appended to the voxels
        place = np.full(self.shape, len(cells), np.int32)
        place[tuple(cells.T)] = np.arange(len(cells))
        self._place = place.ravel()
        self._back = np.ravel_multi_index(tuple(cells.T), self.padded).astype(np.int32)

    def __call__(self, spectrum: tf.Tensor, moments: tf.Tensor) -> tf.Tensor:
        box = tf.gather(tf.pad(moments, [[0, 0], [0, 0], [0, 1]]), self._place, axis=2)
        box = tf.reshape(box, [-1, 3, *self.shape])
        ends = [[0, p - n] for p, n in zip(self.padded, self.shape, strict=True)]
        x, y, z = tf.unstack(tf.signal.fft3d(tf.pad(box, [[0, 0], [0, 0], *ends])), axis=1)
        xx, yy, zz, xy, xz, yz = tf.unstack(spectrum)
        product = tf.stack(
            [xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z], axis=1
        )
        field = tf.reshape(tf.signal.ifft3d(product), [-1, 3, math.prod(self.padded)])
        return tf.gather(field, self._back, axis=2)
