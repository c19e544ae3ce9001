"""The bound, laid over errors on any axes."""

from __future__ import annotations

from typing import Any

__all__ = ["add_bound"]


def add_bound(
    ax: Any, level: Any, bound: Any, quantity: str = "position", label: str = "Cramér-Rao bound"
) -> Any:
    """Lay a bound over the errors on given axes.

    Parameters
    ----------
    ax : `matplotlib.axes.Axes`
        Axes
    level : [num_points], array_like
        Where on the horizontal axis
    bound : [num_points], array_like | list of :class:`~sionna_isac.bound.PointTargetBound`
        Standard deviations, or the bounds of the targets at each point, of which the root of the
        mean square belongs beneath an RMSE over these targets
    quantity : "position" (default) | "angle" | "range"
        Which one of a :class:`~sionna_isac.bound.PointTargetBound` [m, rad or m]
    label : `str`
        Text in the legend

    Output
    ------
    : `matplotlib.lines.Line2D`
        The line

    Example
    -------
    >>> of = isac.bound.point_target_bound
    >>> bounds = [of(array, numerology, beam, targets, no) for no in nos]
    >>> isac.plots.add_bound(plt.gca(), snr_db, bounds)
    """
    values = [getattr(b.rms, quantity) if hasattr(b, "rms") else b for b in bound]
    (line,) = ax.plot(level, values, color="#2d2d2d", ls="--", lw=1.5, label=label, zorder=1)
    return line
