"""Figure of angle-delay maps under ideal conditions and impairments."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_beampattern, show_map
from sionna_isac.plots.style import banded, look, new_figure

__all__ = ["angle_delay_map"]

FLOOR = -30.0  # dB
_SHARES = {
    "found_share": "targets",
    "farthest_found": "farthest",
    "pair_found": "pairs in one\nrange cell",
    "all_found": "scenes with\nall found",
}


def angle_delay_map(dataset: xr.Dataset) -> Figure:
    """Both maps of a scene, their cuts over the angle, and detections in all scenes.

    Maps are in dB of the largest value of the ideal one. Circles: targets, crosses: estimates of
    orthogonal matching pursuit, dotted: the illuminated sector, which is also searched.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "angle_delay_map"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with four panels
    """
    scenes = json.loads(dataset.attrs["scenario"])["scenes"]
    figure, axes = new_figure(2, 2, str(dataset.attrs.get("title", "")), (11, 7.2))
    angles, ranges = dataset["grid_angle"].values, dataset["grid_range"].values
    sector = np.array(scenes["sector_deg"])
    margin = 1.5 * (sector[1] - sector[0])
    limits = max(sector[0] - margin, -90), min(sector[1] + margin, 90)
    scene = dataset.isel(scene=scenes["drawn"])
    maps = dataset["angle_delay_map"].values
    for ax, condition, values in zip(axes[:, 0], dataset["condition"].values, maps, strict=True):
        seen = scene.sel(condition=condition)
        show_map(
            values,
            angles,
            ranges,
            truth=(seen["sample_true_angle"], seen["sample_true_range"]),
            detections=(seen["sample_angle"], seen["sample_range"]),
            sector=np.deg2rad(sector),
            reference=1,
            floor=FLOOR,
            colorbar=False,
            ax=ax,
        )
        number = int(seen["sample_found"].sum())
        ax.set_xlim(limits)
        ax.set_title(f"{condition}: {number} of {scenes['num_targets']} targets found", fontsize=9)
    mesh = axes[0, 0].collections[0]
    figure.colorbar(mesh, ax=axes[:, 0], label="dB of the largest value of the ideal map")
    course, names = axes[0, 1], [str(c) for c in dataset["condition"].values]
    show_beampattern(
        maps.max(-1), angles, method=names, sector=np.deg2rad(sector), floor=FLOOR, ax=course
    )
    course.set(xlim=limits, ylim=(FLOOR, 1), ylabel="largest over ranges [dB]")
    course.legend(fontsize=8)
    _shares(axes[1, 1], dataset)
    return figure


def _shares(ax: Any, dataset: xr.Dataset) -> None:
    """Detections of all scenes."""
    place = np.arange(len(_SHARES))
    for offset, condition in zip((-0.2, 0.2), dataset["condition"].values, strict=True):
        row = dataset.sel(condition=condition)
        value, low, high = np.transpose([banded(row, name) for name in _SHARES])
        colour = look(ax, str(condition))["color"]
        ax.bar(place + offset, value, 0.36, color=colour, alpha=0.75, label=str(condition))
        error = np.abs([value - low, high - value])
        ax.errorbar(place + offset, value, error, fmt="none", ecolor="#777777", capsize=3)
    ax.set_xticks(place, _SHARES.values(), fontsize=8)
    ax.set(ylim=(0, 1.2), ylabel="share found within a resolution cell")
    number = dataset.attrs.get("num_samples", "?")
    ax.set_title(f"{number} scenes and arrays, confidence intervals", fontsize=9)
    ax.legend(fontsize=8, loc="upper right", ncols=2)
