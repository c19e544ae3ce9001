"""Storage of the results of a study: atomic files, provenance, one result file."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import ValidationError

import sionna_isac
from sionna_isac.errors import UsageError
from sionna_isac.study.blocks import REMARKS, Scenario
from sionna_isac.study.loading import parse_scenario
from sionna_isac.study.text import dump, parse

__all__ = [
    "RESERVED",
    "RunFolder",
    "StoreError",
    "atomic",
    "first_difference",
    "load_arrays",
    "provenance",
    "read_result",
    "save_arrays",
]

RESERVED = ("about", "content", "file")  # names that no array of a stored result may have
_CONTENT = "content"  # of a file of arrays: the name and the arrays that it was written with
_ROOT = Path(__file__).resolve().parents[2]
_COMMIT = re.compile(r"\S+@(unknown|[0-9a-f]{40,64}(-dirty)?)")


class StoreError(UsageError, ValueError):
    """Unusable stored results; the message is one line."""


class RunFolder:
    """Folder of one run: its scenario, partial results, the result file.

    A folder belongs to one configuration, whose texts and claims may change. Files are written
    under a temporary name and renamed, so that every file is complete.

    Parameters
    ----------
    path : `Path`
        Folder; made if it does not exist
    scenario
        Scenario of the run
    fresh : `bool`, (default `False`)
        If `True`, results of an earlier run are removed
    models : `None` (default) | `Path`
        Folder of trained models, for several runs; `None` is "models" beside ``path``

    Raises
    ------
    StoreError
        If the folder holds results of another configuration
    """

    def __init__(
        self, path: str | Path, scenario: Scenario, fresh: bool = False, models: Path | None = None
    ) -> None:
        self.path = Path(path)
        self.models = models or self.path.resolve().parent / "models"
        config = self.path / "scenario.yaml"
        text = dump(scenario.model_dump(mode="json"))
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
            if fresh:
                self._fresh.parent.mkdir(exist_ok=True)
                self._fresh.touch()
            for stale in self.path.rglob(".*.tmp"):
                stale.unlink(missing_ok=True)
            with atomic(config) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StoreError(f"out: cannot write to '{self.path}': {error.strerror}") from None

    @property
    def _fresh(self) -> Path:
        return self.path / "partial" / "fresh"

    @property
    def fresh_since(self) -> float | None:
        """`None` | `float` : Time from which trained models are valid, if the run started afresh"""
        return self._fresh.stat().st_mtime if self._fresh.exists() else None

    def _clear(self) -> None:
        names = ["partial", "result.nc", "result.nc.sha256", "commits.txt"]
        names += ["figure.png", "figure.pdf"]
        if (self.path / "scenario.yaml").is_dir():
            names.append("scenario.yaml")
        for target in [*(self.path / name for name in names), *self.path.glob("*.h5")]:
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)

    def _check_same(self, config: Path, scenario: Scenario) -> None:
        try:
            stored = parse(config.read_text(encoding="utf-8"))
            stored = as_it_was(stored)
        except Exception:
            raise StoreError(
                f"'{config}' is damaged: it does not say what the results beside it belong to; "
                f"remove '{self.path}' and run again, or use --fresh"
            ) from None
        remarks = {key: stored.pop(key) for key in REMARKS if key in stored}
        with contextlib.suppress(ValidationError):  # it may lack fields that have a default
            stored = type(scenario).model_validate({**stored, **remarks}).configuration()
        difference = first_difference(stored, scenario.configuration())
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
        """Note the present version; return all versions of the run, the present one last."""
        file = self.path / "commits.txt"
        try:
            known = file.read_text(encoding="utf-8").split() if file.exists() else []
        except (OSError, ValueError):
            known = [""]
        if not all(_COMMIT.fullmatch(c) for c in known):
            raise StoreError(f"'{file}' is damaged; remove it and run again")
        now = f"{sionna_isac.__version__}@{_git_commit()}"
        commits = [c for c in known if c != now] + [now]
        with atomic(file) as temporary:
            temporary.write_text("\n".join(commits) + "\n", encoding="utf-8")
        return commits

    def load(self, name: str) -> dict[str, np.ndarray] | None:
        """Arrays stored under a name, or `None` if there are none."""
        return load_arrays(self.path / "partial" / f"{name}.npz", name)

    def save(self, name: str, /, **arrays: Any) -> None:
        """Store arrays under a name, atomically."""
        file = self.path / "partial" / f"{name}.npz"
        try:
            file.parent.mkdir(exist_ok=True)
            save_arrays(file, name, arrays)
        except OSError as error:
            raise StoreError(f"out: cannot write '{file}': {error.strerror}") from None

    def rewrite_result(self, dataset: xr.Dataset, scenario: Scenario) -> None:
        """Write the result file with the texts and claims of a scenario; its versions stay."""
        new = provenance(scenario)
        dataset.attrs.update({key: new[key] for key in ("title", "source", "scenario")})
        self._write(dataset)

    def write_result(self, dataset: xr.Dataset, scenario: Scenario, commits: list[str]) -> None:
        """Write the result file, with its provenance."""
        dataset.attrs.update(provenance(scenario))
        dataset.attrs["computed_by"] = " ".join(commits)
        self._write(dataset)

    def _write(self, dataset: xr.Dataset) -> None:
        try:
            with atomic(self.result) as temporary:
                dataset.to_netcdf(temporary, engine="h5netcdf")
                line = f"{_sha256(temporary)}  {self.result.name}\n"
                with atomic(_checksum_file(self.result)) as beside:
                    beside.write_text(line, encoding="ascii")
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


def save_arrays(file: Path, name: str, arrays: dict[str, Any]) -> None:
    """Store arrays in a file, atomically, with the name and the list of arrays."""
    # first: a damaged directory of the archive may end early without an error
    stored: dict[str, Any] = {_CONTENT: np.array(json.dumps([name, sorted(arrays)])), **arrays}
    with atomic(file) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, **stored)


def load_arrays(file: Path, name: str) -> dict[str, np.ndarray] | None:
    """Arrays that :func:`save_arrays` stored under a name, or `None` if there is no file.

    Raises
    ------
    StoreError
        If the file is damaged, or belongs to another name
    """
    if not file.exists():
        return None
    try:
        # the archive has a checksum for every array
        with np.load(file, allow_pickle=False) as data:
            arrays = {k: data[k] for k in data.files}
        content = arrays.pop(_CONTENT, None)  # older files have none
        if content is not None and json.loads(str(content)) != [name, sorted(arrays)]:
            raise StoreError
    except Exception:  # zipfile and NumPy raise a dozen of kinds
        raise StoreError(
            f"'{file}' is damaged; remove it and run again to compute it anew"
        ) from None
    return arrays


def read_result(path: str | Path) -> tuple[xr.Dataset, Any]:
    """Read a result file (or that of a folder) and its scenario.

    Raises
    ------
    StoreError
        If there is none, it is damaged, or it is not a result of this library
    """
    file = Path(path)
    if file.is_dir() and file.name != "result.nc":
        file = file / "result.nc"
    if not file.exists():
        raise StoreError(
            f"no result at '{file}': run the scenario first, or give the folder of its run, "
            "results/NAME"
        )
    _check(file)
    try:
        dataset = xr.load_dataset(file, engine="h5netcdf")
        raw = json.loads(dataset.attrs["scenario"])
    except Exception:  # HDF5, h5netcdf and xarray raise a dozen of kinds
        raise StoreError(
            f"'{file}' is damaged, or not a result file of sionna_isac; if it is one, remove it "
            "and run again"
        ) from None
    return dataset, parse_scenario(as_it_was(raw))


def as_it_was(stored: dict[str, Any]) -> dict[str, Any]:
    """Stored scenario, with the fields that it is older than as they were in its time.

    Profiles did not exist, and trainings that took place sent the beam of the waveform.
    """
    stored.setdefault("profile", "")
    eta = stored["waveform"].get("eta") if isinstance(stored.get("waveform"), dict) else None
    tested = stored.get("evaluation")
    methods = stored.get("methods", tested.get("methods") if isinstance(tested, dict) else None)
    if methods is not None and "learned" not in methods:
        eta = None

    def visit(group: Any) -> None:
        if isinstance(group, dict):
            if "objective" in group and eta is not None and group.get("iterations") != 0:
                group.setdefault("eta", eta)
            for value in group.values():
                visit(value)

    visit(stored)
    return stored


def _checksum_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _check(file: Path) -> None:
    """Compare a result with its checksum, if it has one; HDF5 may hang on a damaged file."""
    beside = _checksum_file(file)
    if not beside.exists():
        return
    try:
        expected = beside.read_text(encoding="ascii").split()[0]
        if not re.fullmatch("[0-9a-f]{64}", expected):
            raise ValueError
    except (OSError, ValueError, IndexError):
        raise StoreError(f"'{beside}' is damaged; remove it and run again") from None
    if _sha256(file) != expected:
        raise StoreError(f"'{file}' is damaged; remove it and run again")


def _sha256(file: Path) -> str:
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"cannot read '{file}': {error.strerror}") from None


def provenance(scenario: Scenario) -> dict[str, str]:
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


def _git_commit(root: Path = _ROOT) -> str:
    """Commit of the checkout of the package, with "-dirty" after changes; or "unknown"."""
    if not (root / ".git").exists():  # installed: a repository around it is another one's
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


def first_difference(old: Any, new: Any, where: str = "") -> str:
    """Place and values of the first difference of two configurations; empty if they are equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(k for k in old if k not in new)]:
            found = first_difference(old.get(key), new.get(key), f"{where}.{key}".lstrip("."))
            if found:
                return found
        return ""
    return "" if old == new else f"{where}: {old} there, {new} here"
