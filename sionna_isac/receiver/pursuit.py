"""Matching pursuit on the angle-delay map, without residual observations.

With Z = Y Q* (see :class:`~sionna_isac.waveform.DelayBasis`), the map of the
residual after t atoms is

    M_t = M_0 - sum_u alpha_u (Phi_a^H a_u) (rho_u^T Phi_d^*),

a rank-t correction of the first map, which is computed once. Corrections apply only where needed:
in the search for the peak, and on the row of the peak.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.waveform import DelayBasis

__all__ = ["GainFit", "Peak", "Pursuit", "Refined", "Search", "pursue"]


class Peak(NamedTuple):
    """Largest magnitude of the present map.

    Attributes
    ----------
    row, column : [batch_size], `tf.int32`
        Indices of the peak; with velocities a column is that of a pair of velocity and range
    magnitude : [batch_size], `tf.float`
        Magnitude
    """

    row: tf.Tensor
    column: tf.Tensor
    magnitude: tf.Tensor


class Refined(NamedTuple):
    """Estimate of one target, and its atom, which is subtracted.

    Attributes
    ----------
    angle, range, metric : [batch_size], `tf.float`
        As in :class:`~sionna_isac.receiver.TargetEstimate`
    steering : [batch_size, num_antennas], `tf.complex`
        Steering vector of the atom
    delay : [batch_size, rank], `tf.complex`
        Delay vector of the atom in the basis
    velocity : `None` (default) | [batch_size], `tf.float`
        Velocity, if it is searched
    doppler : `None` (default) | [batch_size, doppler_rank], `tf.complex`
        Doppler vector of the atom in its basis
    """

    angle: tf.Tensor
    range: tf.Tensor
    metric: tf.Tensor
    steering: tf.Tensor
    delay: tf.Tensor
    velocity: tf.Tensor | None = None
    doppler: tf.Tensor | None = None


class GainFit:
    """Least-squares gains of all atoms by a Cholesky factor that grows by one row.

    In double precision throughout: atoms in neighbouring cells make it ill-conditioned.

    Parameters
    ----------
    repeats : `bool`
        If `False`, an atom that is already there gets no gain; if `True` (default), a small one,
        which is that of rounding errors
    """

    def __init__(self, repeats: bool = True) -> None:
        self._repeats = repeats
        self._factor: list[list[tf.Tensor]] = []  # rows of the Cholesky factor of the Gram matrix
        self._forward: list[tf.Tensor] = []

    def add(
        self, products: list[tf.Tensor], energy: tf.Tensor, correlation: tf.Tensor
    ) -> list[tf.Tensor]:
        """Gains [batch_size] of all atoms, with one more of them.

        Parameters
        ----------
        products : list of [batch_size], `tf.complex128`
            Inner products of the new atom with the earlier ones
        energy : [batch_size], `tf.float64`
            Energy of the new atom
        correlation : [batch_size], `tf.complex`
            Inner product of the new atom with the observation

        Output
        ------
        : list of [batch_size], `tf.complex128`
        """
        wide = tf.complex128
        new: list[tf.Tensor] = []
        for earlier, gram in zip(self._factor, products, strict=True):
            for lower, value in zip(earlier, new, strict=False):
                gram -= value * tf.math.conj(lower)
            new.append(gram / earlier[-1])
        rest = energy - sum(tf.math.real(v * tf.math.conj(v)) for v in new)
        # an atom that is already there would give 0; the floor keeps its gain finite and small
        diagonal = tf.cast(tf.sqrt(tf.maximum(rest, 1e-12 * energy)), wide)
        value = tf.cast(correlation, wide)
        for lower, earlier_value in zip(new, self._forward, strict=True):
            value -= lower * earlier_value
        if not self._repeats:
            value = tf.where(rest > 1e-12 * energy, value, tf.zeros_like(value))
        self._forward.append(value / diagonal)
        self._factor.append([*new, diagonal])
        solution: list[tf.Tensor] = []
        for i in reversed(range(len(self._factor))):
            value = self._forward[i]
            for j, known in zip(range(len(self._factor) - 1, i, -1), solution, strict=True):
                value -= tf.math.conj(self._factor[j][i]) * known
            solution.append(value / tf.math.conj(self._factor[i][i]))
        return list(reversed(solution))


class Pursuit:
    """Greedy search over one batch of observations, without gradients.

    Parameters
    ----------
    z : [batch_size, num_antennas, rank], `tf.complex`
        Projected observation
    rows : [batch_size, num_rows, 2 * num_antennas], `tf.float`
        Steering vectors of the search, real and imaginary parts side by side
    inside : [batch_size, num_rows], `tf.bool`
        `True` for the rows that may be chosen
    basis : :class:`~sionna_isac.waveform.DelayBasis`
        Basis of the ranges of the search
    """

    def __init__(self, z: tf.Tensor, rows: tf.Tensor, inside: tf.Tensor, basis: DelayBasis) -> None:
        self._z = tf.stop_gradient(z)
        self._rows = tf.stop_gradient(rows)
        self._inside = inside
        self._columns = linalg.real_block(tf.constant(basis.coefficients.conj(), z.dtype))
        first = self._rows @ linalg.conj_block(self._z)
        self._re, self._im = tf.split(linalg.apply_on_right(first, self._columns), 2, -1)
        self._atoms: list[tuple[tf.Tensor, tf.Tensor]] = []
        self._traces: list[tuple[tf.Tensor, tf.Tensor]] = []
        self._fit = GainFit()
        self.gains: list[tf.Tensor] = []

    @property
    def num_atoms(self) -> int:
        """`int` : Number of atoms so far"""
        return len(self._atoms)

    def peak(self) -> Peak:
        """Largest magnitude of the map after the atoms so far."""
        re, im = self._re, self._im
        for gain, (along, across) in zip(self.gains, self._traces, strict=True):
            left = (gain[:, tf.newaxis] * along)[:, :, tf.newaxis]
            lr, li = tf.math.real(left), tf.math.imag(left)
            cr, ci = (part(across)[:, tf.newaxis] for part in (tf.math.real, tf.math.imag))
            re, im = re - (lr * cr - li * ci), im - (lr * ci + li * cr)
        best = tf.reduce_max(re * re + im * im, -1)
        row = tf.argmax(tf.where(self._inside, best, -tf.ones_like(best)), -1, tf.int32)
        line = self._line(row)
        column = tf.argmax(line, -1, tf.int32)
        return Peak(row, column, tf.sqrt(tf.gather(line, column, batch_dims=1)))

    def _line(self, row: tf.Tensor) -> tf.Tensor:
        """Squared magnitudes of one row of the present map, [batch_size, num_ranges]."""
        re = tf.gather(self._re, row, batch_dims=1)
        im = tf.gather(self._im, row, batch_dims=1)
        line = tf.complex(re, im)
        for gain, (along, across) in zip(self.gains, self._traces, strict=True):
            weight = gain * tf.gather(along, row, batch_dims=1)
            line -= weight[:, tf.newaxis] * across
        return tf.math.real(line) ** 2 + tf.math.imag(line) ** 2

    def residual_columns(self, column: tf.Tensor, across: tf.Tensor) -> tf.Tensor:
        """Residual times some columns of the delay vectors of the grid.

        Parameters
        ----------
        column : [batch_size, num_columns], `tf.int32`
            Indices of the columns
        across : [batch_size, rank, num_columns], `tf.complex`
            The columns

        Output
        ------
        : [batch_size, num_antennas, num_columns], `tf.complex`
            Products
        """
        product = linalg.matmul(self._z, across)
        for gain, (a, _), (_, trace) in zip(self.gains, self._atoms, self._traces, strict=True):
            part = tf.gather(trace, column, batch_dims=1)
            product -= (gain[:, tf.newaxis] * a)[:, :, tf.newaxis] * part[:, tf.newaxis]
        return product

    def add(self, atom: Refined) -> None:
        """Add an atom."""
        a, c = tf.stop_gradient(atom.steering), tf.stop_gradient(atom.delay)
        trace = self._rows @ linalg.conj_block(a[..., tf.newaxis])
        along = tf.complex(trace[..., 0], trace[..., 1])
        across = tf.complex(*tf.split(linalg.real_rows(c) @ self._columns, 2, -1))
        correlation = tf.einsum("bk,bkr,br->b", tf.math.conj(a), self._z, tf.math.conj(c))
        self._traces.append((along, across))

        def inner(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(tf.math.conj(x) * y, -1)

        wide = tf.complex128
        wide_a, wide_c = tf.cast(a, wide), tf.cast(c, wide)
        products = [
            inner(wide_a, tf.cast(au, wide)) * inner(wide_c, tf.cast(cu, wide))
            for au, cu in self._atoms
        ]
        self._atoms.append((a, c))
        energy = tf.math.real(inner(wide_a, wide_a) * inner(wide_c, wide_c))
        gains = self._fit.add(products, energy, correlation)
        self.gains = [tf.cast(g, self._z.dtype) for g in gains]


class Search(Protocol):
    """Greedy search for atoms."""

    gains: list[tf.Tensor]

    def peak(self) -> Peak:
        """Largest magnitude of the map after the atoms so far."""

    def add(self, atom: Refined) -> None:
        """Add an atom."""


def pursue(
    pursuit: Search, number: int, refine: Callable[[Peak], Refined], valid: tf.Tensor
) -> TargetEstimate:
    """Search a number of targets, one after the other.

    Parameters
    ----------
    pursuit : :class:`Search`
        Search without atoms
    number : `int`
        Number of targets
    refine : callable
        Makes angle, range, metric and atom of a :class:`Peak`
    valid : [batch_size], `tf.bool`
        Samples with valid estimates; those of the others are NaN

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates in the order in which they were found, with the least-squares gains of all atoms
    """
    found = []
    for _ in range(number):
        refined = refine(pursuit.peak())
        pursuit.add(refined)
        found.append([*refined[:3], *(() if refined.velocity is None else (refined.velocity,))])
    keep = valid[:, tf.newaxis]
    estimates = [tf.stack(parts, -1) for parts in zip(*found, strict=True)]
    nan = tf.cast(float("nan"), estimates[0].dtype)
    angle, distance, metric, *velocity = (tf.where(keep, v, nan) for v in estimates)
    gain = tf.where(keep, tf.stack(pursuit.gains, -1), tf.complex(nan, nan))
    return TargetEstimate(angle, distance, metric, gain, *velocity)
