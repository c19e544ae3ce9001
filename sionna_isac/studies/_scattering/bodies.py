"""Responses of spheres, and vehicles by category, for studies of scattering."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

import sionna_isac
from sionna_isac.studies._scattering.blocks import (
    AccuracyScenario,
    PlacedVehicle,
    Sphere,
    VoxelMethod,
)

__all__ = ["respond", "vehicle"]


def respond(
    scenario: AccuracyScenario,
    sphere: Sphere,
    method: VoxelMethod,
    radius: float,
    voxel_size: float,
    *antennas: Any,
) -> Any:
    """Response of a voxelised sphere between antennas, with figures of the solver."""
    scene, scattering = sionna_isac.scene, sionna_isac.scattering
    body = scene.voxel_sphere(radius, voxel_size, sphere.permittivity, sphere.conductivity)
    kept = body.fill >= (0 if method.partial else 0.5)
    fill = body.fill if method.partial else np.ones(body.num_voxels)
    with warnings.catch_warnings():
        # the study compares coarse voxels, too
        warnings.simplefilter("ignore", scattering.CoarseGridWarning)
        return scattering.volume_response(
            body.positions[kept],
            voxel_size,
            body.permittivity[kept],
            body.conductivity[kept],
            [sphere.frequency],
            *antennas,
            fill=fill[kept],
            normals=body.normals[kept],
            kernel=method.kernel,
            tolerance=scenario.tolerance,
            precision=scenario.precision,
            allow_coarse=True,
            return_info=True,
        )


def vehicle(body: PlacedVehicle, voxel_size: float, array_height: float) -> Any:
    """Voxels of a vehicle on the ground, in front of an array at a height."""
    names = {"car": "ParametricCar", "motorbike": "ParametricMotorbike"}
    family = getattr(sionna_isac.scene, names[body.category])
    azimuth, heading = math.radians(body.azimuth_deg), math.radians(body.heading_deg)
    target = family(seed=body.seed).voxelize(voxel_size)
    return target.placed_at(body.range, azimuth, heading, -array_height)
