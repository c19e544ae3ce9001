"""Figure of a coded link study."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import fit_axis
from sionna_isac.plots.style import banded, new_figure, words

__all__ = ["coded_ber"]


def coded_ber(dataset: xr.Dataset) -> Figure:
    """Bit and block error rate over the SNR; points without errors are left out.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "coded_ber"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with two panels
    """
    figure, axes = new_figure(1, 2, str(dataset.attrs.get("title", "")))
    for ax, name, text in (
        (axes[0, 0], "ber", "bit error rate"),
        (axes[0, 1], "bler", "block error rate"),
    ):
        for method in dataset["approach"].values:
            row = dataset.sel(approach=method)
            seen = row["bit_errors"].values > 0
            parts = (np.where(seen, value, np.nan) for value in banded(row, name))
            show_curve(row.snr_db, *parts, method=method, label=words(method), ax=ax)
        ax.set_yscale("log")
        fit_axis(ax)
        ax.set(xlabel="SNR per resource element without beam gain [dB]", ylabel=text)
    axes[0, 0].legend(fontsize=8)
    blocks = dataset["blocks"].values
    figure.supxlabel(
        f"{blocks.min()} to {blocks.max()} blocks a point; bands are confidence intervals",
        fontsize=8,
    )
    return figure
