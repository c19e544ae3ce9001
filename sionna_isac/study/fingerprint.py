"""Comparable form of everything that a result depends on: configurations and code."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

import sionna_isac

__all__ = ["code_version", "fingerprint"]

_LONG = 16  # entries of a list that a digest stands for
_NAMES = {"name", "shared_object_id", "frozen"}  # of layers: they change from process to process
_ROOT = Path(sionna_isac.__file__).parent
_LAYERS = ("core", "array", "scene", "waveform", "channel", "receiver", "objective", "metrics")
_OTHERS = {"abc", "builtins", "keras", "tensorflow", "typing"}  # what comes with an environment
_DRAWN = {"figure.py", "report.py"}
_TRAINING = ("study/training.py", "study/callbacks.py", "study/learner.py")


def fingerprint(value: Any) -> Any:
    """Value in JSON: layers by their configurations, long arrays by a digest.

    Parameters
    ----------
    value
        Numbers, texts, arrays, layers, models of fields, and mappings and sequences of these

    Raises
    ------
    TypeError
        If it contains anything else
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, BaseModel):
        return fingerprint(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return {str(k): fingerprint(v) for k, v in value.items() if k not in _NAMES}
    if isinstance(value, (list, tuple)):
        found = [fingerprint(v) for v in value]
        return _digest(json.dumps(found)) if len(found) > _LONG else found
    if hasattr(value, "get_config"):
        return [type(value).__qualname__, fingerprint(value.get_config())]
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"value must hold numbers, texts, arrays and layers; got {value!r}")
    return [list(array.shape), str(array.dtype), _digest(array.tobytes())]


def code_version(*classes: type) -> str:
    """Digest of the code of the layers, of the training loop and of classes with their bases.

    Of a class of the library all modules of its package count, of another one its module. Comments,
    docstrings and layout do not.
    """
    own = {base.__module__ for c in classes for base in c.__mro__}
    own = {n for n in own if n.partition(".")[0] not in _OTHERS}
    return _digest("".join([_library_version(), *(_module_version(n) for n in sorted(own))]))


@functools.cache
def _library_version() -> str:
    files = [f for name in _LAYERS for f in sorted((_ROOT / name).rglob("*.py"))]
    return _digest("".join(map(_code, [*files, *(_ROOT / name for name in _TRAINING)])))


@functools.cache
def _module_version(name: str) -> str:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:  # of a notebook or a console
        return name
    path = Path(file)
    files = sorted(path.parent.glob("*.py")) if path.is_relative_to(_ROOT / "studies") else [path]
    return "".join(_code(f) for f in files if f.name not in _DRAWN)


def _code(file: Path) -> str:
    """Syntax tree of a file, without comments and docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not _is_text(n)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _digest(content: str | bytes | Iterable[int]) -> str:
    data = content.encode() if isinstance(content, str) else bytes(content)
    return hashlib.sha256(data).hexdigest()[:16]
