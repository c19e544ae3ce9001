"""Closed surfaces of extended targets, and what an array sees of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.scene._intersection import winding
from sionna_isac.scene._rays import cast
from sionna_isac.scene._visibility import AREAS, EMPTY, Cells, Pose, cell_weights, facing, pose_of
from sionna_isac.scene.mesh import Mesh

__all__ = ["ClosedSurface", "SurfaceScatterers"]

RULE = (128, 64)  # midpoints in u, Gauss-Legendre nodes in v
NEAR = 1.01  # of the radius, which is that of samples
THICKNESS = 1e-3  # of the radius: what is thinner throws no shadow


class SurfaceScatterers(NamedTuple):
    """Visible scatterers of a surface, the first two arguments of an extended target."""

    points: np.ndarray
    """[..., num_scatterers, 3], `np.float64` : Local positions [m]"""
    weights: np.ndarray
    """[..., num_scatterers], `np.float64` : Power weights, reflectivity times visible area"""


@cites("Wang25")
class ClosedSurface(ABC):
    r"""Base class of closed surfaces :math:`\mathbf{m}(u,v)` of extended targets.

    A subclass defines :meth:`points` and :meth:`normals` over the local azimuth
    :math:`u\in[0,2\pi)` and elevation :math:`v\in[-\pi/2,\pi/2]`. The local frame has x ahead, y to
    the left and z up; its origin is the centre of the target. With the orientation
    :math:`\varphi` of x and the centre at range :math:`d`, azimuth :math:`\theta` and elevation
    :math:`\phi` from the array, whose boresight is the x axis of the world, a point is at

    .. math::

        \mathbf{p} = d\,[\cos\phi\cos\theta, \cos\phi\sin\theta, \sin\phi]^\top
        + \mathbf{R}_z(\varphi)\,\mathbf{m}(u,v) .

    The array sees it if :math:`\mathbf{n}^\top\mathbf{p} < 0` for the outward normal.
    """

    @abstractmethod
    def points(self, u: Any, v: Any) -> np.ndarray:
        """Points [..., 3] at local azimuths u and elevations v, [...] each [m]."""

    @abstractmethod
    def normals(self, u: Any, v: Any) -> np.ndarray:
        """Outward normals [..., 3], as long as the area per du and dv [m^2/rad^2]."""

    @cached_property
    def area(self) -> float:
        """`float` : Area of the surface [m^2]"""
        _, normals, weight = self._rule
        return float(weight @ np.linalg.norm(normals, axis=1))

    @cached_property
    def volume(self) -> float:
        """`float` : Volume within the surface [m^3]; negative if normals point inwards"""
        points, normals, weight = self._rule
        return float(weight @ np.sum(points * normals, axis=1)) / 3

    @cached_property
    def bounds(self) -> np.ndarray:
        """[2, 3], `np.float64` : Lowest and highest corner in the local frame [m]"""
        points, *_ = self._rule
        return np.stack([points.min(0), points.max(0)])

    @cached_property
    def radius(self) -> float:
        """`float` : Largest distance of a point from the local origin [m]"""
        points, *_ = self._rule
        return float(np.linalg.norm(points, axis=1).max())

    def mesh(self, num_u: int = 96, num_v: int = 48) -> Mesh:
        """Triangles of the surface, closed and outward oriented.

        Parameters
        ----------
        num_u : `int`, (default 96)
            Number of steps of u
        num_v : `int`, (default 48)
            Number of steps of v

        Output
        ------
        vertices : [num_u (num_v - 1) + 2, 3], `np.float64`
            Points [m]
        faces : [2 num_u (num_v - 1), 3], `np.int64`
            Numbers of their vertices, as :class:`~sionna_isac.scene.MeshTarget` takes them
        """
        num_u = checks.integer("num_u", num_u, minimum=3)
        num_v = checks.integer("num_v", num_v, minimum=2)
        u = 2 * np.pi * np.arange(num_u) / num_u
        v = np.linspace(-np.pi / 2, np.pi / 2, num_v + 1)
        inner = self.points(u, v[1:-1, np.newaxis]).reshape(-1, 3)
        poles = self.points(0.0, v[[0, -1]])
        here = np.arange(num_u) + num_u * np.arange(num_v - 1)[:, np.newaxis]
        right = np.roll(here, -1, axis=1)
        first, last = np.full(num_u, len(inner)), np.full(num_u, len(inner) + 1)
        triangles = [
            (first, right[0], here[0]),
            (here[:-1], right[:-1], right[1:]),
            (here[:-1], right[1:], here[1:]),
            (here[-1], right[-1], last),
        ]
        faces = [np.stack([k.ravel() for k in corners], axis=1) for corners in triangles]
        return np.concatenate([inner, poles]), np.concatenate(faces)

    def towards_array(self, *, azimuth: float, elevation: float, orientation: float) -> np.ndarray:
        """Unit vector [3] in the local frame from the centre to the array, at angles in rad."""
        return _single(1.0, azimuth, elevation, orientation).array[0]

    def visible(
        self,
        u: Any,
        v: Any,
        *,
        range: float,
        azimuth: float,
        elevation: float,
        orientation: float,
        shadow: bool = False,
    ) -> np.ndarray:
        """Mask of the points that the array sees.

        Parameters
        ----------
        u : [...], array_like
            Local azimuths [rad]
        v : [...], array_like
            Local elevations [rad]
        range : `float`
            Distance of the centre from the array [m]
        azimuth : `float`
            Azimuth of the centre [rad]
        elevation : `float`
            Elevation of the centre [rad]
        orientation : `float`
            Direction of the local x axis in the horizontal plane [rad]
        shadow : `bool`, (default `False`)
            If `True`, points behind other parts of the surface are not visible. Convex surfaces
            have none.

        Output
        ------
        : [...], `np.bool_`
            `True` where the normal points to the array, and nothing is in between
        """
        pose = _single(range, azimuth, elevation, orientation)
        self._check_outside(pose)
        points = self.points(u, v)
        seen = facing(points, self.normals(u, v), pose.array[0]) > 0
        if shadow:
            seen[seen] = self._lit(points[seen], pose.array[0])
        return seen

    def scatterers(
        self,
        *,
        range: Any,
        azimuth: Any,
        elevation: Any,
        orientation: Any,
        cells: tuple[int, int] = (6, 4),
        subdivision: int = 4,
        area: str = "projected",
        reflectivity: Any = 1.0,
        normalize: bool = True,
        shadow: bool = False,
    ) -> SurfaceScatterers:
        r"""Scatterers of the visible cells of the surface.

        The angles u and v are divided into cells, and these into samples. The area of a cell is the
        sum over its visible samples of :math:`\mathbf{n}^\top\mathbf{e}\,\mathrm{d}u\,\mathrm{d}v`
        ("projected" on the plane across the direction :math:`\mathbf{e}` to the array) or
        :math:`\lVert\mathbf{n}\rVert\,\mathrm{d}u\,\mathrm{d}v` ("surface"). Its scatterer is at
        the mean u and v of the samples, weighted in the same way.

        The weights :math:`\zeta_l^2` are areas times reflectivities. The amplitude thus goes with
        the root of the area, and a finer division leaves the sum of powers as it is. With
        ``normalize``, the areas sum to one, as in [Wang25]_, whatever the size of the target.

        Parameters
        ----------
        range : `float` | [...], array_like
            Distance of the centre from the array [m]
        azimuth : `float` | [...], array_like
            Azimuth of the centre [rad]
        elevation : `float` | [...], array_like
            Elevation of the centre [rad]
        orientation : `float` | [...], array_like
            Direction of the local x axis in the horizontal plane [rad]
        cells : (`int`, `int`), (default (6, 4))
            Number of cells along u and along v
        subdivision : `int`, (default 4)
            Number of samples of a cell along u, and along v
        area : "projected" (default) | "surface"
            Area of a sample
        reflectivity : `float` | [num_u, num_v], array_like, (default 1)
            Factor of the weights, or one for each cell
        normalize : `bool`, (default `True`)
            If `True`, the visible areas sum to one, otherwise they are in m^2
        shadow : `bool`, (default `False`)
            If `True`, samples behind other parts of the surface are not visible

        Output
        ------
        points : [num_scatterers, 3] | [..., num_u num_v, 3], `np.float64`
            Local positions [m]
        weights : [num_scatterers] | [..., num_u num_v], `np.float64`
            Weights. Cells that are not visible are left out; in a batch of poses, they stay with
            weight 0.

        Raises
        ------
        ValueError
            If the array is within the surface, a visible scatterer is not in front of the array
            (x > 0), no sample is visible, or an argument is out of range
        """
        pose, shape = pose_of(range, azimuth, elevation, orientation)
        samples = self._samples(cells, subdivision)
        checks.one_of("area", area, AREAS)
        factor = _reflectivity(reflectivity, samples.shape)
        self._check_outside(pose)
        weights = cell_weights(samples, pose.array, area)
        if shadow:
            for row, array in zip(weights, pose.array, strict=True):
                row[row > 0] *= self._lit(samples.points[row > 0], array)
        size, u, v = samples.sums(weights)
        total = size.sum(1, keepdims=True)
        if not np.all(total > 0):
            raise ValueError(
                "cells must have samples that face the array, which more cells or a higher "
                f"subdivision would find; got {samples.shape[0]} x {samples.shape[1]} cells of "
                f"{subdivision} x {subdivision} samples, none visible"
            )
        size = np.where(size > EMPTY * total, size, 0)
        points = self.points(u, v)
        _check_ahead(pose, np.where(size > 0, pose.ahead(points), np.inf))
        weights = factor * (size / size.sum(1, keepdims=True) if normalize else size)
        if not shape:
            return SurfaceScatterers(points[0, size[0] > 0], weights[0, size[0] > 0])
        return SurfaceScatterers(points.reshape(*shape, -1, 3), weights.reshape(*shape, -1))

    @cached_property
    def _rule(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points, normals and weights of integrals over the surface."""
        nu, nv = RULE
        u = (np.arange(nu) + 0.5) * 2 * np.pi / nu
        node, weight = np.polynomial.legendre.leggauss(nv)
        v = node * np.pi / 2
        points, normals = (
            f(u, v[:, np.newaxis]).reshape(-1, 3) for f in (self.points, self.normals)
        )
        return points, normals, np.repeat(weight * np.pi**2 / nu, nu)

    @cached_property
    def _outline(self) -> Mesh:
        return self.mesh()

    @cached_property
    def _divided(self) -> dict[tuple[int, int, int], Cells]:
        """Samples by the numbers of cells and their subdivision: poses share them."""
        return {}

    def _samples(self, cells: Any, subdivision: int) -> Cells:
        numbers = checks.integers("cells", cells)
        if len(numbers) != 2:
            raise ValueError(f"cells must be two numbers, along u and along v; got {cells!r}")
        key = (*numbers, checks.integer("subdivision", subdivision))
        if key not in self._divided:
            self._divided[key] = Cells(self, numbers, subdivision)
        return self._divided[key]

    def _lit(self, points: np.ndarray, array: np.ndarray) -> np.ndarray:
        """Mask of points that face the array such that no body is in between.

        A ray that leaves the surface before it comes to the point has gone through a body.
        """
        sight = points - array
        length = np.linalg.norm(sight, axis=1)
        found = cast(array, sight / length[:, np.newaxis], *self._outline)
        before = found.distance < length[found.ray] - THICKNESS * self.radius
        blocked = found.ray[before & (found.leaves > 0)]
        return np.bincount(blocked, minlength=len(points)) == 0

    def _check_outside(self, pose: Pose) -> None:
        """Raise an error if the array is within the surface."""
        for number in np.flatnonzero(pose.range <= NEAR * self.radius):
            vertices, faces = self._outline
            if winding(vertices, faces, pose.array[number]) > 0.5:
                raise ValueError(
                    "range must put the array outside of the surface, as any above "
                    f"{NEAR * self.radius:.4g} m does; got {pose.range[number]:g}"
                )


def _single(*values: Any) -> Pose:
    """Checked pose of numbers."""
    pose, shape = pose_of(*values)
    if shape:
        raise ValueError(
            f"range, azimuth, elevation and orientation must be numbers; got shape {list(shape)}"
        )
    return pose


def _check_ahead(pose: Pose, ahead: np.ndarray) -> None:
    """Raise an error if a scatterer is behind the array or beside it."""
    lowest = ahead.min(1)
    wrong = np.flatnonzero(lowest <= 0)
    if wrong.size:
        n = wrong[0]
        raise ValueError(
            "azimuth and range must put the surface in front of the array, with x > 0 for all "
            f"visible scatterers; got azimuth {pose.azimuth[n]:g}, range {pose.range[n]:g} and a "
            f"scatterer at x = {lowest[n]:.3g} m"
        )


def _reflectivity(value: Any, cells: tuple[int, int]) -> Any:
    """Factor of the weights of all cells, or of each."""
    factor = checks.finite("reflectivity", checks.floats("reflectivity", value))
    if factor.shape not in ((), cells):
        raise ValueError(
            f"reflectivity must be a number or have shape {list(cells)}, as cells; got shape "
            f"{list(factor.shape)}"
        )
    if np.any(factor < 0) or not np.any(factor > 0):
        raise ValueError(
            f"reflectivity must be >= 0, and > 0 somewhere; got {factor.min():g} to "
            f"{factor.max():g}"
        )
    return factor.ravel() if factor.shape else factor
