"""Figure of a study of moving targets and a moving user on one grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sionna_isac.plots import add_bound, show_curve
from sionna_isac.plots import range_doppler as show_range_doppler
from sionna_isac.plots.map import LEGEND
from sionna_isac.plots.marks import fit_axis, open_below
from sionna_isac.plots.style import DARK, banded, look, new_figure, words

__all__ = ["range_doppler"]

CASES = {
    "homogeneous": "detection, homogeneous noise",
    "clutter_edge": "detection, beside an edge of clutter",
    "masking_target": "detection, beside a strong target",
}
FALSE_ALARMS = {  # titles of legends with numbers
    "homogeneous": "false alarms; lines: closed form",
    "clutter_edge": "false alarms at the edge",
}
STAGES = {"received": "received, with static clutter", "cleaned": "clutter removed, detections"}
SNR = "SNR in the cell of the target [dB]"
QUANTITIES = {"range": "m", "velocity": "m/s", "angle": "deg"}
SPAN = -5.0, 35.0  # of the colours of the maps, over the noise [dB]


def range_doppler(dataset: xr.Dataset) -> Figure:
    """Detection in each case, errors over their bound, maps of a scene, and block errors.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "range_doppler"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with three rows of three panels
    """
    title = str(dataset.attrs.get("title", ""))
    figure, axes = new_figure(3, 3, title, (13.6, 10.6))
    cases = [str(case) for case in dataset["case"].values]
    for ax, case in zip(axes[0], cases, strict=False):
        _detection(ax, dataset.sel(case=case), case == "homogeneous")
    for ax in axes[0, len(cases) :]:
        ax.set_axis_off()
    for ax, case in zip(axes[0], cases, strict=False):
        if case in FALSE_ALARMS:
            ax.legend(fontsize=7, title=FALSE_ALARMS[case], title_fontsize=7, loc="upper left")
    for ax, (name, unit) in zip(axes[1], QUANTITIES.items(), strict=True):
        _errors(ax, dataset, name, unit)
    axes[1, 0].legend(fontsize=7)
    for ax, stage in zip(axes[2], ("received", "cleaned"), strict=False):
        _map(ax, dataset, stage)
    figure.colorbar(
        axes[2, 1].collections[0], ax=axes[2, 1], label="power over the noise [dB]", extend="both"
    )
    _blocks(axes[2, 2], dataset)
    numbers = (
        f"{dataset.attrs.get('num_scenes', '?')} scenes a case, "
        f"{dataset.attrs.get('num_targets', '?')} targets for errors, "
        f"{dataset.attrs.get('num_blocks', '?')} code words a point; "
        "bands are confidence intervals"
    )
    figure.supxlabel(numbers, fontsize=8)
    return figure


def _detection(ax: Axes, row: xr.Dataset, homogeneous: bool) -> None:
    snr_db = row["snr_db"].values
    drawn = homogeneous and "p_d_formula" in row
    for kind in row["detector"].values:
        method = f"CFAR {kind}"
        one = row.sel(detector=kind)
        text = words(method)
        if "p_fa" in one and homogeneous:
            text += f": {_power(float(one['p_fa']))}"
        elif "p_fa_edge" in one and str(one["case"].values) == "clutter_edge":
            text += f": {_power(float(one['p_fa_edge']))}"
        marks: dict[str, Any] = {"ls": ""} if drawn else {}
        parts = banded(one, "p_d")
        show_curve(snr_db, *parts, method=method, label=text, bars=True, ax=ax, **marks)
        if drawn:
            ax.plot(snr_db, one["p_d_formula"], color=look(ax, method)["color"], lw=1.0)
    ax.set(xlabel=SNR, ylabel="detection probability", ylim=(-0.02, 1.02))
    title = CASES[str(row["case"].values)]
    if "p_fa" in row.attrs:
        title += f", $P_\\mathrm{{fa}}$ = {_power(float(row.attrs['p_fa']))}"
    ax.set_title(title, fontsize=9)


def _power(value: float) -> str:
    """Number in powers of ten."""
    if not value:
        return "0"
    exponent = int(np.floor(np.log10(value)))
    factor = f"{value / 10.0**exponent:.2f}"
    ten = f"10^{{{exponent}}}"
    return f"${ten}$" if factor == "1.00" else f"${factor}\\cdot {ten}$"


def _errors(ax: Axes, dataset: xr.Dataset, name: str, unit: str) -> None:
    level = dataset["estimation_snr_db"].values
    scale = np.rad2deg(1.0) if unit == "deg" else 1.0
    for estimator in dataset["estimator"].values:
        row = dataset.sel(estimator=estimator)
        value, low, high = (scale * v for v in banded(row, f"{name}_rmse"))
        low = open_below(ax, level, value, low, look(ax, str(estimator))["color"])
        show_curve(
            level, value, low, high, method=str(estimator), label=words(str(estimator)), ax=ax
        )
    add_bound(ax, level, scale * dataset[f"{name}_bound"].values)
    ax.set_yscale("log")
    fit_axis(ax)
    ax.set(xlabel=SNR, ylabel=f"RMSE of the {name} [{unit}]")


def _map(ax: Axes, dataset: xr.Dataset, stage: str) -> None:
    ranges = dataset["map_range"].values
    truth, found = (
        tuple(dataset[f"map_{n}_{axis}"].values for axis in ("velocity", "range"))
        for n in ("true", "found")
    )
    shown = ranges <= 1.5 * truth[1].max()
    seen = np.isfinite(found[0]) & (found[1] <= ranges[shown][-1])
    show_range_doppler(
        dataset[f"map_{stage}"].values[:, shown],
        dataset["map_velocity"].values,
        ranges[shown],
        truth=truth,
        detections=None if stage == "received" else tuple(v[seen] for v in found),
        reference=1.0,
        floor=SPAN[0],
        ceiling=SPAN[1],
        colorbar=False,
        ax=ax,
    )
    ax.set_title(STAGES[stage], fontsize=9)
    if stage == "cleaned":
        ax.legend(fontsize=7, loc="upper right", **LEGEND)


def _blocks(ax: Axes, dataset: xr.Dataset) -> None:
    snr_db = dataset["user_snr_db"].values
    seen = dataset["block_errors"].values > 0
    parts = (np.where(seen, value, np.nan) for value in banded(dataset, "bler"))
    show_curve(snr_db, *parts, method="user", color=DARK, marker="o", ax=ax)
    ax.set_yscale("log")
    fit_axis(ax)
    ax.set(xlabel="SNR of the user without beam gain [dB]", ylabel="block error rate")
    ax.set_title("moving user", fontsize=9)
