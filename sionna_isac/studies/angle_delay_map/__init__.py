"""Angle-delay maps under ideal conditions and impairments."""

from __future__ import annotations

from sionna_isac.studies.angle_delay_map.scenario import AngleDelayMapScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=AngleDelayMapScenario,
    run=deferred("sionna_isac.studies.angle_delay_map.study:angle_delay_map"),
    report=deferred("sionna_isac.studies.angle_delay_map.study:angle_delay_report"),
    draw=deferred("sionna_isac.studies.angle_delay_map.figure:angle_delay_map"),
)
