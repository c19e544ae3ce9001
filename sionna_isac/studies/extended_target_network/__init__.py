"""Networks of beams for an extended target, against the certified optimum."""

from __future__ import annotations

from sionna_isac.studies.extended_target_network.scenario import ExtendedTargetNetworkScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=ExtendedTargetNetworkScenario,
    study=deferred("sionna_isac.studies.extended_target_network.study:ExtendedTargetNetworkStudy"),
    report=deferred("sionna_isac.studies.extended_target_network.report:network_report"),
    draw=deferred("sionna_isac.studies.extended_target_network.figure:extended_target_network"),
    example={"bodies": [{"kind": "cuboid"}], "networks": [{"head": "subspace"}]},
)
