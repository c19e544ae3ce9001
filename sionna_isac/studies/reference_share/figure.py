"""Figure of sensing by parts of a resource grid."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import fit_axis, legend_below
from sionna_isac.plots.style import DARK, banded, new_figure, series

__all__ = ["reference_share"]

SNR = "SNR of an element at one antenna [dB]"
UNITS = {"range": "m", "velocity": "m/s"}
FLOOR = 1e-2  # of the ambiguity function, -40 dB


def reference_share(dataset: xr.Dataset) -> Figure:
    """Errors over the SNR with bounds, cuts through the ambiguity function, and rates.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "reference_share"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with six panels
    """
    title = str(dataset.attrs.get("title", ""))
    figure, axes = new_figure(2, 3, title, (13.8, 8.0))
    labels = [str(v) for v in dataset["reference"].values]
    snr_db = dataset["snr_db"].values
    for column, (name, unit) in enumerate(UNITS.items()):
        errors, lobes = axes[:, column]
        for i, label in enumerate(labels):
            row, style = dataset.sel(reference=label), series(i)
            found = banded(row, f"{name}_rmse")
            show_curve(snr_db, *found, method=label, bars=True, ax=errors, **style)
            errors.plot(snr_db, row[f"{name}_bound"], color=style["color"], ls="--", lw=1)
            level = 20 * np.log10(np.maximum(row[f"{name}_ambiguity"], FLOOR))
            # the first ones above: they are the narrow lobes that the others are compared with
            lobes.plot(
                row[f"{name}_offset"], level, color=style["color"], lw=1.2, zorder=2.5 - i / 100
            )
        errors.set(yscale="log", xlabel=SNR, ylabel=f"RMSE of the {name} [{unit}]")
        fit_axis(errors)
        lobes.set(
            xlabel=f"error of the {name} [{unit}]",
            ylabel="ambiguity function [dB]",
            ylim=(20 * np.log10(FLOOR), 1),
            xlim=(0, float(dataset[f"{name}_offset"].max())),
        )
    wrong, rates = axes[:, 2]
    for i, label in enumerate(labels):
        row, style = dataset.sel(reference=label), series(i)
        found = banded(row, "wrong_cell")
        show_curve(snr_db, *found, method=label, bars=True, ax=wrong, **style)
        rates.barh(i, float(row.rate), color=style["color"], height=0.7)
        text = f" {float(row.rate):.2f}; sensing by {100 * float(row.element_share):.3g} %"
        rates.text(float(row.rate), i, text, va="center", fontsize=8)
    wrong.set(xlabel=SNR, ylabel="share of estimates in a wrong cell", ylim=(-0.02, 1.02))
    rates.set_yticks(range(len(labels)), labels, fontsize=8)
    rates.invert_yaxis()
    rates.set(xlabel="rate of the user [bit/s/Hz]", xlim=(0, 1.7 * float(dataset["rate"].max())))
    errors = axes[0, 0]
    errors.plot([], [], color=DARK, ls="--", lw=1, label="Cramér-Rao bound")
    number = dataset.attrs.get("num_samples", "?")
    note = f"{number} targets a point; bars are confidence intervals"
    legend_below(figure, [axes[0, 0], axes[0, 1], wrong], note, len(labels) + 1)
    return figure
