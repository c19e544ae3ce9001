"""The regular grid behind a list of voxels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from sionna_isac.scattering.dipole import point_list

__all__ = ["VoxelGrid", "fill_normals", "find_grid"]

OFF_CENTRE = 1e-3  # of a voxel: rounding of single precision, nothing more
MAX_CELLS = 1 << 24
FACE = 1e-9  # of a voxel: points that close to a face belong to the cells of both sides


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


def fill_normals(grid: VoxelGrid, fill: np.ndarray) -> np.ndarray:
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
