"""Detection and localisation of several targets by impaired, learned and known arrays."""

from __future__ import annotations

from sionna_isac.studies.multi_target.scenario import MultiTargetScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=MultiTargetScenario,
    study=deferred("sionna_isac.studies.multi_target.study:MultiTargetStudy"),
    report=deferred("sionna_isac.studies.multi_target.report:detection_report"),
    draw=deferred("sionna_isac.studies.multi_target.figure:multi_target"),
    example={
        "targets": {"gain": {"kind": "rayleigh", "snr_db": 15.0}},
        "link": {"channel": {"kind": "multitap"}},
    },
)
