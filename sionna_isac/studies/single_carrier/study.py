"""Comparison of learned and model-based approaches with a single carrier."""

from __future__ import annotations

import numpy as np

from sionna_isac.studies._isac.comparison import ComparisonStudy
from sionna_isac.studies._isac.points import DETECTION, evaluate_detection
from sionna_isac.studies.single_carrier.approach import SingleCarrierApproach, make_approach
from sionna_isac.studies.single_carrier.scenario import SingleCarrierScenario
from sionna_isac.studies.single_carrier.system import SingleCarrierSystem

__all__ = ["SingleCarrierStudy"]


class SingleCarrierStudy(ComparisonStudy[SingleCarrierScenario]):
    """Presence and angle of one target, with separate networks for each weight of sensing."""

    scores = DETECTION
    make_system = SingleCarrierSystem
    num_symbols = 1

    def learned_per_eta(self, label: str) -> bool:
        return bool(self.scenario.approaches[label].kind == "networks")

    def make_approach(self, label: str, draw: int, eta: float | None) -> SingleCarrierApproach:
        share = self.scenario.etas[0] if eta is None else eta
        return make_approach(self.scenario, label, self.truth(draw), draw, share)

    def score(self, data: dict[str, np.ndarray], p_fa: float) -> dict[str, float]:
        return evaluate_detection(data, p_fa, self.scenario.evaluation.confidence)
