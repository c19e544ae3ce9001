"""Classification and localisation of vehicles from near-field channels, after [Zhao26]_."""

from __future__ import annotations

from sionna_isac.studies.cross_task.scenario import CrossTaskScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=CrossTaskScenario,
    study=deferred("sionna_isac.studies.cross_task.study:CrossTaskStudy"),
    report=deferred("sionna_isac.studies.cross_task.report:cross_task_report"),
    draw=deferred("sionna_isac.studies.cross_task.figure:cross_task"),
    example={
        "data": {"scenario": "dataset_cross_task_born", "num_antennas": 16},
        "receivers": [
            {"kind": "matched_filter", "label": "matched filter"},
            {"kind": "network", "label": "attention", "uncertainty": True, "physics": ["planar"]},
        ],
    },
)
