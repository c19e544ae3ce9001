"""Closed surfaces of triangles: whether they are closed, and which side is outside."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def merged(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices at the same place made one, faces without area dropped."""
    step = 1e-8 * max(float(np.ptp(vertices, axis=0).max()), 1e-30)
    _, first, index = np.unique(
        np.rint(vertices / step), axis=0, return_index=True, return_inverse=True
    )
    faces = index.reshape(-1)[faces]
    a, b, c = faces.T
    return vertices[first], faces[(a != b) & (b != c) & (c != a)]


def num_open_edges(faces: np.ndarray) -> int:
    """Number of edges that an odd number of faces share; 0 for a closed surface."""
    _, count = np.unique(np.sort(_edges(faces), 1), axis=0, return_counts=True)
    return int(np.count_nonzero(count % 2))


def oriented(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The faces of a closed surface, turned so that their normals point out of the solid.

    Neighbours are made to agree first. A body whose volume is then negative is turned, unless it
    lies in another body: there it bounds a cavity.
    """
    pairs, agree = _neighbours(faces)
    faces = _agreeing(faces, pairs, agree)
    number, body = _bodies(len(faces), pairs)
    volume = np.bincount(body, _volumes(vertices, faces), number)
    if volume.sum() < 0:
        faces, volume = faces[:, ::-1].copy(), -volume
    for i in np.argsort(-np.abs(volume)):  # what holds others comes before them
        mine = body == i
        if volume[i] < 0 and _winding(vertices, faces[~mine], vertices[faces[mine][0, 0]]) < 0.5:
            faces[mine] = faces[mine][:, ::-1]
    return faces


def enclosed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume within oriented faces."""
    return float(_volumes(vertices, faces).sum())


def _volumes(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Signed volumes of the tetrahedra of the faces and the middle of all."""
    a, b, c = (vertices[faces[:, k]] - vertices.mean(0) for k in range(3))
    return np.einsum("ij,ij->i", a, np.cross(b, c)) / 6


def _edges(faces: np.ndarray) -> np.ndarray:
    return faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def _neighbours(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of faces that alone share an edge, and whether they run along it in opposite ways."""
    edges = _edges(faces)
    _, index, count = np.unique(np.sort(edges, 1), axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(index.reshape(-1), kind="stable")
    order = order[count[index.reshape(-1)[order]] == 2].reshape(-1, 2)
    return order // 3, edges[order[:, 0], 0] != edges[order[:, 1], 0]


def _bodies(number: int, pairs: np.ndarray) -> tuple[int, np.ndarray]:
    graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(number, number))
    return connected_components(graph, directed=False)


def _agreeing(faces: np.ndarray, pairs: np.ndarray, agree: np.ndarray) -> np.ndarray:
    """Faces turned until all neighbours agree."""
    if agree.all():
        return faces.copy()
    near: list[list[tuple[int, bool]]] = [[] for _ in faces]
    for (a, b), same in zip(pairs.tolist(), agree.tolist(), strict=True):
        near[a].append((b, same))
        near[b].append((a, same))
    turned = np.full(len(faces), -1)
    for seed in range(len(faces)):
        if turned[seed] >= 0:
            continue
        turned[seed] = 0
        queue = deque([seed])
        while queue:
            face = queue.popleft()
            for other, same in near[face]:
                wanted = turned[face] if same else 1 - turned[face]
                if turned[other] < 0:
                    turned[other] = wanted
                    queue.append(other)
                elif turned[other] != wanted:
                    raise ValueError("mesh has no inside: its surface is one-sided")
    return np.where(turned[:, None] == 1, faces[:, ::-1], faces)


def _winding(vertices: np.ndarray, faces: np.ndarray, point: np.ndarray) -> float:
    """How often faces enclose a point, from their solid angles."""
    a, b, c = (vertices[faces[:, k]] - point for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    top = np.einsum("ij,ij->i", a, np.cross(b, c))
    ab, bc, ca = (np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a)))
    bottom = la * lb * lc + ab * lc + bc * la + ca * lb
    return float(np.arctan2(top, bottom).sum() / (2 * np.pi))
