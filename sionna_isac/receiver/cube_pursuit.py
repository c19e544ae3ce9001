"""Matching pursuit over angles, velocities and ranges, without the cube of all cells.

With the observation of each antenna on the grid of velocities and ranges, W = Phi_v^H Y Phi_d^*,
a column of the cube is Phi_a^H w, with the vector w over the antennas of one pair of velocity and
range. Neither the cube nor the residual observation is formed:

- An atom is the product of a steering vector and a response over velocities and ranges: it is
  subtracted from W, which is smaller than the cube by the ratio of angles and antennas.
- No entry of a column exceeds max |a| |w|, nor what the column held in an earlier iteration and
  the change of the atoms' gains can add. Columns are therefore searched in blocks, in the order
  of the smaller of both bounds, until no bound exceeds the largest entry so far.

Unused elements couple velocities and ranges: the response of an atom is that of its masked
product of Doppler and delay vector, and so are the inner products of atoms.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.receiver.pursuit import GainFit, Peak, Refined
from sionna_isac.waveform import DelayBasis, DopplerBasis

__all__ = ["CubePursuit", "masked_atoms"]

BLOCK = 128  # columns that are searched at a time


class CubePursuit:
    """Greedy search over one batch of observations, without gradients.

    Parameters
    ----------
    z : [batch_size, num_antennas, doppler_rank, rank], `tf.complex`
        Projected observation
    rows : [batch_size, num_rows, 2 * num_antennas], `tf.float`
        Steering vectors of the search, real and imaginary parts side by side
    inside : [batch_size, num_rows], `tf.bool`
        `True` for the rows that may be chosen
    delay : :class:`~sionna_isac.waveform.DelayBasis`
        Basis of the ranges of the search
    doppler : :class:`~sionna_isac.waveform.DopplerBasis`
        Basis of the velocities of the search
    elements : `None` | [num_symbols, num_subcarriers], `np.bool`
        Elements that are used; `None` is all active ones
    """

    def __init__(
        self,
        z: tf.Tensor,
        rows: tf.Tensor,
        inside: tf.Tensor,
        delay: DelayBasis,
        doppler: DopplerBasis,
        elements: np.ndarray | None,
    ) -> None:
        self._z = tf.stop_gradient(z)
        self._delay, self._doppler, self._elements = delay, doppler, elements
        rows = tf.stop_gradient(rows)
        re, im = tf.split(rows, 2, -1)
        # times [Re w, Im w]: the real parts of all rows, and then the imaginary ones
        self._rows = tf.concat([rows, tf.concat([-im, re], -1)], 1)
        self._inside = inside[..., tf.newaxis]
        energy = tf.where(inside, tf.reduce_sum(rows * rows, -1), tf.zeros([], rows.dtype))
        self._longest = tf.sqrt(tf.reduce_max(energy, -1, keepdims=True))
        cells = self._responses(self._z)
        self._observed = linalg.real_rows(tf.transpose(cells, [0, 2, 1]))  # [B, columns, 2 K]
        self._residual = self._observed
        self._bound = self._longest * tf.norm(self._observed, axis=-1)
        self._atoms: list[tuple[tf.Tensor, ...]] = []
        self._cells: list[tf.Tensor] = []
        self._reach: list[tf.Tensor] = []
        self._fit = GainFit()
        self.gains: list[tf.Tensor] = []

    def _responses(self, matrix: tf.Tensor) -> tf.Tensor:
        """Responses [..., num_velocities * num_ranges] of matrices [..., doppler_rank, rank]."""
        dtype = matrix.dtype
        right = linalg.real_block(tf.constant(self._delay.coefficients.conj(), dtype))
        re, im = tf.split(linalg.apply_on_right(linalg.real_rows(matrix), right), 2, -1)
        left = tf.constant(self._doppler.coefficients.conj().T, dtype)
        cells = linalg.matmul(left, tf.complex(re, im))
        return tf.reshape(cells, [*linalg.sizes(cells)[:-2], cells.shape[-2] * cells.shape[-1]])

    def _products(self, columns: tf.Tensor) -> tf.Tensor:
        """Squared magnitudes [batch_size, num_rows, n] of columns [batch_size, n, 2 K]."""
        re, im = tf.split(tf.matmul(self._rows, columns, transpose_b=True), 2, 1)
        square = re * re + im * im
        return tf.where(self._inside, square, -tf.ones_like(square))

    def peak(self) -> Peak:
        """Largest magnitude of the cube after the atoms so far."""
        if self.gains:
            gains = tf.stack(self.gains, 1)[..., tf.newaxis]
            steering = linalg.real_block(gains * tf.stack([atom[0] for atom in self._atoms], 1))
            cells = linalg.real_rows(tf.stack(self._cells, -1))
            self._residual = self._observed - cells @ steering
            limit = self._longest * tf.norm(self._residual, axis=-1)
            self._bound = tf.minimum(self._bound, limit)
        column = self._search()
        line = self._products(tf.gather(self._residual, column[:, tf.newaxis], batch_dims=1))
        line = line[..., 0]
        row = tf.argmax(line, -1, tf.int32)
        return Peak(row, column, tf.sqrt(tf.maximum(tf.reduce_max(line, -1), 0)))

    def _search(self) -> tf.Tensor:
        """Column [batch_size] of the largest entry; bounds of searched columns become exact."""
        residual, number = self._residual, self._residual.shape[1]
        batch_size, size = linalg.sizes(residual)[0], min(BLOCK, number)
        order = tf.argsort(self._bound, direction="DESCENDING")
        limits = tf.gather(self._bound, order, batch_dims=1)[:, ::size]
        blocks = limits.shape[1]
        # the last block is filled up with columns that were searched
        order = tf.concat([order, order[:, : blocks * size - number]], 1)
        order = tf.transpose(tf.reshape(order, [batch_size, blocks, size]), [1, 0, 2])
        sample = tf.broadcast_to(tf.range(batch_size)[:, tf.newaxis], tf.shape(order)[1:])

        def needed(i: tf.Tensor, best: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
            limit = tf.gather(limits, tf.minimum(i, blocks - 1), axis=1)
            return (i < blocks) & tf.reduce_any(limit > best)

        def search(i: tf.Tensor, best: tf.Tensor, column: tf.Tensor, bound: tf.Tensor) -> tuple:
            index = tf.gather(order, i)
            square = self._products(tf.gather(residual, index, batch_dims=1))
            value = tf.sqrt(tf.maximum(tf.reduce_max(square, 1), 0))
            place = tf.stack([sample, index], -1)
            bound = tf.tensor_scatter_nd_update(bound, place, value)
            top = tf.reduce_max(value, 1)
            here = tf.gather(index, tf.argmax(value, 1, tf.int32), batch_dims=1)
            column = tf.where(top > best, here, column)
            return i + 1, tf.maximum(best, top), column, bound

        start = tf.zeros_like(limits[:, 0])
        state = tf.constant(0), start, tf.cast(start, tf.int32), self._bound
        _, _, column, self._bound = tf.while_loop(needed, search, state)
        return column

    def window(self, z: tf.Tensor, speeds: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Residual at a window of cells, before the first atom with gradients to the observation.

        Parameters
        ----------
        z : [batch_size, num_antennas, doppler_rank, rank], `tf.complex`
            The observation of the constructor, with its gradients
        speeds : [batch_size, n], `tf.int32`
            Indices of velocities
        places : [batch_size, m], `tf.int32`
            Indices of ranges

        Output
        ------
        : [batch_size, num_antennas, n * m], `tf.complex`
        """
        number, size = speeds.shape[1] * places.shape[1], linalg.sizes(z)
        if self._atoms:
            width = self._delay.coefficients.shape[1]
            index = width * speeds[:, :, tf.newaxis] + places[:, tf.newaxis]
            index = tf.reshape(index, [size[0], number])
            columns = tf.gather(self._residual, index, batch_dims=1)
            return tf.complex(*tf.split(tf.linalg.matrix_transpose(columns), 2, 1))
        across, along = (
            tf.gather(tf.constant(basis.coefficients.conj().T, z.dtype), index)
            for basis, index in ((self._delay, places), (self._doppler, speeds))
        )
        flat = tf.reshape(z, [size[0], size[1] * size[2], size[3]])
        flat = linalg.matmul(flat, tf.linalg.matrix_transpose(across))
        cells = tf.reshape(flat, [*size[:3], places.shape[1]])
        return tf.reshape(linalg.matmul(along[:, tf.newaxis], cells), [*size[:2], number])

    def add(self, atom: Refined) -> None:
        """Add an atom."""
        a, c, d = (tf.stop_gradient(v) for v in (atom.steering, atom.delay, atom.doppler))
        whole = d[:, :, tf.newaxis] * c[:, tf.newaxis]
        matrix = masked_atoms(d, c, self._doppler, self._delay, self._elements)
        cells = self._responses(matrix)
        correlation = tf.einsum("bk,bkpq,bpq->b", tf.math.conj(a), self._z, tf.math.conj(whole))
        wide = tf.complex128
        a_wide, whole_wide = tf.math.conj(tf.cast(a, wide)), tf.math.conj(tf.cast(whole, wide))

        def inner(other: tf.Tensor, other_matrix: tf.Tensor) -> tf.Tensor:
            along = tf.reduce_sum(a_wide * tf.cast(other, wide), -1)
            return along * tf.reduce_sum(whole_wide * tf.cast(other_matrix, wide), [1, 2])

        products = [inner(*other) for other in self._atoms]
        before = self.gains
        gains = self._fit.add(products, tf.math.real(inner(a, matrix)), correlation)
        self.gains = [tf.cast(g, self._z.dtype) for g in gains]
        self._atoms.append((a, matrix))
        self._cells.append(cells)
        along = self._products(linalg.real_rows(a)[:, tf.newaxis])[..., 0]
        self._reach.append(tf.sqrt(tf.maximum(tf.reduce_max(along, -1), 0)))
        steps = [new - old for new, old in zip(self.gains, before, strict=False)]
        for step, reach, response in zip(
            [*steps, self.gains[-1]], self._reach, self._cells, strict=True
        ):
            self._bound += (tf.abs(step) * reach)[:, tf.newaxis] * tf.abs(response)


def masked_atoms(
    d: tf.Tensor,
    c: tf.Tensor,
    doppler: DopplerBasis,
    delay: DelayBasis,
    elements: np.ndarray | None,
) -> tf.Tensor:
    """Used elements of products of Doppler and delay vectors, in the bases.

    Parameters
    ----------
    d : [n, doppler_rank], `tf.complex`
        Doppler vectors
    c : [n, rank], `tf.complex`
        Delay vectors
    doppler, delay
        Bases of both
    elements : `None` | [num_symbols, num_subcarriers], `np.bool`
        Elements that are used; `None` is all active ones

    Output
    ------
    : [n, doppler_rank, rank], `tf.complex`
    """
    if elements is None:
        return d[:, :, tf.newaxis] * c[:, tf.newaxis]
    symbols = linalg.matmul(d, tf.constant(doppler.vectors.T, d.dtype))
    tones = linalg.matmul(c, tf.constant(delay.vectors.T, d.dtype))
    product = symbols[:, :, tf.newaxis] * tones[:, tf.newaxis]
    used = product * tf.constant(elements, d.dtype)
    return doppler.project(delay.project(used))
