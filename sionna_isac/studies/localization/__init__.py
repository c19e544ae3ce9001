"""Errors of receivers for one target, compared with their bound."""

from __future__ import annotations

from sionna_isac.studies.localization.scenario import LocalizationScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=LocalizationScenario,
    study=deferred("sionna_isac.studies.localization.study:LocalizationStudy"),
    report=deferred("sionna_isac.studies.localization.study:localization_report"),
    draw=deferred("sionna_isac.studies.localization.figure:localization"),
    example={
        "echo": {
            "kind": "ofdm",
            "snr_db": [0.0, 10.0, 20.0],
            "region": {
                "sector_deg": [-30.0, -10.0],
                "range_interval": [50.0, 150.0],
                "search_sector_deg": [-35.0, -5.0],
                "search_range": [40.0, 160.0],
            },
        },
        "receivers": [{"kind": "omp"}, {"kind": "differentiable_omp"}],
    },
)
