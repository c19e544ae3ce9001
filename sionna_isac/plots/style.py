"""One look for all figures, and which figure a result gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

__all__ = ["COLOURS", "CYCLE", "MARKERS", "curve", "draw_result", "label", "new_figure"]

COLOURS = {"unknown": "#c44e52", "learned": "#4c72b0", "known": "#2d2d2d"}
CYCLE = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#2d2d2d", "#64b5cd")
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
    kind : `str`
        Kind of the scenario, such as "multi_target"
    path : `None` (default) | `str` | `Path`
        Image file

    Output
    ------
    : `matplotlib.figure.Figure`
        The figure
    """
    from sionna_isac.plots.angle_delay_map import angle_delay_map
    from sionna_isac.plots.coded_ber import coded_ber
    from sionna_isac.plots.dataset import dataset_overview
    from sionna_isac.plots.echo_map import echo_map
    from sionna_isac.plots.learning import learning
    from sionna_isac.plots.localization import localization
    from sionna_isac.plots.multi_target import multi_target
    from sionna_isac.plots.near_field import near_field
    from sionna_isac.plots.near_field_convergence import near_field_convergence
    from sionna_isac.plots.scattering_convergence import scattering_convergence
    from sionna_isac.plots.scattering_sphere import scattering_sphere

    drawings = {
        "angle_delay_map": angle_delay_map,
        "coded_ber": coded_ber,
        "dataset": dataset_overview,
        "learning": learning,
        "single_carrier": learning,
        "localization": localization,
        "multi_target": multi_target,
        "near_field": near_field,
        "near_field_convergence": near_field_convergence,
        "scattering_sphere": scattering_sphere,
        "scattering_convergence": scattering_convergence,
        "echo_map": echo_map,
    }
    figure = drawings[kind](dataset)
    if path is not None:
        figure.savefig(path)
    return figure
