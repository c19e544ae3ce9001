"""Beams for an extended target and users: bound against SINR and rate."""

from __future__ import annotations

from sionna_isac.studies.extended_target_beams.scenario import ExtendedTargetBeamsScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=ExtendedTargetBeamsScenario,
    study=deferred("sionna_isac.studies.extended_target_beams.study:ExtendedTargetBeamsStudy"),
    report=deferred("sionna_isac.studies.extended_target_beams.study:beams_report"),
    draw=deferred("sionna_isac.studies.extended_target_beams.figure:extended_target_beams"),
    example={"min_sinr_db": [5.0, 10.0], "body": {"kind": "cuboid"}, "designs": ["certified"]},
)
