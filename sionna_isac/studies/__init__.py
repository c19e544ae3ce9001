"""Kinds of studies that come with the library, and the systems that they simulate.

A kind is a package of its own: it defines ``KIND``, a :class:`~sionna_isac.study.Kind`, and is
called like its kind. Packages that begin with an underscore hold what several kinds share.
"""

from __future__ import annotations

import importlib
from typing import Any

_PARTS = {
    "_isac.approach": ("Approach", "ArrayApproach"),
    "_isac.array_scenario": ("CodedBERScenario", "MultiTargetScenario"),
    "_isac.arrays": ("assumed_array", "true_array"),
    "_isac.sampler": ("NumericalError", "Sampler"),
    "_isac.system": ("IsacSystem", "make_link"),
    "_scattering.scenario": (
        "EchoMapScenario",
        "ScatteringConvergenceScenario",
        "ScatteringSphereScenario",
    ),
    "angle_delay_map.scenario": ("AngleDelayMapScenario",),
    "coded_ber.link": ("BeamformedLink", "CodedLink"),
    "learning.scenario": ("LearningScenario",),
    "localization.scenario": ("LocalizationScenario",),
    "multi_target.study": ("gap_closed",),
    "near_field.scenario": ("NearFieldConvergenceScenario", "NearFieldScenario"),
    "single_carrier.scenario": ("SingleCarrierScenario",),
    "single_carrier.system": ("SingleCarrierSystem",),
}
_HOME = {name: part for part, names in _PARTS.items() for name in names}

__all__ = [
    *sorted(_HOME),
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
