"""Engine of studies: scenarios, kinds, training, parts that resume, stored results.

The parts are loaded when they are used: reading a scenario needs no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

_PARTS = {
    "blocks": ("Scenario", "Training"),
    "fingerprint": ("code_version", "fingerprint"),
    "errors": ("ScenarioError", "WorkerError"),
    "learner": ("Learner", "Stage"),
    "loading": (
        "find_scenarios",
        "list_profiles",
        "load_scenario",
        "parse_scenario",
    ),
    "part": ("Part", "Study"),
    "progress": ("Reporter",),
    "registry": (
        "Kind",
        "deferred",
        "draw_result",
        "get_kind",
        "kind_names",
        "register_kind",
    ),
    "run": ("run_scenario",),
    "store": ("RunFolder", "StoreError", "read_result"),
    "training": ("TrainingError", "train"),
}
_HOME = {name: part for part, names in _PARTS.items() for name in names}

__all__ = [
    *sorted(_HOME),
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"sionna_isac.study.{_HOME[name]}"), name)
    raise AttributeError(f"module 'sionna_isac.study' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
