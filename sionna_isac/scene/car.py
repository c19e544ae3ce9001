"""Cars of drawn dimensions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sionna_isac.core import cites
from sionna_isac.scene._shapes import Shape, box, disc, superellipsoid, tube, union
from sionna_isac.scene._voxelize import Windows
from sionna_isac.scene.vehicle import ParametricVehicle, Solid

__all__ = ["ParametricCar"]

BELT = 0.85  # height at which the cabin begins [m]
CLEARANCE = 0.2  # height of the floor [m]
BUMPER = 0.08  # depth of the bumpers [m]
PANE = 0.005  # thickness of the glass [m]
PILLAR = 0.13  # width of metal at the corners of the cabin, and that above the glass [m]


@cites("Zhao26", "P2040")
class ParametricCar(ParametricVehicle):
    """A car: body, cabin with panes, wheels with metal rims, engine, seats, bumpers.

    The body is a superellipsoid from 0.2 to 0.85 m above the ground with arches for the wheels, the
    cabin a truncated pyramid on it. Both have one metal skin, of which the panes are a part.
    Frame, draw and errors are as of :class:`~sionna_isac.scene.ParametricVehicle`.

    Parameters
    ----------
    seed : `int`, (default 0)
        Seed of the draw
    materials : `None` (default) | `dict`
        Pairs (relative permittivity, conductivity [S/m]) that replace drawn materials, by name
    overrides
        Dimensions that replace drawn ones, by name, within :attr:`INTERVALS`: in m, but for
        ``hood_fraction`` and ``trunk_fraction`` (of the length) and ``squareness`` (exponent of
        the superellipsoid)

    Example
    -------
    >>> car = isac.scene.ParametricCar(seed=3, length=4.2)
    >>> target = car.voxelize(0.1)
    """

    category: ClassVar[str] = "car"
    INTERVALS: ClassVar[dict[str, tuple[float, float]]] = {
        "length": (3.6, 5.0),
        "width": (1.65, 1.95),
        "height": (1.4, 1.8),
        "wheel_radius": (0.28, 0.36),
        "wheel_width": (0.18, 0.25),
        "hood_fraction": (0.22, 0.30),
        "trunk_fraction": (0.02, 0.16),
        "windscreen_run": (0.45, 0.75),
        "rear_run": (0.15, 0.5),
        "squareness": (5.0, 9.0),
    }
    _materials: ClassVar[tuple[str, ...]] = ("metal", "glass", "rubber", "plastic")
    length: float
    width: float
    height: float
    wheel_radius: float
    wheel_width: float
    hood_fraction: float
    trunk_fraction: float
    windscreen_run: float
    rear_run: float
    squareness: float

    @property
    def wheelbase(self) -> float:
        """`float` : Distance of the axles [m]"""
        return 0.6 * self.length

    @property
    def cabin(self) -> tuple[float, float]:
        """(`float`, `float`) : Where the cabin ends and begins at the belt line, along x [m]"""
        return (
            (self.trunk_fraction - 0.5) * self.length,
            (0.5 - self.hood_fraction) * self.length,
        )

    def _solids(self) -> list[Solid]:
        hull = union([self._body(2 * BUMPER), self._cabin()])
        arches = union(self._wheels(self.wheel_radius + 0.05, self.wheel_width + 0.14))
        hull = hull - arches
        rubber_hole = 0.6 * self.wheel_radius
        tyres = union(self._wheels(self.wheel_radius, self.wheel_width, rubber_hole, 0.3))
        rims = union(self._wheels(rubber_hole, 0.7 * self.wheel_width))
        axles = union(
            [
                tube([x, -self._wheel_y, z], [x, self._wheel_y, z], 0.03)
                for x, z in ((s * self.wheelbase / 2, self.wheel_radius) for s in (-1, 1))
            ]
        )
        front = self.wheelbase / 2
        engine = box([front - 0.4, -0.32, CLEARANCE], [front + 0.2, 0.32, 0.72])
        panes = Windows("windows", self.materials["glass"], PANE, self._panes)
        return [
            Solid("body", "metal", hull, panes),
            Solid("engine", "metal", engine),
            Solid("axles", "metal", axles),
            Solid("rims", "metal", rims),
            Solid("tyres", "rubber", tyres),
            Solid("bumpers", "plastic", self._bumpers() - arches),
            Solid("seats", "plastic", self._seats(), indoors=True),
        ]

    def _body(self, shorter: float = 0.0) -> Shape:
        semi = [(self.length - shorter) / 2, self.width / 2, (BELT - CLEARANCE) / 2]
        return superellipsoid([0, 0, (BELT + CLEARANCE) / 2], semi, self.squareness)

    def _bumpers(self) -> Shape:
        """Ends of the body, in front of the metal."""
        half = self.length / 2
        ends = [box([a, -2, 0.25], [a + 0.4, 2, 0.6]) for a in (-half, half - 0.4)]
        return (self._body() & union(ends)) - self._body(2 * BUMPER)

    def _depths(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances of a point from the ends and from the sides of the cabin, along x and y."""
        rise = np.maximum(z - BELT, 0) / (self.height - BELT)
        rear, front = self.cabin
        ends = np.minimum(front - self.windscreen_run * rise - x, x - rear - self.rear_run * rise)
        # the sides lean inwards and their ends are drawn in a little, as seen from above
        middle, half = (front + rear) / 2, (front - rear) / 2
        drawn_in = 0.05 * ((x - middle) / half) ** 2
        return ends, self.width / 2 * (0.95 - 0.2 * rise - drawn_in) - np.abs(y)

    def _cabin(self) -> Shape:
        rear, front = self.cabin
        roof = self.height

        def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            ends, sides = self._depths(x, y, z)
            # the roof falls slightly to the sides
            crown = roof - 0.06 * (2 * y / self.width) ** 2
            return (ends >= 0) & (sides >= 0) & (z >= 0.6) & (z <= crown)

        side = self.width / 2
        return Shape(np.array([rear, -side, 0.6]), np.array([front, side, roof]), inside)

    def _panes(self, positions: np.ndarray, size: float) -> np.ndarray:
        """Mask of the voxels of glass in the skin: a band around the cabin, but for the pillars."""
        x, y, z = positions.T
        ends, sides = self._depths(x, y, z)
        band = (z > BELT + 0.05) & (z < self.height - max(PILLAR, size))
        corner = np.maximum(ends, sides) < max(PILLAR, size)
        rear, front = self.cabin
        middle = (rear + self.rear_run + front - self.windscreen_run) / 2
        pillar = (np.abs(x - middle) < max(0.05, 0.501 * size)) & (sides < ends)
        return band & ~corner & ~pillar & (np.minimum(ends, sides) < 1.5 * size)

    @property
    def _wheel_y(self) -> float:
        return self.width / 2 - self.wheel_width / 2 - 0.02

    def _wheels(
        self, radius: float, width: float, hole: float = 0.0, rounding: float = 0.0
    ) -> list[Shape]:
        return [
            disc([x, y, self.wheel_radius], radius, width, hole, rounding)
            for x in (-self.wheelbase / 2, self.wheelbase / 2)
            for y in (-self._wheel_y, self._wheel_y)
        ]

    def _seats(self) -> Shape:
        """Two seats and a bench on the floor, each a cushion and a backrest."""
        rear, front = self.cabin
        seats = []
        for x, widths in (
            (0.55 * front + 0.45 * rear, ((0.08, 0.46), (-0.46, -0.08))),
            (0.25 * front + 0.75 * rear, ((-0.46, 0.46),)),
        ):
            for right, left in widths:
                seats.append(box([x, right, CLEARANCE], [x + 0.5, left, 0.5]))
                seats.append(box([x - 0.12, right, CLEARANCE], [x, left, 1.1]))
        return union(seats)
