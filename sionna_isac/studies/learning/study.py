"""Comparison of learned and model-based approaches over OFDM."""

from __future__ import annotations

import numpy as np

from sionna_isac.array import ImpairedArray, SteeringDictionary
from sionna_isac.core import checks
from sionna_isac.studies._isac.approach import Approach, ArrayApproach
from sionna_isac.studies._isac.arrays import assumed_array, ideal_array
from sionna_isac.studies._isac.comparison import ComparisonStudy
from sionna_isac.studies._isac.networks import NetworkApproach
from sionna_isac.studies._isac.points import POINT, VELOCITY, evaluate_point
from sionna_isac.studies._isac.system import IsacSystem
from sionna_isac.studies.learning.scenario import (
    Dictionary,
    Impairments,
    LearningScenario,
    Networks,
)

__all__ = ["LearningStudy", "make_approach"]


def make_approach(
    scenario: LearningScenario, label: str, truth: ImpairedArray, draw: int = 0
) -> Approach:
    """Approach of a scenario before any training."""
    config = scenario.approaches[label]
    if isinstance(config, Networks):
        return NetworkApproach(scenario, config, (scenario.seed, "initial weights", label, draw))
    if isinstance(config, Impairments):
        return ArrayApproach(scenario, assumed_array(scenario, "learned", truth), config.training)
    if isinstance(config, Dictionary):
        size = config.num_angles
        columns = SteeringDictionary.from_array(
            ideal_array(scenario),
            np.linspace(-np.pi / 2, np.pi / 2, size),
            precision=scenario.precision,
        )
        return ArrayApproach(scenario, columns, config.training, num_angles=size)
    assumed = assumed_array(scenario, config.kind, truth)
    return ArrayApproach(scenario, assumed, pursuit=config.pursuit)


class LearningStudy(ComparisonStudy[LearningScenario]):
    """Comparison of angles and ranges from an OFDM echo."""

    make_system = IsacSystem

    @property
    def scores(self) -> tuple[str, ...]:
        return POINT if self.scenario.motion is None else (*POINT, *VELOCITY)

    def make_learner(self, label: str, draw: int, approach: Approach) -> IsacSystem:
        scenario = self.scenario
        if getattr(scenario.approaches[label], "at_rest", False):
            scenario = scenario.at_rest()
            approach = checks.instance("approach", approach, ArrayApproach).within(scenario)
        return IsacSystem(scenario, self.truth(draw), approach, training=True)

    @property
    def num_symbols(self) -> int:
        """`int` : Number of symbols per user, one per subcarrier"""
        return self.scenario.waveform.num_subcarriers

    def make_approach(self, label: str, draw: int, eta: float | None) -> Approach:
        return make_approach(self.scenario, label, self.truth(draw), draw)

    def score(self, data: dict[str, np.ndarray], p_fa: float) -> dict[str, float]:
        config = self.scenario.evaluation
        return evaluate_point(data, p_fa, config.cutoff, config.confidence)
