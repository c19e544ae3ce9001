"""Solids as implicit functions of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Shape", "both_sides", "box", "disc", "superellipsoid", "tube", "union"]

# x [nx, 1, 1], y [1, ny, 1] and z [1, 1, nz] to booleans [nx, ny, nz] (or what broadcasts to it)
Inside = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

Vector = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Shape:
    """A solid: its bounding box, which points it holds, and lines that must not get lost.

    Voxels that a line of ``spine`` passes belong to a metal solid whatever their fill: a tube
    thinner than a voxel stays one piece.
    """

    low: np.ndarray
    high: np.ndarray
    inside: Inside
    spine: list[np.ndarray] = field(default_factory=list)  # polylines [n, 3]

    def __and__(self, other: Shape) -> Shape:
        return Shape(
            np.maximum(self.low, other.low),
            np.minimum(self.high, other.high),
            lambda x, y, z: self.inside(x, y, z) & other.inside(x, y, z),
        )

    def __sub__(self, other: Shape) -> Shape:
        return Shape(
            self.low,
            self.high,
            lambda x, y, z: self.inside(x, y, z) & ~other.inside(x, y, z),
            self.spine,
        )


def union(shapes: Sequence[Shape]) -> Shape:
    """All of them; each is looked at in its own bounding box only."""
    return Shape(
        np.min([s.low for s in shapes], 0),
        np.max([s.high for s in shapes], 0),
        lambda x, y, z: _any(shapes, x, y, z),
        [line for s in shapes for line in s.spine],
    )


def _any(shapes: Sequence[Shape], x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    found = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), bool)
    for shape in shapes:
        axes = [v.ravel() for v in (x, y, z)]
        cut = tuple(
            slice(*np.searchsorted(axis, (low, high + 1e-12)))
            for axis, low, high in zip(axes, shape.low, shape.high, strict=True)
        )
        if all(s.start < s.stop for s in cut):
            found[cut] |= shape.inside(x[cut[0]], y[:, cut[1]], z[:, :, cut[2]])
    return found


def box(low: Vector, high: Vector) -> Shape:
    """Axis-parallel box."""
    a, b = np.asarray(low, float), np.asarray(high, float)

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        within = [(v >= a[i]) & (v <= b[i]) for i, v in enumerate((x, y, z))]
        return within[0] & within[1] & within[2]

    return Shape(a, b, inside)


def superellipsoid(centre: Vector, semi_axes: Vector, exponent: float = 2.0) -> Shape:
    """Sum of |x/a|^n at most 1: an ellipsoid for n = 2, a rounded box for a large n."""
    c, a = np.asarray(centre, float), np.asarray(semi_axes, float)

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        # powers of the axes, not of the grid: this is what makes it fast
        px, py, pz = (np.abs((v - c[i]) / a[i]) ** exponent for i, v in enumerate((x, y, z)))
        return px + py + pz <= 1

    return Shape(c - a, c + a, inside)


def disc(
    centre: Vector, radius: float, width: float, hole: float = 0.0, rounding: float = 0.0
) -> Shape:
    """Disc or ring about an axis along y; ``rounding`` (of the edge) as a fraction of the width."""
    c = np.asarray(centre, float)
    half = np.array([radius, width / 2, radius])

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        square = (x - c[0]) ** 2 + (z - c[2]) ** 2
        across = np.abs(y - c[1]) / (width / 2)
        # the outer radius falls towards the sides as a quarter of an ellipse
        edge = np.clip((across - (1 - rounding)) / rounding, 0, 1) if rounding else 0 * across
        outer = radius - rounding * width / 2 * (1 - np.sqrt(1 - edge**2))
        return (across <= 1) & (square <= outer**2) & (square >= hole**2)

    turn = np.linspace(0, 2 * np.pi, 33)
    middle = (radius + hole) / 2
    ring = c + middle * np.stack([np.cos(turn), 0 * turn, np.sin(turn)], -1)
    return Shape(c - half, c + half, inside, [ring])


def tube(start: Vector, end: Vector, radius: float, taper: float = 1.0) -> Shape:
    """Capsule from a point to another, where the radius is ``taper`` times that at the start."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    axis = b - a
    square = max(float(axis @ axis), 1e-12)
    last = radius * taper

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        t = ((x - a[0]) * axis[0] + (y - a[1]) * axis[1] + (z - a[2]) * axis[2]) / square
        t = np.clip(t, 0, 1)
        distance = sum((v - a[i] - t * axis[i]) ** 2 for i, v in enumerate((x, y, z)))
        return distance <= (radius + (last - radius) * t) ** 2

    low = np.minimum(a - radius, b - last)
    high = np.maximum(a + radius, b + last)
    return Shape(low, high, inside, [np.stack([a, b])])


def both_sides(shape: Shape) -> Shape:
    """A shape and its mirror image at the plane y = 0."""
    turn = np.array([1.0, -1.0, 1.0])

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return shape.inside(x, -y[:, ::-1], z)[:, ::-1]  # coordinates go up in all shapes

    low, high = np.sort([shape.low * turn, shape.high * turn], 0)
    return union([shape, Shape(low, high, inside, [line * turn for line in shape.spine])])
