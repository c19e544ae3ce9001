"""Losses of the position of one target in range and azimuth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import azimuths, same_dtype, samples, within, wrapped

__all__ = [
    "azimuth_loss",
    "coupling_loss",
    "peak_loss",
    "peak_target",
    "planar_loss",
    "range_loss",
]


@cites("Zhao26")
def range_loss(estimate: Any, truth: Any, log_variance: Any = None) -> tf.Tensor:
    r"""Gaussian negative log-likelihood of ranges, Eq. (41) of [Zhao26]_.

    .. math::
        \frac{1}{2B} \sum_i \left(e^{-\hat s_i} e_i^2 + \hat s_i\right), \quad
        e_i = \hat r_i - r_i

    Without log-variances it is the mean of :math:`e_i^2`.

    Parameters
    ----------
    estimate : [batch_size], `tf.float`
        Estimated ranges :math:`\hat r` [m]
    truth : [batch_size], `tf.float`
        True ranges :math:`r` [m]
    log_variance : `None` (default) | [batch_size], `tf.float`
        Estimated logarithms :math:`\hat s` of the variance [m^2]

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite
    """
    estimate, truth = _pair("range", estimate, truth)
    return _likelihood("range", estimate - truth, log_variance)


@cites("Zhao26")
def azimuth_loss(estimate: Any, truth: Any, log_variance: Any = None) -> tf.Tensor:
    r"""Gaussian negative log-likelihood of azimuths, Eq. (41) of [Zhao26]_.

    The formula of :func:`range_loss` with the wrapped error in units of a half turn,
    :math:`e_i = \mathrm{wrap}(\hat\theta_i - \theta_i) / \pi`.

    Parameters
    ----------
    estimate : [batch_size], `tf.float`
        Estimated azimuths :math:`\hat\theta` [rad], anywhere
    truth : [batch_size], `tf.float`
        True azimuths :math:`\theta` [rad]
    log_variance : `None` (default) | [batch_size], `tf.float`
        Estimated logarithms :math:`\hat s` of the variance of :math:`e`

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a true azimuth
        exceeds 2 pi (degrees)
    """
    estimate, truth = _azimuths(estimate, truth)
    return _likelihood("azimuth", wrapped(estimate - truth) / math.pi, log_variance)


@cites("Zhao26")
def planar_loss(
    est_range: Any, est_azimuth: Any, true_range: Any, true_azimuth: Any, epsilon: float = 1e-6
) -> tf.Tensor:
    r"""Mean distance of estimated and true positions, Eq. (44) of [Zhao26]_.

    .. math::
        \frac{1}{B} \sum_i \sqrt{\hat r_i^2 + r_i^2 - 2 \hat r_i r_i \cos\Delta\theta_i + \epsilon}

    It is computed as :math:`(\hat r - r)^2 + 4\hat r r \sin^2(\Delta\theta / 2)`, which does not
    cancel where both positions are close.

    Parameters
    ----------
    est_range, est_azimuth : [batch_size], `tf.float`
        Estimated ranges [m] and azimuths [rad]
    true_range, true_azimuth : [batch_size], `tf.float`
        True ranges [m] and azimuths [rad]
    epsilon : `float`, (default 1e-6)
        :math:`\epsilon` [m^2], which keeps the gradient finite where both positions are equal

    Output
    ------
    : scalar, `tf.float`
        Loss [m]

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a true azimuth
        exceeds 2 pi (degrees)
    """
    epsilon = checks.real("epsilon", epsilon, minimum=0)
    distance, truth, turn = _errors(est_range, est_azimuth, true_range, true_azimuth)
    sine = tf.sin(turn / 2)
    square = distance**2 + 4 * (distance + truth) * truth * sine**2
    # rounding may make it negative for a negative range on the line through the origin
    return tf.reduce_mean(tf.sqrt(tf.where(square < 0, tf.zeros_like(square), square) + epsilon))


@cites("Zhao26")
def coupling_loss(
    est_range: Any, est_azimuth: Any, true_range: Any, true_azimuth: Any
) -> tf.Tensor:
    r"""Mean imbalance of radial and tangential errors, Eq. (48) of [Zhao26]_.

    .. math::
        \frac{1}{B} \sum_i \Bigl| |\hat r_i - r_i| - |r_i \Delta\theta_i| \Bigr|

    Parameters
    ----------
    est_range, est_azimuth : [batch_size], `tf.float`
        Estimated ranges [m] and azimuths [rad]
    true_range, true_azimuth : [batch_size], `tf.float`
        True ranges [m] and azimuths [rad]

    Output
    ------
    : scalar, `tf.float`
        Loss [m]

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a true azimuth
        exceeds 2 pi (degrees)
    """
    distance, truth, turn = _errors(est_range, est_azimuth, true_range, true_azimuth)
    return tf.reduce_mean(tf.abs(tf.abs(distance) - tf.abs(truth * turn)))


@cites("Zhao26")
def peak_target(h: Any) -> tf.Tensor:
    r"""Coordinates of the largest entry of the magnitude map, Eq. (46) of [Zhao26]_.

    .. math::
        \mathbf{u}^\star = \arg\max_{(r, t)} \sum_f |H_{frt}|

    Indices are divided by the largest one, so that coordinates lie within [0, 1]; a dimension of
    one antenna has the coordinate 0.

    Parameters
    ----------
    h : [batch_size, num_tones, num_rx, num_tx], `tf.complex`
        Channels

    Output
    ------
    : [batch_size, 2], `tf.float`
        Coordinates over receive and transmit antennas; NaN where a channel is not finite

    Raises
    ------
    ValueError
        If the shape does not fit, and, in eager mode, if a value is not finite
    """
    h = tf.convert_to_tensor(h)
    if not h.dtype.is_complex:
        raise TypeError(f"h must hold complex numbers; got {h.dtype.name}")
    checks.rank("h", h, 4, "[batch_size, num_tones, num_rx, num_tx]")
    magnitude = tf.reduce_sum(tf.abs(checks.finite("h", h)), 1)
    rows, columns = tf.shape(magnitude)[1], tf.shape(magnitude)[2]
    index = tf.argmax(tf.reshape(magnitude, [-1, rows * columns]), -1, tf.int32)
    place = tf.cast(tf.stack([index // columns, index % columns], -1), magnitude.dtype)
    size = tf.cast(tf.maximum(tf.stack([rows, columns]) - 1, 1), magnitude.dtype)
    finite = tf.reduce_all(tf.math.is_finite(magnitude), (1, 2))
    return tf.where(finite[:, tf.newaxis], place / size, np.nan)


@cites("Zhao26")
def peak_loss(estimate: Any, target: Any) -> tf.Tensor:
    r"""Mean 1-norm between estimated and observed peak, Eq. (47) of [Zhao26]_.

    .. math::
        \frac{1}{B} \sum_i \|\hat{\mathbf{u}}_i - \mathbf{u}_i^\star\|_1

    Parameters
    ----------
    estimate : [batch_size, 2], `tf.float`
        Estimated coordinates :math:`\hat{\mathbf{u}}`
    target : [batch_size, 2], `tf.float`
        Coordinates :math:`\mathbf{u}^\star` of the observation, see :func:`peak_target`

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a value is not finite or a target does
        not lie within [0, 1]
    """
    estimate, target = same_dtype(("estimate", estimate), ("target", target))
    checks.last_dim("estimate", checks.finite("estimate", estimate), 2, "(receive, transmit)")
    checks.shape("target", target, estimate.shape, "as estimate has")
    within("target", target, 1)
    samples("estimate", estimate)
    return tf.reduce_mean(tf.reduce_sum(tf.abs(estimate - target), -1))


def _pair(name: str, estimate: Any, truth: Any) -> list[tf.Tensor]:
    """Finite estimates and true values of one type and shape."""
    estimate, truth = same_dtype((f"estimated {name}", estimate), (f"true {name}", truth))
    checks.rank(f"estimated {name}", estimate, 1, "[batch_size]")
    checks.shape(f"true {name}", truth, estimate.shape, "as the estimates have")
    samples(f"estimated {name}", estimate)
    checks.finite(f"true {name}", truth)
    return [checks.finite(f"estimated {name}", estimate), truth]


def _azimuths(estimate: Any, truth: Any) -> list[tf.Tensor]:
    estimate, truth = _pair("azimuth", estimate, truth)
    return [estimate, azimuths("true azimuth", truth)]


def _errors(
    est_range: Any, est_azimuth: Any, true_range: Any, true_azimuth: Any
) -> list[tf.Tensor]:
    """Errors of ranges, true ranges and wrapped errors of azimuths, [batch_size] each."""
    distance, truth = _pair("range", est_range, true_range)
    azimuth, true_azimuth = _azimuths(est_azimuth, true_azimuth)
    checks.shape("estimated azimuth", azimuth, distance.shape, "as the ranges have")
    values = ("", distance - truth), ("", truth), ("", wrapped(azimuth - true_azimuth))
    return same_dtype(*values)


def _likelihood(name: str, error: tf.Tensor, log_variance: Any) -> tf.Tensor:
    if log_variance is None:
        return tf.reduce_mean(error**2)
    label = f"log_variance of {name}"
    error, log_variance = same_dtype((name, error), (label, log_variance))
    checks.shape(label, log_variance, error.shape, "as the estimates have")
    checks.finite(label, log_variance)
    return tf.reduce_mean(tf.exp(-log_variance) * error**2 + log_variance) / 2
