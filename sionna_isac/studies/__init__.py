"""Kinds of studies that come with the library, one module each.

A module defines ``KIND``, a :class:`~sionna_isac.study.Kind`, and is called like its kind.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

__all__ = sorted(
    (module.name for module in pkgutil.iter_modules(__path__)),
    key=lambda name: (name != "multi_target", name),  # the first one to read
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute {name!r}")
