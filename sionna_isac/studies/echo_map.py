"""Near-field images of extended targets and of points in their place."""

from __future__ import annotations

from sionna_isac.study.registry import Kind, deferred
from sionna_isac.study.scattering_scenario import EchoMapScenario

__all__ = ["KIND"]

KIND = Kind(
    scenario=EchoMapScenario,
    run=deferred("sionna_isac.study.echo_map:echo_map"),
    report=deferred("sionna_isac.study.scattering_report:echo_map_report"),
    draw=deferred("sionna_isac.plots:echo_map"),
    example={"targets": [{"category": "car"}]},
)
