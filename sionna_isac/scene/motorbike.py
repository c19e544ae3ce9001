"""Motorbikes of drawn dimensions, with or without a rider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sionna_isac.core import cites
from sionna_isac.scene._shapes import Shape, both_sides, box, disc, superellipsoid, tube, union
from sionna_isac.scene.vehicle import ParametricVehicle, Solid

__all__ = ["ParametricMotorbike"]


@cites("Zhao26", "Gabriel96")
class ParametricMotorbike(ParametricVehicle):
    """A motorbike: wheels, tube frame, fork, handlebar, engine, tank, seat; and a rider or none.

    The rider is of muscle, after [Gabriel96]_, into which a field of 4.9 GHz enters about 1 cm.
    Dimensions, materials, frame and errors are as of
    :class:`~sionna_isac.scene.ParametricVehicle`.

    Parameters
    ----------
    seed : `int`, (default 0)
        Seed of the draw
    rider : `None` (default) | `bool`
        If `True`, there is a rider; `None` lets the seed decide, with equal chances
    materials : `None` (default) | `dict`
        Pairs (relative permittivity, conductivity [S/m]) that replace drawn materials, by name
    overrides
        Dimensions that replace drawn ones [m], by name, within :attr:`INTERVALS`

    Example
    -------
    >>> bike = isac.scene.ParametricMotorbike(seed=3, rider=True)
    >>> target = bike.voxelize(0.05)
    """

    category: ClassVar[str] = "motorbike"
    INTERVALS: ClassVar[dict[str, tuple[float, float]]] = {
        "wheelbase": (1.25, 1.6),
        "wheel_radius": (0.28, 0.34),
        "wheel_width": (0.10, 0.18),
        "handlebar_width": (0.65, 0.85),
        "tank_length": (0.45, 0.6),
        "seat_height": (0.78, 0.88),
        "rider_height": (1.60, 1.95),
    }
    _materials: ClassVar[tuple[str, ...]] = ("metal", "rubber", "plastic", "tissue")
    wheelbase: float
    wheel_radius: float
    wheel_width: float
    handlebar_width: float
    tank_length: float
    seat_height: float
    rider_height: float

    def __init__(
        self,
        seed: int = 0,
        *,
        rider: bool | None = None,
        materials: Mapping[str, Any] | None = None,
        **overrides: float,
    ) -> None:
        super().__init__(seed, materials=materials, **overrides)
        if rider is not None and not isinstance(rider, (bool, np.bool_)):
            raise TypeError(f"rider must be True, False or None; got {rider!r}")
        self.rider = self._chance < 0.5 if rider is None else bool(rider)

    @property
    def length(self) -> float:
        """`float` : Length over the wheels [m]"""
        return self.wheelbase + 2 * self.wheel_radius

    def _options(self) -> str:
        return f", rider={self.rider}"

    def _solids(self) -> list[Solid]:
        radius, width = self.wheel_radius, self.wheel_width
        front, rear = self._axle(1), self._axle(-1)
        hole = 0.72 * radius
        tyres = union([disc(c, radius, width, hole, 0.5) for c in (front, rear)])
        solids = [
            Solid("rims", "metal", union([self._rim(c, hole) for c in (front, rear)])),
            Solid("frame", "metal", self._frame()),
            Solid("engine", "metal", box(*self._engine)),
            Solid("tank", "metal", self._tank()),
            Solid("tyres", "rubber", tyres),
            Solid("seat", "plastic", self._seat()),
        ]
        if self.rider:
            solids.append(Solid("rider", "tissue", self._rider()))
        return solids

    def _axle(self, sign: int) -> np.ndarray:
        return np.array([sign * self.wheelbase / 2, 0.0, self.wheel_radius])

    @property
    def _head(self) -> np.ndarray:
        """Steering head, above and behind the front axle: the fork leans by some 27 degrees."""
        return self._axle(1) + np.array([-0.30, 0.0, 0.62])

    @property
    def _engine(self) -> tuple[np.ndarray, np.ndarray]:
        middle = np.array([0.02, 0.0, 0.45])
        half = np.array([0.2, 0.15, 0.2])
        return middle - half, middle + half

    def _rim(self, centre: np.ndarray, radius: float) -> Shape:
        turns = np.arange(5) * 2 * np.pi / 5 + np.pi / 2
        spokes = [
            tube(centre, centre + 0.9 * radius * np.array([np.cos(t), 0, np.sin(t)]), 0.015)
            for t in turns
        ]
        ring = disc(centre, radius, 0.5 * self.wheel_width, 0.86 * radius)
        return union([ring, disc(centre, 0.06, 0.8 * self.wheel_width), *spokes])

    def _frame(self) -> Shape:
        """Fork, handlebar, spine, cradle, rear frame, swing arm, and the exhaust on the right."""
        head, front, rear = self._head, self._axle(1), self._axle(-1)
        low, high = self._engine
        aside = np.array([0.0, self.wheel_width / 2 + 0.03, 0.0])
        rise = np.array([head[0] - 0.02, 0.12, self._grip[2]])
        middle = np.array([-0.18, 0.0, self.seat_height - 0.1])
        pivot = np.array([low[0], 0.0, 0.42])
        seat = np.array([rear[0] + 0.1, 0.0, self.seat_height - 0.08])
        cradle = np.array([high[0], 0.0, low[2] + 0.05])
        left = union(
            [
                tube(front + aside, head + aside, 0.03),
                tube(head + aside, rise, 0.02),
                tube(rise, self._grip, 0.014),
                tube(pivot + aside, rear + aside, 0.025),
            ]
        )
        across = [
            tube(point + y, point - y, radius)
            for point, y, radius in (
                (front, aside, 0.015),
                (rear, aside, 0.015),
                (pivot, aside, 0.025),
                (head, aside, 0.03),
                (rise * [1, 0, 1], rise * [0, 1, 0], 0.014),
            )
        ]
        along = [
            tube(head, middle, 0.03),
            tube(head, cradle, 0.025),
            tube(middle, pivot, 0.025),
            tube(middle, seat, 0.02),
        ]
        exhaust = tube([low[0] + 0.1, -0.15, 0.3], [rear[0] - 0.05, -aside[1] - 0.06, 0.4], 0.045)
        return union([both_sides(left), *across, *along, exhaust])

    @property
    def _grip(self) -> np.ndarray:
        """Left end of the handlebar."""
        return np.array([self._head[0] - 0.14, self.handlebar_width / 2, 1.06])

    def _tank(self) -> Shape:
        half = self.tank_length / 2
        centre = [self._head[0] - 0.08 - half, 0, self.seat_height + 0.03]
        return superellipsoid(centre, [half, 0.16, 0.14], 2.3)

    def _seat(self) -> Shape:
        front = self._head[0] - 0.1 - self.tank_length
        back = self._axle(-1)[0] - 0.05
        centre = [(front + back) / 2, 0, self.seat_height - 0.03]
        cushion = superellipsoid(centre, [(front - back) / 2, 0.13, 0.05], 4.0)
        tail = tube([back + 0.05, 0, self.seat_height - 0.02], [back - 0.16, 0, 0.84], 0.06, 0.4)
        lamp = superellipsoid(self._head + np.array([0.1, 0, 0.0]), [0.07, 0.09, 0.09])
        return union([cushion, tail, lamp])

    def _rider(self) -> Shape:
        """Tapered limbs from the shoulders to the grips and from the seat to the pegs."""
        size = self.rider_height / 1.75
        hip = np.array([self._head[0] - 0.22 - self.tank_length, 0.0, self.seat_height + 0.12])
        neck = hip + size * np.array([0.20, 0.0, 0.48])
        head = neck + size * np.array([0.06, 0.0, 0.24])
        shoulder = neck + size * np.array([0.0, 0.19, 0.0])
        elbow = (shoulder + self._grip) / 2 + np.array([-0.04, 0.08, -0.1])
        knee = np.array([hip[0] + 0.42 * size, 0.23, self.seat_height + 0.02])
        peg = np.array([-0.15, 0.20, 0.36])
        lines = (
            (shoulder, elbow, 0.055, 0.8),
            (elbow, self._grip, 0.044, 0.9),
            (hip + np.array([0, 0.10, 0]), knee, 0.09, 0.7),
            (knee, peg, 0.063, 0.75),
            (peg, peg + np.array([0.16, 0, -0.02]), 0.045, 0.8),
            # half of the trunk, which is wider than deep
            (hip + np.array([0, 0.06, 0]), neck + np.array([0, 0.09 * size, 0]), 0.12, 0.95),
        )
        left = union([tube(a, b, size * radius, taper) for a, b, radius, taper in lines])
        skull = superellipsoid(head, np.array([0.13, 0.115, 0.135]) * size)
        return union([both_sides(left), tube(neck, head, 0.06 * size), skull])
