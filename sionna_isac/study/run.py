"""A study from scenario to stored result."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray
from sionna_isac.core import checks, set_seed
from sionna_isac.study.coded_sweep import coded_ber_sweep, summarise_ber
from sionna_isac.study.detection_sweep import detection_sweep, summarise_detection
from sionna_isac.study.echo_map import echo_map
from sionna_isac.study.loading import ScenarioError
from sionna_isac.study.near_field_convergence import near_field_convergence
from sionna_isac.study.near_field_report import near_field_report
from sionna_isac.study.near_field_sweep import near_field_study
from sionna_isac.study.progress import Reporter
from sionna_isac.study.scattering_convergence import scattering_convergence
from sionna_isac.study.scattering_report import scattering_report
from sionna_isac.study.scattering_sphere import scattering_sphere
from sionna_isac.study.store import RunFolder, read_result
from sionna_isac.study.system import assumed_array, true_array
from sionna_isac.study.train import train_array

__all__ = ["gap_closed", "run_scenario"]

NEAR_FIELD = {"near_field": near_field_study, "near_field_convergence": near_field_convergence}
SCATTERING = {
    "scattering_sphere": scattering_sphere,
    "scattering_convergence": scattering_convergence,
    "echo_map": echo_map,
}


def run_scenario(
    scenario: Any,
    out: str | Path,
    fresh: bool = False,
    quiet: bool = False,
    workers: int | None = None,
) -> xr.Dataset:
    """Run a scenario and store its result; what an interrupted run computed is kept.

    Parameters
    ----------
    scenario
        Scenario of any kind, from :func:`~sionna_isac.study.load_scenario`
    out : `str` | `Path`
        Folder of the run
    fresh : `bool`, (default `False`)
        Whether results of an earlier run in the folder are discarded
    quiet : `bool`, (default `False`)
        Whether no progress is shown
    workers : `None` (default) | `int`
        Number of processes of a near-field study, whose results do not depend on it; `None` is
        one a core. They are started afresh: a script that calls this needs the usual
        ``if __name__ == "__main__":``.

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
    ScenarioError
        If ``workers`` is given and has no effect
    """
    near_field = scenario.kind in NEAR_FIELD
    if workers is not None:
        workers = checks.integer("workers", workers)
        if not near_field:
            raise ScenarioError(f"workers has no effect on a study of kind '{scenario.kind}'")
    reporter = Reporter(quiet)
    folder = RunFolder(Path(out), scenario, fresh)
    if folder.result.exists():
        dataset, _ = read_result(folder.result)
        reporter.say(f"already complete: {folder.result}")
        _report(scenario, dataset, reporter)
        return dataset
    commits = folder.note_commit()
    if len(commits) > 1:
        reporter.say(f"note: parts of this run were computed by other versions: {commits[:-1]}")
    started = time.monotonic()
    set_seed(scenario.seed)
    if near_field:
        dataset = NEAR_FIELD[scenario.kind](scenario, folder, reporter, workers)
    elif scenario.kind in SCATTERING:
        dataset = SCATTERING[scenario.kind](scenario, folder, reporter)
    else:
        dataset = _array_study(scenario, folder, reporter)
    folder.write_result(dataset, scenario, commits)
    reporter.say(f"done in {time.monotonic() - started:.0f} s: {folder.result}")
    _report(scenario, dataset, reporter)
    return dataset


def gap_closed(dataset: xr.Dataset, p_fa: float) -> float:
    """Share of the GOSPA gap between "unknown" and "known" that "learned" closes.

    NaN where there is no gap.
    """
    gospa = dataset["gospa"].sel(p_fa=p_fa)
    unknown, learned, known = (
        float(gospa.sel(approach=m)) for m in ("unknown", "learned", "known")
    )
    return (unknown - learned) / (unknown - known) if unknown != known else float("nan")


def _array_study(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Learn the array, then evaluate what is compared."""
    truth = true_array(scenario)
    arrays: dict[str, ImpairedArray] = {}
    losses = np.zeros(0)
    for method in scenario.compared():
        if method == "learned":
            arrays[method], losses = train_array(scenario, truth, folder, reporter)
        else:
            arrays[method] = assumed_array(scenario, method, truth)
    if scenario.kind == "multi_target":
        dataset = summarise_detection(
            scenario, detection_sweep(scenario, truth, arrays, folder, reporter)
        )
    else:
        dataset = summarise_ber(
            scenario, coded_ber_sweep(scenario, truth, arrays, folder, reporter)
        )
    _add_arrays(dataset, truth, arrays, losses)
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


def _report(scenario: Any, dataset: xr.Dataset, reporter: Reporter) -> None:
    """Print the main numbers of a result."""
    if scenario.kind in NEAR_FIELD:
        for line in near_field_report(scenario, dataset):
            reporter.say(line)
    if scenario.kind in SCATTERING:
        for line in scattering_report(scenario, dataset):
            reporter.say(line)
    if scenario.kind != "multi_target":
        return
    p_fa = scenario.evaluation.operating_p_fa
    reporter.say(f"at p_fa = {p_fa:g}, {dataset.attrs['num_samples']} samples:")
    point = dataset.sel(p_fa=p_fa)
    for method in dataset["approach"].values:
        row = point.sel(approach=method)
        reporter.say(
            f"  {method:<8} GOSPA {float(row.gospa):6.2f} m "
            f"[{float(row.gospa_low):.2f}, {float(row.gospa_high):.2f}]   "
            f"p_d {float(row.p_d):.3f}   SER {float(row.ser):.2e} "
            f"[{float(row.ser_low):.2e}, {float(row.ser_high):.2e}]"
        )
    if {"unknown", "learned", "known"} <= set(dataset["approach"].values):
        reporter.say(f"learning closes {gap_closed(dataset, p_fa):.1%} of the GOSPA gap")
