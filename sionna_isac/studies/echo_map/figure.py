"""Figure of near-field echoes of extended and point targets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sionna_isac.plots import show_map
from sionna_isac.plots.style import new_figure
from sionna_isac.plots.target import PARTS

__all__ = ["echo_map"]

FLOOR = -25  # dB
SPAN = 30  # dB of magnitudes
DOTS = 4000  # voxels drawn at most
ANTENNAS = ("#c44e52", "#4c72b0")  # transmitters, receivers


def echo_map(dataset: xr.Dataset) -> Figure:
    """Scene, images of a point target and of the extended one, and magnitudes for every target.

    Images are near-field matched filters, the maximum over heights, in dB of the peak (crosses; its
    value is 1 for the echo of a single place). White: outline, star: centre of the target.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Result of a scenario of kind "echo_map"

    Output
    ------
    : `matplotlib.figure.Figure`
        Figure with a row for each target
    """
    scenario = json.loads(dataset.attrs["scenario"])
    count = dataset.sizes["target"]
    title = f"{dataset.attrs.get('title', '')}, voxels of {scenario['solver']['voxel_size']:g} m"
    figure, axes = new_figure(
        count, 5, title, (16, 3.3 * count + 0.4), width_ratios=(1.35, 1, 1, 0.9, 0.9)
    )
    for i, row in enumerate(axes):
        target = dataset.isel(target=i)
        scene = _three_dimensional(figure, row[0])
        _scene(scene, dataset, i)
        for ax, model in zip(row[1:3], ("point", "extended"), strict=True):
            image = _image(ax, target.sel(model=model), dataset[f"voxels{i}"].values)
            away, part = (float(target[n].sel(model=model)) for n in ("peak_error", "peak"))
            title = f"{model} target: peak of {part:.2f},\n{away:.2f} m from the centre"
            ax.set_title(title, fontsize=9)
        figure.colorbar(image, ax=row[2], label="dB of the highest")
        _magnitudes(figure, row[3:], target)
    return figure


def _three_dimensional(figure: Figure, ax: Any) -> Any:
    """Replace a panel of the figure by a three-dimensional one."""
    spec = ax.get_subplotspec()
    ax.remove()
    return figure.add_subplot(spec, projection="3d")


def _scene(ax: Any, dataset: xr.Dataset, i: int) -> None:
    """Array and target, with heights over the ground."""
    ground = np.array([0, 0, json.loads(dataset.attrs["scenario"])["array"]["height"]])
    voxels, part = dataset[f"voxels{i}"].values + ground, dataset[f"part{i}"].values
    names = dataset.attrs[f"part_names{i}"].split()
    step = -(-len(voxels) // DOTS)
    colours = np.array([PARTS.get(name, "#777777") for name in names])
    x, y, z = voxels[::step].T
    look = {"s": 14, "lw": 0, "marker": "s", "depthshade": False, "zorder": 2}
    ax.computed_zorder = False  # lines of the array would end up behind the walls
    ax.scatter(x, y, z, c=colours[part[::step]], **look)
    for side, colour in zip(("tx", "rx"), ANTENNAS, strict=True):
        line = dataset[f"{side}_position"].values + ground
        ax.plot(*line.T, color=colour, lw=3, zorder=4)
    center = dataset["center"].values[i] + ground
    ax.plot(*np.stack([ground, center]).T, color="#2d2d2d", lw=0.8, ls=":", zorder=3)
    ax.scatter(*center[:, np.newaxis], marker="*", s=80, c="#e0a800", ec="k", lw=0.5, zorder=5)
    side = max(1.6, np.abs(voxels[:, 1]).max())
    ends = [(0, float(voxels[:, 0].max()) + 0.3), (-side, side), (0, 2.6)]
    ax.set(xlim=ends[0], ylim=ends[1], zlim=ends[2])
    ax.set_box_aspect([b - a for a, b in ends], zoom=1.12)
    ax.view_init(elev=24, azim=-140)
    ax.set(yticks=[-2, 0, 2], zticks=[0, 1, 2])
    ax.set_xlabel("x [m]", fontsize=8)
    ax.set_ylabel("y [m]", fontsize=8, labelpad=-4)
    ax.tick_params(labelsize=7, pad=-2)
    ax.set_title(str(dataset["target"].values[i]), fontsize=9)
    handles = [
        Patch(color=c, label=t)
        for c, t in zip(ANTENNAS, ("transmitters", "receivers"), strict=True)
    ]
    ax.legend(handles=handles, fontsize=7, loc="upper left", frameon=False)


def _image(ax: Any, row: xr.Dataset, voxels: np.ndarray) -> Any:
    """Image over the horizontal plane with the outline of the target and the peak."""
    peak = row["peak_azimuth"], row["peak_range"]
    image = row["image"].values.T, row["azimuth"], row["range"]
    show_map(*image, detections=peak, floor=FLOOR, plane=True, colorbar=False, ax=ax)
    ax.plot(*_hull(voxels[:, 1::-1]).T, color="white", lw=1)
    ax.plot(*row["center"].values[1::-1], "*", ms=9, mfc="#e0a800", mec="k", mew=0.5)
    return ax.collections[0]


def _hull(points: np.ndarray) -> np.ndarray:
    """Closed convex hull [K, 2] of points in the plane."""
    from scipy.spatial import ConvexHull

    corners = ConvexHull(points).vertices
    return points[[*corners, corners[0]]]


def _magnitudes(figure: Figure, axes: Any, target: xr.Dataset) -> None:
    """Magnitude of the extended target's channel over antennas, and over subcarriers."""
    size = np.hypot(target["channel_real"].values, target["channel_imag"].values)
    rms = np.sqrt(np.mean(size**2, axis=(1, 2, 3), keepdims=True))
    point, row = 20 * np.log10(np.maximum(size / rms, 1e-9))
    middle = row.shape[0] // 2, row.shape[1] // 2
    panels = (
        (row[middle[0]], "receiver (z)", "middle tone"),
        (row[:, middle[1]], "subcarrier", "middle receiver"),
    )
    for ax, (values, label, title) in zip(axes, panels, strict=True):
        image = ax.imshow(values, origin="lower", aspect="auto", vmin=-SPAN + 10, vmax=10)
        ax.set(xlabel="transmitter (y)", ylabel=label)
        ax.set_title(f"magnitude of the channel,\n{title}", fontsize=9)
        ax.grid(False)
    figure.colorbar(image, ax=axes[1], label="dB of the RMS")
    note = f"point target: within {np.abs(point).max():.1f} dB"
    axes[0].text(0.03, 0.03, note, transform=axes[0].transAxes, color="white", fontsize=7.5)
