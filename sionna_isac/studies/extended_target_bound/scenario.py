"""Scenarios of the bounds of the pose of extended targets over their range."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sionna_isac.studies._extended.blocks import (
    Azimuth,
    Body,
    Division,
    Elevation,
    PlanarArrays,
    Sounding,
)
from sionna_isac.study.blocks import Decibel, Increasing, Positive, Scenario

__all__ = ["ExtendedTargetBoundScenario"]


class ExtendedTargetBoundScenario(Scenario):
    """Root Cramér-Rao bounds of range, angles and orientation, at the same SNR at all ranges.

    The beam points at the centre of the target, and the weights of its scatterers sum to one.
    """

    kind: Literal["extended_target_bound"]
    bodies: Annotated[tuple[Body, ...], Field(min_length=1)]
    """Compared targets, with distinct labels"""
    ranges: Increasing[Positive]
    """Distances of the centre from the array, increasing [m]"""
    elevations_deg: Increasing[Elevation] = (0.0, 20.0, 40.0)
    """Elevations of the centre, increasing [deg]"""
    azimuth_deg: Azimuth = 20.0
    """Azimuth of the centre [deg]"""
    orientation_deg: float = 50.0
    """Direction of the target's x axis in the horizontal plane [deg]"""
    snr_db: Decibel = 0.0
    """Transmit power times path gain over noise power, the same at all ranges [dB]"""
    level: Literal["energy", "resolved"] = "energy"
    """Part of the Fisher information that is kept"""
    arrays: PlanarArrays = PlanarArrays()
    """Arrays"""
    sounding: Sounding = Sounding()
    """Samples of the echo; the noise power has no effect at a given SNR"""
    division: Division = Division(cells=(24, 16))
    """Scatterers of a target"""

    @model_validator(mode="after")
    def _consistent(self) -> ExtendedTargetBoundScenario:
        labels = [body.label for body in self.bodies]
        if len(set(labels)) != len(labels):
            raise ValueError(f"bodies must have distinct labels; got {labels}")
        return self
