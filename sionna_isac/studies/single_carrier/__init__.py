"""Learned and model-based approaches with a single carrier."""

from __future__ import annotations

from sionna_isac.studies.single_carrier.scenario import SingleCarrierScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=SingleCarrierScenario,
    run=deferred("sionna_isac.studies.single_carrier.study:single_carrier_study"),
    report=deferred("sionna_isac.studies._isac.comparison:report"),
    draw=deferred("sionna_isac.studies.learning.figure:learning"),
    example={
        "approaches": {
            "baseline": {"kind": "unknown"},
            "dictionary": {"kind": "dictionary", "training": {"iterations": 600}},
            "known": {"kind": "known"},
        },
        "eta": [0.2, 0.5, 0.8],
    },
)
