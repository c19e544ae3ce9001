"""Position of a closed surface of triangles relative to others: inside, outside, or across."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["place_of", "winding"]

SHRINK = 1e-6  # of the body's extent: surfaces that touch do not cross
SAMPLES = 16  # vertices whose place is looked at
CHUNK = 1 << 12  # edges that are looked at together


def place_of(vertices: np.ndarray, body: np.ndarray, others: np.ndarray) -> str:
    """ "inside", "outside" or "across": where a body lies, whose faces point inwards.

    It is shrunk by a part in a million first, so that touching is no crossing.
    """
    if not len(others):
        return "outside"
    used, index = np.unique(body, return_inverse=True)
    faces = index.reshape(-1, 3)
    points = vertices[used] + SHRINK * np.ptp(vertices[used], axis=0).max() * _normals(
        vertices[used], faces
    )
    chosen = points[:: -(-len(points) // SAMPLES)]
    turns = np.rint([winding(vertices, others, point) for point in chosen])
    if (
        np.ptp(turns) > 0
        or _pierces(points, _unique_edges(faces), vertices, others)
        or _pierces(vertices, _unique_edges(others), points, faces)
    ):
        return "across"
    return "inside" if turns[0] > 0 else "outside"


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals at the vertices, of the faces around them weighted by their angles."""
    total = np.zeros_like(vertices)
    corners = vertices[faces]
    normal = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    for k in range(3):
        left, right = (_unit(corners[:, (k + n) % 3] - corners[:, k]) for n in (1, 2))
        angle = np.arccos(np.clip(np.sum(left * right, axis=1), -1, 1))
        np.add.at(total, faces[:, k], angle[:, np.newaxis] * normal)
    return _unit(total)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def _unique_edges(faces: np.ndarray) -> np.ndarray:
    return np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)


def winding(vertices: np.ndarray, faces: np.ndarray, point: np.ndarray) -> float:
    """Winding number of faces around a point, from their solid angles."""
    a, b, c = (vertices[faces[:, k]] - point for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    top = np.einsum("ij,ij->i", a, np.cross(b, c))
    ab, bc, ca = (np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a)))
    bottom = la * lb * lc + ab * lc + bc * la + ca * lb
    return float(np.arctan2(top, bottom).sum() / (2 * np.pi))


def _pierces(points: np.ndarray, edges: np.ndarray, others: np.ndarray, faces: np.ndarray) -> bool:
    """`True` if an edge [E, 2] of some points meets a face [F, 3] of others."""
    ends, corners = points[edges], others[faces]
    low = np.maximum(ends.min((0, 1)), corners.min((0, 1), initial=np.inf))
    high = np.minimum(ends.max((0, 1)), corners.max((0, 1), initial=-np.inf))
    ends, corners = (  # what reaches into the box that both have in common
        v[np.all((v.min(1) <= high) & (v.max(1) >= low), axis=1)] for v in (ends, corners)
    )
    if not len(ends) or not len(corners):
        return False
    middle, reach = ends.mean(1), np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) / 2
    centre = (corners.min(1) + corners.max(1)) / 2
    radius = np.linalg.norm(corners - centre[:, np.newaxis], axis=2).max(1)
    size = np.frexp(radius)[1]
    for one in np.unique(size):  # faces of about the same size: neither is looked at in vain
        chosen = np.flatnonzero(size == one)
        tree, widest = cKDTree(centre[chosen]), radius[chosen].max()
        for start in range(0, len(ends), CHUNK):
            part = slice(start, start + CHUNK)
            near = tree.query_ball_point(middle[part], reach[part] + widest)
            edge = np.repeat(np.arange(len(near)), [len(n) for n in near])
            if len(edge):
                face = chosen[np.concatenate([np.asarray(n, np.int64) for n in near])]
                if np.any(_meet(ends[part][edge], corners[face])):
                    return True
    return False


def _meet(ends: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Mask of edges [n, 2, 3] that meet triangles [n, 3, 3]; parallel ones do not."""
    along = ends[:, 1] - ends[:, 0]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = ends[:, 0] - corners[:, 0]
    normal, turn = np.cross(first, second), np.cross(offset, along)
    det = -np.sum(along * normal, axis=1)
    scale = np.linalg.norm(along, axis=1) * np.linalg.norm(normal, axis=1)
    good = np.abs(det) > 1e-12 * scale
    det = np.where(good, det, 1)
    t = np.sum(offset * normal, axis=1) / det
    u = np.sum(second * turn, axis=1) / det
    v = -np.sum(first * turn, axis=1) / det
    return good & (t >= 0) & (t <= 1) & (u >= 0) & (v >= 0) & (u + v <= 1)
