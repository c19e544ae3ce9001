"""Meshes as they come: units, faces there twice, bodies that touch, overlap or cross.

Whatever is accepted has the right volume, and nothing depends on the order of faces, the order of
vertices or a rigid motion.
"""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
import trimesh

from sionna_isac.scene import MeshTarget, ParametricCar, VoxelTarget
from sionna_isac.scene._intersection import _meet, _pierces
from sionna_isac.scene._surface import distinct, num_open_edges

REPEATED = "faces more than once"


def made(*meshes: trimesh.Trimesh, **kwargs) -> MeshTarget:
    return MeshTarget(trimesh.util.concatenate(list(meshes)), 3.0, 0.01, **kwargs)


def box(*size: float, at=(0, 0, 0), out: bool = True) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(size)
    return turned(mesh.vertices + at, mesh.faces, out)


def ball(radius: float, at=(0, 0, 0), out: bool = True, fineness: int = 3) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(fineness, radius=radius)
    return turned(mesh.vertices + at, mesh.faces, out)


def turned(vertices, faces, out: bool = True) -> trimesh.Trimesh:
    return trimesh.Trimesh(vertices, faces if out else faces[:, ::-1], process=False)


def mixed_up(mesh: trimesh.Trimesh, seed: int) -> trimesh.Trimesh:
    """The same surface: other orders of faces, corners and vertices, moved and turned."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(mesh.vertices))
    vertices = np.empty(mesh.vertices.shape)
    vertices[order] = mesh.vertices
    faces = order[mesh.faces][rng.permutation(len(mesh.faces))]
    faces = np.stack([np.roll(face, rng.integers(3)) for face in faces])
    motion = trimesh.transformations.random_rotation_matrix(rng.random(3))[:3, :3]
    return trimesh.Trimesh(vertices @ motion.T + rng.normal(size=3), faces, process=False)


def again(mesh: trimesh.Trimesh, times: int, number: int | None = None) -> trimesh.Trimesh:
    faces = np.concatenate([mesh.faces, *[mesh.faces[:number]] * (times - 1)])
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


def two_sided(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(
        mesh.vertices, np.concatenate([mesh.faces, mesh.faces[:, ::-1]]), process=False
    )


def soup(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Each triangle with vertices of its own, as STL has them."""
    faces = np.arange(3 * len(mesh.faces)).reshape(-1, 3)
    return trimesh.Trimesh(mesh.vertices[mesh.faces.ravel()], faces, process=False)


def other_diagonals(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The same box with its quads cut the other way: mirrored along x."""
    vertices = mesh.vertices * [-1, 1, 1] + [2 * mesh.vertices[:, 0].mean(), 0, 0]
    return trimesh.Trimesh(vertices, mesh.faces[:, ::-1], process=False)


def sheet(at=(3, 0, 0)) -> trimesh.Trimesh:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) + np.array(at)
    return two_sided(trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False))


def fin() -> trimesh.Trimesh:
    """A sheet whose lower edge is one of BOX."""
    corners = [[-0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 1.5], [-0.5, 0.5, 1.5]]
    return two_sided(trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False))


BOX, BALL = box(1, 1, 1), ball(0.7)
ABOVE = box(1, 1, 1, at=(0, 0, 1))
RIGHT = {
    "all-twice": ([again(BOX, 2)], 1, True),
    "all-thrice": ([again(BALL, 3)], BALL.volume, True),
    "two-sided": ([two_sided(BALL)], BALL.volume, True),
    "soup-twice": ([soup(again(BOX, 2))], 1, True),
    "a-face-twice": ([again(BALL, 2, 1)], BALL.volume, True),
    "a-face-thrice": ([again(BALL, 3, 1)], BALL.volume, True),
    "copies": ([BALL, BALL, BOX.copy().apply_translation([3, 0, 0])], BALL.volume + 1, True),
    "touching": ([BOX, ABOVE], 2, None),
    "touching-twice": ([again(BOX, 2), again(ABOVE, 2)], 2, True),
    "touching-inside-out": ([BOX, box(1, 1, 1, at=(0, 0, 1), out=False)], 2, None),
    "touching-both-inside-out": (
        [box(1, 1, 1, out=False), other_diagonals(box(1, 1, 1, at=(0, 0, 1), out=False))], 2, None,
    ),
    "touching-other-diagonals": ([BOX, other_diagonals(ABOVE)], 2, None),
    "touching-partly": ([BOX, box(0.5, 0.5, 1, at=(0.1, 0, 1))], 1.25, False),
    "touching-partly-inside-out": ([BOX, box(0.5, 0.5, 1, at=(0.1, 0, 1), out=False)], 1.25, False),
    "touching-edge": ([BOX, box(1, 1, 1, at=(1, 0, 1))], 2, False),
    "touching-corner": ([BOX, box(1, 1, 1, at=(1, 1, 1), out=False)], 2, False),
    "three-in-a-row": ([BOX, ABOVE, box(1, 1, 1, at=(0, 0, 2))], 3, None),
    "two-by-two": ([box(1, 1, 1, at=(x, y, 0)) for x in (0, 1) for y in (0, 1)], 4, None),
    "cavity": ([BOX, ball(0.4, out=False)], 1 - ball(0.4).volume, False),
    "cavity-inside-out": ([box(1, 1, 1, out=False), ball(0.4)], 1 - ball(0.4).volume, False),
    "cavity-at-the-wall": ([BOX, box(0.5, 0.5, 0.5, at=(0.25, 0, 0), out=False)], 0.875, False),
    "island": (
        [BOX, box(0.8, 0.8, 0.8, out=False), ball(0.3)], 1 - 0.512 + ball(0.3).volume, False
    ),
    "island-inside-out": (
        [BOX, box(0.8, 0.8, 0.8, out=False), ball(0.3, out=False)],
        1 - 0.512 + ball(0.3).volume, False,
    ),
    "two-cavities": (
        [BOX, ball(0.2, (0.25, 0, 0), out=False), ball(0.2, (-0.25, 0, 0), out=False)],
        1 - 2 * ball(0.2).volume, False,
    ),
    "apart-one-inside-out": ([BOX, ball(0.7, (3, 0, 0), out=False)], 1 + BALL.volume, False),
    "sheet": ([BOX, sheet()], 1, True),
    "fin": ([BOX, fin()], 1, True),
}  # fmt: skip


def turns(meshes) -> trimesh.Trimesh:
    """With a part of its faces turned, in no body half of the surface."""
    mesh = trimesh.util.concatenate(list(meshes))
    rng = np.random.default_rng(5)
    faces = mesh.faces.copy()
    some = rng.random(len(faces)) < 0.2
    faces[some] = faces[some][:, ::-1]
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


@pytest.mark.parametrize("name", RIGHT)
def test_volume_whatever_the_order(name):
    meshes, volume, warned = RIGHT[name]
    for seed in (None, 0, 1, 2):
        mesh = trimesh.util.concatenate(list(meshes))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            target = made(mesh if seed is None else mixed_up(mesh, seed))
        assert target.volume == pytest.approx(volume, rel=1e-6)
        if warned is not None:
            assert any(REPEATED in str(w.message) for w in caught) == warned
        if seed in (None, 0):
            # faces in the planes of the lines of a grid count as half of a line's square
            found = target.voxelize(0.08).volume
            assert found == pytest.approx(volume, rel=3e-3)


def test_faces_that_disagree_have_the_orientation_of_most():
    mesh = turns([ball(0.7), ball(0.4, out=False)])
    volumes = {round(made(mixed_up(mesh, seed)).volume, 9) for seed in range(4)}
    assert volumes == {round(ball(0.7).volume - ball(0.4).volume, 9)}


CROSSING = {
    "shifted": [BOX, box(1, 1, 1, at=(0.5, 0, 0), out=False)],
    "shifted-smaller": [box(0.6, 0.6, 0.6, at=(0.5, 0, 0), out=False), BOX],
    "shifted-larger": [box(2, 2, 2, at=(1.2, 0, 0), out=False), BOX],
    "balls": [BALL, ball(0.5, (0.6, 0.1, 0.2), out=False)],
    "bars": [box(3, 0.3, 0.3), box(0.31, 3, 0.31, out=False)],
    "thin-bar": [BOX, box(3, 0.01, 0.01, out=False)],
    "cavity-leaves": [BOX, ball(0.3, (0.3, 0, 0), out=False)],
    "cavities-cross": [BOX, ball(0.2, (0.1, 0, 0), out=False), ball(0.2, (-0.1, 0, 0), out=False)],
    "one-more-body": [BOX, box(1, 1, 1, at=(0.5, 0.5, 0.5), out=False), ball(0.5, (5, 0, 0))],
}


@pytest.mark.parametrize("name", CROSSING)
def test_bodies_that_cross_inside_out_are_refused(name):
    mesh = trimesh.util.concatenate(CROSSING[name])
    for seed, reverse in itertools.product((None, 0, 1), (False, True)):
        given = trimesh.util.concatenate(CROSSING[name][::-1]) if reverse else mesh
        with pytest.raises(ValueError, match="'target' cannot be filled: it intersects itself"):
            made(given if seed is None else mixed_up(given, seed))


@pytest.mark.parametrize(("name", "overlap"), [("shifted", 0.5), ("bars", 0.31 * 0.3 * 0.3)])
def test_bodies_that_cross_are_filled_once_if_both_are_turned_alike(name, overlap):
    a, b = CROSSING[name]
    for out in (True, False):
        target = made(turned(a.vertices, a.faces, out), turned(b.vertices, b.faces, not out))
        union = a.volume + abs(b.volume) - overlap
        assert target.voxelize(0.04).volume == pytest.approx(union, rel=5e-3)


def test_a_surface_that_crosses_itself():
    """A dent pushed out through the other side: a part of the body is inside out."""
    dented = BALL.copy()
    top = dented.vertices[:, 2] > 0.5
    dented.vertices[top] -= [0, 0, 2.0]
    for seed in range(2):
        target = made(mixed_up(dented, seed))
        with pytest.raises(ValueError, match="cannot be filled: it intersects itself"):
            target.voxelize(0.03)


def test_a_body_with_as_many_faces_either_way():
    """A cavity or a solid? Nobody knows within another body; alone it does not matter."""
    for seed in range(2):
        with pytest.warns(UserWarning, match=REPEATED):
            assert made(mixed_up(two_sided(BALL), seed)).volume == pytest.approx(BALL.volume)
        with pytest.raises(ValueError, match="run both ways, in equal parts"):
            made(mixed_up(trimesh.util.concatenate([BOX, two_sided(ball(0.3))]), seed))


def test_messages_of_what_cannot_be_repaired():
    hole = trimesh.Trimesh(BALL.vertices, BALL.faces[2:], process=False)
    with pytest.raises(ValueError, match="must be watertight; got 6 open edges"):
        made(hole)
    with pytest.raises(ValueError, match=r"watertight|enclose a volume"):
        made(again(hole, 2))
    with pytest.raises(ValueError, match="must enclose a volume; got none"):
        made(sheet())
    klein = trimesh.Trimesh(*moebius_sphere(), process=False)
    with pytest.raises(ValueError, match="no inside: its surface is one-sided"):
        made(klein)
    with pytest.raises(ValueError, match=r"faces of mesh .* 0 \.\.\. 2; got 0 \.\.\. 99"):
        made(trimesh.Trimesh(np.eye(3), [[0, 1, 99]], process=False))


def moebius_sphere() -> tuple[np.ndarray, np.ndarray]:
    """The projective plane of six vertices: closed, and one-sided."""
    faces = [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5], [0, 5, 1],
             [1, 2, 4], [2, 3, 5], [3, 4, 1], [4, 5, 2], [5, 1, 3]]  # fmt: skip
    return np.random.default_rng(0).normal(size=(6, 3)), np.array(faces)


def test_degenerate_faces_and_stray_vertices_do_not_matter():
    vertices = np.concatenate([BOX.vertices, [[40.0, 0, 0]]])
    faces = np.concatenate([BOX.faces, [[0, 0, 1], [2, 2, 2]]])
    target = made(trimesh.Trimesh(vertices, faces, process=False))
    assert target.volume == pytest.approx(1)
    np.testing.assert_allclose(target.bounds, [[-0.5] * 3, [0.5] * 3])


def test_repeated_faces_keep_an_edge_rule():
    faces, weight, repeated = distinct(np.concatenate([BOX.faces, BOX.faces[:3, [1, 2, 0]]]))
    assert len(faces) == 12 and repeated == 3 and sorted(weight) == [1] * 9 + [2] * 3
    assert num_open_edges(faces) == 0


def test_edges_and_triangles_meet_where_a_linear_system_says():
    rng = np.random.default_rng(0)
    ends, corners = rng.normal(size=(500, 2, 3)), rng.normal(size=(500, 3, 3))
    columns = (
        ends[:, 1] - ends[:, 0],
        corners[:, 0] - corners[:, 1],
        corners[:, 0] - corners[:, 2],
    )
    t, u, v = np.linalg.solve(np.stack(columns, -1), (corners[:, 0] - ends[:, 0])[..., None])[
        ..., 0
    ].T
    truth = (t >= 0) & (t <= 1) & (u >= 0) & (v >= 0) & (u + v <= 1)
    np.testing.assert_array_equal(_meet(ends, corners), truth)
    # and the search for pairs loses none
    points, others = rng.random([60, 3]), rng.random([60, 3])
    sizes = np.repeat([1.0, 0.03], 30)[:, np.newaxis]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        edges = np.stack([points[:4], points[:4] + rng.normal(size=(4, 3)) * 0.2], 1)
        faces = others[:, np.newaxis] + rng.normal(size=(60, 3, 3)) * 0.3 * sizes[:, np.newaxis]
        truth = any(_meet(edge[None].repeat(60, 0), faces).any() for edge in edges)
        found = _pierces(
            edges.reshape(-1, 3), np.arange(8).reshape(-1, 2),
            faces.reshape(-1, 3), np.arange(180).reshape(-1, 3),
        )  # fmt: skip
        assert found == truth


class TestUnits:
    CAR = trimesh.creation.box([4000.0, 1800.0, 1500.0])

    @pytest.mark.parametrize("suffix", ["stl", "ply", "obj"])
    def test_millimetres_are_not_metres(self, tmp_path, suffix):
        path = tmp_path / f"car.{suffix}"
        self.CAR.export(path)
        for source in (path, str(path), self.CAR):
            with pytest.raises(ValueError, match=r"scale must be given.* 4000 x 1800 x 1500 m if"):
                MeshTarget(source, 1.0, 1e7)
        target = MeshTarget(path, 1.0, 1e7, scale=0.001)
        np.testing.assert_allclose(np.diff(target.bounds, axis=0), [[4, 1.8, 1.5]], rtol=1e-6)

    def test_limits(self):
        assert made(box(49, 2, 2)).volume == pytest.approx(196)
        assert made(box(0.011, 0.01, 0.01)).volume == pytest.approx(1.1e-6)
        for mesh in (box(51, 2, 2), box(0.004, 0.002, 0.0015)):  # kilometres
            with pytest.raises(ValueError, match="scale must be given, the length of the file's"):
                made(mesh)
            assert made(mesh, scale=1).volume == pytest.approx(mesh.volume)

    @pytest.mark.parametrize("size", [0.1, 1.0])
    def test_too_many_voxels_are_refused_before_they_are_allocated(self, size):
        target = MeshTarget(self.CAR, 1.0, 1e7, scale=1)
        message = rf"voxel_size {size:g} m needs about .* GiB.* cells.*4000 x 1800 x 1500 m"
        with pytest.raises(ValueError, match=message):
            target.voxelize(size)

    def test_lines_count_too(self):
        """Large and flat: few cells, but lines 1 cm apart."""
        with pytest.raises(ValueError, match=r"the lines through them: the target is 2001 x 2001"):
            made(box(2000, 2000, 1), scale=1).voxelize(1.0)

    def test_parametric_vehicles_and_voxels(self):
        with pytest.raises(ValueError, match=r"voxel_size 0\.001 m needs about .* GiB"):
            ParametricCar(seed=1).voxelize(0.001)
        with pytest.raises(ValueError, match=r"at most 67108864 cells .* got 40001 x 18001 x 1 "):
            VoxelTarget([[0, 0, 0], [4000, 1800, 0]], 0.1, 2.0, 0.0)

    @pytest.mark.parametrize("angle", [90.0, -45, 7])
    def test_degrees(self, angle):
        target = VoxelTarget([[0, 0, 0]], 0.1, 2.0, 0.0)
        radians = rf"got {angle:g} \(if these are degrees, {math.radians(angle):.4g} rad"
        for call in (
            lambda: VoxelTarget([[0, 0, 0]], 0.1, 2.0, 0.0, heading=angle),
            lambda: target.placed([1, 2, 0], angle),
            lambda: target.placed_at(10.0, 0.0, angle),
        ):
            with pytest.raises(ValueError, match=rf"heading must .* rad; {radians}"):
                call()
        with pytest.raises(ValueError, match=rf"azimuth must .* rad; {radians}"):
            target.placed_at(10.0, angle)
        assert target.placed([0, 0, 0], 2 * math.pi).heading == 2 * math.pi

    @pytest.mark.parametrize(
        "name", ["positions", "permittivity", "conductivity", "fill", "normals", "position"]
    )
    def test_complex_numbers_are_not_cut(self, name):
        values = {"positions": [[0, 0, 0]], "permittivity": 2.0, "conductivity": 0.0, "fill": 1}
        values |= {"normals": [[1, 0, 0]], "position": [0, 0, 0]}
        values[name] = np.asarray(values[name]) * (1 - 0.5j)
        with pytest.raises(TypeError, match=f"{name} must hold real numbers"):
            VoxelTarget(voxel_size=0.1, **values)

    def test_points_and_values_of_voxels(self):
        target = VoxelTarget([[0, 0, 0], [0.1, 0, 0]], 0.1, 2.0, 0.0)
        for call in (target.to_body, target.to_world):
            with pytest.raises(TypeError, match="points must hold real numbers"):
                call([1j, 0, 0])
        with pytest.raises(TypeError, match="vectors must hold numbers; got <U1"):
            target.direction_to_body(["x", "y", "z"])
        np.testing.assert_allclose(target.direction_to_body([1j, 0, 2]), [1j, 0, 2])
        with pytest.raises(ValueError, match=r"values must have shape \[2, ...\]; got \[3\]"):
            target.grid([1, 2, 3])

    def test_complex_permittivity_of_a_mesh(self):
        for value in (4 - 1j, np.complex128(4 - 1j)):
            with pytest.raises(TypeError, match=r"permittivity of target must be a number.*4-1j"):
                MeshTarget(BOX, value, 0.0)
