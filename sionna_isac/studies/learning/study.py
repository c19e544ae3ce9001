"""Comparison of learned and model-based approaches over OFDM."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray, SteeringDictionary
from sionna_isac.studies._isac.approach import Approach, ArrayApproach
from sionna_isac.studies._isac.arrays import assumed_array, ideal_array
from sionna_isac.studies._isac.comparison import Comparison, compare
from sionna_isac.studies._isac.points import POINT, evaluate_point
from sionna_isac.studies._isac.system import IsacSystem
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["learning_study", "make_approach"]


def make_approach(scenario: Any, label: str, truth: ImpairedArray, draw: int = 0) -> Approach:
    """Approach of a scenario before any training."""
    config = scenario.approaches[label]
    if config.kind in ("unknown", "known"):
        assumed = assumed_array(scenario, config.kind, truth)
        return ArrayApproach(scenario, assumed, pursuit=config.pursuit)
    if config.kind == "impairments":
        return ArrayApproach(scenario, assumed_array(scenario, "learned", truth), config.training)
    if config.kind == "dictionary":
        size = config.num_angles
        columns = SteeringDictionary.from_array(
            ideal_array(scenario),
            np.linspace(-np.pi / 2, np.pi / 2, size),
            precision=scenario.precision,
        )
        return ArrayApproach(scenario, columns, config.training, num_angles=size)
    from sionna_isac.studies._isac.networks import NetworkApproach

    return NetworkApproach(scenario, config, (scenario.seed, "initial weights", label, draw))


class LearningComparison(Comparison):
    """Angles and ranges from an OFDM echo."""

    scores = POINT
    make_system = IsacSystem

    @property
    def num_symbols(self) -> int:  # type: ignore[override]
        """`int` : One symbol on each subcarrier"""
        return int(self.scenario.waveform.num_subcarriers)

    def approach(self, label: str, truth: ImpairedArray, draw: int, eta: float) -> Approach:
        return make_approach(self.scenario, label, truth, draw)

    def evaluate(self, data: dict[str, np.ndarray], p_fa: float) -> dict[str, float]:
        config = self.scenario.evaluation
        return evaluate_point(data, p_fa, config.cutoff, config.confidence)


def learning_study(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Learn all approaches for all draws of the impairments, then evaluate them."""
    return compare(LearningComparison(scenario), folder, reporter)
