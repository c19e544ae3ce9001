"""Scenarios of spheres against the Mie series."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sionna_isac.studies._scattering.blocks import AccuracyScenario, Sphere, VoxelMethod, distinct
from sionna_isac.study.blocks import Increasing, Positive

__all__ = ["ScatteringSphereScenario", "SphereGrid"]


class SphereGrid(VoxelMethod):
    """Method on a grid with a number of voxels per diameter."""

    cells: Annotated[int, Field(ge=2)]
    """Voxels per diameter"""

    @property
    def text(self) -> str:
        """`str` : Description"""
        return f"{super().text}, {self.cells} a diameter"


class ScatteringSphereScenario(AccuracyScenario):
    """Radar cross section of a dielectric sphere over its size, and its bistatic pattern."""

    kind: Literal["scattering_sphere"]
    sphere: Sphere = Sphere()
    """Material and frequency"""
    size_parameters: Increasing[Positive]
    """Circumferences over the wavelength, increasing"""
    bistatic_size_parameter: Positive = 3.0
    """Circumference over the wavelength for the bistatic pattern"""
    num_angles: Annotated[int, Field(ge=2)] = 91
    """Number of scattering angles of the pattern, from 0 to 180 degrees"""
    grids: Annotated[tuple[SphereGrid, ...], Field(min_length=1)]
    """Compared methods on grids"""

    @model_validator(mode="after")
    def _consistent(self) -> ScatteringSphereScenario:
        distinct("grids", self.grids)
        largest = max(*self.size_parameters, self.bistatic_size_parameter)
        for i, grid in enumerate(self.grids):
            ratio = math.pi * grid.cells / largest  # kd = 2 ka / cells
            if grid.kernel == "filtered" and ratio <= 2:
                raise ValueError(
                    f"grids.{i}.cells must make more than two voxels a wavelength for the kernel "
                    f"'filtered'; at the size parameter {largest:g} it makes {ratio:.3g}"
                )
        return self
