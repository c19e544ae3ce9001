"""Differentiable orthogonal matching pursuit."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import (
    Array,
    Complex,
    Real,
    Receiver,
    checks,
    cites,
    linalg,
    register,
    sectors,
)
from sionna_isac.receiver.angle_delay import AngleDelayReceiver
from sionna_isac.receiver.cube_pursuit import CubePursuit, masked_atoms
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.receiver.pursuit import Peak, Pursuit, Refined, pursue
from sionna_isac.receiver.search_grid import SearchGrid
from sionna_isac.waveform import DelayBasis, DopplerBasis, Numerology

__all__ = ["DifferentiableOMP"]

ATOMS = ("refined", "grid")


@register
@cites("MateosRamos25")
class DifferentiableOMP(AngleDelayReceiver, Receiver):
    r"""Differentiable orthogonal matching pursuit, Section IV-B of [MateosRamos25]_.

    An iteration takes the peak of the angle-delay map in the sector, a window around it, a
    softmax of :math:`\beta` times the magnitudes in the window, and the means of angle and range
    under it. Then the gains of all atoms are fitted and the next iteration works on the residual.

    Gradients reach the array's parameters through the steering vectors of every iteration's
    window, and the observation (hence the transmitter) through the first iteration. They do not
    pass through indices, atoms, gains and residuals.

    The result is that of a direct implementation, at a lower cost: the map is restricted to the
    sector, computed once in the low-dimensional space of the range region, and corrected by terms
    of low rank for later iterations; only the windows have gradients. Memory is one map
    [columns of the widest sector, num_ranges] per sample.

    With velocities in the grid, atoms and search are those of :class:`OMP` for moving targets, the
    window has three axes, and the velocity is the mean under the softmax, too.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Angles of the dictionary, for all samples, ranges, and velocities if they are estimated
    max_targets : `int`
        Number of iterations
    window : (`int`, ...), (default (7, 5))
        Half widths of the window in cells of angle, range and, with velocities, velocity; the
        third one is that of the range if there are two
    atoms : "refined" (default) | "grid"
        Angle and range at which a found target is removed: refined, or those of the grid
    temperature : `None` (default) | `float`
        Inverse temperature :math:`\beta` of the softmax. `None` takes
        :math:`\beta = 1/\sqrt{K S N_0}`, one over the standard deviation of the noise in a cell,
        from ``no``; :math:`S` counts the elements in use. Estimates then snap to a grid with steps
        above :math:`0.8\,(|\alpha|^2 K S/N_0)^{-1/4}` resolution cells; for steps of :math:`q`
        cells, :math:`\beta = 0.7/(q^2 |\alpha| K S)` avoids that
    no : `None` (default) | `float`
        :math:`N_0` [W] for the default temperature
    max_span : `None` (default) | `float`
        Width of the widest sector [rad]. It sets the static number of columns of the search;
        `None` searches the whole grid in graph mode (and the widest sector of the
        batch in eager mode)
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that are used, in any pattern; `None` is all those on active subcarriers

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Observation after the symbol filter or its projection on ``basis``; with velocities
        [batch_size, num_antennas, num_symbols, num_subcarriers]
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad]
    no : `None` (default) | [...], `tf.float`
        :math:`N_0` [W] of this call, in place of that of the constructor: above 0, a number or
        [batch_size]

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates. ``metric`` is the peak magnitude of the map (or cube) in the iteration of the
        target, ``gain`` the least-squares gains of all targets together. NaN (an error in eager
        mode) where a sector holds no grid angle or is wider than ``max_span``, ``y`` is not finite,
        or :math:`\beta` needs a noise power that is not above 0
    """

    _searches_velocities = True

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        max_targets: int,
        window: tuple[int, ...] = (7, 5),
        atoms: str = "refined",
        temperature: float | None = None,
        no: float | None = None,
        max_span: float | None = None,
        elements: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(array, numerology, grid, elements=elements, precision=precision, **kwargs)
        checks.angle_grid("grid.angles", grid.angles)
        self.max_targets = checks.integer("max_targets", max_targets)
        sizes = {"angles": grid.num_angles, "ranges": grid.num_ranges}
        if grid.velocities is not None:
            sizes["velocities"] = grid.num_velocities
        if not isinstance(window, (tuple, list)) or not 2 <= len(window) <= len(sizes):
            wanted = "a pair" if grid.velocities is None else "a pair or three"
            raise ValueError(f"window must be {wanted} of half widths in cells; got {window!r}")
        self.window = tuple(checks.integer("window", w, minimum=0) for w in window)
        for half, (name, size) in zip(self._half_widths, sizes.items(), strict=False):
            if half >= size:
                raise ValueError(
                    f"window must be smaller than the grid of {size} {name}; got {window!r}"
                )
        self.atoms = checks.one_of("atoms", atoms, ATOMS)
        self.temperature = (
            None
            if temperature is None
            else checks.real("temperature", temperature, minimum=0, exclusive=True)
        )
        self.no = None if no is None else checks.real("no", no, minimum=0, exclusive=True)
        self.max_span = (
            None
            if max_span is None
            else checks.real("max_span", max_span, minimum=0, maximum=math.pi)
        )

    @property
    def _half_widths(self) -> tuple[int, ...]:
        """Half widths of angle, range and velocity."""
        return self.window if len(self.window) == 3 else (*self.window, self.window[1])

    def call(self, y: Complex, sector: Real, no: Real | None = None) -> TargetEstimate:
        z, finite = self._observe(y)
        sector = checks.sector("sector", sector, y.shape[0])
        beta = self._inverse_temperature(no, z)
        warm = tf.math.is_finite(beta)
        grid = tf.constant(self.grid.angles, self.rdtype)

        # contiguous part of the grid that holds the sector: start and static number of columns
        width = self._num_columns(sector)
        lower, upper = sectors.edges(self.grid.angles, sector)
        first = tf.searchsorted(grid, lower[:, 0], side="left")
        last = tf.searchsorted(grid, upper[:, 0], side="right")
        start = tf.minimum(first, grid.shape[0] - width)
        searched = start[:, tf.newaxis] + tf.range(width)
        inside = (searched >= first[:, tf.newaxis]) & (searched < last[:, tf.newaxis])
        valid = sectors.has_angles(inside, sector) & (last - first <= width) & finite
        valid &= tf.reshape(warm, [-1])

        window = _Window(self, z, tf.where(warm, beta, tf.ones_like(beta)), first, last, start)
        rows = tf.gather(tf.stop_gradient(window.stacked), searched)
        basis, doppler = self.basis, self.doppler_basis
        if doppler is None:
            pursuit = Pursuit(z, rows, inside, basis)
            refine = partial(window.refine, pursuit, basis)
            return pursue(pursuit, self.max_targets, refine, valid)
        cube = CubePursuit(z, rows, inside, basis, doppler, self.elements)
        refine = partial(window.refine_moving, cube, basis, doppler)
        return pursue(cube, self.max_targets, refine, valid)

    def reconstruct(self, estimate: TargetEstimate) -> tf.Tensor:
        r"""Projected observation of given estimates; differentiable in all but the gains.

        Parameters
        ----------
        estimate : :class:`~sionna_isac.receiver.TargetEstimate`
            Estimates, with their gains

        Output
        ------
        : [batch_size, num_antennas, rank], `tf.complex`
            :math:`\sum_t \hat\alpha_t\, \mathbf{a}(\hat\theta_t)\,
            \boldsymbol{\rho}^\top(\hat\tau_t)\, \mathbf{Q}^*`
            on the elements in use; with velocities
            [batch_size, num_antennas, doppler_rank, rank], with the Doppler vectors in their basis
        """
        if self.atoms == "grid":
            raise ValueError(
                "atoms must be 'refined' for a reconstruction: gains are fitted to the atoms, and "
                "'grid' atoms are not at the estimates"
            )
        steering = self.cast(self.array.steering(estimate.angle))
        delay = self.basis.atom(estimate.range)
        weighted = tf.stop_gradient(estimate.gain)[..., tf.newaxis] * delay
        if self.doppler_basis is None:
            return linalg.matmul(tf.linalg.matrix_transpose(steering), weighted)
        batch_size, number, rank = linalg.sizes(weighted)
        turn = self.doppler_basis.atom(estimate.velocity)
        bases = self.doppler_basis, self.basis
        turn = tf.reshape(turn, [batch_size * number, bases[0].rank])
        weighted = tf.reshape(weighted, [batch_size * number, rank])
        atoms = masked_atoms(turn, weighted, *bases, self.elements)
        atoms = tf.reshape(atoms, [batch_size, number, bases[0].rank * rank])
        whole = linalg.matmul(tf.linalg.matrix_transpose(steering), atoms)
        return tf.reshape(whole, [batch_size, whole.shape[1], bases[0].rank, rank])

    def _inverse_temperature(self, no: Any, z: tf.Tensor) -> tf.Tensor:
        if self.temperature is not None:
            return tf.constant(self.temperature, self.rdtype)
        no = self.no if no is None else no
        if no is None:
            raise ValueError(
                "temperature is None, which needs the noise power: give no to the constructor or "
                "to the call"
            )
        size = self.array.num_antennas * self._num_elements
        return tf.math.rsqrt(size * checks.noise_power(no, z, positive=True, per_sample=True))

    def _num_columns(self, sector: tf.Tensor) -> int:
        size = self.grid.angles.size
        margin = 2 * sectors.tolerance(self.grid.angles, self.rdtype)
        span = self.max_span
        if span is None:
            if not tf.executing_eagerly():
                return size
            span = float(tf.reduce_max(sector[:, 1] - sector[:, 0]))
        elif tf.executing_eagerly():
            widest = float(tf.reduce_max(sector[:, 1] - sector[:, 0]))
            if widest > span + margin:
                raise ValueError(f"sector must not be wider than max_span {span:g}; got {widest:g}")
        # most grid points that any interval of this length can hold
        reach = np.searchsorted(self.grid.angles, self.grid.angles + span + 2 * margin, "right")
        return int(min(size, np.max(reach - np.arange(size)) + 1))


class _Window:
    """Soft means over the window around a peak, and the atom there."""

    def __init__(
        self,
        receiver: DifferentiableOMP,
        z: tf.Tensor,
        beta: tf.Tensor,
        first: tf.Tensor,
        last: tf.Tensor,
        start: tf.Tensor,
    ) -> None:
        self._receiver, self._z, self._beta = receiver, z, beta
        self._first, self._last, self._start = first, last, start
        self._angles = tf.constant(receiver.grid.angles, receiver.rdtype)
        self._ranges = tf.constant(receiver.ranges, receiver.rdtype)
        self._columns = tf.constant(receiver.basis.coefficients.T, receiver.cdtype)
        self._dictionary = receiver.cast(receiver.array.steering(self._angles))
        self.stacked = linalg.real_rows(self._dictionary)
        # below this a magnitude is rounding of an exact 0, which an earlier atom leaves behind
        eps = np.finfo(receiver.rdtype.as_numpy_dtype).eps
        squares = tf.math.real(z) ** 2 + tf.math.imag(z) ** 2
        energy = tf.reduce_sum(squares, tuple(range(1, z.shape.rank)), keepdims=True)
        scale = math.sqrt(receiver.array.num_antennas * receiver._num_elements)
        floor = tf.stop_gradient(64 * eps * scale * tf.sqrt(energy))
        self._floor = tf.reshape(floor, [-1, 1, 1])

    def refine(self, pursuit: Pursuit, basis: DelayBasis, peak: Peak) -> Refined:
        """Means of angle and range."""
        half_angle, half_range, _ = self._receiver._half_widths
        row = peak.row + self._start
        angles, in_angles = _around(row, half_angle, self._angles.shape[0])
        ranges, in_ranges = _around(peak.column, half_range, self._ranges.shape[0])
        across = tf.linalg.adjoint(tf.gather(self._columns, ranges))
        if pursuit.num_atoms == 0:  # only here gradients go on to the observation
            source = linalg.matmul(self._z, across)
        else:
            source = pursuit.residual_columns(ranges, across)
        magnitude = self._magnitude(angles, source)
        in_grid = in_angles[:, :, tf.newaxis] & in_ranges[:, tf.newaxis]
        logits = tf.where(in_grid, self._beta * magnitude, -float("inf"))
        shape = [-1, angles.shape[1], ranges.shape[1]]
        weight = tf.nn.softmax(tf.reshape(logits, [-1, math.prod(shape[1:])]))
        weight = tf.reshape(weight, shape)
        angle = tf.reduce_sum(tf.reduce_sum(weight, 2) * tf.gather(self._angles, angles), 1)
        distance = tf.reduce_sum(tf.reduce_sum(weight, 1) * tf.gather(self._ranges, ranges), 1)
        atom = self._atom(row, peak.column, angle, distance, basis)
        return Refined(angle, distance, magnitude[:, half_angle, half_range], *atom)

    def refine_moving(
        self, cube: CubePursuit, basis: DelayBasis, doppler: DopplerBasis, peak: Peak
    ) -> Refined:
        """Means of angle, velocity and range."""
        half_angle, half_range, half_velocity = self._receiver._half_widths
        number = self._ranges.shape[0]
        velocities = tf.constant(self._receiver.grid.velocities, self._receiver.rdtype)
        row, plane, column = peak.row + self._start, peak.column // number, peak.column % number
        angles, in_angles = _around(row, half_angle, self._angles.shape[0])
        speeds, in_speeds = _around(plane, half_velocity, velocities.shape[0])
        places, in_places = _around(column, half_range, number)
        in_cells = in_speeds[:, :, tf.newaxis] & in_places[:, tf.newaxis]
        in_grid = in_angles[:, :, tf.newaxis, tf.newaxis] & in_cells[:, tf.newaxis]
        magnitude = self._magnitude(angles, cube.window(self._z, speeds, places))
        shape = [-1, angles.shape[1], speeds.shape[1], places.shape[1]]
        cells = math.prod(shape[1:])
        magnitude = tf.reshape(magnitude, [-1, cells])
        logits = tf.reshape(self._beta, [-1, 1]) * magnitude
        logits = tf.where(tf.reshape(in_grid, [-1, cells]), logits, -float("inf"))
        weight = tf.reshape(tf.nn.softmax(logits), shape)
        angle, velocity, distance = (
            tf.reduce_sum(tf.reduce_sum(weight, others) * tf.gather(values, index), 1)
            for others, values, index in (
                ([2, 3], self._angles, angles),
                ([1, 3], velocities, speeds),
                ([1, 2], self._ranges, places),
            )
        )
        middle = tf.reshape(magnitude, shape)[:, half_angle, half_velocity, half_range]
        if self._receiver.atoms == "grid":
            planes = tf.constant(doppler.coefficients.T, self._receiver.cdtype)
            turn = tf.gather(planes, plane)
        else:
            turn = doppler.atom(tf.stop_gradient(velocity))
        atom = self._atom(row, column, angle, distance, basis)
        return Refined(angle, distance, middle, *atom, velocity, turn)

    def _magnitude(self, angles: tf.Tensor, source: tf.Tensor) -> tf.Tensor:
        """Magnitudes [batch_size, num_angles, num_columns] of the map, 0 outside the sector."""
        re, im = tf.split(tf.gather(self.stacked, angles) @ linalg.conj_block(source), 2, -1)
        magnitude = linalg.safe_abs(re, im, self._floor)
        inside = (angles >= self._first[:, tf.newaxis]) & (angles < self._last[:, tf.newaxis])
        return magnitude * tf.cast(inside, magnitude.dtype)[:, :, tf.newaxis]

    def _atom(
        self,
        row: tf.Tensor,
        column: tf.Tensor,
        angle: tf.Tensor,
        distance: tf.Tensor,
        basis: DelayBasis,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Steering and delay vector of the atom that is removed."""
        if self._receiver.atoms == "grid":
            return tf.gather(self._dictionary, row), tf.gather(self._columns, column)
        steering = self._receiver.array.steering(tf.stop_gradient(angle))
        return self._receiver.cast(steering), basis.atom(tf.stop_gradient(distance))


def _around(index: tf.Tensor, half: int, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Indices [batch_size, 2 * half + 1] around one of each sample, and which are in the grid."""
    near = index[:, tf.newaxis] + tf.range(-half, half + 1)
    return tf.clip_by_value(near, 0, size - 1), (near >= 0) & (near < size)
