"""A study from scenario to stored result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from sionna_isac.core import checks, set_seed
from sionna_isac.study.angle_delay_map import angle_delay_map, angle_delay_report
from sionna_isac.study.array_study import array_report, array_study
from sionna_isac.study.comparison import report as comparison_report
from sionna_isac.study.echo_map import echo_map
from sionna_isac.study.learning_study import learning_study
from sionna_isac.study.loading import ScenarioError
from sionna_isac.study.localization import localization_report, localization_study
from sionna_isac.study.near_field_convergence import near_field_convergence
from sionna_isac.study.near_field_report import near_field_report
from sionna_isac.study.near_field_sweep import near_field_study
from sionna_isac.study.progress import Reporter
from sionna_isac.study.scattering_convergence import scattering_convergence
from sionna_isac.study.scattering_report import scattering_report
from sionna_isac.study.scattering_sphere import scattering_sphere
from sionna_isac.study.single_carrier_study import single_carrier_study
from sionna_isac.study.store import RunFolder, StoreError, first_difference, read_result

__all__ = ["run_scenario"]


class _Kind(NamedTuple):
    """Functions that turn scenarios of a kind into results."""

    study: Callable[..., xr.Dataset]  # of scenario, folder, reporter (and workers)
    report: Callable[[Any, xr.Dataset], Iterator[str]]  # lines with the main numbers
    in_workers: bool = False


_KINDS = {
    "multi_target": _Kind(array_study, array_report),
    "coded_ber": _Kind(array_study, array_report),
    "angle_delay_map": _Kind(angle_delay_map, angle_delay_report),
    "learning": _Kind(learning_study, comparison_report),
    "single_carrier": _Kind(single_carrier_study, comparison_report),
    "localization": _Kind(localization_study, localization_report),
    "near_field": _Kind(near_field_study, near_field_report, in_workers=True),
    "near_field_convergence": _Kind(near_field_convergence, near_field_report, in_workers=True),
    "scattering_sphere": _Kind(scattering_sphere, scattering_report),
    "scattering_convergence": _Kind(scattering_convergence, scattering_report),
    "echo_map": _Kind(echo_map, scattering_report),
}


def run_scenario(
    scenario: Any,
    out: str | Path,
    fresh: bool = False,
    quiet: bool = False,
    workers: int | None = None,
    models: str | Path | None = None,
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
    models : `None` (default) | `str` | `Path`
        Folder of trained models, shared by studies that need the same; `None` is "models" beside
        ``out``

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
    kind = _KINDS[scenario.kind]
    study = kind.study
    if kind.in_workers:
        number = None if workers is None else checks.integer("workers", workers)
        study = partial(study, workers=number)
    elif workers is not None:
        raise ScenarioError(f"workers has no effect on a study of kind '{scenario.kind}'")
    reporter = Reporter(quiet)
    folder = RunFolder(Path(out), scenario, fresh, None if models is None else Path(models))
    if folder.result.exists():
        dataset, stored = read_result(folder.result)
        difference = first_difference(stored.model_dump(), scenario.model_dump())
        if difference:
            raise StoreError(
                f"'{folder.result}' is of another configuration ({difference}); remove it and run "
                "again"
            )
        reporter.say(f"already complete: {folder.result}")
        _say(kind.report(scenario, dataset), reporter)
        return dataset
    commits = folder.note_commit()
    if len(commits) > 1:
        reporter.say(f"note: parts of this run were computed by other versions: {commits[:-1]}")
    started = time.monotonic()
    set_seed(scenario.seed)
    dataset = study(scenario, folder, reporter)
    folder.write_result(dataset, scenario, commits)
    reporter.say(f"done in {time.monotonic() - started:.0f} s: {folder.result}")
    _say(kind.report(scenario, dataset), reporter)
    return dataset


def _say(lines: Iterator[str], reporter: Reporter) -> None:
    for line in lines:
        reporter.say(line)
