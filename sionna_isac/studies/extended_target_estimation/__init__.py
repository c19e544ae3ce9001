"""Errors of the estimated pose of an extended target, compared with its bound."""

from __future__ import annotations

from sionna_isac.studies.extended_target_estimation.scenario import (
    ExtendedTargetEstimationScenario,
)
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

_HERE = "sionna_isac.studies.extended_target_estimation"
KIND = Kind(
    scenario=ExtendedTargetEstimationScenario,
    study=deferred(f"{_HERE}.study:ExtendedTargetEstimationStudy"),
    report=deferred(f"{_HERE}.study:estimation_report"),
    draw=deferred(f"{_HERE}.figure:extended_target_estimation"),
    example={"snr_db": [-40.0, -20.0, 0.0], "body": {"kind": "cuboid"}},
)
