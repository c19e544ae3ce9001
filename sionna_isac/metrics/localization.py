"""Errors of angle, range, velocity and position of the targets that were found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from sionna_isac.core import checks
from sionna_isac.metrics._arrays import (
    booleans,
    counts,
    floats,
    not_a_number,
    root_mean_square,
    same_shape,
)

__all__ = ["LocalizationRMSE", "MatchedErrors", "localization_rmse", "matched_errors", "rmse"]


QUANTITIES = ("angle", "range", "velocity")


class MatchedErrors(NamedTuple):
    """Errors of all matched pairs, each of shape [num_matched].

    Errors are `None` for quantities that the estimate or the truth does not have.
    """

    angle: np.ndarray | None
    """Estimated minus true angle [rad], within [-pi, pi)"""
    range: np.ndarray | None
    """Estimated minus true range [m]"""
    position: np.ndarray | None
    """Distance of the positions [m]"""
    velocity: np.ndarray | None
    """Estimated minus true velocity [m/s]"""
    sample: np.ndarray
    """Index of the sample that the pair belongs to"""
    estimate: np.ndarray
    """Index of the estimate in its sample"""
    target: np.ndarray
    """Index of the true target in its sample"""


class LocalizationRMSE(NamedTuple):
    """Root mean squared errors over matched pairs.

    They are `None` for quantities that the estimate or the truth does not have.
    """

    angle: float | None
    """[rad]"""
    range: float | None
    """[m]"""
    position: float | None
    """[m]"""
    velocity: float | None
    """[m/s]"""
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
    mask = np.ones(truth.shape, bool) if mask is None else booleans("mask", mask)
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
    estimate: Any,
    truth: Any,
    *,
    detected: Any = None,
    scale: Mapping[str, float] | None = None,
    cutoff: float | None = None,
) -> MatchedErrors:
    r"""Errors of estimates that are paired with true targets.

    Within each sample, the sum of the squared distances, cut off at ``cutoff``, is minimal; pairs
    at least ``cutoff`` apart are then a missed and a false target and do not count. The distance
    is that of the positions, and the pairs are those of GOSPA; or, with a ``scale``,

    .. math::
        d^2 = \sum_i (\hat{x}_i - x_i)^2 / s_i^2

    over the quantities of the scale: those that a receiver estimates, in units of its resolution.

    Parameters
    ----------
    estimate : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates, or another object with the attributes ``angle`` [rad], ``range`` [m] and
        ``velocity`` [m/s], each `None` or [num_samples, max_estimated]
    truth : :class:`~sionna_isac.scene.PointTargets`
        True targets, or another object with these attributes, [num_samples, max_true], and with
        ``num_targets`` [num_samples]; entries beyond that number are ignored
    detected : `None` (default) | [num_samples, max_estimated], array_like of `bool`
        Estimates that count, such as ``estimate.metric > threshold`` or the ``mask`` of
        :class:`~sionna_isac.receiver.Detections`; others may be anything. `None` is all.
    scale : `None` (default) | `dict`
        Units of the distance of a pair by the names of quantities, such as ``{"range": 5.4,
        "velocity": 2.7}``; `None` is the distance of the positions
    cutoff : `None` (default) | `float`
        Cut-off distance, in m or in units of ``scale``; `None` is no cut-off: all of the smaller
        set are matched

    Output
    ------
    : :class:`MatchedErrors`
        Errors of all pairs, in the order of the samples; angles are compared on the circle

    Raises
    ------
    TypeError, ValueError
        If an attribute is missing, shapes do not fit, a value that counts is not finite, or an
        angle exceeds 2 pi (degrees)

    Example
    -------
    >>> errors = isac.metrics.matched_errors(
    ...     estimate, targets, detected=estimate.metric > threshold, cutoff=10.0
    ... )
    >>> errors.range[errors.target == 0]  # of the first target of each sample
    """
    limit = math.inf if cutoff is None else checks.real("cutoff", cutoff, minimum=0, exclusive=True)
    found, target = _quantities("estimate", estimate), _quantities("truth", truth)
    shape, true_shape = (next(iter(v.values())).shape for v in (found, target))
    if shape[0] != true_shape[0]:
        raise ValueError(
            f"estimate must have as many samples as truth, {true_shape[0]}; got {shape[0]}"
        )
    present = _present(truth, true_shape)
    counted = _counted(detected, shape)
    for name, values, mask in (("estimate", found, counted), ("truth", target, present)):
        for quantity, value in values.items():
            checks.finite(f"{name}.{quantity}", value[mask])
        if "angle" in values:
            checks.azimuth(f"{name}.angle", values["angle"][mask], 2 * math.pi)
    common = [name for name in QUANTITIES if name in found and name in target]
    units = _units(scale, common)
    placed = "angle" in common and "range" in common
    rows: dict[str, list[np.ndarray]] = {name: [] for name in MatchedErrors._fields}
    for sample, (mine, true) in enumerate(zip(counted, present, strict=True)):
        estimates, targets = np.flatnonzero(mine), np.flatnonzero(true)
        error = {
            name: found[name][sample, mine][:, np.newaxis] - target[name][sample, true]
            for name in common
        }
        if "angle" in error:
            error["angle"] = np.remainder(error["angle"] + np.pi, 2 * np.pi) - np.pi
        if placed:
            places = (
                v["range"][sample, m] * np.exp(1j * v["angle"][sample, m])
                for v, m in ((found, mine), (target, true))
            )
            error["position"] = np.abs(np.subtract.outer(*places))
        distance = (
            error["position"]
            if units is None
            else np.linalg.norm([error[name] / unit for name, unit in units.items()], axis=0)
        )
        i, j = _assigned(distance, limit)
        for name, value in error.items():
            rows[name].append(value[i, j])
        rows["sample"].append(np.full(i.size, sample))
        rows["estimate"].append(estimates[i])
        rows["target"].append(targets[j])
    indices = MatchedErrors._fields[-3:]
    joined: dict[str, Any] = dict.fromkeys(rows)
    for name in (*common, *(("position",) if placed else ()), *indices):
        kind = np.int64 if name in indices else np.float64
        joined[name] = np.concatenate([np.zeros(0), *rows[name]]).astype(kind)
    return MatchedErrors(**joined)


def localization_rmse(
    estimate: Any,
    truth: Any,
    *,
    detected: Any = None,
    scale: Mapping[str, float] | None = None,
    cutoff: float | None = None,
) -> LocalizationRMSE:
    """Root mean squared errors of angle, range, position and velocity over matched targets.

    Parameters are those of :func:`matched_errors`.

    Output
    ------
    : :class:`LocalizationRMSE`
        Errors; NaN with a warning if no target was matched
    """
    errors = matched_errors(estimate, truth, detected=detected, scale=scale, cutoff=cutoff)
    number = errors.sample.size
    nan = not_a_number("localisation error without any matched target") if number == 0 else 0.0
    angle, range_, position, velocity = (
        None if value is None else root_mean_square(value) if number else nan
        for value in (errors.angle, errors.range, errors.position, errors.velocity)
    )
    return LocalizationRMSE(angle, range_, position, velocity, number)


def _assigned(distance: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pairs below the limit in the best assignment."""
    unit = max(min(float(distance.max(initial=0.0)), limit), np.finfo(float).tiny)
    i, j = linear_sum_assignment((np.minimum(distance, limit) / unit) ** 2)
    near = distance[i, j] < limit * (1 - 1e-12)  # at the limit, however that is rounded
    return i[near], j[near]


def _quantities(name: str, value: Any) -> dict[str, np.ndarray]:
    """Quantities [num_samples, number] that are there, of equal shape."""
    missing = [q for q in QUANTITIES if not hasattr(value, q)]
    if missing:
        raise TypeError(
            f"{name} must have the attributes {', '.join(QUANTITIES)}; got "
            f"{type(value).__name__}, without {', '.join(missing)}"
        )
    found = {
        q: checks.floats(f"{name}.{q}", getattr(value, q))
        for q in QUANTITIES
        if getattr(value, q) is not None
    }
    if not found:
        raise ValueError(f"{name} must have an angle, a range or a velocity; got None for each")
    first = next(iter(found))
    if found[first].ndim != 2:
        raise ValueError(
            f"{name}.{first} must have 2 dimensions; got shape {list(found[first].shape)}"
        )
    for quantity, array in found.items():
        same_shape(f"{name}.{quantity}", array, f"{name}.{first}", found[first])
    return found


def _present(truth: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Mask [num_samples, max_true] of the targets that are there."""
    if not hasattr(truth, "num_targets"):
        raise TypeError(
            f"truth must have the attribute num_targets; got {type(truth).__name__}, without it"
        )
    count = counts("truth.num_targets", truth.num_targets, shape[1])
    if count.shape != shape[:1]:
        raise ValueError(
            f"truth.num_targets must have shape [{shape[0]}], a number for each sample; got shape "
            f"{list(count.shape)}"
        )
    return np.arange(shape[1]) < count[:, np.newaxis]


def _counted(detected: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Mask [num_samples, max_estimated] of the estimates that count."""
    mask = np.ones(shape, bool) if detected is None else booleans("detected", detected)
    if mask.shape != shape:
        raise ValueError(
            f"detected must have the shape of the estimates, {list(shape)}; got shape "
            f"{list(mask.shape)}"
        )
    return mask


def _units(scale: Any, common: list[str]) -> dict[str, float] | None:
    """Unit of each quantity that counts in a distance; `None` for that of positions."""
    if scale is None:
        if not {"angle", "range"} <= set(common):
            raise ValueError(
                "scale must be given where estimate or truth has no angle or no range, which a "
                f"position needs; got None, and both have {', '.join(common) or 'nothing'}"
            )
        return None
    if not isinstance(scale, Mapping) or not scale or not set(scale) <= set(common):
        raise ValueError(
            "scale must be a dictionary with quantities that estimate and truth have, "
            f"{', '.join(common) or 'none'}; got {scale!r}"
        )
    return {
        name: checks.real(f"scale[{name!r}]", unit, minimum=0, exclusive=True)
        for name, unit in scale.items()
    }
