"""Figure of a multi-target study."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.plots import show_array, show_curve, show_roc
from sionna_isac.plots.style import banded, look, new_figure, words

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
    (gospa, detection), (positions, errors) = axes
    carrier = json.loads(dataset.attrs["scenario"])["array"]["carrier_frequency"]
    methods = list(dataset["approach"].values)
    for i, method in enumerate(methods):
        row = dataset.sel(approach=method)
        named: dict[str, Any] = {"method": method, "label": words(method)}
        show_curve(row.p_fa, *banded(row, "gospa"), **named, ax=gospa)
        p_d, *ends = banded(row, "p_d")
        show_roc((row.p_fa, p_d), *ends, **named, ax=detection)
        if method != "known":
            places = row["element_positions"], dataset["true_element_positions"]
            show_array(*places, wavelength=SPEED_OF_LIGHT / carrier, **named, ax=positions)
        value, low, high = (float(v) for v in banded(row, "ser"))
        error = np.maximum([[value - low], [high - value]], 0)
        colour = look(errors, method)["color"]
        errors.bar(i, value, yerr=error, color=colour, width=0.6, capsize=4)
    gospa.set(xscale="log", xlabel="false-alarm probability", ylabel="GOSPA [m]")
    gospa.set_ylim(bottom=0)
    gospa.legend(fontsize=8)
    errors.set_xticks(range(len(methods)), methods)
    errors.set(ylabel="symbol error rate of the user")
    errors.set_ylim(bottom=0)
    number = dataset.attrs.get("num_samples", "?")
    figure.supxlabel(f"{number} samples a method; bands are confidence intervals", fontsize=8)
    return figure
