"""Where a study keeps its results: atomic files, provenance, one result file."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

import sionna_isac
from sionna_isac.study.loading import ScenarioError, parse_scenario

__all__ = ["RunFolder", "StoreError", "provenance", "read_result"]


class StoreError(ValueError):
    """Stored results that cannot be used; the message is one line."""


class RunFolder:
    """Folder of one run: its scenario, partial results, the result file.

    A folder belongs to one configuration. Everything is written under a temporary name and
    renamed, so that a file that exists is complete.

    Parameters
    ----------
    path : `Path`
        Folder; made if it does not exist
    scenario
        Scenario that runs
    fresh : `bool`, (default `False`)
        Whether what an earlier run left is removed
    models : `None` (default) | `Path`
        Folder of trained models, for several runs; `None` is "models" beside ``path``

    Raises
    ------
    StoreError
        If the folder holds results of another configuration
    """

    def __init__(
        self, path: str | Path, scenario: Any, fresh: bool = False, models: Path | None = None
    ) -> None:
        self.path, self.fresh = Path(path), fresh
        self.models = models or self.path.resolve().parent / "models"
        config = self.path / "scenario.yaml"
        text = yaml.safe_dump(scenario.model_dump(mode="json"), sort_keys=False)
        try:
            others = self.path.is_dir() and [
                p for p in self.path.iterdir() if not p.name.endswith(".tmp")
            ]
            if not config.exists() and others:
                raise StoreError(
                    f"out must be a new folder or one of an earlier run; '{self.path}' holds "
                    "other files"
                )
            if config.exists():
                if fresh:
                    self._clear()
                else:
                    self._check_same(config, scenario)
            self.path.mkdir(parents=True, exist_ok=True)
            for stale in self.path.rglob(".*.tmp"):
                stale.unlink(missing_ok=True)
            with atomic(config) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StoreError(f"out: cannot write to '{self.path}': {error.strerror}") from None

    def _clear(self) -> None:
        names = ("partial", "result.nc", "figure.png", "commits.txt")
        for target in [*(self.path / name for name in names), *self.path.glob("*.h5")]:
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)

    def _check_same(self, config: Path, scenario: Any) -> None:
        stored = yaml.safe_load(config.read_text(encoding="utf-8"))
        if isinstance(stored, dict):
            stored.setdefault("profile", "")  # runs that are older than profiles
        difference = _first_difference(stored, scenario.model_dump(mode="json"))
        if difference:
            raise StoreError(
                f"out: '{self.path}' holds results of another configuration ({difference}); "
                "choose another --out, or --fresh to discard them"
            )

    @property
    def result(self) -> Path:
        """`Path` : The result file"""
        return self.path / "result.nc"

    def note_commit(self) -> list[str]:
        """Note the version that computes now; returns all that have, the present one last."""
        file = self.path / "commits.txt"
        known = file.read_text(encoding="utf-8").split() if file.exists() else []
        now = f"{sionna_isac.__version__}@{_git_commit()}"
        commits = [c for c in known if c != now] + [now]
        with atomic(file) as temporary:
            temporary.write_text("\n".join(commits) + "\n", encoding="utf-8")
        return commits

    def load(self, name: str) -> dict[str, np.ndarray] | None:
        """Arrays stored under a name, or `None` if there are none."""
        file = self.path / "partial" / f"{name}.npz"
        if not file.exists():
            return None
        try:
            with np.load(file, allow_pickle=False) as data:
                return {k: data[k] for k in data.files}
        except (OSError, ValueError, zipfile.BadZipFile):
            raise StoreError(
                f"'{file}' is damaged; remove it and run again to compute it anew"
            ) from None

    def save(self, name: str, **arrays: Any) -> None:
        """Store arrays under a name, atomically."""
        file = self.path / "partial" / f"{name}.npz"
        try:
            file.parent.mkdir(exist_ok=True)
            with atomic(file) as temporary, open(temporary, "wb") as stream:
                np.savez(stream, **arrays)
        except OSError as error:
            raise StoreError(f"out: cannot write '{file}': {error.strerror}") from None

    def write_result(self, dataset: xr.Dataset, scenario: Any, commits: list[str]) -> None:
        """Write the result file, with its provenance."""
        dataset.attrs.update(provenance(scenario))
        dataset.attrs["computed_by"] = " ".join(commits)
        try:
            with atomic(self.result) as temporary:
                dataset.to_netcdf(temporary, engine="h5netcdf")
        except OSError as error:
            raise StoreError(f"out: cannot write '{self.result}': {error}") from None


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Temporary name next to ``path``, which replaces it when the block ends without error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_result(path: str | Path) -> tuple[xr.Dataset, Any]:
    """Read a result file (or the folder that holds it) and the scenario it came from.

    Raises
    ------
    StoreError
        If there is none or it is not a result of this library
    """
    file = Path(path)
    if file.is_dir():
        file = file / "result.nc"
    if not file.exists():
        raise StoreError(f"no result at '{file}': run the scenario first")
    try:
        dataset = xr.load_dataset(file, engine="h5netcdf")
        scenario = parse_scenario(json.loads(dataset.attrs["scenario"]))
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, ScenarioError):
            raise
        raise StoreError(f"'{file}' is not a result file of sionna_isac") from None
    return dataset, scenario


def provenance(scenario: Any) -> dict[str, str]:
    """Configuration, seed, versions, platform and git commit, as attributes of a result."""
    versions = {"sionna_isac": sionna_isac.__version__, "python": platform.python_version()}
    packages = ("sionna", "sionna-no-rt", "tensorflow", "keras", "numpy", "scipy", "cvxpy")
    for package in (*packages, "clarabel"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "title": scenario.title,
        "source": scenario.source,
        "scenario": json.dumps(scenario.model_dump(mode="json")),
        "seed": str(scenario.seed),
        "versions": json.dumps(versions),
        "platform": platform.platform(),
        "git_commit": _git_commit(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _git_commit() -> str:
    """Commit of the checkout that the package runs from, "-dirty" appended; or "unknown"."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "unknown"

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _first_difference(old: Any, new: Any, where: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(k for k in old if k not in new)]:
            found = _first_difference(old.get(key), new.get(key), f"{where}.{key}".lstrip("."))
            if found:
                return found
        return ""
    return "" if old == new else f"{where}: {old} there, {new} here"
