"""Figures of networks of beams against the optimum."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import legend_below
from sionna_isac.plots.style import CYCLE, DARK, look, new_figure

__all__ = ["extended_target_network"]

RATIO = "trace of the CRB over the optimum"
ALL_MET = "scenes with all SINRs met [%]"


def extended_target_network(dataset: xr.Dataset) -> Figure:
    """Bounds over the optimum, scenes with all SINRs met, and the SINR of users.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "extended_target_network"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure over the number of users or of scatterers or the weight of the penalty, with three
        panels; with the weighted metric, they show its excess, bound and rate
    """
    if dataset.attrs.get("figure", "users") == "penalty":
        return _over_penalties(dataset)
    figure, axes = new_figure(1, 3, str(dataset.attrs.get("title", "")), (13.0, 4.3))
    first, second, third = axes.flat
    data, where, xlabel = _abscissa(dataset)
    if "served" in data:
        _over_optimum(data, where, first)
        for name, row in data.groupby("network"):
            share = 100 * _known(row.squeeze("network"), "served").mean("scene")
            show_curve(where, share, method=str(name), ax=second)
        second.set(ylabel=ALL_MET, ylim=(-3, 103))
        _distributions(data, third)
    else:
        _weighted(data, where, first, second, third)
    for ax in (first, second) if "served" in data else (first, second, third):
        ax.set(xlabel=xlabel)
        if "num_users" in data.dims:
            ax.set_xticks(where)
    title = f"{data.attrs['num_test']} unseen scenes; geometric mean, band from 10 to 90 %"
    legend_below(figure, [first], title, len(data["network"]) + 1)
    return figure


def _abscissa(dataset: xr.Dataset) -> tuple[xr.Dataset, np.ndarray, str]:
    """Data of one number of users or one division, and what is on the horizontal axis."""
    trained = ", ".join(str(number) for number in np.atleast_1d(dataset.attrs["train_users"]))
    if dataset.attrs.get("figure", "users") == "users" or "cells" not in dataset.dims:
        data = dataset.isel(cells=0) if "cells" in dataset.dims else dataset
        data = data.isel(min_sinr_db=0) if "min_sinr_db" in data.dims else data
        return data, data["num_users"].values, f"number of users (trained: {trained})"
    data = dataset.isel(min_sinr_db=0) if "min_sinr_db" in dataset.dims else dataset
    data = data.isel(num_users=0).swap_dims(cells="scatterers").sortby("scatterers")
    number = data["num_users"].item()
    return data, data["scatterers"].values, f"mean number of scatterers ({number} users)"


def _known(row: xr.Dataset, name: str) -> xr.DataArray:
    """Values of the scenes whose optimum is within reach."""
    return row[name].where(np.isfinite(row["optimum"]))


def _over_optimum(data: xr.Dataset, where: np.ndarray, ax: Any, name: str = RATIO) -> None:
    for network in data["network"].values:
        logarithm = np.log(data["ratio"].sel(network=network).values)
        low, high = np.exp(np.nanquantile(logarithm, (0.1, 0.9), axis=-1))
        mean = np.exp(np.nanmean(logarithm, axis=-1))
        show_curve(where, mean, low, high, method=str(network), ax=ax)
    ax.set(ylabel=name, yscale="log")


def _distributions(data: xr.Dataset, ax: Any) -> None:
    """Distribution of the SINR of users with the first network."""
    name = str(data["network"].values[0])
    cases = "num_users" if "num_users" in data.dims else "scatterers"
    for i, value in enumerate(data[cases].values):
        values = data["sinr_db"].sel({"network": name, cases: value}).values
        values = np.sort(values[np.isfinite(values)])
        below = np.arange(1, values.size + 1) / values.size
        label = f"{value} users" if cases == "num_users" else f"{value:.3g} scatterers"
        ax.plot(values, below, color=CYCLE[i % len(CYCLE)], label=label)
    ax.axvline(data.attrs["min_sinr_db"], color=DARK, ls="--", lw=1, label="target")
    ax.set(xlabel="SINR of a user [dB]", ylabel="share of users below", title=name)
    ax.legend(fontsize=8)


def _weighted(data: xr.Dataset, where: np.ndarray, first: Any, second: Any, third: Any) -> None:
    """Weighted metric and sum rate with the optimum, and the ratio of bounds."""
    share = data.attrs["rate_weight"]
    metric = (1 - share) * data["optimum"] / data["isotropic"] - share * data["optimum_sum_rate"]
    rest: dict[str, Any] = {"color": DARK, "ls": "--", "label": "optimum"}
    for network in data["network"].values:
        row = data.sel(network=network)
        reached = (metric + row["metric_gap"]).mean("scene")
        show_curve(where, reached, method=str(network), ax=first)
        rate = _known(row, "sum_rate").mean("scene")
        show_curve(where, rate, method=str(network), ax=third)
    first.plot(where, metric.mean("scene"), **rest)
    third.plot(where, data["optimum_sum_rate"].mean("scene"), **rest)
    _over_optimum(data, where, second)
    first.set(ylabel="weighted metric (smaller is better)")
    third.set(ylabel="sum rate [bit/s/Hz]")


def _over_penalties(dataset: xr.Dataset) -> Figure:
    """Users with their SINR, mean SINR and bound over the weight of the penalty.

    Networks with one weight are horizontal lines.
    """
    figure, axes = new_figure(1, 3, str(dataset.attrs.get("title", "")), (13.0, 4.3))
    data = dataset.isel(cells=0) if "cells" in dataset.dims else dataset
    data = data.isel(num_users=-1)
    if "min_sinr_db" not in data.dims:
        data = data.expand_dims("min_sinr_db")
    # scenes in which the highest target is within reach, for all targets
    data = data.where(data["optimum"].notnull().all("min_sinr_db"), drop=True)
    names = data["network"].values
    families = np.array([str(name).split(", penalty ")[0] for name in names])
    shares = axes.flat[0]
    for t, target in enumerate(data["min_sinr_db"].values):
        style = {"ls": ("-", "--", ":")[t % 3]}
        for family in dict.fromkeys(families):
            row = data.sel(min_sinr_db=target).isel(network=families == family)
            color = look(shares, family)["color"]
            label = f"{family}, {target:g} dB"
            sinr = 10 ** (row["sinr_db"] / 10)
            mean = 10 * np.log10(sinr.mean(("scene", "user")))
            trace = row["ratio"] * row["optimum"] / row["isotropic"]
            bound = np.exp(np.log(trace.transpose("network", "scene").values).mean(-1))
            for ax, values in zip(axes.flat[1:], (np.asarray(mean), bound), strict=True):
                _line(ax, row["sinr_weight"].values, values, color=color, label=label, **style)
            if row.sizes["network"] == 1:
                continue
            for missing, text in enumerate(("all users", "all but one", "fewer")):
                unserved = row["num_unserved"]
                there = unserved >= 2 if missing == 2 else unserved == missing
                share = 100 * there.mean("scene")
                about = {"color": CYCLE[missing], "label": f"{text}, {target:g} dB", **style}
                shares.plot(row["sinr_weight"], share, marker="o", ms=3, **about)
    number = int(data["num_users"])
    for ax in axes.flat:
        ax.set(xlabel="weight of the SINR penalty", xscale="log")
    shares.set(ylabel=f"scenes in which {number} users reach the target [%]", ylim=(-3, 103))
    shares.legend(fontsize=7)
    axes.flat[1].set(ylabel="mean SINR [dB]")
    axes.flat[2].set(ylabel="trace of the CRB over that of isotropic power", yscale="log")
    title = f"{data.sizes['scene']} unseen scenes; geometric mean of the bounds"
    legend_below(figure, [axes.flat[1]], title, 6)
    return figure


def _line(ax: Any, weights: np.ndarray, values: np.ndarray, **style: Any) -> None:
    if weights.size == 1:
        ax.axhline(values.item(), lw=1, **style)
    else:
        ax.plot(weights, values, marker="o", ms=3, **style)
