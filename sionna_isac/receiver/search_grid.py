"""Grid of angles, ranges and velocities that a receiver searches."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import Value, checks, register

__all__ = ["SearchGrid"]


@register
class SearchGrid(Value):
    """Angles, ranges and velocities that a receiver searches.

    Parameters
    ----------
    angles : `int` | [num_angles], array_like
        Number of angles, spread evenly over the sector of each sample; or a grid for all
        samples [rad]
    ranges : `None` (default) | [num_ranges], array_like
        Ranges [m]; `None` for receivers without ranges
    velocities : `None` (default) | [num_velocities], array_like
        Radial velocities [m/s], positive for targets that recede; `None` for receivers without
        velocities

    Example
    -------
    >>> grid = isac.receiver.SearchGrid(
    ...     np.linspace(-np.pi / 2, np.pi / 2, 720), np.linspace(10, 190, 200)
    ... )
    """

    angles: int | np.ndarray
    ranges: np.ndarray | None
    velocities: np.ndarray | None

    def __init__(self, angles: Any, ranges: Any = None, *, velocities: Any = None) -> None:
        self._fix(
            angles=(
                checks.integer("angles", angles, minimum=2)
                if isinstance(angles, (int, np.integer))
                else checks.angle_grid("angles", angles)
            ),
            ranges=None if ranges is None else checks.grid("ranges", ranges, minimum=0),
            velocities=None if velocities is None else checks.grid("velocities", velocities),
        )

    @property
    def num_angles(self) -> int:
        """`int` : Number of angles"""
        return self.angles if isinstance(self.angles, int) else self.angles.size

    @property
    def num_ranges(self) -> int:
        """`int` : Number of ranges"""
        return 0 if self.ranges is None else self.ranges.size

    @property
    def num_velocities(self) -> int:
        """`int` : Number of velocities"""
        return 0 if self.velocities is None else self.velocities.size
