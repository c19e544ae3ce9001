"""Figure of a localisation study."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots.bound import add_bound
from sionna_isac.plots.style import new_figure

__all__ = ["localization"]

_LOOKS = (("#c44e52", "s"), ("#4c72b0", "o"), ("#dd8452", "D"), ("#55a868", "v"), ("#8172b3", "P"))
_PANELS = {"angle": ("angle", "deg"), "range": ("range", "m"), "position": ("position", "m")}
_LEVELS = {
    "snr_db": "SNR at the array without beam gain [dB]",
    "power_dbm": "transmit power [dBm]",
}


def localization(dataset: xr.Dataset) -> Figure:
    """Errors of angle, range and position over the SNR or the power, above their bound.

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
    for ax, (name, (text, unit)) in zip(axes.flat, _PANELS.items(), strict=True):
        scale = np.rad2deg(1.0) if unit == "deg" else 1.0
        for i, receiver in enumerate(dataset["receiver"].values):
            colour, marker = _LOOKS[i % len(_LOOKS)]
            value, low, high = (
                scale * dataset[f"{name}_rmse{end}"].sel(receiver=receiver).values
                for end in ("", "_low", "_high")
            )
            ax.plot(level, value, color=colour, marker=marker, ms=4, label=str(receiver))
            low = np.where(low > 0, low, value)  # an interval down to 0 has no place on the axis
            ax.fill_between(level, low, high, color=colour, alpha=0.2, lw=0)
        add_bound(ax, level, scale * dataset[f"{name}_bound"].values)
        ax.set_yscale("log")
        ax.set(xlabel=_LEVELS[dimension], ylabel=f"RMSE of the {text} [{unit}]")
    lines, labels = axes[0, 0].get_legend_handles_labels()
    number = dataset.attrs.get("num_samples", "?")
    figure.legend(
        lines,
        labels,
        loc="outside lower center",
        ncols=len(labels),
        fontsize=8,
        title=f"{number} targets a point; bands are confidence intervals",
        title_fontsize=8,
    )
    return figure
