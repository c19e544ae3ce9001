"""Common style of all figures."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

__all__ = [
    "CYCLE",
    "DARK",
    "MARKERS",
    "axes_or_new",
    "banded",
    "finish",
    "label",
    "look",
    "new_figure",
    "plain_ticks",
]

DARK = "#2d2d2d"
CYCLE = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#64b5cd")
MARKERS = "osD^vPX<>*"
# of methods that have the same name in many figures
OWN = {
    "unknown": {"color": "#c44e52", "marker": "s"},
    "learned": {"color": "#4c72b0", "marker": "o"},
    "known": {"color": DARK, "marker": "^"},
    "Mie series": {"color": DARK, "marker": ""},
}
OWN |= {"impaired": OWN["unknown"], "ideal": OWN["known"]}

_looks: WeakKeyDictionary[Any, dict[str, dict[str, Any]]] = WeakKeyDictionary()


def label(method: str) -> str:
    """Text of a method in legends."""
    return f"impairments {method}"


def look(ax: Axes, method: str) -> dict[str, Any]:
    """Colour and marker of a method, the same in all panels of a figure.

    Methods without a fixed look take the next one, in the order in which they are first drawn.
    """
    looks = _looks.setdefault(ax.get_figure(root=True), {})
    if method not in looks:
        used = {other["color"] for other in looks.values()}
        number = sum(other not in OWN for other in looks)
        turns = [
            {"color": CYCLE[i % len(CYCLE)], "marker": MARKERS[i % len(MARKERS)]}
            for i in range(number, number + len(CYCLE))
        ]
        choices = [OWN[method], *turns] if method in OWN else turns
        free = [choice for choice in choices if choice["color"] not in used]
        looks[method] = (free or turns)[0]
    return dict(looks[method])


def banded(row: Any, name: str) -> list[np.ndarray]:
    """Values of a result, and the lower and upper ends of their intervals."""
    return [np.asarray(row[f"{name}{end}"]) for end in ("", "_low", "_high")]


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


def axes_or_new(ax: Axes | None) -> tuple[Axes, bool]:
    """Given axes, or new ones of a pyplot figure, and `True` if they are new.

    New axes have a legend, which :func:`finish` renews.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
        ax.grid(True, which="major", alpha=0.3)
        return ax, True
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be matplotlib axes; got {ax!r}")
    return ax, False


def finish(ax: Axes, new: bool, legend: dict[str, Any] | None = None, **texts: str | None) -> Axes:
    """Set the given ``texts`` of axes, and renew the legend if they are new or have one."""
    ax.set(**{name: text for name, text in texts.items() if text is not None})
    if (new or ax.get_legend()) and ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8, **(legend or {}))
    return ax


def plain_ticks(axis: Any) -> None:
    """Write numbers such as 0.02 rather than powers of ten on a logarithmic axis."""
    axis.set_major_formatter(ScalarFormatter())
    low, high = sorted(axis.get_view_interval())
    few = np.log10(high / low) < 1.5
    axis.set_minor_formatter(ScalarFormatter() if few else NullFormatter())
    axis.set_tick_params(which="both", labelsize=8)
