"""Response and its adjoint in TensorFlow: static shapes, one sample and tone at a time."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.scattering._equations import Equations
from sionna_isac.scattering._graph_operator import FieldRoot, GridConvolution, dyad_field
from sionna_isac.scattering._krylov import solve_in_graph

__all__ = ["AntennaTensors", "GraphBackend", "born_response"]


class AntennaTensors(NamedTuple):
    """Transmit and receive antennas of a batch, in double precision."""

    tx_positions: tf.Tensor
    """[B, T, 3]"""
    tx_vectors: tf.Tensor
    """[B, T, 3], moments"""
    rx_positions: tf.Tensor
    """[B, R, 3]"""
    rx_vectors: tf.Tensor
    """[B, R, 3], conjugate polarisations"""

    def swapped(self) -> AntennaTensors:
        """Receivers as transmitters."""
        return AntennaTensors(*self[2:], *self[:2])


class _Compressed(NamedTuple):
    """Right-hand sides that span fields, which are scale * mixing @ rows."""

    rows: tf.Tensor
    """[K, 3, N]"""
    mixing: tf.Tensor
    """[A, K], orthonormal columns"""
    tail: tf.Tensor
    """Energy that was cut off, of A in total"""


class GraphBackend:
    """Solves in the graph.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    max_rank : `None` | `int`
        Number of right-hand sides that are kept; `None` for one each antenna
    """

    def __init__(self, equations: Equations, max_rank: int | None) -> None:
        self._equations = equations
        self._max_rank = max_rank
        self._dtype = tf.as_dtype(equations.dtype)
        self._convolve = GridConvolution(equations.grid.cells, equations.grid.shape)
        self.forward = tf.function(self._forward, autograph=False)
        self.backward = tf.function(self._backward, autograph=False)

    @cached_property
    def _spectra(self) -> tf.Tensor:
        # An eager tensor is an input of the graphs that use it, not a constant in each of them
        with tf.init_scope():
            number = len(self._equations.frequencies)
            return tf.constant(np.stack([self._equations.spectrum(n) for n in range(number)]))

    def prepare(self) -> None:
        """Compute the kernels, outside of any graph."""
        _ = self._spectra

    def _forward(self, values: tf.Tensor, antennas: AntennaTensors) -> tuple:
        """h [B, F, R, T], whether it converged [B, F], and the scaled polarisations."""
        swap = antennas.rx_positions.shape[1] < antennas.tx_positions.shape[1]
        sides = antennas.swapped() if swap else antennas
        dtype = self._dtype

        def one(index: tf.Tensor) -> tuple:
            system = _System(self, values, sides, index)
            (fields, length), (others, other_length) = system.fields
            rows = system.weighted(fields)
            norms = _nonzero(tf.norm(linalg.real_rows(rows), axis=[1, 2]))
            y, mixing, good = self._solve(system, rows / _column(norms))
            y = tf.tensordot(linalg.to_complex(norms)[:, tf.newaxis] * mixing, y, 1)
            h = _flat(system.weighted(others)) @ tf.transpose(_flat(y))
            h *= linalg.to_complex(self._equations.scale * other_length[:, tf.newaxis] * length)
            good &= tf.reduce_all(tf.math.is_finite(linalg.real_rows(h)))  # of the other side, too
            return _not_nan(h, good), good, tf.cast(y, dtype)

        result = self._map(one, sides, [tf.complex128, tf.bool, dtype])
        h = tf.cast(result[0], dtype)
        return tf.linalg.matrix_transpose(h) if swap else h, result[1], result[2]

    def _backward(
        self, values: tf.Tensor, antennas: AntennaTensors, state: tf.Tensor, upstream: tf.Tensor
    ) -> tuple:
        """Gradient with respect to ``values``, and whether it converged [B, F]."""
        swap = antennas.rx_positions.shape[1] < antennas.tx_positions.shape[1]
        sides = antennas.swapped() if swap else antennas
        upstream = tf.cast(upstream, tf.complex128)
        weights = upstream if swap else tf.linalg.matrix_transpose(upstream)  # [B, F, K, others]
        weights = tf.math.conj(weights)

        def one(index: tf.Tensor) -> tuple:
            system = _System(self, values, sides, index)
            (fields, length), (others, other_length) = system.fields
            weight = tf.gather_nd(weights, index)
            weight *= linalg.to_complex(length[:, tf.newaxis] * other_length)
            combined = tf.tensordot(weight, others, 1)
            norm = _nonzero(tf.norm(linalg.real_rows(combined)))
            combined /= linalg.to_complex(norm)
            rows = system.weighted(combined)
            size = _nonzero(tf.norm(linalg.real_rows(rows)) / rows.shape[0] ** 0.5)
            y, mixing, good = self._solve(system, rows / linalg.to_complex(size))
            y = linalg.to_complex(size) * tf.tensordot(mixing, y, 1)
            adjoint = combined + system.radiate(y)
            exciting = fields + system.radiate(tf.gather_nd(state, index))
            parts = [tf.reduce_sum(adjoint * exciting, [0, 1])]
            if system.normals is not None:
                normals = linalg.to_complex(system.normals)
                across = tf.reduce_sum(normals * adjoint, 1) * tf.reduce_sum(normals * exciting, 1)
                across = tf.reduce_sum(across, 0)
                parts = [parts[0] - across, across]
            gradient = linalg.to_complex(self._equations.scale * norm) * tf.stack(parts)
            return _not_nan(tf.math.conj(gradient), good), good

        return tuple(self._map(one, sides, [tf.complex128, tf.bool]))

    def _solve(self, system: _System, fields: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Scaled polarisations y [K, 3, N], mixing [A, K], and whether mixing @ y is within the
        tolerance; for fields [A, 3, N] whose norms are 1 in the mean."""
        right = self._compress(fields)
        rank, _, number = right.rows.shape

        def apply(y: tf.Tensor) -> tf.Tensor:
            y = tf.reshape(y, [rank, 3, number])
            field = self._convolve(system.spectrum, system.root(y))
            return _flat(y - system.root(field))

        target = self._equations.tolerance * (fields.shape[0] / rank) ** 0.5
        targets = tf.fill([rank], tf.constant(target, self._dtype.real_dtype))
        found = solve_in_graph(apply, _flat(right.rows), targets, self._equations.max_iterations)
        kept = right.tail <= self._equations.tolerance**2 * fields.shape[0]
        good = tf.reduce_all(found.residuals <= targets) & kept
        y = tf.cast(tf.reshape(found.x, [rank, 3, number]), tf.complex128)
        return y, right.mixing, good

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

    def _map(self, one, sides: AntennaTensors, types: list) -> list[tf.Tensor]:
        """Results of ``one`` for all samples and tones, one after the other, [B, F, ...]."""
        tones = len(self._equations.frequencies)
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


class _System:
    """The equations of one sample at one tone."""

    def __init__(
        self, backend: GraphBackend, values: tf.Tensor, sides: AntennaTensors, index: tf.Tensor
    ) -> None:
        equations = backend._equations
        sample, tone = index[0], index[1]
        self.normals = None if equations.normals is None else tf.constant(equations.normals.T)
        self.root = FieldRoot(tf.gather_nd(values, index), self.normals, backend._dtype)
        self.spectrum = backend._spectra[tone]
        self._convolve = backend._convolve
        self._dtype = backend._dtype
        antennas = AntennaTensors(*(v[sample] for v in sides))
        self.fields = [_normalised(f) for f in _fields(equations, antennas, tone)]

    def weighted(self, fields: tf.Tensor) -> tf.Tensor:
        """Root of the polarisability times fields [A, 3, N], as exact as the vectors are."""
        return tf.cast(self.root(tf.cast(fields, self._dtype)), tf.complex128)

    def radiate(self, y: tf.Tensor) -> tf.Tensor:
        """Field of all other voxels with scaled polarisations y [K, 3, N]."""
        y = tf.cast(y, self._dtype)
        return tf.cast(self._convolve(self.spectrum, self.root(y)), tf.complex128)


def born_response(equations: Equations, values: tf.Tensor, antennas: AntennaTensors) -> tf.Tensor:
    """h [B, F, R, T] without scattering from voxel to voxel; plain operations, so that it can be
    differentiated in any argument, forward and backward."""
    tones = []
    for n in range(len(equations.frequencies)):
        tx, rx = _fields(equations, antennas, n)
        # along the surface and across it, or the same in all directions
        weighted = values[:, n, 0, tf.newaxis, tf.newaxis] * tx
        if equations.normals is not None:
            normals = linalg.to_complex(tf.constant(equations.normals.T))
            across = tf.reduce_sum(normals * tx, -2) * (values[:, n, 1] - values[:, n, 0])[:, None]
            weighted += across[..., tf.newaxis, :] * normals
        tones.append(linalg.matmul(_flat(rx), tf.linalg.matrix_transpose(_flat(weighted))))
    return equations.scale * tf.stack(tones, axis=1)


def _fields(equations: Equations, antennas: AntennaTensors, tone) -> tuple[tf.Tensor, tf.Tensor]:
    """Fields k^2 G p of both sides, [..., A, 3, N]."""
    points = tf.constant(equations.grid.positions)
    wavenumber = tf.constant(equations.wavenumbers)[tone]
    cell = tf.constant(equations.cells)[tone] if np.any(equations.cells) else None
    sides = antennas[:2], antennas[2:]
    size = equations.grid.voxel_size
    tx, rx = (dyad_field(points, *side, wavenumber, size, cell) for side in sides)
    return tx, rx


def _normalised(fields: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Fields [A, 3, N] of norm 1 (single precision could not hold others), and norms [A]."""
    norms = _nonzero(tf.norm(linalg.real_rows(fields), axis=[1, 2]))
    return fields / _column(norms), norms


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
