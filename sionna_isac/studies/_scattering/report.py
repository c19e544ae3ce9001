"""Printed report of a study of scattering."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

__all__ = ["convergence_report", "echo_map_report", "sphere_report"]


def sphere_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Errors of every grid."""
    yield f"size parameter: {_row(dataset['size_parameter'].values)}"
    for grid in dataset["grid"].values:
        row = dataset.sel(grid=grid)
        yield f"  {grid}: error of the monostatic cross section in %: {_row(100 * row['error'])}"
        yield f"    of the bistatic pattern: {100 * float(row['bistatic_error']):.2g} %"


def convergence_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Orders of convergence of spheres, changes of vehicles."""
    if "order" in dataset:
        yield f"voxels a wavelength: {_row(dataset['voxels_per_wavelength'].values)}"
        for case in dataset["case"].values:
            row = dataset.sel(case=case)
            order, error = float(row["order"]), _row(100 * row["error"])
            yield f"  {case}: order {order:.2f}, error in %: {error}"
        return
    yield f"voxels in m: {_row(dataset['voxel_size'].values)}"
    for case in dataset["case"].values:
        row = dataset.sel(case=case)
        for name, text in (("change_next", "next finer"), ("change_finest", "finest")):
            yield f"  {case}: change to the {text} size in %: {_row(100 * row[name])}"
        yield f"    voxels: {_row(row['num_voxels'])}; level in dB: {_row(row['level'])}"


def echo_map_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Place of the peak of every image."""
    for target in dataset["target"].values:
        for model in dataset["model"].values:
            row = dataset.sel(target=target, model=model)
            yield (
                f"  {target}, {model}: peak {float(row['peak']):.2f} at "
                f"{float(row['peak_range']):.2f} m, {math.degrees(row['peak_azimuth']):.1f} deg, "
                f"{float(row['peak_error']):.2f} m from the centre"
            )


def _row(values: Any) -> str:
    return "  ".join(f"{v:.3g}" for v in np.asarray(values))
