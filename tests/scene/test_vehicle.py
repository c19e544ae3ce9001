"""Cars and motorbikes: draws, materials, closed skins, symmetry, errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from sionna_isac import citation
from sionna_isac.scene import MATERIALS, ParametricCar, ParametricMotorbike

VEHICLES = (ParametricCar, ParametricMotorbike)
SIZES = (0.2, 0.13, 0.1, 0.07, 0.05)
ALL_NEIGHBOURS = np.ones((3, 3, 3), bool)


def has(target, *names: str) -> np.ndarray:
    """Where parts are, on the grid with an empty cell around it."""
    numbers = [target.part_names.index(n) for n in names]
    return np.pad(target.grid(np.isin(target.part, numbers), False), 1)


@pytest.mark.parametrize("vehicle", VEHICLES)
class TestDraw:
    def test_dimensions_fill_their_intervals(self, vehicle):
        drawn = [vehicle(seed).dimensions for seed in range(300)]
        for name, (low, high) in vehicle.INTERVALS.items():
            values = np.array([d[name] for d in drawn])
            assert low <= values.min() < low + 0.05 * (high - low)
            assert high >= values.max() > high - 0.05 * (high - low)
            assert abs(values.mean() - (low + high) / 2) < 0.1 * (high - low)

    def test_materials_are_possible(self, vehicle):
        for seed in range(200):
            for name, (eps, sigma) in vehicle(seed).materials.items():
                (low, high), (least, most) = MATERIALS[name]
                assert low <= eps <= high and eps >= 1
                assert least <= sigma <= most and sigma >= 0

    def test_the_seed_decides_alone(self, vehicle):
        name = next(iter(vehicle.INTERVALS))
        plain, same, other = vehicle(7), vehicle(7), vehicle(8)
        assert plain.dimensions == same.dimensions and plain.materials == same.materials
        assert plain.dimensions[name] != other.dimensions[name]
        low, _ = vehicle.INTERVALS[name]
        changed = vehicle(7, materials={"rubber": (3.0, 0.1)}, **{name: low})
        assert getattr(changed, name) == low and changed.materials["rubber"] == (3.0, 0.1)
        assert changed.materials["metal"] == plain.materials["metal"]
        rest = {k: v for k, v in changed.dimensions.items() if k != name}
        assert rest.items() <= plain.dimensions.items()
        a, b = plain.voxelize(0.2), same.voxelize(0.2)
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.permittivity, b.permittivity)

    def test_it_tells_what_it_is(self, vehicle):
        made = vehicle(3)
        for name, value in made.dimensions.items():
            assert f"{name}={value:.3f}" in repr(made)
        assert made.category == made.voxelize(0.2).category
        assert "Zhao26" in citation(made)

    @pytest.mark.parametrize("seed", [0, 4, 11])
    def test_voxels_span_the_vehicle_in_one_piece(self, vehicle, seed):
        made = vehicle(seed)
        for size in SIZES:
            target = made.voxelize(size)
            assert np.abs(target.bounds - made.bounds).max() < 1.01 * size
            taken = target.grid(np.ones(target.num_voxels, bool), False)
            assert ndimage.label(taken, ALL_NEIGHBOURS)[1] == 1


def test_vehicles_last():
    """The same vehicle forever: what a data set's seeds stand for."""
    car, bike = ParametricCar(42), ParametricMotorbike(42)
    expected = (4.922263966957, 1.650296769065, 1.692717595961)
    assert (car.length, car.width, car.height) == pytest.approx(expected, abs=1e-9)
    assert car.materials["glass"] == pytest.approx((7.077811373395, 0.034546021194), abs=1e-9)
    assert (bike.wheelbase, bike.handlebar_width) == pytest.approx(
        (1.574308511869, 0.836546776730), abs=1e-9
    )
    assert bike.rider is False


class TestCar:
    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("size", SIZES)
    def test_skin_is_closed_and_one_voxel_thick(self, seed, size):
        target = ParametricCar(seed).voxelize(size)
        wall = has(target, "body", "windows", "engine", "axles", "rims")
        regions, _ = ndimage.label(~wall)  # paths through faces
        outside = regions == regions[0, 0, 0]
        assert not np.any(outside & has(target, "seats"))
        # every voxel of the skin has a face outside, or on what runs through it
        reach = outside | has(target, "axles", "rims", "engine")
        skin = has(target, "body", "windows")
        assert np.all(ndimage.binary_dilation(reach)[skin])

    @pytest.mark.parametrize("size", SIZES)
    def test_left_and_right_are_mirror_images(self, size):
        target = ParametricCar(2).voxelize(size)
        for values in (target.part, target.fill, target.permittivity, target.normals):
            dense = target.grid(values, -1)
            mirror = dense[:, ::-1] * ([1, -1, 1] if values.ndim > 1 else 1)
            empty = target.grid(np.ones(target.num_voxels), 0) == 0
            np.testing.assert_allclose(mirror[~empty], dense[~empty], atol=1e-5)
            np.testing.assert_array_equal(empty, empty[:, ::-1])

    def test_panes_keep_their_volume(self):
        """A pane is 5 mm thick whatever the voxels are."""
        car = ParametricCar(1)
        volume = []
        for size in (0.1, 0.05, 0.025):
            target = car.voxelize(size)
            mine = target.part == target.part_names.index("windows")
            volume.append(target.fill[mine].sum() * size**3)
        rear, front = car.cabin
        assert volume == pytest.approx([volume[-1]] * 3, rel=0.15)
        assert 0.005 * 0.4 * (front - rear) < volume[-1] < 0.005 * 4 * (front - rear)

    def test_tyres_have_their_volume(self):
        car = ParametricCar(5)
        target = car.voxelize(0.025)
        mine = target.part == target.part_names.index("tyres")
        ring = 4 * np.pi * car.wheel_radius**2 * (1 - 0.6**2) * car.wheel_width
        assert 0.85 * ring < target.fill[mine].sum() * 0.025**3 < 1.01 * ring

    def test_shapes(self):
        car = ParametricCar(0, length=4.0, width=1.8, height=1.5)
        np.testing.assert_allclose(np.diff(car.bounds, axis=0), [[4.0, 1.8, 1.5]])
        assert car.bounds[0, 2] == 0


class TestMotorbike:
    def test_rider(self):
        riders = [ParametricMotorbike(seed).rider for seed in range(200)]
        assert 70 < sum(riders) < 130
        for rider in (True, False):
            target = ParametricMotorbike(1, rider=rider).voxelize(0.1)
            assert ("rider" in target.part_names) is rider

    @pytest.mark.parametrize("seed", [0, 5])
    def test_handlebar_spans_its_width_at_any_voxel_size(self, seed):
        bike = ParametricMotorbike(seed, rider=False)
        for size in (0.2, 0.1, 0.04):
            target = bike.voxelize(size)
            frame = target.positions[target.part == target.part_names.index("frame")]
            assert frame[:, 1].max() == pytest.approx(bike.handlebar_width / 2, abs=0.51 * size)
            assert frame[:, 1].min() == pytest.approx(-bike.handlebar_width / 2, abs=0.51 * size)

    def test_size(self):
        bike = ParametricMotorbike(0, rider=False)
        assert np.diff(bike.bounds, axis=0)[0, 0] == pytest.approx(bike.length)
        assert np.diff(bike.bounds, axis=0)[0, 1] == pytest.approx(bike.handlebar_width + 2 * 0.014)


WRONG = [
    (lambda: ParametricCar(-1), ValueError, "seed must be an integer >= 0; got -1"),
    (lambda: ParametricCar(1.5), TypeError, "seed must be an integer"),
    (lambda: ParametricCar(0, lenght=4), ValueError, "dimension must be one of 'length'.*'lenght'"),
    (lambda: ParametricCar(0, length=6), ValueError, "length must be .* >= 3.6 and <= 5; got 6"),
    (lambda: ParametricCar(0, width=float("nan")), ValueError, "width must be"),
    (lambda: ParametricCar(0, materials={"wood": (2, 0)}), ValueError, "material must be one of"),
    (
        lambda: ParametricCar(0, materials={"glass": (0.9, 0)}),
        ValueError,
        "permittivity of glass must be >= 1 .*; got 0.9",
    ),
    (
        lambda: ParametricCar(0, materials={"glass": (6.0, -0.1)}),
        ValueError,
        "conductivity of glass must be >= 0.*; got -0.1 S/m",
    ),
    (lambda: ParametricCar(0, materials={"glass": 6.0}), TypeError, "glass must be a pair"),
    (lambda: ParametricMotorbike(0, rider="yes"), TypeError, "rider must be .*; got 'yes'"),
    (lambda: ParametricCar(0).voxelize(0), ValueError, "voxel_size must be .* > 0; got 0"),
    (lambda: ParametricCar(0).voxelize(-0.1), ValueError, "voxel_size must be .* > 0; got -0.1"),
    (lambda: ParametricCar(0).voxelize(9.0), ValueError, "voxel_size must not exceed .*; got 9 m"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
