"""Figures of studies that compare approaches."""

from __future__ import annotations

import collections
import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import fit_axis, legend_below, number_points
from sionna_isac.plots.style import GREY, look, new_figure, words

__all__ = ["learning"]

_NAMES = {
    "p_md": "misdetection probability",
    "gospa": "GOSPA [m]",
    "angle_rmse": "angle RMSE [deg]",
    "range_rmse": "range RMSE [m]",
    "velocity_rmse": "velocity RMSE [m/s]",
    "ser": "symbol error rate",
}
_SHARES = {"single_carrier": r"$\omega_r$"}  # of the sensing beam, as the paper calls it
_DOTS: dict[str, Any] = {"marker": ".", "ls": "", "alpha": 0.4, "ms": 4}


def learning(dataset: xr.Dataset) -> Figure:
    """Scores over the false-alarm probability, or over the symbol error rate if the beam varies.

    Values are means over draws of the impairments; bars of curves reach from the lowest to the
    highest bound of the confidence intervals of all draws. Numbers at points are the share of the
    sensing beam.

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
    scenario = json.loads(dataset.attrs["scenario"])
    beams = dataset.sizes["eta"] * dataset.sizes["phi"]
    draw = _over_threshold if beams == 1 else _over_beam
    return draw(data, scenario, _texts(data, scenario), _note(data, scenario))


def _texts(data: xr.Dataset, scenario: dict[str, Any]) -> dict[str, str]:
    """Texts of the approaches in the legend, which differ."""
    fields = scenario.get("approaches", {})
    texts = {str(m): words(str(m), fields.get(str(m))) for m in data["approach"].values}
    number = collections.Counter(texts.values())
    return {m: text if number[text] == 1 else f"{text} ({m})" for m, text in texts.items()}


def _note(data: xr.Dataset, scenario: dict[str, Any]) -> str:
    """Number of samples and draws, and the meaning of the bars."""
    number, note = data.sizes["draw"], f"{data.attrs.get('num_samples', '?')} samples a point"
    if number > 1:
        note += f", means over {number} draws of the impairments"
        return f"{note}; bars: from the lowest to the highest end of their confidence intervals"
    ideal = scenario.get("array", {}).get("impairments") == []
    return f"{note}{'' if ideal else ', one draw of the impairments'}; bars: confidence intervals"


def _panels(data: xr.Dataset, *names: str) -> tuple[Figure, list[tuple[Any, str]]]:
    """One panel per score of the result."""
    names = tuple(n for n in names if n in data)
    rows, columns = (2, 3) if len(names) == 5 else (len(names) // 2, 2)
    size = (4.6 * columns, 3.5 * rows + 1.0)
    figure, axes = new_figure(rows, columns, str(data.attrs.get("title", "")), size)
    for ax in axes.flat[len(names) :]:
        ax.remove()
    return figure, list(zip(axes.flat, names, strict=False))


def _over_threshold(
    data: xr.Dataset, scenario: dict[str, Any], texts: dict[str, str], note: str
) -> Figure:
    figure, panels = _panels(data, "gospa", "p_md", "angle_rmse", "range_rmse", "velocity_rmse")
    point = data.isel(eta=0, phi=0)
    for ax, name in panels:
        for method, text in texts.items():
            row = point.sel(approach=method)
            _bars(ax, method, text, row.p_fa.values, row, name)
        ax.set(xscale="log", xlabel="false-alarm probability", ylabel=_NAMES[name])
        fit_axis(ax, bottom=0)
    legend_below(figure, [ax for ax, _ in panels], note, 3)
    return figure


def _over_beam(
    data: xr.Dataset, scenario: dict[str, Any], texts: dict[str, str], note: str
) -> Figure:
    """One panel per score: a line over eta for the first phase, faint dots for the others."""
    figure, panels = _panels(data, "p_md", "angle_rmse", "range_rmse", "gospa", "velocity_rmse")
    p_fa = float(scenario["evaluation"]["operating_p_fa"])
    share = _SHARES.get(scenario.get("kind", ""), r"$\eta$")
    several = data.sizes["phi"] > 1
    for ax, name in panels:
        curves = []
        for method, text in texts.items():
            row = data.sel(approach=method, p_fa=p_fa)
            x = row["ser"].mean("draw")
            y = row[name].mean("draw")
            colour = look(ax, method)["color"]
            if several:
                ax.plot(x.values.ravel(), y.values.ravel(), color=colour, **_DOTS)
            _bars(ax, method, text, x.isel(phi=0).values, row.isel(phi=0), name)
            curves.append((x.isel(phi=0).values, y.isel(phi=0).values, colour))
        ax.set(xscale="log", yscale="log", xlabel=_NAMES["ser"], ylabel=_NAMES[name])
        fit_axis(ax)
        for curve in curves:
            number_points(ax, *curve[:2], data["eta"].values, curve[2])
    text = rf"dots: all phases $\varphi$, lines: $\varphi$ = {data['phi'].values[0]:.3g}"
    dots = [Line2D([], [], color=GREY, label=text, **_DOTS)]
    note = f"numbers at points: {share}, the share of the sensing beam\n{note}"
    legend_below(figure, [ax for ax, _ in panels], note, 3, dots if several else ())
    return figure


def _bars(ax: Any, method: str, text: str, x: np.ndarray, row: xr.Dataset, name: str) -> None:
    """Means over the draws, with bars over all intervals."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    ends = low.min("draw"), high.max("draw")
    show_curve(x, value.mean("draw"), *ends, method=method, label=text, bars=True, ax=ax)
