"""Detection and localisation of several targets by an array that is learned, or not."""

from __future__ import annotations

from sionna_isac.studies._isac.array_scenario import MultiTargetScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=MultiTargetScenario,
    run=deferred("sionna_isac.studies.multi_target.study:detection_study"),
    report=deferred("sionna_isac.studies.multi_target.study:detection_report"),
    draw=deferred("sionna_isac.studies.multi_target.figure:multi_target"),
    example={
        "targets": {"gain": {"kind": "rayleigh", "snr_db": 15.0}},
        "link": {"channel": {"kind": "multitap"}},
    },
)
