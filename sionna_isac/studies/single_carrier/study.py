"""Comparison of learned and model-based approaches with a single carrier."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray
from sionna_isac.studies._isac.comparison import Comparison, compare
from sionna_isac.studies._isac.points import DETECTION, evaluate_detection
from sionna_isac.studies.single_carrier.approach import SingleCarrierApproach, make_approach
from sionna_isac.studies.single_carrier.system import SingleCarrierSystem
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["single_carrier_study"]


class SingleCarrierComparison(Comparison):
    """Presence and angle of one target; networks are learned anew for each weight of sensing."""

    scores = DETECTION
    make_system = SingleCarrierSystem
    num_symbols = 1

    def approach(
        self, label: str, truth: ImpairedArray, draw: int, eta: float
    ) -> SingleCarrierApproach:
        return make_approach(self.scenario, label, truth, draw, eta)

    def learned_per_eta(self, label: str) -> bool:
        return bool(self.scenario.approaches[label].kind == "networks")

    def evaluate(self, data: dict[str, np.ndarray], p_fa: float) -> dict[str, float]:
        return evaluate_detection(data, p_fa, self.scenario.evaluation.confidence)


def single_carrier_study(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Learn all approaches for all draws of the impairments, then evaluate them."""
    return compare(SingleCarrierComparison(scenario), folder, reporter)
