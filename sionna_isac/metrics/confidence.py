"""Confidence intervals of Monte-Carlo estimates."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from sionna_isac.core import checks
from sionna_isac.metrics._arrays import floats, not_a_number, root_mean_square, same_shape

__all__ = ["Interval", "mean_interval", "proportion_interval", "ratio_interval"]


class Interval(NamedTuple):
    """Confidence interval."""

    low: float
    high: float


def proportion_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Wilson score interval of a probability, from independent trials.

    Unlike the normal approximation it stays within [0, 1] and has a width when no error, or
    nothing but errors, was seen.

    Parameters
    ----------
    successes : `int`
        Number of trials with the event, 0 <= successes <= trials
    trials : `int`
        Number of trials
    level : `float`, (default 0.95)
        Confidence level, 0 < level < 1

    Output
    ------
    : :class:`Interval`
        Interval; NaN with a warning if ``trials`` is 0
    """
    trials = checks.integer("trials", trials, minimum=0)
    successes = checks.integer("successes", successes, minimum=0, maximum=trials)
    level = _level(level)
    if trials == 0:
        nan = not_a_number("confidence interval of a proportion of zero trials")
        return Interval(nan, nan)
    return _wilson(successes / trials, trials, level)


def mean_interval(values: Any, level: float = 0.95) -> Interval:
    """Student interval of a mean, from independent values.

    Parameters
    ----------
    values : [num_values], array_like
        Values, one for each independent sample
    level : `float`, (default 0.95)
        Confidence level, 0 < level < 1

    Output
    ------
    : :class:`Interval`
        Interval; NaN with a warning if there are fewer than two values
    """
    values = floats("values", values, 1)
    level = _level(level)
    if values.size < 2:
        nan = not_a_number("confidence interval of a mean of fewer than two values")
        return Interval(nan, nan)
    mean = float(values.mean())
    error = root_mean_square(values - mean) / math.sqrt(values.size - 1)
    return _student(mean, error, values.size, level)


def ratio_interval(numerators: Any, denominators: Any, level: float = 0.95) -> Interval:
    r"""Interval of a ratio of sums over independent samples.

    Misdetection and false alarm probabilities are such ratios: the targets of one sample are not
    independent of each other, the samples are. The variance of
    :math:`\hat{r} = \sum_i n_i / \sum_i d_i` is by the delta method that of the residuals
    :math:`n_i - \hat{r} d_i` over :math:`(\sum_i d_i)^2`.

    - If all :math:`0 \le n_i \le d_i`, the ratio is a proportion and the interval is Wilson's for
      the number of independent trials of that variance, at most :math:`\sum_i d_i`. If the
      ratio is 0 or 1 the variance says nothing, and each sample counts as one trial.
    - Otherwise it is Student's.

    Parameters
    ----------
    numerators : [num_samples], array_like
        Numerators, one for each sample
    denominators : [num_samples], array_like
        Denominators >= 0
    level : `float`, (default 0.95)
        Confidence level, 0 < level < 1

    Output
    ------
    : :class:`Interval`
        Interval; NaN with a warning if fewer than two samples have a denominator above 0
    """
    numerators, denominators = (
        floats("numerators", numerators, 1),
        floats("denominators", denominators, 1),
    )
    same_shape("denominators", denominators, "numerators", numerators)
    level = _level(level)
    if np.any(denominators < 0):
        raise ValueError(f"denominators must be >= 0; got a minimum of {denominators.min():g}")
    total = float(denominators.sum())
    size = int(np.count_nonzero(denominators))
    if size < 2:
        nan = not_a_number("confidence interval of a ratio of fewer than two samples")
        return Interval(nan, nan)
    ratio = float(numerators.sum()) / total
    residual = (numerators - ratio * denominators) / total
    error = root_mean_square(residual) * math.sqrt(residual.size * size / (size - 1))
    if np.any(numerators < 0) or np.any(numerators > denominators):
        return _student(ratio, error, size, level)
    if ratio in (0.0, 1.0):
        return _wilson(ratio, size, level)
    variance = error**2
    trials = min(ratio * (1 - ratio) / variance, total) if variance > 0 else total
    return _wilson(ratio, trials, level)


def _level(level: float) -> float:
    return checks.real("level", level, minimum=0, maximum=1, exclusive=True)


def _student(mean: float, error: float, size: int, level: float) -> Interval:
    half = float(stdtrit(size - 1, (1 + level) / 2)) * error
    return Interval(mean - half, mean + half)


def _wilson(proportion: float, trials: float, level: float) -> Interval:
    z = float(ndtri((1 + level) / 2))
    shrink = 1 + z**2 / trials
    centre = (proportion + z**2 / (2 * trials)) / shrink
    spread = proportion * (1 - proportion) / trials + z**2 / (4 * trials**2)
    half = z * math.sqrt(spread) / shrink
    low = 0.0 if proportion == 0 else max(centre - half, 0.0)
    high = 1.0 if proportion == 1 else min(centre + half, 1.0)
    return Interval(low, high)
