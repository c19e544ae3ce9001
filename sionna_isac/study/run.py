"""A study from scenario to stored result."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac import metrics
from sionna_isac.array import ImpairedArray
from sionna_isac.core import set_seed
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder
from sionna_isac.study.sweep import coded_ber_sweep, detection_sweep, summarise_detection
from sionna_isac.study.system import assumed_array, true_array
from sionna_isac.study.train import train_array

__all__ = ["gap_closed", "run_scenario"]


def run_scenario(
    scenario: Any, out: str | Path, fresh: bool = False, quiet: bool = False
) -> xr.Dataset:
    """Run a scenario and store its result; what an interrupted run computed is kept.

    Parameters
    ----------
    scenario : :class:`~sionna_isac.study.MultiTargetScenario` | \
        :class:`~sionna_isac.study.CodedBERScenario`
        Scenario
    out : `str` | `Path`
        Folder of the run
    fresh : `bool`, (default `False`)
        Whether results of an earlier run in the folder are discarded
    quiet : `bool`, (default `False`)
        Whether no progress is shown

    Output
    ------
    : `xarray.Dataset`
        The result, as stored in ``out/result.nc``

    Raises
    ------
    StoreError
        If the folder holds results of another configuration
    TrainingError
        If training diverged
    """
    reporter = Reporter(quiet)
    folder = RunFolder(Path(out), scenario, fresh)
    started = time.monotonic()
    set_seed(scenario.seed)
    truth = true_array(scenario)
    arrays: dict[str, ImpairedArray] = {}
    losses = np.zeros(0)
    methods = scenario.methods if scenario.kind == "coded_ber" else scenario.evaluation.methods
    for method in methods:
        if method == "learned":
            arrays[method], losses = train_array(scenario, truth, folder, reporter)
        else:
            arrays[method] = assumed_array(scenario, method, truth)
    sweep: Callable[..., Any] = (
        detection_sweep if scenario.kind == "multi_target" else coded_ber_sweep
    )
    raw = sweep(scenario, truth, arrays, folder, reporter)
    if scenario.kind == "multi_target":
        dataset = summarise_detection(scenario, raw)
    else:
        dataset = _summarise_ber(scenario, raw)
    _add_arrays(dataset, truth, arrays, losses)
    folder.write_result(dataset, scenario)
    reporter.say(f"done in {time.monotonic() - started:.0f} s: {folder.result}")
    for line in _summary(scenario, dataset):
        reporter.say(line)
    return dataset


def gap_closed(dataset: xr.Dataset, p_fa: float) -> float:
    """Share of the GOSPA gap between "unknown" and "known" that "learned" closes."""
    gospa = dataset["gospa"].sel(p_fa=p_fa)
    unknown, learned, known = (
        float(gospa.sel(approach=m)) for m in ("unknown", "learned", "known")
    )
    return (unknown - learned) / (unknown - known)


def _summarise_ber(scenario: Any, raw: dict[str, dict[str, np.ndarray]]) -> xr.Dataset:
    methods = list(raw)
    snr_db = np.array(scenario.coding.snr_db)
    dataset = xr.Dataset(coords={"approach": methods, "snr_db": snr_db})
    dataset["snr_db"].attrs = {"units": "dB", "long_name": "SNR per resource element, no beam gain"}
    for name in next(iter(raw.values())):
        dataset[name] = (("approach", "snr_db"), np.stack([raw[m][name] for m in methods]))
    dataset["ber"] = dataset["bit_errors"] / dataset["bits"]
    dataset["bler"] = dataset["block_errors"] / dataset["blocks"]
    bounds = np.array(
        [
            [
                metrics.proportion_interval(int(e), int(n), scenario.confidence)
                for e, n in zip(*row, strict=True)
            ]
            for row in zip(dataset["block_errors"].values, dataset["blocks"].values, strict=True)
        ]
    )
    for j, name in enumerate(("bler_low", "bler_high")):
        dataset[name] = (("approach", "snr_db"), bounds[..., j])
    return dataset


def _add_arrays(
    dataset: xr.Dataset,
    truth: ImpairedArray,
    arrays: dict[str, ImpairedArray],
    losses: np.ndarray,
) -> None:
    positions = np.stack([a.element_positions for a in arrays.values()])
    dataset["element_positions"] = (("approach", "antenna"), positions, {"units": "m"})
    dataset["true_element_positions"] = ("antenna", truth.element_positions, {"units": "m"})
    dataset["loss"] = ("iteration", losses, {"long_name": "training loss"})


def _summary(scenario: Any, dataset: xr.Dataset) -> list[str]:
    if scenario.kind != "multi_target":
        return []
    p_fa = scenario.evaluation.operating_p_fa
    lines = [f"at p_fa = {p_fa:g}, {dataset.attrs['num_samples']} samples:"]
    point = dataset.sel(p_fa=p_fa)
    for method in dataset["approach"].values:
        row = point.sel(approach=method)
        lines.append(
            f"  {method:<8} GOSPA {float(row.gospa):6.2f} m "
            f"[{float(row.gospa_low):.2f}, {float(row.gospa_high):.2f}]   "
            f"p_d {float(row.p_d):.3f}   SER {float(row.ser):.2e} "
            f"[{float(row.ser_low):.2e}, {float(row.ser_high):.2e}]"
        )
    if {"unknown", "learned", "known"} <= set(dataset["approach"].values):
        lines.append(f"learning closes {gap_closed(dataset, p_fa):.1%} of the GOSPA gap")
    return lines
