"""Scenarios of data sets of near-field channels of extended targets."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.dataset.meshes import Meshes
from sionna_isac.study.blocks import (
    Count,
    Frequency,
    Frozen,
    Interval,
    Positive,
    Scenario,
    changed_fields,
    increasing,
)
from sionna_isac.study.errors import ScenarioError

__all__ = ["SPLITS", "Category", "CrossArray", "DatasetScenario", "Solver", "Split", "Tones"]

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Polarization = Literal["y", "z"]


class SplitCounts(Frozen):
    """A number for each split."""

    train: Count
    """Number for training"""
    validation: Count
    """Number for validation"""
    test: Count
    """Number for the test"""


class CrossArray(Frozen):
    """Transmitters along y and receivers along z at half a wavelength, centred at the origin."""

    num_tx: Count = 64
    """Number of transmitters along y"""
    num_rx: Count = 64
    """Number of receivers along z"""
    carrier_frequency: Frequency = 4.9e9
    """Carrier frequency [Hz]"""
    height: Annotated[float, Field(ge=0)] = 1.5  # of the centre above the ground [m]
    """Height of the centre over the ground [m]"""
    tx_polarization: Polarization = "z"
    """Axis of the transmitting dipoles"""
    rx_polarization: Polarization = "z"
    """Axis of the receiving dipoles"""

    @property
    def wavelength(self) -> float:
        """`float` : Carrier wavelength [m]"""
        return SPEED_OF_LIGHT / self.carrier_frequency


class Tones(Frozen):
    """Sensing tones about the carrier: at equal distances, or subcarriers of a larger block.

    Subcarriers of a block are ``bandwidth / block_size`` apart. A set holds all tones that are
    named here; views choose those that a receiver sees (``ChannelDataset.view``).
    """

    num_subcarriers: Count = 16
    """Number of tones"""
    bandwidth: Positive = 100e6
    """Band of all tones; number of tones (or block_size) times the distance between them [Hz]"""
    placement: Literal["uniform"] | tuple[Annotated[int, Field(ge=0)], ...] = "uniform"
    """Equal distances, or numbers of subcarriers of the block, increasing, from 0"""
    block_size: Count | None = None
    """Number of subcarriers of the block that placed tones belong to; null if uniform"""

    @model_validator(mode="after")
    def _placed(self) -> Tones:
        if self.placement == "uniform":
            if self.block_size is not None:
                raise ValueError("block_size has no effect with placement 'uniform'")
            return self
        if self.block_size is None:
            raise ValueError("block_size is required by a placement of subcarriers; got none")
        increasing(self.placement)
        if self.placement[-1] >= self.block_size:
            raise ValueError(
                f"placement must hold numbers below block_size = {self.block_size}; "
                f"got {self.placement[-1]}"
            )
        if len(self.placement) != self.num_subcarriers:
            raise ValueError(
                f"num_subcarriers must be the number of placed tones, {len(self.placement)}; "
                f"got {self.num_subcarriers}"
            )
        return self

    @property
    def subcarriers(self) -> np.ndarray:
        """[num_subcarriers], `np.int64` : Numbers of the tones in their block"""
        if self.placement == "uniform":
            return np.arange(self.num_subcarriers)
        return np.array(self.placement)

    def frequencies(self, carrier: float) -> np.ndarray:
        """[num_subcarriers], `np.float64` : Frequencies about a carrier [Hz]"""
        number = self.block_size or self.num_subcarriers
        return carrier + (self.subcarriers - (number - 1) / 2) / number * self.bandwidth


class Category(Frozen):
    """Category of targets, the family of its instances, and their number in each split."""

    category: Literal["motorbike", "car"]
    """Category, the label of its targets"""
    family: Literal["parametric_motorbike", "parametric_car", "mesh"]
    """Family of the instances: parametric_ and the category, or meshes from files"""
    instances: SplitCounts
    """Number of different vehicles in each split"""
    mesh: Meshes | None = None
    """Files of the family mesh"""

    @model_validator(mode="after")
    def _matches(self) -> Category:
        if self.family not in (f"parametric_{self.category}", "mesh"):
            raise ValueError(
                f"family of the category '{self.category}' must be "
                f"'parametric_{self.category}' or 'mesh'; got '{self.family}'"
            )
        if (self.mesh is not None) != (self.family == "mesh"):
            text = "has no effect with" if self.mesh else "is required, with files, by"
            raise ValueError(f"mesh {text} the family '{self.family}'")
        return self

    @model_serializer(mode="wrap")
    def _stored(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        if self.mesh is None:  # sets that are older than meshes continue
            del values["mesh"]
        return values

    def located(self, folder: Path) -> Category:
        """The same with mesh files that were found, if it has any."""
        if self.mesh is None:
            return self
        mesh = self.mesh.located(folder)
        number = sum(getattr(self.instances, split) for split in SPLITS)
        if len(mesh.files) < number:
            raise ScenarioError(
                f"files must be at least the {number} instances of all splits, as each mesh "
                f"belongs to one split; got {len(mesh.files)}"
            )
        return self.model_copy(update={"mesh": mesh})


class Placement(Frozen):
    """Position of the centre of a target: uniform in range, azimuth and heading."""

    range_interval: Interval = (5.0, 50.0)
    """Distance of the centre of a target (low, high), low >= 4 [m]"""
    azimuth_deg: Interval = (-60.0, 60.0)
    """Azimuth of the centre (low, high), within (-90, 90) [deg]"""
    heading_deg: Interval = (0.0, 360.0)
    """Direction of the target (low, high), at most one turn [deg]"""

    @field_validator("range_interval")
    @classmethod
    def _clear_of_the_array(cls, value: Interval) -> Interval:
        if not 4 <= value[0] <= value[1]:
            raise ValueError(
                "must be (low, high) with 4 <= low <= high, so that no target reaches the array; "
                f"got {value}"
            )
        return value

    @field_validator("azimuth_deg")
    @classmethod
    def _in_front(cls, value: Interval) -> Interval:
        if not -90 < value[0] <= value[1] < 90:
            raise ValueError(f"must be (low, high) with -90 < low <= high < 90; got {value}")
        return value

    @field_validator("heading_deg")
    @classmethod
    def _one_turn(cls, value: Interval) -> Interval:
        if not -360 <= value[0] <= value[1] <= value[0] + 360 or value[1] > 360:
            raise ValueError(
                f"must be (low, high) within [-360, 360] with low <= high <= low + 360; got {value}"
            )
        return value


class Solver(Frozen):
    """Computation of the scattered field; ``approximation: born`` leaves out all interaction."""

    voxel_size: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    """Side of a voxel [m]"""
    kernel: Literal["auto", "filtered", "galerkin", "point"] = "auto"
    """Form of the interaction between voxels; auto: the one for their size"""
    approximation: Literal["born"] | None = None
    """null: all interaction between voxels, born: none"""
    tolerance: Annotated[float, Field(ge=1e-6, le=0.1)] = 1e-5
    """Relative residual of the solution"""
    metal: Literal["exact", "effective"] = "exact"
    """Metal as it is, or with a conductivity that the voxels can resolve"""
    max_iterations: Count = 2000
    """Largest number of iterations of a solution"""

    @model_validator(mode="after")
    def _effective(self) -> Solver:
        if self.approximation:
            for key in sorted({"tolerance", "max_iterations"} & changed_fields(self)):
                raise ValueError(f"{key} has no effect with approximation 'born'")
        return self


class DatasetScenario(Scenario):
    """Channels of extended targets with their labels, for training, validation and test."""

    kind: Literal["dataset"]
    precision: Literal["single", "double"] = "single"
    """Precision of the solution"""
    array: CrossArray = CrossArray()
    """Antennas"""
    waveform: Tones = Tones()
    """Frequencies"""
    targets: Annotated[tuple[Category, ...], Field(min_length=1)]
    """Categories of targets, each at most once"""
    material_spread: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest relative change of the materials of a sample"""
    placement: Placement = Placement()
    """Region of the targets"""
    solver: Solver = Solver()
    """Computation of the scattered field"""
    num_samples: SplitCounts
    """Number of samples in each split, at least one for each category"""
    compression: Literal["none", "gzip"] = "none"
    """Compression of the files"""

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories; labels are indices into them."""
        return tuple(c.category for c in self.targets)

    @property
    def frequencies(self) -> np.ndarray:
        """[num_subcarriers], `np.float64` : Frequencies of the tones [Hz]"""
        return self.waveform.frequencies(self.array.carrier_frequency)

    def located(self, folder: Path) -> DatasetScenario:
        """The same with absolute names and hashes of its mesh files, if it has any."""
        if all(target.mesh is None for target in self.targets):
            return self
        targets = []
        for place, target in enumerate(self.targets):
            try:
                targets.append(target.located(folder))
            except ScenarioError as error:
                raise ScenarioError(f"scenario targets.{place}.mesh: {error}") from None
        return self.model_copy(update={"targets": tuple(targets)})

    @model_validator(mode="after")
    def _consistent(self) -> DatasetScenario:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError(
                f"targets must hold each category at most once; got {list(self.categories)}"
            )
        for split in SPLITS:
            number = getattr(self.num_samples, split)
            if number < len(self.targets):
                raise ValueError(
                    f"num_samples.{split} must be at least one for each of the "
                    f"{len(self.targets)} categories; got {number}"
                )
        if self.waveform.bandwidth > self.array.carrier_frequency:
            raise ValueError(
                "waveform.bandwidth must be at most the carrier frequency; "
                f"got {self.waveform.bandwidth:g}"
            )
        self._check_name()
        return self

    def _check_name(self) -> None:
        """The name of a data set must not promise another resolution or method."""
        size = re.search(r"(?:^|_)(\d+)(mm|cm)(?:_|$)", self.name)
        if size:
            metres = int(size[1]) * {"mm": 1e-3, "cm": 1e-2}[size[2]]
            if not math.isclose(metres, self.solver.voxel_size, rel_tol=1e-6):
                raise ValueError(
                    f"name '{self.name}' says voxels of {size[1]} {size[2]}, solver.voxel_size is "
                    f"{self.solver.voxel_size:g} m: change one of them"
                )
        born = "born" in self.name.split("_")
        if born != (self.solver.approximation == "born"):
            raise ValueError(
                f"name '{self.name}' {'says' if born else 'must say'} born, solver.approximation "
                f"is {self.solver.approximation!r}: change one of them"
            )
