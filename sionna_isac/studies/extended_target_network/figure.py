"""Figure of networks of beams against the optimum."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sionna_isac.plots import show_curve
from sionna_isac.plots.style import CYCLE, DARK, new_figure

__all__ = ["extended_target_network"]


def extended_target_network(dataset: xr.Dataset) -> Figure:
    """Bounds over the optimum, scenes with all SINRs met, and the SINR of the first network.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "extended_target_network"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with three panels
    """
    figure, axes = new_figure(1, 3, str(dataset.attrs.get("title", "")), (13.0, 4.3))
    first, second, third = axes.flat
    users = dataset["num_users"].values
    known = np.isfinite(dataset["optimum"])
    for name in dataset["network"].values:
        row = dataset.sel(network=name)
        logarithm = np.log(row["ratio"].values)
        low, high = np.exp(np.nanquantile(logarithm, (0.1, 0.9), axis=-1))
        mean = np.exp(np.nanmean(logarithm, axis=-1))
        show_curve(users, mean, low, high, method=str(name), ax=first)
        share = 100 * row["served"].where(known).mean("scene")
        show_curve(users, share, method=str(name), ax=second)
    trained = ", ".join(str(number) for number in np.atleast_1d(dataset.attrs["train_users"]))
    xlabel = f"number of users (trained: {trained})"
    first.set(xlabel=xlabel, ylabel="trace of the CRB over the optimum", yscale="log")
    second.set(xlabel=xlabel, ylabel="scenes with all SINRs met [%]", ylim=(-3, 103))
    for ax in (first, second):
        ax.set_xticks(users)
    name = str(dataset["network"].values[0])
    for i, number in enumerate(users):
        values = dataset["sinr_db"].sel(network=name, num_users=number).values
        values = np.sort(values[np.isfinite(values)])
        below = np.arange(1, values.size + 1) / values.size
        third.plot(values, below, color=CYCLE[i % len(CYCLE)], label=f"{number} users")
    third.axvline(dataset.attrs["min_sinr_db"], color=DARK, ls="--", lw=1, label="target")
    third.set(xlabel="SINR of a user [dB]", ylabel="share of users below", title=name)
    third.legend(fontsize=8)
    handles, labels = first.get_legend_handles_labels()
    title = f"{dataset.attrs['num_test']} unseen scenes; geometric mean, band from 10 to 90 %"
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=len(labels),
        fontsize=8,
        title=title,
        title_fontsize=8,
    )
    return figure
