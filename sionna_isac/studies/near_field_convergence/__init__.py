"""Convergence of published near-field methods, compared with those of the library."""

from __future__ import annotations

from sionna_isac.studies.near_field_convergence.scenario import NearFieldConvergenceScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=NearFieldConvergenceScenario,
    study=deferred("sionna_isac.studies.near_field_convergence.study:NearFieldConvergenceStudy"),
    report=deferred("sionna_isac.studies.near_field_convergence.study:convergence_report"),
    draw=deferred("sionna_isac.studies.near_field_convergence.figure:near_field_convergence"),
    example={
        "array": {"num_antennas": 32, "aperture": 0.5},
        "num_channels": 4,
        "power_dbm": 20.0,
        "min_rate": 2.0,
        "algorithm": "sdr-bcd",
        "num_rf_chains": [4],
    },
)
