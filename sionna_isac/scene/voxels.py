"""Targets as voxels, their poses and labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.scene._arrays import each, indices, triples, unit_or_zero

__all__ = ["CATEGORIES", "TargetLabel", "VoxelTarget"]

CATEGORIES = ("motorbike", "car")
"""Categories of targets; a label holds the index of one of them."""
MAX_CELLS = 1 << 26  # of the bounding box


class TargetLabel(NamedTuple):
    """Label of a target, Eq. (22) of [Zhao26]_.

    Attributes
    ----------
    category : `int`
        Index of the category in :data:`CATEGORIES`, from 0
    range : `float`
        Distance of the target's centre from the origin, in the horizontal plane [m]
    azimuth : `float`
        Azimuth of the centre from the x axis, counter-clockwise [rad]
    """

    category: int
    range: float
    azimuth: float


@cites("Zhao26")
@dataclass(frozen=True, eq=False)
class VoxelTarget:
    r"""A target of cubic voxels in a body frame, and the pose of this frame in the world.

    The body frame has x ahead, y to the left and z up. A solver keeps the voxels there, on their
    axis-parallel grid, and takes the antennas into that frame by :meth:`to_body` (points) and
    :meth:`direction_to_body` (moments, polarisations): its kernels then hold for all placements.

    Parameters
    ----------
    positions : [num_voxels, 3], array_like
        Centres of the voxels in the body frame [m], all on one grid
    voxel_size : `float`
        Edge length :math:`d` of the voxels [m]
    permittivity : `float` or [num_voxels], array_like
        Relative permittivity of the material, at least 1
    conductivity : `float` or [num_voxels], array_like
        Conductivity of the material, not negative [S/m]
    fill : `float` or [num_voxels], array_like, (default 1)
        Fraction of the voxel that holds the material, in (0, 1]
    normals : `None` (default) | [num_voxels, 3], array_like
        Outward unit normals at the boundary, 0 inside and where there is no side to point to.
        `None` is 0 everywhere.
    part : `int` or [num_voxels], array_like, (default 0)
        Part of the target that the voxel belongs to
    part_names : sequence of `str`, (default ("target",))
        Names of the parts
    category : `None` (default) | `str`
        Category of the target; a label needs one of :data:`CATEGORIES`
    position : [3], array_like, (default 0)
        Origin of the body frame in the world [m]
    heading : `float`, (default 0)
        Direction of the body's x axis, counter-clockwise from that of the world [rad]

    Raises
    ------
    ValueError
        If the voxels are not on one grid or not distinct, or an array has a wrong shape, is not
        finite or out of range

    Example
    -------
    >>> target = isac.scene.ParametricCar(seed=1).voxelize(0.1)
    >>> target = target.placed_at(range=12.0, azimuth=0.3, heading=1.2)
    >>> target.label
    """

    positions: np.ndarray
    voxel_size: float
    permittivity: np.ndarray
    conductivity: np.ndarray
    fill: np.ndarray = 1.0  # type: ignore[assignment]  # of all voxels
    normals: np.ndarray = None  # type: ignore[assignment]
    part: np.ndarray = 0  # type: ignore[assignment]
    part_names: tuple[str, ...] = ("target",)
    category: str | None = None
    position: np.ndarray = (0.0, 0.0, 0.0)  # type: ignore[assignment]
    heading: float = 0.0

    def __post_init__(self) -> None:
        positions = checks.finite("positions", checks.floats("positions", self.positions))
        if positions.ndim != 2 or positions.shape[1] != 3 or not len(positions):
            raise ValueError(
                f"positions must have shape [num_voxels, 3]; got shape {list(positions.shape)}"
            )
        number = len(positions)
        names = tuple(str(n) for n in self.part_names)
        if self.category is not None and not isinstance(self.category, str):
            raise TypeError(f"category must be a string or None; got {self.category!r}")
        values = {
            "positions": positions,
            "voxel_size": checks.real("voxel_size", self.voxel_size, minimum=0, exclusive=True),
            "permittivity": each("permittivity", self.permittivity, number, 1, math.inf),
            "conductivity": each("conductivity", self.conductivity, number, 0, math.inf),
            "fill": each("fill", self.fill, number, 0, 1),
            "normals": unit_or_zero(self.normals, number),
            "part": indices(self.part, number, len(names)),
            "part_names": names,
            "position": checks.vector("position", self.position, 3),
            "heading": checks.heading("heading", self.heading),
        }
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value = value.copy()
                value.flags.writeable = False
            object.__setattr__(self, name, value)
        steps = (positions - positions.min(0)) / self.voxel_size
        off = float(np.abs(steps - np.rint(steps)).max())
        if off > 1e-3:
            raise ValueError(
                f"positions must lie on one grid of voxel_size {self.voxel_size:g} m; "
                f"some are off by {off:.2g} voxels"
            )
        box = np.ptp(positions, axis=0) / self.voxel_size + 1
        if box.prod() > MAX_CELLS:
            raise ValueError(
                f"positions must have a bounding box of at most {MAX_CELLS} cells of voxel_size "
                f"{self.voxel_size:g} m; got {' x '.join(f'{n:.6g}' for n in np.rint(box))} "
                "(are both in m?)"
            )
        twice = number - len(np.unique(np.ravel_multi_index(tuple(self.cells.T), self.shape)))
        if twice:
            raise ValueError(f"positions must be distinct; got {twice} more than once")

    def __repr__(self) -> str:
        size = " x ".join(f"{n:.2f}" for n in self.bounds[1] - self.bounds[0])
        return (
            f"VoxelTarget({self.category or 'target'}, {size} m, {self.num_voxels} voxels of "
            f"{self.voxel_size:g} m, parts {', '.join(self.part_names)})"
        )

    @property
    def num_voxels(self) -> int:
        """`int` : Number of voxels"""
        return len(self.positions)

    @cached_property
    def cells(self) -> np.ndarray:
        """[num_voxels, 3], `int` : Place of the voxels in the smallest grid that holds them"""
        low = self.positions.min(0)
        return np.rint((self.positions - low) / self.voxel_size).astype(np.int64)

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(`int`, `int`, `int`) : Number of cells of that grid along x, y and z"""
        nx, ny, nz = (int(n) + 1 for n in self.cells.max(0))
        return nx, ny, nz

    @cached_property
    def bounds(self) -> np.ndarray:
        """[2, 3], `np.float64` : Lowest and highest corner of all voxels, body frame [m]"""
        half = self.voxel_size / 2
        return np.stack([self.positions.min(0) - half, self.positions.max(0) + half])

    @property
    def volume(self) -> float:
        """`float` : Volume of the material [m^3]"""
        return float(self.fill.sum()) * self.voxel_size**3

    @property
    def center(self) -> np.ndarray:
        r"""[3], `np.float64` : Geometric centre :math:`\mathbf{r}_{ctr}` of the support in the
        world [m], Eq. (21) of [Zhao26]_; each voxel counts with its fill, whatever its material.
        The support is that of the voxels: of metals the shell alone.
        """
        return self.to_world(self._body_center)

    @property
    def label(self) -> TargetLabel:
        """:class:`TargetLabel` : Category, and range and azimuth of the centre

        The sensing plane of Eq. (22) of [Zhao26]_ is the horizontal one: the projection drops z.
        """
        checks.one_of("category", self.category, CATEGORIES)
        x, y, _ = self.center
        return TargetLabel(CATEGORIES.index(str(self.category)), math.hypot(x, y), math.atan2(y, x))

    def grid(self, values: Any, outside: Any = 0) -> np.ndarray:
        """Values of the voxels as an array over the whole grid.

        Parameters
        ----------
        values : [num_voxels, ...], array_like
            Values
        outside : `float`, (default 0)
            Value of the cells that are not voxels of the target

        Output
        ------
        : [nx, ny, nz, ...]
            Values on the grid :attr:`shape`
        """
        values = np.asarray(values)
        if not values.ndim or len(values) != self.num_voxels:
            raise ValueError(
                f"values must have shape [{self.num_voxels}, ...]; got {list(values.shape)}"
            )
        dense = np.full(self.shape + values.shape[1:], outside, values.dtype)
        dense[tuple(self.cells.T)] = values
        return dense

    def placed(self, position: Any, heading: float = 0.0) -> VoxelTarget:
        """The target with the origin of its body frame at ``position`` [3] and this ``heading``."""
        return replace(self, position=position, heading=heading)

    def placed_at(
        self,
        range: float,
        azimuth: float,
        heading: float = 0.0,
        height: float = 0.0,
    ) -> VoxelTarget:
        """The target with its centre, not its origin, at a range and azimuth, as in its label.

        Parameters
        ----------
        range : `float`
            Horizontal distance of the centre from the origin of the world [m]
        azimuth : `float`
            Azimuth of the centre [rad]
        heading : `float`, (default 0)
            Direction of the body's x axis [rad]
        height : `float`, (default 0)
            Height of the body frame's origin, of vehicles the ground [m]

        Output
        ------
        : :class:`VoxelTarget`
            The same voxels, placed
        """
        range = checks.real("range", range, minimum=0)
        azimuth = checks.heading("azimuth", azimuth)
        turned = self.placed([0.0, 0.0, checks.real("height", height)], heading)
        wanted = range * np.array([math.cos(azimuth), math.sin(azimuth)])
        return turned.placed([*(wanted - turned.center[:2]), height], heading)

    def perturbed(self, seed: int, spread: float = 0.2) -> VoxelTarget:
        """The same shape of other materials: each part's contrast times a draw.

        The permittivity's part of the contrast, eps_r - 1, and the conductivity are multiplied by
        factors that are uniform on [1 - spread, 1 + spread] and drawn for each part.

        Parameters
        ----------
        seed : `int`
            Seed of the draw
        spread : `float`, (default 0.2)
            Largest relative change, in [0, 1)

        Output
        ------
        : :class:`VoxelTarget`
            Target of the drawn materials
        """
        seed = checks.integer("seed", seed, minimum=0)
        spread = checks.real("spread", spread, minimum=0, maximum=0.999)
        unit = np.random.Generator(np.random.PCG64(seed)).random([len(self.part_names), 2])
        factor = (1 + spread * (2 * unit - 1))[self.part]
        return replace(
            self,
            permittivity=1 + (self.permittivity - 1) * factor[:, 0],
            conductivity=self.conductivity * factor[:, 1],
        )

    def to_world(self, points: Any) -> np.ndarray:
        """Points [..., 3] of the body frame in the world [m]."""
        return self.direction_to_world(checks.floats("points", points)) + self.position

    def to_body(self, points: Any) -> np.ndarray:
        """Points [..., 3] of the world, such as antennas, in the body frame [m]."""
        return self.direction_to_body(triples(checks.floats("points", points)) - self.position)

    def direction_to_world(self, vectors: Any) -> np.ndarray:
        """Real or complex vectors [..., 3] of the body frame in the world: turned, not moved."""
        return triples(vectors) @ self.rotation.T

    def direction_to_body(self, vectors: Any) -> np.ndarray:
        """Real or complex vectors [..., 3] of the world, such as moments, in the body frame."""
        return triples(vectors) @ self.rotation

    @property
    def rotation(self) -> np.ndarray:
        """[3, 3], `np.float64` : Turns a vector of the body frame into that of the world"""
        c, s = math.cos(self.heading), math.sin(self.heading)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

    @cached_property
    def _body_center(self) -> np.ndarray:
        return self.fill @ self.positions / self.fill.sum()
