"""Shapes sampled over local azimuth and elevation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sionna_isac.scene._fourier import Order
from sionna_isac.scene._rays import cast
from sionna_isac.scene.mesh import Mesh, MeshTarget

__all__ = ["cuboid", "drone", "ellipsoid", "hull", "sample_angles"]

SAMPLES = (96, 48)  # midpoints in u and in v, at least


def sample_angles(order: Order) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints in u and v [N] at which shapes are sampled, at least four per harmonic."""
    nu, nv = (max(n, 4 * q) for n, q in zip(SAMPLES, order, strict=True))
    u = (np.arange(nu) + 0.5) * 2 * np.pi / nu
    v = (np.arange(nv) + 0.5) * np.pi / nv - np.pi / 2
    grid = np.meshgrid(u, v, indexing="ij")
    return grid[0].ravel(), grid[1].ravel()


def directions(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Unit vectors [N, 3]."""
    return np.stack([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)], axis=1)


def cuboid(u: np.ndarray, v: np.ndarray, sides: Sequence[float], mapping: str) -> np.ndarray:
    """Points of a cuboid; u and v are angles of the unit cube ("affine") or of the point."""
    half, unit = np.array(sides) / 2, directions(u, v)
    if mapping == "affine":
        return half * unit / np.abs(unit).max(1, keepdims=True)
    return unit / np.abs(unit / half).max(1, keepdims=True)


def ellipsoid(u: np.ndarray, v: np.ndarray, sides: Sequence[float]) -> np.ndarray:
    """Points of an ellipsoid."""
    return np.array(sides) / 2 * directions(u, v)


def drone(u: np.ndarray, v: np.ndarray, arm: float, height: float, depth: float) -> np.ndarray:
    """Points of a body with four arms."""
    outline = arm * (1 + depth * np.cos(4 * u)) / (1 + depth)
    scale = np.stack([outline, outline, np.full_like(u, height / 2)], axis=1)
    return scale * directions(u, v)


def hull(
    u: np.ndarray, v: np.ndarray, target: MeshTarget, centre: np.ndarray | None, tolerance: float
) -> np.ndarray:
    """Points at which rays from the centre leave the bodies of a mesh for the last time."""
    vertices, faces = _joined(target)
    centre = _centroid(vertices, faces) if centre is None else centre
    unit = directions(u, v)
    ray, distance, leaves = cast(centre, unit, vertices, faces)
    number = len(unit)
    bodies = np.bincount(ray, leaves, number)  # that hold the centre, as each ray has it
    place = "[" + ", ".join(f"{x:.3g}" for x in centre) + "]"
    if np.any(bodies < 1):
        low, high = target.bounds
        raise ValueError(
            f"centre must lie inside the mesh, whose corners are {np.round(low, 3).tolist()} and "
            f"{np.round(high, 3).tolist()} m; got {place}, outside"
        )
    left = bodies[ray] - _running(ray, leaves, number)  # bodies that hold the ray afterwards
    gap = np.where(left < 1, np.diff(distance, append=np.inf), 0)
    last = np.append(np.diff(ray) > 0, True)
    farthest = distance[last]
    outside = np.bincount(ray[~last], gap[~last], number) / farthest
    if np.any(outside > tolerance):
        raise ValueError(
            f"mesh must be star-convex from the centre {place}, with at most tolerance = "
            f"{tolerance:g} of each ray outside; got {outside.max():.2g} and "
            f"{np.mean(outside > tolerance):.1%} of the rays above: choose another centre, or "
            "tolerance=1 for the hull as seen from there"
        )
    return farthest[:, np.newaxis] * unit


def _running(ray: np.ndarray, leaves: np.ndarray, number: int) -> np.ndarray:
    """Sums of signs along each ray, up to and with each crossing."""
    total = np.cumsum(leaves)
    before = np.cumsum(np.bincount(ray, leaves, number)) - np.bincount(ray, leaves, number)
    return total - before[ray].astype(np.int64)


def _joined(target: MeshTarget) -> Mesh:
    """All parts of a target as one mesh."""
    meshes = list(target.meshes.values())
    first = np.cumsum([0, *(len(vertices) for vertices, _ in meshes[:-1])])
    faces = [faces + start for (_, faces), start in zip(meshes, first, strict=True)]
    return np.concatenate([vertices for vertices, _ in meshes]), np.concatenate(faces)


def _centroid(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Mean of the volume; bodies that overlap count twice where they do."""
    middle = vertices.mean(0)
    corners = vertices[faces] - middle
    volume = np.sum(corners[:, 0] * np.cross(corners[:, 1], corners[:, 2]), axis=1) / 6
    return middle + volume @ corners.sum(1) / 4 / volume.sum()
