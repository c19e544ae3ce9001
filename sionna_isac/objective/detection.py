"""The loss of detecting several targets whose order does not matter."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import representable, samples
from sionna_isac.objective.assignment import norm_assignment, p_norm
from sionna_isac.objective.supervised import bernoulli_cross_entropy, detection_arguments

__all__ = ["detection_gospa_loss"]


@cites("MateosRamos25")
def detection_gospa_loss(
    estimate: Any, present: Any, cutoff: float, p: float = 2, from_logits: bool = False
) -> tf.Tensor:
    r"""Mean GOSPA of detection probabilities, the loss (19) of [MateosRamos25]_.

    .. math::
        d = \Bigl( \min_\pi \sum_{i=1}^{T_{\max}}
        \min(d(u_i, \hat u_{\pi(i)}), \gamma_u)^p \Bigr)^{1/p},\quad
        d(u, \hat u) = -u \log \hat u - (1 - u) \log(1 - \hat u)

    The paper compares sets of :math:`T` probabilities, the true number of targets. All true ones
    are then :math:`u_i = 1`, and a network that always answers 1 has no loss at all. Here all
    :math:`T_{\max}` answers are compared with :math:`u_i = 1` for the :math:`T` targets there are
    and :math:`u_i = 0` for the rest, so that absent targets are learned, too.

    The permutation is found exactly (:func:`~sionna_isac.objective.optimal_assignment`), on its
    own and not with positions: what is learned is how many targets there are. Pairs at or beyond
    the cut-off have gradient 0, so a cut-off near :math:`\log 2` would leave wrong answers as they
    are; a total of 0 has gradient 0. Probabilities are clipped as in
    :func:`~sionna_isac.objective.binary_cross_entropy`.

    Parameters
    ----------
    estimate : [..., max_targets], `tf.float`
        Estimated probabilities :math:`\hat u`, or their logits
    present : [..., max_targets], `tf.bool`
        `True` for targets that are present, :math:`u`, in any order (or numbers within [0, 1]):
        ``tf.sequence_mask(num_targets, max_targets)``
    cutoff : `float`
        Cut-off :math:`\gamma_u` > 0 of the cross-entropy of a pair
    p : `float`, (default 2)
        Order, 1 <= p
    from_logits : `bool`, (default `False`)
        If `True`, ``estimate`` holds logits in place of probabilities

    Output
    ------
    : scalar, `tf.float`
        Mean over all samples; NaN where an estimate is NaN (an error in eager mode)

    Raises
    ------
    ValueError
        If a parameter is out of its range or shapes do not fit, and, in eager mode, if a
        probability is not within [0, 1]
    """
    cutoff = checks.real("cutoff", cutoff, minimum=0, exclusive=True)
    p = checks.real("p", p, minimum=1)
    estimate, present = detection_arguments(estimate, present, from_logits)
    if estimate.shape.rank == 0 or estimate.shape[-1] is None:
        raise ValueError(f"estimate must have a static last dimension; got shape {estimate.shape}")
    size = samples("estimate", estimate).shape[-1]
    representable("p", math.log(p), estimate.dtype)
    representable("cutoff", math.log(cutoff), estimate.dtype)
    estimate, present = (tf.reshape(value, [-1, size]) for value in (estimate, present))
    pair = bernoulli_cross_entropy(
        estimate[:, tf.newaxis], present[:, :, tf.newaxis], from_logits
    )  # fmt: skip
    cost = tf.where(pair >= cutoff, tf.constant(cutoff, pair.dtype), pair)
    index = norm_assignment(cost, p)
    cost = tf.gather(cost, index[..., tf.newaxis], batch_dims=2)[..., 0]
    return tf.reduce_mean(p_norm(cost, p))
