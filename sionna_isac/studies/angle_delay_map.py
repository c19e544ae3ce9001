"""Angle-delay maps under ideal conditions and impairments."""

from __future__ import annotations

from sionna_isac.study.angle_delay_scenario import AngleDelayMapScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=AngleDelayMapScenario,
    run=deferred("sionna_isac.study.angle_delay_map:angle_delay_map"),
    report=deferred("sionna_isac.study.angle_delay_map:angle_delay_report"),
    draw=deferred("sionna_isac.plots:angle_delay_map"),
)
