"""Near-field beam designs over a swept parameter."""

from __future__ import annotations

from sionna_isac.studies.near_field.scenario import NearFieldScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=NearFieldScenario,
    study=deferred("sionna_isac.studies.near_field.study:NearFieldStudy"),
    report=deferred("sionna_isac.studies.near_field.summary:sweep_report"),
    draw=deferred("sionna_isac.studies.near_field.figure:near_field"),
    example={
        "array": {"num_antennas": 32, "aperture": 0.5},
        "num_channels": 4,
        "min_rate": 2.0,
        "metric": "peb",
        "sweep": {"parameter": "power_dbm", "values": [20.0, 25.0, 30.0]},
        "designs": [{"design": "minimize_speb"}, {"design": "minimize_speb", "num_rf_chains": 4}],
    },
)
