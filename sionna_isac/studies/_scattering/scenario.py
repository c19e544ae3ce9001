"""Scenarios of scattering: spheres against the Mie series, convergence, maps of echoes."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.dataset.scenario import CrossArray, Solver, Tones
from sionna_isac.study.blocks import Count, Frequency, Frozen, Interval, Positive, Study, increasing

__all__ = [
    "EchoImage",
    "EchoMapScenario",
    "PlacedVehicle",
    "ScatteringConvergenceScenario",
    "ScatteringSphereScenario",
    "Sphere",
    "SphereBody",
    "SphereGrid",
    "VehicleBody",
    "VoxelMethod",
]

Category = Literal["car", "motorbike"]


class VoxelMethod(Frozen):
    """Kernel, and what becomes of voxels that the surface cuts.

    With ``partial`` they have the tensor contrast of their fill; without, those that are at least
    half full are whole and the others are left out.
    """

    kernel: Literal["filtered", "galerkin", "point"] = "filtered"
    """Form of the interaction between voxels"""
    partial: bool = True
    """If true, voxels that the surface cuts have the contrast of their fill"""

    @property
    def text(self) -> str:
        """`str` : Description"""
        return f"{self.kernel}, {'partial' if self.partial else 'whole'} voxels"


class SphereGrid(VoxelMethod):
    """A method on a grid of so many voxels a diameter."""

    cells: Annotated[int, Field(ge=2)]
    """Voxels a diameter"""

    @property
    def text(self) -> str:
        """`str` : Description"""
        return f"{super().text}, {self.cells} a diameter"


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


class SphereBody(Sphere):
    """A sphere between dipoles, each with three moments; distances in wavelengths.

    The order of convergence is fitted from ``fit_from`` voxels a wavelength on.
    """

    kind: Literal["sphere"]
    size_parameter: Positive = 3.0
    """Circumference [wavelengths]"""
    voxels_per_wavelength: tuple[Positive, ...]
    """Voxels a wavelength of free space, increasing"""
    fit_from: Positive
    """Voxels a wavelength from which the order of convergence is fitted"""
    methods: Annotated[tuple[VoxelMethod, ...], Field(min_length=1)]
    """Methods that are compared"""
    num_antennas: Count = 4
    """Number of dipoles around the sphere"""
    antenna_distance: Annotated[float, Field(ge=1)] = 5.0
    """Distance of the dipoles from the centre [wavelengths]"""

    _sorted = field_validator("voxels_per_wavelength")(increasing)

    @model_validator(mode="after")
    def _consistent(self) -> SphereBody:
        _distinct("methods", self.methods)
        coarsest = self.voxels_per_wavelength[0]
        if any(m.kernel == "filtered" for m in self.methods) and coarsest <= 2:
            raise ValueError(
                f"voxels_per_wavelength must be > 2 for the kernel 'filtered'; got {coarsest:g}"
            )
        if sum(v >= self.fit_from for v in self.voxels_per_wavelength) < 2:
            raise ValueError(
                "fit_from must leave two values of voxels_per_wavelength at least to fit; "
                f"got {self.fit_from:g}"
            )
        if self.antenna_distance * 2 * math.pi <= self.size_parameter:
            raise ValueError(
                "antenna_distance must exceed the radius, "
                f"{self.size_parameter / (2 * math.pi):.3g} wavelengths; "
                f"got {self.antenna_distance:g}"
            )
        return self


class PlacedVehicle(Frozen):
    """A vehicle before the array: where its centre is, and its direction."""

    category: Category = "car"
    """Kind of vehicle"""
    seed: Annotated[int, Field(ge=0)] = 1
    """Seed of its dimensions and materials"""
    range: Annotated[float, Field(ge=4)] = 10.0
    """Distance of its centre from the array [m]"""
    azimuth_deg: Annotated[float, Field(gt=-90, lt=90)] = 0.0
    """Azimuth of its centre [deg]"""
    heading_deg: float = 30.0
    """Direction of its front, from the x axis [deg]"""


class VehicleBody(PlacedVehicle):
    """A vehicle before the cross array, with voxels of several sizes [m]."""

    kind: Literal["vehicle"]
    voxel_sizes: Annotated[tuple[Positive, ...], Field(min_length=2)]
    """Sides of voxels, increasing [m]"""
    kernel: Literal["auto", "filtered", "galerkin", "point"] = "auto"
    """Form of the interaction between voxels; auto takes what suits their size"""
    array: CrossArray = CrossArray()
    """Antennas"""

    _sorted = field_validator("voxel_sizes")(increasing)


class _Solved(Study):
    """Common fields of studies of accuracy."""

    tolerance: Annotated[float, Field(ge=1e-10, le=1e-2)] = 1e-6
    """Relative residual of solutions"""
    precision: Literal["single", "double"] = "double"
    """Precision of solutions"""


class ScatteringSphereScenario(_Solved):
    """Radar cross section of a dielectric sphere over its size, and its bistatic pattern."""

    kind: Literal["scattering_sphere"]
    sphere: Sphere = Sphere()
    """Material and frequency"""
    size_parameters: tuple[Positive, ...]
    """Circumferences over the wavelength, increasing"""
    bistatic_size_parameter: Positive = 3.0
    """Circumference over the wavelength for the bistatic pattern"""
    num_angles: Annotated[int, Field(ge=2)] = 91
    """Number of scattering angles of the pattern, from 0 to 180 degrees"""
    grids: Annotated[tuple[SphereGrid, ...], Field(min_length=1)]
    """Methods on grids that are compared"""

    _sorted = field_validator("size_parameters")(increasing)

    @model_validator(mode="after")
    def _consistent(self) -> ScatteringSphereScenario:
        _distinct("grids", self.grids)
        largest = max(*self.size_parameters, self.bistatic_size_parameter)
        for i, grid in enumerate(self.grids):
            ratio = math.pi * grid.cells / largest  # kd = 2 ka / cells
            if grid.kernel == "filtered" and ratio <= 2:
                raise ValueError(
                    f"grids.{i}.cells must make more than two voxels a wavelength for the kernel "
                    f"'filtered'; at the size parameter {largest:g} it makes {ratio:.3g}"
                )
        return self


class ScatteringConvergenceScenario(_Solved):
    """Error of the response over the size of voxels, or its change where there is no truth."""

    kind: Literal["scattering_convergence"]
    bodies: Annotated[
        tuple[Annotated[SphereBody | VehicleBody, Field(discriminator="kind")], ...],
        Field(min_length=1),
    ]
    """Bodies, all spheres or all vehicles, with voxels of the same sizes"""

    @model_validator(mode="after")
    def _alike(self) -> ScatteringConvergenceScenario:
        kinds = {body.kind for body in self.bodies}
        if len(kinds) > 1:
            raise ValueError(f"bodies must be all spheres or all vehicles; got {sorted(kinds)}")
        name = "voxels_per_wavelength" if kinds == {"sphere"} else "voxel_sizes"
        if len({getattr(body, name) for body in self.bodies}) > 1:
            raise ValueError(f"bodies must all have the same {name}")
        return self


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


class EchoMapScenario(Study):
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


def _distinct(name: str, methods: tuple[VoxelMethod, ...]) -> None:
    if len(set(methods)) != len(methods):
        raise ValueError(f"{name} must be distinct; got {[m.text for m in methods]}")
