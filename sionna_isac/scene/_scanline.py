"""Fill of the cells of a grid by a closed surface of triangles."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sionna_isac.scene._voxelize import Coverage, cells, num_samples, require_memory

__all__ = ["mesh_coverage"]

SAMPLES = 8  # vertical lines through a cell along x and along y, at least
FINEST = 0.01  # distance of the lines, at most [m]
CHUNK = 2_000_000  # pairs of a triangle and a line that are looked at together
NO_DEPTH = 1e-6  # of a cell: rounding where surfaces touch


def mesh_coverage(vertices: np.ndarray, faces: np.ndarray, size: float) -> Coverage:
    """Fill of the cells by the solid that outward-oriented triangles bound.

    Vertical lines, at least 8 x 8 a cell, are cut with the triangles. Where a line comes in from
    below its crossing counts +1, where it leaves, -1: the sum below a point is the number of bodies
    that hold it. Along the line the fill is exact, so that the lines are all that is sampled.
    Memory: 100 bytes for each of 2 million pairs, 60 bytes a crossing, and 16 bytes a cell.
    """
    start, stop = cells(vertices.min(0), vertices.max(0), size)
    shape = stop - start
    lines = num_samples(size, SAMPLES, FINEST)
    # Units of lines along x and y, of cells along z. Lines are a little off the middle of their
    # squares: meshes have vertices at round numbers, and a line must not hit one.
    corner = (start - np.array([0.5, 0.5, 0.0])) * size
    scaled = (vertices - corner) / size
    scaled[:, :2] = scaled[:, :2] * lines - 0.5 + 1e-5 * np.array([np.sqrt(2), np.sqrt(3)])
    _check_memory(scaled, faces, shape, lines, size)
    found = list(_crossings(scaled, faces, shape[:2] * lines))
    line, z, sign = (np.concatenate(values) for values in zip(*found, strict=True))
    if not len(line):
        raise ValueError(
            f"mesh is too thin for vertical lines {size / lines:.2g} m apart; "
            "choose a smaller voxel_size"
        )
    line, z, sign = _of_union(line, z, sign)
    i, j = np.divmod(line, shape[1] * lines)
    cell = np.clip(np.floor(z).astype(np.int64), 0, shape[2] - 1)
    within = sign * np.clip(cell + 1 - z, 0, 1)  # of the crossed cell, what lies above
    index = ((i // lines) * shape[1] + j // lines) * (shape[2] + 1) + cell
    # what a crossing adds to its own cell, and to all cells above
    columns = (shape[0], shape[1], shape[2] + 1)
    number = math.prod(columns)
    change = np.bincount(index, within, number) + np.bincount(index + 1, sign - within, number)
    fill = np.cumsum(change.reshape(columns), 2)[..., :-1] / lines**2
    return Coverage(start, np.clip(fill, 0, 1).astype(np.float32))


def _check_memory(
    points: np.ndarray, faces: np.ndarray, shape: np.ndarray, lines: int, size: float
) -> None:
    """Raise an error, before anything is allocated, if it would need too much memory."""
    a, b, c = (points[faces[:, k], :2] for k in range(3))
    first, second = b - a, c - a
    crossings = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() / 2
    pairs = np.ptp(points[faces, :2], axis=1).prod(1).max()
    extent = shape * size
    require_memory(extent, size, 60 * crossings + 100 * max(float(pairs) - CHUNK, 0), "lines")


def _of_union(
    line: np.ndarray, z: np.ndarray, sign: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The crossings at which lines enter and leave the union of all bodies."""
    order = np.lexsort((-sign, z, line))  # where surfaces touch, in before out
    line, z, sign = line[order], z[order], sign[order]
    after = np.cumsum(sign)  # runs through all lines: each ends at 0
    last = np.append(np.flatnonzero(np.diff(line)), len(line) - 1)
    if np.any(after[last]):
        raise ValueError(
            f"mesh could not be filled: {np.count_nonzero(after[last])} of {len(last)} vertical "
            "lines enter it more or less often than they leave it; its faces are degenerate"
        )
    depth = np.diff(z, append=np.inf)
    if np.any((after < 0) & (depth > NO_DEPTH)):
        raise ValueError(
            "mesh cannot be filled: it intersects itself, so that a part of it is inside out; "
            "repair it, or give its bodies one by one"
        )
    enters, was_in = after > 0, after - sign > 0
    kept = enters != was_in
    return line[kept], z[kept], np.where(enters[kept], 1, -1)


def _crossings(
    points: np.ndarray, faces: np.ndarray, count: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Numbers of lines, heights and signs of where they cross triangles."""
    edge1, edge2 = (points[faces[:, k]] - points[faces[:, 0]] for k in (1, 2))
    normal = np.cross(edge1, edge2)
    up = np.where(np.abs(normal[:, 2]) > 1e-8, np.sign(normal[:, 2]), 0)  # 0: upright, never cut
    low = np.ceil(points[faces, :2].min(1)).astype(np.int64)
    high = np.floor(points[faces, :2].max(1)).astype(np.int64) + 1
    low, high = np.maximum(low, 0), np.minimum(high, count)
    extent = np.maximum(high - low, 0)
    number = np.where(up == 0, 0, extent.prod(1))
    some = np.flatnonzero(number)
    groups = np.cumsum(number[some]) // CHUNK
    for group in np.split(some, np.flatnonzero(np.diff(groups)) + 1):
        face = np.repeat(group, number[group])
        first = np.cumsum(number[group]) - number[group]
        rank = np.arange(len(face)) - np.repeat(first, number[group])
        i = low[face, 0] + rank // extent[face, 1]
        j = low[face, 1] + rank % extent[face, 1]
        inside = np.ones(len(face), bool)
        for a, b in ((0, 1), (1, 2), (2, 0)):
            # both triangles of an edge compute the same number, bit by bit, for one end first
            turn = faces[group, a] > faces[group, b]
            start, end = (
                points[np.where(turn, faces[group, k], faces[group, m]), :2]
                for k, m in ((b, a), (a, b))
            )
            along = np.repeat(end - start, number[group], axis=0)
            start = np.repeat(start, number[group], axis=0)
            side = along[:, 0] * (j - start[:, 1]) - along[:, 1] * (i - start[:, 0])
            left = np.repeat((up[group] > 0) != turn, number[group])
            inside &= (side >= 0) == left
        face, i, j = face[inside], i[inside], j[inside]
        origin, slope = points[faces[face, 0]], normal[face]
        rise = slope[:, 0] * (i - origin[:, 0]) + slope[:, 1] * (j - origin[:, 1])
        heights = points[faces[face], 2]
        z = np.clip(origin[:, 2] - rise / slope[:, 2], heights.min(1), heights.max(1))
        yield i * count[1] + j, z, -up[face].astype(np.int64)
