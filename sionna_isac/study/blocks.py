"""Groups of fields of scenarios: validated and frozen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "REMARKS",
    "UNSUPERVISED",
    "AzimuthInterval",
    "CompiledScenario",
    "Count",
    "Decibel",
    "Frequency",
    "Frozen",
    "Increasing",
    "Interval",
    "NonNegative",
    "Optimization",
    "Positive",
    "Probability",
    "RangeInterval",
    "Scenario",
    "Training",
    "Validation",
    "changed_fields",
    "check_contains",
    "increasing",
    "ordered",
    "positive_ranges",
]

Positive = Annotated[float, Field(gt=0)]
# [Hz], of wavelengths that layers take: 60 is no carrier of 60 GHz
Frequency = Annotated[float, Field(ge=1e6, le=1e15)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Decibel = Annotated[float, Field(ge=-200, le=200)]
Interval = tuple[float, float]
Objective = Literal["max", "reconstruction", "gospa", "mse", "bce", "detection_gospa"]
UNSUPERVISED = ("max", "reconstruction")
_UNUSED = {  # fields of a training that an objective does not use
    "max": {"cutoff", "temperature_scale", "labelled_fraction"},
    "reconstruction": {"cutoff", "labelled_fraction"},
    "gospa": set(),
    "mse": {"cutoff", "labelled_fraction"},
    "bce": {"cutoff", "temperature_scale", "labelled_fraction"},
    "detection_gospa": {"temperature_scale", "labelled_fraction"},
}


class Frozen(BaseModel):
    """Model with checked, known and constant fields.

    The text below a field is its description, with the unit in brackets at the end.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


REMARKS = ("title", "source", "claims", "published")  # fields that no computation depends on


class Scenario(Frozen):
    """Common fields of all scenarios; ``profile`` is the chosen profile of the file."""

    kind: str = ""
    """Kind of the study"""
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    """Name of the study and of its folder of results; that of the file if not given"""
    title: str
    """Title of the figure and in lists"""
    source: str = ""
    """Publication and section that the study follows"""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Seed of everything that is drawn"""
    profile: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] = ""
    """Profile that was chosen from the file; not set by hand"""

    @property
    def folder_name(self) -> str:
        """`str` : Folder of results: the name, with the profile if there is one."""
        return f"{self.name}_{self.profile}" if self.profile else self.name

    def configuration(self) -> dict[str, Any]:
        """Fields that results depend on: all but texts, claims and values drawn beside."""
        return self.model_dump(mode="json", exclude=set(REMARKS))

    def located(self, folder: Path) -> Self:
        """The scenario with the files that it names, relative to the folder of its own file."""
        return self


class CompiledScenario(Scenario):
    """Common fields of scenarios of layers in a TensorFlow graph."""

    precision: Literal["single", "double"] = "single"
    """Precision of floating-point numbers"""
    compile: bool = True
    """If true, XLA compiles the graphs: slower to start, faster to run"""


def changed_fields(model: BaseModel) -> set[str]:
    """Fields that differ from their default."""
    fields = type(model).model_fields
    return {name for name, field in fields.items() if getattr(model, name) != field.default}


T = TypeVar("T")


def increasing(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value or any(b <= a for a, b in itertools.pairwise(value)):
        raise ValueError(f"must be a strictly increasing list; got {list(value)}")
    return value


def positive_ranges(value: Interval) -> Interval:
    if value[0] <= 0 or value[0] == value[1]:
        raise ValueError(f"must be (low, high) with 0 < low < high; got {value}")
    return ordered(value, 0, math.inf)


def ordered(value: Interval, minimum: float, maximum: float) -> Interval:
    if not minimum <= value[0] <= value[1] <= maximum:
        raise ValueError(
            f"must be (low, high) with {minimum:g} <= low <= high <= {maximum:g}; got {value}"
        )
    return value


def _in_front(value: Interval) -> Interval:
    return ordered(value, -90, 90)


def check_contains(group: BaseModel, intervals: Mapping[str, str]) -> None:
    """Refuse a search that leaves out a part of the targets: fields of its intervals by theirs."""
    for inner, outer in intervals.items():
        within, around = getattr(group, inner), getattr(group, outer)
        if not around[0] <= within[0] <= within[1] <= around[1] or around[0] == around[1]:
            raise ValueError(f"{outer} must contain {inner} {within}; got {around}")


Increasing = Annotated[tuple[T, ...], AfterValidator(increasing)]
RangeInterval = Annotated[Interval, AfterValidator(positive_ranges)]
"""Distances (low, high), 0 < low < high [m]"""
AzimuthInterval = Annotated[Interval, AfterValidator(_in_front)]
"""Azimuths (low, high), within [-90, 90] [deg]"""


class Plateau(Frozen):
    """Factor of the learning rate after ``patience`` iterations without progress."""

    patience: Count = 10000
    """Iterations without progress before the learning rate falls"""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Factor of the learning rate"""
    minimum: Positive = 1e-6
    """Smallest learning rate"""


class Validation(Frozen):
    """Evaluation during training at regular intervals, at a fixed false-alarm probability.

    With ``patience``, training stops after this number of iterations without a lower score.
    """

    interval: Count = 100
    """Iterations between evaluations"""
    num_samples: Count = 1000
    """Number of samples per evaluation"""
    p_fa: Probability = 1e-2
    """False-alarm probability"""
    cutoff: Positive = 90.0
    """Cut-off of GOSPA [m]"""
    patience: Count | None = None
    """Iterations without a better score that end the training; null: never"""


class Optimization(Frozen):
    """Length and steps of a training with Adam."""

    iterations: Annotated[int, Field(ge=0)] = 400
    """Number of iterations; 0 trains nothing"""
    batch_size: Count = 80
    """Number of samples per iteration"""
    learning_rate: Positive = 1e-2
    """Initial learning rate of Adam"""
    schedule: Literal["cosine", "constant", "plateau"] = "cosine"
    """Course of the learning rate: cosine to 0, constant, or lower on a plateau"""
    plateau: Plateau = Plateau()
    """Fall of the learning rate with schedule 'plateau'"""
    checkpoint_interval: Count = 25
    """Iterations between checkpoints"""

    @model_validator(mode="after")
    def _scheduled(self) -> Self:
        if self.schedule != "plateau" and "plateau" in changed_fields(self):
            raise ValueError(f"plateau has no effect with schedule '{self.schedule}'")
        return self


class Training(Optimization):
    """Training of weights, and its data.

    ``temperature_scale`` is the softmax's beta times sigma_cell. Over the first share
    ``sector_growth`` of the iterations the sectors widen from broadside to all of
    ``targets.sector_centre_deg``. The share ``labelled_fraction`` of each batch has labels;
    ``unlabelled`` is the loss of the rest.
    """

    objective: Objective = "max"
    """Loss: max and reconstruction need no labels; bce and detection_gospa are for networks"""
    eta: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the sensing beam in the power during training; 1 is the sensing beam alone"""
    labelled_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of each batch that has labels"""
    unlabelled: Literal["max", "reconstruction"] = "max"
    """Loss of samples without labels"""
    sector_growth: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Share of the iterations in which sectors widen from broadside to the full interval"""
    temperature_scale: Positive = 1.0
    """Inverse temperature of the softmax times the noise level of a cell"""
    cutoff: Positive = 90.0
    """Cut-off of GOSPA [m]"""
    validation: Validation | None = None
    """Evaluation during training; null: none"""

    @model_validator(mode="after")
    def _effective(self) -> Training:
        """Refuse fields without effect."""
        reason = dict.fromkeys(_UNUSED[self.objective], f"objective '{self.objective}'")
        if self.labelled_fraction == 1:
            reason["unlabelled"] = "labelled_fraction 1"
        elif self.unlabelled == "reconstruction":
            reason.pop("temperature_scale", None)
        if self.iterations == 0:
            reason["eta"] = "iterations 0"
        for key in sorted(reason.keys() & changed_fields(self)):
            raise ValueError(f"{key} has no effect with {reason[key]}")
        if round(self.labelled_fraction * self.batch_size) == 0:
            raise ValueError(
                f"labelled_fraction of a batch of {self.batch_size} must be at least one sample; "
                f"got {self.labelled_fraction:g}"
            )
        return self
