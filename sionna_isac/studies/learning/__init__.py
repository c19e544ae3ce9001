"""Learned and model-based approaches over OFDM."""

from __future__ import annotations

from sionna_isac.studies import multi_target
from sionna_isac.studies.learning.scenario import LearningScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=LearningScenario,
    run=deferred("sionna_isac.studies.learning.study:learning_study"),
    report=deferred("sionna_isac.studies._isac.comparison:report"),
    draw=deferred("sionna_isac.studies.learning.figure:learning"),
    example={
        **multi_target.KIND.example,
        "approaches": {
            "baseline": {"kind": "unknown"},
            "impairments": {"kind": "impairments", "training": {"iterations": 300}},
            "known": {"kind": "known"},
        },
    },
)
