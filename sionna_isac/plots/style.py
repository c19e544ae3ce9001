"""One look for all figures."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

__all__ = ["COLOURS", "CYCLE", "MARKERS", "curve", "label", "new_figure"]

COLOURS = {"unknown": "#c44e52", "learned": "#4c72b0", "known": "#2d2d2d"}
CYCLE = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#2d2d2d", "#64b5cd")
MARKERS = {"unknown": "s", "learned": "o", "known": "^"}


def label(method: str) -> str:
    """Text of a method in legends."""
    return f"impairments {method}"


def new_figure(
    rows: int, columns: int, title: str, size: tuple[float, float] | None = None, **ratios: Any
) -> tuple[Figure, Any]:
    """Figure with a grid of axes, independent of any display; ``ratios`` go to `subplots`."""
    size = size or (4.6 * columns, 3.5 * rows)
    figure = Figure(figsize=size, layout="constrained", dpi=120)
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(rows, columns, squeeze=False, **ratios)
    for ax in axes.flat:
        ax.grid(True, which="major", alpha=0.3)
    return figure, axes


def curve(ax: Any, method: str, x: Any, value: Any, low: Any, high: Any) -> None:
    """Curve of a method with its interval as a band."""
    colour = COLOURS[method]
    ax.plot(x, value, color=colour, marker=MARKERS[method], ms=4, label=label(method))
    ax.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
