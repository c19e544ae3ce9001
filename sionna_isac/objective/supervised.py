"""Losses of single tasks that need labels: position, angle, presence of a target, message."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import (
    azimuths,
    binary,
    real,
    same_dtype,
    samples,
    within,
    wrapped,
)

__all__ = [
    "angle_mse",
    "bernoulli_cross_entropy",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "detection_arguments",
    "position_mse",
]


@cites("MateosRamos25")
def position_mse(estimate: Any, truth: Any, present: Any) -> tf.Tensor:
    r"""Mean squared distance of positions, the single-target loss of [MateosRamos25]_.

    .. math::
        \frac{1}{\sum_b t_b} \sum_b t_b\, \|\mathbf{p}_b - \hat{\mathbf{p}}_b\|_2^2

    as in Section V-C of [MateosRamos25]_, there to compare with [MateosRamos23]_. The mean is over
    the samples that have a target; what the others hold does not matter. A batch without any
    target gives 0, with gradient 0.

    Parameters
    ----------
    estimate : [..., 2], `tf.float`
        Estimated positions [m]
    truth : [..., 2], `tf.float`
        True positions [m]
    present : [...], `tf.bool`
        `True` where there is a target, :math:`t` (or 0 and 1)

    Output
    ------
    : scalar, `tf.float`
        Loss [m^2]; NaN where a position that counts is not finite, or ``present`` is neither 0
        nor 1 (errors in eager mode)

    Raises
    ------
    ValueError
        If the shapes do not fit
    """
    estimate, truth = same_dtype(("estimate", estimate), ("truth", truth))
    for name, value in (("estimate", estimate), ("truth", truth)):
        checks.last_dim(name, value, 2, "(x, y)")
    checks.shape("truth", truth, estimate.shape, "as estimate has")
    return _mean_square(estimate - truth, present)


@cites("MateosRamos23")
def angle_mse(estimate: Any, truth: Any, present: Any) -> tf.Tensor:
    r"""Mean squared error of angles where there is a target, the sensing part of (12).

    .. math::
        \frac{1}{\sum_b t_b} \sum_b t_b\, |\hat\theta_b - \theta_b|^2

    :math:`\mathcal{J}_\mathrm{angle}` of [MateosRamos23]_, which "is meaningful only when
    :math:`t = 1`". The mean is over the samples that have a target; a batch without any target
    gives 0, with gradient 0. Differences are those on the circle: 179 and -179 degrees are
    2 degrees apart.

    Parameters
    ----------
    estimate : [...], `tf.float`
        Estimated angles [rad], anywhere
    truth : [...], `tf.float`
        True angles [rad]
    present : [...], `tf.bool`
        `True` where there is a target, :math:`t` (or 0 and 1)

    Output
    ------
    : scalar, `tf.float`
        Loss [rad^2]; NaN where an angle that counts is not finite, a true one exceeds 2 pi
        (degrees), or ``present`` is neither 0 nor 1 (errors in eager mode)

    Raises
    ------
    ValueError
        If the shapes do not fit
    """
    estimate, truth = same_dtype(("estimate", estimate), ("truth", truth))
    checks.shape("truth", truth, estimate.shape, "as estimate has")
    truth = azimuths("truth", truth, present)
    return _mean_square(wrapped(estimate - truth)[..., tf.newaxis], present)


@cites("MateosRamos23")
def binary_cross_entropy(estimate: Any, present: Any, from_logits: bool = False) -> tf.Tensor:
    r"""Binary cross-entropy of target detection, Eq. (9) of [MateosRamos23]_.

    .. math::
        -\mathbb{E}[t \log \hat p + (1 - t) \log(1 - \hat p)]

    Logits :math:`\log\frac{\hat p}{1 - \hat p}` are the safer input: the loss then grows linearly
    for wrong answers of any confidence. Probabilities are clipped to
    :math:`[\epsilon, 1 - \epsilon]` with the machine epsilon of their type, so that the loss is at
    most 15.9 in single and 36.0 in double precision, with gradient 0 beyond.

    Parameters
    ----------
    estimate : [...], `tf.float`
        Estimated probabilities :math:`\hat p` that there is a target, or their logits
    present : [...], `tf.bool`
        `True` where there is one, :math:`t` (or numbers within [0, 1])
    from_logits : `bool`, (default `False`)
        If `True`, ``estimate`` holds logits in place of probabilities

    Output
    ------
    : scalar, `tf.float`
        Mean over all entries

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a probability is not within [0, 1]
    """
    estimate, present = detection_arguments(estimate, present, from_logits)
    samples("estimate", estimate)
    return tf.reduce_mean(bernoulli_cross_entropy(estimate, present, from_logits))


@cites("MateosRamos23")
def categorical_cross_entropy(estimate: Any, message: Any, from_logits: bool = False) -> tf.Tensor:
    r"""Categorical cross-entropy of messages, Eq. (10) of [MateosRamos23]_.

    .. math::
        -\mathbb{E}\Bigl[\sum_{j=1}^{|\mathcal{M}|} m_j^\mathrm{enc} \log \hat m_j\Bigr]

    with the one-hot encoding :math:`\mathbf{m}^\mathrm{enc}` of the message. Logits (what goes
    into a softmax) are the safer input. Probabilities are taken as they are, without
    normalisation, and those below the machine epsilon of their type are raised to it, with
    gradient 0 there.

    Parameters
    ----------
    estimate : [..., num_messages], `tf.float`
        Estimated probabilities of the messages, or their logits
    message : [...], `tf.int`
        Indices of the messages that were sent
    from_logits : `bool`, (default `False`)
        If `True`, ``estimate`` holds logits in place of probabilities

    Output
    ------
    : scalar, `tf.float`
        Mean over all samples

    Raises
    ------
    ValueError
        If the shapes do not fit, and, in eager mode, if a probability or message is out of range
    """
    estimate = real("estimate", estimate)
    message = tf.convert_to_tensor(message)
    if not message.dtype.is_integer:
        raise TypeError(f"message must hold integers; got {message.dtype.name}")
    samples("estimate", checks.rank("estimate", estimate, range(1, 255), "[..., num_messages]"))
    checks.shape("message", message, estimate.shape[:-1], "as estimate has without its last one")
    number = estimate.shape[-1]
    within("message", message, number - 1)
    sent = tf.one_hot(message, number, dtype=estimate.dtype)
    if from_logits:
        logarithm = tf.nn.log_softmax(checks.finite("estimate", estimate))
    else:
        within("estimate", estimate, 1)
        epsilon = _epsilon(estimate)
        logarithm = tf.math.log(tf.where(estimate < epsilon, epsilon, estimate))
    # a message out of range, which a graph cannot refuse, would cost nothing
    sent = tf.where(tf.reduce_any(sent > 0, -1, keepdims=True), sent, np.nan)
    return -tf.reduce_mean(tf.reduce_sum(sent * logarithm, -1))


def detection_arguments(
    estimate: Any, present: Any, from_logits: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Probabilities (or logits) and labels of the same type and shape, checked."""
    estimate = real("estimate", estimate)
    present = tf.cast(tf.convert_to_tensor(present), estimate.dtype)
    checks.shape("present", present, estimate.shape, "as estimate has")
    within("present", present, 1)
    if from_logits:
        checks.finite("estimate", estimate)
    else:
        within("estimate", estimate, 1)
    return estimate, present


def bernoulli_cross_entropy(
    estimate: tf.Tensor, present: tf.Tensor, from_logits: bool
) -> tf.Tensor:
    """Cross-entropy of each pair of entries, which broadcast; finite with finite gradients."""
    if from_logits:
        return present * tf.nn.softplus(-estimate) + (1 - present) * tf.nn.softplus(estimate)
    epsilon = _epsilon(estimate)
    estimate = tf.where(estimate < epsilon, epsilon, estimate)
    estimate = tf.where(estimate > 1 - epsilon, 1 - epsilon, estimate)
    return -present * tf.math.log(estimate) - (1 - present) * tf.math.log1p(-estimate)


def _mean_square(difference: tf.Tensor, present: Any) -> tf.Tensor:
    """Mean over the entries that are present of the squared norms of differences [..., n]."""
    present, good = binary("present", present)
    checks.shape("present", present, difference.shape[:-1])
    difference = tf.where(present[..., tf.newaxis], difference, 0.0)
    checks.finite("the difference of estimate and truth", difference)
    number = tf.reduce_sum(tf.cast(present, difference.dtype))
    mean = tf.reduce_sum(difference * difference) / tf.maximum(number, 1.0)
    return tf.where(good, mean, np.nan)


def _epsilon(value: tf.Tensor) -> tf.Tensor:
    return tf.constant(np.finfo(value.dtype.as_numpy_dtype).eps, value.dtype)
