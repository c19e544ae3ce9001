"""Figure of a near-field beamforming study."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import fit_axis, legend_below, show_printed
from sionna_isac.plots.style import METHODS, banded, new_figure, plain_ticks

__all__ = ["near_field"]

AXES = {
    "power_dbm": "transmit power [dBm]",
    "num_antennas": "number of antennas",
    "min_rate": "rate required by each user [bit/s/Hz]",
    "max_peb": "largest position error bound allowed [m]",
}


def near_field(dataset: xr.Dataset) -> Figure:
    """Position error bound, or sum rate, of each design over the swept parameter.

    Each design has its colour; fully digital beams have full lines. Hollow diamonds are values that
    the publication prints. Bands of position error bounds reach from the 10th to the 90th
    percentile of the draws. With estimates of positions, lines are roots of the mean SPEB, and
    markers the comparable RMSE with its confidence interval.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "near_field"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with one panel
    """
    scenario = json.loads(dataset.attrs["scenario"])
    parameter, metric = scenario["sweep"]["parameter"], scenario["metric"]
    figure, axes = new_figure(1, 1, "")
    figure.set_size_inches(6.4, 5.2)
    ax = axes[0, 0]
    ax.set_title(str(dataset.attrs.get("title", "")), fontsize=10)
    chains = sorted({d["num_rf_chains"] for d in scenario["designs"] if d["num_rf_chains"]})
    for i, design in enumerate(scenario["designs"]):
        _draw(ax, dataset.isel(design=i), design, chains, parameter, metric)
    if "rmse_known_symbols" in dataset:
        _explain(ax)
    _printed(ax, dataset, scenario)
    if metric == "peb" and np.isfinite(dataset["peb_mean"]).any():
        ax.set_yscale("log")
    fit_axis(ax)
    if parameter == "max_peb":
        ax.set_xscale("log")
        ax.set_xticks(dataset[parameter].values)
        plain_ticks(ax.xaxis)
    else:
        ax.locator_params(axis="x", steps=[1, 2, 5, 10])
    text = "position error [m]" if "rmse" in dataset else "position error bound [m]"
    ax.set(xlabel=AXES[parameter], ylabel=text if metric == "peb" else "sum rate [bit/s/Hz]")
    legend_below(figure, [ax], _note(dataset, scenario), columns=2)
    return figure


def _draw(
    ax: Any,
    row: xr.Dataset,
    design: dict[str, Any],
    chains: list[int],
    parameter: str,
    metric: str,
) -> None:
    """Curve of a design: colour and marker by design, line by number of chains."""
    number, text = design["num_rf_chains"], str(row["design"].item())
    order = 0 if number is None else 1 + chains.index(number)
    method = METHODS[design["design"]]
    style: dict[str, Any] = {
        "color": method.color,
        "ls": ["-", "--", ":", "-."][order % 4],
        "marker": method.marker,
        "ms": 5,
        "lw": 1.4,
        "mfc": "none" if order else None,
    }
    x, label = row[parameter].values, text
    if design["num_channels"] is not None:  # an average over other draws: no curve
        style |= {"ls": "", "marker": "x"}
        label = f"{text}, few draws"
    points: list[Any] = [row[f"{metric}_mean"]]
    if "rmse" in row:
        ax.plot(x, row["peb_rms"], color=style["color"], ls=style["ls"], lw=style["lw"])
        style |= {"ls": "", "capsize": 2, "elinewidth": 1, "bars": True}
        points = banded(row, "rmse")
    elif metric == "peb":  # rates of draws differ far more than designs: bands would cover others
        points += [row["peb_low"], row["peb_high"]]
    show_curve(x, *points, method=text, label=label, ax=ax, **style)
    if "rmse_known_symbols" in row:
        style |= {"marker": "x", "ms": 6}
        show_curve(
            x, *banded(row, "rmse_known_symbols"), method=text, label="_known", ax=ax, **style
        )


def _explain(ax: Any) -> None:
    """Entries of the legend that tell bounds and receivers apart, in no colour of a design."""
    for label, style in (
        ("bound: root of the mean SPEB", {"ls": "-"}),
        ("RMSE, MUSIC", {"ls": "", "marker": "o", "ms": 5}),
        ("RMSE, symbols known (maximum likelihood)", {"ls": "", "marker": "x", "ms": 6}),
    ):
        ax.plot([], [], color="0.25", label=label, **style)


def _printed(ax: Any, dataset: xr.Dataset, scenario: dict[str, Any]) -> None:
    """Values that the publication prints."""
    designs = dict(zip(dataset["design"].values, scenario["designs"], strict=True))
    for value in scenario.get("published", ()):
        color = METHODS[designs[value["method"]]["design"]].color
        show_printed(ax, value["x"], value["y"], color)


def _note(dataset: xr.Dataset, scenario: dict[str, Any]) -> str:
    """Number of draws of the averages, and the points left out."""
    full = [i for i, d in enumerate(scenario["designs"]) if d["num_channels"] is None]
    counts = dataset["num_averaged"].isel(design=full[0]).values
    text = f"{counts.min()}" if np.ptp(counts) == 0 else ", ".join(map(str, counts))
    text = f"averages over {text} of {scenario['num_channels']} channel draws"
    if scenario["num_channels"] == 1:
        text = "one channel draw"
    if "rmse_known_symbols" in dataset:
        text += "; bars: confidence intervals"
    elif "rmse" in dataset:
        text += "; lines: root of the mean SPEB, markers: RMSE of MUSIC"
    elif scenario["metric"] == "peb" and scenario["num_channels"] > 1:
        text += "; bands: 10th to 90th percentile"
    if not counts.all():
        text += "\nwhere no draw let all designs succeed, there is no average"
    return text
