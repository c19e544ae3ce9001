"""Losses of a network that scores candidates, and classifies and localises from each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import tensorflow as tf

from sionna_isac.core import checks
from sionna_isac.objective._tensors import real, same_dtype
from sionna_isac.objective.multitask import Fields, multitask_terms

__all__ = ["candidate_loss", "candidate_terms"]

PHYSICS = ("planar", "coupling")
# Logit of a class that is certain
CERTAIN = 100.0


def candidate_terms(
    candidates: Any,
    labels: Any,
    *,
    reach: float = 7.0,
    score_weight: float = 1.0,
    weights: Mapping[str, float] | None = None,
    uncertainty: bool = True,
    physics: Collection[str] = PHYSICS,
) -> dict[str, tf.Tensor]:
    """Weighted terms of :func:`candidate_loss` by name; the parameters are the same.

    Output
    ------
    : `dict` of scalars, `tf.float`
        Term "score" (not there for a weight of 0), and those of :func:`multitask_terms`
    """
    reach = checks.real("reach", reach, minimum=0, exclusive=True)
    score_weight = checks.real("score_weight", score_weight, minimum=0)
    given, label = Fields("candidates", candidates), Fields("labels", labels)
    score = real("candidates.score", given["score"])
    checks.rank("candidates.score", score, 2, "[batch_size, num_candidates]")
    middle_range, middle_angle, true_range, true_azimuth = (
        tf.cast(value, score.dtype)
        for value in (given["range"], given["angle"], label["range"], label["azimuth"])
    )
    turn = middle_angle - true_azimuth[:, tf.newaxis]
    truth = true_range[:, tf.newaxis]
    square = (middle_range - truth) ** 2 + 4 * middle_range * truth * tf.sin(turn / 2) ** 2
    nearest = tf.argmin(square, -1, tf.int32)
    seen = tf.reduce_min(square, -1) <= reach**2

    estimates = Fields("candidates.estimates", given["estimates"])

    def of_nearest(name: str, default: Any) -> Any:
        if not estimates.has(name):
            return None
        value = tf.gather(real(name, estimates[name]), nearest, batch_dims=1)
        shape = [-1] + [1] * (value.shape.rank - 1)
        return tf.where(tf.reshape(seen, shape), value, tf.cast(default, value.dtype))

    # a target outside of all patches is no reason for a loss: its estimates are made perfect
    certain = 0.0
    if estimates.has("logits"):
        certain = CERTAIN * tf.one_hot(label["category"], estimates["logits"].shape[-1])
    perfect = {
        "logits": certain,
        "range": label["range"],
        "azimuth": label["azimuth"],
        "log_var_range": 0.0,
        "log_var_azimuth": 0.0,
    }
    out = {name: of_nearest(name, value) for name, value in perfect.items()}
    terms = multitask_terms(out, labels, weights=weights, uncertainty=uncertainty, physics=physics)
    if score_weight:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(nearest, score)
        loss = tf.reduce_mean(tf.where(seen, loss, tf.zeros_like(loss)))
        terms = {"score": score_weight * loss, **terms}
    return terms


def candidate_loss(
    candidates: Any,
    labels: Any,
    *,
    reach: float = 7.0,
    score_weight: float = 1.0,
    weights: Mapping[str, float] | None = None,
    uncertainty: bool = True,
    physics: Collection[str] = PHYSICS,
) -> tf.Tensor:
    r"""Loss of estimates from several candidates, of which one is the target.

    With the scores :math:`s_n` and the candidate :math:`n^\star` whose middle is nearest to the
    true position,

    .. math::
        \mathcal{L} = -\lambda_s \log \frac{e^{s_{n^\star}}}{\sum_n e^{s_n}}
        + \mathcal{L}_{n^\star},

    averaged over the batch, where :math:`\mathcal{L}_{n^\star}` is :func:`multitask_loss` of the
    estimates from that candidate. Samples whose target is farther than ``reach`` from all
    candidates count with a loss of 0.

    Parameters
    ----------
    candidates : :class:`~sionna_isac.receiver.LocalizerCandidates`
        Scores and estimates
    labels : :class:`MultitaskLabels`
        Labels
    reach : `float`, (default 7)
        Largest distance of a target from the middle of a patch [m], about half its side
    score_weight : `float`, (default 1)
        Weight of the scores :math:`\lambda_s`
    weights, uncertainty
        Parameters of :func:`multitask_loss`
    physics : collection of "planar" | "coupling", (default ("planar", "coupling"))
        Terms of (43) in [Zhao26]_ that are added

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If ``reach`` is not positive, a weight is negative, or as :func:`multitask_loss`
    """
    terms = candidate_terms(
        candidates,
        labels,
        reach=reach,
        score_weight=score_weight,
        weights=weights,
        uncertainty=uncertainty,
        physics=physics,
    )
    return tf.add_n(same_dtype(*terms.items()))
