"""Mesh files of a data set: found when its scenario is read, and noted with their hashes."""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from sionna_isac.study.blocks import Frozen, Interval, Positive
from sionna_isac.study.errors import ScenarioError

__all__ = ["Meshes", "file_digest"]

FORMATS = (".obj", ".ply", ".stl")
LARGEST_FILE = 256  # MB
LARGEST_MESH = 5.6  # m, of which a square's corners stay within the smallest range of targets


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Meshes(Frozen):
    """Mesh files of a category; each file is one instance, and belongs to one split."""

    files: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
    """Files, folders or patterns such as cars/*.ply, relative to the scenario file"""
    scale: Positive | None = None
    """Length of the files' unit, such as 0.001; null for metres [m]"""
    up: Literal["z", "y"] = "z"
    """Axis of the files that points up"""
    material: Literal["metal", "glass", "rubber", "plastic", "tissue"] = "metal"
    """Material of the whole body, drawn for each instance"""
    size_interval: Interval = (0.5, 5.6)
    """Largest dimension of a mesh (low, high), within (0, 5.6] [m]"""
    sha256: tuple[str, ...] = ()
    """Hash of each file; noted when the scenario is read, not set by hand"""

    @field_validator("size_interval")
    @classmethod
    def _fits(cls, value: Interval) -> Interval:
        if not 0 < value[0] <= value[1] <= LARGEST_MESH:
            raise ValueError(
                f"must be (low, high) with 0 < low <= high <= {LARGEST_MESH}, so that no target "
                f"reaches the array; got {value}"
            )
        return value

    def located(self, folder: Path) -> Meshes:
        """The same with absolute names and hashes of all files, in the order of their names."""
        paths = sorted({path for entry in self.files for path in _found(entry, folder)})
        hashes = tuple(file_digest(path) for path in paths)
        if self.sha256 and self.sha256 != hashes:
            raise ScenarioError("mesh files are not those whose hashes the scenario notes")
        first: dict[str, Path] = {}
        for path, digest in zip(paths, hashes, strict=True):
            if digest in first:
                raise ScenarioError(
                    f"mesh files must differ, as each belongs to one split; '{first[digest]}' and "
                    f"'{path}' are the same"
                )
            first[digest] = path
        return self.model_copy(update={"files": tuple(map(str, paths)), "sha256": hashes})


def file_digest(path: str | Path) -> str:
    """SHA-256 of a mesh file; what cannot be a mesh is a :class:`ScenarioError`."""
    try:
        size = Path(path).stat().st_size
        if not size:
            raise ScenarioError(f"mesh file '{path}' is empty")
        if size > LARGEST_FILE * 1e6:
            raise ScenarioError(
                f"mesh file '{path}' must have at most {LARGEST_FILE} MB; got {size / 1e6:.0f}"
            )
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ScenarioError(f"mesh file '{path}' cannot be read: {error.strerror}") from None


def _found(entry: str, folder: Path) -> list[Path]:
    """Files of an entry: the file itself, those of a folder, or those of a pattern."""
    path = folder / entry
    if path.is_dir():
        found = list(path.iterdir())
    elif not path.exists() and not glob.has_magic(entry):
        raise ScenarioError(f"mesh file '{path}' does not exist")
    elif path.exists():
        if path.suffix.lower() not in FORMATS:
            raise ScenarioError(f"mesh file must be one of {', '.join(FORMATS)}; got '{path}'")
        return [path]
    else:
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
    meshes = [p for p in found if p.suffix.lower() in FORMATS and p.is_file()]
    if not meshes:
        raise ScenarioError(f"no mesh file ({', '.join(FORMATS)}) in '{path}'")
    return meshes
