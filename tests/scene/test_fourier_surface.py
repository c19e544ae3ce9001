"""Fourier surfaces: reference numbers, exact shapes, closed forms, laws of what an array sees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from sionna_isac.bound import ExtendedTarget
from sionna_isac.scene import ClosedSurface, FourierSurface, MeshTarget

DATA = Path(__file__).parents[1] / "data" / "extended_target" / "tfs_surface.json"
REFERENCE = json.loads(DATA.read_text())
NAMES = ("range", "azimuth", "elevation", "orientation")
POSE = dict(zip(NAMES, (20.0, 0.35, -0.15, 0.9), strict=True))
RNG = np.random.default_rng(3)
U, V = RNG.uniform(0, 2 * np.pi, 40), RNG.uniform(-np.pi / 2, np.pi / 2, 40)
SURFACES = {
    "cuboid_q6": FourierSurface.fit_cuboid(4.5, 1.8, 1.5),
    "ellipsoid_q1": FourierSurface.fit_ellipsoid(4.0, 2.0, 1.4),
    "drone": FourierSurface.fit_drone(),
}
CUBOID, ELLIPSOID, DRONE = SURFACES.values()


def midpoints(nu: int, nv: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(nu) + 0.5) * 2 * np.pi / nu, ((np.arange(nv) + 0.5) / nv - 0.5) * np.pi


def metal(mesh) -> MeshTarget:
    return MeshTarget(mesh, 1.0, 1e7)


class TestReference:
    """Numbers of independent code."""

    @pytest.mark.parametrize("name", ["cuboid_q6", "ellipsoid_q1"])
    def test_series(self, name):
        surface, case = SURFACES[name], REFERENCE[name]
        assert [list(term) for term in surface.terms] == case["index"]
        u, v = case["u"], case["v"]
        tangents = surface.tangents(u, v)
        for value, key in (
            (surface.coefficients, "coef"),
            (surface.points(u, v), "m"),
            (tangents[0], "dm_du"),
            (tangents[1], "dm_dv"),
            (surface.normals(u, v), "normal"),
        ):
            np.testing.assert_allclose(value, case[key], rtol=0, atol=1e-10, err_msg=key)
        u, v = midpoints(180, 90)
        normals, step = surface.normals(u[:, np.newaxis], v), 2 * np.pi / 180 * np.pi / 90
        volume = np.sum(normals * surface.points(u[:, np.newaxis], v)) * step / 3
        area = np.linalg.norm(normals, axis=-1).sum() * step
        np.testing.assert_allclose(area, case["area_midpoint_180x90"], rtol=1e-12)
        np.testing.assert_allclose(volume, case["volume_midpoint_180x90"], rtol=1e-12)
        np.testing.assert_allclose([surface.area, surface.volume], [area, volume], rtol=3e-4)

    @pytest.mark.parametrize("name", ["cuboid_q6", "ellipsoid_q1"])
    @pytest.mark.parametrize("number", [0, 1])
    def test_scatterers(self, name, number):
        case = REFERENCE[name]["scatterers"][number]
        pose = dict(zip(NAMES, case["kappa"], strict=True))
        found = SURFACES[name].scatterers(
            **pose,
            cells=tuple(case["grid"]),
            subdivision=case["sub"],
            area=case["area"],
            normalize=False,
        )
        np.testing.assert_allclose(found.points, case["points"], rtol=0, atol=1e-10)
        np.testing.assert_allclose(found.weights, case["S"], rtol=0, atol=1e-10)


class TestShapes:
    def test_exact_shapes(self):
        """On the equations of an ellipsoid and of a drone."""
        assert max(ELLIPSOID.residual, DRONE.residual) < 1e-14
        on = np.sum((ELLIPSOID.points(U, V) / [2.0, 1.0, 0.7]) ** 2, axis=1)
        np.testing.assert_allclose(on, 1, atol=1e-12)
        x, y, z = DRONE.points(U, V).T
        outline = 0.5 * (1 + 0.5 * np.cos(4 * np.arctan2(y, x))) / 1.5
        np.testing.assert_allclose((x**2 + y**2) / outline**2 + (z / 0.1) ** 2, 1, atol=1e-12)
        np.testing.assert_allclose(FourierSurface.fit_drone(order=7).points(U, V)[:, 2], z)
        sphere = FourierSurface.fit_ellipsoid(1.4, 1.4, 1.4)
        np.testing.assert_allclose(sphere.area, 4 * np.pi * 0.49, rtol=1e-12)
        np.testing.assert_allclose(ELLIPSOID.volume, 4 / 3 * np.pi * 2 * 1 * 0.7, rtol=1e-12)
        np.testing.assert_allclose(DRONE.bounds[1], [0.5, 0.5, 0.1], rtol=0.01)

    def test_cuboid_of_growing_order(self):
        """Figures of the specification: distance, area, volume."""
        found = [FourierSurface.fit_cuboid(4.5, 1.8, 1.5, q) for q in (2, 6, 8, 10)]
        residual = [surface.residual for surface in found]
        np.testing.assert_allclose(residual, [0.224, 0.080, 0.065, 0.043], atol=0.0015)
        np.testing.assert_allclose([found[1].area, found[1].volume], [31.98, 12.02], atol=0.005)
        assert np.abs(found[3].coefficients).max() < 2.8
        full = FourierSurface.fit_cuboid(4.5, 1.8, 1.5, 10, family="full")
        assert len(full.terms) == 21**2 and np.abs(full.coefficients).max() > 9e4
        assert full.residual < found[3].residual  # more terms, on the way to none that are stable

    @pytest.mark.parametrize("family", ["sphere", "full"])
    def test_points_of_a_grid_and_in_any_order_give_the_same(self, family):
        """A grid is fitted wave by wave, other points at once."""
        u, v = (x.ravel() for x in np.meshgrid(*midpoints(30, 14), indexing="ij"))
        points = np.stack([np.cos(v) * np.cos(u), 2 * np.cos(v) * np.sin(u) ** 3, np.sin(v)], 1)
        mixed = RNG.permutation(len(u))
        found = [
            FourierSurface.fit(points[n], u[n], v[n], order, family=family).coefficients
            for n, order in ((slice(None), [4, 3]), (mixed, (4, 3)))
        ]
        np.testing.assert_allclose(*found, atol=1e-11)

    def test_highest_order(self):
        """Seconds, not minutes: waves in u are fitted one by one."""
        surface = FourierSurface.fit_cuboid(4.5, 1.8, 1.5, 32)
        assert surface.residual < 0.01

    @pytest.mark.parametrize("family", ["sphere", "full"])
    def test_poles_are_points_and_u_closes(self, family):
        surface = FourierSurface.fit_cuboid(4.5, 1.8, 1.5, (5, 4), family=family)
        for side in (-1, 1):
            pole = surface.points(U, side * np.pi / 2)
            np.testing.assert_allclose(pole, np.broadcast_to(pole[0], pole.shape), atol=1e-12)
        np.testing.assert_allclose(surface.points(0, V), surface.points(2 * np.pi, V), atol=1e-12)

    @pytest.mark.parametrize("name", SURFACES)
    def test_normals_against_differences(self, name):
        surface, h = SURFACES[name], 1e-5
        v = 0.99 * V
        along_u = (surface.points(U + h, v) - surface.points(U - h, v)) / (2 * h)
        along_v = (surface.points(U, v + h) - surface.points(U, v - h)) / (2 * h)
        np.testing.assert_allclose(surface.normals(U, v), np.cross(along_u, along_v), atol=1e-7)
        assert np.all(np.sum(surface.normals(U, v) * surface.points(U, v), axis=1) > 0)

    def test_given_coefficients(self):
        again = FourierSurface(CUBOID.coefficients, 6)
        np.testing.assert_array_equal(again.points(U, V), CUBOID.points(U, V))
        assert "6 x 6" in repr(again)
        points = CUBOID.points(*(a.ravel() for a in np.meshgrid(*midpoints(30, 20))))
        u, v = (a.ravel() for a in np.meshgrid(*midpoints(30, 20)))
        found = FourierSurface.fit(points, u, v, 6)
        np.testing.assert_allclose(found.coefficients, CUBOID.coefficients, atol=1e-10)


class TestMesh:
    def test_mesh_of_a_surface(self):
        """The volume of its triangles, and the surface back from them."""
        for surface in (CUBOID, ELLIPSOID, DRONE):
            target = metal(surface.mesh())
            assert target.volume == pytest.approx(surface.volume, rel=8e-3)
            np.testing.assert_allclose(target.bounds, surface.bounds, atol=0.02)
            off = [
                trimesh.Trimesh(*surface.mesh(96 * n, 48 * n)).volume / surface.volume - 1
                for n in (1, 2)
            ]
            assert off[0] / off[1] == pytest.approx(4, rel=0.05)  # of second order
        voxels = metal(ELLIPSOID.mesh()).voxelize(0.2)
        np.testing.assert_allclose(voxels.bounds[1], [2.0, 1.0, 0.7], atol=0.2)

    def test_box(self):
        """Rays through a mesh find the box whose angles are given in closed form."""
        box = trimesh.creation.box([4.5, 1.8, 1.5])
        box.apply_translation([1.0, 2.0, 0.75])
        found = FourierSurface.fit_mesh(metal(box))
        exact = FourierSurface.fit_cuboid(4.5, 1.8, 1.5, mapping="angular")
        np.testing.assert_allclose(found.coefficients, exact.coefficients, atol=2e-6)
        moved = FourierSurface.fit_mesh(metal(box), centre=[1.3, 2.0, 0.75])
        np.testing.assert_allclose(np.mean(moved.bounds, 0), [-0.3, 0, 0], atol=0.1)

    def test_bodies_that_rays_leave_and_enter(self):
        """A ball in a hollow ball: rays are outside of both from 0.4 to 0.6 of 0.7 m."""
        ball = [trimesh.creation.icosphere(4, radius) for radius in (0.4, 0.6, 0.7)]
        cavity = trimesh.Trimesh(ball[1].vertices, ball[1].faces[:, ::-1])
        shell = trimesh.util.concatenate([ball[2], cavity])
        target = metal({"core": ball[0], "shell": shell})
        with pytest.raises(ValueError, match=r"star-convex.*got 0.29 and 100.0%.*tolerance=1 for"):
            FourierSurface.fit_mesh(target, 1)
        hull = FourierSurface.fit_mesh(target, 1, tolerance=0.3)
        assert hull.volume == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=5e-3)
        with pytest.raises(ValueError, match=r"centre must lie inside the mesh.*outside"):
            FourierSurface.fit_mesh(metal({"shell": shell}), 1)
        with pytest.raises(ValueError, match=r"centre must lie inside the mesh.*got \[1, 0, 0\]"):
            FourierSurface.fit_mesh(target, 1, centre=[1.0, 0.0, 0.0])


class Plate(ClosedSurface):
    """An exact ellipsoid without a series, 6 x 2 x 1 m."""

    def points(self, u, v):
        u, v = np.broadcast_arrays(u, v)
        return np.stack([3 * np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v) / 2], -1)

    def normals(self, u, v):
        u, v = np.broadcast_arrays(u, v)
        e = np.stack([np.cos(v) * np.cos(u) / 3, np.cos(v) * np.sin(u), 2 * np.sin(v)], -1)
        return 1.5 * np.cos(v)[..., np.newaxis] * e


def silhouette(semi_axes: np.ndarray, towards: np.ndarray) -> float:
    """Area of the shadow of an ellipsoid on a plane across a direction."""
    others = semi_axes[[1, 2, 0]] * semi_axes[[2, 0, 1]]
    return float(np.pi * np.linalg.norm(others * towards))


class TestScatterers:
    @pytest.mark.parametrize("elevation", [-0.8, 0.0, 0.3])
    def test_projected_area_is_that_of_the_silhouette(self, elevation):
        pose = {**POSE, "range": 1e5, "elevation": elevation}
        towards = ELLIPSOID.towards_array(**{n: pose[n] for n in NAMES[1:]})
        for surface, axes in ((ELLIPSOID, [2.0, 1.0, 0.7]), (Plate(), [3.0, 1.0, 0.5])):
            _, weights = surface.scatterers(**pose, cells=(48, 32), normalize=False)
            expected = silhouette(np.array(axes), towards)
            assert weights.sum() == pytest.approx(expected, rel=1e-4)
        assert Plate().volume == pytest.approx(2 * np.pi, rel=1e-12)

    def test_direction_of_the_array(self):
        """The array lies at the world's origin, where the pose says."""
        found = ELLIPSOID.towards_array(azimuth=0.3, elevation=0.2, orientation=0.3)
        np.testing.assert_allclose(found, [-np.cos(0.2), 0, -np.sin(0.2)], atol=1e-15)
        points, weights = CUBOID.scatterers(**{**POSE, "orientation": 0.35}, cells=(12, 8))
        assert weights @ points[:, 0] < -1  # its back is seen: x is ahead, away from the array
        assert weights @ points[:, 2] > 0.1  # from above

    def test_lateral_mean_of_a_symmetric_body_vanishes(self):
        """Far away, as silhouettes are symmetric; the visible surface itself is not."""
        pose = {**POSE, "range": 1e6}
        towards = CUBOID.towards_array(**{n: pose[n] for n in NAMES[1:]})
        side = np.cross([0.0, 0.0, 1.0], towards)
        up = np.cross(towards, side / np.linalg.norm(side))
        fine = {"cells": (64, 48), "subdivision": 2}
        points, weights = CUBOID.scatterers(**pose, **fine)
        np.testing.assert_allclose([weights @ points @ side, weights @ points @ up], 0, atol=3e-3)
        points, weights = CUBOID.scatterers(**pose, **fine, area="surface")
        assert abs(weights @ points @ side) > 0.05

    def test_convergence_of_cells(self):
        """Area and moments of the scatterers, against a fine division."""
        fine = CUBOID.scatterers(**POSE, cells=(96, 64), normalize=False)
        cuts = [((6, 4), 0.03), ((12, 8), 0.012), ((24, 16), 0.004)]
        for cells, tolerance in cuts:
            points, weights = CUBOID.scatterers(**POSE, cells=cells, normalize=False)
            assert weights.sum() == pytest.approx(fine.weights.sum(), rel=tolerance)
            first, moment = (np.sqrt(w @ p**2 / w.sum()) for p, w in ((points, weights), fine))
            np.testing.assert_allclose(first, moment, atol=4 * tolerance)

    def test_weights(self):
        areas = CUBOID.scatterers(**POSE, normalize=False)
        points, weights = CUBOID.scatterers(**POSE)
        np.testing.assert_array_equal(points, areas.points)
        np.testing.assert_allclose(weights, areas.weights / areas.weights.sum(), rtol=1e-13)
        each = CUBOID.scatterers(**POSE, reflectivity=np.full((6, 4), 2.0)).weights
        np.testing.assert_allclose(each, 2 * weights, rtol=1e-13)
        dark = np.zeros((6, 4))
        dark[:3] = 1
        some = CUBOID.scatterers(**POSE, reflectivity=dark).weights
        assert np.all((some == 0) | np.isclose(some, weights)) and 0 < some.sum() < 1

    def test_batch_of_poses(self):
        """Each as alone, with the cells that it does not see at weight 0; as a target takes it."""
        turns = np.array([[0.0, 0.9], [2.0, -1.0]])
        pose = {**POSE, "range": [[12.0], [30.0]], "orientation": turns}
        points, weights = CUBOID.scatterers(**pose)
        assert points.shape == (2, 2, 24, 3)
        for i, j in np.ndindex(2, 2):
            one = {**POSE, "range": (12.0, 30.0)[i], "orientation": turns[i, j]}
            alone = CUBOID.scatterers(**one)
            seen = weights[i, j] > 0
            np.testing.assert_allclose(points[i, j, seen], alone.points, atol=1e-12)
            np.testing.assert_allclose(weights[i, j, seen], alone.weights, atol=1e-14)
        pose["range"] = np.broadcast_to(pose["range"], (2, 2))
        target = ExtendedTarget(points, weights, **pose)
        assert target.weights.shape == (2, 2, 24)


class TestVisibility:
    def test_convex_bodies_throw_no_shadow(self):
        for shadow in (False, True):
            seen = ELLIPSOID.visible(U, V, **POSE, shadow=shadow)
            towards = 20.0 * ELLIPSOID.towards_array(**{n: POSE[n] for n in NAMES[1:]})
            # the polar plane of the array cuts off what it sees of an ellipsoid
            polar = np.sum(ELLIPSOID.points(U, V) * towards / [4.0, 1.0, 0.49], axis=1)
            np.testing.assert_array_equal(seen, polar > 1)

    def test_arms_of_a_drone_hide_others(self):
        """Against steps along the rays, inside the body by its equation or not."""
        pose = {**POSE, "range": 3.0, "elevation": 0.02}
        u, v = (a.ravel() for a in np.meshgrid(*midpoints(24, 12)))
        facing = DRONE.visible(u, v, **pose)
        points = DRONE.points(u, v)
        array = 3.0 * DRONE.towards_array(**{n: pose[n] for n in NAMES[1:]})
        sight = array - points
        step = np.linspace(0, 0.4, 2001)[1:, np.newaxis, np.newaxis]
        x, y, z = np.moveaxis(points + step * sight, -1, 0)
        outline = 0.5 * (1 + 0.5 * np.cos(4 * np.arctan2(y, x))) / 1.5
        depth = 1 - (x**2 + y**2) / outline**2 - (z / 0.1) ** 2
        hidden = np.any(depth > 0, axis=0)
        clear = facing & (np.abs(depth.max(0)) > 0.02)  # neither grazing nor just touched
        clear |= facing & (depth.max(0) < 0)
        found = DRONE.visible(u, v, **pose, shadow=True)
        np.testing.assert_array_equal(found[clear], ~hidden[clear])
        assert np.sum(hidden & clear) > 10 and not np.any(found & ~facing)
        lit = DRONE.scatterers(**pose, shadow=True, normalize=False).weights.sum()
        assert lit < 0.9 * DRONE.scatterers(**pose, normalize=False).weights.sum()

    def test_array_next_to_the_surface(self):
        """Closer than the longest side, but outside."""
        pose = {"range": 1.5, "azimuth": 0.0, "elevation": 0.0, "orientation": np.pi / 2}
        assert CUBOID.scatterers(**pose).weights.sum() == pytest.approx(1)
        with pytest.raises(ValueError, match="outside of the surface"):
            CUBOID.scatterers(**{**pose, "range": 0.8})
