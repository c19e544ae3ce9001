"""Lobes of patterns over the angle, and targets found within a resolution cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from sionna_isac.core import checks
from sionna_isac.metrics._arrays import floats

__all__ = ["Lobes", "Sidelobe", "found_targets", "lobes", "sidelobe"]

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


def lobes(pattern: Any, angle: Any) -> Lobes:
    """Shape of the main lobe of each pattern.

    Parameters
    ----------
    pattern : [num_patterns, num_angles], array_like
        Magnitudes over the angle, >= 0 and not 0 everywhere
    angle : [num_angles], array_like
        Uniform grid of angles, several in a main lobe [rad]

    Output
    ------
    : :class:`Lobes`
        Shapes

    Raises
    ------
    ValueError
        If shapes do not fit, the angles are not a uniform grid, or a pattern has no lobe

    Example
    -------
    >>> found = isac.metrics.lobes(np.abs(steering @ beam)[np.newaxis], angles)
    >>> np.degrees(found.width), found.sidelobe
    """
    pattern, angle = floats("pattern", pattern, 2), checks.grid("angle", angle)
    if pattern.shape[1] != angle.size:
        raise ValueError(
            f"pattern must have shape [num_patterns, {angle.size}], a value for each angle; "
            f"got shape {list(pattern.shape)}"
        )
    steps = np.diff(angle)
    if np.ptp(steps) > 1e-3 * steps.mean():
        raise ValueError(
            f"angle must be a uniform grid; got steps from {steps.min():g} to {steps.max():g}"
        )
    if np.any(pattern < 0) or np.any(pattern.max(axis=1, initial=0) == 0):
        raise ValueError("pattern must be >= 0 and not 0 everywhere; got one that is not")
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
    return Lobes(*np.array(rows).reshape(-1, len(Lobes._fields)).T)


class Sidelobe(NamedTuple):
    """Highest side lobe of a pattern."""

    level: float
    """Magnitude over that of the peak [dB]"""
    place: np.ndarray
    """[num_axes] : Distance from the peak along each axis, >= 0"""


def sidelobe(pattern: Any, *grids: Any) -> Sidelobe:
    """Highest side lobe of a pattern over one or several axes, such as an ambiguity function.

    The main lobe is the box that ends at the first minima on both sides of the peak, along each
    axis. Of side lobes within 0.1 dB the nearest counts, and lobes at the edge of the pattern count
    as far as they show.

    Parameters
    ----------
    pattern : [num_points, ...], array_like
        Magnitudes over as many axes as there are grids, >= 0 and not 0 everywhere
    grids : [num_points], array_like
        Increasing coordinates along each axis

    Output
    ------
    : :class:`Sidelobe`
        Level and place; -200 dB and NaN if the pattern is all main lobe

    Raises
    ------
    ValueError
        If shapes do not fit, or the pattern has no lobe

    Example
    -------
    >>> ranges, velocities = np.linspace(-90, 90, 361), np.linspace(-50, 50, 201)
    >>> pattern = isac.waveform.element_ambiguity(numerology, ranges, velocities)
    >>> isac.metrics.sidelobe(pattern, velocities, ranges)
    """
    axes = [checks.grid("grids", grid) for grid in grids]
    pattern = floats("pattern", pattern)
    if pattern.shape != tuple(axis.size for axis in axes):
        raise ValueError(
            f"pattern must have shape {[axis.size for axis in axes]}, a value for each point of "
            f"grids; got shape {list(pattern.shape)}"
        )
    if np.any(pattern < 0) or not np.any(pattern > 0):
        raise ValueError("pattern must be >= 0 and not 0 everywhere; got one that is not")
    top = np.unravel_index(np.argmax(pattern), pattern.shape)
    box, reach = [], []
    for k, i in enumerate(top):
        cut = pattern[(*top[:k], slice(None), *top[k + 1 :])]
        lower, upper = (_valley(cut[side]) for side in _sides(int(i)))
        box.append(slice(max(0, i - lower + 1), i + upper))
        reach.append(max(lower, upper))
    rest = pattern.copy()
    rest[tuple(box)] = 0
    highest = rest.max()
    if highest == 0:
        return Sidelobe(20 * float(np.log10(FLOOR)), np.full(len(axes), np.nan))
    cells = np.argwhere(rest >= highest * 10 ** (-0.1 / 20))
    first = cells[np.argmin(np.sum((cells - top) ** 2, -1))]
    lobe = cells[np.all(np.abs(cells - first) < reach, axis=-1)]
    nearest = lobe[np.argmax(rest[tuple(lobe.T)])]
    place = [abs(axis[i] - axis[j]) for axis, i, j in zip(axes, nearest, top, strict=True)]
    return Sidelobe(20 * float(np.log10(highest / pattern[top])), np.array(place))


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


def found_targets(estimate: Any, truth: Any, resolution: tuple[float, float]) -> np.ndarray:
    """Mask of targets with an estimate of their own within a resolution cell.

    Parameters
    ----------
    estimate : [2, num_estimates], array_like
        Estimated angles and ranges; an estimate that is not a number finds nothing
    truth : [2, num_targets], array_like
        True angles and ranges
    resolution : (`float`, `float`)
        Largest difference of angles and of ranges

    Output
    ------
    : [num_targets], `bool`
        Targets that are found, as many as possible with one estimate each

    Raises
    ------
    ValueError
        If a shape does not fit, a true value is not finite, or a resolution is negative
    """
    estimate, truth = checks.floats("estimate", estimate), floats("truth", truth)
    for name, value in (("estimate", estimate), ("truth", truth)):
        if value.ndim != 2 or len(value) != 2:
            raise ValueError(
                f"{name} must have shape [2, ?], angles and ranges; got shape {list(value.shape)}"
            )
    limit = checks.vector("resolution", resolution, 2)[:, np.newaxis, np.newaxis]
    if np.any(limit < 0):
        raise ValueError(f"resolution must be >= 0; got {resolution!r}")
    offset = np.abs(truth[:, :, np.newaxis] - estimate[:, np.newaxis])
    near = np.all(offset <= limit, axis=0)
    rows, columns = linear_sum_assignment(near, maximize=True)
    found = np.zeros(truth.shape[1], bool)
    found[rows] = near[rows, columns]
    return found
