"""Errors of angle, range and position of the targets that were found."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from sionna_isac.core import checks
from sionna_isac.metrics._arrays import (
    counts,
    floats,
    not_a_number,
    root_mean_square,
    same_shape,
)

__all__ = ["LocalizationRMSE", "MatchedErrors", "localization_rmse", "matched_errors", "rmse"]


class MatchedErrors(NamedTuple):
    """Errors of all matched pairs, each of shape [num_matched]."""

    angle: np.ndarray
    """Estimated minus true angle [rad], within [-pi, pi)"""
    range: np.ndarray
    """Estimated minus true range [m]"""
    position: np.ndarray
    """Distance of the positions [m]"""
    sample: np.ndarray
    """Index of the sample that the pair belongs to"""
    estimate: np.ndarray
    """Index of the estimate in its sample"""
    target: np.ndarray
    """Index of the true target in its sample"""


class LocalizationRMSE(NamedTuple):
    """Root mean squared errors over matched pairs."""

    angle: float
    """[rad]"""
    range: float
    """[m]"""
    position: float
    """[m]"""
    num_matched: int
    """Number of pairs"""


def rmse(estimate: Any, truth: Any, mask: Any = None, period: float | None = None) -> float:
    """Root mean squared error.

    Complex values are positions x + jy: the error is their distance. Differences are taken as
    they are, unless a ``period`` is given: of angles of a whole circle, ``period=2*np.pi`` takes
    the shorter way round. Azimuths in front of a linear array, within [-pi/2, pi/2], need none.

    Parameters
    ----------
    estimate : [...], array_like
        Estimated values
    truth : [...], array_like
        True values, of the same shape
    mask : `None` (default) | [...], array_like of `bool`
        `True` for values that count; the others may be anything, also NaN
    period : `None` (default) | `float`
        Period of the values, in their unit

    Output
    ------
    : `float`
        Error in the unit of the values; NaN with a warning if no value counts
    """
    estimate, truth = checks.numbers("estimate", estimate), checks.numbers("truth", truth)
    same_shape("estimate", estimate, "truth", truth)
    mask = np.ones(truth.shape, bool) if mask is None else np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"mask must hold booleans; got {mask.dtype}")
    same_shape("mask", mask, "truth", truth)
    if not mask.any():
        return not_a_number("root mean squared error over zero values")
    difference = checks.finite("estimate", estimate[mask]) - checks.finite("truth", truth[mask])
    if period is not None:
        period = checks.real("period", period, minimum=0, exclusive=True)
        difference = floats("a difference with a period", difference)
        difference = difference - period * np.round(difference / period)
    return root_mean_square(difference)


def matched_errors(
    est_angle: Any,
    est_range: Any,
    true_angle: Any,
    true_range: Any,
    num_estimated: Any,
    num_true: Any,
    cutoff: float | None = None,
) -> MatchedErrors:
    """Errors of estimates paired with true targets by the assignment that GOSPA makes.

    Within each sample, the sum of the squared distances, cut off at ``cutoff``, is minimal; pairs
    at least ``cutoff`` apart are then a missed and a false target and do not count.

    Parameters
    ----------
    est_angle, est_range : [num_samples, max_estimated], array_like
        Estimated angles [rad] and ranges [m]; entries after ``num_estimated`` are ignored
    true_angle, true_range : [num_samples, max_true], array_like
        True angles [rad] and ranges [m]; entries after ``num_true`` are ignored
    num_estimated, num_true : [num_samples], array_like of `int`
        Estimated and true numbers of targets
    cutoff : `None` (default) | `float`
        Cut-off distance [m]; `None` is no cut-off: all of the smaller set are matched

    Output
    ------
    : :class:`MatchedErrors`
        Errors of all pairs, in the order of the samples; angles are compared on the circle

    Raises
    ------
    ValueError
        If shapes do not fit, a value that counts is not finite, or an angle exceeds 2 pi (degrees)
    """
    limit = math.inf if cutoff is None else checks.real("cutoff", cutoff, minimum=0, exclusive=True)
    estimate = _polar(
        "est_angle", est_angle, "est_range", est_range, num_estimated, "num_estimated"
    )
    truth = _polar("true_angle", true_angle, "true_range", true_range, num_true, "num_true")
    if len(estimate) != len(truth):
        raise ValueError(
            f"est_angle must have as many samples as true_angle, {len(truth)}; got {len(estimate)}"
        )
    rows: list[np.ndarray] = []
    for sample, (found, target) in enumerate(zip(estimate, truth, strict=True)):
        distance = np.abs(_complex(found)[:, np.newaxis] - _complex(target))
        unit = max(float(distance.max(initial=0.0)), np.finfo(float).tiny)
        i, j = linear_sum_assignment((np.minimum(distance, limit) / unit) ** 2)
        near = distance[i, j] < limit * (1 - 1e-12)  # at the limit, however that is rounded
        i, j = i[near], j[near]
        angle, range_ = found[:, i] - target[:, j]
        angle = np.remainder(angle + np.pi, 2 * np.pi) - np.pi
        places = np.full(i.size, sample), i, j
        rows.append(np.stack([angle, range_, distance[i, j], *places]))
    angle, range_, position, *indices = np.concatenate([np.zeros((6, 0)), *rows], axis=1)
    return MatchedErrors(angle, range_, position, *(v.astype(np.int64) for v in indices))


def localization_rmse(
    est_angle: Any,
    est_range: Any,
    true_angle: Any,
    true_range: Any,
    num_estimated: Any,
    num_true: Any,
    cutoff: float | None = None,
) -> LocalizationRMSE:
    """Root mean squared errors of angle, range and position over matched targets.

    Parameters and inputs are those of :func:`matched_errors`.

    Output
    ------
    : :class:`LocalizationRMSE`
        Errors; NaN with a warning if no target was matched
    """
    errors = matched_errors(
        est_angle, est_range, true_angle, true_range, num_estimated, num_true, cutoff
    )
    if errors.sample.size == 0:
        nan = not_a_number("localisation error without any matched target")
        return LocalizationRMSE(nan, nan, nan, 0)
    return LocalizationRMSE(
        root_mean_square(errors.angle),
        root_mean_square(errors.range),
        root_mean_square(errors.position),
        errors.sample.size,
    )


def _complex(polar: np.ndarray) -> np.ndarray:
    return polar[1] * np.exp(1j * polar[0])


def _polar(
    angle_name: str, angle: Any, range_name: str, range_: Any, count: Any, count_name: str
) -> list[np.ndarray]:
    """Angles and ranges [2, count] of the targets of each sample."""
    angle, range_ = checks.floats(angle_name, angle), checks.floats(range_name, range_)
    if angle.ndim != 2:
        raise ValueError(f"{angle_name} must have 2 dimensions; got shape {list(angle.shape)}")
    same_shape(range_name, range_, angle_name, angle)
    count = counts(count_name, count, angle.shape[1])
    if count.shape != angle.shape[:1]:
        raise ValueError(
            f"{count_name} must have shape [{angle.shape[0]}], as {angle_name} has; "
            f"got shape {list(count.shape)}"
        )
    there = np.arange(angle.shape[1]) < count[:, np.newaxis]
    checks.azimuth(angle_name, checks.finite(angle_name, angle[there]), 2 * math.pi)
    checks.finite(range_name, range_[there])
    return [np.stack([a[:n], r[:n]]) for a, r, n in zip(angle, range_, count, strict=True)]
