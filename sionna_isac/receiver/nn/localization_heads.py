"""Heads that make range, azimuth, their uncertainty and a peak of an embedding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import HeUniform, Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import dense, gelu

__all__ = ["Clipping", "LocalizationHeads", "LocalizerOutput"]

# Outputs of the last layer: range, its log-variance, sine, cosine, log-variance, peak (2)
NUM_OUTPUTS = 7
# Error of azimuths, in half turns, that their log-variances start with
AZIMUTH_ERROR = 1 / 6


class LocalizerOutput(NamedTuple):
    """Estimates of a network that classifies and localises; `None` for what it does not estimate.

    Attributes
    ----------
    logits : [batch_size, num_classes], `tf.float`
        Logits of the classes
    range : [batch_size], `tf.float`
        Range [m]
    azimuth : [batch_size], `tf.float`
        Azimuth [rad], within [-pi, pi]
    log_var_range : [batch_size], `tf.float`
        Logarithm of the variance of the range [m^2]
    log_var_azimuth : [batch_size], `tf.float`
        Logarithm of the variance of the azimuth in half turns, the angle divided by pi
    direction : [batch_size, 2], `tf.float`
        Sine and cosine of the azimuth
    peak : [batch_size, 2], `tf.float`
        Coordinates of the peak of the observation, within [0, 1]
    """

    logits: Any = None
    range: Any = None
    azimuth: Any = None
    log_var_range: Any = None
    log_var_azimuth: Any = None
    direction: Any = None
    peak: Any = None


class Clipping:
    """Smooth clipping of log-variances to an interval, see :class:`LocalizationHeads`.

    Parameters
    ----------
    interval : (`float`, `float`)
        Interval, the argument ``log_variance_interval`` of a layer
    start : sequence of `float`
        Log-variances at the start of a training, within the interval
    about : `str`
        What the first of them comes from, for the error
    """

    def __init__(self, interval: Any, start: Sequence[float], about: str) -> None:
        self.interval = checks.interval("log_variance_interval", interval)
        low, high = self.interval
        if not low < min(start) <= max(start) < high:
            raise ValueError(
                f"log_variance_interval must hold the start values, {start[0]:.3g} ({about}) "
                f"and {start[1]:.3g}, within; got {interval!r}"
            )
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self.bias = [
            self._half * math.atanh((s - self._middle) / self._half) + self._middle for s in start
        ]

    def __call__(self, value: tf.Tensor) -> tf.Tensor:
        return self._middle + self._half * tf.tanh((value - self._middle) / self._half)


@register
@cites("Zhao26")
class LocalizationHeads(Layer):
    r"""Heads of the localisation, Eqs. (36) to (38) and (45) of [Zhao26]_.

    A hidden layer with a GELU is common to all heads, which are linear in it. With its outputs
    :math:`\mathbf{z}`,

    .. math::
        \hat r = r_0 + \rho z_1, \quad
        \hat{\mathbf{a}} = \frac{(z_3, z_4)}{\|(z_3, z_4)\|_2}, \quad
        \hat\theta = \mathrm{atan2}(\hat a_1, \hat a_2), \quad
        \hat{\mathbf{u}} = \frac{1}{1 + e^{-(z_6, z_7)}} .

    Log-variances :math:`s` are clipped smoothly, :math:`\hat s = m + w \tanh((s - m)/w)` with the
    middle :math:`m` and half the width :math:`w` of an interval: a sample that reaches its end
    still has a gradient. They start with those of an error of :math:`\rho` in range and of 30° in
    azimuth; ranges start near :math:`r_0`, azimuths near broadside.

    Parameters
    ----------
    feature_dim : `int`
        Number of features of the embedding
    range_offset : `float`, (default 27.5)
        Middle of the ranges :math:`r_0` [m]
    range_scale : `float`, (default 13)
        Standard deviation of the ranges :math:`\rho` [m]
    log_variance_interval : (`float`, `float`), (default (-16, 8))
        Interval of the log-variances

    Input
    -----
    embedding : [batch_size, feature_dim], `tf.float`
        Embedding of the localisation :math:`\mathbf{h}_\mathrm{loc}`

    Output
    ------
    : :class:`LocalizerOutput`
        Estimates without logits; NaN for a sample that is not finite
    """

    def __init__(
        self,
        feature_dim: int,
        *,
        range_offset: float = 27.5,
        range_scale: float = 13.0,
        log_variance_interval: tuple[float, float] = (-16.0, 8.0),
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.feature_dim = checks.integer("feature_dim", feature_dim)
        self.range_offset = checks.real("range_offset", range_offset)
        self.range_scale = checks.real("range_scale", range_scale, minimum=0, exclusive=True)
        start = [2 * math.log(self.range_scale), 2 * math.log(AZIMUTH_ERROR)]
        self._clip = Clipping(log_variance_interval, start, "range_scale")
        self.log_variance_interval = self._clip.interval
        kind = self.rdtype.name
        self.hidden = dense(self.feature_dim, self.feature_dim, kind, activation=gelu)
        bias = np.array([0, self._clip.bias[0], 0, 1, self._clip.bias[1], 0, 0])
        # small, so that no output starts where its function is flat
        self.heads = dense(self.feature_dim, NUM_OUTPUTS, kind, kernel_initializer=HeUniform(0.1))
        self.heads.bias.assign(bias)

    def call(self, embedding: Real) -> LocalizerOutput:
        checks.shape("embedding", embedding, [None, self.feature_dim])
        # functions of a graph make numbers of NaN where they work on several at once
        finite = tf.reduce_all(tf.math.is_finite(embedding), -1, keepdims=True)
        embedding = tf.where(finite, embedding, tf.zeros_like(embedding))
        z = tf.where(finite, self.heads(self.hidden(embedding)), float("nan"))
        clipped = self._clip(z[:, 1:5:3])
        vector = z[:, 2:4]
        direction = vector * tf.math.rsqrt(
            tf.reduce_sum(vector**2, -1, keepdims=True) + np.finfo(z.dtype.as_numpy_dtype).tiny
        )
        peak = tf.sigmoid(z[:, 5:])
        clipped, peak = (tf.where(finite, v, float("nan")) for v in (clipped, peak))
        return LocalizerOutput(
            range=self.range_offset + self.range_scale * z[:, 0],
            azimuth=tf.atan2(direction[:, 0], direction[:, 1]),
            log_var_range=clipped[:, 0],
            log_var_azimuth=clipped[:, 1],
            direction=direction,
            peak=peak,
        )
