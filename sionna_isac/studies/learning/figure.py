"""Figures of studies that compare approaches."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.style import look, new_figure

__all__ = ["learning"]

_NAMES = {
    "p_md": "misdetection probability",
    "gospa": "GOSPA [m]",
    "angle_rmse": "angle RMSE [deg]",
    "range_rmse": "range RMSE [m]",
    "ser": "symbol error rate",
}


def learning(dataset: xr.Dataset) -> Figure:
    """Scores over the false-alarm probability, or over the symbol error rate if the beam varies.

    Values are means over draws of the impairments; bars of curves reach from the lowest to the
    highest bound of the confidence intervals of all draws.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "learning" or "single_carrier"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure
    """
    data = dataset.assign(
        p_md=1 - dataset.p_d, p_md_low=1 - dataset.p_d_high, p_md_high=1 - dataset.p_d_low
    )
    for end in ("", "_low", "_high"):
        data[f"angle_rmse{end}"] = np.rad2deg(data[f"angle_rmse{end}"])
    beams = dataset.sizes["eta"] * dataset.sizes["phi"]
    draw = _over_threshold if beams == 1 else _over_beam
    figure = draw(data)
    figure.supxlabel(
        f"{dataset.attrs.get('num_samples', '?')} samples a point, "
        f"{dataset.sizes['draw']} draws of the impairments",
        fontsize=8,
    )
    return figure


def _panels(data: xr.Dataset, *names: str) -> tuple[Figure, list[tuple[Any, str]]]:
    """One panel per score of the result."""
    names = tuple(n for n in names if n in data)
    figure, axes = new_figure(len(names) // 2, 2, str(data.attrs.get("title", "")))
    return figure, list(zip(axes.flat, names, strict=True))


def _over_threshold(data: xr.Dataset) -> Figure:
    figure, panels = _panels(data, "gospa", "p_md", "angle_rmse", "range_rmse")
    point = data.isel(eta=0, phi=0)
    for ax, name in panels:
        for method in data["approach"].values:
            row = point.sel(approach=method)
            _bars(ax, method, row.p_fa.values, row, name)
        ax.set(xscale="log", xlabel="false-alarm probability", ylabel=_NAMES[name])
        ax.set_ylim(bottom=0)
    panels[0][0].legend(fontsize=8)
    return figure


def _over_beam(data: xr.Dataset) -> Figure:
    """One panel per score: a line over eta for the first phase, faint dots for the others."""
    figure, panels = _panels(data, "p_md", "angle_rmse", "range_rmse", "gospa")
    p_fa = _operating_point(data)
    for ax, name in panels:
        for method in data["approach"].values:
            row = data.sel(approach=method, p_fa=p_fa)
            x = row["ser"].mean("draw")
            y = row[name].mean("draw")
            if data.sizes["phi"] > 1:
                colour = look(ax, method)["color"]
                ax.plot(x.values.ravel(), y.values.ravel(), ".", color=colour, alpha=0.3, ms=3)
            _bars(ax, method, x.isel(phi=0).values, row.isel(phi=0), name)
        ax.set(xscale="log", yscale="log", xlabel=_NAMES["ser"], ylabel=_NAMES[name])
    panels[0][0].legend(fontsize=8)
    return figure


def _operating_point(data: xr.Dataset) -> float:
    scenario = json.loads(data.attrs["scenario"])
    return float(scenario["evaluation"]["operating_p_fa"])


def _bars(ax: Any, method: str, x: np.ndarray, row: xr.Dataset, name: str) -> None:
    """Means over the draws, with bars over all intervals."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    ends = low.min("draw"), high.max("draw")
    show_curve(x, value.mean("draw"), *ends, method=method, bars=True, ax=ax)
