"""Figure of a surface and its scatterers."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from sionna_isac.plots._inputs import real, vector
from sionna_isac.plots.style import CYCLE, finish

__all__ = ["show_surface"]

LARGEST = 120.0  # area of the marker of the largest weight [points^2]
SIDE = np.array([0.7, 0.3])  # of the camera from the array: turn and rise [rad]
TICKS = 5  # on the longest axis, at most
LIGHT = 0.35  # share of the colour on the dark side


def show_surface(
    vertices: Any,
    faces: Any,
    scatterers: Any = None,
    weights: Any = None,
    *,
    towards: Any = None,
    label: str | None = "scatterers",
    ax: Axes3D | None = None,
) -> Axes3D:
    """Shaded surface of triangles with its scatterers, sized by weight.

    The area of a marker is proportional to the weight. The surface is drawn beneath all scatterers,
    whichever side they are on.

    Parameters
    ----------
    vertices : [num_vertices, 3], array_like
        Points [m]
    faces : [num_faces, 3], array_like
        Numbers of the vertices of each triangle, counter-clockwise as seen from outside
    scatterers : `None` (default) | [num_scatterers, 3], array_like
        Positions [m]
    weights : `None` (default) | [num_scatterers], array_like
        Weights, not negative; `None`: all the same
    towards : `None` (default) | [3], array_like
        Direction of the array as seen from the target: an arrow shows it, light comes from there,
        and the camera stands at its side
    label : `None` | `str`, (default "scatterers")
        Name of the scatterers in the legend
    ax : `None` (default) | `mpl_toolkits.mplot3d.Axes3D`
        Axes in three dimensions; a new figure by default

    Output
    ------
    : `mpl_toolkits.mplot3d.Axes3D`
        Axes in m, all of the same scale

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, a face names no vertex, or a weight is negative

    Example
    -------
    >>> points, weights = surface.scatterers(**pose)
    >>> isac.plots.show_surface(*surface.mesh(), points, weights)
    """
    vertices = _triples("vertices", vertices)
    faces = _triples("faces", faces)
    if np.any(faces != np.rint(faces)) or not 0 <= faces.min() <= faces.max() < len(vertices):
        raise ValueError(
            f"faces must be numbers of vertices, 0 ... {len(vertices) - 1}; got values from "
            f"{faces.min():g} to {faces.max():g}"
        )
    if towards is not None:
        towards = vector("towards", towards, 3, "a direction")
        if not np.linalg.norm(towards) > 0:
            raise ValueError(f"towards must be a direction, not zero; got {towards.tolist()}")
        towards = towards / np.linalg.norm(towards)
    places, sizes = _markers(scatterers, weights)
    new = ax is None
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(5.6, 4.4), subplot_kw={"projection": "3d"})
    if not isinstance(ax, Axes3D):
        raise TypeError(f"ax must be axes in three dimensions, projection='3d'; got {ax!r}")
    corners = vertices[faces.astype(np.int64)]
    ax.computed_zorder = False
    colours = _shaded(corners, towards)
    ax.add_collection3d(
        Poly3DCollection(corners, facecolors=colours, edgecolors=colours, lw=0.2, zorder=1)
    )
    low, high = vertices.min(0), vertices.max(0)
    if len(places):
        ax.scatter(
            *places.T, s=sizes, color=CYCLE[1], edgecolors="white", lw=0.5, depthshade=False,
            label=label, zorder=2,
        )  # fmt: skip
        low, high = np.minimum(low, places.min(0)), np.maximum(high, places.max(0))
    if towards is not None:
        reach = np.linalg.norm(high - low) / 2
        start, end = 0.9 * reach * towards, 0.5 * reach * towards
        ax.quiver(*(start + end), *-end, color=CYCLE[3], label="from the array", zorder=3)
        low, high = np.minimum(low, start + end), np.maximum(high, start + end)
        azimuth, elevation = np.arctan2(towards[1], towards[0]), np.arcsin(towards[2])
        turn, rise = np.rad2deg([azimuth + SIDE[0], elevation + SIDE[1]])
        ax.view_init(elev=float(np.clip(rise, -85, 85)), azim=float(turn))
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    ax.set_box_aspect(high - low)
    for axis, span in zip((ax.xaxis, ax.yaxis, ax.zaxis), high - low, strict=True):
        number = max(2, round(TICKS * span / (high - low).max()))
        axis.set_major_locator(MaxNLocator(number, steps=[1, 2, 5, 10]))
    ax.tick_params(labelsize=8, pad=0)
    ax.set(xlabel="x [m]", ylabel="y [m]", zlabel="z [m]")
    finish(ax, new)
    return ax


def _triples(name: str, value: Any) -> np.ndarray:
    array = real(name, value)
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise ValueError(f"{name} must have shape [number, 3]; got shape {list(array.shape)}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    return array


def _markers(scatterers: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Places of the markers, and their areas."""
    if scatterers is None:
        if weights is not None:
            raise ValueError("weights must come with scatterers; got none")
        return np.zeros((0, 3)), np.zeros(0)
    places = _triples("scatterers", scatterers)
    if weights is None:
        return places, np.full(len(places), LARGEST / 4)
    weights = vector("weights", weights, len(places), "scatterers")
    if not np.all(weights >= 0) or not weights.max() > 0:
        raise ValueError(f"weights must be >= 0, and > 0 somewhere; got {weights.min():g}")
    return places, LARGEST * weights / weights.max()


def _shaded(corners: np.ndarray, towards: np.ndarray | None) -> np.ndarray:
    """Colours of triangles, light where they face the light."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal /= np.where(length > 0, length, 1)
    light = np.array([0.45, -0.6, 0.66]) if towards is None else towards
    amount = LIGHT + (1 - LIGHT) * np.clip(normal @ light, 0, 1)
    return amount[:, np.newaxis] * (0.25 + 0.75 * np.array(to_rgb(CYCLE[7])))
