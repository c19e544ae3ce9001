"""Scenarios of impaired arrays, one of which is learned: detection, coded error rates."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import field_validator, model_validator

from sionna_isac.studies._isac.blocks import METHODS, Coding, Evaluation, Method, distinct_methods
from sionna_isac.studies._isac.scenario import IsacStudy
from sionna_isac.study.blocks import Probability, Training, changed_fields

__all__ = ["CodedBERScenario", "MultiTargetScenario"]


class _ArrayStudy(IsacStudy):
    training: Training = Training()
    """Training of the array of the method 'learned'"""

    @property
    def learns(self) -> bool:
        """`bool` : Whether an array is learned"""
        return "learned" in self.compared() and self.training.iterations > 0

    def compared(self) -> tuple[Method, ...]:
        """The methods that the scenario compares."""
        return ()

    @model_validator(mode="after")
    def _trainable(self) -> Self:
        if "learned" in self.compared():
            if not self.array.learn:
                raise ValueError(
                    "array.learn must name what is learned by the method 'learned'; got []"
                )
            self.check_objective("training", self.training)
        return self


class MultiTargetScenario(_ArrayStudy):
    """Detection and localisation of several targets, and the user's symbol error rate."""

    kind: Literal["multi_target"]
    evaluation: Evaluation = Evaluation()
    """Monte-Carlo evaluation"""

    def compared(self) -> tuple[Method, ...]:
        """The methods that the scenario compares."""
        return self.evaluation.methods


class CodedBERScenario(_ArrayStudy):
    """Coded bit and block error rates of the user over the SNR."""

    kind: Literal["coded_ber"]
    methods: tuple[Method, ...] = METHODS
    """Knowledge of transmitter and receiver about the array, a curve for each"""
    coding: Coding = Coding()
    """Coded transmission, and the SNRs that are swept"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    _distinct = field_validator("methods")(distinct_methods)

    def compared(self) -> tuple[Method, ...]:
        """The methods that the scenario compares."""
        return self.methods

    @model_validator(mode="after")
    def _coded(self) -> CodedBERScenario:
        channel = self.link.channel
        if channel.kind != "multitap":
            raise ValueError(
                "link.channel.kind must be 'multitap' for error rates over the SNR; got 'geometric'"
            )
        if "snr_db" in changed_fields(channel):
            raise ValueError("link.channel.snr_db has no effect: coding.snr_db is what is swept")
        if self.waveform.eta == 1:
            raise ValueError("waveform.eta must be below 1: at 1 the beam leaves the user out")
        return self
