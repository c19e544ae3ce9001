"""One look for all figures, and which figure a result gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

__all__ = ["COLOURS", "MARKERS", "curve", "draw_result", "label", "new_figure"]

COLOURS = {"unknown": "#c44e52", "learned": "#4c72b0", "known": "#2d2d2d"}
MARKERS = {"unknown": "s", "learned": "o", "known": "^"}


def label(method: str) -> str:
    """Text of a method in legends."""
    return f"impairments {method}"


def new_figure(
    rows: int, columns: int, title: str, size: tuple[float, float] | None = None, **ratios: Any
) -> tuple[Figure, Any]:
    """Figure with a grid of axes, independent of any display; ``ratios`` go to `subplots`."""
    size = size or (4.6 * columns, 3.5 * rows)
    figure = Figure(figsize=size, layout="constrained", dpi=120)
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(rows, columns, squeeze=False, **ratios)
    for ax in axes.flat:
        ax.grid(True, which="major", alpha=0.3)
    return figure, axes


def curve(ax: Any, method: str, x: Any, value: Any, low: Any, high: Any) -> None:
    """Curve of a method with its interval as a band."""
    colour = COLOURS[method]
    ax.plot(x, value, color=colour, marker=MARKERS[method], ms=4, label=label(method))
    ax.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)


def draw_result(dataset: xr.Dataset, kind: str, path: str | Path | None = None) -> Figure:
    """Draw the figure of a result, and save it if a path is given.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Stored result
    kind : "multi_target" | "coded_ber"
        Kind of the scenario
    path : `None` (default) | `str` | `Path`
        Image file

    Output
    ------
    : `matplotlib.figure.Figure`
        The figure
    """
    from sionna_isac.plots.coded_ber import coded_ber
    from sionna_isac.plots.multi_target import multi_target

    figure = {"multi_target": multi_target, "coded_ber": coded_ber}[kind](dataset)
    if path is not None:
        figure.savefig(path)
    return figure
