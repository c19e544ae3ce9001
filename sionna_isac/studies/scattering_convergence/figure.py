"""Figure of the convergence of a scattered field with the size of voxels."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from sionna_isac.plots import show_curve
from sionna_isac.plots.style import DARK, look, new_figure, series

__all__ = ["scattering_convergence"]


def scattering_convergence(dataset: xr.Dataset) -> Figure:
    """Errors of spheres against the Mie series with fitted orders, or changes of vehicles.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "scattering_convergence"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with a panel for each sphere, or with two panels
    """
    return _spheres(dataset) if "order" in dataset else _vehicles(dataset)


def _spheres(dataset: xr.Dataset) -> Figure:
    cases = [str(case).split(": ") for case in dataset["case"].values]
    bodies = list(dict.fromkeys(body for body, _ in cases))
    title = str(dataset.attrs.get("title", ""))
    figure, axes = new_figure(1, len(bodies), title, (4.8 * len(bodies), 4.2), sharey=True)
    x = dataset["voxels_per_wavelength"].values
    for i, (body, method) in enumerate(cases):
        ax, row = axes[0, bodies.index(body)], dataset.isel(case=i)
        order, level = float(row["order"]), float(row["fit_level"])
        text = f"{method}: order {order:.1f}"
        show_curve(x, 100 * row["error"], method=method, label=text, lw=1, ax=ax)
        fit, colour = 100 * np.exp(level - order * np.log(x)), look(ax, method)["color"]
        ax.plot(x, fit, color=colour, ls=":", lw=1)
    for ax, body in zip(axes[0], bodies, strict=True):
        ax.set(xscale="log", yscale="log", xlabel="voxels a wavelength of free space")
        ax.set_xticks(x, [f"{v:g}" for v in x])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(ScalarFormatter())
        ax.set_ylim(top=200, bottom=50 * float(dataset["error"].min()))
        ax.set_title(body, fontsize=9)
        ax.legend(fontsize=7, loc="lower left")
    axes[0, 0].set_ylabel("error of the dyads [%]")
    figure.supxlabel("dotted: fitted power laws; inside the sphere the wave is shorter", fontsize=7)
    return figure


def _vehicles(dataset: xr.Dataset) -> Figure:
    figure, axes = new_figure(1, 2, str(dataset.attrs.get("title", "")), (9.6, 4.0))
    change, level = axes[0]
    size = 100 * dataset["voxel_size"].values
    for i, case in enumerate(dataset["case"].values):
        row, text, style = dataset.sel(case=case), f"{case}, to the next finer", series(i)
        show_curve(size, 100 * row["change_next"], method=case, label=text, ax=change, **style)
        finest, text = 100 * row["change_finest"][1:], f"{case}, to the finest"
        dashed = {**style, "ls": "--", "mfc": "white"}
        show_curve(size[1:], finest, method=case, label=text, ax=change, **dashed)
        show_curve(size, row["level"], method=case, ax=level, **style)
    for ax in axes[0]:
        ax.set(xscale="log", xlabel="voxel [cm]")
        ax.set_xticks(size, [f"{v:g}" for v in size])
        ax.xaxis.set_minor_locator(NullLocator())
    change.axhline(100, color=DARK, lw=0.8, ls=":")  # as much as between strangers
    change.set(ylabel="change of the channel [%]", yscale="log", ylim=(1, None))
    change.yaxis.set_major_formatter(ScalarFormatter())
    change.legend(fontsize=7, loc="lower center")
    level.set_ylabel("RMS of the channel [dB]")
    level.legend(fontsize=8)
    figure.supxlabel(
        "a sixth of the wavelength is 1 cm: no size here resolves the wave", fontsize=8
    )
    return figure
