"""Scatterers of the bodies of scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.bound import ExtendedTarget
from sionna_isac.scene import FourierSurface
from sionna_isac.studies._extended.blocks import Division

__all__ = ["body_surface", "body_target"]


def body_target(body: Any, division: Division, **pose: Any) -> ExtendedTarget:
    """Scatterers of a body at a pose, whose weights sum to one.

    Parameters
    ----------
    body : :data:`Body`
        Fields of the body
    division : :class:`Division`
        Cells of its surface
    range, azimuth, elevation, orientation : `float` | [...], array_like
        Pose [m], [rad]; a point target has no orientation

    Output
    ------
    : :class:`~sionna_isac.bound.ExtendedTarget`
        Target, or a batch of them
    """
    if body.kind == "point":
        place: Any = np.broadcast_arrays(*(pose[n] for n in ("range", "azimuth", "elevation")))
        return ExtendedTarget.point(*place)
    found = body_surface(body).scatterers(
        **pose, cells=division.cells, subdivision=division.subdivision, area=division.area
    )
    shape = found.weights.shape[:-1]
    return ExtendedTarget(*found, **{n: np.broadcast_to(v, shape) for n, v in pose.items()})


def body_surface(body: Any) -> FourierSurface:
    """Surface of a body that is no point."""
    if body.kind == "cuboid":
        length, width, height = body.size
        return FourierSurface.fit_cuboid(length, width, height, body.order)
    if body.kind == "ellipsoid":
        return FourierSurface.fit_ellipsoid(*body.size)
    return FourierSurface.fit_drone(body.arm, body.height)
