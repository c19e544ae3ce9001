"""Scores of the samples of one approach, with confidence intervals: one point of a curve."""

from __future__ import annotations

import numpy as np

from sionna_isac import metrics, objective, receiver, scene

__all__ = [
    "DETECTION",
    "POINT",
    "VELOCITY",
    "evaluate_detection",
    "evaluate_point",
    "symbol_error_rate",
]

DETECTION: tuple[str, ...] = (
    *("p_d", "p_d_low", "p_d_high", "p_fa_achieved", "threshold"),
    *("angle_rmse", "angle_rmse_low", "angle_rmse_high"),
)
POINT: tuple[str, ...] = (
    *("gospa", "gospa_low", "gospa_high", *DETECTION),
    *("range_rmse", "range_rmse_low", "range_rmse_high", "position_rmse"),
)
VELOCITY: tuple[str, ...] = ("velocity_rmse", "velocity_rmse_low", "velocity_rmse_high")


def evaluate_detection(
    data: dict[str, np.ndarray], p_fa: float, level: float = 0.95
) -> dict[str, float]:
    """Scores of at most one target, with an estimated angle and no range.

    Parameters
    ----------
    data : `dict`
        Estimates ("angle", "metric") and truth ("true_angle"), each [num_samples, 1], and
        "num_targets" [num_samples]
    p_fa : `float`
        False-alarm probability
    level : `float`, (default 0.95)
        Confidence level of the intervals

    Output
    ------
    : `dict`
        Scores by the names in ``DETECTION``; the error of the angle is that of detected targets
    """
    number = data["num_targets"]
    threshold = metrics.calibrate_threshold(data["metric"], number, p_fa)
    count = metrics.count_detections(data["metric"], threshold)
    hit = (number == 1) & (count == 1)
    error = (data["angle"] - data["true_angle"])[hit, 0]
    angle = _root_mean_square(error, np.flatnonzero(hit), level)
    entries = (*_detection(number, count, threshold, 1, level), *angle)
    return dict(zip(DETECTION, (float(e) for e in entries), strict=True))


def _detection(
    number: np.ndarray,
    count: np.ndarray,
    threshold: float,
    max_targets: int,
    level: float,
) -> tuple[float, ...]:
    """Scores in the order of ``DETECTION``, without the angle.

    The interval is that of detections at this threshold; it does not include the uncertainty of the
    calibrated threshold.
    """
    return (
        1 - metrics.misdetection_probability(count, num_true=number),
        *metrics.ratio_interval(np.minimum(number, count), number, level),
        metrics.false_alarm_probability(count, num_true=number, max_targets=max_targets),
        threshold,
    )


def evaluate_point(
    data: dict[str, np.ndarray], p_fa: float, cutoff: float, level: float = 0.95
) -> dict[str, float]:
    """Scores of samples at the threshold of a false-alarm probability.

    Parameters
    ----------
    data : `dict`
        Estimates ("angle", "range", "metric") and truth ("true_angle", "true_range"), each
        [num_samples, max_targets], and "num_targets" [num_samples]; of moving targets also
        "velocity" and "true_velocity"
    p_fa : `float`
        False-alarm probability
    cutoff : `float`
        Cut-off distance of GOSPA [m]; root mean squared errors also exclude pairs beyond it, except
        with at most one target
    level : `float`, (default 0.95)
        Confidence level of the intervals

    Output
    ------
    : `dict`
        Scores by the names in ``POINT``, and in ``VELOCITY`` of moving targets
    """
    truth = np.asarray(objective.positions(data["true_angle"], data["true_range"]), float)
    found = np.asarray(objective.positions(data["angle"], data["range"]), float)
    number = data["num_targets"]
    threshold = metrics.calibrate_threshold(data["metric"], number, p_fa)
    keep = data["metric"] > threshold
    count = keep.sum(-1)
    # detections first, in the order in which they were found
    order = np.argsort(~keep, axis=-1, kind="stable")
    ordered = np.take_along_axis(found, order[..., np.newaxis], 1)
    gospa = np.asarray(objective.gospa(ordered, truth, count, number, cutoff=cutoff), float)
    errors = metrics.matched_errors(
        receiver.TargetEstimate(
            data["angle"], data["range"], data["metric"], velocity=data.get("velocity")
        ),
        scene.PointTargets(
            data["true_angle"], data["true_range"], None, number, data.get("true_velocity")
        ),
        detected=keep,
        cutoff=None if data["metric"].shape[-1] == 1 else cutoff,
    )
    assert errors.angle is not None and errors.range is not None and errors.position is not None
    entries = (
        gospa.mean(),
        *metrics.mean_interval(gospa, level),
        *_detection(number, count, threshold, data["metric"].shape[-1], level),
        *_root_mean_square(errors.angle, errors.sample, level),
        *_root_mean_square(errors.range, errors.sample, level),
        _root_mean_square(errors.position, errors.sample, level)[0],
    )
    scores = dict(zip(POINT, (float(e) for e in entries), strict=True))
    if errors.velocity is not None:
        values = _root_mean_square(errors.velocity, errors.sample, level)
        scores |= dict(zip(VELOCITY, values, strict=True))
    return scores


def _root_mean_square(
    error: np.ndarray, sample: np.ndarray, level: float
) -> tuple[float, float, float]:
    """Value and interval; NaN with too few matches.

    Targets of one sample share beam and noise, so samples are the independent units.
    """
    if error.size == 0:
        return (np.nan,) * 3
    mean = float(np.mean(error**2))
    index = np.unique(sample, return_inverse=True)[1]
    sums, counts = np.bincount(index, error**2), np.bincount(index)
    # of a ratio of sums over samples, by the delta method
    values = mean + (sums - mean * counts) / counts.mean()
    low, high = metrics.mean_interval(values, level) if values.size > 1 else (np.nan, np.nan)
    return float(np.sqrt(mean)), float(np.sqrt(np.maximum(low, 0.0))), float(np.sqrt(high))


def symbol_error_rate(
    symbol_errors: np.ndarray, num_subcarriers: int, level: float
) -> tuple[float, float, float]:
    """Rate and interval, with samples as independent units, as errors of one share its channel."""
    rates = symbol_errors / num_subcarriers
    low, high = metrics.mean_interval(rates, level)
    return float(rates.mean()), low, high
