"""Figure of the radar cross section of a sphere against the Mie series."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.style import new_figure, series

__all__ = ["scattering_sphere"]

MIE: dict[str, Any] = {"method": "Mie series", "lw": 1.6}
DOTS: dict[str, Any] = {"ls": "", "mfc": "none"}


def scattering_sphere(dataset: xr.Dataset) -> Figure:
    """Monostatic cross section over the size parameter with its error, and bistatic patterns.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "scattering_sphere"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with four panels
    """
    scenario = json.loads(dataset.attrs["scenario"])
    title = str(dataset.attrs.get("title", ""))
    figure, axes = new_figure(2, 2, title, (9.6, 6.8), height_ratios=(1.5, 1))
    (back, e_plane), (error, h_plane) = axes
    size = dataset["size_parameter"].values
    fine = dataset["fine_size_parameter"].values
    angle = np.degrees(dataset["angle"].values)
    planes = ((e_plane, "E plane"), (h_plane, "H plane"))
    show_curve(fine, _decibel(dataset["monostatic_mie_fine"]), **MIE, ax=back)
    for ax, plane in planes:
        show_curve(angle, _decibel(dataset["bistatic_mie"].sel(plane=plane)), **MIE, ax=ax)
    for i, grid in enumerate(dataset["grid"].values):
        row, style = dataset.sel(grid=grid), series(i)
        show_curve(size, _decibel(row["monostatic"]), method=grid, **style, **DOTS, ax=back)
        show_curve(size, 100 * row["error_mean"], method=grid, lw=1.1, ax=error, **style)
        label = f"{grid}: {100 * float(row['bistatic_error']):.2g} %"
        for ax, plane in planes:
            value, every = _decibel(row["bistatic"].sel(plane=plane)), (3 * i, 12)
            look = {"markevery": every, **style, **DOTS}
            show_curve(angle, value, method=grid, label=label, ax=ax, **look)
    back.set(xlabel="size parameter $ka$", ylabel=r"$\sigma/(\pi a^2)$ [dB]", title="monostatic")
    back.legend(fontsize=7)
    error.set(xlabel="size parameter $ka$", ylabel="error [%]", yscale="log")
    error.set_title("error over the mean cross section", fontsize=9)
    size = scenario["bistatic_size_parameter"]
    for ax, plane in planes:
        ax.set(xlabel="scattering angle [deg]", ylabel=r"$\sigma/(\pi a^2)$ [dB]")
        ax.set_title(f"bistatic, $ka$ = {size:g}, {plane}", fontsize=9)
        ax.set_xticks(np.arange(0, 181, 30))
    e_plane.legend(fontsize=6.5, title="error of both planes", title_fontsize=6.5)
    back.title.set_fontsize(9)
    return figure


def _decibel(value: xr.DataArray) -> np.ndarray:
    return 10 * np.log10(value.values)
