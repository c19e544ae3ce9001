"""Scenarios that compare approaches: models, learned models and networks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sionna_isac.studies._isac.blocks import Sampling, Waveform
from sionna_isac.studies._isac.compared import ComparedScenario
from sionna_isac.studies._isac.scenario import IsacScenario
from sionna_isac.study.blocks import (
    UNSUPERVISED,
    Frozen,
    Training,
    changed_fields,
    increasing,
)

__all__ = ["Dictionary", "Impairments", "LearningScenario", "Networks"]

Pursuit = Literal["differentiable", "plain"]


class Unknown(Frozen):
    """Belief in the ideal array: the mismatched baseline."""

    kind: Literal["unknown"]
    pursuit: Pursuit = "plain"
    """OMP on the grid (plain) or between its points (differentiable)"""


class Known(Frozen):
    """Knowledge of the true array."""

    kind: Literal["known"]
    pursuit: Pursuit = "differentiable"
    """OMP on the grid (plain) or between its points (differentiable)"""


class Impairments(Frozen):
    """Learning of the parameters of the impairments (``array.learn``)."""

    kind: Literal["impairments"]
    training: Training
    """Training of the parameters"""
    at_rest: bool = False
    """If true, learned from targets at rest, whose echoes have as much energy"""


class UniformTraining(Training):
    """Training on all sectors from the start, for weights without common parameters of angles."""

    sector_growth: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the iterations in which sectors widen from broadside to all"""


class Dictionary(Frozen):
    """Learning of the steering vectors of ``num_angles`` angles."""

    kind: Literal["dictionary"]
    num_angles: Annotated[int, Field(ge=8)] = 720
    """Number of angles with a learned steering vector, from -90 to 90 degrees"""
    training: UniformTraining
    """Training of the steering vectors: objective gospa or mse, all samples labelled"""
    at_rest: bool = False
    """If true, learned from targets at rest, whose echoes have as much energy"""

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        # without a model of the array, nothing but labels ties a column to its angle
        if self.training.objective in UNSUPERVISED or self.training.labelled_fraction < 1:
            raise ValueError(
                "training.objective of a dictionary must be gospa or mse, all samples labelled; "
                f"got '{self.training.objective}', labelled_fraction "
                f"{self.training.labelled_fraction:g}"
            )
        return self


class Networks(Frozen):
    """Networks for the beam, position and detection (NNBL), learned in two steps.

    The map for networks has ``num_angles`` over the sector times ``num_ranges`` cells. "full" and
    "limited" are those of the paper; "small" trains in minutes, with a map of 32 times 64 cells.
    """

    kind: Literal["networks"]
    size: Literal["full", "small", "limited"] = "full"
    """Size of the networks"""
    num_angles: Annotated[int, Field(ge=16)] = 320
    """Angles of the map for networks, over the sector"""
    num_ranges: Annotated[int, Field(ge=16)] = 128
    """Ranges of the map for networks"""
    position: UniformTraining
    """First step, beam and position: objective mse or gospa"""
    detection: UniformTraining
    """Second step, beam and detection: objective bce or detection_gospa"""

    @model_validator(mode="after")
    def _objectives(self) -> Self:
        for name, allowed in (
            ("position", ("mse", "gospa")),
            ("detection", ("bce", "detection_gospa")),
        ):
            training = getattr(self, name)
            if training.objective not in allowed:
                raise ValueError(
                    f"{name}.objective must be one of {', '.join(allowed)}; "
                    f"got '{training.objective}'"
                )
            if training.labelled_fraction < 1:
                raise ValueError(f"{name}.labelled_fraction must be 1: networks need labels")
        if self.position.validation is not None:
            raise ValueError(
                "position.validation has no meaning: its scores need the detection, which is "
                "trained afterwards; set detection.validation"
            )
        return self


ApproachConfig = Annotated[
    Unknown | Known | Impairments | Dictionary | Networks, Field(discriminator="kind")
]


class LearningScenario(IsacScenario, ComparedScenario):
    """Learned approaches against model-based ones, over the false-alarm probability and the beam.

    The study is repeated for ``num_draws`` draws of the impairments. Other studies that need the
    same models share them.
    """

    kind: Literal["learning"]
    waveform: Waveform = Waveform()
    """OFDM waveform, and the beam unless it is swept"""
    approaches: Annotated[dict[str, ApproachConfig], Field(min_length=1)]
    """Compared approaches, by names of letters, digits and underscores"""
    eta: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()
    """Shares of the sensing beam, increasing; empty: that of the waveform"""
    phi: tuple[float, ...] = ()
    """Phases between the beams, increasing; empty: that of the waveform [rad]"""
    evaluation: Sampling = Sampling()
    """Monte-Carlo evaluation"""

    @field_validator("eta", "phi")
    @classmethod
    def _ordered(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return increasing(value) if value else value

    @property
    def etas(self) -> tuple[float, ...]:
        """Shares of the sensing beam; by default that of the waveform."""
        return self.eta or (self.waveform.eta,)

    @property
    def phis(self) -> tuple[float, ...]:
        """Phases between the beams [rad]; by default that of the waveform."""
        return self.phi or (self.waveform.phi,)

    @property
    def beam(self) -> tuple[float, float]:
        """Share and phase for claims: those of the waveform, if the sweep contains them."""
        wave = self.waveform
        eta = wave.eta if wave.eta in self.etas else self.etas[-1]
        return eta, wave.phi if wave.phi in self.phis else self.phis[0]

    @model_validator(mode="after")
    def _compared(self) -> Self:
        for label, config in self.approaches.items():
            if isinstance(config, (Impairments, Dictionary)):
                self.check_objective(f"approaches.{label}.training", config.training)
            if isinstance(config, Impairments) and not self.array.learn:
                raise ValueError(f"array.learn must name what '{label}' learns; got []")
            if isinstance(config, Networks):
                self._check_networks(label, config)
            elif getattr(config, "at_rest", False) and self.motion is None:
                raise ValueError(
                    f"approaches.{label}.at_rest has no effect without motion; got true"
                )
        soft = (
            isinstance(c, (Impairments, Dictionary))
            or getattr(c, "pursuit", None) == "differentiable"
            for c in self.approaches.values()
        )
        if "temperature_scale" in changed_fields(self.receiver) and not any(soft):
            raise ValueError(
                "receiver.temperature_scale has no effect: no approach has differentiable OMP"
            )
        return self

    def _check_networks(self, label: str, config: Networks) -> None:
        for name in ("position", "detection"):
            self.check_assignment(f"approaches.{label}.{name}", getattr(config, name))
        if self.motion is not None:
            raise ValueError(f"approaches.{label}: networks see no velocities; motion must be null")
        if self.array.impaired == "reception":
            raise ValueError(
                f"approaches.{label}: networks make no difference between arrays that transmit "
                "and receive; array.impaired must be 'both'"
            )
