"""Voxel targets: placement, labels, checks; fills and normals against analytic bodies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sionna_isac import citation
from sionna_isac.scene import CATEGORIES, Material, VoxelTarget, voxel_sphere
from sionna_isac.scene._shapes import both_sides, box, disc, superellipsoid, tube
from sionna_isac.scene._voxelize import Part, num_samples, shape_coverage, voxelize

GLASS = Material(6.0, 0.03)
METAL = Material(1.0, 1e7)


def small(**kwargs) -> VoxelTarget:
    options = {
        "positions": [[0, 0, 0], [0.1, 0, 0], [0.1, 0.2, 0]],
        "voxel_size": 0.1,
        "permittivity": [2.0, 3.0, 4.0],
        "conductivity": 0.1,
        "fill": [1.0, 0.5, 0.25],
        "part": [0, 1, 1],
        "part_names": ("a", "b"),
        "category": "car",
    }
    return VoxelTarget(**{**options, **kwargs})


def solid(shape, size: float, material: Material = GLASS) -> VoxelTarget:
    part = Part("part", material, lambda d: shape_coverage(shape, d), shape.spine)
    return voxelize([part], size, shape.high - shape.low, None)


class TestPlacement:
    def test_round_trip_and_distances(self):
        rng = np.random.default_rng(0)
        target = small().placed([3.0, -2.0, 0.5], heading=2.1)
        points = rng.normal(size=(4, 5, 3))
        np.testing.assert_allclose(target.to_world(target.to_body(points)), points, atol=1e-12)
        distance = np.linalg.norm(target.to_body(points)[..., None, :] - target.positions, axis=-1)
        world = target.to_world(target.positions)
        expected = np.linalg.norm(points[..., None, :] - world, axis=-1)
        np.testing.assert_allclose(distance, expected, rtol=1e-12)

    def test_directions_turn_with_points(self):
        rng = np.random.default_rng(1)
        target = small().placed([3.0, -2.0, 0.5], heading=-0.7)
        a, b = rng.normal(size=(2, 3))
        turned = target.to_body(a) - target.to_body(b)
        np.testing.assert_allclose(target.direction_to_body(a - b), turned, atol=1e-12)
        moment = rng.normal(size=(6, 3)) + 1j * rng.normal(size=(6, 3))
        back = target.direction_to_world(target.direction_to_body(moment))
        np.testing.assert_allclose(back, moment, atol=1e-12)

    def test_heading_is_counter_clockwise(self):
        target = small().placed([1.0, 2.0, 0.0], heading=math.pi / 2)
        np.testing.assert_allclose(target.to_world([1.0, 0.0, 0.0]), [1.0, 3.0, 0.0], atol=1e-12)

    def test_label_is_equation_22(self):
        target = small().placed([4.0, -3.0, 1.0], heading=0.4)
        weight = np.array([1.0, 0.5, 0.25])
        centre = np.sum(weight[:, None] * target.to_world(target.positions), 0) / weight.sum()
        np.testing.assert_allclose(target.center, centre, rtol=1e-12)
        label = target.label
        assert CATEGORIES[label.category] == "car"
        assert label.range == pytest.approx(math.hypot(*centre[:2]))
        assert label.azimuth == pytest.approx(math.atan2(centre[1], centre[0]))

    def test_whole_voxels_count_alike(self):
        target = small(fill=1.0)
        np.testing.assert_allclose(target.center, target.positions.mean(0))

    @pytest.mark.parametrize("azimuth", [-1.0, 0.0, 0.9])
    def test_placed_at_puts_the_centre_there(self, azimuth):
        target = small().placed_at(12.0, azimuth, heading=2.5, height=-1.5)
        assert target.label[1:] == pytest.approx((12.0, azimuth))
        assert target.position[2] == -1.5 and target.heading == 2.5


def test_what_a_target_tells():
    target = small()
    assert target.num_voxels == 3 and target.shape == (2, 3, 1)
    assert target.volume == pytest.approx(1.75e-3)
    np.testing.assert_allclose(target.bounds, [[-0.05] * 3, [0.15, 0.25, 0.05]])
    dense = target.grid(target.permittivity, 1.0)
    np.testing.assert_array_equal(dense[..., 0], [[2, 1, 1], [3, 1, 4]])
    assert "car" in repr(target) and "3 voxels of 0.1 m" in repr(target)
    assert "Zhao26" in citation(target)
    with pytest.raises(ValueError, match="read-only"):
        target.fill[0] = 0.3


def test_perturbed_materials():
    target = small(permittivity=[1.0, 3.0, 3.0], conductivity=[1e7, 0.1, 0.1])
    other = target.perturbed(3, spread=0.2)
    assert other.permittivity[0] == 1.0 and other.permittivity[1] == other.permittivity[2]
    assert np.all(np.abs(other.permittivity - 1) <= 1.2 * (target.permittivity - 1))
    assert np.all(np.abs(other.conductivity / target.conductivity - 1) <= 0.2)
    assert np.all(other.conductivity != target.conductivity)
    np.testing.assert_array_equal(other.permittivity, target.perturbed(3).permittivity)
    np.testing.assert_array_equal(other.positions, target.positions)


WRONG = {
    "positions must have shape": {"positions": [0.0, 0.0, 0.0]},
    "positions must be finite": {"positions": [[0, 0, float("nan")], [0.1, 0, 0], [0.1, 0.2, 0]]},
    "one grid of voxel_size 0.1": {"positions": [[0, 0, 0], [0.13, 0, 0], [0.1, 0.2, 0]]},
    "distinct; got 1": {"positions": [[0, 0, 0], [0, 0, 0], [0.1, 0.2, 0]]},
    "voxel_size must be": {"voxel_size": 0.0},
    "permittivity must be >= 1; got 0.5": {"permittivity": [1.0, 0.5, 2.0]},
    r"permittivity must have shape \[3\]": {"permittivity": [1.0, 2.0]},
    "conductivity must be >= 0; got -1": {"conductivity": -1.0},
    r"fill must be in \(0, 1\]; got 0": {"fill": [1.0, 0.0, 1.0]},
    r"fill must be in \(0, 1\]; got 1.5": {"fill": 1.5},
    r"normals must have shape \[3, 3\]": {"normals": [0.0, 0.0, 1.0]},
    "normals must have length 1 or 0; got length 2": {"normals": 2 * np.eye(3)},
    r"part must be 0 ... 1.*got 0 ... 2": {"part": [0, 1, 2]},
    "part must hold integers": {"part": [0.0, 1.0, 1.0]},
    "heading must be": {"heading": float("inf")},
    r"position must have shape \[3\]": {"position": [1.0, 2.0]},
}


@pytest.mark.parametrize("message", WRONG)
def test_errors_name_the_argument(message):
    with pytest.raises(ValueError, match=message):
        small(**WRONG[message])


def test_errors_of_calls():
    with pytest.raises(ValueError, match="category must be one of 'motorbike', 'car'; got None"):
        _ = small(category=None).label
    with pytest.raises(TypeError, match="category must be a string or None; got 3"):
        small(category=3)
    with pytest.raises(ValueError, match="range must be"):
        small().placed_at(-1.0, 0.0)
    with pytest.raises(ValueError, match=r"vectors must have shape \[..., 3\]"):
        small().to_body([1.0, 2.0])
    with pytest.raises(ValueError, match="spread must be"):
        small().perturbed(0, spread=1.0)


class TestShapes:
    """Fills by supersampling against the volumes of bodies."""

    @pytest.mark.parametrize(
        ("shape", "volume", "area"),
        [
            (superellipsoid([0.02, 0.03, 0.5], [0.4, 0.3, 0.2]), 0.032 * math.pi, 1.09),
            (box([-0.33, -0.21, 0.07], [0.4, 0.3, 0.66]), 0.73 * 0.51 * 0.59, 2.208),
            (
                disc([0, 0, 0.4], 0.33, 0.27, 0.2),
                math.pi * (0.33**2 - 0.2**2) * 0.27,
                2 * math.pi * (0.33**2 - 0.2**2 + 0.53 * 0.27),
            ),
            (
                tube([-0.3, 0.1, 0.4], [0.4, 0.2, 0.9], 0.13),
                math.pi * 0.13**2 * (math.sqrt(0.75) + 4 / 3 * 0.13),
                2 * math.pi * 0.13 * (math.sqrt(0.75) + 2 * 0.13),
            ),
            (
                both_sides(superellipsoid([0, 0.4, 0.5], [0.2, 0.2, 0.2])),
                8 / 3 * math.pi * 0.008,
                8 * math.pi * 0.04,
            ),
        ],
        ids=["ellipsoid", "box", "ring", "capsule", "mirrored"],
    )
    def test_volume(self, shape, volume, area):
        """No face is off by more than half the distance of the samples."""
        for size in (0.1, 0.05, 0.025):
            spacing = size / num_samples(size, 4, 0.01)
            assert abs(solid(shape, size).volume - volume) < spacing / 2 * area

    def test_volume_of_a_smooth_body_converges_fast(self):
        sphere = superellipsoid([0.02, 0.03, 0.5], [0.4, 0.4, 0.4])
        exact = 4 / 3 * math.pi * 0.064
        assert solid(sphere, 0.1).volume == pytest.approx(exact, rel=2e-3)
        assert solid(sphere, 0.025).volume == pytest.approx(exact, rel=1e-3)

    def test_fill_is_what_the_cell_holds(self):
        """A box has fills that are known: products of overlaps."""
        low, high = np.array([-0.325, -0.2125, 0.075]), np.array([0.4125, 0.3, 0.65])
        target = solid(box(low, high), 0.1)
        near, far = target.positions - 0.05, target.positions + 0.05
        overlap = np.prod(np.minimum(far, high) - np.maximum(near, low), axis=1) / 1e-3
        np.testing.assert_allclose(target.fill, overlap, atol=3 * 0.05)  # half of 1/10 an axis

    def test_normals_of_a_sphere(self):
        target = solid(superellipsoid([0, 0, 1.0], [0.5, 0.5, 0.5]), 0.05)
        length = np.linalg.norm(target.normals, axis=1)
        assert set(np.round(np.unique(length), 6)) == {0.0, 1.0}
        out = target.positions - [0, 0, 1]
        radius = np.linalg.norm(out, axis=1)
        assert np.all(length[radius < 0.42] == 0)
        np.testing.assert_allclose(length[radius > 0.5], 1, rtol=1e-6)
        edge = length > 0
        cosine = np.sum(target.normals[edge] * out[edge], 1) / radius[edge]
        assert cosine.min() > 0.98 and cosine.mean() > 0.997

    def test_conductors_are_hollow(self):
        target = solid(superellipsoid([0, 0, 1.0], [0.5, 0.5, 0.5]), 0.05, METAL)
        taken = np.pad(target.grid(np.ones(target.num_voxels, bool), False), 1)
        assert not taken[tuple(n // 2 for n in taken.shape)]
        assert np.all(target.fill == 1)
        radius = np.linalg.norm(target.positions - [0, 0, 1], axis=1)
        assert radius.min() > 0.5 - 0.05 * math.sqrt(3) and radius.max() < 0.5 + 0.05

    @pytest.mark.parametrize("size", [0.03, 0.1, 0.3])
    def test_thin_tubes_stay_in_one_piece(self, size):
        """A chain of voxels from end to end, in which neighbours touch."""
        start, end = np.array([-0.7, -0.2, 0.1]), np.array([0.6, 0.45, 0.8])
        target = solid(tube(start, end, 0.005), size, METAL)
        for point in (start, end):
            assert np.abs(target.positions - point).max(1).min() <= size / 2 + 1e-9
        step = np.diff(target.cells[np.lexsort(target.cells.T[::-1])], axis=0)
        assert np.abs(step).max() <= 1
        along = (target.positions - start) @ (end - start) / np.sum((end - start) ** 2)
        distance = np.linalg.norm(target.positions - start - along[:, None] * (end - start), axis=1)
        assert distance.max() <= size * math.sqrt(3) / 2 + 0.01

    def test_number_of_samples_is_even_and_dense(self):
        for size in (0.013, 0.025, 0.05, 0.1, 0.2):
            n = num_samples(size, 4, 0.01)
            assert n % 2 == 0 and n >= 4 and size / n <= 0.01 + 1e-12


def test_a_sphere_of_voxels_has_the_volume_of_the_sphere():
    for size in (0.13, 0.2, 0.31):
        sphere = voxel_sphere(1.0, size, 3.0, 0.1)
        positions, fill, normals = sphere.positions, sphere.fill, sphere.normals
        assert np.sum(fill) * size**3 == pytest.approx(4 * math.pi / 3, rel=0.01)
        steps = (positions - positions[0]) / size
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
        full = np.linalg.norm(positions, axis=1) < 1 - size
        assert np.all(fill[full] == 1)
        assert np.all(sphere.permittivity == 3) and np.all(sphere.conductivity == 0.1)


def test_a_sphere_holds_a_voxel_at_least():
    assert voxel_sphere(0.1, 0.2, 3.0).num_voxels == 1
    with pytest.raises(
        ValueError, match=r"voxel_size must be at most the diameter, 0\.2 m; got 0.3"
    ):
        voxel_sphere(0.1, 0.3, 3.0)
