"""Detection of several targets: misdetections, false alarms and the threshold between them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.metrics._arrays import counts, floats, not_a_number, same_shape

__all__ = [
    "ROC",
    "calibrate_threshold",
    "count_detections",
    "false_alarm_probability",
    "misdetection_probability",
    "roc",
]


class ROC(NamedTuple):
    """Receiver operating characteristic; each of the shape of the requested probabilities."""

    threshold: np.ndarray
    """Calibrated thresholds"""
    p_fa: np.ndarray
    """False alarm probabilities reached, at most those requested"""
    p_d: np.ndarray
    """Detection probabilities, 1 - p_md"""


def count_detections(metric: Any, threshold: float) -> np.ndarray:
    """Number of metrics strictly above the threshold.

    Parameters
    ----------
    metric : [..., max_targets], array_like
        Detection metric of each potential target
    threshold : `float`
        Threshold, in the unit of the metric; may be infinite

    Output
    ------
    : [...], `np.int64`
        Numbers of estimated targets

    Raises
    ------
    ValueError
        If ``metric`` is not finite or ``threshold`` is NaN
    """
    metric = floats("metric", metric)
    if metric.ndim == 0:
        raise ValueError("metric must have shape [..., max_targets]; got shape []")
    threshold = checks.real("threshold", threshold, infinite=True)
    return np.count_nonzero(metric > threshold, axis=-1)


@cites("MateosRamos25")
def misdetection_probability(num_estimated: Any, *, num_true: Any) -> float:
    r"""Misdetection probability, Eq. (20) of [MateosRamos25]_.

    .. math::
        p_\text{md} = 1 - \frac{\sum_i \min(T_i, \hat{T}_i)}{\sum_i T_i}

    Parameters
    ----------
    num_estimated : [num_samples], array_like of `int`
        Estimated numbers of targets
    num_true : [num_samples], array_like of `int`
        True numbers of targets

    Output
    ------
    : `float`
        Probability; NaN with a warning if there is no target in any sample
    """
    num_true, num_estimated = counts("num_true", num_true), counts("num_estimated", num_estimated)
    same_shape("num_estimated", num_estimated, "num_true", num_true)
    total = num_true.sum()
    if total == 0:
        return not_a_number("misdetection probability without any true target")
    return float(np.maximum(num_true - num_estimated, 0).sum() / total)


@cites("MateosRamos25")
def false_alarm_probability(num_estimated: Any, *, num_true: Any, max_targets: int) -> float:
    r"""False alarm probability, Eq. (21) of [MateosRamos25]_.

    .. math::
        p_\text{fa} = \frac{\sum_i \max(T_i, \hat{T}_i) - T_i}{\sum_i T_\text{max} - T_i}

    Parameters
    ----------
    num_estimated : [num_samples], array_like of `int`
        Estimated numbers of targets
    num_true : [num_samples], array_like of `int`
        True numbers of targets
    max_targets : `int`
        Largest possible number of targets

    Output
    ------
    : `float`
        Probability; NaN with a warning if all samples have ``max_targets`` targets
    """
    max_targets = checks.integer("max_targets", max_targets)
    num_true = counts("num_true", num_true, max_targets)
    num_estimated = counts("num_estimated", num_estimated, max_targets)
    same_shape("num_estimated", num_estimated, "num_true", num_true)
    room = (max_targets - num_true).sum()
    if room == 0:
        return not_a_number("false alarm probability without room for a false alarm")
    return float(np.maximum(num_estimated - num_true, 0).sum() / room)


@cites("MateosRamos25")
def calibrate_threshold(metric: Any, num_true: Any, p_fa: float) -> float:
    """Smallest threshold whose false alarm probability (21) does not exceed a requested one.

    It is exact, without a search: sample i has as many false alarms at a threshold as metrics
    above it, other than its ``num_true[i]`` largest ones. Pooled over the samples, these other
    metrics number as many as there can be false alarms, so that the false alarm probability is
    the share of the pool above the threshold, and the threshold an order statistic of the pool.

    Parameters
    ----------
    metric : [num_samples, max_targets], array_like
        Detection metrics, in any order
    num_true : [num_samples], array_like of `int`
        True numbers of targets
    p_fa : `float`
        Requested false alarm probability, 0 <= p_fa <= 1

    Output
    ------
    : `float`
        Threshold for :func:`count_detections`: one of the metrics, or minus infinity for
        ``p_fa`` = 1. NaN with a warning if all samples have ``max_targets`` targets.
    """
    pool = _false_alarm_pool(metric, num_true)
    p_fa = checks.real("p_fa", p_fa, minimum=0, maximum=1)
    if pool.size == 0:
        return not_a_number("threshold without room for a false alarm")
    return _order_statistic(pool, p_fa)


@cites("MateosRamos25")
def roc(metric: Any, num_true: Any, p_fas: Any) -> ROC:
    """Detection probability at calibrated false alarm probabilities.

    Parameters
    ----------
    metric : [num_samples, max_targets], array_like
        Detection metrics, in any order
    num_true : [num_samples], array_like of `int`
        True numbers of targets
    p_fas : [num_points], array_like
        Requested false alarm probabilities, each within [0, 1]

    Output
    ------
    : :class:`ROC`
        Thresholds, false alarm probabilities reached, detection probabilities. NaN with a
        warning where there is no room for a false alarm, or no target.
    """
    pool = _false_alarm_pool(metric, num_true)
    requested = floats("p_fas", p_fas, 1)
    for value in requested:
        checks.real("p_fas", value, minimum=0, maximum=1)
    if pool.size == 0:
        nan = np.full(requested.shape, not_a_number("threshold without room for a false alarm"))
        return ROC(nan, nan, nan)
    threshold = np.array([_order_statistic(pool, value) for value in requested])
    reached = np.array([np.count_nonzero(pool > t) / pool.size for t in threshold])

    # a target is detected where a metric is among the num_true largest and above the threshold
    hits = np.sort(_true_part(metric, num_true))
    if hits.size == 0:
        p_d = np.full(requested.shape, not_a_number("detection probability without any target"))
    else:
        p_d = 1 - np.searchsorted(hits, threshold, side="right") / hits.size
    return ROC(threshold, reached, p_d)


def _ordered(metric: Any, num_true: Any) -> tuple[np.ndarray, np.ndarray]:
    """Metrics in descending order, and the mask [num_samples, max_targets] of false ones."""
    metric = floats("metric", metric, 2)
    num_true = counts("num_true", num_true, metric.shape[1])
    if num_true.shape != metric.shape[:1]:
        raise ValueError(
            f"num_true must have shape [{metric.shape[0]}], as metric has; "
            f"got shape {list(num_true.shape)}"
        )
    surplus = np.arange(metric.shape[1]) >= num_true[:, np.newaxis]
    return -np.sort(-metric, axis=1), surplus


def _false_alarm_pool(metric: Any, num_true: Any) -> np.ndarray:
    """All metrics but the num_true largest of each sample, in descending order."""
    ordered, surplus = _ordered(metric, num_true)
    return -np.sort(-ordered[surplus])


def _true_part(metric: Any, num_true: Any) -> np.ndarray:
    ordered, surplus = _ordered(metric, num_true)
    return ordered[~surplus]


def _order_statistic(pool: np.ndarray, p_fa: float) -> float:
    # the largest number of false alarms k with k / size <= p_fa, safe against rounding
    k = math.floor(p_fa * pool.size)
    k += (k + 1) / pool.size <= p_fa
    k -= k / pool.size > p_fa
    # the (k+1)-th largest: not more than k are above it, and more are above anything less
    return float(pool[k]) if k < pool.size else -math.inf
