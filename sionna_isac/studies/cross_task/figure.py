"""Figures of studies of receivers of vehicles, drawn from their results."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sionna_isac.plots import show_curve
from sionna_isac.plots.marks import fit_axis, legend_below, show_printed
from sionna_isac.plots.style import CYCLE, DARK, look, new_figure, plain_ticks
from sionna_isac.studies.cross_task.report import COLUMNS

__all__ = ["cross_task"]

_OVER = {
    "num_tones": "number of sensing tones $K_s$",
    "fraction": "share of the training samples [%]",
    "noise": "noise over RMS of the channel [dB]",
    "phase_offset_deg": "phase offset of the channel [deg]",
}
_PRINTED = "printed in [Zhao26], 64 + 64 antennas, 16 tones unless swept"
_BINS = 6, 8  # of ranges and azimuths in maps


def cross_task(dataset: xr.Dataset) -> Figure:
    """Picture that the scenario asks for: see its field ``figure``.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "cross_task"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure
    """
    pictures: dict[str, Callable[[xr.Dataset], Figure]] = {
        "table": _table,
        "gain": _gain,
        "curves": _curves,
        "trade_off": _trade_off,
        "allocation": _allocation,
        "errors": _errors,
        "entropy": _entropy,
    }
    return pictures[dataset.attrs["figure"]](dataset)


def _title(dataset: xr.Dataset) -> str:
    return str(dataset.attrs.get("title", ""))


def _over(dataset: xr.Dataset) -> str:
    """Dimension of the sweep."""
    return next(str(d) for d in dataset["accuracy"].dims[2:3])


def _axis(metric: str) -> str:
    text, _, unit, _ = COLUMNS[metric]
    return f"{text} [{unit}]"


def _spread(values: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the seeds, the last axis."""
    scaled = COLUMNS[metric][1] * values
    spread = scaled.std(-1, ddof=1) if scaled.shape[-1] > 1 else np.zeros(scaled.shape[:-1])
    return scaled.mean(-1), spread


def _table(dataset: xr.Dataset) -> Figure:
    """Metrics of all receivers, with the printed values."""
    receivers = [str(m) for m in dataset["receiver"].values]
    size = (15, 1.4 + 0.34 * len(receivers))
    figure, axes = new_figure(1, len(COLUMNS), _title(dataset), size, sharey=True)
    rows = np.arange(len(receivers))[::-1]
    placements = [str(p) for p in dataset["placement"].values]
    for ax, metric in zip(axes.flat, COLUMNS, strict=True):
        for p, placement in enumerate(placements):
            mean, spread = _spread(dataset[metric].isel(placement=p).values[:, 0], metric)
            ax.errorbar(
                mean,
                rows - 0.18 * p,
                xerr=spread,
                fmt="os^"[p % 3],
                ms=5,
                capsize=2,
                color=CYCLE[p],
                label=f"{placement} tones",
            )
        printed = COLUMNS[metric][1] * dataset[f"published_{metric}"].values[:, 0]
        show_printed(ax, printed, rows + 0.2, DARK, _PRINTED)
        if metric.endswith("_mae") and np.any(dataset[metric] > 0):
            ax.set_xscale("log")
            plain_ticks(ax.xaxis)
        ax.set(xlabel=_axis(metric))
    axes[0, 0].set_yticks(rows, receivers)
    title = f"{dataset.attrs['num_samples']} test samples, {_seeds(dataset)}"
    legend_below(figure, axes.flat, title)
    return figure


def _seeds(dataset: xr.Dataset) -> str:
    number = dataset.sizes["seed"]
    return "one seed" if number == 1 else f"mean and standard deviation of {number} seeds"


def _gain(dataset: xr.Dataset) -> Figure:
    """Gain in accuracy and in planar error over the networks of a single task."""
    placements = dataset["placement"].values
    figure, axes = new_figure(
        1, len(placements), _title(dataset), (max(6.4 * len(placements), 7.4), 5.4)
    )
    single = {
        metric: [str(m) for m in dataset["receiver"].values if str(m) == name]
        for metric, name in (
            ("accuracy", "classification alone"),
            ("planar_mae", "localisation alone"),
        )
    }
    for p, ax in enumerate(axes.flat):
        at = dataset.isel(placement=p).mean("seed").squeeze(drop=True)
        for source in ("", "published_"):
            base = {
                m: at[f"{source}{m}"].sel(receiver=n[0]).item() if n else np.nan
                for m, n in single.items()
            }
            for receiver in dataset["receiver"].values:
                row = at.sel(receiver=receiver)
                gain = 100 * (row[f"{source}accuracy"].item() - base["accuracy"])
                less = 100 * (1 - row[f"{source}planar_mae"].item() / base["planar_mae"])
                if not np.isfinite(gain + less):
                    continue
                style = look(ax, str(receiver))
                if source:
                    show_printed(ax, gain, less, style["color"], _PRINTED)
                else:
                    ax.plot(gain, less, label=str(receiver), **{"ms": 7, **style, "ls": ""})
        ax.axhline(0, color=DARK, lw=0.8)
        ax.axvline(0, color=DARK, lw=0.8)
        ax.set(
            xlabel="gain in accuracy over classification alone [percentage points]",
            ylabel="reduction of the planar MAE of localisation alone [%]",
            title=f"{placements[p]} tones",
        )
    number = dataset.sizes["seed"]
    legend_below(figure, axes.flat, "one seed" if number == 1 else f"means of {number} seeds", 2)
    return figure


def _abscissa(dataset: xr.Dataset) -> tuple[np.ndarray, str]:
    over = _over(dataset)
    values = dataset[over].values.astype(float)
    if over == "fraction":
        values = 100 * values
    if over == "noise":  # no noise has no place on a scale in dB
        values = np.where(values > 0, 20 * np.log10(np.maximum(values, 1e-12)), np.nan)
        quiet = np.nanmin(values) - 6 if np.any(np.isfinite(values)) else -60.0
        values = np.where(np.isnan(values), quiet, values)
    return values, _OVER[over]


def _panels(
    dataset: xr.Dataset, metrics: tuple[str, ...], x: np.ndarray, name: str, printed: bool
) -> tuple[Figure, Any]:
    placements = [str(p) for p in dataset["placement"].values]
    shape = len(placements), len(metrics)
    figure, axes = new_figure(*shape, _title(dataset), (4.9 * shape[1], 3.6 * shape[0]))
    for p, placement in enumerate(placements):
        for q, metric in enumerate(metrics):
            ax = axes[p, q]
            for m, receiver in enumerate(dataset["receiver"].values):
                mean, spread = _spread(dataset[metric].values[m, p], metric)
                if np.all(np.isnan(mean)):
                    continue
                show_curve(x, mean, mean - spread, mean + spread, method=str(receiver), ax=ax)
                value = COLUMNS[metric][1] * dataset[f"published_{metric}"].values[m]
                if printed and np.any(np.isfinite(value)):
                    show_printed(ax, x, value, look(ax, str(receiver))["color"], _PRINTED)
            if metric == "planar_mae":
                ax.set_yscale("log")
                fit_axis(ax)
            ax.set(xlabel=name, ylabel=_axis(metric), title=f"{placement} tones")
    several = "; bands are standard deviations" if dataset.sizes["seed"] > 1 else ""
    legend_below(figure, axes.flat, f"{_seeds(dataset)}{several}")
    return figure, axes


def _curves(dataset: xr.Dataset) -> Figure:
    """Accuracy, planar error and success over the sweep."""
    x, name = _abscissa(dataset)
    over = _over(dataset)
    figure, axes = _panels(dataset, ("accuracy", "planar_mae", "success_rate"), x, name, True)
    for ax in axes.flat:
        if over == "num_tones":
            ax.set_xscale("log", base=2)
            ax.set_xticks(x, [f"{v:g}" for v in x])
            ax.xaxis.set_minor_locator(NullLocator())
        if over == "noise":
            quiet = dataset[over].values == 0
            ax.set_xticks(x, ["none" if q else f"{v:.0f}" for v, q in zip(x, quiet, strict=True)])
    return figure


def _trade_off(dataset: xr.Dataset) -> Figure:
    """Accuracy and planar error over the rate of the communication user."""
    x, name = dataset["rate"].values, "ergodic rate [bit/s/Hz]"
    return _panels(dataset, ("accuracy", "planar_mae"), x, name, True)[0]


def _allocation(dataset: xr.Dataset) -> Figure:
    """Smallest number of tones that meets each requirement."""
    found = json.loads(dataset.attrs["allocations"])
    requirements = list(dict.fromkeys(row[0] for row in found))
    receivers = [str(m) for m in dataset["receiver"].values]
    placements = [str(p) for p in dataset["placement"].values]
    size = (6.2 * len(requirements), 1.6 + 0.5 * len(receivers))
    figure, axes = new_figure(1, len(requirements), _title(dataset), size, sharey=True)
    rows = np.arange(len(receivers))[::-1]
    height = 0.8 / len(placements)
    top = float(dataset["num_tones"].values.max())
    for ax, requirement in zip(axes.flat, requirements, strict=True):
        for p, placement in enumerate(placements):
            for label, place, number, rate in (r[1:] for r in found if r[0] == requirement):
                if place != placement:
                    continue
                y = rows[receivers.index(label)] + height * (0.5 * (len(placements) - 1) - p)
                ax.barh(y, number or 0, 0.9 * height, color=CYCLE[p])
                text = f"{number}: {rate:.3f} bit/s/Hz" if number else "not met"
                ax.text((number or 0) + 0.02 * top, y, text, va="center", fontsize=7)
            ax.barh(0, 0, color=CYCLE[p], label=f"{placement} tones")
        ax.set(xlabel=_OVER["num_tones"], title=requirement, xlim=(0, 1.6 * top))
    axes[0, 0].set_yticks(rows, receivers)
    over = " for the mean over the seeds" if dataset.sizes["seed"] > 1 else ""
    legend_below(figure, axes.flat, f"smallest number of tones{over}")
    return figure


def _maps(
    dataset: xr.Dataset, values: np.ndarray, text: str, wrong: np.ndarray | None, **options: Any
) -> Figure:
    """Mean of values [receiver, placement, seed, sample] in cells of the plane."""
    shown = [m for m in range(len(values)) if not np.all(np.isnan(values[m]))]
    placements = [str(p) for p in dataset["placement"].values]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns) * len(placements)
    figure, axes = new_figure(rows, columns, _title(dataset), (4.4 * columns, 3.6 * rows))
    distance, azimuth = dataset["sample_true_range"].values, dataset["sample_true_azimuth"].values
    ranges = np.linspace(distance.min(), distance.max(), _BINS[0] + 1)
    angles = np.linspace(azimuth.min(), azimuth.max(), _BINS[1] + 1)
    x, y = ranges[:, None] * np.cos(angles), ranges[:, None] * np.sin(angles)
    cells = [(p, m) for p in range(len(placements)) for m in shown]
    image = None
    for ax in axes.flat[len(cells) :]:
        ax.set_axis_off()
    for ax, (p, m) in zip(axes.flat, cells, strict=False):
        of = np.nanmean(values[m, p], 0)
        weights = [np.histogram2d(distance, azimuth, [ranges, angles], weights=w)[0]
                   for w in (of, np.ones_like(of))]  # fmt: skip
        with np.errstate(invalid="ignore"):
            mean = weights[0] / weights[1]
        image = ax.pcolormesh(y, x, np.ma.masked_invalid(mean), **options)
        if wrong is not None:
            of = wrong[m, p].any(0)
            ax.plot((distance * np.sin(azimuth))[of], (distance * np.cos(azimuth))[of], "kx", ms=5)
        ax.invert_xaxis()  # positive azimuth is to the left when looking along x
        ax.set_aspect("equal")
        title = f"{dataset['receiver'].values[m]}\n{placements[p]} tones"
        ax.set(xlabel="y [m]", ylabel="x [m]")
        ax.set_title(title, fontsize=9)
    if image is not None:
        figure.colorbar(image, ax=axes, label=text, shrink=0.8)
    return figure


def _errors(dataset: xr.Dataset) -> Figure:
    """Planar error over the plane."""
    values = dataset["sample_planar_error"].values[:, :, 0]
    number = dataset.sizes["seed"]
    text = f"mean planar error [m], {'one seed' if number == 1 else f'{number} seeds'}"
    return _maps(dataset, values, text, None, norm=LogNorm(0.1, 30), cmap="viridis")


def _entropy(dataset: xr.Dataset) -> Figure:
    """Entropy of the class over the plane; crosses are samples that some seed got wrong."""
    logits = dataset["sample_logits"].values[:, :, 0]
    shifted = logits - logits.max(-1, keepdims=True)
    logarithm = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    entropy = -(np.exp(logarithm) * logarithm).sum(-1)
    wrong = np.argmax(logits, -1) != dataset["sample_true_category"].values
    text = "entropy of the class [nat]; crosses: misclassified"
    return _maps(dataset, entropy, text, wrong, vmin=0, vmax=np.log(2), cmap="magma_r")
