"""Printed report of a near-field study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

__all__ = ["convergence_report", "sweep_report"]


def sweep_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Lines with the averages of each design, and everything that did not succeed."""
    parameter = scenario.sweep.parameter
    yield f"{parameter}: " + _row(dataset[parameter].values)
    rows = [("peb", "mean PEB in cm", 100)]
    if scenario.metric == "sum_rate":
        rows = [("sum_rate", "mean sum rate in bit/s/Hz", 1)]
    for design in dataset["design"].values:
        for name, text, scale in rows:
            values = scale * dataset[f"{name}_mean"].sel(design=design).values
            yield f"  {design}: {text}: {_row(values)}"
        if "rmse" in dataset:
            errors = 100 * dataset["rmse"].sel(design=design).values
            yield f"    RMSE of MUSIC in cm: {_row(errors)}"
        yield from _problems(dataset.sel(design=design), parameter)


def _problems(row: xr.Dataset, parameter: str) -> Iterator[str]:
    for i, value in enumerate(row[parameter].values):
        point = row.isel({parameter: i})
        infeasible, failed = int(point["num_infeasible"]), int(point["num_failed"])
        if infeasible or failed:
            yield (
                f"    {parameter} {value:g}: of {int(point['num_draws'])} draws {infeasible} "
                f"infeasible, {failed} failed; the first: {point['first_problem'].item()}"
            )
        if not int(point["num_averaged"]):
            yield f"    {parameter} {value:g}: no draw on which all designs succeeded: no average"


def convergence_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Lines with the end of each history, and the library's own method beside it."""
    for chains in dataset["num_rf_chains"].values:
        row = dataset.sel(num_rf_chains=chains)
        for draw in range(row.sizes["draw"]):
            point = row.isel(draw=draw)
            if point["message"].item():
                yield f"  {chains} chains, draw {draw}: {point['message'].item()}"
                continue
            yield (
                f"  {chains} chains, draw {draw}: {float(point['published']):.6g} "
                f"{point['published'].attrs['units']} after {int(point['num_iterations'])} "
                f"iterations, {float(point['published_time']):.1f} s; the library's method "
                f"{float(point['direct']):.6g}, {float(point['direct_time']):.2f} s"
            )


def _row(values: np.ndarray) -> str:
    return "  ".join(f"{v:.4g}" for v in values)
