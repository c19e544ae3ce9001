"""Lobes of targets in angle, and which targets a receiver found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["Lobes", "found_targets", "lobes"]

HALF_POWER = np.sqrt(0.5)
TENTH = np.sqrt(0.1)  # of the power
FLOOR = 1e-10


class Lobes(NamedTuple):
    """Shape of lobes, each field [num_patterns]."""

    peak: np.ndarray
    """Largest magnitude"""
    width: np.ndarray
    """Width of the main lobe at half its power [rad]"""
    extent: np.ndarray
    """All angles within 10 dB of the peak, connected or not [rad]"""
    sidelobe: np.ndarray
    """Highest magnitude beyond the first minima on both sides of the peak, over the peak [dB]"""


def lobes(pattern: np.ndarray, angle: np.ndarray) -> Lobes:
    """Shape of the lobe of each pattern.

    Input
    -----
    pattern : [num_patterns, num_angles], `np.float64`
        Magnitudes over the angle; not 0 everywhere
    angle : [num_angles], `np.float64`
        Uniform grid of angles, several in a main lobe [rad]

    Output
    ------
    : :class:`Lobes`
        Shapes
    """
    rows = []
    for row in pattern:
        top = int(np.argmax(row))
        peak = row[top]
        edges = [_crossing(row[side], peak * HALF_POWER) for side in _sides(top)]
        valleys = [_valley(row[side]) for side in _sides(top)]
        rest = np.concatenate([row[: top - valleys[0] + 1], row[top + valleys[1] :]])
        step = angle[1] - angle[0]
        rows.append(
            (
                peak,
                step * sum(edges),
                step * np.count_nonzero(row >= peak * TENTH),
                20 * np.log10(max(rest.max(initial=0) / peak, FLOOR)),
            )
        )
    return Lobes(*np.array(rows).T)


def _sides(top: int) -> tuple[slice, slice]:
    """From the peak to the lower and to the upper end of the grid."""
    return slice(top, None, -1), slice(top, None)


def _crossing(row: np.ndarray, level: float) -> float:
    """Steps from the first entry to where the values first fall below a level."""
    below = np.flatnonzero(row < level)
    if below.size == 0:
        return row.size - 1.0
    i = below[0]
    return i - 1 + (row[i - 1] - level) / (row[i - 1] - row[i])


def _valley(row: np.ndarray) -> int:
    """Steps from the first entry to the first local minimum; beyond the end if there is none."""
    rising = np.flatnonzero(np.diff(row) > 0)
    return int(rising[0]) if rising.size else row.size


def found_targets(
    estimate: np.ndarray, truth: np.ndarray, resolution: tuple[float, float]
) -> np.ndarray:
    """Mask of targets with an estimate of their own within a resolution cell.

    Input
    -----
    estimate, truth : [2, num_estimates], [2, num_targets], `np.float64`
        Angles and ranges
    resolution : (`float`, `float`)
        Largest difference of angles and of ranges

    Output
    ------
    : [num_targets], `bool`
        Targets that are found, as many as possible with one estimate each
    """
    limit = np.asarray(resolution)[:, np.newaxis, np.newaxis]
    offset = np.abs(truth[:, :, np.newaxis] - estimate[:, np.newaxis])
    near = np.all(offset <= limit, axis=0)
    rows, columns = linear_sum_assignment(near, maximize=True)
    found = np.zeros(truth.shape[1], bool)
    found[rows] = near[rows, columns]
    return found
