"""Generation of data sets: spread over workers, kept sample by sample, resumed after any end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac
from sionna_isac.dataset.plan import Task, check_disjoint, plan_chains
from sionna_isac.dataset.read import open_dataset
from sionna_isac.dataset.sample import compute_task
from sionna_isac.dataset.scenario import SPLITS, DatasetScenario, Split
from sionna_isac.dataset.store import split_file, write_split
from sionna_isac.dataset.workers import interrupts_noticed, run_chains
from sionna_isac.study.loading import ScenarioError
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder, StoreError
from sionna_isac.study.workers import default_workers

__all__ = ["generate_dataset"]


def generate_dataset(
    scenario: DatasetScenario,
    out: str | Path,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    quiet: bool = False,
) -> Path:
    """Generate a data set; what an interrupted run computed is kept.

    Each sample is stored under ``partial`` by a rename when it is computed; when all are there the
    files of the splits are written, again each by a rename. A process that ends at any moment
    therefore leaves a valid state.

    Parameters
    ----------
    scenario : :class:`~sionna_isac.dataset.DatasetScenario`
        Scenario of kind "dataset"
    out : `str` | `Path`
        Folder of the data set
    workers : `None` (default) | `int`
        Number of local processes, each with one thread; `None` is one for each processor that may
        be used, 0 computes in this process
    scheduler : `None` (default) | `str`
        Address of a running Dask scheduler, whose workers are used instead
    fresh : `bool`, (default `False`)
        Whether what an earlier run left in the folder is discarded
    quiet : `bool`, (default `False`)
        Whether no progress is shown

    Output
    ------
    : `Path`
        Folder with a file for each split, for :func:`~sionna_isac.dataset.open_dataset`

    Raises
    ------
    ScenarioError
        If the scenario is of another kind
    StoreError
        If the folder holds something else, a sample cannot be computed, or workers fail
    """
    if not isinstance(scenario, DatasetScenario):
        raise ScenarioError(
            f"scenario '{scenario.name}' is of kind '{scenario.kind}', not a data set: use "
            "'sionna-isac run'"
        )
    if workers is not None and workers < 0:
        raise StoreError(f"workers must be >= 0; got {workers}")
    check_disjoint(scenario)
    reporter, out = Reporter(quiet), Path(out)
    with _only_one(out):
        folder = RunFolder(out, scenario, fresh)
        started = time.monotonic()
        missing = [s for s in SPLITS if not _complete(scenario, out, s)]
        if missing:
            commits = folder.note_commit()
            _warn_of_coarse_voxels(scenario, reporter)
            _compute(scenario, folder, missing, workers, scheduler, reporter)
            _write(scenario, folder, missing, commits)
        shutil.rmtree(out / "partial", ignore_errors=True)
        seconds = f"done in {time.monotonic() - started:.0f} s" if missing else "already complete"
        reporter.say(f"{seconds}: {out}")
    return out


def _compute(
    scenario: DatasetScenario,
    folder: RunFolder,
    splits: Sequence[Split],
    workers: int | None,
    scheduler: str | None,
    reporter: Reporter,
) -> None:
    """Compute the samples that are not there, and store each."""
    todo = {s: [i for i in _numbers(scenario, s) if not _there(folder, s, i)] for s in splits}
    total = sum(len(_numbers(scenario, s)) for s in splits)
    done = total - sum(map(len, todo.values()))
    chains = [chain for split in splits for chain in plan_chains(scenario, split, todo[split])]
    results = contextlib.closing(_results(scenario, chains, workers, scheduler))
    with (
        interrupts_noticed() as check,
        reporter.task("computing samples", total, done) as advance,
        results as finished,
    ):
        for task, sample in finished:
            folder.save(_shard(*task), **sample)
            advance()
            check()


def _results(
    scenario: DatasetScenario,
    chains: list[list[Task]],
    workers: int | None,
    scheduler: str | None,
) -> Generator[tuple[Task, dict[str, np.ndarray]], None, None]:
    """Tasks and their samples as they become available."""
    calls = [[(scenario, task, sionna_isac.__version__) for task in chain] for chain in chains]
    if workers == 0 and scheduler is None:
        yield from (compute_task(*call) for chain in calls for call in chain)
    elif calls:
        number = min(workers or default_workers(), len(calls))
        yield from run_chains(compute_task, calls, number, scheduler)


def _write(
    scenario: DatasetScenario, folder: RunFolder, missing: Sequence[Split], commits: list[str]
) -> None:
    """Write the files of the missing splits from the stored samples."""
    parts: set[str] = set()
    for split in SPLITS:
        if split in missing:
            samples = (_load(folder, split, i) for i in _numbers(scenario, split))
            parts.update(str(name) for sample in samples for name in sample["part"])
        else:
            with open_dataset(folder.path, split) as dataset:
                parts.update(dataset.parts)
    for split in missing:
        samples = (_load(folder, split, i) for i in _numbers(scenario, split))
        file = split_file(folder.path, split)
        write_split(file, scenario, split, samples, sorted(parts), commits)


def _complete(scenario: DatasetScenario, out: Path, split: Split) -> bool:
    """`True` if the file of a split is there; one that is not of this scenario is an error."""
    file = split_file(out, split)
    if not file.exists():
        return False
    if file.is_file():
        with open_dataset(file) as dataset:
            if (dataset.scenario, dataset.split) == (scenario, split):
                return True
    raise StoreError(
        f"'{file}' is not the split '{split}' of this data set; remove it and run again"
    )


def _numbers(scenario: DatasetScenario, split: str) -> range:
    return range(getattr(scenario.num_samples, split))


def _shard(split: str, index: int) -> str:
    return f"{split}_{index:06d}"


def _there(folder: RunFolder, split: str, index: int) -> bool:
    """`True` if a sample is stored; one that is damaged is removed, to be computed again."""
    try:
        return folder.load(_shard(split, index)) is not None
    except StoreError:
        file = folder.path / "partial" / f"{_shard(split, index)}.npz"
        if not file.is_file():
            raise
        file.unlink()
        return False


def _load(folder: RunFolder, split: str, index: int) -> dict[str, np.ndarray]:
    sample = folder.load(_shard(split, index))
    if sample is None:
        raise StoreError(
            f"sample {index} of split '{split}' has vanished from '{folder.path / 'partial'}'; run "
            "again to compute it"
        )
    return sample


def _warn_of_coarse_voxels(scenario: DatasetScenario, reporter: Reporter) -> None:
    wavelength = SPEED_OF_LIGHT / scenario.frequencies.max()
    share = scenario.solver.voxel_size / wavelength
    if share > 1 / 6:
        reporter.say(
            f"note: voxels of {scenario.solver.voxel_size:g} m are {share:.2g} wavelengths: a "
            "model of coupled cells, not a converged solution (a sixth of a wavelength or less)"
        )


@contextlib.contextmanager
def _only_one(out: Path) -> Iterator[None]:
    """Keep a second process out of the folder; the lock ends with the process, however it ends."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise StoreError(f"out: cannot write to '{out}': {error.strerror}") from None
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(f"out: another process is generating '{out}'") from None
        yield
    finally:
        os.close(handle)
