"""Values of a result with the ends of their confidence intervals, ``_low`` and ``_high``."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sionna_isac import metrics

__all__ = ["ENDS", "add_interval", "add_rmse", "mean_ends", "share_ends"]

ENDS = ("", "_low", "_high")


def add_interval(
    dataset: xr.Dataset, name: str, dims: tuple[str, ...], value: Any, ends: Any, **attributes: Any
) -> None:
    """Add values, and the ends [..., 2] of their intervals."""
    for end, column in zip(ENDS, (value, ends[..., 0], ends[..., 1]), strict=True):
        dataset[f"{name}{end}"] = (dims, column, attributes)


def add_rmse(
    dataset: xr.Dataset,
    name: str,
    dims: tuple[str, ...],
    squared: np.ndarray,
    level: float,
    **attributes: Any,
) -> None:
    """Add root mean squares of errors over the last axis of their squares, with intervals."""
    found = squared.mean(-1), mean_ends(squared, level)
    add_interval(dataset, name, dims, *(np.sqrt(np.maximum(v, 0)) for v in found), **attributes)


def mean_ends(samples: np.ndarray, level: float) -> np.ndarray:
    """Ends [..., 2] of the intervals of means over the last axis; NaN of samples that are NaN."""

    def ends(row: np.ndarray) -> tuple[float, float]:
        return (np.nan, np.nan) if np.isnan(row).all() else metrics.mean_interval(row, level)

    return np.apply_along_axis(ends, -1, samples)


def share_ends(count: Any, number: Any, level: float) -> np.ndarray:
    """Ends [..., 2] of the intervals of shares, counts of hits in numbers of trials."""
    pairs = np.broadcast(count, number)
    ends = [metrics.proportion_interval(int(hits), int(trials), level) for hits, trials in pairs]
    return np.reshape(ends, (*pairs.shape, 2))
