"""Figure of a multi-target study."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.plots.style import COLOURS, MARKERS, curve, label, new_figure

__all__ = ["multi_target"]


def multi_target(dataset: xr.Dataset) -> Figure:
    """GOSPA and detection over the false-alarm probability, positions, and symbol error rate.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "multi_target"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with four panels
    """
    figure, axes = new_figure(2, 2, str(dataset.attrs.get("title", "")))
    curves = (
        (axes[0, 0], "gospa", "GOSPA [m]"),
        (axes[0, 1], "p_d", "detection probability"),
    )
    for ax, name, text in curves:
        for method in dataset["approach"].values:
            row = dataset.sel(approach=method)
            curve(ax, method, row.p_fa, row[name], row[f"{name}_low"], row[f"{name}_high"])
        ax.set_xscale("log")
        ax.set(xlabel="false-alarm probability", ylabel=text)
    axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].legend(fontsize=8)
    _positions(axes[1, 0], dataset)
    _symbol_errors(axes[1, 1], dataset)
    number = dataset.attrs.get("num_samples", "?")
    figure.supxlabel(f"{number} samples a method; bands are confidence intervals", fontsize=8)
    return figure


def _positions(ax: Any, dataset: xr.Dataset) -> None:
    scenario = json.loads(dataset.attrs["scenario"])
    wavelength = SPEED_OF_LIGHT / scenario["array"]["carrier_frequency"]
    truth = dataset["true_element_positions"].values / wavelength
    for method in dataset["approach"].values:
        if method == "known":
            continue
        error = dataset["element_positions"].sel(approach=method).values / wavelength - truth
        ax.plot(
            error - np.mean(error),
            color=COLOURS[method],
            marker=MARKERS[method],
            ms=3,
            lw=1,
            label=label(method),
        )
    ax.axhline(0, color=COLOURS["known"], lw=1)
    ax.set(xlabel="element", ylabel="position error [wavelengths]")


def _symbol_errors(ax: Any, dataset: xr.Dataset) -> None:
    methods = list(dataset["approach"].values)
    for i, method in enumerate(methods):
        row = dataset.sel(approach=method)
        value = float(row.ser)
        error = [[value - float(row.ser_low)], [float(row.ser_high) - value]]
        ax.bar(i, value, yerr=np.maximum(error, 0), color=COLOURS[method], width=0.6, capsize=4)
    ax.set_xticks(range(len(methods)), methods)
    ax.set(ylabel="symbol error rate of the user")
    ax.set_ylim(bottom=0)
