"""Angle-delay map, and the base of receivers that use such a map."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import tensorflow as tf

from sionna_isac.core import (
    Array,
    Complex,
    Layer,
    Receiver,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
)
from sionna_isac.receiver.search_grid import SearchGrid
from sionna_isac.waveform import DelayBasis, Numerology

__all__ = [
    "AngleDelayMap",
    "AngleDelayReceiver",
    "correlate",
    "silenced",
    "spread",
]


class AngleDelayReceiver(Layer):
    """Base of layers that use the angle-delay map of an observation.

    Observations have all subcarriers, [batch_size, num_antennas, num_subcarriers], or are projected
    on ``basis``, [batch_size, num_antennas, rank]; the last dimension distinguishes both.
    """

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.grid = checks.instance("grid", grid, SearchGrid)
        self.numerology.check_array("array", array)
        if grid.ranges is None:
            raise ValueError(f"grid must have ranges for {type(self).__name__}; got {grid!r}")
        if grid.velocities is not None:
            raise ValueError(
                f"grid must have no velocities: {type(self).__name__} estimates none; got {grid!r}"
            )
        length = float(grid.ranges[-1] - grid.ranges[0])
        if length > numerology.max_range:
            warnings.warn(
                f"the ranges of grid span {length:g} m, more than the unambiguous range of "
                f"{numerology.max_range:g} m: targets one of those apart cannot be told apart",
                stacklevel=4 if isinstance(self, Receiver) else 3,
            )

    @property
    def ranges(self) -> np.ndarray:
        """[num_ranges] : Ranges of the grid [m]"""
        return cast(np.ndarray, self.grid.ranges)

    @property
    def basis(self) -> DelayBasis:
        """:class:`~sionna_isac.waveform.DelayBasis` : Basis of the ranges of the grid"""
        return DelayBasis(self.numerology, self.ranges, precision=self.precision)

    def _observe(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Projected observation and its mask (:func:`silenced`)."""
        axes = "[batch_size, num_antennas, num_subcarriers or rank of basis]"
        checks.rank("y", y, 3, axes)
        checks.shape("y", y, [None, self.array.num_antennas, None], axes)
        basis, number = self.basis, self.numerology.num_subcarriers
        if y.shape[-1] == basis.rank:
            return silenced(y)
        if y.shape[-1] not in (None, number):
            raise ValueError(
                f"y must have last dimension {number} (num_subcarriers) or {basis.rank} (rank of "
                f"the delay basis, for projected observations); got shape {list(y.shape)}"
            )
        return silenced(basis.project(tf.ensure_shape(y, [None, None, number])))


@register
@cites("MateosRamos25")
class AngleDelayMap(AngleDelayReceiver):
    r"""Magnitude of the correlation with every pair of steering and delay vector, for display.

    .. math::
        \mathcal{L}_{ij} = \left|\mathbf{a}^H(\theta_i)\, \tilde{\mathbf{Y}}\,
        \boldsymbol{\rho}^*(\tau_j)\right|

    (the square root of the map of Algorithm 1 of [MateosRamos25]_, its Fig. 3).

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Angles and ranges of the map

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Observation after reciprocal filtering, or its projection on ``basis``

    Output
    ------
    : [batch_size, num_angles, num_ranges], `tf.float`
        Map
    """

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(array, numerology, grid, precision=precision, **kwargs)
        checks.angle_grid("grid.angles", grid.angles)

    def call(self, y: Complex) -> tf.Tensor:
        z, finite = self._observe(y)
        steering = self.cast(self.array.steering(self.cast(self.grid.angles)))
        magnitude = tf.abs(correlate(steering, z, self.basis))
        return tf.where(finite[:, tf.newaxis, tf.newaxis], magnitude, float("nan"))


def correlate(steering: tf.Tensor, z: tf.Tensor, basis: DelayBasis) -> tf.Tensor:
    """Correlations [batch_size, num_angles, num_ranges] of a projected observation."""
    rows = linalg.matmul(tf.math.conj(steering), z)
    return linalg.matmul(rows, tf.constant(basis.coefficients.conj(), z.dtype))


def silenced(y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Observations, zero in place of those that are not finite, and the mask of finite ones.

    The largest entry of a map with NaN is arbitrary, so such a sample gets no estimate. NaN of one
    sample would also reach the gradients of shared parameters, such as those of an array.
    """
    finite = tf.math.is_finite(tf.math.real(y)) & tf.math.is_finite(tf.math.imag(y))
    valid = tf.reduce_all(finite, tf.range(1, tf.rank(y)))
    keep = tf.reshape(valid, [-1, *[1] * (y.shape.rank - 1)])
    return tf.where(keep, y, tf.zeros_like(y)), valid


def spread(sector: tf.Tensor, number: int) -> tf.Tensor:
    """Angles [batch_size, number], evenly from edge to edge of each sector [batch_size, 2]."""
    unit = tf.linspace(tf.zeros([], sector.dtype), 1.0, number)
    return sector[:, :1] + (sector[:, 1:] - sector[:, :1]) * unit
