"""Convergence of published near-field methods, beside the library's own."""

from __future__ import annotations

from sionna_isac.studies.near_field.scenario import NearFieldConvergenceScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=NearFieldConvergenceScenario,
    run=deferred("sionna_isac.studies.near_field_convergence.study:near_field_convergence"),
    report=deferred("sionna_isac.studies.near_field.report:convergence_report"),
    draw=deferred("sionna_isac.studies.near_field_convergence.figure:near_field_convergence"),
    uses_workers=True,
    example={
        "array": {"num_antennas": 32, "aperture": 0.5},
        "num_channels": 4,
        "power_dbm": 20.0,
        "min_rate": 2.0,
        "algorithm": "sdr-bcd",
        "num_rf_chains": [4],
    },
)
