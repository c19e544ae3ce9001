"""Detection of one target with a single carrier, and its angle."""

from __future__ import annotations

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
    plane_wave_array,
    register,
    sectors,
)
from sionna_isac.receiver.angle_delay import silenced, spread
from sionna_isac.receiver.estimate import TargetEstimate

__all__ = ["MAPRatioTest", "check_observation"]


@register
@cites("MateosRamos23")
class MAPRatioTest(Receiver):
    r"""Maximum a-posteriori ratio test of one target, Eqs. (7) and (8) of [MateosRamos23]_.

    .. math::
        \hat\theta = \arg\max_{\theta \in [\theta_\min, \theta_\max]}
        |\mathbf{a}^H(\theta)\, \mathbf{y}|^2, \qquad
        |\mathbf{a}^H(\hat\theta)\, \mathbf{y}|^2 \gtrless \bar\eta

    The metric is the statistic on the left-hand side;
    :func:`~sionna_isac.metrics.calibrate_threshold` finds :math:`\bar\eta` for a false alarm
    probability.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have, or any layer with its ``steering``
    angle_grid : `int` | [num_angles], array_like
        Number of angles, spread evenly over the sector of each sample; or a grid for all
        samples [rad]; the search covers those in the sector

    Input
    -----
    y : [batch_size, num_antennas] or [batch_size, num_antennas, 1], `tf.complex`
        Observation
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad]

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates of one target per sample: its angle, and the test statistic as ``metric``; NaN (an
        error in eager mode) where no grid angle lies in the sector, or ``y`` is not finite
    """

    def __init__(
        self, array: Array, angle_grid: Any, *, precision: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.angle_grid: Any = (
            checks.integer("angle_grid", angle_grid, minimum=2)
            if isinstance(angle_grid, (int, np.integer))
            else checks.angle_grid("angle_grid", angle_grid)
        )

    def call(self, y: Complex, sector: Real) -> TargetEstimate:
        y, sector = check_observation(y, sector, self.array.num_antennas)
        y, finite = silenced(y)
        if isinstance(self.angle_grid, int):
            angles = spread(sector, self.angle_grid)
            rows = self.cast(self.array.steering(angles))
            matched = linalg.matmul(y[:, tf.newaxis], tf.linalg.adjoint(rows))[:, 0]
            inside = tf.ones_like(angles, tf.bool)
        else:
            grid = tf.constant(self.angle_grid, self.rdtype)
            angles = tf.broadcast_to(grid, [linalg.sizes(y)[0], self.angle_grid.size])
            matched = linalg.matmul(y, tf.linalg.adjoint(self.cast(self.array.steering(grid))))
            inside = sectors.within(self.angle_grid, sector)
        valid = (sectors.has_angles(inside, sector) & finite)[:, tf.newaxis]
        statistic = tf.math.real(matched) ** 2 + tf.math.imag(matched) ** 2
        statistic = tf.where(inside, statistic, -1.0)  # below all inside, a zero among them
        best = tf.argmax(statistic, -1)[:, tf.newaxis]
        nan = tf.cast(float("nan"), self.rdtype)
        return TargetEstimate(
            tf.where(valid, tf.gather(angles, best, batch_dims=1), nan),
            None,
            tf.where(valid, tf.gather(statistic, best, batch_dims=1), nan),
        )


def check_observation(
    y: tf.Tensor, sector: tf.Tensor, num_antennas: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Single-carrier observation [batch_size, num_antennas] and its sector, checked."""
    checks.rank("y", y, (2, 3), "[batch_size, num_antennas] or [batch_size, num_antennas, 1]")
    checks.shape("y", y, [None, num_antennas, 1][: y.shape.rank])
    sector = checks.sector("sector", sector, y.shape[0])
    return y if y.shape.rank == 2 else y[..., 0], sector
