"""Figure of the convergence of a published beamforming method."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.style import DARK, new_figure, plain_ticks, series

__all__ = ["near_field_convergence"]


def near_field_convergence(dataset: xr.Dataset) -> Figure:
    """Objective after each iteration, averaged over draws, and the result of the library's method.

    Averages are over the draws for which the method succeeded with every number of chains;
    converged draws keep their last value. Thin lines are single draws, including all others.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "near_field_convergence"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with one panel
    """
    scenario = json.loads(dataset.attrs["scenario"])
    figure, axes = new_figure(1, 1, "")
    figure.set_size_inches(6.4, 4.6)
    ax = axes[0, 0]
    ax.set_title(str(dataset.attrs.get("title", "")), fontsize=10, pad=16)
    used = np.isfinite(dataset["published"].values).all(axis=0)
    for i, chains in enumerate(dataset["num_rf_chains"].values):
        row = dataset.sel(num_rf_chains=chains)
        method = f"{scenario['algorithm']}, {chains} chains"
        style = series(i)
        colour = style["color"]
        for line in row["history"].values:
            ax.plot(line, color=colour, lw=0.7, alpha=0.4)
        if used.any():
            mean = _continued(row["history"].values[used]).mean(axis=0)
            show_curve(np.arange(mean.size), mean, method=method, ax=ax, **style)
            reference = row["direct"].values[used].mean()
            text = f"direct method, {chains} chains"
            ax.axhline(reference, color=colour, ls="--", lw=1.2, label=text)
    digital = dataset["digital"].isel(num_rf_chains=0).values
    if used.any():
        ax.axhline(digital[used].mean(), color=DARK, lw=1.2, label="fully digital")
    peb = scenario["algorithm"] == "sdr-bcd"
    if peb:
        ax.set_yscale("log")
        plain_ticks(ax.yaxis)
    ax.set(
        xlabel="iteration",
        ylabel="position error bound [m]" if peb else "sum rate [bit/s/Hz]",
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    if used.any():
        figure.legend(fontsize=8, ncols=3, loc="outside lower center")
    note = f"averages over {used.sum()} of {used.size} channel draws; thin lines: single draws"
    if used.size == 1:
        note = "one channel draw"
    if dataset.attrs["num_failed"]:
        note += f"; runs that did not succeed: {dataset.attrs['num_failed']}"
    ax.annotate(note, (0.5, 1.01), xycoords="axes fraction", ha="center", fontsize=7)
    return figure


def _continued(history: np.ndarray) -> np.ndarray:
    """Histories [draws, iterations], continued with their last values."""
    last = np.sum(np.isfinite(history), axis=1) - 1
    index = np.minimum(np.arange(history.shape[1]), last[:, np.newaxis])
    return np.take_along_axis(history, index, axis=1)
