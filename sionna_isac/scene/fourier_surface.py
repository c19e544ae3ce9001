"""Closed smooth surface of an extended target as a truncated Fourier series."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.scene._fits import cuboid, drone, ellipsoid, hull, sample_angles
from sionna_isac.scene._fourier import (
    FAMILIES,
    Order,
    Term,
    fit_series,
    pole_gap,
    table_of,
    terms_of,
    waves,
)
from sionna_isac.scene.closed_surface import ClosedSurface
from sionna_isac.scene.mesh import MeshTarget

__all__ = ["FourierSurface"]

HIGHEST = 32  # harmonic
CLOSED = 1e-9  # of the largest coefficient, gap at a pole


@cites("Wang25")
class FourierSurface(ClosedSurface):
    r"""Closed surface of an extended target as a double Fourier series, [Wang25]_.

    A point at the local azimuth :math:`u\in[0,2\pi)` and elevation :math:`v\in[-\pi/2,\pi/2]` is

    .. math::

        \mathbf{m}(u,v) = \sum_{p=0}^{Q_u}\sum_{q=0}^{Q_v}
        \mathbf{a}_{pq}\cos pu\cos qv + \mathbf{b}_{pq}\cos pu\sin qv
        + \mathbf{c}_{pq}\sin pu\cos qv + \mathbf{d}_{pq}\sin pu\sin qv

    in m, in a frame with x ahead, y to the left and z up. Each pole is one point. The family
    "sphere" keeps the terms for which :math:`(u+\pi,v)` and :math:`(u,\pi-v)` are the same point,
    as they are on a sphere. All terms, "full", are almost dependent on half a turn of :math:`v`:
    their coefficients grow large with the order.

    The functions ``fit_...`` are the usual ways to a surface.

    Parameters
    ----------
    coefficients : [num_terms, 3], array_like
        Coefficients of x, y and z [m], in the order of :attr:`terms`
    order : `int` | (`int`, `int`)
        Highest harmonic of u and of v
    family : "sphere" (default) | "full"
        Terms of the series

    Raises
    ------
    ValueError
        If a shape does not fit, a pole is not one point, or the surface encloses no volume with
        normals that point outwards

    Example
    -------
    >>> surface = isac.scene.FourierSurface.fit_cuboid(4.5, 1.8, 1.5)
    >>> pose = {"range": 20.0, "azimuth": 0.3, "elevation": -0.1, "orientation": 0.9}
    >>> points, weights = surface.scatterers(**pose)
    """

    def __init__(self, coefficients: Any, order: int | Order, *, family: str = "sphere") -> None:
        self.order = _order(order)
        self.family = checks.one_of("family", family, FAMILIES)
        self.terms: tuple[Term, ...] = tuple(terms_of(self.order, family))
        """Kind ("cc", "cs", "sc", "ss" of u and v) and harmonics of each term"""
        values = checks.floats("coefficients", coefficients)
        if values.shape != (len(self.terms), 3):
            raise ValueError(
                f"coefficients must have shape [{len(self.terms)}, 3] in a {family} series of "
                f"order {self.order[0]} x {self.order[1]}; got shape {list(values.shape)}"
            )
        self.coefficients = checks.finite("coefficients", values).copy()
        self.coefficients.flags.writeable = False
        self.residual = 0.0
        """Root mean square distance of the fitted points, weighted with the solid angle [m]"""
        self._table = table_of(self.coefficients, list(self.terms), self.order)
        gap, size = pole_gap(self._table, self.order), float(np.abs(values).max(initial=0))
        if gap > CLOSED * size:
            raise ValueError(
                "coefficients must close the surface, with one point at each pole; got waves of "
                f"{gap:.3g} m in u at a pole (fit does not make any)"
            )
        if not self.volume > 1e-9 * self.radius**3:
            raise ValueError(
                "coefficients must enclose a volume, with normals that point outwards; got a "
                f"volume of {self.volume:.3g} m^3"
            )

    def __repr__(self) -> str:
        size = " x ".join(f"{n:.3g}" for n in self.bounds[1] - self.bounds[0])
        return (
            f"FourierSurface({self.family} series of order {self.order[0]} x {self.order[1]}, "
            f"{size} m, residual {self.residual:.2g} m)"
        )

    @classmethod
    def fit(
        cls, points: Any, u: Any, v: Any, order: int | Order = 6, *, family: str = "sphere"
    ) -> FourierSurface:
        """Closed surface closest to given points, weighted with the solid angle.

        Parameters
        ----------
        points : [N, 3], array_like
            Points of the surface [m]
        u : [N], array_like
            Their local azimuths [rad]
        v : [N], array_like
            Their local elevations [rad]
        order : `int` | (`int`, `int`), (default 6)
            Highest harmonic of u and of v
        family : "sphere" (default) | "full"
            Terms of the series

        Output
        ------
        : :class:`FourierSurface`
            Surface, with the distance of the points as :attr:`residual`

        Raises
        ------
        ValueError
            If a shape does not fit, or there are fewer points than free coefficients
        """
        points = checks.points("points", points)
        u = checks.headings("u", checks.vector("u", u, len(points)))
        v = _elevations(checks.vector("v", v, len(points)))
        harmonics = _order(order)
        checks.one_of("family", family, FAMILIES)
        surface = cls(fit_series(points, u, v, harmonics, family), harmonics, family=family)
        off = np.sum((surface.points(u, v) - points) ** 2, axis=1)
        surface.residual = float(np.sqrt(np.average(off, weights=np.maximum(np.cos(v), 1e-300))))
        return surface

    @classmethod
    def fit_cuboid(
        cls,
        length: float,
        width: float,
        height: float,
        order: int | Order = 6,
        *,
        mapping: str = "affine",
        family: str = "sphere",
    ) -> FourierSurface:
        """Smooth surface of a cuboid, such as a vehicle.

        Parameters
        ----------
        length : `float`
            Length along x [m]
        width : `float`
            Width along y [m]
        height : `float`
            Height along z [m]
        order : `int` | (`int`, `int`), (default 6)
            Highest harmonic of u and of v
        mapping : "affine" (default) | "angular"
            Angles u and v of a point: those of the unit cube, stretched afterwards, or those of the
            point itself
        family : "sphere" (default) | "full"
            Terms of the series

        Output
        ------
        : :class:`FourierSurface`
            Surface around its centre
        """
        checks.one_of("mapping", mapping, ("affine", "angular"))
        sides = _sizes(length=length, width=width, height=height)
        u, v = sample_angles(_order(order))
        return cls.fit(cuboid(u, v, sides, mapping), u, v, order, family=family)

    @classmethod
    def fit_ellipsoid(
        cls, length: float, width: float, height: float, order: int | Order = 1
    ) -> FourierSurface:
        """Ellipsoid, which the series represents exactly from order 1 on.

        Parameters
        ----------
        length : `float`
            Longest chord along x [m], twice the semi-axis
        width : `float`
            Longest chord along y [m]
        height : `float`
            Longest chord along z [m]
        order : `int` | (`int`, `int`), (default 1)
            Highest harmonic of u and of v

        Output
        ------
        : :class:`FourierSurface`
            Surface around its centre
        """
        sides = _sizes(length=length, width=width, height=height)
        u, v = sample_angles(_order(order))
        return cls.fit(ellipsoid(u, v, sides), u, v, order)

    @classmethod
    def fit_drone(
        cls,
        arm: float = 0.5,
        height: float = 0.2,
        order: int | Order = (5, 1),
        *,
        depth: float = 0.5,
    ) -> FourierSurface:
        r"""Drone with four arms, which the series represents exactly from order 5 x 1 on.

        Its outline is :math:`g(u) = g_0(1+\alpha\cos 4u)/(1+\alpha)`, with the heights of an
        ellipsoid.

        Parameters
        ----------
        arm : `float`, (default 0.5)
            Distance :math:`g_0` of the ends of the arms from the centre [m]
        height : `float`, (default 0.2)
            Height along z [m]
        order : `int` | (`int`, `int`), (default (5, 1))
            Highest harmonic of u and of v
        depth : `float`, (default 0.5)
            Depth :math:`\alpha` of the gaps between arms, in [0, 1): 0 gives a spheroid

        Output
        ------
        : :class:`FourierSurface`
            Surface around its centre
        """
        arm, height = _sizes(arm=arm, height=height)
        depth = checks.real("depth", depth, minimum=0, maximum=0.99)
        u, v = sample_angles(_order(order))
        return cls.fit(drone(u, v, arm, height, depth), u, v, order)

    @classmethod
    def fit_mesh(
        cls,
        target: MeshTarget,
        order: int | Order = 6,
        *,
        centre: Any = None,
        tolerance: float = 0.01,
        family: str = "sphere",
    ) -> FourierSurface:
        """Smooth surface of a body that bounds a mesh, found by rays from its centre.

        Parameters
        ----------
        target : :class:`~sionna_isac.scene.MeshTarget`
            Closed meshes; where rays leave the body for the last time is the surface
        order : `int` | (`int`, `int`), (default 6)
            Highest harmonic of u and of v
        centre : `None` (default) | [3], array_like
            Local origin in the frame of the mesh [m]; `None` is the centroid of the volume
        tolerance : `float`, (default 0.01)
            Largest part of a ray up to the surface that may lie outside of the body. With 1, the
            fit takes the hull of any shape as seen from the centre.
        family : "sphere" (default) | "full"
            Terms of the series

        Output
        ------
        : :class:`FourierSurface`
            Surface around ``centre``

        Raises
        ------
        ValueError
            If the centre is outside of the body, or rays leave it and enter it again
        """
        checks.instance("target", target, MeshTarget)
        if centre is not None:
            centre = checks.vector("centre", centre, 3)
        tolerance = checks.real("tolerance", tolerance, minimum=0, maximum=1)
        u, v = sample_angles(_order(order))
        return cls.fit(hull(u, v, target, centre, tolerance), u, v, order, family=family)

    def points(self, u: Any, v: Any) -> np.ndarray:
        """Points [..., 3] at local azimuths u and elevations v, [...] each [m]."""
        u, v = _angles(u, v)
        return self._sum(waves(u, self.order[0]), waves(v, self.order[1]))

    def tangents(self, u: Any, v: Any) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives [..., 3] of the points with respect to u and to v [m/rad]."""
        u, v = _angles(u, v)
        along_u = self._sum(waves(u, self.order[0], True), waves(v, self.order[1]))
        return along_u, self._sum(waves(u, self.order[0]), waves(v, self.order[1], True))

    def normals(self, u: Any, v: Any) -> np.ndarray:
        """Outward normals [..., 3], with the area per du and dv as their length [m^2/rad^2]."""
        return np.cross(*self.tangents(u, v))

    def _sum(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Series [..., 3] of waves in u and in v."""
        shape = np.broadcast_shapes(left.shape[:-1], right.shape[:-1])
        number, size = self._table.shape[:2]
        rows = (left @ self._table.reshape(number, -1)).reshape(*left.shape[:-1], size, 3)
        return (right[..., np.newaxis, :] @ rows)[..., 0, :].reshape(*shape, 3)


def _order(order: Any) -> Order:
    """Highest harmonics of u and of v."""
    given = order if isinstance(order, (tuple, list)) else (order, order)
    if len(given) != 2:
        raise ValueError(f"order must be an integer or two, of u and of v; got {order!r}")
    qu, qv = (checks.integer("order", n, maximum=HIGHEST) for n in given)
    return qu, qv


def _sizes(**sizes: Any) -> list[float]:
    return [checks.real(name, n, minimum=0, exclusive=True) for name, n in sizes.items()]


def _elevations(v: Any) -> np.ndarray:
    """Local elevations, within the poles."""
    v = checks.finite("v", checks.floats("v", v))
    if np.any(np.abs(v) > np.pi / 2 * (1 + 1e-12)):
        raise ValueError(
            f"v must lie within [-pi/2, pi/2] rad; got {v.flat[np.argmax(np.abs(v))]:g}"
        )
    return v


def _angles(u: Any, v: Any) -> tuple[np.ndarray, np.ndarray]:
    u, v = checks.headings("u", u), _elevations(v)
    try:
        np.broadcast_shapes(u.shape, v.shape)
    except ValueError:
        raise ValueError(
            f"u and v must have shapes that broadcast; got {list(u.shape)} and {list(v.shape)}"
        ) from None
    return u, v
