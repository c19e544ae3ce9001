"""Run of a study, from scenario to stored result."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import xarray as xr

from sionna_isac.core import checks, set_seed
from sionna_isac.study.blocks import Scenario
from sionna_isac.study.compute import PartStore, compute_parts
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.progress import Reporter
from sionna_isac.study.registry import get_kind
from sionna_isac.study.store import RunFolder, StoreError, first_difference, read_result

__all__ = ["run_scenario"]


def run_scenario(
    scenario: Scenario,
    out: str | Path,
    fresh: bool = False,
    quiet: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    models: str | Path | None = None,
) -> xr.Dataset:
    """Run a scenario and store its result, or continue an interrupted run.

    Parameters
    ----------
    scenario : :class:`~sionna_isac.study.Scenario`
        Scenario of any kind, from :func:`~sionna_isac.study.load_scenario`
    out : `str` | `Path`
        Folder of the run
    fresh : `bool`, (default `False`)
        If `True`, results of an earlier run in the folder are discarded
    quiet : `bool`, (default `False`)
        If `True`, no progress is shown
    workers : `None` (default) | `int`
        Number of worker processes, for a kind with parallel parts; results do not depend on it.
        `None` is one per core. A script needs the usual ``if __name__ == "__main__":``, since
        workers import it.
    scheduler : `None` (default) | `str`
        Address of a running Dask scheduler, whose workers are used instead
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
    WorkerError
        If worker processes die, or the scheduler cannot be reached
    ScenarioError
        If ``workers`` or ``scheduler`` is given and has no effect, or another command serves the
        kind
    TypeError
        If the summary of a kind from outside the library is no `xarray.Dataset`
    """
    kind = get_kind(scenario.kind)
    kind.check_runs()
    for name, value in (("workers", workers), ("scheduler", scheduler)):
        if value is None:
            continue
        if not any(part.parallel for part in kind.computation(scenario).parts()):
            raise ScenarioError(f"{name} has no effect on a study of kind '{scenario.kind}'")
    workers = None if workers is None else checks.integer("workers", workers)
    reporter = Reporter(quiet)
    folder = RunFolder(Path(out), scenario, fresh, None if models is None else Path(models))
    if folder.result.exists():
        dataset, stored = read_result(folder.result)
        difference = first_difference(stored.configuration(), scenario.configuration())
        if difference:
            raise StoreError(
                f"'{folder.result}' is of another configuration ({difference}); remove it and run "
                "again"
            )
        if stored != scenario:
            folder.rewrite_result(dataset, scenario)
        reporter.say(f"already complete: {folder.result}")
        _say(kind.report(scenario, dataset), reporter)
        return dataset
    commits = folder.note_commit()
    if len(commits) > 1:
        reporter.say(f"note: parts of this run were computed by other versions: {commits[:-1]}")
    started = time.monotonic()
    set_seed(scenario.seed)
    study = kind.computation(scenario)
    study.reporter, study.folder = reporter, folder
    store = PartStore(study, folder)
    parts = compute_parts(study, store, workers, scheduler)
    dataset = study.summarise({part.name: store.get(part) for part in parts})
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(
            f"summarise of the kind '{kind.name}' must return an xarray.Dataset; got {dataset!r}"
        )
    if store.origins:
        dataset.attrs["models"] = json.dumps(store.origins)
    folder.write_result(dataset, scenario, commits)
    reporter.say(f"done in {time.monotonic() - started:.0f} s: {folder.result}")
    _say(kind.report(scenario, dataset), reporter)
    return dataset


def _say(lines: Iterable[str], reporter: Reporter) -> None:
    for line in lines:
        reporter.say(line)
