"""Figure of a target as voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sionna_isac.plots.style import new_figure

if TYPE_CHECKING:
    from sionna_isac.scene import VoxelTarget

__all__ = ["PARTS", "show_target"]

PARTS = {
    "body": "#6f87a6",
    "windows": "#a8dcec",
    "tyres": "#2d2d2d",
    "rims": "#b9bcc2",
    "bumpers": "#4a5a6e",
    "engine": "#8c564b",
    "axles": "#e0a800",
    "seats": "#c49c6c",
    "seat": "#5b3f2b",
    "frame": "#c44e52",
    "tank": "#4c72b0",
    "rider": "#dda77b",
}
OTHERS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#64b5cd")
WIDTH = 9.5  # of the figure [inch]


def show_target(target: VoxelTarget) -> Figure:
    """Voxels of a target: three orthogonal views and two sections, coloured by part.

    Views show the nearest voxels, darker at larger distances. Sections go through the middle of the
    target; their colours fade with the fill of the voxels.

    Parameters
    ----------
    target : :class:`~sionna_isac.scene.VoxelTarget`
        Target; it is drawn in its body frame

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with five panels and a legend; axes in m
    """
    # here: figures of stored results need neither targets nor TensorFlow
    from sionna_isac.core import checks
    from sionna_isac.scene import VoxelTarget

    checks.instance("target", target, VoxelTarget)
    nx, ny, nz = target.shape
    figure, axes = new_figure(
        3,
        2,
        f"{target.category or 'target'}: {target.num_voxels} voxels of {target.voxel_size:g} m",
        size=(WIDTH, float(np.clip(WIDTH * (2 * nz + ny) / (nx + ny), 4, 16)) + 1.2),
        width_ratios=(nx, ny),
        height_ratios=(nz, nz, ny),
    )
    part = target.grid(target.part, -1)
    fill = target.grid(target.fill)
    colours = np.array([_colour(name, i) for i, name in enumerate(target.part_names)])
    x, y, z = 0, 1, 2
    panels = (
        (axes[0, 0], (x, z), "from the right", _view(part, colours, y, first=True)),
        (axes[0, 1], (y, z), "from the front", _view(part, colours, x, first=False)),
        (axes[1, 0], (x, z), _cut(target, y), _section(part, fill, colours, y)),
        (axes[1, 1], (y, z), _cut(target, x), _section(part, fill, colours, x)),
        (axes[2, 0], (x, y), "from above", _view(part, colours, z, first=False)),
    )
    for ax, (right, up), title, image in panels:
        low, high = target.bounds
        extent = (low[right], high[right], low[up], high[up])
        ax.imshow(np.swapaxes(image, 0, 1), origin="lower", extent=extent, interpolation="nearest")
        ax.set(xlabel=f"{'xyz'[right]} [m]", ylabel=f"{'xyz'[up]} [m]")
        ax.set_title(title, fontsize=9)
        ax.grid(False)
    axes[2, 1].axis("off")
    handles = [
        Patch(facecolor=colour, edgecolor="#888888", label=_text(target, i))
        for i, colour in enumerate(colours)
    ]
    axes[2, 1].legend(handles=handles, loc="center", fontsize=8, frameon=False)
    return figure


def _view(part: np.ndarray, colours: np.ndarray, axis: int, first: bool) -> np.ndarray:
    """Colours of the nearest voxels along an axis, from its low end if ``first``, else its high."""
    cells = np.moveaxis(part, axis, -1)
    cells = cells if first else cells[..., ::-1]
    taken = cells >= 0
    depth = taken.argmax(-1)
    seen = np.take_along_axis(cells, depth[..., None], -1)[..., 0]
    light = 1 - 0.55 * depth / max(1, cells.shape[-1] - 1)
    return np.where(taken.any(-1, keepdims=True), colours[seen] * light[..., None], 1.0)


def _section(part: np.ndarray, fill: np.ndarray, colours: np.ndarray, axis: int) -> np.ndarray:
    """Colours of the cells in the middle of an axis; a small fill fades, but stays visible."""
    middle = part.shape[axis] // 2
    cut, amount = np.take(part, middle, axis), np.take(fill, middle, axis)
    weight = np.where(cut >= 0, 0.25 + 0.75 * amount, 0)
    return 1 - (1 - colours[cut]) * weight[..., None]


def _cut(target: VoxelTarget, axis: int) -> str:
    """Title of a section: the position of the middle cell of an axis."""
    cell = target.shape[axis] // 2
    place = target.bounds[0, axis] + (cell + 0.5) * target.voxel_size
    return f"section at {'xyz'[axis]} = {round(place, 6) + 0.0:g} m"


def _colour(name: str, index: int) -> tuple[float, float, float]:
    return to_rgb(PARTS.get(name, OTHERS[index % len(OTHERS)]))


def _text(target: VoxelTarget, index: int) -> str:
    """Name and material of a part, for the legend."""
    mine = np.flatnonzero(target.part == index)
    if not mine.size:
        return target.part_names[index]
    eps, sigma = target.permittivity[mine].mean(), target.conductivity[mine].mean()
    material = f"$\\sigma$ = {sigma:.2g} S/m"
    if sigma < 1e3:
        material = f"$\\varepsilon_r$ = {eps:.3g}, {material}"
    return f"{target.part_names[index]}: {material}"
