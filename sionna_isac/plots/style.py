"""Common style of all figures: one look and one text for each method, and new figures."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter

__all__ = [
    "CYCLE",
    "DARK",
    "GREY",
    "MARKERS",
    "METHODS",
    "Method",
    "axes_or_new",
    "banded",
    "finish",
    "look",
    "new_figure",
    "plain_ticks",
    "series",
    "words",
]

# Colours that differ for the colour-blind too: those of Okabe and Ito, darker where lines are thin
DARK, GREY = "#2d2d2d", "#7f7f7f"
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, BROWN, PINK, SKY = "#8e2d8e", "#8c6239", "#e377a8", "#56b4e9"
OLIVE, NAVY = "#8a8a00", "#332288"
CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, SKY)  # of cases that are no methods
MARKERS = "os^vPX<>*p"  # without the diamond, which marks printed values


class Method(NamedTuple):
    """Look of a method in all figures, and its text in legends."""

    color: str
    marker: str
    words: str = ""
    """Text with fields of the method in braces; empty: the name of the method"""
    line: str = "-"
    """Style of the line; variants of a method share its colour, and have hollow markers"""


VECTORS = "learned steering vectors, {num_angles} angles"
UNITS = "networks, {hidden_size} hidden units"

METHODS = {
    # knowledge of the array
    "unknown": Method(RED, "s", "impairments unknown"),
    "baseline": Method(RED, "s", "baseline, ideal array assumed"),
    "impaired": Method(RED, "s"),
    "learned": Method(BLUE, "o", "impairments learned"),
    "learned_moving": Method(BLUE, "o", "learned from moving targets"),
    "learned_at_rest": Method(BLUE, "o", "learned from targets at rest", "--"),
    "impairments": Method(BLUE, "o", "impairments learned"),
    "known": Method(DARK, "^", "impairments known"),
    "ideal": Method(DARK, "^"),
    "dictionary": Method(GREEN, "p", VECTORS),
    "dictionary_limited": Method(GREEN, "p", VECTORS, "--"),
    "model_driven": Method(GREEN, "p", VECTORS),
    "model_driven_limited": Method(GREEN, "p", VECTORS, "--"),
    "nnbl": Method(PURPLE, "v", "networks (NNBL)"),
    "nnbl_limited": Method(PURPLE, "v", "networks (NNBL), limited size", "--"),
    "networks": Method(PURPLE, "v", UNITS),
    "networks_limited": Method(PURPLE, "v", UNITS, "--"),
    "networks_joint": Method(PURPLE, "v", UNITS + ", joint step", ":"),
    # receivers
    "omp_known": Method(ORANGE, "X", "OMP, impairments known"),
    "differentiable_omp_known": Method(DARK, "^", "differentiable OMP, impairments known"),
    "OMP": Method(ORANGE, "X"),
    "differentiable OMP": Method(BLUE, "P"),
    "MUSIC": Method(RED, "s"),
    "maximum likelihood": Method(GREEN, "o"),
    "maximum likelihood, symbols known": Method(GREEN, "o"),
    "Cramér-Rao bound": Method(GREY, "", line="--"),
    "map, interpolated": Method(ORANGE, "X", "peak of the map, interpolated"),
    # detectors
    "CFAR ca": Method(BLUE, "<", "CA-CFAR"),
    "CFAR go": Method(RED, "s", "GO-CFAR"),
    "CFAR so": Method(SKY, "v", "SO-CFAR"),
    "CFAR os": Method(PURPLE, "P", "OS-CFAR"),
    # beams for a near target
    "minimize_speb": Method(BLUE, "o"),
    "maximize_snr": Method(ORANGE, "s"),
    "two_stage": Method(GREEN, "^"),
    "sensing_only": Method(GREY, "v"),
    "maximize_sum_rate": Method(PURPLE, "o"),
    "matrix_approximation": Method(RED, "s"),
    "communication_only": Method(GREY, "v"),
    # beams for an extended target
    "smallest CRB, certified": Method(BLUE, "o"),
    "smallest CRB, reduced SDR": Method(SKY, "v"),
    "smallest CRB, published SDR": Method(PURPLE, "P"),
    "most power on the centre": Method(ORANGE, "s"),
    "most power on the region": Method(GREEN, "^"),
    "weighted metric": Method(RED, "X"),
    "head 'subspace'": Method(BLUE, "o"),
    "head 'direct'": Method(PURPLE, "P"),
    # receivers of vehicles
    "far-field periodogram": Method(BROWN, "<"),
    "matched filter, non-coherent": Method(RED, "v"),
    "matched filter, coherent": Method(PINK, ">"),
    "shared encoder": Method(RED, "v"),
    "shared encoder, PCGrad": Method(ORANGE, "s"),
    "Cross-Stitch": Method(GREEN, "^"),
    "two encoders": Method(BROWN, "<"),
    "classification alone": Method(DARK, ">"),
    "localisation alone": Method(PINK, "X"),
    "cross-task attention": Method(PURPLE, "P"),
    "attention, NLL": Method(SKY, "*"),
    "attention, NLL, physics": Method(BLUE, "o"),
    "attention, without planar": Method(BLUE, "o", line="--"),
    "attention, without peak": Method(BLUE, "o", line=":"),
    "attention, without coupling": Method(BLUE, "o", line="-."),
    "attention on focused images": Method(BLUE, "p"),
    "focused receiver": Method(DARK, "*"),
    # scattering
    "Mie series": Method(DARK, ""),
    "filtered, partial voxels": Method(BLUE, "o"),
    "filtered, whole voxels": Method(GREEN, "v"),
    "galerkin, partial voxels": Method(PURPLE, "P"),
    "point, partial voxels": Method(ORANGE, "^"),
}
# of variants that the table does not name
_LINES = ("--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
_REFERENCES = ("known", "differentiable_omp_known")  # below the others: curves that meet both show
_RARE, _COMMON = (SKY, BROWN, PINK, OLIVE, NAVY, GREY), (ORANGE, GREEN, PURPLE, RED, BLUE)
_SIGNS = "<>*hdv8PXp"

_looks: WeakKeyDictionary[Any, dict[str, dict[str, Any]]] = WeakKeyDictionary()


def words(method: str, fields: Mapping[str, Any] | None = None) -> str:
    """Text of a method in legends; a name that the table does not have stays as it is.

    A variant such as "known_graded" has the text of its method and the rest of its name:
    "impairments known, graded".

    Parameters
    ----------
    method : `str`
        Name of the method
    fields : `None` (default) | mapping
        Fields of the method in the scenario, which the text may show
    """
    base = _base(method)
    if base is None:
        return method
    text, rest = METHODS[base].words, method[len(base) :].strip("_, ").replace("_", " ")
    try:
        text = text.format_map(fields or {}) or base
    except KeyError:
        text = text.partition(",")[0]
    return f"{text}, {rest}" if rest else text


def _base(method: str) -> str | None:
    """Method of the table with this name, or that of which it is a variant."""
    if method in METHODS:
        return method
    bases = [n for n in METHODS if method.startswith((f"{n}_", f"{n}, "))]
    return max(bases, key=len, default=None)


def look(ax: Axes, method: str) -> dict[str, Any]:
    """Properties of the line of a method: those of the table, in all figures.

    A name such as "OMP, finer grid" or "known_graded" is a variant of "OMP" or "known": it has its
    colour with another line. Other names get a colour and a marker by their letters, or the next
    ones if a method of the figure has these.
    """
    looks = _looks.setdefault(ax.get_figure(root=True), {})
    method = str(method)
    if method not in looks:
        looks[method] = _fixed(method, looks) or _free(method, looks)
    return dict(looks[method])


def _fixed(method: str, looks: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Look of a method of the table, or of a variant of one."""
    if method in METHODS:
        color, marker, _, line = METHODS[method]
        more: dict[str, Any] = {} if line == "-" else {"ls": line, "mfc": "none"}
        if method in _REFERENCES:
            more = {"lw": 2.4, "zorder": 1.9}
        return {"color": color, "marker": marker, **more}
    name = _base(method)
    if name is None:
        return None
    base = METHODS[name]
    taken = [other.get("ls") for other in looks.values() if other["color"] == base.color]
    lines = [line for line in _LINES if line not in taken]
    return {"color": base.color, "marker": base.marker, "ls": (lines or _LINES)[0], "mfc": "none"}


def _free(method: str, looks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Colour and marker by the letters of a name, other than those of the figure."""
    start = zlib.crc32(method.encode())
    colours = [ring[(start + i) % len(ring)] for ring in (_RARE, _COMMON) for i in range(len(ring))]
    signs = [_SIGNS[(start + i) % len(_SIGNS)] for i in range(len(_SIGNS))]
    used = {(other["color"], other["marker"]) for other in looks.values()}
    taken = {color for color, _ in used}
    pairs = [(color, sign) for sign in signs for color in colours]
    fresh = [pair for pair in pairs if pair[0] not in taken]
    unlike = [pair for pair in pairs if pair not in used]
    color, marker = (fresh or unlike or pairs)[0]
    return {"color": color, "marker": marker}


def series(number: int) -> dict[str, Any]:
    """Colour and marker of a case that is no method, such as a number of users, by its place."""
    return {"color": CYCLE[number % len(CYCLE)], "marker": MARKERS[number % len(MARKERS)]}


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
    """Write numbers such as 0.02 rather than powers of ten on a logarithmic axis.

    Numbers stand at 1, 2 and 5 of each decade, or at more places in less than one. Ticks that were
    set stay.
    """
    low, high = sorted(axis.get_view_interval())
    if not isinstance(axis.get_major_locator(), FixedLocator):
        places = (1.0, 2.0, 5.0) if high > 10 * low else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
        axis.set_major_locator(LogLocator(subs=places))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
    axis.set_tick_params(which="both", labelsize=8)
