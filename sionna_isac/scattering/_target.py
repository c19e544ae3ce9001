"""Checked description of the voxels of a target, in their common grid."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.constants import c

from sionna_isac.core import checks
from sionna_isac.scattering.dipole import point_list
from sionna_isac.scattering.errors import CoarseGridWarning
from sionna_isac.scattering.green import MAX_CELLS
from sionna_isac.scattering.material import partial_contrast

__all__ = ["FACE", "Voxels", "find_grid"]

OFF_CENTRE = 1e-3  # of a voxel: rounding of single precision, nothing more
FACE = 1e-9  # of a voxel: points that close to a face belong to the cells of both sides
WARN_ABOVE = 1 / 6  # wavelengths per voxel
REFUSE_ABOVE = 1 / 4


class Voxels(NamedTuple):
    """Voxels of a target in their bounding box, without their material."""

    positions: np.ndarray
    """[N, 3], centres [m]"""
    cells: np.ndarray
    """[N, 3], indices in the box"""
    shape: tuple[int, int, int]
    """Of the box"""
    voxel_size: float
    """[m]"""
    fill: np.ndarray | None = None
    """[N], filled part; `None` if all are whole"""
    normals: np.ndarray | None = None
    """[N, 3], unit normals of the surface in partly filled voxels"""

    @classmethod
    def checked(
        cls, positions: Any, voxel_size: float, fill: Any = None, normals: Any = None
    ) -> Voxels:
        """Voxels from user input."""
        size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
        grid = find_grid(point_list("positions", positions), size)
        if fill is not None:
            fill = checks.vector("fill", fill, len(grid.positions))
            partial_contrast(0, fill)  # checks the range
            if not np.any(fill > 0):
                raise ValueError("fill must be > 0 in at least one voxel; got 0 in all")
            return grid._replace(fill=fill, normals=_unit(normals, grid, fill))
        if normals is not None:
            raise ValueError("normals must go with fill: they orient partly filled voxels")
        return grid

    def subset(self, keep: np.ndarray) -> Voxels:
        """Those of the voxels, in their own bounding box."""
        index = self.cells[keep]
        index = index - index.min(0)
        fill, normals = (None if v is None else v[keep] for v in (self.fill, self.normals))
        size = self.voxel_size
        return Voxels(self.positions[keep], index, _shape(index), size, fill, normals)

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

    def check_clear(self, name: str, points: np.ndarray) -> None:
        """Raise an error if antennas [M, 3] are inside the target."""
        inside = self.holds(points)
        if np.any(inside):
            raise ValueError(
                f"{name} must lie outside the voxels; got {int(inside.sum())} of {len(inside)} "
                f"inside, the first one at {points[int(np.argmax(inside))]} m"
            )

    def check_resolution(self, frequency: float, allow_coarse: bool) -> None:
        """Warn of grids that are coarse at a frequency, and raise an error for very coarse ones."""
        part = self.voxel_size * frequency / c
        text = f"{part:.3g} wavelengths at {frequency:g} Hz ({self.voxel_size:g} m)"
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
                stacklevel=5,
            )


def find_grid(positions: np.ndarray, voxel_size: float) -> Voxels:
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
    return Voxels(positions, index, shape, voxel_size)


def _fill_normals(grid: Voxels, fill: np.ndarray) -> np.ndarray:
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


def _unit(normals: Any, grid: Voxels, fill: np.ndarray) -> np.ndarray:
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
