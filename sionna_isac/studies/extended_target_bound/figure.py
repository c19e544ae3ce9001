"""Figure of the bounds of extended targets over their range."""

from __future__ import annotations

import itertools

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sionna_isac.plots import show_curve
from sionna_isac.plots.style import DARK, new_figure, plain_ticks, series
from sionna_isac.studies._extended.blocks import PARAMETERS

__all__ = ["extended_target_bound"]

STYLES = ("-", "--", ":", "-.")


def extended_target_bound(dataset: xr.Dataset) -> Figure:
    """Root bounds of range, angles and orientation over the range, a line style per elevation.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "extended_target_bound"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with four panels
    """
    figure, axes = new_figure(2, 2, str(dataset.attrs.get("title", "")), (9.0, 6.8))
    styles = dict(zip(dataset["elevation_deg"].values, itertools.cycle(STYLES), strict=False))
    for ax, (name, unit) in zip(axes.flat, PARAMETERS.items(), strict=True):
        for i, body in enumerate(dataset["body"].values):
            look = {**series(i), "marker": "", "lw": 1.4}
            for elevation, style in styles.items():
                row = dataset[f"{name}_bound"].sel(body=body, elevation_deg=elevation)
                show_curve(dataset["range"], row, method=str(body), ax=ax, ls=style, **look)
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="range of the centre [m]",
            ylabel=f"root CRB of the {name} [{unit}]",
        )
        plain_ticks(ax.yaxis)
    found = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    lines = [Line2D([], [], color=line.get_color()) for line in found.values()]
    lines += [Line2D([], [], color=DARK, ls=style) for style in styles.values()]
    texts = [*found, *(f"elevation {elevation:g}°" for elevation in styles)]
    figure.legend(lines, texts, loc="outside lower center", ncols=len(texts), fontsize=8)
    return figure
