"""Scenarios of detection and localisation by impaired arrays, one of which is learned."""

from __future__ import annotations

from typing import Literal

from sionna_isac.studies._isac.array_scenario import LearnedArrayScenario
from sionna_isac.studies._isac.blocks import Evaluation, Method

__all__ = ["MultiTargetScenario"]


class MultiTargetScenario(LearnedArrayScenario):
    """Detection and localisation of several targets, and the user's symbol error rate."""

    kind: Literal["multi_target"]
    evaluation: Evaluation = Evaluation()
    """Monte-Carlo evaluation"""

    def compared(self) -> tuple[Method, ...]:
        """Methods that the scenario compares."""
        return self.evaluation.methods
