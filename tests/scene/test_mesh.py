"""Meshes: fills against analytic bodies, repaired orientations, files, errors."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy import ndimage

from sionna_isac.scene import MeshTarget


def made(mesh, **kwargs) -> MeshTarget:
    return MeshTarget(mesh, **{"permittivity": 3.0, "conductivity": 0.01, **kwargs})


def inside_out(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces[:, ::-1], process=False)


def shifted(mesh: trimesh.Trimesh, *offset: float) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices + offset, mesh.faces, process=False)


def together(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.util.concatenate(list(meshes))


SPHERE = trimesh.creation.icosphere(5, radius=0.7)
BOX = trimesh.creation.box([1.03, 0.78, 0.57])
TORUS = trimesh.creation.torus(0.8, 0.25, 96, 64)


class TestFill:
    @pytest.mark.parametrize("size", [0.2, 0.1, 0.05])
    @pytest.mark.parametrize(
        ("mesh", "volume"),
        [
            (SPHERE, 4 / 3 * math.pi * 0.7**3),
            (TORUS, 2 * math.pi**2 * 0.8 * 0.25**2),
        ],
        ids=["sphere", "torus"],
    )
    def test_volume_of_smooth_bodies(self, mesh, volume, size):
        target = made(mesh).voxelize(size)
        assert target.volume == pytest.approx(mesh.volume, rel=1e-4)
        assert target.volume == pytest.approx(volume, rel=3e-3)  # of the mesh, not of the voxels

    def test_fill_is_what_the_cell_holds(self):
        """A tilted box against the share of many points that lie in it."""
        turn = trimesh.transformations.euler_matrix(0.3, 0.5, 0.7)[:3, :3]
        box = trimesh.Trimesh(BOX.vertices @ turn.T + [0.02, 0.03, 0.4], BOX.faces)
        target = made(box).voxelize(0.1)
        offset = (np.arange(16) + 0.5) / 16 * 0.1 - 0.05
        points = np.stack(np.meshgrid(offset, offset, offset, indexing="ij"), -1).reshape(-1, 3)
        local = (target.positions[:, None] + points - [0.02, 0.03, 0.4]) @ turn
        share = np.mean(np.all(np.abs(local) <= np.array([1.03, 0.78, 0.57]) / 2, -1), 1)
        np.testing.assert_allclose(target.fill, share, atol=0.03)
        assert target.volume == pytest.approx(BOX.volume, rel=1e-3)

    def test_faces_on_faces_of_voxels(self):
        """Vertices, edges and faces at round numbers: no line of sight may get lost."""
        box = shifted(trimesh.creation.box([0.8, 0.6, 0.4]), 0.05, 0.05, 0.2)
        for mesh in (box, inside_out(box)):
            target = made(mesh).voxelize(0.1)
            assert target.num_voxels == 8 * 6 * 4
            np.testing.assert_allclose(target.fill, 1, atol=1e-4)

    def test_normals_of_a_sphere(self):
        target = made(SPHERE).voxelize(0.05)
        edge = np.linalg.norm(target.normals, axis=1) > 0
        radius = np.linalg.norm(target.positions, axis=1)
        cosine = np.sum(target.normals * target.positions, 1)[edge] / radius[edge]
        assert cosine.min() > 0.98 and np.all(edge[radius > 0.7]) and not np.any(edge[radius < 0.6])

    @pytest.mark.parametrize("size", [0.11, 0.05])
    def test_metal_is_a_closed_shell(self, size):
        target = made(TORUS, conductivity=1e7).voxelize(size)
        assert np.all(target.fill == 1)
        wall = np.pad(target.grid(np.ones(target.num_voxels, bool), False), 1)
        regions, _ = ndimage.label(~wall)
        x, y, z = np.array([n // 2 for n in wall.shape])
        core = x + round(0.8 / size)
        assert regions[core, y, z] not in (0, regions[0, 0, 0])
        assert regions[x, y, z] == regions[0, 0, 0]  # the hole of the torus
        assert np.all(ndimage.binary_dilation(regions == regions[0, 0, 0])[wall])


class TestOrientation:
    @pytest.mark.parametrize("size", [0.1, 0.05])
    def test_inside_out_is_the_same(self, size):
        right, wrong = made(TORUS).voxelize(size), made(inside_out(TORUS)).voxelize(size)
        np.testing.assert_array_equal(right.positions, wrong.positions)
        np.testing.assert_allclose(right.fill, wrong.fill, atol=1e-6)

    def test_faces_that_disagree(self):
        rng = np.random.default_rng(0)
        faces = SPHERE.faces.copy()
        turned = rng.random(len(faces)) < 0.4
        faces[turned] = faces[turned][:, ::-1]
        mesh = trimesh.Trimesh(SPHERE.vertices, faces, process=False)
        assert made(mesh).volume == pytest.approx(SPHERE.volume)
        assert made(mesh).voxelize(0.1).volume == pytest.approx(SPHERE.volume, rel=1e-4)

    def test_each_body_is_turned(self):
        mesh = together(shifted(BOX, -2, 0, 0), inside_out(shifted(SPHERE, 2, 0, 0)))
        assert made(mesh).volume == pytest.approx(BOX.volume + SPHERE.volume)

    @pytest.mark.parametrize("turn", [lambda mesh: mesh, inside_out])
    def test_cavities_stay(self, turn):
        outer = trimesh.creation.icosphere(4, radius=1.0)
        mesh = turn(together(outer, inside_out(SPHERE)))
        target = made(mesh).voxelize(0.1)
        assert target.volume == pytest.approx(outer.volume - SPHERE.volume, rel=1e-4)
        assert np.linalg.norm(target.positions, axis=1).min() > 0.5

    def test_bodies_that_overlap_are_filled_once(self):
        a = trimesh.creation.box([1.0, 1.0, 1.0])
        target = made(together(a, shifted(a, 0.5, 0, 0))).voxelize(0.1)
        assert target.volume == pytest.approx(1.5, rel=1e-3) and target.fill.max() == 1

    def test_low_poly_car_of_sionna(self):
        """It is inside out."""
        found = importlib.util.find_spec("sionna.rt")
        path = Path(found.origin).parent / "scenes/low_poly_car.ply" if found else None
        if path is None or not path.is_file():
            pytest.skip("Sionna RT is not installed")
        assert trimesh.load(path).volume < 0
        car = made(path, category="car")
        assert car.volume == pytest.approx(10.098, abs=1e-3)
        for size in (0.1, 0.05):
            assert car.voxelize(size).volume == pytest.approx(car.volume, rel=1e-4)


class TestSource:
    @pytest.mark.parametrize("suffix", ["ply", "obj", "stl", "STL"])
    def test_files(self, tmp_path, suffix):
        path = tmp_path / f"torus.{suffix}"
        TORUS.export(path, file_type=suffix.lower())
        assert made(str(path)).volume == pytest.approx(TORUS.volume, rel=1e-5)

    def test_scale_and_up(self):
        target = made(trimesh.creation.box([1000, 2000, 500]), scale=1e-3, up="y")
        np.testing.assert_allclose(target.bounds, [[-0.5, -0.25, -1], [0.5, 0.25, 1]])
        cone = trimesh.creation.cone(0.3, 1.0)  # its tip along z
        turned = made(cone, up="y").meshes["target"][0]
        assert turned[np.abs(turned[:, 1]).argmax()] == pytest.approx([0, -1, 0], abs=1e-9)

    def test_parts_of_their_own_materials(self):
        parts = {"shell": shifted(BOX, 0, 0, 1), "core": shifted(SPHERE, 3, 0, 1)}
        target = made(
            parts,
            permittivity={"shell": 2.0, "core": 5.0},
            conductivity={"shell": 0.0, "core": 0.2},
            category="car",
        ).voxelize(0.1)
        core = target.positions[:, 0] > 1.5
        np.testing.assert_array_equal(target.permittivity, np.where(core, 5.0, 2.0))
        assert [target.part_names[i] for i in target.part[[0, -1]]] == ["shell", "core"]
        assert target.label.category == 1

    def test_scene(self):
        scene = trimesh.Scene({"a": BOX})
        scene.add_geometry(
            SPHERE, node_name="b", transform=trimesh.transformations.translation_matrix([3, 0, 0])
        )
        target = made(scene)
        assert len(target.meshes) == 2 and "car" not in repr(target)
        assert target.bounds[1, 0] == pytest.approx(3.7, abs=1e-3)


def without(mesh: trimesh.Trimesh, number: int) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces[number:], process=False)


def not_a_number() -> trimesh.Trimesh:
    vertices = np.array(BOX.vertices)
    vertices[0, 0] = np.nan
    return trimesh.Trimesh(vertices, BOX.faces, process=False)


FLAT = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 1]], process=False)
WRONG = [
    (lambda: made("no_such.ply"), FileNotFoundError, "'no_such.ply' does not exist"),
    (lambda: made("car.blend"), ValueError, "must be one of .obj, .ply, .stl; got 'car.blend'"),
    (lambda: made(3), TypeError, "source must be a file .*; got 3"),
    (lambda: made(without(BOX, 12)), ValueError, "mesh 'target' must have faces; got none"),
    (lambda: made({}), ValueError, "mesh must have faces; got a source without geometry"),
    (lambda: made(without(BOX, 1)), ValueError, "must be watertight; got 3 open edges: fill"),
    (not_a_number, ValueError, "vertices of mesh 'target' must be finite; got 1 NaN"),
    (lambda: made(FLAT), ValueError, "must enclose a volume; got none"),
    (lambda: made(BOX, permittivity=0.9), ValueError, "permittivity of target must be >= 1.*0.9"),
    (lambda: made(BOX, conductivity=-1), ValueError, "conductivity of target must be >= 0.*-1 S/m"),
    (lambda: made(BOX, permittivity={"a": 2}), ValueError, r"must name the parts \['target'\]"),
    (lambda: made(BOX, scale=0), ValueError, "scale must be .* > 0; got 0"),
    (lambda: made(BOX, up="x"), ValueError, "up must be one of 'z', 'y'; got 'x'"),
    (lambda: made(BOX).voxelize(0), ValueError, "voxel_size must be .* > 0; got 0"),
    (
        lambda: made(trimesh.creation.box([1.0, 1e-4, 1e-4])).voxelize(0.1),
        ValueError,
        "mesh is too thin for vertical lines 0.01 m apart; choose a smaller",
    ),
    (lambda: made(BOX).voxelize(1.2), ValueError, "voxel_size must not exceed .* 1.03 m; got 1.2"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        found = call()
        if isinstance(found, trimesh.Trimesh):
            made(found)


@pytest.mark.parametrize("suffix", ["ply", "obj", "stl"])
def test_files_that_hold_no_mesh(tmp_path, suffix):
    path = tmp_path / f"broken.{suffix}"
    path.write_text("this is no mesh")
    with pytest.raises(ValueError, match=r"cannot be read|without geometry"):
        made(path)
