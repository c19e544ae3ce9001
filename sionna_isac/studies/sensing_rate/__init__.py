"""Rate that sensing tones leave to a user: formula and coded link."""

from __future__ import annotations

from sionna_isac.studies.sensing_rate.scenario import SensingRateScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=SensingRateScenario,
    study=deferred("sionna_isac.studies.sensing_rate.study:SensingRateStudy"),
    report=deferred("sionna_isac.studies.sensing_rate.study:rate_report"),
    draw=deferred("sionna_isac.studies.sensing_rate.figure:sensing_rate"),
    example={"schemes": [{"modulation": "16qam", "coderate": 0.75}]},
)
