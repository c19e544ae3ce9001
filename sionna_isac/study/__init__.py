"""Studies: scenarios, training, Monte-Carlo sweeps, stored results.

The parts are loaded when they are used: reading a scenario needs no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

_PARTS = {
    "angle_delay_scenario": ("AngleDelayMapScenario",),
    "coded_link": ("CodedLink",),
    "dataset": (
        "ChannelDataset",
        "DatasetError",
        "generate_dataset",
        "open_dataset",
        "verify_dataset",
    ),
    "dataset_scenario": ("DatasetScenario",),
    "approach": ("Approach", "ArrayApproach"),
    "blocks": ("Study", "Training"),
    "arrays": ("assumed_array", "true_array"),
    "loading": (
        "find_scenarios",
        "list_profiles",
        "load_scenario",
        "parse_scenario",
    ),
    "localization_scenario": ("LocalizationScenario",),
    "array_study": ("gap_closed",),
    "progress": ("Reporter",),
    "run": ("run_scenario",),
    "near_field_scenario": ("NearFieldConvergenceScenario", "NearFieldScenario"),
    "learning_scenario": ("LearningScenario",),
    "array_scenario": ("CodedBERScenario", "MultiTargetScenario"),
    "errors": ("ScenarioError",),
    "registry": (
        "Kind",
        "deferred",
        "draw_result",
        "get_kind",
        "kind_names",
        "register_kind",
    ),
    "scattering_scenario": (
        "EchoMapScenario",
        "ScatteringConvergenceScenario",
        "ScatteringSphereScenario",
    ),
    "single_carrier_scenario": ("SingleCarrierScenario",),
    "single_carrier_system": ("SingleCarrierSystem",),
    "store": ("RunFolder", "StoreError", "read_result"),
    "system": ("IsacSystem", "make_link"),
    "sampler": ("NumericalError", "Sampler"),
    "learner": ("Learner", "Stage"),
    "training": ("TrainingError", "train"),
    "workers": ("WorkerError",),
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
