"""Checked description of a target."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.constants import c, epsilon_0

from sionna_isac.core import checks
from sionna_isac.scattering._grid import VoxelGrid, fill_normals, find_grid
from sionna_isac.scattering.dipole import point_list
from sionna_isac.scattering.errors import CoarseGridWarning
from sionna_isac.scattering.material import (
    contrast,
    effective_conductivity,
    partial_contrast,
    permittivities,
)

__all__ = ["Target"]

WARN_ABOVE = 1 / 6  # wavelengths a voxel
REFUSE_ABOVE = 1 / 4
METAL = 1e3  # S/m, as of scene.Material.opaque


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
    estimate = fill_normals(grid, fill)
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
