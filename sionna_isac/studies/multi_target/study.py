"""Studies of impaired arrays: what an array learned from echoes is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray
from sionna_isac.studies._isac.approach import ArrayApproach
from sionna_isac.studies._isac.arrays import assumed_array, true_array
from sionna_isac.studies._isac.learn import learn
from sionna_isac.studies.coded_ber.study import coded_ber_sweep, summarise_ber
from sionna_isac.studies.multi_target.sweep import detection_sweep, summarise_detection
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["coded_study", "detection_report", "detection_study", "gap_closed"]


def detection_study(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Learn the array, then detect and locate targets with what is compared."""
    truth, arrays, losses = _arrays(scenario, folder, reporter)
    found = detection_sweep(scenario, truth, arrays, folder, reporter)
    dataset = summarise_detection(scenario, found)
    _add_arrays(dataset, truth, arrays, losses)
    return dataset


def coded_study(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Learn the array, then count the errors of coded blocks with what is compared."""
    truth, arrays, losses = _arrays(scenario, folder, reporter)
    dataset = summarise_ber(scenario, coded_ber_sweep(scenario, truth, arrays, folder, reporter))
    _add_arrays(dataset, truth, arrays, losses)
    return dataset


def _arrays(
    scenario: Any, folder: RunFolder, reporter: Reporter
) -> tuple[ImpairedArray, dict[str, ImpairedArray], np.ndarray]:
    """True array, those that are compared, and losses of training."""
    truth = true_array(scenario)
    arrays: dict[str, ImpairedArray] = {}
    losses = np.zeros(0)
    for method in scenario.compared():
        if method == "learned":
            arrays[method], losses = _learn(scenario, truth, folder, reporter)
        else:
            arrays[method] = assumed_array(scenario, method, truth)
    return truth, arrays, losses


def _learn(
    scenario: Any, truth: ImpairedArray, folder: RunFolder, reporter: Reporter
) -> tuple[ImpairedArray, np.ndarray]:
    learned = assumed_array(scenario, "learned", truth)
    if not scenario.training.iterations:
        return learned, np.zeros(0)
    approach = ArrayApproach(scenario, learned, scenario.training)
    model = learn(scenario, truth, approach, "learned", folder, reporter)
    return learned, model.history["array_loss"]


def detection_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Main numbers at the working point."""
    p_fa = scenario.evaluation.operating_p_fa
    yield f"at p_fa = {p_fa:g}, {dataset.attrs['num_samples']} samples:"
    point = dataset.sel(p_fa=p_fa)
    for method in dataset["approach"].values:
        row = point.sel(approach=method)
        yield (
            f"  {method:<8} GOSPA {float(row.gospa):6.2f} m "
            f"[{float(row.gospa_low):.2f}, {float(row.gospa_high):.2f}]   "
            f"p_d {float(row.p_d):.3f}   SER {float(row.ser):.2e} "
            f"[{float(row.ser_low):.2e}, {float(row.ser_high):.2e}]"
        )
    if {"unknown", "learned", "known"} <= set(dataset["approach"].values):
        yield _gap(dataset, p_fa)


def _gap(dataset: xr.Dataset, p_fa: float) -> str:
    """Line about the gap that learning closes, or why there is none to close."""
    closed = gap_closed(dataset, p_fa)
    if np.isfinite(closed):
        return f"learning closes {closed:.1%} of the GOSPA gap"
    point = dataset.sel(p_fa=p_fa)
    reason = "the impairments cost nothing that these samples show"
    if not np.any(point["p_d"].values > 0):
        reason = "no target was detected: check the gains, the noise and p_fa"
    gospa = float(point["gospa"].sel(approach="known"))
    return (
        f"learning has no GOSPA gap to close: unknown and known are both at {gospa:.2f} m; {reason}"
    )


def gap_closed(dataset: xr.Dataset, p_fa: float) -> float:
    """Share of the GOSPA gap between "unknown" and "known" that "learned" closes.

    NaN where there is no gap.
    """
    gospa = dataset["gospa"].sel(p_fa=p_fa)
    unknown, learned, known = (
        float(gospa.sel(approach=m)) for m in ("unknown", "learned", "known")
    )
    return (unknown - learned) / (unknown - known) if unknown != known else float("nan")


def _add_arrays(
    dataset: xr.Dataset,
    truth: ImpairedArray,
    arrays: dict[str, ImpairedArray],
    losses: np.ndarray,
) -> None:
    positions = np.stack([a.element_positions for a in arrays.values()])
    dataset["element_positions"] = (("approach", "antenna"), positions, {"units": "m"})
    dataset["true_element_positions"] = ("antenna", truth.element_positions, {"units": "m"})
    for name, units in (("gain", "1"), ("phase", "rad")):
        values = np.stack([getattr(a, name) for a in arrays.values()])
        dataset[f"element_{name}"] = (("approach", "antenna"), values, {"units": units})
        dataset[f"true_element_{name}"] = ("antenna", getattr(truth, name), {"units": units})
    if truth.coupling is not None:
        coupling = np.stack([np.asarray(a.coupling) for a in arrays.values()])
        for part in ("real", "imag"):
            values = getattr(coupling, part)
            dataset[f"coupling_{part}"] = (("approach", "neighbour"), values)
            dataset[f"true_coupling_{part}"] = ("neighbour", getattr(truth.coupling, part))
    dataset["loss"] = ("iteration", losses, {"long_name": "training loss"})
