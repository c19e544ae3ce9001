"""Generation of data sets by workers: each sample is stored, and an ended run resumes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.dataset import sample
from sionna_isac.dataset.plan import check_disjoint, sample_name, sample_parts
from sionna_isac.dataset.read import open_dataset
from sionna_isac.dataset.scenario import SPLITS, DatasetScenario, Split
from sionna_isac.dataset.store import split_file, write_split
from sionna_isac.study.compute import PartStore, compute_parts
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder, StoreError

__all__ = ["generate_dataset"]


def generate_dataset(
    scenario: DatasetScenario,
    out: str | Path,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    quiet: bool = False,
) -> Path:
    """Generate a data set, or continue an interrupted generation.

    Each computed sample is stored under ``partial`` by a rename; at the end the files of the splits
    are written, again by renames. A process that ends at any moment leaves a valid state.

    Parameters
    ----------
    scenario : :class:`~sionna_isac.dataset.DatasetScenario`
        Scenario of kind "dataset"
    out : `str` | `Path`
        Folder of the data set
    workers : `None` (default) | `int`
        Number of local processes, each with one thread; `None` is one per available processor, 0
        computes in this process
    scheduler : `None` (default) | `str`
        Address of a running Dask scheduler, whose workers are used instead
    fresh : `bool`, (default `False`)
        If `True`, samples of an earlier run in the folder are discarded
    quiet : `bool`, (default `False`)
        If `True`, no progress is shown

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
    scenario = scenario.located(Path.cwd())  # if it was not read from a file
    check_disjoint(scenario)
    reporter, out = Reporter(quiet), Path(out)
    with _only_one(out):
        folder = RunFolder(out, scenario, fresh)
        started = time.monotonic()
        missing = [s for s in SPLITS if not _complete(scenario, out, s)]
        if missing:
            commits = folder.note_commit()
            _warn_of_coarse_voxels(scenario, reporter)
            sample.check_meshes(scenario)
            study = SampleStudy(scenario)
            study.reporter = reporter
            parts = sample_parts(scenario, missing)
            compute_parts(
                study, PartStore(study, folder), workers, scheduler, parts, partial(_there, folder)
            )
            _write(scenario, folder, missing, commits)
        shutil.rmtree(out / "partial", ignore_errors=True)
        seconds = f"done in {time.monotonic() - started:.0f} s" if missing else "already complete"
        reporter.say(f"{seconds}: {out}")
    return out


class SampleStudy(Study[DatasetScenario]):
    """Computation of the samples of all splits, one per part."""

    def parts(self) -> Iterator[Part]:
        return sample_parts(self.scenario, SPLITS)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        return sample.compute_sample(self.scenario, *part.arguments)


def _write(
    scenario: DatasetScenario, folder: RunFolder, missing: Sequence[Split], commits: list[str]
) -> None:
    """Write the files of the missing splits from the stored samples."""
    parts: set[str] = set()
    for split in SPLITS:
        if split in missing:
            samples = (_load(folder, split, i) for i in _numbers(scenario, split))
            parts.update(str(name) for each in samples for name in each["part"])
        else:
            with open_dataset(folder.path, split) as dataset:
                parts.update(dataset.parts)
    for split in missing:
        samples = (_load(folder, split, i) for i in _numbers(scenario, split))
        file = split_file(folder.path, split)
        write_split(file, scenario, split, samples, sorted(parts), commits)


def _complete(scenario: DatasetScenario, out: Path, split: Split) -> bool:
    """`True` if the file of a split exists; a file of another scenario is an error."""
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


def _there(folder: RunFolder, part: Part) -> bool:
    """`True` if a sample is stored; a damaged one is removed, to be computed again."""
    try:
        return folder.load(part.name) is not None
    except StoreError:
        file = folder.path / "partial" / f"{part.name}.npz"
        if not file.is_file():
            raise
        file.unlink()
        return False


def _load(folder: RunFolder, split: Split, index: int) -> Arrays:
    found = folder.load(sample_name(split, index))
    if found is None:
        raise StoreError(
            f"sample {index} of split '{split}' has vanished from '{folder.path / 'partial'}'; run "
            "again to compute it"
        )
    return found


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
    """Lock the folder against a second process; the lock ends with the process in any case."""
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
