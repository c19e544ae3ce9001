"""From received grids to angle-delay maps: reciprocal filter, dictionaries, the map itself."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import (
    Array,
    Complex,
    Layer,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
)

__all__ = ["AngleDelayMap", "DelayDictionary", "ReciprocalFilter"]

_RANK_TOLERANCE = {"single": 1e-7, "double": 1e-15}


@register
@cites("MateosRamos25")
class ReciprocalFilter(Layer):
    r"""Removes the known symbols from the echo, Eq. (3) of [MateosRamos25]_.

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Echo
    x : [batch_size, num_subcarriers], `tf.complex`
        Transmitted symbols, none of them 0

    Output
    ------
    : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        :math:`\tilde{\mathbf{Y}} = \mathbf{Y} \oslash \mathbf{1}\mathbf{x}^\top`
    """

    def __init__(self, *, precision: str | None = None, **kwargs: Any) -> None:
        super().__init__(precision=precision, **kwargs)

    def call(self, y: Complex, x: Complex) -> tf.Tensor:
        checks.rank("y", y, 3, "[batch_size, num_antennas, num_subcarriers]")
        checks.shape("x", x, [y.shape[0], y.shape[2]], "[batch_size, num_subcarriers]")
        if tf.executing_eagerly() and not bool(tf.reduce_all(tf.abs(x) > 0)):
            raise ValueError("x must not hold symbols of value 0: they cannot be divided by")
        silent = tf.equal(x, 0)[:, tf.newaxis]
        ratio = y / tf.where(silent, tf.ones_like(x)[:, tf.newaxis], x[:, tf.newaxis])
        return tf.where(silent, tf.constant(complex(np.nan, np.nan), self.cdtype), ratio)


class DelayDictionary:
    r"""Delay vectors of a range grid, and a small orthonormal basis that spans them.

    A bounded range region is seen by far fewer dimensions than subcarriers: with
    :math:`\boldsymbol{\Phi}_d = \mathbf{Q}\mathbf{C}` and orthonormal columns in
    :math:`\mathbf{Q}`, an observation enters every product with the dictionary as
    :math:`\tilde{\mathbf{Y}}\mathbf{Q}^*` only.

    Parameters
    ----------
    range_grid : [num_ranges], array_like
        Grid of ranges [m]
    subcarrier_spacing : `float`
        Subcarrier spacing [Hz]
    num_subcarriers : `int`
        Number of subcarriers
    precision : "single" | "double"
        Sets the tolerance of the rank: 1e-7 or 1e-15 of the largest singular value
    """

    def __init__(
        self, range_grid: Any, subcarrier_spacing: float, num_subcarriers: int, precision: str
    ) -> None:
        self.range_grid = np.asarray(range_grid, dtype=np.float64)
        self.subcarrier_spacing = subcarrier_spacing
        self.num_subcarriers = num_subcarriers
        delays = 2 * self.range_grid / SPEED_OF_LIGHT
        # A refined range lies between grid points: the denser grid makes the basis span it too
        dense = np.linspace(delays[0], delays[-1], 2 * delays.size)
        samples = self._vectors(np.concatenate([delays, dense]))
        left, values, _ = np.linalg.svd(samples, full_matrices=False)
        rank = int(np.sum(values > _RANK_TOLERANCE[precision] * values[0]))
        self.basis = left[:, :rank]
        self.coefficients = self.basis.conj().T @ self._vectors(delays)

    @property
    def rank(self) -> int:
        """`int` : Number of basis vectors"""
        return self.basis.shape[1]

    def _vectors(self, delays: np.ndarray) -> np.ndarray:
        index = np.arange(self.num_subcarriers)[:, np.newaxis]
        return np.exp(-2j * np.pi * self.subcarrier_spacing * index * delays)

    def project(self, y: tf.Tensor) -> tf.Tensor:
        r"""Project [..., num_subcarriers] to [..., rank]: the product with :math:`\mathbf{Q}^*`."""
        block = linalg.real_block(tf.constant(self.basis.conj(), y.dtype))
        re, im = tf.split(linalg.apply_on_right(linalg.real_rows(y), block), 2, -1)
        return tf.complex(re, im)

    def atom(self, distance: tf.Tensor) -> tf.Tensor:
        """Basis coefficients [..., rank] of the delay vectors of ranges [...] in m."""
        step = 4 * math.pi * self.subcarrier_spacing / SPEED_OF_LIGHT
        index = tf.range(self.num_subcarriers, dtype=distance.dtype)
        phase = -step * distance[..., tf.newaxis] * index
        return self.project(linalg.expj(phase))


@register
@cites("MateosRamos25")
class AngleDelayMap(Layer):
    r"""Magnitude of the correlation with every pair of steering and delay vector, for display.

    .. math::
        \mathcal{L}_{ij} = \left|\mathbf{a}^H(\theta_i)\, \tilde{\mathbf{Y}}\,
        \boldsymbol{\rho}^*(\tau_j)\right|

    (the square root of the map of Algorithm 1 of [MateosRamos25]_, its Fig. 3).

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    angle_grid : [num_angles], array_like
        Angles [rad]
    range_grid : [num_ranges], array_like
        Ranges [m]
    subcarrier_spacing : `float`
        Subcarrier spacing [Hz]

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Observation after reciprocal filtering

    Output
    ------
    : [batch_size, num_angles, num_ranges], `tf.float`
        Map
    """

    def __init__(
        self,
        array: Array,
        angle_grid: Any,
        range_grid: Any,
        subcarrier_spacing: float,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.angle_grid = checks.angle_grid("angle_grid", angle_grid)
        self.range_grid = checks.grid("range_grid", range_grid, minimum=0)
        self.subcarrier_spacing = checks.real(
            "subcarrier_spacing", subcarrier_spacing, minimum=0, exclusive=True
        )

    def call(self, y: Complex) -> tf.Tensor:
        checks.shape("y", y, [None, self.array.num_antennas, None])
        delays = delay_dictionary(
            self.range_grid, self.subcarrier_spacing, y.shape[-1], self.precision
        )
        steering = self.cast(self.array.steering(self.cast(self.angle_grid)))
        z, finite = silenced(delays.project(y))
        magnitude = tf.abs(correlate(steering, z, delays))
        return tf.where(finite[:, tf.newaxis, tf.newaxis], magnitude, float("nan"))


def correlate(steering: tf.Tensor, z: tf.Tensor, delays: DelayDictionary) -> tf.Tensor:
    """Correlations [batch_size, num_angles, num_ranges] of a projected observation."""
    rows = linalg.matmul(tf.math.conj(steering), z)
    return linalg.matmul(rows, tf.constant(delays.coefficients.conj(), z.dtype))


def silenced(y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Observations with zeros in place of those that are not finite, and the mask of the others.

    The largest entry of a map that holds NaN is anywhere: no estimate is better than that one. And
    NaN of one sample would reach the gradients of what all samples share, such as an array.
    """
    finite = tf.math.is_finite(tf.math.real(y)) & tf.math.is_finite(tf.math.imag(y))
    valid = tf.reduce_all(finite, tf.range(1, tf.rank(y)))
    keep = tf.reshape(valid, [-1, *[1] * (y.shape.rank - 1)])
    return tf.where(keep, y, tf.zeros_like(y)), valid


def spread(sector: tf.Tensor, number: int) -> tf.Tensor:
    """Angles [batch_size, number], evenly from edge to edge of each sector [batch_size, 2]."""
    unit = tf.linspace(tf.zeros([], sector.dtype), 1.0, number)
    return sector[:, :1] + (sector[:, 1:] - sector[:, :1]) * unit


def delay_dictionary(
    range_grid: np.ndarray, subcarrier_spacing: float, num_subcarriers: int, precision: str
) -> DelayDictionary:
    """Delay dictionary, made once for the same arguments."""
    return _cached_dictionary(
        tuple(range_grid.tolist()), subcarrier_spacing, num_subcarriers, precision
    )


@functools.lru_cache(maxsize=16)
def _cached_dictionary(*arguments: Any) -> DelayDictionary:
    return DelayDictionary(*arguments)
