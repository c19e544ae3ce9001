"""Data sets of channels of extended targets, which have their own commands."""

from __future__ import annotations

from sionna_isac.dataset.scenario import DatasetScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=DatasetScenario,
    command="dataset generate",
    draw=deferred("sionna_isac.studies.dataset.figure:dataset_overview"),
    example={
        "targets": [
            {
                "category": category,
                "family": f"parametric_{category}",
                "instances": {"train": 8, "validation": 2, "test": 2},
            }
            for category in ("motorbike", "car")
        ],
        "num_samples": {"train": 80, "validation": 10, "test": 10},
    },
)
