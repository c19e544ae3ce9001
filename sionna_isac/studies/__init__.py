"""Kinds of studies that come with the library, and the systems that they simulate.

A kind is a package with the name of the kind, which defines ``KIND``, a
:class:`~sionna_isac.study.Kind`. Packages with a leading underscore hold common parts of several
kinds.
"""

from __future__ import annotations

import importlib
from typing import Any

_PARTS = {
    "_isac.approach": ("Approach", "ArrayApproach"),
    "_isac.arrays": ("assumed_array", "true_array"),
    "_isac.sampler": ("NumericalError", "Sampler"),
    "_isac.system": ("IsacSystem", "make_link"),
    "angle_delay_map.scenario": ("AngleDelayMapScenario",),
    "coded_ber.scenario": ("CodedBERScenario",),
    "coded_ber.link": ("CodedLink",),
    "echo_map.scenario": ("EchoMapScenario",),
    "extended_target_beams.scenario": ("ExtendedTargetBeamsScenario",),
    "extended_target_bound.scenario": ("ExtendedTargetBoundScenario",),
    "extended_target_estimation.scenario": ("ExtendedTargetEstimationScenario",),
    "extended_target_network.scenario": ("ExtendedTargetNetworkScenario",),
    "learning.scenario": ("LearningScenario",),
    "localization.scenario": ("LocalizationScenario",),
    "multi_target.scenario": ("MultiTargetScenario",),
    "multi_target.report": ("gap_closed",),
    "near_field.scenario": ("NearFieldScenario",),
    "near_field_convergence.scenario": ("NearFieldConvergenceScenario",),
    "reference_share.scenario": ("ReferenceShareScenario",),
    "reference_share.trial": ("ReferenceTrial", "shared_elements"),
    "range_doppler.scenario": ("RangeDopplerScenario",),
    "scattering_convergence.scenario": ("ScatteringConvergenceScenario",),
    "scattering_sphere.scenario": ("ScatteringSphereScenario",),
    "sensing_rate.link": ("PartitionedLink", "rayleigh_fades"),
    "sensing_rate.scenario": ("SensingRateScenario",),
    "single_carrier.scenario": ("SingleCarrierScenario",),
    "single_carrier.system": ("SingleCarrierSystem",),
}
FIRST = "multi_target"  # the kind to read first
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
