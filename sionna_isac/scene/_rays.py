"""Rays from one point through a closed surface of triangles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["Crossings", "cast"]

CHUNK = 1 << 20  # pairs of a ray and a triangle that are looked at together
OFF = 1e-7 * np.sqrt([2.0, 3.0, 5.0])  # turns rays away from vertices at round numbers


class Crossings(NamedTuple):
    """Crossings of rays and triangles, sorted by ray and distance."""

    ray: np.ndarray
    """[num_crossings], `int` : Number of the ray"""
    distance: np.ndarray
    """[num_crossings], `float` : Distance from the common point, in lengths of the direction"""
    leaves: np.ndarray
    """[num_crossings], `int` : 1 where the ray leaves the body, -1 where it enters"""


def cast(
    origin: np.ndarray, directions: np.ndarray, vertices: np.ndarray, faces: np.ndarray
) -> Crossings:
    """All crossings of rays from ``origin`` along unit ``directions`` [R, 3] with triangles.

    A triangle is looked at for the rays in the cone around it only. Triangles that share an edge
    decide by the same number which of them a ray meets, so that no ray slips between.
    """
    directions = directions + OFF
    corners = vertices - origin
    middle, reach = _caps(corners, faces)
    tree = cKDTree(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    number = tree.query_ball_point(middle, reach, return_length=True)
    some = np.flatnonzero(number)
    groups = np.cumsum(number[some]) // CHUNK
    found = []
    for group in np.split(some, np.flatnonzero(np.diff(groups)) + 1):
        near = tree.query_ball_point(middle[group], reach[group])
        ray = np.concatenate([np.asarray(n, np.int64) for n in near] or [np.zeros(0, np.int64)])
        face = np.repeat(np.arange(len(group)), number[group])
        found.append(_crossings(directions, ray, corners, faces[group], face))
    ray, distance, leaves = (np.concatenate(values) for values in zip(*found, strict=True))
    order = np.lexsort((distance, ray))
    return Crossings(ray[order], distance[order], leaves[order])


def _caps(corners: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors to the middles of triangles, and the chords within which their rays lie."""
    length = np.linalg.norm(corners, axis=1, keepdims=True)
    unit = (corners / np.where(length > 0, length, 1))[faces]
    middle = unit.sum(1)
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    middle /= np.where(length > 0, length, 1)
    reach = np.linalg.norm(unit - middle[:, np.newaxis], axis=2).max(1)
    return middle, np.where(reach < 1.4, reach + 1e-6, 2.1)  # within less than half a sphere


def _crossings(
    directions: np.ndarray,
    ray: np.ndarray,
    corners: np.ndarray,
    faces: np.ndarray,
    face: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rays, distances and signs of those pairs that cross."""
    along = directions[ray]
    left = np.empty((3, len(ray)), bool)
    for k in range(3):
        ends = faces[:, [k, (k + 1) % 3]]
        turn = ends[:, 0] > ends[:, 1]
        low, high = corners[ends.min(1)], corners[ends.max(1)]
        left[k] = (_dot(along, np.cross(low, high)[face]) >= 0) != turn[face]
    kept = np.all(left, axis=0) | ~np.any(left, axis=0)
    ray, face, along = ray[kept], face[kept], along[kept]
    a, b, c = (corners[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    depth, slope = _dot(a, normal)[face], _dot(along, normal[face])
    distance = depth / np.where(slope == 0, np.nan, slope)
    ahead = distance > 0
    return ray[ahead], distance[ahead], np.where(slope[ahead] > 0, 1, -1)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products of rows; each is the same, bit by bit, wherever it stands in the array."""
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]
