"""Estimates of targets, the output of receivers."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

__all__ = ["TargetEstimate"]


class TargetEstimate(NamedTuple):
    r"""Estimates of up to T targets per sample; `None` for quantities without an estimate.

    A threshold on ``metric`` decides which of them count as targets. It differs between receivers;
    the page on conventions has a table.

    Attributes
    ----------
    angle : `None` | [batch_size, T], `tf.float`
        Azimuth [rad]
    range : `None` | [batch_size, T], `tf.float`
        Distance [m]
    metric : [batch_size, T], `tf.float`
        Evidence of each target, see the receiver
    gain : `None` (default) | [batch_size, T], `tf.complex`
        Complex gain of the echo at an antenna, in the far field
        :math:`\alpha = \nu\,\psi\,\mathbf{a}^\top(\theta)\,\mathbf{f}`: that of the beam is in it,
        unlike in the :math:`\psi` of :class:`~sionna_isac.scene.PointTargets`
    velocity : `None` (default) | [batch_size, T], `tf.float`
        Radial velocity [m/s], positive for targets that recede
    """

    angle: tf.Tensor
    range: tf.Tensor | None
    metric: tf.Tensor
    gain: tf.Tensor | None = None
    velocity: tf.Tensor | None = None

    @property
    def position(self) -> tf.Tensor:
        """[batch_size, T, 2], `tf.float` : x and y [m]"""
        if self.angle is None or self.range is None:
            name = "range" if self.range is None else "angle"
            raise ValueError(f"{name} must be estimated for a position; got None")
        direction = tf.stack([tf.cos(self.angle), tf.sin(self.angle)], axis=-1)
        return self.range[..., tf.newaxis] * direction
