"""Figure of angle-delay maps under ideal conditions and impairments."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots.style import COLOURS, new_figure

__all__ = ["angle_delay_map"]

FLOOR = -30.0  # dB
_COLOUR = {"ideal": COLOURS["known"], "impaired": COLOURS["unknown"]}
_SHARES = {
    "found_share": "targets",
    "farthest_found": "farthest",
    "pair_found": "pairs in one\nrange cell",
    "all_found": "scenes with\nall found",
}


def angle_delay_map(dataset: xr.Dataset) -> Figure:
    """Both maps of a scene, their course over the angle, and what is found in all scenes.

    Maps are in dB of the largest value of the ideal one. Circles: targets, crosses: estimates of
    orthogonal matching pursuit, dotted: the sector that is lit up and searched.

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
    angle = np.rad2deg(dataset["grid_angle"].values)
    level = 20 * np.log10(np.maximum(dataset["angle_delay_map"].values, 1e-6))
    sector = scenes["sector_deg"]
    margin = 1.5 * (sector[1] - sector[0])
    limits = max(sector[0] - margin, -90), min(sector[1] + margin, 90)
    scene = dataset.isel(scene=scenes["drawn"])
    for ax, condition, values in zip(axes[:, 0], dataset["condition"].values, level, strict=True):
        image = ax.pcolormesh(
            angle,
            dataset["grid_range"].values,
            values.T,
            vmin=FLOOR,
            vmax=0,
            shading="auto",
            rasterized=True,
        )
        _marks(ax, scene.sel(condition=condition))
        for edge in sector:
            ax.axvline(edge, color="white", ls=":", lw=1)
        ax.grid(False)
        number = int(scene["sample_found"].sel(condition=condition).sum())
        ax.set(xlim=limits, xlabel="angle [deg]", ylabel="range [m]")
        ax.set_title(f"{condition}: {number} of {scenes['num_targets']} targets found", fontsize=9)
    figure.colorbar(image, ax=axes[:, 0], label="dB of the largest value of the ideal map")
    _course(axes[0, 1], angle, level.max(axis=-1), dataset, sector, limits)
    _shares(axes[1, 1], dataset)
    return figure


def _marks(ax: Any, scene: xr.Dataset) -> None:
    truth = np.rad2deg(scene["sample_true_angle"]), scene["sample_true_range"]
    ax.plot(*truth, "o", ms=11, mfc="none", mec="white", mew=1.2)
    ax.plot(np.rad2deg(scene["sample_angle"]), scene["sample_range"], "x", color="#ff5555", ms=7)


def _course(
    ax: Any,
    angle: np.ndarray,
    level: np.ndarray,
    dataset: xr.Dataset,
    sector: Any,
    limits: tuple[float, float],
) -> None:
    """Largest value over all ranges."""
    for condition, values in zip(dataset["condition"].values, level, strict=True):
        ax.plot(angle, values, color=_COLOUR[str(condition)], lw=1.2, label=str(condition))
    ax.axvspan(*sector, color="#4c72b0", alpha=0.1, lw=0)
    ax.set(xlim=limits, ylim=(FLOOR, 1), xlabel="angle [deg]", ylabel="largest over ranges [dB]")
    ax.legend(fontsize=8)


def _shares(ax: Any, dataset: xr.Dataset) -> None:
    """Detections of all scenes."""
    place = np.arange(len(_SHARES))
    for offset, condition in zip((-0.2, 0.2), dataset["condition"].values, strict=True):
        row = dataset.sel(condition=condition)
        value, low, high = (
            np.array([float(row[name + end]) for name in _SHARES]) for end in ("", "_low", "_high")
        )
        colour = _COLOUR[str(condition)]
        ax.bar(place + offset, value, 0.36, color=colour, alpha=0.75, label=str(condition))
        error = np.abs([value - low, high - value])
        ax.errorbar(place + offset, value, error, fmt="none", ecolor="#777777", capsize=3)
    ax.set_xticks(place, _SHARES.values(), fontsize=8)
    ax.set(ylim=(0, 1.2), ylabel="share found within a resolution cell")
    number = dataset.attrs.get("num_samples", "?")
    ax.set_title(f"{number} scenes and arrays, confidence intervals", fontsize=9)
    ax.legend(fontsize=8, loc="upper right", ncols=2)
