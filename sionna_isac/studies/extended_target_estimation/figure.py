"""Figure of errors of the pose of an extended target."""

from __future__ import annotations

from typing import Any

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import fit_axis, legend_below, open_below
from sionna_isac.plots.style import DARK, banded, look, new_figure
from sionna_isac.studies._extended.blocks import PARAMETERS
from sionna_isac.studies.extended_target_estimation.scenario import ESTIMATORS

__all__ = ["extended_target_estimation"]

RESOLVED = 'the same at level "resolved"'


def extended_target_estimation(dataset: xr.Dataset) -> Figure:
    """Errors of the pose as markers with intervals, over the bounds as lines.

    Bounds and the estimator that searches are those of each design, the other estimators those of
    the first one.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "extended_target_estimation"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with four panels
    """
    figure, axes = new_figure(2, 2, str(dataset.attrs.get("title", "")), (9.6, 7.6))
    snr_db = dataset["snr_db"].values
    first = str(dataset["design"].values[0])
    looks = {str(d): look(axes[0, 0], d)["color"] for d in dataset["design"].values}
    markers: dict[str, dict[str, Any]] = {
        ESTIMATORS["local"]: {"color": looks[first], "marker": "s", "mfc": "none", "ms": 8},
        ESTIMATORS["point"]: {"color": DARK, "marker": "x", "ms": 6},
    }
    for ax, (name, unit) in zip(axes.flat, PARAMETERS.items(), strict=True):
        for design, colour in looks.items():
            row = dataset.sel(design=design)
            bounds = ("bound", "root of the mean CRB", "-"), ("resolved_bound", RESOLVED, ":")
            for variable, text, ls in bounds:
                line: dict[str, Any] = {"ls": ls, "color": colour, "marker": "", "lw": 1.3}
                label = f"{design}: {text}"
                show_curve(snr_db, row[f"{name}_{variable}"], method=label, ax=ax, **line)
            _marks(ax, row, name, ESTIMATORS["search"], design, {"color": colour, "marker": "o"})
        for estimator, style in markers.items():
            _marks(ax, dataset.sel(design=first), name, estimator, first, style)
        ax.set(yscale="log", xlabel="SNR of the echo [dB]", ylabel=f"RMSE of the {name} [{unit}]")
        fit_axis(ax)
    title = f"{dataset.attrs.get('num_samples', '?')} echoes a point; bars are confidence intervals"
    legend_below(figure, axes.flat[:1], title, 2)
    return figure


def _marks(
    ax: Axes, row: xr.Dataset, name: str, estimator: str, design: str, style: dict[str, Any]
) -> None:
    value, low, high = banded(row.sel(estimator=estimator), f"{name}_rmse")
    low = open_below(ax, row["snr_db"], value, low, style["color"])
    style = {"ms": 5, "ls": "", **style}
    label = f"{design}: {estimator}"
    show_curve(row["snr_db"], value, low, high, method=label, bars=True, ax=ax, **style)
