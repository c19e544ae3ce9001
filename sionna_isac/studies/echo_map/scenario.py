"""Scenarios of echoes of extended targets and of points in their place."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from sionna_isac.dataset.scenario import CrossArray, Solver, Tones
from sionna_isac.studies._scattering.blocks import PlacedVehicle
from sionna_isac.study.blocks import Frozen, Interval, Scenario

__all__ = ["EchoImage", "EchoMapScenario"]


class EchoImage(Frozen):
    """Points of focus: ranges [m], azimuths [degrees], heights over the ground [m]."""

    range_interval: Interval = (6.0, 14.0)
    """Distances (low, high), above 0 [m]"""
    azimuth_deg: Interval = (-20.0, 20.0)
    """Azimuths (low, high), within (-90, 90) [deg]"""
    height_interval: Interval = (0.0, 1.8)
    """Heights over the ground (low, high) [m]"""
    num_ranges: Annotated[int, Field(ge=2)] = 161
    """Number of distances"""
    num_azimuths: Annotated[int, Field(ge=2)] = 161
    """Number of azimuths"""
    num_heights: Annotated[int, Field(ge=2)] = 19
    """Number of heights"""

    @field_validator("range_interval", "azimuth_deg", "height_interval")
    @classmethod
    def _ordered(cls, value: Interval) -> Interval:
        if not value[0] < value[1]:
            raise ValueError(f"must be (low, high) with low < high; got {value}")
        return value

    @model_validator(mode="after")
    def _in_front(self) -> EchoImage:
        if self.range_interval[0] <= 0 or max(map(abs, self.azimuth_deg)) >= 90:
            raise ValueError(
                "range_interval must be above 0 and azimuth_deg within (-90, 90); "
                f"got {self.range_interval} and {self.azimuth_deg}"
            )
        return self


class EchoMapScenario(Scenario):
    """Echoes of extended targets and of point targets in their place, and images of both."""

    kind: Literal["echo_map"]
    precision: Literal["single", "double"] = "single"
    """Precision of the solution"""
    array: CrossArray = CrossArray()
    """Antennas"""
    waveform: Tones = Tones()
    """Frequencies"""
    solver: Solver = Solver()
    """Computation of the scattered field"""
    targets: Annotated[tuple[PlacedVehicle, ...], Field(min_length=1)]
    """Vehicles, each simulated alone, within the image"""
    image: EchoImage = EchoImage()
    """Points of focus"""

    @property
    def frequencies(self) -> np.ndarray:
        """[num_subcarriers], `np.float64` : Frequencies of the tones [Hz]"""
        return self.waveform.frequencies(self.array.carrier_frequency)

    @model_validator(mode="after")
    def _consistent(self) -> EchoMapScenario:
        low, high = self.image.range_interval
        left, right = self.image.azimuth_deg
        for i, target in enumerate(self.targets):
            if not (low < target.range < high and left < target.azimuth_deg < right):
                raise ValueError(
                    f"targets.{i} must lie within image.range_interval and image.azimuth_deg; got "
                    f"range {target.range:g} and azimuth_deg {target.azimuth_deg:g}"
                )
        return self
