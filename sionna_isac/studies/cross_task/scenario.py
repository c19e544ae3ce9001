"""Scenarios of receivers that classify and localise vehicles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from sionna_isac.dataset import DatasetScenario
from sionna_isac.studies.cross_task.published import RECEIVERS
from sionna_isac.study.blocks import (
    Count,
    Decibel,
    Frozen,
    Increasing,
    NonNegative,
    Positive,
    Probability,
    Scenario,
    increasing,
)
from sionna_isac.study.loading import load_scenario

__all__ = [
    "METRICS",
    "Claim",
    "CrossTaskScenario",
    "Fit",
    "Focused",
    "MatchedFilter",
    "Named",
    "Network",
    "Periodogram",
    "Requirement",
    "Search",
]

METRICS = ("accuracy", "range_mae", "azimuth_mae", "planar_mae", "success_rate")
Metric = Literal["accuracy", "range_mae", "azimuth_mae", "planar_mae", "success_rate"]
Share = Annotated[float, Field(gt=0, le=1)]


class Data(Frozen):
    """Data set of channels; it is generated beside the run if it is not there."""

    scenario: str
    """Scenario of the data set: a file, or the name of one of the library"""
    profile: str | None = None
    """Profile of that scenario; null: the first one"""
    folder: str | None = None
    """Folder of the data set; null: the name of the set, beside the folder of the run"""
    num_antennas: Count | None = None
    """Number of central transmitters and of central receivers that are used; null: all"""


class Network(Frozen):
    """Network of [Zhao26] in one of its variants, and what it is trained for."""

    kind: Literal["network"]
    label: str
    """Name in tables and figures"""
    variant: Literal["cta", "decoupled", "shared", "cross_stitch", "single"] = "cta"
    """Exchange of features between the tasks"""
    task: Literal["classification", "localization"] | None = None
    """Task of the variant single"""
    uncertainty: bool = False
    """If true, errors of range and azimuth count by the log-variances of the network"""
    physics: tuple[Literal["planar", "peak", "coupling"], ...] = ()
    """Physics-guided terms of the objective"""
    surgery: Literal["pcgrad"] | None = None
    """Gradient surgery between the tasks; null: the sum of the losses"""
    front_end: Literal["channel", "focused"] = "channel"
    """Input of the encoders: the channel of each tone, or focused images"""

    @model_validator(mode="after")
    def _consistent(self) -> Network:
        if (self.task is None) != (self.variant != "single"):
            raise ValueError(f"task must be given for variant 'single' alone; got {self.task!r}")
        if self.surgery and self.variant in ("single", "decoupled"):
            raise ValueError(f"surgery has no effect with variant '{self.variant}'")
        if self.task == "classification" and (self.uncertainty or self.physics):
            raise ValueError("uncertainty and physics have no effect on task 'classification'")
        if self.front_end == "focused" and "peak" in self.physics:
            raise ValueError("physics must not hold 'peak' with front_end 'focused'")
        return self


class Focused(Frozen):
    """Receiver that focuses on the strongest places, and classifies and corrects what it sees."""

    kind: Literal["focused"]
    label: str = "focused receiver"
    """Name in tables and figures"""
    num_candidates: Count = 4
    """Number of places that it looks at"""
    patch_size: Annotated[int, Field(ge=3)] = 21
    """Number of cells of a patch along each side, odd"""
    margin: Annotated[int, Field(ge=0)] = 3
    """Number of cells by which a training shifts a patch at most"""
    filters: Annotated[tuple[Count, ...], Field(min_length=1)] = (16, 32, 32)
    """Channels of the convolutions"""


class MatchedFilter(Frozen):
    """Near-field matched filter, without training and without classes."""

    kind: Literal["matched_filter"]
    label: str
    """Name in tables and figures"""
    combining: Literal["coherent", "non_coherent"] = "coherent"
    """Combination of the tones"""


class Periodogram(Frozen):
    """Far-field periodogram over tones and transmitters."""

    kind: Literal["periodogram"]
    label: str = "far-field periodogram"
    """Name in tables and figures"""


Receiver = Annotated[Network | Focused | MatchedFilter | Periodogram, Field(discriminator="kind")]


def _named(value: Any) -> Any:
    """Fields of a receiver that is given by its name."""
    if not isinstance(value, str):
        return value
    if value not in RECEIVERS:
        raise ValueError(
            f"receiver must be one of {', '.join(RECEIVERS)}, or a mapping; got '{value}'"
        )
    return RECEIVERS[value]


Named = Annotated[Receiver, BeforeValidator(_named)]


class Size(Frozen):
    """Size of the networks."""

    feature_dim: Count = 64
    """Number of features of a token, a multiple of num_heads"""
    tones: Literal["shared", "stacked"] = "shared"
    """Tones pass the same convolutions one by one, or are channels of one map"""
    num_blocks: Count = 2
    """Number of transformer blocks"""
    num_heads: Count = 4
    """Number of attention heads"""


class Fit(Frozen):
    """Training over epochs with AdamW and a cosine decay.

    Every ``validation_epochs`` epochs the validation split is scored, by the planar MAE in metres
    plus 10 times the share of wrong classes; the weights of the best score are the result.
    """

    epochs: Count = 200
    """Number of passes through the training split"""
    batch_size: Count = 32
    """Number of samples per iteration"""
    learning_rate: Positive = 2e-4
    """Initial learning rate of AdamW"""
    weight_decay: NonNegative = 1e-2
    """Weight decay of AdamW"""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the iterations in which the learning rate rises from 0"""
    validation_epochs: Count = 5
    """Number of epochs between validations"""
    mirror: bool = False
    """If true, samples are mirrored in azimuth at random: the cross array is symmetric"""


class FocusedFit(Fit):
    """Training of the focused receiver, as that of the networks, with defaults of its own."""

    epochs: Count = 120
    """Number of passes through the training split"""
    learning_rate: Positive = 3e-3
    """Initial learning rate of AdamW"""
    weight_decay: NonNegative = 5e-2
    """Weight decay of AdamW"""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the iterations in which the learning rate rises from 0"""
    classification_weight: Positive = 4.0
    """Weight of the cross-entropy of the classes"""
    mirror: bool = True
    """If true, samples are mirrored in azimuth at random: the cross array is symmetric"""


class Search(Frozen):
    """Places that the classical receivers and the focused one search."""

    num_angles: Annotated[int, Field(ge=8)] = 177
    """Number of azimuths, over the sector of the data set and 2 degrees more on both sides"""
    range_step: Positive = 0.5
    """Distance between searched ranges [m]"""
    height: float = -0.8
    """z of the searched plane, from the centre of the array [m]"""


class Sweep(Frozen):
    """Swept quantity. Noise and phase are those of the test alone."""

    over: Literal["num_tones", "fraction", "noise", "phase_offset_deg"]
    """Number of tones, share of the training samples, noise over RMS, or phase of all channels"""
    values: Annotated[Increasing[float], Field(min_length=1)]
    """Values, increasing"""

    @model_validator(mode="after")
    def _allowed(self) -> Sweep:
        low, high = {"num_tones": (1, 4096), "fraction": (0, 1)}.get(self.over, (0, 360))
        for value in self.values:
            whole = self.over != "num_tones" or value == int(value)
            if not (low <= value <= high and whole) or (self.over == "fraction" and value == 0):
                raise ValueError(f"values must be numbers for {self.over}; got {value:g}")
        return self


class Requirement(Frozen):
    """Requirement on sensing, Eq. (20) of [Zhao26]."""

    label: str
    """Name in the table"""
    min_accuracy: Probability
    """Smallest accuracy"""
    max_planar_error: Positive
    """Largest planar MAE [m]"""


class Rate(Frozen):
    """Communication on the other tones of the block, Eq. (19) of [Zhao26]."""

    num_tones: Count = 64
    """Number of all tones of the block"""
    snr_db: Decibel = 15.0
    """SNR per tone if all tones communicate [dB]"""


class Claim(Frozen):
    """Statement that one receiver is better than another."""

    better: str
    """Label of a receiver"""
    worse: str
    """Label of the other receiver"""
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    """Metrics that the statement is about"""
    value: float | None = None
    """Value of the sweep that the statement is about; null: all"""


class CrossTaskScenario(Scenario):
    """Accuracy and errors of receivers of vehicles, over seeds, placements and a sweep."""

    kind: Literal["cross_task"]
    data: Data
    """Channels and labels"""
    placements: Mapping[str, tuple[Annotated[int, Field(ge=0)], ...]] = {
        "uniform": tuple(range(0, 64, 4))
    }
    """Sensing tones by name: numbers of subcarriers of the block, increasing"""
    num_tones: Count = 16
    """Number of tones that are used, unless swept: a nested subset of each placement"""
    receivers: Annotated[tuple[Named, ...], Field(min_length=1)]
    """Compared receivers, with distinct labels: names of [Zhao26]'s, or their fields"""
    network: Size = Size()
    """Size of the networks"""
    training: Fit = Fit()
    """Training of the networks"""
    focusing: FocusedFit = FocusedFit()
    """Training of the focused receiver"""
    num_seeds: Count = 3
    """Number of trainings of each receiver: with seed, seed + 1 and so on"""
    sweep: Sweep | None = None
    """Swept quantity; null: none"""
    search: Search = Search()
    """Places that receivers search"""
    radius: Positive = 1.0
    """Largest planar error of a success [m]"""
    requirements: tuple[Requirement, ...] = ()
    """Requirements for the smallest number of tones; for a sweep over num_tones"""
    rate: Rate = Rate()
    """Communication beside the sensing tones"""
    claims: tuple[Claim, ...] = ()
    """Statements to judge at the end"""
    figure: Literal["table", "gain", "curves", "trade_off", "allocation", "errors", "entropy"] = (
        "table"
    )
    """Picture: metrics as they are, as gain, over the sweep or the rate, or maps of the plane"""
    compile: bool = False
    """If true, XLA compiles the training: faster on a GPU, slower on a CPU"""

    @property
    def dataset(self) -> DatasetScenario:
        """Scenario of the data set."""
        return load_scenario(self.data.scenario, profile=self.data.profile)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of initial weights and of the order of samples."""
        return tuple(range(self.seed, self.seed + self.num_seeds))

    @property
    def levels(self) -> tuple[float, ...]:
        """Values of the sweep; one without a meaning if there is none."""
        return self.sweep.values if self.sweep else (0.0,)

    def setting(self, level: float) -> dict[str, float]:
        """Number of tones, fraction, noise and phase at a value of the sweep."""
        base: dict[str, float] = {
            "num_tones": self.num_tones,
            "fraction": 1.0,
            "noise": 0.0,
            "phase_offset_deg": 0.0,
        }
        return base | ({self.sweep.over: level} if self.sweep else {})

    @model_validator(mode="after")
    def _consistent(self) -> CrossTaskScenario:
        labels = [m.label for m in self.receivers]
        if len(set(labels)) != len(labels):
            raise ValueError(f"receivers must have distinct labels; got {labels}")
        for claim in self.claims:
            for label in (claim.better, claim.worse):
                if label not in labels:
                    raise ValueError(f"claims must name receivers, {labels}; got '{label}'")
            if claim.value is not None and claim.value not in self.levels:
                raise ValueError(f"claims.value must be one of the sweep; got {claim.value:g}")
        over = self.sweep.over if self.sweep else None
        needs = {"curves": None, "trade_off": "num_tones", "allocation": "num_tones"}
        if self.figure in needs and (over is None or needs[self.figure] not in (None, over)):
            raise ValueError(
                f"sweep.over must be {needs[self.figure] or 'given'} for figure '{self.figure}'; "
                f"got {over}"
            )
        if self.figure not in needs and over is not None:
            raise ValueError(f"sweep has no effect on figure '{self.figure}'")
        if self.requirements and over != "num_tones":
            raise ValueError(f"requirements need a sweep over num_tones; got {over}")
        if self.figure == "allocation" and not self.requirements:
            raise ValueError("requirements must be given for figure 'allocation'; got none")
        self._check_data()
        return self

    def _check_data(self) -> None:
        data = self.dataset
        if not isinstance(data, DatasetScenario):
            raise ValueError(f"data.scenario must be of kind 'dataset'; got '{data.kind}'")
        size = min(data.array.num_tx, data.array.num_rx)
        if self.data.num_antennas is not None and not 4 <= self.data.num_antennas <= size:
            raise ValueError(
                f"data.num_antennas must lie within [4, {size}]; got {self.data.num_antennas}"
            )
        held = [int(n) for n in data.waveform.subcarriers]
        block = data.waveform.block_size or data.waveform.num_subcarriers
        if block > self.rate.num_tones:
            raise ValueError(
                f"rate.num_tones must be at least the block of the data set, {block}; got "
                f"{self.rate.num_tones}"
            )
        if not self.placements:
            raise ValueError("placements must hold at least one list of tones; got none")
        numbers = [int(self.setting(level)["num_tones"]) for level in self.levels]
        for name, tones in self.placements.items():
            if not name.replace("_", "").isalnum():  # it is part of file names
                raise ValueError(
                    f"placements must have names of letters, digits and underscores; got '{name}'"
                )
            increasing(tones)
            missing = [n for n in tones if n not in held]
            if missing:
                raise ValueError(
                    f"placements.{name} must hold tones of the data set, {held}; got {missing}"
                )
            for number in numbers:
                even = np.unique(np.diff(tones)).size <= 1
                if number > len(tones) or (even and len(tones) % number):
                    raise ValueError(
                        f"num_tones must be at most the {len(tones)} tones of placements.{name}, "
                        f"and divide them if they have equal distances; got {number}"
                    )
