"""Orthogonal matching pursuit for several targets."""

from __future__ import annotations

from typing import Any

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
from sionna_isac.receiver.angle_delay import AngleDelayReceiver, spread
from sionna_isac.receiver.cube_pursuit import CubePursuit
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.receiver.pursuit import Peak, Pursuit, Refined, pursue
from sionna_isac.receiver.search_grid import SearchGrid
from sionna_isac.waveform import Numerology

__all__ = ["OMP"]


@register
@cites("MateosRamos25")
class OMP(AngleDelayReceiver, Receiver):
    r"""Orthogonal matching pursuit, Algorithm 1 of [MateosRamos25]_.

    Each iteration takes the largest entry of the angle-delay map inside the sector, then fits
    the gains of all atoms found so far. The number of iterations is always ``max_targets``: a
    threshold on the metric decides which estimates are targets, so that one run serves all
    thresholds. The map is computed once and corrected by terms of low rank; memory is one map
    [num_angles, num_ranges] per sample.

    With velocities in the grid, atoms are those of a moving target over OFDM symbols,

    .. math::
        [\mathbf{A}]_{kms} = a_k(\theta)\, e^{-j4\pi v m T_\mathrm{sym}/\lambda}\,
        e^{-j4\pi s \Delta_f R/c}

    on the elements in use, and 0 on others. The cube of angles, velocities and ranges is never
    formed: memory is up to three times [num_antennas, num_velocities, num_ranges] per sample, and
    the angles are computed only for pairs of velocity and range that may hold the peak.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Ranges, and a number of angles in the sector of each sample, or a grid of angles; the search
        covers those in the sector. Velocities, if they are estimated
    max_targets : `int`
        Number of iterations
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that are used, in any pattern; `None` is all those on active subcarriers

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Observation after the symbol filter or its projection on ``basis``; with velocities
        [batch_size, num_antennas, num_symbols, num_subcarriers]
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad]

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates. ``metric`` is the peak magnitude of the map (or cube) in the iteration of the
        target, ``gain`` the least-squares gains of all targets together. NaN (an error in eager
        mode) where no grid angle lies in the sector, or ``y`` is not finite
    """

    _searches_velocities = True

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        max_targets: int,
        elements: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(array, numerology, grid, elements=elements, precision=precision, **kwargs)
        self.max_targets = checks.integer("max_targets", max_targets)

    def call(self, y: Complex, sector: Real) -> TargetEstimate:
        z, finite = self._observe(y)
        sector = checks.sector("sector", sector, y.shape[0])
        basis, grid = self.basis, self.grid
        if isinstance(grid.angles, int):
            angles = spread(sector, grid.angles)
            rows = self.cast(self.array.steering(angles))
            inside = tf.ones_like(angles, tf.bool)
        else:
            angles = tf.constant(grid.angles, self.rdtype)
            batch_size = linalg.sizes(z)[0]
            rows = self.cast(self.array.steering(angles))
            rows = tf.broadcast_to(rows, [batch_size, *rows.shape])
            angles = tf.broadcast_to(angles, [batch_size, grid.num_angles])
            inside = sectors.within(grid.angles, sector)
        valid = sectors.has_angles(inside, sector) & finite
        stacked, doppler = linalg.real_rows(rows), self.doppler_basis
        ranges = tf.constant(self.ranges, self.rdtype)
        columns = tf.constant(basis.coefficients.T, self.cdtype)

        def at(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return tf.gather(angles, row, batch_dims=1), tf.gather(rows, row, batch_dims=1)

        def still(peak: Peak) -> Refined:
            angle, steering = at(peak.row)
            distance, delay = tf.gather(ranges, peak.column), tf.gather(columns, peak.column)
            return Refined(angle, distance, peak.magnitude, steering, delay)

        if doppler is None:
            return pursue(Pursuit(z, stacked, inside, basis), self.max_targets, still, valid)
        velocities = tf.constant(grid.velocities, self.rdtype)
        planes = tf.constant(doppler.coefficients.T, self.cdtype)

        def moving(peak: Peak) -> Refined:
            plane, column = peak.column // grid.num_ranges, peak.column % grid.num_ranges
            refined = still(peak._replace(column=column))
            return refined._replace(
                velocity=tf.gather(velocities, plane), doppler=tf.gather(planes, plane)
            )

        pursuit = CubePursuit(z, stacked, inside, basis, doppler, self.elements)
        return pursue(pursuit, self.max_targets, moving, valid)
