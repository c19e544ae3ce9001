"""Common fields of scenarios of impaired arrays, one of which is learned."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sionna_isac.studies._isac.blocks import Method
from sionna_isac.studies._isac.scenario import IsacScenario
from sionna_isac.study.blocks import Training, changed_fields

__all__ = ["LearnedArrayScenario"]


class LearnedArrayScenario(IsacScenario):
    """Common fields of scenarios that compare a learned array with others."""

    training: Training = Training()
    """Training of the array of the method 'learned'"""

    @property
    def learns(self) -> bool:
        """`bool` : `True` if an array is learned"""
        return "learned" in self.compared() and self.training.iterations > 0

    def compared(self) -> tuple[Method, ...]:
        """Methods that the scenario compares."""
        return ()

    @model_validator(mode="after")
    def _trainable(self) -> Self:
        if "learned" in self.compared():
            if not self.array.learn:
                raise ValueError(
                    "array.learn must name what is learned by the method 'learned'; got []"
                )
            self.check_objective("training", self.training)
        elif "eta" in changed_fields(self.training):
            share = self.training.eta
            raise ValueError(
                f"training.eta has no effect without the method 'learned'; got {share:g}"
            )
        return self
