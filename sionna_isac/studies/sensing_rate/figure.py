"""Figure of the rate that sensing tones leave."""

from __future__ import annotations

import json
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.style import DARK, banded, new_figure, series

__all__ = ["sensing_rate"]

FADING = {"ergodic": "new fades in every symbol", "block": "block fading"}
PLACES = {"uniform": "tones at equal distances", "low_sidelobe": "tones with low side lobes"}
XLABEL = "number of sensing tones"


def sensing_rate(dataset: xr.Dataset) -> Figure:
    """Rates over the number of sensing tones, and block error rates of the schemes.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "sensing_rate"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with a row for each SNR and placement: rates, and errors for each fading
    """
    cases = [(s, p) for s in dataset["snr_db"].values for p in dataset["placement"].values]
    fadings = [str(f) for f in dataset["fading"].values]
    title = str(dataset.attrs.get("title", ""))
    size = (5.6 + 4.2 * len(fadings), 3.9 * len(cases))
    figure, axes = new_figure(len(cases), 1 + len(fadings), title, size)
    for row, (snr_db, placement) in zip(axes, cases, strict=True):
        part = dataset.sel(snr_db=snr_db, placement=placement)
        _rates(row[0], part, fadings)
        row[0].set_title(f"{snr_db:g} dB, {PLACES[placement]}", fontsize=9)
        for ax, fading in zip(row[1:], fadings, strict=True):
            _errors(ax, part.sel(fading=fading), int(dataset.attrs["num_blocks"]))
            ax.set_title(FADING[fading], fontsize=9)
        row[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    axes[0, 0].legend(fontsize=7)
    level = json.loads(dataset.attrs["scenario"])["confidence"]
    figure.supxlabel(
        f"{dataset.attrs['num_blocks']} blocks for each scheme and point; bars and bands are "
        f"{100 * level:g} % confidence intervals; points without block errors are left out",
        fontsize=8,
    )
    return figure


def _rates(ax: Axes, part: xr.Dataset, fadings: list[str]) -> None:
    numbers = part["num_sensing_tones"].values
    exact: dict[str, Any] = {"color": DARK, "marker": "", "ls": "--", "lw": 1.4}
    show_curve(numbers, part["formula"], method="formula (19)", **exact, ax=ax)
    for i, fading in enumerate(fadings):
        name = f"Monte Carlo, {FADING[fading]}"
        found = banded(part.sel(fading=fading), "mutual_information")
        hollow = {**series(i), "ls": "", "mfc": "none", "bars": True}
        show_curve(numbers, *found, method=name, ax=ax, **hollow)
    for i, fading in enumerate(fadings):
        name = f"coded link, {FADING[fading]}"
        found = banded(part.sel(fading=fading), "coded_rate")
        show_curve(numbers, *found, method=name, ax=ax, **series(i))
    if np.any(np.isfinite(part["published"])):
        dots: dict[str, Any] = {"color": DARK, "marker": "D", "mfc": "none", "ls": "", "ms": 8}
        show_curve(numbers, part["published"], method="published", **dots, ax=ax)
    _tone_axis(ax, numbers)
    ax.set(ylabel="rate over all tones [bit/s/Hz]", ylim=(0, None))


def _errors(ax: Axes, row: xr.Dataset, num_blocks: int) -> None:
    numbers = row["num_sensing_tones"].values
    schemes = row["scheme"].values
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(schemes)))
    for scheme, colour in zip(schemes, colours, strict=True):
        one = row.sel(scheme=scheme)
        seen = one["block_errors"].values > 0
        parts = (np.where(seen, value, np.nan) for value in banded(one, "bler"))
        look: dict[str, Any] = {"color": matplotlib.colors.to_hex(colour)}
        show_curve(numbers, *parts, method=str(scheme), **look, ax=ax)
    _tone_axis(ax, numbers)
    # a limit of its own: a logarithmic axis without any value has none
    ax.set(ylabel="block error rate", yscale="log", ylim=(0.3 / num_blocks, 1.5))


def _tone_axis(ax: Axes, numbers: np.ndarray) -> None:
    """Powers of two at equal distances, and 0 before 1."""
    ax.set_xscale("symlog", base=2, linthresh=1)
    ax.set_xticks(numbers, [str(n) for n in numbers])
    ax.minorticks_off()
    ax.set_xlabel(XLABEL)
