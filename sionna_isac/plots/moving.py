"""Range-Doppler maps with moving targets and detections."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sionna_isac.plots._inputs import magnitudes, places, vector
from sionna_isac.plots.map import LEGEND, MARKS, decibels
from sionna_isac.plots.style import axes_or_new, finish

__all__ = ["range_doppler"]


def range_doppler(
    power: Any,
    velocities: Any,
    ranges: Any,
    *,
    truth: Any = None,
    detections: Any = None,
    reference: float | None = None,
    floor: float = -50.0,
    ceiling: float = 0.0,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Power over velocity and range in dB, with true targets (circles) and detections (crosses).

    Parameters
    ----------
    power : [num_velocities, num_ranges], array_like
        Power, such as that of a sample of :class:`~sionna_isac.receiver.RangeDopplerMap`
    velocities : [num_velocities], array_like
        Velocities [m/s]
    ranges : [num_ranges], array_like
        Ranges [m]
    truth : `None` (default) | ([num_targets], [num_targets])
        Velocities [m/s] and ranges [m] of the true targets, or
        :class:`~sionna_isac.scene.PointTargets` of one sample
    detections : `None` (default) | ([num_detections], [num_detections])
        Velocities [m/s] and ranges [m] of the detections, or
        :class:`~sionna_isac.receiver.TargetEstimate` of one sample, of which those with a metric
        above 0 are drawn
    reference : `None` (default) | `float`
        Power of 0 dB, such as that of the noise; `None` is the largest value of the map
    floor : `float`, (default -50)
        Level of the darkest colour [dB]
    ceiling : `float`, (default 0)
        Level of the brightest colour [dB]
    colorbar : `bool`, (default `True`)
        If `True`, a colour bar is drawn
    ax : `None` (default) | `matplotlib.axes.Axes`
        Axes; `None` makes a figure with a legend

    Output
    ------
    : `matplotlib.axes.Axes`
        Axes

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, or the map is 0 everywhere

    Example
    -------
    >>> power = rd(z)
    >>> found = rd.estimate(power, detect(power))
    >>> isac.plots.range_doppler(power[0], rd.velocities, rd.ranges, detections=found)
    """
    velocities, ranges = vector("velocities", velocities), vector("ranges", ranges)
    shape = (velocities.size, ranges.size)
    values = magnitudes("power", power, shape, "[num_velocities, num_ranges]")
    level, text = decibels("power", values, reference, 10)
    marks = [
        (name, None if points is None else places(name, points, "velocity", "velocities"))
        for name, points in (("truth", truth), ("detections", detections))
    ]
    ax, new = axes_or_new(ax)
    grid = np.meshgrid(velocities, ranges)
    mesh = ax.pcolormesh(*grid, level.T, shading="auto", rasterized=True, vmin=floor, vmax=ceiling)
    for name, points in marks:
        if points is not None:
            ax.plot(*points, ls="", zorder=3, **MARKS[name])
    ax.grid(False)
    if colorbar:
        ax.figure.colorbar(mesh, ax=ax, label=text)
    return finish(ax, new, LEGEND, xlabel="velocity [m/s]", ylabel="range [m]")
