"""Scenarios of coded error rates with impaired arrays, one of which is learned."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator, model_validator

from sionna_isac.studies._isac.array_scenario import LearnedArrayScenario
from sionna_isac.studies._isac.blocks import METHODS, Coding, Method, distinct_methods
from sionna_isac.study.blocks import Probability, changed_fields

__all__ = ["CodedBERScenario"]


class CodedBERScenario(LearnedArrayScenario):
    """Coded bit and block error rates of the user over the SNR."""

    kind: Literal["coded_ber"]
    methods: tuple[Method, ...] = METHODS
    """Knowledge of transmitter and receiver about the array, a curve for each"""
    coding: Coding = Coding()
    """Coded transmission, with its SNRs"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    _distinct = field_validator("methods")(distinct_methods)

    def compared(self) -> tuple[Method, ...]:
        """Methods that the scenario compares."""
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
        if "temperature_scale" in changed_fields(self.receiver):
            raise ValueError(
                "receiver.temperature_scale has no effect: nothing is estimated after training"
            )
        if self.waveform.eta == 1:
            raise ValueError("waveform.eta must be below 1: at 1 the beam leaves the user out")
        return self
