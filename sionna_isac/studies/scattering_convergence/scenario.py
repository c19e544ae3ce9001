"""Scenarios of convergence with the size of voxels."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sionna_isac.dataset.scenario import CrossArray
from sionna_isac.studies._scattering.blocks import (
    AccuracyScenario,
    PlacedVehicle,
    Sphere,
    VoxelMethod,
    distinct,
)
from sionna_isac.study.blocks import Count, Increasing, Positive

__all__ = ["ScatteringConvergenceScenario", "SphereBody", "VehicleBody"]


class SphereBody(Sphere):
    """A sphere between dipoles, each with three moments; distances in wavelengths.

    The order of convergence is fitted from ``fit_from`` voxels a wavelength on.
    """

    kind: Literal["sphere"]
    size_parameter: Positive = 3.0
    """Circumference [wavelengths]"""
    voxels_per_wavelength: Increasing[Positive]
    """Voxels a wavelength of free space, increasing"""
    fit_from: Positive
    """Voxels a wavelength from which the order of convergence is fitted"""
    methods: Annotated[tuple[VoxelMethod, ...], Field(min_length=1)]
    """Methods that are compared"""
    num_antennas: Count = 4
    """Number of dipoles around the sphere"""
    antenna_distance: Annotated[float, Field(ge=1)] = 5.0
    """Distance of the dipoles from the centre [wavelengths]"""

    @model_validator(mode="after")
    def _consistent(self) -> SphereBody:
        distinct("methods", self.methods)
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

    @property
    def radius(self) -> float:
        """`float` : Radius [m]"""
        return self.radius_of(self.size_parameter)


class VehicleBody(PlacedVehicle):
    """A vehicle before the cross array, with voxels of several sizes [m]."""

    kind: Literal["vehicle"]
    voxel_sizes: Annotated[Increasing[Positive], Field(min_length=2)]
    """Sides of voxels, increasing [m]"""
    kernel: Literal["auto", "filtered", "galerkin", "point"] = "auto"
    """Form of the interaction between voxels; auto: the one for their size"""
    array: CrossArray = CrossArray()
    """Antennas"""


class ScatteringConvergenceScenario(AccuracyScenario):
    """Error of the response over the size of voxels, or its change without a reference."""

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
