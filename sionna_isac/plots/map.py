"""Maps over angle and range with targets and detections."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sionna_isac.plots._inputs import azimuths, interval, magnitudes, places, vector
from sionna_isac.plots.style import DARK, axes_or_new, finish

__all__ = ["LEGEND", "MARKS", "decibels", "show_map"]

SMALLEST = 1e-10  # magnitude over the reference, for the logarithm


def show_map(
    map: Any,
    angles: Any,
    ranges: Any,
    *,
    truth: Any = None,
    detections: Any = None,
    sector: Any = None,
    decibel: bool = True,
    reference: float | None = None,
    floor: float = -30.0,
    plane: bool = False,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Map over angle and range, or image, with true targets (circles) and detections (crosses).

    Parameters
    ----------
    map : [num_angles, num_ranges], array_like
        Values, such as those of a sample of :class:`~sionna_isac.receiver.AngleDelayMap`;
        magnitudes of complex ones
    angles : [num_angles], array_like
        Angles [rad], drawn in degrees
    ranges : [num_ranges], array_like
        Ranges [m]
    truth : `None` (default) | ([num_targets], [num_targets])
        Angles [rad] and ranges [m] of the true targets, or
        :class:`~sionna_isac.scene.PointTargets` of one sample
    detections : `None` (default) | ([num_detections], [num_detections])
        Angles [rad] and ranges [m] of the detections, or
        :class:`~sionna_isac.receiver.TargetEstimate` of one sample, of which those with a metric
        above 0 are drawn
    sector : `None` (default) | (`float`, `float`)
        Lower and upper angle of a sector, with dotted edges [rad]
    decibel : `bool`, (default `True`)
        If `True`, values are drawn in dB, as amplitudes
    reference : `None` (default) | `float`
        Value of 0 dB; `None` is the largest value of the map
    floor : `float`, (default -30)
        Level of the darkest colour [dB]
    plane : `bool`, (default `False`)
        If `True`, the map is drawn over the plane, x ahead and y to the left [m]
    colorbar : `bool`, (default `True`)
        If `True`, a colour bar is drawn; several maps can share one:
        ``figure.colorbar(axes[0].collections[0], ax=axes)``
    ax : `None` (default) | `matplotlib.axes.Axes`
        Axes; `None` makes a figure with a legend

    Output
    ------
    : `matplotlib.axes.Axes`
        Axes

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, an angle is in degrees, or the map is 0 everywhere

    Example
    -------
    >>> picture = isac.receiver.AngleDelayMap(array, numerology, grid)(y)[0]
    >>> isac.plots.show_map(picture, angles, ranges, truth=targets, detections=found)
    """
    angles, ranges = azimuths("angles", angles), vector("ranges", ranges)
    values = magnitudes("map", map, (angles.size, ranges.size), "[num_angles, num_ranges]")
    limits: dict[str, Any] = {}
    text = "magnitude"
    if decibel:
        values, text = decibels("map", values, reference, 20)
        limits = {"vmin": floor, "vmax": 0.0}
    marks = [
        (name, None if points is None else places(name, points))
        for name, points in (("truth", truth), ("detections", detections))
    ]
    edges = () if sector is None else interval("sector", sector)
    ax, new = axes_or_new(ax)
    angle, distance = np.meshgrid(angles, ranges)
    grid = _place(angle, distance, plane)
    mesh = ax.pcolormesh(*grid, values.T, shading="auto", rasterized=True, **limits)
    for name, points in marks:
        if points is not None:
            ax.plot(*_place(*points, plane), ls="", zorder=3, **MARKS[name])
    for edge in edges:
        ends = _place(np.array([edge, edge]), ranges[[0, -1]], plane)
        ax.plot(*ends, color="white", ls=":", lw=1)
    ax.grid(False)
    if plane:
        ax.set_aspect("equal")
        if not ax.xaxis_inverted():
            ax.invert_xaxis()  # positive y is to the left when looking along x
    if colorbar:
        ax.figure.colorbar(mesh, ax=ax, label=text)
    horizontal, vertical = ("y [m]", "x [m]") if plane else ("angle [deg]", "range [m]")
    return finish(ax, new, LEGEND, xlabel=horizontal, ylabel=vertical)


def decibels(
    name: str, values: np.ndarray, reference: float | None, factor: int
) -> tuple[np.ndarray, str]:
    """Values in dB of a reference, or of the largest one, and the text of their axis.

    The factor is 20 for amplitudes and 10 for powers.
    """
    top = float(np.nanmax(values)) if reference is None else float(reference)
    if not top > 0:
        raise ValueError(f"{name} must have a value > 0, or a reference > 0 be given; got {top:g}")
    level = factor * np.log10(np.maximum(values / top, SMALLEST))
    return level, "dB of the largest value" if reference is None else f"dB of {top:.2g}"


LEGEND = {"facecolor": DARK, "labelcolor": "white"}  # as marks are white, too
MARKS: dict[str, dict[str, Any]] = {
    "truth": {
        "marker": "o",
        "ms": 11,
        "mfc": "none",
        "mec": "white",
        "mew": 1.2,
        "label": "target",
    },
    "detections": {"marker": "x", "ms": 7, "color": "#ff5555", "mew": 1.7, "label": "detection"},
}


def _place(angle: np.ndarray, distance: np.ndarray, plane: bool) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical coordinates of places."""
    if plane:
        return distance * np.sin(angle), distance * np.cos(angle)
    return np.rad2deg(angle), distance
