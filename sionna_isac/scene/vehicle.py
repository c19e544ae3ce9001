"""Vehicles of drawn dimensions and materials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sionna_isac.core import checks
from sionna_isac.scene._shapes import Shape, union
from sionna_isac.scene._voxelize import Part, Windows, shape_coverage, voxelize
from sionna_isac.scene.material import MATERIALS, Material, checked
from sionna_isac.scene.voxels import CATEGORIES, VoxelTarget

__all__ = ["ParametricVehicle", "Solid"]


class Solid(NamedTuple):
    """A part of a vehicle: its name, that of its material, its shape, windows in its skin."""

    name: str
    material: str
    shape: Shape
    windows: Windows | None = None
    indoors: bool = False


class ParametricVehicle:
    """A vehicle whose dimensions and materials are drawn from intervals, by its seed.

    The body frame has x ahead, y to the left and z up; its origin lies on the ground, in the middle
    of the vehicle. The seed decides alone: neither the voxel size nor overrides of other values
    change what is drawn. Materials are those of 4.9 GHz, drawn from
    :data:`~sionna_isac.scene.MATERIALS`: metal and glass after [P2040]_, with contrasts varied by
    20 %, rubber and plastic from ranges of usual values.

    Parameters
    ----------
    seed : `int`, (default 0)
        Seed of the draw
    materials : `None` (default) | `dict`
        Pairs (relative permittivity, conductivity [S/m]) that replace drawn materials, by name
    overrides
        Dimensions that replace drawn ones [m], by name, within :attr:`INTERVALS`

    Raises
    ------
    TypeError, ValueError
        If a name is not known or a value is not allowed
    """

    INTERVALS: ClassVar[dict[str, tuple[float, float]]] = {}
    """Smallest and largest value of each dimension [m]"""
    category: ClassVar[str]
    """Category of the vehicle, one of :data:`~sionna_isac.scene.CATEGORIES`"""
    _materials: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, seed: int = 0, *, materials: Mapping[str, Any] | None = None, **overrides: float
    ) -> None:
        self.seed = checks.integer("seed", seed, minimum=0)
        for name in overrides:
            checks.one_of("dimension", name, self.INTERVALS)
        for name in materials or {}:
            checks.one_of("material", name, self._materials)
        # One stream for each kind of draw: more dimensions would not change the materials. Only raw
        # doubles of a named generator are used: later versions of NumPy draw the same vehicles.
        sizes, matter, options = (
            np.random.Generator(np.random.PCG64([CATEGORIES.index(self.category), seed, kind]))
            for kind in range(3)
        )
        self.dimensions: dict[str, float] = {}
        for name, (low, high) in self.INTERVALS.items():
            drawn = low + (high - low) * float(sizes.random())
            value = checks.real(name, overrides.get(name, drawn), minimum=low, maximum=high)
            self.dimensions[name] = value
            setattr(self, name, value)
        self.materials: dict[str, Material] = {}
        for name in self._materials:
            drawn_material = MATERIALS[name].at(*matter.random(2).tolist())
            self.materials[name] = checked(name, (materials or {}).get(name, drawn_material))
        self._chance = float(options.random())

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={value:.3f}" for name, value in self.dimensions.items())
        return f"{type(self).__name__}(seed={self.seed}{self._options()}, {sizes})"

    @property
    def bounds(self) -> np.ndarray:
        """[2, 3], `np.float64` : Lowest and highest corner in the body frame [m]"""
        whole = union([solid.shape for solid in self._solids()])
        return np.stack([whole.low, whole.high])

    def voxelize(self, voxel_size: float) -> VoxelTarget:
        """The vehicle as voxels.

        Metal is kept as closed shells: the voxels of which it has at least half and that have a
        face outside, as whole voxels, so that no path through faces leads inside. Tubes that are
        thinner than a voxel are chains of voxels. Panes count with the part of the voxel that their
        thickness fills, everything else with the fill that was found by supersampling (at least
        4 x 4 x 4 points per voxel and none further apart than 1 cm). Memory: some 70 bytes per cell
        of the bounding box, 0.1 to 0.2 GB for a car at 2.5 cm.

        Parameters
        ----------
        voxel_size : `float`
            Edge length of the voxels [m]

        Output
        ------
        : :class:`~sionna_isac.scene.VoxelTarget`
            Voxels in the body frame, with materials, fills, normals and parts

        Raises
        ------
        ValueError
            If ``voxel_size`` is not positive, or larger than the vehicle
        """
        parts = [
            Part(
                solid.name,
                self.materials[solid.material],
                partial(shape_coverage, solid.shape),
                solid.shape.spine,
                solid.windows,
                solid.indoors,
            )
            for solid in self._solids()
        ]
        return voxelize(parts, voxel_size, np.diff(self.bounds, axis=0)[0], self.category)

    def _solids(self) -> list[Solid]:
        """Solids of the vehicle."""
        raise NotImplementedError

    def _options(self) -> str:
        """Further drawn values, for the representation."""
        return ""
