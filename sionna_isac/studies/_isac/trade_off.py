"""Scores at a symbol error rate, between the points of a sweep of the beam."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

__all__ = ["Bounds", "bounds_at"]


class Bounds(NamedTuple):
    """Confidence interval of a score.

    Attributes
    ----------
    low, high : `float`
        Bounds; NaN where the sweep does not reach the symbol error rate
    points : tuple of `int`
        Indices of the points of the sweep that the bounds come from
    """

    low: float
    high: float
    points: tuple[int, ...]


def bounds_at(
    rate: float, rates: tuple[np.ndarray, ...], low: np.ndarray, high: np.ndarray
) -> Bounds:
    """Interval of a score at a symbol error rate.

    Between neighbouring points of the sweep, bounds are linear in the logarithm of the symbol error
    rate. The interval covers those that result from the measured rates and from the bounds of
    their confidence intervals; if a curve passes the rate several times, all passages. A point
    without any error has no place on the logarithmic axis, and no passage beside it.

    Parameters
    ----------
    rate : `float`
        Symbol error rate
    rates : tuple of [num_points], `float`
        Symbol error rates of the points, and their lower and upper bounds
    low, high : [num_points], `float`
        Bounds of the score at the points
    """
    lows, highs = [], []
    points: set[int] = set()
    for curve in rates:
        with np.errstate(divide="ignore"):
            passages = list(_passages(np.log(curve) - np.log(rate)))
        if not passages:
            return Bounds(np.nan, np.nan, ())
        for i, weight in passages:
            # a passage at a point is that point alone, whatever its neighbour is
            used = {j: w for j, w in ((i, 1 - weight), (i + 1, weight)) if w}
            lows.append(sum(w * low[j] for j, w in used.items()))
            highs.append(sum(w * high[j] for j, w in used.items()))
            points |= used.keys()
    return Bounds(float(np.min(lows)), float(np.max(highs)), tuple(sorted(points)))


def _passages(offset: np.ndarray) -> Iterator[tuple[int, float]]:
    """Points before a change of sign, and the relative distances of the zeros from them."""
    for i, (a, b) in enumerate(itertools.pairwise(offset)):
        if np.isfinite(a) and np.isfinite(b) and a * b <= 0 and a != b:
            yield i, float(a / (a - b))
