"""Closed surfaces of triangles: tests for gaps, and orientation of the faces.

Nothing here depends on the order of faces or vertices.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sionna_isac.scene._intersection import place_of

__all__ = ["distinct", "enclosed_volume", "merged", "num_open_edges", "oriented", "without_walls"]

SAME = 1e-6  # rad, of faces that lie on each other
FLAT = 1e-6  # of the extent, off the plane


def merged(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices at the same place made one, faces without area dropped."""
    step = 1e-8 * max(float(np.ptp(vertices, axis=0).max()), 1e-30)
    _, first, index = np.unique(
        np.rint(vertices / step), axis=0, return_index=True, return_inverse=True
    )
    faces = index.reshape(-1)[faces]
    a, b, c = faces.T
    return vertices[first], faces[(a != b) & (b != c) & (c != a)]


def distinct(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Faces that are there more than once made one.

    Each is kept once where that leaves a closed surface. Otherwise those that are there an even
    number of times are left out (counted as often as their whole component is there): the walls
    between bodies that touch, and sheets without thickness.

    Output
    ------
    faces : [M, 3]
        In an order of their own, each turned as most of its copies were
    weight : [M]
        Weight of the orientation: 0 if there are as many copies one way as the other
    num_repeated : `int`
        Number of different faces that there were more than once
    """
    rank = np.argsort(faces, axis=1)
    even = (rank[:, 1] - rank[:, 0]) % 3 == 1
    ordered, index, count = np.unique(
        np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    net = np.bincount(index.reshape(-1), np.where(even, 1, -1), len(ordered))
    found = np.where((net < 0)[:, np.newaxis], ordered[:, ::-1], ordered)
    keep = _closing(found, count)
    return found[keep], np.abs(net)[keep], int(np.count_nonzero(count > 1))


def without_walls(
    vertices: np.ndarray, faces: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface without the flat walls between bodies that touch, cut into other triangles.

    Two flat pieces of surface with the same outline lie on each other.
    """
    index, count = _numbered(faces)
    shared = count[index] > 2
    if not shared.any():
        return faces, weight
    order = np.argsort(index, kind="stable")
    number, piece = _bodies(len(faces), order[count[index[order]] == 2].reshape(-1, 2) // 3)
    outline: list[list[int]] = [[] for _ in range(number)]
    for half in np.flatnonzero(shared):
        outline[piece[half // 3]].append(int(index[half]))
    groups: dict[tuple[int, ...], list[int]] = {}
    for n, edges in enumerate(outline):
        if edges:
            groups.setdefault(tuple(sorted(edges)), []).append(n)
    members = np.split(np.argsort(piece, kind="stable"), np.cumsum(np.bincount(piece))[:-1])
    keep = np.ones(len(faces), bool)
    for same in groups.values():
        if len(same) > 1:
            flat = [n for n in same if _flat(vertices[faces[members[n]]].reshape(-1, 3))]
            for n in flat[len(flat) % 2 :]:
                keep[members[n]] = False
    return faces[keep], weight[keep]


def num_open_edges(faces: np.ndarray) -> int:
    """Number of edges that an odd number of faces share; 0 for a closed surface."""
    _, count = np.unique(np.sort(_edges(faces), 1), axis=0, return_counts=True)
    return int(np.count_nonzero(count % 2))


def oriented(vertices: np.ndarray, faces: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The faces of a closed surface, turned so that their normals point out of the solid.

    Neighbours are made to agree first, as most of the surface of a body was given (``weight`` says
    which faces count). A body whose volume is then negative is turned, unless it lies in another
    body: there it bounds a cavity. One that does neither, as it crosses another, is an error.
    """
    pairs, agree = _neighbours(vertices, faces)
    turned = _turned(len(faces), pairs, agree)
    number, body = _bodies(len(faces), pairs)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    vote = np.bincount(body, area * np.minimum(weight, 1) * np.where(turned, -1, 1), number)
    open_ = np.abs(vote) <= 1e-9 * np.bincount(body, area, number)
    turned ^= (vote < 0)[body]
    faces = np.where(turned[:, np.newaxis], faces[:, ::-1], faces)
    volume = np.bincount(body, _volumes(vertices, faces), number)
    if volume[~open_].sum() < 0:
        faces, volume = faces[:, ::-1].copy(), -volume
    for i in np.argsort(-np.abs(volume)):  # what holds others comes before them
        if volume[i] >= 0 and not open_[i]:
            continue
        mine = body == i
        if volume[i] > 0:
            faces[mine] = faces[mine][:, ::-1]
        place = place_of(vertices, faces[mine], faces[~mine])
        if open_[i] and place == "inside":
            raise ValueError(
                "the faces of a body that lies in another one run both ways, in equal parts: "
                "turn them inwards if it is a cavity, outwards if it is solid"
            )
        if place == "across" and not open_[i]:
            raise ValueError(
                "it intersects itself: a body that is inside out overlaps another one in part; "
                "turn its faces outwards if it is solid, keep it within the other if it is a cavity"
            )
        if place != "inside":
            faces[mine] = faces[mine][:, ::-1]
    return faces


def enclosed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume within oriented faces."""
    return float(_volumes(vertices, faces).sum())


def _volumes(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Signed volumes of the tetrahedra of the faces and the middle of all."""
    a, b, c = (vertices[faces[:, k]] - vertices.mean(0) for k in range(3))
    return np.einsum("ij,ij->i", a, np.cross(b, c)) / 6


def _flat(points: np.ndarray) -> bool:
    spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
    return bool(spread[2] <= FLAT * spread[0])


def _edges(faces: np.ndarray) -> np.ndarray:
    return faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def _numbered(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the edges of faces [3 M], and how many faces share each."""
    _, index, count = np.unique(
        np.sort(_edges(faces), 1), axis=0, return_inverse=True, return_counts=True
    )
    return index.reshape(-1), count


def _closing(faces: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mask of the different faces to keep, from the number of times that each is there."""
    index, number = _numbered(faces)
    owner = np.arange(len(index)) // 3
    size = len(faces) + len(number)
    graph = coo_array((np.ones(len(index)), (owner, len(faces) + index)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][: len(faces)]
    divisor = np.zeros(component.max(initial=-1) + 1, np.int64)
    np.gcd.at(divisor, component, count)
    keep = np.ones(len(faces), bool)
    for rule in ((count // divisor[component]) % 2 == 1, count % 2 == 1):
        odd = np.bincount(index[np.repeat(keep, 3)], minlength=len(number)) % 2 == 1
        open_ = np.zeros(len(divisor), bool)
        open_[component[owner[odd[index]]]] = True
        keep = np.where(open_[component], rule, keep)
    return keep


def _neighbours(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of faces that share an edge; `True` if they run along it in opposite directions.

    Where more than two faces share an edge, each body has two of them, unless pieces of surface
    remain open without it: then those next to each other around the edge are neighbours.
    """
    edges = _edges(faces)
    index, count = _numbered(faces)
    order = np.argsort(index, kind="stable")
    simple = order[count[index[order]] == 2].reshape(-1, 2)
    number, piece = _bodies(len(faces), simple // 3)
    shared = np.flatnonzero(count[index] > 2)
    key, often = np.unique(index[shared] * number + piece[shared // 3], return_counts=True)
    first = np.cumsum(count) - count
    rings = [
        _ring(vertices, faces, edges, order[first[e] : first[e] + count[e]], piece)
        for e in np.unique(key[often % 2 == 1] // number)
    ]
    halves = np.concatenate([simple, *rings])
    return halves // 3, edges[halves[:, 0], 0] != edges[halves[:, 1], 0]


def _ring(
    vertices: np.ndarray,
    faces: np.ndarray,
    edges: np.ndarray,
    halves: np.ndarray,
    piece: np.ndarray,
) -> np.ndarray:
    """Pairs of those edges of faces, all at one place, whose faces follow each other around it."""
    start, end = vertices[np.sort(edges[halves[0]])]
    axis = (end - start) / np.linalg.norm(end - start)
    out = vertices[faces[halves // 3, (halves % 3 + 2) % 3]] - start
    out -= np.outer(out @ axis, axis)
    angle = np.arctan2(out @ np.cross(axis, out[0]), out @ out[0])
    order = np.argsort(angle)
    gap = np.diff(angle[order], append=angle[order[0]] + 2 * np.pi)
    order = np.roll(order, -1 - int(np.argmax(gap)))  # faces on each other stay together
    gap = np.diff(angle[order]) % (2 * np.pi)
    way = edges[halves, 0] < edges[halves, 1]
    groups = np.split(order, np.flatnonzero(np.minimum(gap, 2 * np.pi - gap) > SAME) + 1)
    ring: list[int] = []
    for group in groups:
        left = sorted(group.tolist(), key=lambda n: (piece[halves[n] // 3], n))
        while left:
            # of those that lie on each other, first the one that fits as it was given
            fits = [n for n in left if not ring or way[n] != way[ring[-1]]]
            ring.append((fits or left)[0])
            left.remove(ring[-1])
    return halves[np.stack([ring, np.roll(ring, -1)], axis=1)]


def _bodies(number: int, pairs: np.ndarray) -> tuple[int, np.ndarray]:
    graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(number, number))
    return connected_components(graph, directed=False)


def _turned(number: int, pairs: np.ndarray, agree: np.ndarray) -> np.ndarray:
    """Mask of the faces to turn so that all neighbours agree."""
    turned = np.zeros(number, bool)
    if agree.all():
        return turned
    near: list[list[tuple[int, bool]]] = [[] for _ in range(number)]
    for (a, b), same in zip(pairs.tolist(), agree.tolist(), strict=True):
        near[a].append((b, same))
        near[b].append((a, same))
    seen = np.zeros(number, bool)
    for seed in range(number):
        if seen[seed]:
            continue
        seen[seed] = True
        queue = deque([seed])
        while queue:
            face = queue.popleft()
            for other, same in near[face]:
                wanted = bool(turned[face]) == same
                if not seen[other]:
                    seen[other], turned[other] = True, wanted
                    queue.append(other)
                elif turned[other] != wanted:
                    raise ValueError("it has no inside: its surface is one-sided")
    return turned
