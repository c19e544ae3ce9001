"""Checked description of a target: voxels on a regular grid, and their material."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.constants import c, epsilon_0

from sionna_isac.core import checks
from sionna_isac.scattering.dipole import point_list
from sionna_isac.scattering.errors import CoarseGridWarning
from sionna_isac.scattering.green import MAX_CELLS
from sionna_isac.scattering.material import (
    contrast,
    effective_conductivity,
    partial_contrast,
    permittivities,
)

__all__ = ["Target", "VoxelGrid", "find_grid"]

OFF_CENTRE = 1e-3  # of a voxel: rounding of single precision, nothing more
FACE = 1e-9  # of a voxel: points that close to a face belong to the cells of both sides
WARN_ABOVE = 1 / 6  # wavelengths a voxel
REFUSE_ABOVE = 1 / 4
METAL = 1e3  # S/m, as of scene.Material.opaque


class VoxelGrid(NamedTuple):
    """Voxels in the bounding box of a target."""

    positions: np.ndarray
    """[N, 3], centres [m]"""
    cells: np.ndarray
    """[N, 3], indices in the box"""
    shape: tuple[int, int, int]
    """Of the box"""
    voxel_size: float
    """[m]"""

    def subset(self, keep: np.ndarray) -> VoxelGrid:
        """Those of the voxels, in their own bounding box."""
        index = self.cells[keep]
        index = index - index.min(0)
        return VoxelGrid(self.positions[keep], index, _shape(index), self.voxel_size)

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Mask of points [M, 3] that lie in a voxel (on its boundary, too)."""
        occupied = np.zeros(self.shape, bool)
        occupied[tuple(self.cells.T)] = True
        origin = self.positions[0] - self.cells[0] * self.voxel_size
        place = (points - origin) / self.voxel_size
        inside = np.zeros(len(points), bool)
        for side in (-FACE, FACE):
            near = np.rint(place + side).astype(np.int64)
            within = np.all((near >= 0) & (near < self.shape), axis=1)
            inside[within] |= occupied[tuple(near[within].T)]
        return inside


def find_grid(positions: np.ndarray, voxel_size: float) -> VoxelGrid:
    """Grid whose cells have the positions as centres; an error if there is none."""
    positions = point_list("positions", positions)
    cells = (positions - positions.min(0)) / voxel_size
    index = np.rint(cells)
    off = float(np.max(np.abs(cells - index)))
    if off > OFF_CENTRE:
        raise ValueError(
            "positions must be voxel centres of one grid along x, y and z with spacing voxel_size "
            f"= {voxel_size:g} m; got a voxel off by {off:.2g} of a voxel (keep the grid "
            "in the frame of the target and move the antennas instead)"
        )
    shape = _shape(index)
    if np.prod([float(n) for n in shape]) > MAX_CELLS:
        raise ValueError(
            f"positions must have a bounding box of at most {MAX_CELLS} cells of voxel_size "
            f"{voxel_size:g} m; got {' x '.join(str(n) for n in shape)}, with kernels of about "
            f"{400 * math.prod(shape) / 2**30:.3g} GiB (are both in m?)"
        )
    index = index.astype(np.int64)
    flat = np.ravel_multi_index(tuple(index.T), shape)
    if len(np.unique(flat)) < len(flat):
        raise ValueError(
            "positions must differ by voxels; got "
            f"{len(flat) - len(np.unique(flat))} voxels more than once"
        )
    return VoxelGrid(positions, index, shape, voxel_size)


def _fill_normals(grid: VoxelGrid, fill: np.ndarray) -> np.ndarray:
    """Unit normals [N, 3] out of the target, from the Sobel gradient of the fill [N]."""
    box = np.zeros(grid.shape)
    cells = tuple(grid.cells.T)
    box[cells] = fill
    gradient = np.stack(
        [-ndimage.sobel(box, axis, mode="constant")[cells] for axis in range(3)], axis=-1
    )
    length = np.linalg.norm(gradient, axis=-1, keepdims=True)
    # Without a gradient, as in a thin symmetric sheet, any direction is as good as another
    flat = length[:, 0] <= 1e-12
    gradient[flat], length[flat] = (1.0, 0.0, 0.0), 1.0
    return gradient / length


def _shape(index: np.ndarray) -> tuple[int, int, int]:
    nx, ny, nz = (int(n) + 1 for n in index.max(0))
    return nx, ny, nz


@dataclass(frozen=True, eq=False)
class Target:
    """Voxels that differ from free space, in their bounding box."""

    grid: VoxelGrid
    permittivity: np.ndarray
    conductivity: np.ndarray
    fill: np.ndarray | None
    normals: np.ndarray | None
    effective_metal: bool = False

    @classmethod
    def checked(
        cls,
        positions: Any,
        voxel_size: float,
        permittivity: Any,
        conductivity: Any,
        fill: Any = None,
        normals: Any = None,
        *,
        metal: str = "exact",
        keep_empty: bool = False,
    ) -> Target:
        """Target from user input; voxels of free space are left out unless ``keep_empty``."""
        size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
        grid = find_grid(point_list("positions", positions), size)
        num = len(grid.positions)
        permittivity = permittivities(permittivity)
        if permittivity.shape != (num,):
            raise ValueError(
                f"permittivity must have shape [{num}]; got shape {list(permittivity.shape)}"
            )
        conductivity = checks.vector("conductivity", conductivity, num)
        metal = checks.one_of("metal", metal, ("exact", "effective"))
        solid = contrast(permittivity, conductivity, 1e9) != 0
        if fill is not None:
            fill = checks.vector("fill", fill, num)
            partial_contrast(0, fill)  # checks the range
            solid &= fill > 0
            normals = _unit(normals, grid, fill)
        elif normals is not None:
            raise ValueError("normals must go with fill: they orient partly filled voxels")
        if not np.any(solid):
            raise ValueError("permittivity and conductivity must make a target: all is free space")
        if keep_empty:
            solid[:] = True
        return cls(
            grid.subset(solid),
            permittivity[solid],
            conductivity[solid],
            None if fill is None else fill[solid],
            None if normals is None else normals[solid],
            metal == "effective",
        )

    def contrast(self, frequency: float) -> np.ndarray:
        """Contrast [N] of the material."""
        if not self.effective_metal:
            return contrast(self.permittivity, self.conductivity, frequency)
        # all losses are capped, whether they were given as conductivity or as permittivity
        losses = self.conductivity - 2 * np.pi * frequency * epsilon_0 * self.permittivity.imag
        capped = effective_conductivity(losses, self.grid.voxel_size, frequency)
        return contrast(self.permittivity.real, capped, frequency)

    def has_metal(self, frequency: float) -> bool:
        """`True` if a cap on the conductivity would change the material."""
        losses = self.conductivity - 2 * np.pi * frequency * epsilon_0 * self.permittivity.imag
        return not self.effective_metal and bool(np.max(losses) > METAL)

    def check_resolution(self, frequency: float, allow_coarse: bool) -> float:
        """Voxels a wavelength in free space; warns of coarse grids, refuses very coarse ones."""
        part = self.grid.voxel_size * frequency / c
        text = f"{part:.3g} wavelengths at {frequency:g} Hz ({self.grid.voxel_size:g} m)"
        if part > REFUSE_ABOVE * (1 + 1e-9) and not allow_coarse:
            raise ValueError(
                "voxel_size must be at most 1/4 wavelength, unless allow_coarse=True accepts that "
                f"the response is that of coupled cells, not of the smooth body; got {text}"
            )
        if part > WARN_ABOVE * (1 + 1e-9):
            warnings.warn(
                f"voxel_size is {text}: above 1/6 the response has not converged to that of the "
                "smooth body",
                CoarseGridWarning,
                stacklevel=4,
            )
        return 1 / part

    def check_clear(self, name: str, points: np.ndarray) -> None:
        """Refuse antennas [M, 3] inside the target."""
        inside = self.grid.holds(points)
        if np.any(inside):
            raise ValueError(
                f"{name} must lie outside the voxels; got {int(inside.sum())} of {len(inside)} "
                f"inside, the first one at {points[int(np.argmax(inside))]} m"
            )


def _unit(normals: Any, grid: VoxelGrid, fill: np.ndarray) -> np.ndarray:
    """Unit normals [N, 3]; where none is given and the voxel not full, that of the fill."""
    estimate = _fill_normals(grid, fill)
    if normals is None:
        return estimate
    normals = checks.finite("normals", checks.floats("normals", normals))
    if normals.shape != (len(fill), 3):
        raise ValueError(
            f"normals must have shape [{len(fill)}, 3]; got shape {list(normals.shape)}"
        )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    # those of length 1 stay as they are to the last digit: a layer is made again from its own
    given = normals / np.where((length > 0) & (abs(length - 1) > 1e-12), length, 1)
    return np.where((length == 0) & (fill[:, np.newaxis] < 1), estimate, given)
