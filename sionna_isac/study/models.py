"""Trained weights, kept under what determined them, so that other studies take them over."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from sionna_isac.study.store import StoreError, load_arrays, provenance, save_arrays

__all__ = ["ModelStore", "TrainedModel"]


class TrainedModel:
    """Weights and history of one training, and where they came from."""

    def __init__(self, arrays: dict[str, np.ndarray], file: Path) -> None:
        self.file = file
        about = json.loads(str(arrays["about"]))
        self.git_commit: str = about["git_commit"]
        self.weights = _part(arrays, "weights/")
        self.history = _part(arrays, "history/")


class ModelStore:
    """Folder of trained models.

    A file's name holds a digest of everything that determines the training: figures that need the
    same model train it once.

    Parameters
    ----------
    path : `Path`
        Folder; made when the first model is kept
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)

    def file(self, label: str, key: dict[str, Any]) -> Path:
        """File of the model that ``key`` determines."""
        text = json.dumps(key, sort_keys=True)
        return self._path / f"{label}_{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"

    def load(
        self, label: str, key: dict[str, Any], since: float | None = None
    ) -> TrainedModel | None:
        """The model that ``key`` determines, or `None` if there is none, or none since a time."""
        file = self.file(label, key)
        if not file.exists() or (since is not None and file.stat().st_mtime < since):
            return None
        arrays = load_arrays(file, file.stem)
        try:
            return None if arrays is None else TrainedModel(arrays, file)
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                f"'{file}' is damaged; remove it and run again to train it anew"
            ) from None

    def save(
        self,
        label: str,
        key: dict[str, Any],
        scenario: Any,
        weights: dict[str, np.ndarray],
        history: dict[str, np.ndarray],
    ) -> TrainedModel:
        """Keep a model."""
        file = self.file(label, key)
        arrays: dict[str, Any] = {f"weights/{k}": v for k, v in weights.items()}
        arrays |= {f"history/{k}": v for k, v in history.items()}
        arrays["about"] = np.array(json.dumps({"key": key, **provenance(scenario)}))
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            save_arrays(file, file.stem, arrays)
        except OSError as error:
            raise StoreError(f"models: cannot write '{file}': {error.strerror}") from None
        return TrainedModel(arrays, file)


def _part(arrays: dict[str, Any], prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
