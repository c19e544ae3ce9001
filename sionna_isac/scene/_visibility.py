"""Visible part of a surface: samples in cells, their weights, the pose of the surface."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sionna_isac.core import checks

__all__ = ["AREAS", "EMPTY", "Cells", "Pose", "cell_weights", "facing", "pose_of"]

AREAS = ("projected", "surface")
EMPTY = 1e-12  # share of the whole area below which a cell is dropped


class Pose(NamedTuple):
    """Centres of surfaces seen from the array, and their turns about z; [batch_size] each."""

    range: np.ndarray
    azimuth: np.ndarray
    elevation: np.ndarray
    orientation: np.ndarray

    @property
    def centre(self) -> np.ndarray:
        """[batch_size, 3] : Centres in the world [m]"""
        flat = self.range * np.cos(self.elevation)
        across = [flat * np.cos(self.azimuth), flat * np.sin(self.azimuth)]
        return np.stack([*across, self.range * np.sin(self.elevation)], axis=-1)

    @property
    def array(self) -> np.ndarray:
        """[batch_size, 3] : Centre of the array in the local frame of the surface [m]"""
        x, y, z = self.centre.T
        c, s = np.cos(self.orientation), np.sin(self.orientation)
        return -np.stack([c * x + s * y, c * y - s * x, z], axis=-1)

    def ahead(self, points: np.ndarray) -> np.ndarray:
        """[batch_size, ...] : World coordinate x of local points [batch_size, ..., 3] [m]"""
        c, s = np.cos(self.orientation), np.sin(self.orientation)
        x = self.centre[:, 0]
        shape = (-1,) + (1,) * (points.ndim - 2)
        c, s, x = (v.reshape(shape) for v in (c, s, x))
        return x + c * points[..., 0] - s * points[..., 1]


def pose_of(
    range: Any, azimuth: Any, elevation: Any, orientation: Any
) -> tuple[Pose, tuple[int, ...]]:
    """Checked poses as one batch, and their shape: () for a single one."""
    values = {
        "range": checks.finite("range", checks.floats("range", range)),
        "azimuth": checks.headings("azimuth", azimuth),
        "elevation": checks.headings("elevation", elevation),
        "orientation": checks.headings("orientation", orientation),
    }
    try:
        pose = np.broadcast_arrays(*values.values())
    except ValueError:
        pose = (np.zeros(0),)
    if not pose[0].size:
        shapes = ", ".join(str(list(v.shape)) for v in values.values())
        raise ValueError(
            "range, azimuth, elevation and orientation must have shapes that broadcast, of at "
            f"least one pose; got shapes {shapes}"
        )
    if np.any(pose[0] <= 0):
        raise ValueError(f"range must be > 0; got {pose[0].min():g}")
    steep = np.abs(pose[2]) >= np.pi / 2
    if np.any(steep):
        raise ValueError(
            "elevation must lie within (-pi/2, pi/2) rad, as the surface must be in front of the "
            f"array; got {pose[2][steep].flat[0]:g}"
        )
    return Pose(*(v.ravel() for v in pose)), pose[0].shape


class Cells:
    """Samples of a surface in cells of u and v, with what does not depend on its pose."""

    def __init__(self, surface: Any, cells: tuple[int, int], subdivision: int) -> None:
        self.shape = cells
        self.subdivision = subdivision
        nu, nv = (n * subdivision for n in cells)
        self.u = (np.arange(nu) + 0.5) * 2 * np.pi / nu
        self.v = (np.arange(nv) + 0.5) * np.pi / nv - np.pi / 2
        self.step = 2 * np.pi / nu * np.pi / nv
        u, v = (a.ravel() for a in np.meshgrid(self.u, self.v, indexing="ij"))
        self.points, self.normals = surface.points(u, v), surface.normals(u, v)

    @cached_property
    def length(self) -> np.ndarray:
        """[num_samples] : Densities of area"""
        return np.linalg.norm(self.normals, axis=1)

    @cached_property
    def offset(self) -> np.ndarray:
        """[num_samples] : Products of normal and point"""
        return np.sum(self.normals * self.points, axis=1)

    @cached_property
    def square(self) -> np.ndarray:
        """[num_samples] : Squares of the distance from the local origin"""
        return np.sum(self.points**2, axis=1)

    @property
    def num_cells(self) -> int:
        """Number of cells, seen or not."""
        return self.shape[0] * self.shape[1]

    def sums(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums of weights [batch_size, num_samples] over cells, and their mean u and v."""
        nu, nv, sub = *self.shape, self.subdivision
        weights = weights.reshape(-1, nu, sub, nv, sub)
        area = weights.sum((2, 4))
        u, v = self.u.reshape(nu, sub), self.v.reshape(nv, sub)
        some = np.where(area > 0, area, 1)
        mean_u = np.einsum("bisjt,is->bij", weights, u) / some
        mean_v = np.einsum("bisjt,jt->bij", weights, v) / some
        mean_u = np.where(area > 0, mean_u, u.mean(1)[:, np.newaxis])
        mean_v = np.where(area > 0, mean_v, v.mean(1))
        area, mean_u, mean_v = (a.reshape(-1, nu * nv) for a in (area, mean_u, mean_v))
        return area, mean_u, mean_v


def facing(points: np.ndarray, normals: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Product of the normals with the unit vectors towards the array, all local, [...]."""
    sight = array - points
    return np.sum(normals * sight, axis=-1) / np.linalg.norm(sight, axis=-1)


def cell_weights(cells: Cells, array: np.ndarray, area: str) -> np.ndarray:
    """Weights [batch_size, num_samples] of samples that face the array [batch_size, 3], else 0."""
    towards = array @ cells.normals.T - cells.offset
    if area == "surface":
        return np.where(towards > 0, cells.length * cells.step, 0)
    square = np.sum(array**2, axis=1)[:, np.newaxis] - 2 * array @ cells.points.T + cells.square
    return np.maximum(towards, 0) / np.sqrt(square) * cells.step
