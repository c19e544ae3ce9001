"""Near-field images of extended targets and of points in their place."""

from __future__ import annotations

from sionna_isac.studies._scattering.scenario import EchoMapScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=EchoMapScenario,
    run=deferred("sionna_isac.studies.echo_map.study:echo_map"),
    report=deferred("sionna_isac.studies._scattering.report:echo_map_report"),
    draw=deferred("sionna_isac.studies.echo_map.figure:echo_map"),
    example={"targets": [{"category": "car"}]},
)
