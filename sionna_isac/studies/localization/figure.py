"""Figure of a localisation study."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import add_bound, show_curve
from sionna_isac.plots.marks import fit_axis, legend_below, open_below
from sionna_isac.plots.style import banded, look, new_figure

__all__ = ["localization"]

_UNITS = {"angle": "deg", "range": "m", "position": "m"}
_LEVELS = {
    "snr_db": "SNR at the array without beam gain [dB]",
    "power_dbm": "transmit power [dBm]",
}


def localization(dataset: xr.Dataset) -> Figure:
    """Errors of angle, range and position over the SNR or the power, with their bound.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "localization"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with three panels
    """
    figure, axes = new_figure(1, 3, str(dataset.attrs.get("title", "")))
    dimension = next(str(d) for d in dataset["position_rmse"].dims if d != "receiver")
    level = dataset[dimension].values
    for ax, (name, unit) in zip(axes.flat, _UNITS.items(), strict=True):
        scale = np.rad2deg(1.0) if unit == "deg" else 1.0
        for receiver in dataset["receiver"].values:
            row = dataset.sel(receiver=receiver)
            value, low, high = (scale * v for v in banded(row, f"{name}_rmse"))
            low = open_below(ax, level, value, low, look(ax, str(receiver))["color"])
            show_curve(level, value, low, high, method=str(receiver), ax=ax)
        add_bound(ax, level, scale * dataset[f"{name}_bound"].values)
        ax.set_yscale("log")
        fit_axis(ax)
        ax.set(xlabel=_LEVELS[dimension], ylabel=f"RMSE of the {name} [{unit}]")
    number = dataset.attrs.get("num_samples", "?")
    title = f"{number} targets a point; bands are confidence intervals"
    legend_below(figure, axes.flat, title, 6)
    return figure
