"""Common groups of fields of scattering scenarios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.constants import epsilon_0

from sionna_isac.study.blocks import Frequency, Frozen, Scenario

__all__ = ["AccuracyScenario", "PlacedVehicle", "Sphere", "VoxelMethod", "distinct"]


class VoxelMethod(Frozen):
    """Kernel, and treatment of voxels that the surface cuts.

    With ``partial`` they have the tensor contrast of their fill; without, voxels that are at least
    half full count as full, the others as empty.
    """

    kernel: Literal["filtered", "galerkin", "point"] = "filtered"
    """Form of the interaction between voxels"""
    partial: bool = True
    """If true, voxels that the surface cuts have the contrast of their fill"""

    @property
    def text(self) -> str:
        """`str` : Description"""
        return f"{self.kernel}, {'partial' if self.partial else 'whole'} voxels"


class Sphere(Frozen):
    """Material of a sphere, relative permittivity ``permittivity - 1j * loss``."""

    permittivity: Annotated[float, Field(ge=1)] = 4.0
    """Relative permittivity, real part"""
    loss: Annotated[float, Field(ge=0)] = 0.0
    """Relative permittivity, minus its imaginary part"""
    frequency: Frequency = 4.9e9
    """Frequency [Hz]"""

    @property
    def wavelength(self) -> float:
        """`float` : Wavelength in free space [m]"""
        return SPEED_OF_LIGHT / self.frequency

    @property
    def conductivity(self) -> float:
        """`float` : Conductivity of the loss [S/m]"""
        return 2 * math.pi * self.frequency * epsilon_0 * self.loss

    @property
    def material(self) -> tuple[float, float, list[float]]:
        """Permittivity, conductivity and frequency, as for the Mie series"""
        return self.permittivity, self.conductivity, [self.frequency]

    def radius_of(self, size_parameter: float) -> float:
        """Radius [m] for a circumference [wavelengths]."""
        return size_parameter * self.wavelength / (2 * math.pi)


class PlacedVehicle(Frozen):
    """Vehicle in front of the array: position of its centre, and heading."""

    category: Literal["car", "motorbike"] = "car"
    """Kind of vehicle"""
    seed: Annotated[int, Field(ge=0)] = 1
    """Seed of its dimensions and materials"""
    range: Annotated[float, Field(ge=4)] = 10.0
    """Distance of its centre from the array [m]"""
    azimuth_deg: Annotated[float, Field(gt=-90, lt=90)] = 0.0
    """Azimuth of its centre [deg]"""
    heading_deg: float = 30.0
    """Direction of its front, from the x axis [deg]"""


class AccuracyScenario(Scenario):
    """Common fields of studies of accuracy."""

    tolerance: Annotated[float, Field(ge=1e-10, le=1e-2)] = 1e-6
    """Relative residual of solutions"""
    precision: Literal["single", "double"] = "double"
    """Precision of solutions"""


def distinct(name: str, methods: Sequence[VoxelMethod]) -> None:
    """Refuse repeated methods."""
    if len(set(methods)) != len(methods):
        raise ValueError(f"{name} must be distinct; got {[m.text for m in methods]}")
