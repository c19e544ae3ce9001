"""Cramér-Rao bounds of the pose of extended targets."""

from __future__ import annotations

from sionna_isac.studies.extended_target_bound.scenario import ExtendedTargetBoundScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=ExtendedTargetBoundScenario,
    study=deferred("sionna_isac.studies.extended_target_bound.study:ExtendedTargetBoundStudy"),
    report=deferred("sionna_isac.studies.extended_target_bound.study:bound_report"),
    draw=deferred("sionna_isac.studies.extended_target_bound.figure:extended_target_bound"),
    example={"bodies": [{"kind": "cuboid"}, {"kind": "point"}], "ranges": [10.0, 20.0, 50.0]},
)
