"""Marks beside the curves: printed values, numbers at points, ends of intervals, legends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from sionna_isac.plots.style import DARK, plain_ticks

__all__ = ["PRINTED", "fit_axis", "legend_below", "number_points", "open_below", "show_printed"]

PRINTED = "printed in the paper"
_MARK = "_beyond the axis"  # no text in legends
_NEAR = 11.0, 7.0  # least distance of two numbers, right and up [pixel at 72 dpi]


def show_printed(ax: Axes, x: Any, y: Any, color: str, text: str = PRINTED) -> None:
    """Draw values that a publication prints as hollow diamonds, with one entry in the legend."""
    style: dict[str, Any] = {"marker": "D", "mfc": "none", "ls": "", "ms": 8, "zorder": 5}
    ax.plot(x, y, color=color, **style)
    if text not in ax.get_legend_handles_labels()[1]:
        ax.plot([], [], color=DARK, label=text, **{**style, "ms": 6})


def fit_axis(ax: Axes, bottom: float | None = None) -> None:
    """Choose the vertical limits by the values, and mark the intervals that reach beyond.

    A triangle at the edge says that the error bar goes on, such as one down to 0 on a logarithmic
    axis. The curves count for the limits, and so do intervals as far as they are close to them.

    Parameters
    ----------
    ax : `matplotlib.axes.Axes`
        Axes; the scale is set before
    bottom : `None` (default) | `float`
        Lower end of the axis
    """
    log = ax.get_yscale() == "log"
    bars = [c for c in ax.containers if isinstance(c, ErrorbarContainer) and c[2]]
    caps = {cap for bar in bars for cap in bar[1]}
    lines = [x for x in ax.lines if x not in caps and x.get_transform() == ax.transData]
    segments = [(bar, s) for bar in bars for s in bar[2][0].get_segments() if len(s) == 2]
    values = np.concatenate([np.ravel(x.get_ydata(orig=False)) for x in lines] or [np.zeros(0)])
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not values.size:
        return
    if bottom is not None:
        values = np.append(values, bottom)
    low, high = _limits(values, log)
    bands = [c for c in ax.collections if isinstance(c, PolyCollection)]
    corners = [np.asarray(path.vertices)[:, 1] for band in bands for path in band.get_paths()]
    ends = np.concatenate([values, *(s[:, 1] for _, s in segments), *corners])
    inner = np.clip(ends[np.isfinite(ends)], low, high)
    low, high = _widened(inner.min(), inner.max(), log)
    ax.set_ylim(low if bottom is None else bottom, high)
    if log and high / low < 300:
        plain_ticks(ax.yaxis)
    low, high = ax.get_ylim()
    style: dict[str, Any] = {"ms": 5, "clip_on": False, "label": _MARK, "zorder": 4}
    for bar, ((x, start), (_, end)) in segments:
        for edge, beyond, marker in ((low, start < low, "v"), (high, end > high, "^")):
            if beyond:
                ax.plot(x, edge, marker, color=bar[2][0].get_colors()[0], **style)


def open_below(ax: Axes, x: Any, y: Any, low: Any, color: str) -> np.ndarray:
    """Draw bars down to 0 where an interval ends there, and return its ends with ``y`` instead.

    A band has no place for 0 on a logarithmic axis; :func:`fit_axis` marks the bars.
    """
    x, y, low = (np.asarray(v, np.float64) for v in (x, y, low))
    closed = low > 0
    if np.any(~closed & np.isfinite(y)):
        here = ~closed & np.isfinite(y)
        ends = [y[here], np.zeros(here.sum())]
        ax.errorbar(x[here], y[here], ends, fmt="none", ecolor=color, elinewidth=0.6)
    return np.where(closed, low, y)


def _limits(values: np.ndarray, log: bool) -> tuple[float, float]:
    """Range that intervals may fill: a factor of 2 beyond the values, or half their span."""
    low, high = float(values.min()), float(values.max())
    if log:
        return low / 2, high * 2
    more = 0.5 * (high - low or abs(high) or 1)
    return low - more, high + more


def _widened(low: float, high: float, log: bool) -> tuple[float, float]:
    if log:
        factor = max((high / low) ** 0.05, 1.04)
        return low / factor, high * factor
    more = 0.05 * (high - low or abs(high) or 1)
    return low - more, high + more


def number_points(ax: Axes, x: Any, y: Any, numbers: Iterable[float], color: str) -> None:
    """Write a number beside each point of a curve, unless another one stands there.

    The limits of the axes are set before.
    """
    scale = ax.figure.dpi / 72
    taken = [ax.transData.transform(t.xy) for t in ax.texts if hasattr(t, "xy")]
    for place, number in zip(np.column_stack([x, y]), numbers, strict=True):
        there = ax.transData.transform(place)
        if not np.all(np.isfinite(there)):
            continue
        text = f"{number:.2g}"
        width = _NEAR[0] + 3 * len(text)
        away = [np.abs(there - other) / scale for other in taken]
        if any(right < width and up < _NEAR[1] for right, up in away):
            continue
        taken.append(there)
        ax.annotate(
            text, place, (3, 3), textcoords="offset points", color=color, fontsize=6.5, zorder=6
        )


def legend_below(
    figure: Figure,
    axes: Iterable[Axes],
    title: str | None = None,
    columns: int = 4,
    more: Sequence[Any] = (),
) -> None:
    """Legend of all axes, below them: no method needs to be in each of them.

    Printed values are the last entries, after the handles ``more``.
    """
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    found |= {handle.get_label(): handle for handle in more}
    order = sorted(found, key=lambda label: label.startswith("printed in"))
    figure.legend(
        [found[label] for label in order],
        order,
        loc="outside lower center",
        ncols=min(columns, len(order)),
        fontsize=8,
        title=title,
        title_fontsize=8,
    )
