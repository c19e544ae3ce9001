"""Matching pursuit over angles, velocities and ranges, without the cube of all cells.

With the observation of each antenna on the grid of velocities and ranges, W = Phi_v^H Y Phi_d^*,
a column of the cube is Phi_a^H w, with the vector w over the antennas of one pair of velocity and
range. Neither the cube nor the residual observation is formed:

- An atom is the product of a steering vector and a response over velocities and ranges: it is
  subtracted from W, which is smaller than the cube by the ratio of angles and antennas.
- No entry of a column exceeds max |a| |w|, nor what the column held in an earlier iteration and
  the change of the atoms' gains can add. The columns with the largest bounds are searched, until
  no bound exceeds the largest entry so far. With strong targets that is one small block, and only
  its part of the residual is formed.
- In noise the norm tells little. Every few rows then bound the rest: those between are nearly
  linear interpolations, so that they exceed none of them by more than the distance times |w|.

Unused elements couple velocities and ranges: the response of an atom is that of its masked
product of Doppler and delay vector, and so are the inner products of atoms.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.receiver.pursuit import GainFit, Peak, Refined
from sionna_isac.waveform import DelayBasis, DopplerBasis

__all__ = ["CubePursuit", "masked_atoms"]

FIRST = 32  # columns that are searched at once; with strong targets no more are needed
BLOCK = 128  # columns that are searched at a time, thereafter
SPARSE = 4  # rows from one to the next that tells which columns need all rows


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
        self._delay, self._doppler, self._elements = delay, doppler, elements
        self._inside, rows = inside, tf.stop_gradient(rows)
        used = tf.where(inside[..., tf.newaxis], rows, tf.zeros_like(rows))
        self._given, self._rows = rows, quadrature(used)
        energy = tf.reduce_sum(used * used, -1)
        self._longest = tf.sqrt(tf.reduce_max(energy, -1, keepdims=True))
        self._dtype, self._z = z.dtype, linalg.real_rows(tf.stop_gradient(z))
        batch_size, antennas = linalg.sizes(z)[:2]
        cells = self._responses(tf.reshape(self._z, [-1, *self._z.shape[2:]]))
        # of each antenna the real parts of all columns, and then the imaginary ones
        self._observed = tf.reshape(cells, [batch_size, 2 * antennas, cells.shape[-1]])
        self._bound = self._limit(self._observed)
        self._atoms: dict[str, tf.Tensor] = {}  # each with an axis of atoms after that of samples
        self._fit = GainFit(repeats=False)
        self.gains: list[tf.Tensor] = []

    def _responses(self, rows: tf.Tensor) -> tf.Tensor:
        """Responses [n, 2, num_velocities * num_ranges] of rows [n, doppler_rank, 2 * rank]."""
        delay, doppler = self._delay.coefficients.conj(), self._doppler.coefficients.conj()
        block = linalg.real_block(tf.constant(delay, self._dtype))
        flat = linalg.apply_on_right(rows, block)
        # rows are now real and imaginary parts in turn: the next product copies nothing
        flat = tf.reshape(flat, [-1, 2 * doppler.shape[0], delay.shape[1]])
        re, im = doppler.real.T, doppler.imag.T
        left = np.concatenate([np.stack([re, -im], -1), np.stack([im, re], -1)])
        left = tf.constant(np.reshape(left, [len(left), -1]), rows.dtype)
        return tf.reshape(left @ flat, [-1, 2, doppler.shape[1] * delay.shape[1]])

    def _limit(self, columns: tf.Tensor) -> tf.Tensor:
        """Bound [batch_size, n] of the entries of columns [batch_size, 2 K, n]."""
        return self._longest * tf.sqrt(tf.reduce_sum(columns * columns, 1))

    def _residual(self, index: tf.Tensor | None = None) -> tf.Tensor:
        """Columns [batch_size, 2 K, n] after the atoms so far, at indices [batch_size, n] or all.

        As those of the observation; at indices the real parts of all antennas come first.
        """

        def at(values: tf.Tensor) -> tf.Tensor:
            return values if index is None else tf.gather(values, index, axis=-1, batch_dims=1)

        columns = at(self._observed)
        shape = linalg.sizes(columns)
        if self.gains:
            cells = tf.stack(self.gains, 1)[..., tf.newaxis] * at(self._atoms["cells"])
            pairs = tf.stack([tf.math.real(cells), tf.math.imag(cells)], 2)
            pairs = tf.reshape(pairs, [shape[0], 2 * len(self.gains), shape[2]])
            rows = tf.reshape(self._atoms["rows"], [shape[0], 2 * len(self.gains), shape[1]])
            columns -= tf.matmul(rows, pairs, transpose_a=True)
        if index is None:
            return columns
        columns = tf.reshape(columns, [shape[0], shape[1] // 2, 2, shape[2]])
        columns = tf.transpose(columns, [0, 2, 1, 3])
        return tf.reshape(columns, shape)

    def peak(self) -> Peak:
        """Largest magnitude of the cube after the atoms so far."""
        index = largest(self._bound, FIRST)
        found, bound = self._look(self._rows, self._residual(index), index, self._bound)
        found, self._bound = tf.cond(
            exceeded(found, bound), lambda: self._search(found, bound), lambda: (found, bound)
        )
        return found

    def _search(self, found: Peak, bound: tf.Tensor) -> tuple[Peak, tf.Tensor]:
        """Go on from the first columns, with the residual of all of them."""
        residual = self._residual()
        limit = self._limit(residual)
        bound = tf.minimum(bound, limit)
        residual = tf.transpose(residual, [0, 2, 1])  # each column in one piece
        rows = self._alternating(self._rows)

        def at(index: tf.Tensor) -> tf.Tensor:
            return tf.linalg.matrix_transpose(tf.gather(residual, index, batch_dims=1))

        def look(index: tf.Tensor, found: Peak, bound: tf.Tensor) -> tuple[Peak, tf.Tensor]:
            new, bound = self._look(rows, at(index), index, bound)
            better = new.magnitude > found.magnitude
            pairs = zip(new, found, strict=True)
            return Peak(*(tf.where(better, *pair) for pair in pairs)), bound

        def rest(found: Peak, bound: tf.Tensor) -> tuple[Peak, tf.Tensor]:
            sparse, distance = self._sparse()
            sparse = self._alternating(sparse)

            def narrow(index: tf.Tensor, found: Peak, bound: tf.Tensor) -> tuple[Peak, tf.Tensor]:
                most = tf.sqrt(tf.reduce_max(squares(sparse, at(index)), 1))
                most += distance * tf.gather(limit, index, batch_dims=1)
                most = tf.minimum(most, tf.gather(bound, index, batch_dims=1))
                return found, replaced(bound, index, most)

            near = tf.reduce_any(distance < 0.5)
            found, bound = walk(narrow, SPARSE * BLOCK, found, bound, near)
            return walk(look, BLOCK, found, bound)

        found, bound = look(largest(bound, BLOCK), found, bound)
        return tf.cond(exceeded(found, bound), lambda: rest(found, bound), lambda: (found, bound))

    def _alternating(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows with real and imaginary parts in turn, as in the observation."""
        pairs = tf.reshape(rows, [*linalg.sizes(rows)[:2], 2, rows.shape[2] // 2])
        return tf.reshape(tf.linalg.matrix_transpose(pairs), tf.shape(rows))

    def _sparse(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Every few rows, and how far others are from linear interpolation, over the longest.

        What a row gives with a vector w is at most what two of these give, and distance times |w|.
        """
        rows, inside = self._given, self._inside
        index = np.arange(rows.shape[1])
        kept = np.unique([*index[::SPARSE], index[-1]])
        left = index // SPARSE
        right = np.minimum(left + 1, len(kept) - 1)
        # the last two may be nearer to each other
        share = (index - kept[left]) / np.maximum(kept[right] - kept[left], 1)
        sparse = tf.gather(rows, kept, axis=1)
        first, last = tf.gather(sparse, left, axis=1), tf.gather(sparse, right, axis=1)
        rest = rows - first - tf.constant(share[:, np.newaxis], rows.dtype) * (last - first)
        square = tf.where(inside, tf.reduce_sum(rest * rest, -1), tf.zeros([], rows.dtype))
        farthest = tf.sqrt(tf.reduce_max(square, 1, keepdims=True))
        distance = tf.math.divide_no_nan(farthest, self._longest)
        uses = np.zeros([len(index), len(kept)])
        uses[index, left] = 1
        uses[share > 0, right[share > 0]] = 1
        needed = tf.cast(inside, rows.dtype) @ tf.constant(uses, rows.dtype) > 0
        sparse = tf.where(needed[..., tf.newaxis], sparse, tf.zeros_like(sparse))
        return quadrature(sparse), distance

    def _look(
        self, rows: tf.Tensor, columns: tf.Tensor, index: tf.Tensor, bound: tf.Tensor
    ) -> tuple[Peak, tf.Tensor]:
        """Largest entry of columns [batch_size, 2 K, n]; their bounds become exact."""
        square = squares(rows, columns)
        value = tf.sqrt(tf.reduce_max(square, 1))
        place = tf.argmax(value, 1, tf.int32)
        line = tf.gather(square, place, axis=2, batch_dims=1)
        row = tf.argmax(tf.where(self._inside, line, -tf.ones_like(line)), -1, tf.int32)
        column = tf.gather(index, place, batch_dims=1)
        return Peak(row, column, tf.reduce_max(value, 1)), replaced(bound, index, value)

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
        if self.gains:
            width = self._delay.coefficients.shape[1]
            index = width * speeds[:, :, tf.newaxis] + places[:, tf.newaxis]
            index = tf.reshape(index, [size[0], number])
            return tf.complex(*tf.split(self._residual(index), 2, 1))
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
        factors: tuple[tf.Tensor, ...]
        used: tuple[tf.Tensor, ...]
        if self._elements is None:
            left, right = (
                linalg.matmul(v, tf.constant(basis.coefficients.conj(), v.dtype))
                for v, basis in ((d, self._doppler), (c, self._delay))
            )
            cells = left[:, :, tf.newaxis] * right[:, tf.newaxis]
            cells = tf.reshape(cells, [-1, left.shape[1] * right.shape[1]])
            factors = used = (a, d, c)
        else:
            matrix = masked_atoms(d, c, self._doppler, self._delay, self._elements)
            cells = tf.complex(*tf.unstack(self._responses(linalg.real_rows(matrix)), axis=1))
            factors, used = (
                (a, tf.reshape(v, [-1, v.shape[1] * v.shape[2]])) for v in (whole, matrix)
            )
        re, im = tf.math.real(a), tf.math.imag(a)
        # no entry of a column of the atom exceeds its level
        length = self._longest * tf.sqrt(tf.reduce_sum(re * re + im * im, -1, keepdims=True))
        pairs = tf.stack([re, im], -1), tf.stack([-im, re], -1)
        new = {
            "cells": cells,
            "levels": length * tf.abs(cells),
            # times real and imaginary part of cells: as the columns of the observation
            "rows": tf.reshape(tf.stack(pairs, 1), [-1, 2 * 2 * a.shape[1]]),
        }
        wide = tf.complex128
        new |= {f"factor {i}": tf.cast(v, wide) for i, v in enumerate(used)}
        for name, value in new.items():
            value = value[:, tf.newaxis]
            earlier = self._atoms.get(name)
            self._atoms[name] = value if earlier is None else tf.concat([earlier, value], 1)
        inner = math.prod(
            tf.linalg.matvec(self._atoms[f"factor {i}"], tf.math.conj(tf.cast(v, wide)))
            for i, v in enumerate(factors)
        )
        *products, energy = tf.unstack(inner, axis=1)
        before = [*self.gains, tf.zeros_like(a[:, 0])]
        gains = self._fit.add(products, tf.math.real(energy), self._correlation(a, whole))
        self.gains = [tf.cast(g, a.dtype) for g in gains]
        step = tf.abs(tf.stack(self.gains, 1) - tf.stack(before, 1))
        self._bound += tf.linalg.matvec(self._atoms["levels"], step, transpose_a=True)

    def _correlation(self, a: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
        """Inner product [batch_size] of an atom with the observation."""
        batch_size, antennas, rank, width = linalg.sizes(self._z)
        parts = tf.stack([tf.math.real(a), tf.math.imag(a)], 1)
        rows = parts @ tf.reshape(self._z, [batch_size, antennas, rank * width])
        rows = tf.reshape(rows, [batch_size, 2, rank, 2, width // 2])
        re, im = rows[:, 0, :, 0] + rows[:, 1, :, 1], rows[:, 0, :, 1] - rows[:, 1, :, 0]
        return tf.reduce_sum(tf.complex(re, im) * tf.math.conj(whole), [1, 2])


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


def quadrature(rows: tf.Tensor) -> tf.Tensor:
    """Rows times [Re w, Im w] that give the real parts of all products, then the imaginary ones."""
    re, im = tf.split(rows, 2, -1)
    return tf.concat([rows, tf.concat([-im, re], -1)], 1)


def squares(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Squared magnitudes [batch_size, num_rows, n] of products with columns."""
    products = rows @ columns
    shape = linalg.sizes(products)
    return tf.reduce_sum(tf.reshape(tf.square(products), [shape[0], 2, shape[1] // 2, shape[2]]), 1)


def largest(bound: tf.Tensor, number: int) -> tf.Tensor:
    """Indices of columns with the largest bounds."""
    return tf.math.top_k(bound, min(number, bound.shape[1]))[1]


def exceeded(found: Peak, bound: tf.Tensor) -> tf.Tensor:
    """`True` if a bound exceeds what is found."""
    return tf.reduce_any(tf.reduce_max(bound, 1) > found.magnitude)


def replaced(values: tf.Tensor, index: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    """Values [batch_size, n] with others at some indices of each sample."""
    sample = tf.broadcast_to(tf.range(tf.shape(index)[0])[:, tf.newaxis], tf.shape(index))
    return tf.tensor_scatter_nd_update(values, tf.stack([sample, index], -1), new)


def walk(
    look: Callable[[tf.Tensor, Peak, tf.Tensor], tuple[Peak, tf.Tensor]],
    size: int,
    found: Peak,
    bound: tf.Tensor,
    wanted: tf.Tensor | bool = True,
) -> tuple[Peak, tf.Tensor]:
    """Look at columns in blocks, in the order of bounds, until none exceeds what is found."""
    number = bound.shape[1]
    size = min(size, number)
    order = tf.argsort(bound, direction="DESCENDING")
    limits = tf.gather(bound, order, batch_dims=1)[:, ::size]
    blocks = limits.shape[1]
    # the last block is filled up with columns that were searched
    order = tf.concat([order, order[:, : blocks * size - number]], 1)
    order = tf.transpose(tf.reshape(order, [-1, blocks, size]), [1, 0, 2])

    def needed(i: tf.Tensor, found: Peak, _: tf.Tensor) -> tf.Tensor:
        limit = tf.gather(limits, tf.minimum(i, blocks - 1), axis=1)
        return (i < blocks) & tf.reduce_any(limit > found.magnitude) & wanted

    def step(i: tf.Tensor, found: Peak, bound: tf.Tensor) -> tuple[tf.Tensor, Peak, tf.Tensor]:
        return i + 1, *look(tf.gather(order, i), found, bound)

    _, found, bound = tf.while_loop(needed, step, (tf.constant(0), found, bound))
    return found, bound
