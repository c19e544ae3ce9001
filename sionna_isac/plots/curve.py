"""Curves with their bands, detection characteristics, and bounds beneath errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sionna_isac.plots._inputs import vector
from sionna_isac.plots.style import METHODS, axes_or_new, finish, look

__all__ = ["add_bound", "show_curve", "show_roc"]


def show_curve(
    x: Any,
    y: Any,
    low: Any = None,
    high: Any = None,
    *,
    method: str,
    label: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    bars: bool = False,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """Curve of a method with the band of its confidence interval.

    A method has the same colour and marker in all figures. Those of the library's methods, such as
    "known", "OMP" or "MUSIC", are fixed; "OMP, finer grid" has the colour of "OMP" with another
    line. Other names get theirs by their letters, or the next ones if these are taken.

    Parameters
    ----------
    x : [num_points], array_like
        Positions on the horizontal axis
    y : [num_points], array_like
        Values; NaN leaves a gap
    low, high : `None` (default) | [num_points], array_like
        Lower and upper ends of the band; `None` draws none
    method : `str`
        Method, which chooses the colour
    label : `None` (default) | `str`
        Text in the legend; `None` is ``method``
    xlabel, ylabel : `None` (default) | `str`
        Texts of the axes, with units; `None` keeps them
    bars : `bool`, (default `False`)
        If `True`, error bars take the place of the band
    ax : `None` (default) | `matplotlib.axes.Axes`
        Axes; `None` makes a figure with a legend
    line : keyword arguments
        Properties of the line, such as ``ls`` or ``color``, as in matplotlib

    Output
    ------
    : `matplotlib.axes.Axes`
        Axes

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, or only one end of the band is given

    Example
    -------
    >>> ax = isac.plots.show_curve(snr_db, rmse, low, high, method="OMP", ylabel="RMSE [m]")
    >>> isac.plots.show_curve(snr_db, other, method="MUSIC", ax=ax)
    """
    x = vector("x", x)
    y = vector("y", y, x.size, "x")
    if (low is None) != (high is None):
        raise TypeError("low and high must be given together; got only one of them")
    ax, new = axes_or_new(ax)
    own = look(ax, method)
    if "color" in line:  # of the caller, and no variant of a method
        own = {name: own[name] for name in ("color", "marker")}
    line = {**own, "ms": 4, "label": label or method, **line}
    if low is None:
        ax.plot(x, y, **line)
    else:
        low, high = vector("low", low, x.size, "x"), vector("high", high, x.size, "x")
        if bars:
            ends = np.maximum([y - low, high - y], 0)
            ax.errorbar(x, y, ends, **{"elinewidth": 0.6, "lw": 1.2, **line})
        else:
            (drawn,) = ax.plot(x, y, **line)
            ax.fill_between(x, low, high, color=drawn.get_color(), alpha=0.15, lw=0)
    return finish(ax, new, xlabel=xlabel, ylabel=ylabel)


def show_roc(
    roc: Any,
    low: Any = None,
    high: Any = None,
    *,
    method: str,
    label: str | None = None,
    misdetection: bool = False,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """Detection probability over the false-alarm probability, which has a logarithmic axis.

    Parameters
    ----------
    roc : :class:`~sionna_isac.metrics.ROC` | ([num_points], [num_points])
        Characteristic, or false-alarm and detection probabilities
    low, high : `None` (default) | [num_points], array_like
        Lower and upper ends of the interval of the detection probability; `None` draws none
    method : `str`
        Method, which chooses the colour as in :func:`show_curve`
    label : `None` (default) | `str`
        Text in the legend; `None` is ``method``
    misdetection : `bool`, (default `False`)
        If `True`, the misdetection probability is drawn instead, on a logarithmic axis
    ax : `None` (default) | `matplotlib.axes.Axes`
        Axes; `None` makes a figure with a legend
    line : keyword arguments
        Properties of the line, as in matplotlib

    Output
    ------
    : `matplotlib.axes.Axes`
        Axes

    Example
    -------
    >>> found = isac.metrics.roc(metric, num_true, np.logspace(-3, -1, 9))
    >>> isac.plots.show_roc(found, method="OMP", misdetection=True)
    """
    try:
        p_fa, p_d = (roc.p_fa, roc.p_d) if hasattr(roc, "p_fa") else roc
    except (TypeError, ValueError):
        raise TypeError(
            f"roc must be a ROC, or a pair of false-alarm and detection probabilities; got {roc!r}"
        ) from None
    p_fa = vector("p_fa", p_fa)
    values = [
        None if v is None else vector(n, v, p_fa.size, "p_fa")
        for n, v in (("p_d", p_d), ("low", low), ("high", high))
    ]
    if misdetection:
        missed = [None if v is None else 1 - v for v in values]
        values = [missed[0], missed[2], missed[1]]
    ax = show_curve(
        p_fa,
        *values,
        method=method,
        label=label,
        xlabel="false-alarm probability",
        ylabel="misdetection probability" if misdetection else "detection probability",
        ax=ax,
        **line,
    )
    ax.set(xscale="log", yscale="log" if misdetection else "linear")
    return ax


def add_bound(
    ax: Any, level: Any, bound: Any, quantity: str = "position", label: str = "Cramér-Rao bound"
) -> Any:
    """Draw a bound beneath the errors on given axes.

    Parameters
    ----------
    ax : `matplotlib.axes.Axes`
        Axes
    level : [num_points], array_like
        Positions on the horizontal axis
    bound : [num_points], array_like | list of :class:`~sionna_isac.bound.PointTargetBound`
        Standard deviations, or the bounds of the targets at each point, whose root mean square is
        comparable with an RMSE over these targets
    quantity : "position" (default) | "angle" | "range"
        Quantity of a :class:`~sionna_isac.bound.PointTargetBound` [m, rad or m]
    label : `str`
        Text in the legend

    Output
    ------
    : `matplotlib.lines.Line2D`
        The line

    Example
    -------
    >>> bound = isac.bound.point_target_bound
    >>> bounds = [bound(array, numerology, targets, beam, x, no) for no in nos]
    >>> isac.plots.add_bound(plt.gca(), snr_db, bounds)
    """
    values = [getattr(b.rms, quantity) if hasattr(b, "rms") else b for b in bound]
    color = METHODS["Cramér-Rao bound"].color
    (line,) = ax.plot(level, values, color=color, ls="--", lw=1.5, label=label, zorder=1)
    return line
