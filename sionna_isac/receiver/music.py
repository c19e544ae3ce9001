"""MUSIC for one target in the near field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import (
    Array,
    Complex,
    Real,
    checks,
    cites,
    linalg,
    register,
)
from sionna_isac.receiver._near_field import NearFieldReceiver
from sionna_isac.receiver.angle_delay import silenced, spread
from sionna_isac.receiver.estimate import TargetEstimate

__all__ = ["MUSIC"]

_TINY = 1e-30


@register
@cites("Yuan25")
class MUSIC(NearFieldReceiver):
    r"""MUSIC by one-dimensional searches: azimuth in the far field, then distance.

    The echo of one target has rank one. With the principal eigenvector :math:`\mathbf{v}` of
    :math:`\mathbf{Y}\mathbf{Y}^H`, the maximum of the spectrum is that of
    :math:`|\mathbf{a}^H\mathbf{v}|`:

    .. math::
        \hat\theta = \arg\max_\theta |\mathbf{a}_\infty^H(\theta)\, \mathbf{v}|,\quad
        \hat r = \arg\max_r |\mathbf{a}^H(r\cos\hat\theta, r\sin\hat\theta)\, \mathbf{v}|

    Each search takes the best point of a grid, then of finer grids around it. For a target in
    the near field, the far-field azimuth has an error of a few 1e-5 rad; ``num_refinements``
    repeats both searches with the spherical wave at the estimate, which removes this error.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.SphericalWaveArray`
        Array that the receiver believes to have, in the x-y plane; at least three elements
    range_interval : (`float`, `float`)
        Smallest and largest distance of the search [m]; its grid is even in 1/distance, on which
        the curvature of the wave depends
    num_angles : `int`, (default 64)
        Number of azimuths of the first grid, spread over the sector
    num_ranges : `int`, (default 128)
        Number of distances of the first grid
    num_zooms : `int`, (default 4)
        Number of finer grids of nine points, each four times as dense
    num_refinements : `int`, (default 0)
        Number of repetitions of both searches in the near field

    Input
    -----
    y : [batch_size, num_antennas, num_snapshots], `tf.complex`
        Echo; in a graph, a zero echo gives a ``metric`` of 0 and no position
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad], in front of an array on a line. With
        elements further apart than half a wavelength, several azimuths have the same steering
        vector: the sector must be narrower than their distance.

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates of one target per sample: azimuth, distance from the origin, and the share of the
        steering vector that lies in the signal subspace, 0 to 1, as ``metric``; NaN (an error in
        eager mode) where ``y`` is not finite, or the array cannot resolve ``sector``

    Raises
    ------
    ValueError
        If the array has fewer than three elements, shapes do not fit, or (in eager mode) ``y`` or
        ``sector`` is not finite, ``y`` is zero, or a sector has its lower azimuth above its upper
        one or exceeds the azimuths that the array can resolve
    """

    def __init__(
        self,
        array: Array,
        range_interval: Any,
        *,
        num_angles: int = 64,
        num_ranges: int = 128,
        num_zooms: int = 4,
        num_refinements: int = 0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            array,
            range_interval,
            num_angles=num_angles,
            num_ranges=num_ranges,
            precision=precision,
            **kwargs,
        )
        self.num_zooms = checks.integer("num_zooms", num_zooms, minimum=0)
        self.num_refinements = checks.integer("num_refinements", num_refinements, minimum=0)

    def call(self, y: Complex, sector: Real) -> TargetEstimate:
        checks.shape(
            "y",
            y,
            [None, self.array.num_antennas, None],
            "[batch_size, num_antennas, num_snapshots]",
        )
        checks.shape("sector", sector, [y.shape[0], 2], "[batch_size, 2]")
        if tf.executing_eagerly() and y.shape[0]:
            self._check_not_zero("y", y.numpy(), "an echo")
            self._check_sector(sector.numpy())
        y, valid = silenced(y)  # the eigenvalues of NaN would stop a graph
        valid &= self._within(sector)
        nan = tf.constant(np.nan, self.rdtype)
        # |a^H v| = |a^T v*|: the conjugate of one vector instead of that of a grid
        signal = tf.math.conj(principal_vector(y))

        def spectrum(steering: tf.Tensor) -> tf.Tensor:
            """Metric [batch_size, num_points] of steering vectors on each sample's points."""
            product = tf.linalg.matvec(self.cast(steering), signal)
            return tf.abs(product) ** 2 / self.array.num_antennas

        span = sector[:, 1] - sector[:, 0]
        angle, metric = self._search(
            lambda grid: spectrum(self.array.far_field(grid)),
            sector[:, 0],
            span,
            self.num_angles,
        )
        near, far = self.range_interval
        lowest = tf.ones_like(angle) / far
        length = tf.ones_like(angle) * (1 / near - 1 / far)
        inverse = lowest

        def point(angles: tf.Tensor, inverses: tf.Tensor) -> tf.Tensor:
            direction = tf.stack([tf.cos(angles), tf.sin(angles)], axis=-1)
            return direction / inverses[..., tf.newaxis]

        for repeat in range(self.num_refinements + 1):
            if repeat:
                at = inverse[:, tf.newaxis]
                step = span / (self.num_angles - 1)
                angle, metric = self._search(
                    lambda grid, at=at: spectrum(self.array.steering(point(grid, at))),  # type: ignore[misc]
                    angle - step,
                    2 * step,
                    9,
                )
            towards = angle[:, tf.newaxis]
            inverse, metric = self._search(
                lambda grid, towards=towards: spectrum(  # type: ignore[misc]
                    self.array.steering(point(towards, grid))
                ),
                lowest,
                length,
                self.num_ranges,
            )
        found = (angle, 1 / inverse, metric)
        return TargetEstimate(*(tf.where(valid, v, nan)[:, tf.newaxis] for v in found))

    @property
    def ranges(self) -> np.ndarray:
        """[num_ranges] : Distances of the spectrum [m], even in 1/distance"""
        near, far = self.range_interval
        return 1 / np.linspace(1 / near, 1 / far, self.num_ranges)

    def spectrum(self, y: Any, sector: Any) -> tf.Tensor:
        """Spectrum [batch_size, num_angles, num_ranges] of an echo over the whole grid.

        It is the share of the steering vector that lies in the signal subspace, for azimuths from
        edge to edge of each sector and for ``ranges``; NaN for samples that are not finite.
        """
        y, valid = silenced(self.cast(y, Complex, "y"))
        angles = spread(self.cast(sector, Real, "sector"), self.num_angles)[..., tf.newaxis]
        direction = tf.stack([tf.cos(angles), tf.sin(angles)], axis=-1)
        points = direction * tf.constant(self.ranges[:, np.newaxis], self.rdtype)
        steering = self.cast(self.array.steering(points))
        signal = tf.math.conj(principal_vector(y))
        product = tf.einsum("barn,bn->bar", steering, signal)
        share = tf.abs(product) ** 2 / steering.shape[-1]
        return tf.where(valid[:, tf.newaxis, tf.newaxis], share, float("nan"))

    def _search(
        self,
        spectrum: Callable[[tf.Tensor], tf.Tensor],
        lowest: tf.Tensor,
        length: tf.Tensor,
        number: int,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Position and value of the largest spectrum on an interval of each sample."""
        bounds = lowest[:, tf.newaxis], (lowest + length)[:, tf.newaxis]
        for zoom in range(self.num_zooms + 1):
            unit = tf.linspace(tf.zeros([], self.rdtype), 1.0, number)
            grid = lowest[:, tf.newaxis] + length[:, tf.newaxis] * unit
            if zoom:
                grid = tf.clip_by_value(grid, *bounds)
            values = spectrum(grid)
            index = tf.argmax(values, axis=-1, output_type=tf.int32)
            best = tf.gather(grid, index, batch_dims=1)
            step = length / (number - 1)
            lowest, length, number = best - step, 2 * step, 9
        return best, tf.gather(values, index, batch_dims=1)


def principal_vector(y: tf.Tensor) -> tf.Tensor:
    """Principal eigenvector [batch_size, n] of ``y @ y^H`` for observations [batch_size, n, t]."""
    largest = tf.reduce_max(tf.abs(y), axis=[1, 2], keepdims=True)
    y /= linalg.to_complex(tf.where(largest > 0, largest, tf.ones_like(largest)))
    gram = linalg.matmul(y, tf.linalg.adjoint(y))
    vector = tf.linalg.eigh(gram)[1][..., -1:]
    for _ in range(2):  # XLA's eigenvectors are good to 1e-5 only
        vector = linalg.matmul(gram, vector)
        vector /= linalg.to_complex(
            tf.maximum(tf.norm(tf.abs(vector), axis=1, keepdims=True), _TINY)
        )
    return vector[..., 0]
