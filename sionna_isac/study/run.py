"""A study from scenario to stored result."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr

from sionna_isac.core import checks, set_seed
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.progress import Reporter
from sionna_isac.study.registry import get_kind
from sionna_isac.study.store import RunFolder, StoreError, first_difference, read_result

__all__ = ["run_scenario"]


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
        If ``workers`` is given and has no effect, or another command serves the kind
    TypeError
        If what runs the kind, from outside the library, does not return a data set
    """
    kind = get_kind(scenario.kind)
    study = kind.runner()
    if kind.uses_workers:
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
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(
            f"run of the kind '{kind.name}' must return an xarray.Dataset; got {dataset!r}"
        )
    folder.write_result(dataset, scenario, commits)
    reporter.say(f"done in {time.monotonic() - started:.0f} s: {folder.result}")
    _say(kind.report(scenario, dataset), reporter)
    return dataset


def _say(lines: Iterable[str], reporter: Reporter) -> None:
    for line in lines:
        reporter.say(line)
