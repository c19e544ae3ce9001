"""Orthogonal matching pursuit for several targets."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import (
    Array,
    Complex,
    Real,
    Receiver,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
    sectors,
)
from sionna_isac.receiver._pursuit import Pursuit
from sionna_isac.receiver.angle_delay import DelayDictionary, delay_dictionary, silenced, spread

__all__ = ["OMP", "PursuitReceiver", "TargetEstimate"]


class TargetEstimate(NamedTuple):
    """Estimates of a batch, in the order in which the receiver found them.

    How many of them count as targets is decided by a threshold on ``metric``.

    Attributes
    ----------
    angle : [batch_size, max_targets], `tf.float`
        Azimuth [rad]
    range : [batch_size, max_targets], `tf.float`
        Distance [m]
    metric : [batch_size, max_targets], `tf.float`
        Maximum of the magnitude of the angle-delay map when the target was found (matching
        pursuit), or probability that the target is there (networks)
    gain : `None` (default) | [batch_size, max_targets], `tf.complex`
        Least-squares gains of all atoms together; `None` from networks
    """

    angle: tf.Tensor
    range: tf.Tensor
    metric: tf.Tensor
    gain: tf.Tensor | None = None


class PursuitReceiver(Receiver):
    """Base of receivers that search an angle-delay map: arguments, checks, projection."""

    def __init__(
        self,
        array: Array,
        angle_grid: Any,
        range_grid: Any,
        subcarrier_spacing: float,
        max_targets: int,
        num_subcarriers: int | None,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.angle_grid = angle_grid
        self.range_grid = checks.grid("range_grid", range_grid, minimum=0)
        self.subcarrier_spacing = checks.real(
            "subcarrier_spacing", subcarrier_spacing, minimum=0, exclusive=True
        )
        unambiguous = SPEED_OF_LIGHT / 2 / self.subcarrier_spacing
        length = float(self.range_grid[-1] - self.range_grid[0])
        if length > unambiguous:
            warnings.warn(
                f"range_grid is {length:g} m long, more than the unambiguous range of "
                f"{unambiguous:g} m: targets one of those apart cannot be told apart",
                stacklevel=3,
            )
        self.max_targets = checks.integer("max_targets", max_targets)
        self.num_subcarriers = (
            None
            if num_subcarriers is None
            else checks.integer("num_subcarriers", num_subcarriers, minimum=2)
        )

    def delay_dictionary(self, num_subcarriers: int | None = None) -> DelayDictionary:
        """Delay dictionary for a number of subcarriers (made once each)."""
        number = num_subcarriers or self.num_subcarriers
        if number is None:
            raise ValueError(
                "num_subcarriers must be given, here or to the constructor, where the "
                "observation is already projected; got None"
            )
        return delay_dictionary(self.range_grid, self.subcarrier_spacing, number, self.precision)

    @property
    def delay_basis(self) -> np.ndarray:
        """[num_subcarriers, rank] : Orthonormal basis of the range region"""
        return self.delay_dictionary().basis

    def _observe(
        self, y: tf.Tensor, sector: tf.Tensor, projected: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, DelayDictionary]:
        """Projected observation and its mask (:func:`silenced`), checked sector, dictionary."""
        checks.rank("y", y, 3, "[batch_size, num_antennas, num_subcarriers]")
        checks.shape(
            "y",
            y,
            [None, self.array.num_antennas, None if projected else self.num_subcarriers],
            "[batch_size, num_antennas, num_subcarriers]",
        )
        sector = checks.sector("sector", sector, y.shape[0])
        if projected:
            delays = self.delay_dictionary()
            checks.last_dim("y", y, delays.rank, "(the rank of the delay dictionary)")
            return *silenced(y), sector, delays
        delays = self.delay_dictionary(y.shape[-1])
        return *silenced(delays.project(y)), sector, delays


@register
@cites("MateosRamos25")
class OMP(PursuitReceiver):
    r"""Orthogonal matching pursuit, Algorithm 1 of [MateosRamos25]_.

    Each iteration takes the largest entry of the angle-delay map inside the sector, then fits
    the gains of all atoms found so far. There are always ``max_targets`` iterations: how many
    of them are targets follows from a threshold on the metric, so that one run serves all
    thresholds. The map is computed once and corrected by terms of low rank; memory is one map
    [num_angles, num_ranges] per sample.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    angle_grid : `int` | [num_angles], array_like
        Number of angles, spread evenly over the sector of each sample; or a grid for all
        samples [rad], of which those in the sector are searched
    range_grid : [num_ranges], array_like
        Ranges [m]
    subcarrier_spacing : `float`
        Subcarrier spacing [Hz]
    max_targets : `int`
        Number of iterations
    num_subcarriers : `None` (default) | `int`
        Number of subcarriers; needed for projected observations

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Observation after reciprocal filtering (or its projection on ``delay_basis``)
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad]
    projected : `bool`, (default `False`)
        Whether ``y`` is [batch_size, num_antennas, rank], projected on ``delay_basis``

    Output
    ------
    : :class:`TargetEstimate`
        Estimates; NaN (an error in eager mode) where no grid angle lies in the sector, or ``y`` is
        not finite
    """

    def __init__(
        self,
        array: Array,
        angle_grid: Any,
        range_grid: Any,
        subcarrier_spacing: float,
        max_targets: int,
        num_subcarriers: int | None = None,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            array,
            sector_or_angle_grid(angle_grid),
            range_grid,
            subcarrier_spacing,
            max_targets,
            num_subcarriers,
            precision=precision,
            **kwargs,
        )

    def call(self, y: Complex, sector: Real, projected: bool = False) -> TargetEstimate:
        z, finite, sector, delays = self._observe(y, sector, projected)
        if isinstance(self.angle_grid, int):
            angles = spread(sector, self.angle_grid)
            rows = self.cast(self.array.steering(angles))
            inside = tf.ones_like(angles, tf.bool)
        else:
            grid = tf.constant(self.angle_grid, self.rdtype)
            batch_size = linalg.sizes(z)[0]
            angles = tf.broadcast_to(grid, [batch_size, self.angle_grid.size])
            rows = self.cast(self.array.steering(grid))
            rows = tf.broadcast_to(rows, [batch_size, *rows.shape])
            inside = sectors.within(self.angle_grid, sector)
        valid = sectors.has_angles(inside, sector) & finite
        pursuit = Pursuit(z, linalg.real_rows(rows), inside, delays)
        ranges = tf.constant(self.range_grid, self.rdtype)
        columns = tf.constant(delays.coefficients.T, self.cdtype)
        found: list[tuple[tf.Tensor, tf.Tensor, tf.Tensor]] = []
        for _ in range(self.max_targets):
            row, column, metric = pursuit.peak()
            angle = tf.gather(angles, row, batch_dims=1)
            found.append((angle, tf.gather(ranges, column), metric))
            pursuit.add(tf.gather(rows, row, batch_dims=1), tf.gather(columns, column))
        return collect(found, pursuit, valid)


def sector_or_angle_grid(angle_grid: Any) -> int | np.ndarray:
    """Number of angles in each sector, or a grid for all samples."""
    if isinstance(angle_grid, (int, np.integer)):
        return checks.integer("angle_grid", angle_grid, minimum=2)
    return checks.angle_grid("angle_grid", angle_grid)


def collect(found: list[tuple], pursuit: Pursuit, valid: tf.Tensor) -> TargetEstimate:
    """Stack the findings of the iterations; NaN where a sample is not valid."""
    angle, distance, metric = (tf.stack(parts, -1) for parts in zip(*found, strict=True))
    nan = tf.cast(float("nan"), angle.dtype)
    keep = valid[:, tf.newaxis]
    angle, distance, metric = (tf.where(keep, v, nan) for v in (angle, distance, metric))
    gain = tf.stack(pursuit.gains, -1)
    gain = tf.where(keep, gain, tf.complex(nan, nan))
    return TargetEstimate(angle, distance, metric, gain)
