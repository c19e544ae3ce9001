"""Spheres as voxels: targets with an exact solution."""

from __future__ import annotations

import math

import numpy as np

from sionna_isac.core import checks
from sionna_isac.scene.voxels import VoxelTarget

__all__ = ["voxel_sphere"]

PARTS = 8  # a voxel's edge is divided into, for its fill


def voxel_sphere(
    radius: float, voxel_size: float, permittivity: float, conductivity: float = 0.0
) -> VoxelTarget:
    """Sphere as voxels about the origin, for comparisons with the Mie series.

    Voxels on the boundary are filled in part, so that the volume is that of the sphere, and know
    the direction of the boundary.

    Parameters
    ----------
    radius : `float`
        Radius [m]
    voxel_size : `float`
        Edge length of the voxels, at most the diameter [m]
    permittivity : `float`
        Relative permittivity, at least 1
    conductivity : `float`, (default 0)
        Conductivity [S/m]

    Output
    ------
    : :class:`VoxelTarget`
        Target whose normals point away from the centre, everywhere

    Example
    -------
    >>> sphere = isac.scene.voxel_sphere(0.1, 0.01, permittivity=3.0)
    """
    radius = checks.real("radius", radius, minimum=0, exclusive=True)
    voxel_size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
    if voxel_size > 2 * radius * (1 + 1e-9):
        raise ValueError(
            f"voxel_size must be at most the diameter, {2 * radius:g} m; got {voxel_size:g}"
        )
    cells = math.ceil(2 * radius / voxel_size * (1 - 1e-9))
    axis = (np.arange(cells) - (cells - 1) / 2) * voxel_size
    fine = axis[:, np.newaxis] + ((np.arange(PARTS) + 0.5) / PARTS - 0.5) * voxel_size
    square = fine.ravel() ** 2
    inside = square[:, np.newaxis, np.newaxis] + square[:, np.newaxis] + square <= radius**2
    fill = inside.reshape([cells, PARTS] * 3).mean((1, 3, 5))
    positions = axis[np.argwhere(fill > 0)]
    distance = np.linalg.norm(positions, axis=1, keepdims=True)
    normals = np.where(distance > 0, positions / np.maximum(distance, 1e-300), [0.0, 0.0, 1.0])
    filled = fill[fill > 0]
    return VoxelTarget(
        positions,
        voxel_size,
        np.full(filled.size, checks.real("permittivity", permittivity, minimum=1)),
        np.full(filled.size, checks.real("conductivity", conductivity, minimum=0)),
        filled,
        normals,
    )
