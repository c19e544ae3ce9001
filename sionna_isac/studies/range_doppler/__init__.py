"""Moving targets and a moving user on one grid: detection, errors over the bound, block errors."""

from __future__ import annotations

from sionna_isac.studies.range_doppler.scenario import RangeDopplerScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=RangeDopplerScenario,
    study=deferred("sionna_isac.studies.range_doppler.study:RangeDopplerStudy"),
    report=deferred("sionna_isac.studies.range_doppler.summary:range_doppler_report"),
    draw=deferred("sionna_isac.studies.range_doppler.figure:range_doppler"),
    example={"detection": {"snr_db": [6.0, 12.0, 18.0], "cases": ["homogeneous"]}},
)
