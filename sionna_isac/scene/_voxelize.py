"""Conversion of the fill of parts to voxels: conductors become shells, others keep their fill."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import ndimage

from sionna_isac.core import checks
from sionna_isac.scene._shapes import Shape
from sionna_isac.scene.material import Material
from sionna_isac.scene.voxels import VoxelTarget

__all__ = [
    "Coverage",
    "Part",
    "Windows",
    "cells",
    "num_samples",
    "require_memory",
    "shape_coverage",
    "voxelize",
]

SAMPLES = 4  # a voxel along each axis, at least
FINEST = 0.01  # distance of samples, at most: no part of a vehicle is lost between them [m]
CHUNK = 1_000_000  # samples at once: what bounds the memory
CELL_BYTES = 70
MAX_BYTES = 4 << 30


@dataclass(frozen=True)
class Coverage:
    """Filled share of each cell of a box; cells are cubes, x and y centred on multiples."""

    start: np.ndarray  # [3], index of the first cell
    fill: np.ndarray  # [nx, ny, nz], float32

    @property
    def stop(self) -> np.ndarray:
        """[3] : Index after the last cell"""
        return self.start + self.fill.shape


@dataclass(frozen=True)
class Part:
    """A part of a target.

    A conductor is kept as a shell of one voxel, of whole voxels; ``windows`` says which voxels of
    that shell, by their centres and the voxel size, are a thin sheet of another material instead.
    A part that is ``indoors`` stays inside the shell with windows at any voxel size.
    """

    name: str
    material: Material
    cover: Callable[[float], Coverage]
    spine: list[np.ndarray] = field(default_factory=list)
    windows: Windows | None = None
    indoors: bool = False


@dataclass(frozen=True)
class Windows:
    """A sheet of some thickness [m] in the shell of a part."""

    name: str
    material: Material
    thickness: float
    where: Callable[[np.ndarray, float], np.ndarray]


def cells(low: Any, high: Any, size: float) -> tuple[np.ndarray, np.ndarray]:
    """First index of the cells that a box touches, and the one after the last.

    The grid is the same for all targets: 0 is the centre of a cell along x and y (so that a body
    that is symmetric stays so) and a face along z (the ground).
    """
    shift = np.array([0.5, 0.5, 0.0])
    first = np.floor(np.asarray(low) / size + shift + 1e-9)
    last = np.ceil(np.asarray(high) / size + shift - 1e-9)
    return first.astype(np.int64), np.maximum(last, first + 1).astype(np.int64)


def centres(index: np.ndarray, size: float) -> np.ndarray:
    """Centres [..., 3] of the cells of an index [..., 3]."""
    return (index + np.array([0.0, 0.0, 0.5])) * size


def num_samples(size: float, least: int, finest: float) -> int:
    """Even number of samples along a voxel, at least so many and so close [m]; even, so that faces
    in the middle of a voxel, as symmetric bodies have them, do not meet samples.
    """
    return max(least, 2 * math.ceil(size / finest / 2 - 1e-9))


def require_memory(extent: np.ndarray, size: float, further: float = 0.0, what: str = "") -> None:
    """Refuse a voxelisation that would need too much memory, before any is allocated."""
    cells_along = np.ceil(np.asarray(extent, np.float64) / size) + 3
    needed = CELL_BYTES * float(cells_along.prod()) + further
    if needed > MAX_BYTES:
        raise ValueError(
            f"voxel_size {size:g} m needs about {needed / 2**30:.3g} GiB, above the "
            f"{MAX_BYTES / 2**30:g} GiB allowed, for {float(cells_along.prod()):.3g} cells"
            f"{f' and the {what} through them' if further else ''}: the target is "
            f"{' x '.join(f'{n:.4g}' for n in extent)} m; choose larger voxels or check its unit"
        )


def shape_coverage(shape: Shape, size: float) -> Coverage:
    """Fill by supersampling, some layers along x at a time."""
    start, stop = cells(shape.low, shape.high, size)
    count = stop - start
    n = num_samples(size, SAMPLES, FINEST)
    offset = (np.arange(n) + 0.5) / n - 0.5
    x, y, z = (
        ((np.arange(start[i], stop[i]) + (i == 2) * 0.5)[:, None] + offset).ravel() * size
        for i in range(3)
    )
    fill = np.empty(count, np.float32)
    layers = max(1, CHUNK // (count[1] * count[2] * n**3))
    for i in range(0, count[0], layers):
        part = x[i * n : (i + layers) * n]
        inside = shape.inside(part[:, None, None], y[None, :, None], z[None, None, :])
        inside = np.broadcast_to(inside, (len(part), len(y), len(z)))
        # an axis at a time: far faster than the mean over three axes at once
        total = np.add.reduce(inside.reshape(-1, count[2], n), 2, dtype=np.uint16)
        total = total.reshape(-1, count[1], n, count[2]).sum(2, dtype=np.uint32)
        total = total.reshape(-1, n, count[1], count[2]).sum(1, dtype=np.uint32)
        fill[i : i + layers] = total / np.float32(n**3)
    return Coverage(start, fill)


def voxelize(
    parts: Sequence[Part], size: Any, extent: np.ndarray, category: str | None
) -> VoxelTarget:
    """Voxels of all parts; where dielectrics meet in a voxel it takes the material of the larger.

    Memory: 70 bytes per cell of the box and 250 per voxel, and 50 MB for the samples of a step.
    """
    size = checks.real("voxel_size", size, minimum=0, exclusive=True)
    if size > extent.max():
        raise ValueError(
            f"voxel_size must not exceed the target's largest dimension, {extent.max():.3g} m; "
            f"got {size:g} m"
        )
    require_memory(extent, size)
    covers = [part.cover(size) for part in parts]
    # one empty cell all around, for what looks at neighbours
    start = np.min([c.start for c in covers], 0) - 1
    grid = _Grid(start, np.max([c.stop for c in covers], 0) + 1 - start, size)
    for part, cover in zip(parts, covers, strict=True):
        if part.material.opaque:
            grid.add_conductor(part, cover)
    for part, cover in zip(parts, covers, strict=True):
        if not part.material.opaque:
            grid.add_dielectric(part, cover)
    return grid.target(category)


class _Grid:
    """The cells of all parts while they are put together."""

    def __init__(self, start: np.ndarray, shape: np.ndarray, size: float) -> None:
        self.start, self.size = start, size
        self.part = np.full(shape, -1, np.int16)
        self.fill = np.zeros(shape, np.float32)
        self.largest = np.zeros(shape, np.float32)  # fill of the part that a cell is given to
        self.indoors = np.zeros(shape, bool)  # within a shell that has windows
        self.whole = np.zeros(shape, bool)  # cells of conductors and of their windows
        self.normals = np.zeros([*shape, 3], np.float32)
        self.names: list[str] = []
        self.materials: list[Material] = []

    def add_conductor(self, part: Part, cover: Coverage) -> None:
        """Cells of which a conductor has most, and those on its spine, without the inner ones."""
        fill = np.pad(cover.fill, 1)
        first = cover.start - 1
        solid = fill >= 0.499  # a face in the middle of cells takes all of them
        for index in _on_lines(part.spine, self.size) - first:
            solid[tuple(index)] = True
        if not solid.any():  # a plate that no cell has half of: the cells that have most
            solid = (fill > 0) & (fill >= 0.5 * fill.max())
        shell = solid & ~ndimage.binary_erosion(solid)
        index = np.argwhere(shell)
        normals = _normals(np.maximum(fill, 0), shell)
        position = centres(index + first, self.size)
        place = tuple((index + first - self.start).T)
        material = np.full(len(index), self._number(part.name, part.material), np.int16)
        amount = np.ones(len(index), np.float32)
        if part.windows is not None:
            window = part.windows.where(position, self.size)
            material[window] = self._number(part.windows.name, part.windows.material)
            # a sheet passes one voxel per column of its steepest axis: the volume is kept
            steepest = np.abs(normals[window]).max(1)
            amount[window] = np.minimum(
                1, part.windows.thickness / self.size / np.where(steepest > 0, steepest, 1)
            )
        self.part[place] = material
        self.fill[place] = amount
        self.whole[place] = True
        self.normals[place] = normals
        if part.windows is not None:
            self.indoors[tuple((np.argwhere(solid & ~shell) + first - self.start).T)] = True

    def add_dielectric(self, part: Part, cover: Coverage) -> None:
        """The fill of a part, as far as there is room for it."""
        number = self._number(part.name, part.material)
        place = tuple(
            slice(a, b)
            for a, b in zip(cover.start - self.start, cover.stop - self.start, strict=True)
        )
        room = ~self.whole[place]
        if part.indoors:
            room &= self.indoors[place]
        fill = np.where(room, np.minimum(cover.fill, 1 - self.fill[place]), 0)
        self.fill[place] += fill
        more = fill > self.largest[place]
        self.largest[place][more] = fill[more]
        self.part[place][more] = number

    def target(self, category: str | None) -> VoxelTarget:
        """The cells that hold something."""
        taken = self.fill > 1e-6
        near = ndimage.minimum_filter(self.fill, footprint=ndimage.generate_binary_structure(3, 1))
        edge = taken & ~self.whole & ((self.fill < 1) | (near == 0))
        self.normals[edge] = _normals(self.fill, edge)
        index = np.argwhere(taken)
        part = self.part[taken].astype(np.int64)
        used, part = np.unique(part, return_inverse=True)
        eps, sigma = np.array([self.materials[i] for i in used]).T
        return VoxelTarget(
            positions=centres(index + self.start, self.size),
            voxel_size=self.size,
            permittivity=eps[part],
            conductivity=sigma[part],
            fill=np.minimum(self.fill[taken].astype(np.float64), 1),
            normals=self.normals[taken].astype(np.float64),
            part=part,
            part_names=tuple(self.names[i] for i in used),
            category=category,
        )

    def _number(self, name: str, material: Material) -> int:
        self.names.append(name)
        self.materials.append(material)
        return len(self.names) - 1


def _normals(fill: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Outward unit normals [n, 3] of the chosen cells, from the Sobel gradient of the fill."""
    gradient = np.stack([-ndimage.sobel(fill, axis)[where] for axis in range(3)], -1)
    length = np.linalg.norm(gradient, axis=-1, keepdims=True)
    return np.divide(gradient, length, where=length > 1e-4, out=np.zeros_like(gradient))


def _on_lines(lines: Sequence[np.ndarray], size: float) -> np.ndarray:
    """Indices [n, 3] of the cells that polylines pass; neighbours touch at least at a corner."""
    points = [np.zeros([0, 3])]
    for line in lines:
        for a, b in pairwise(line):
            steps = max(1, math.ceil(4 * np.abs(b - a).max() / size))
            points.append(a + (b - a) * np.linspace(0, 1, steps + 1)[:, None])
    scaled = np.concatenate(points) / size - np.array([0.0, 0.0, 0.5])
    return np.unique(np.rint(scaled).astype(np.int64), axis=0)
