"""Storage of results that studies share, such as trained models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sionna_isac.study.blocks import Scenario
from sionna_isac.study.part import Arrays
from sionna_isac.study.store import StoreError, load_arrays, provenance, save_arrays

__all__ = ["ModelStore"]

_ABOUT = "about"


class ModelStore:
    """Folder of results that several studies share.

    The name of a file contains a digest of everything that determines the result, so that figures
    with the same model train it once.

    Parameters
    ----------
    path : `Path`
        Folder; made with the first result
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self.origins: dict[str, str] = {}

    def file(self, name: str, key: Mapping[str, Any]) -> Path:
        """File of the result that ``key`` determines."""
        text = json.dumps(key, sort_keys=True)
        return self._path / f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"

    def load(self, name: str, key: Mapping[str, Any], since: float | None = None) -> Arrays | None:
        """Result that ``key`` determines, or `None` if there is none, or none since a time."""
        file = self.file(name, key)
        if not file.exists() or (since is not None and file.stat().st_mtime < since):
            return None
        arrays = load_arrays(file, file.stem)
        if arrays is not None:
            self.origins[name] = f"{file.name}@{self._commit(arrays.pop(_ABOUT, None), file)}"
        return arrays

    @staticmethod
    def _commit(about: Any, file: Path) -> str:
        """Commit of the code that computed a result."""
        try:
            return str(json.loads(str(about))["git_commit"])
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                f"'{file}' is damaged; remove it and run again to compute it anew"
            ) from None

    def save(
        self, name: str, key: Mapping[str, Any], scenario: Scenario, arrays: Mapping[str, Any]
    ) -> None:
        """Store a result."""
        file = self.file(name, key)
        about = np.array(json.dumps({"key": key, **provenance(scenario)}))
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            save_arrays(file, file.stem, {**arrays, _ABOUT: about})
        except OSError as error:
            raise StoreError(f"models: cannot write '{file}': {error.strerror}") from None
