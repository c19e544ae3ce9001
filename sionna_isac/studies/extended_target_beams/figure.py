"""Figures of beams for an extended target."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import legend_below
from sionna_isac.plots.style import new_figure
from sionna_isac.studies.extended_target_beams.scenario import WEIGHTED

__all__ = ["extended_target_beams"]

TRACE = "trace of the CRB [m$^2$ + rad$^2$]"


def extended_target_beams(dataset: xr.Dataset) -> Figure:
    """Bounds over SINR targets and sum rate, or powers over the angles.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "extended_target_beams"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure; a scene counts if all SINR targets are met by all designs
    """
    draw = {"trade_off": _trade_off, "beampattern": _beampattern}
    return draw[dataset.attrs["figure"]](dataset)


def _trade_off(dataset: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, str(dataset.attrs.get("title", "")), (11.0, 4.4))
    everywhere = dataset["trace"].notnull().all("design")
    left, right = axes.flat
    for design in dataset["design"].values:
        row = dataset.sel(design=design)
        trace, rate = (row[n].where(everywhere).mean("scene") for n in ("trace", "sum_rate"))
        show_curve(dataset["min_sinr_db"], trace, method=str(design), ax=left)
        show_curve(rate, trace, method=str(design), ax=right)
    if "weighted_trace" in dataset:
        trace, rate = (dataset[f"weighted_{n}"].mean("scene") for n in ("trace", "sum_rate"))
        show_curve(rate, trace, method=WEIGHTED, ax=right)
    left.set(xlabel="SINR target of all users [dB]", ylabel=TRACE, yscale="log")
    right.set(xlabel="sum rate [bit/s/Hz]", ylabel=TRACE, yscale="log")
    number = dataset.attrs["num_scenes"]
    title = f"means over the scenes, of {number}, in which all designs meet the target"
    legend_below(figure, [right], "one scene" if number == 1 else title, 3)
    return figure


def _beampattern(dataset: xr.Dataset) -> Figure:
    names = dataset["beams"].values
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    size = (4.4 * columns, 3.5 * rows + 0.5)
    figure, axes = new_figure(rows, columns, str(dataset.attrs.get("title", "")), size)
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, names, strict=False):
        power = dataset["pattern"].sel(beams=name)
        level = 10 * np.log10(power / power.max())
        grid = dataset["azimuth_deg"], dataset["elevation_deg"]
        image = ax.pcolormesh(*grid, level.T, vmin=-30, vmax=0, rasterized=True)
        ax.plot(
            dataset["scatterer_azimuth_deg"],
            dataset["scatterer_elevation_deg"],
            "w.",
            ms=3,
            label="scatterers",
        )
        ax.plot(*dataset["user_direction_deg"].values.T, "r^", mfc="none", ms=7, label="users")
        ax.set(xlabel="azimuth [deg]", ylabel="elevation [deg]", title=str(name))
        figure.colorbar(image, ax=ax, label="power over its maximum [dB]")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    for line in figure.legends[0].get_lines():
        if line.get_color() == "w":  # white on white
            line.set_color("0.6")
    return figure
