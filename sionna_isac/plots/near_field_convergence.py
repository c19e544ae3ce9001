"""Figure of the convergence of a published beamforming method."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots.near_field import MARKERS, _plain_ticks
from sionna_isac.plots.style import new_figure

__all__ = ["near_field_convergence"]

COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#8172b3", "#937860")


def near_field_convergence(dataset: xr.Dataset) -> Figure:
    """Objective after each iteration, averaged over the draws, and the library's own method.

    Draws that have converged keep their last value in the average; thin lines are the draws.

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
    ax.set_title(str(dataset.attrs.get("title", "")), fontsize=10)
    for i, chains in enumerate(dataset["num_rf_chains"].values):
        row = dataset.sel(num_rf_chains=chains)
        colour = COLOURS[i % len(COLOURS)]
        history = _continued(row["history"].values)
        good = np.isfinite(history).all(axis=1)
        label = f"{scenario['algorithm']}, {chains} chains ({good.sum()} draws)"
        for line in row["history"].values[good]:
            ax.plot(line, color=colour, lw=0.7, alpha=0.4)
        if good.any():
            mean = history[good].mean(axis=0)
            ax.plot(mean, color=colour, marker=MARKERS[i % len(MARKERS)], ms=4, label=label)
            reference = row["direct"].values[good].mean()
            text = f"direct method, {chains} chains"
            ax.axhline(reference, color=colour, ls="--", lw=1.2, label=text)
    digital = dataset["digital"].isel(num_rf_chains=0).values
    if np.isfinite(digital).any():
        ax.axhline(np.nanmean(digital), color="#2d2d2d", lw=1.2, label="fully digital")
    peb = scenario["algorithm"] == "sdr-bcd"
    if peb:
        ax.set_yscale("log")
        _plain_ticks(ax.yaxis)
    ax.set(
        xlabel="iteration",
        ylabel="position error bound [m]" if peb else "sum rate [bit/s/Hz]",
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=8)
    note = f"averages over {scenario['num_channels']} channel draws; thin lines: each draw"
    if dataset.attrs["num_failed"]:
        note += f"; {dataset.attrs['num_failed']} runs did not succeed"
    figure.supxlabel(note, fontsize=7)
    return figure


def _continued(history: np.ndarray) -> np.ndarray:
    """Histories [draws, iterations] whose last value stays."""
    last = np.sum(np.isfinite(history), axis=1) - 1
    index = np.minimum(np.arange(history.shape[1]), last[:, np.newaxis])
    return np.take_along_axis(history, index, axis=1)
