"""Spheres as voxels, and vehicles by category, for studies of scattering."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from scipy.constants import epsilon_0

import sionna_isac

__all__ = ["respond", "sphere_voxels", "vehicle"]

PARTS = 8  # a voxel's edge is divided into, for its fill


def sphere_voxels(radius: float, voxel_size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxels of a sphere about the origin: positions, fill and unit normals.

    Input
    -----
    radius, voxel_size : `float`
        [m]

    Output
    ------
    positions : [N, 3], `np.float64`
        Centres of the voxels [m]
    fill : [N], `np.float64`
        Part of a voxel that is filled
    normals : [N, 3], `np.float64`
        Direction from the centre of the sphere
    """
    cells = math.ceil(2 * radius / voxel_size * (1 - 1e-9))
    axis = (np.arange(cells) - (cells - 1) / 2) * voxel_size
    fine = axis[:, np.newaxis] + ((np.arange(PARTS) + 0.5) / PARTS - 0.5) * voxel_size
    square = fine.ravel() ** 2
    inside = square[:, np.newaxis, np.newaxis] + square[:, np.newaxis] + square <= radius**2
    fill = inside.reshape([cells, PARTS] * 3).mean((1, 3, 5))
    index = np.argwhere(fill > 0)
    positions = axis[index]
    distance = np.linalg.norm(positions, axis=1, keepdims=True)
    normals = np.where(distance > 0, positions / np.maximum(distance, 1e-300), [0.0, 0.0, 1.0])
    return positions, fill[fill > 0], normals


def respond(
    scenario: Any, sphere: Any, method: Any, radius: float, voxel_size: float, *antennas: Any
) -> Any:
    """Response of a voxelised sphere between antennas, with how it was computed."""
    positions, fill, normals = sphere_voxels(radius, voxel_size)
    if not method.partial:
        whole = fill >= 0.5
        positions, fill, normals = positions[whole], np.ones(whole.sum()), normals[whole]
    scattering = sionna_isac.scattering
    number = len(positions)
    with warnings.catch_warnings():
        # how coarse voxels may be is what is studied
        warnings.simplefilter("ignore", scattering.CoarseGridWarning)
        return scattering.volume_response(
            positions,
            voxel_size,
            np.full(number, sphere.permittivity),
            np.full(number, conductivity(sphere)),
            [sphere.frequency],
            *antennas,
            fill=fill,
            normals=normals,
            kernel=method.kernel,
            tolerance=scenario.tolerance,
            precision=scenario.precision,
            allow_coarse=True,
            return_info=True,
        )


def conductivity(sphere: Any) -> float:
    """Conductivity [S/m] of the loss of a sphere."""
    return 2 * math.pi * sphere.frequency * epsilon_0 * sphere.loss


def vehicle(body: Any, voxel_size: float, array_height: float) -> Any:
    """Voxels of a vehicle, placed on the ground before an array at a height."""
    names = {"car": "ParametricCar", "motorbike": "ParametricMotorbike"}
    family = getattr(sionna_isac.scene, names[body.category])
    azimuth, heading = math.radians(body.azimuth_deg), math.radians(body.heading_deg)
    target = family(seed=body.seed).voxelize(voxel_size)
    return target.placed_at(body.range, azimuth, heading, -array_height)
