"""Metrics of sensing and communication, with confidence intervals, in NumPy and double precision.

A metric over zero samples is not a number, and says so with a `UserWarning`.
"""

from sionna_isac.metrics.allocation import SensingAllocation, sensing_allocation
from sionna_isac.metrics.confidence import (
    Interval,
    mean_interval,
    proportion_interval,
    ratio_interval,
)
from sionna_isac.metrics.detection import (
    ROC,
    calibrate_threshold,
    count_detections,
    false_alarm_probability,
    misdetection_probability,
    roc,
)
from sionna_isac.metrics.error_rate import (
    bit_error_rate,
    block_error_rate,
    qpsk_symbol_error_rate,
    rayleigh_qpsk_symbol_error_rate,
    symbol_error_rate,
)
from sionna_isac.metrics.lobes import Lobes, Sidelobe, found_targets, lobes, sidelobe
from sionna_isac.metrics.localization import (
    LocalizationRMSE,
    MatchedErrors,
    localization_rmse,
    matched_errors,
    rmse,
)
from sionna_isac.metrics.planar import planar_errors, success_rate
from sionna_isac.metrics.rate import ergodic_rate

__all__ = [
    "ROC",
    "Interval",
    "Lobes",
    "LocalizationRMSE",
    "MatchedErrors",
    "SensingAllocation",
    "Sidelobe",
    "bit_error_rate",
    "block_error_rate",
    "calibrate_threshold",
    "count_detections",
    "ergodic_rate",
    "false_alarm_probability",
    "found_targets",
    "lobes",
    "localization_rmse",
    "matched_errors",
    "mean_interval",
    "misdetection_probability",
    "planar_errors",
    "proportion_interval",
    "qpsk_symbol_error_rate",
    "ratio_interval",
    "rayleigh_qpsk_symbol_error_rate",
    "rmse",
    "roc",
    "sensing_allocation",
    "sidelobe",
    "success_rate",
    "symbol_error_rate",
]
