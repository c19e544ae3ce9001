"""Studies of scattering: scenarios, what is computed, resumption, figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.constants import c

from sionna_isac.studies._scattering.bodies import sphere_voxels
from sionna_isac.studies.echo_map.study import back_projection
from sionna_isac.study import ScenarioError, load_scenario, read_result, run_scenario
from sionna_isac.study.registry import draw_result, get_kind

SPHERE = "bodies=[{kind: sphere, size_parameter: 1, permittivity: 3, voxels_per_wavelength: "
SPHERE += "[12, 24], fit_from: 10, methods: [{kernel: filtered}, {kernel: point}]}]"
VEHICLE = "bodies=[{kind: vehicle, category: motorbike, voxel_sizes: [0.2, 0.3], "
VEHICLE += "array: {num_tx: 3, num_rx: 2}}]"

BAD = [
    ("scattering_quick", "size_parameters=[2, 1]", "size_parameters", "increasing"),
    ("scattering_quick", "size_parameters=[0.5, 30]", "grids.0.cells", "two voxels"),
    ("scattering_quick", "sphere.permittivity=0.5", "sphere.permittivity", "0.5"),
    ("scattering_quick", "sphere.loss=-1", "sphere.loss", "-1"),
    ("scattering_quick", "sphere.size_parameter=1", "sphere.size_parameter", "unknown key"),
    ("scattering_quick", "grids=[{cells: 8}, {cells: 8}]", "grids", "distinct"),
    ("scattering_quick", "grids=[{cells: 8, kernel: luck}]", "grids.0.kernel", "luck"),
    ("scattering_quick", "tolerance=1", "tolerance", "1"),
    ("scattering_convergence", "bodies=[]", "bodies", "[]"),
    ("scattering_convergence", SPHERE.replace("[12, 24]", "[1, 24]"), "bodies.0", "> 2"),
    ("scattering_convergence", SPHERE.replace("from: 10", "from: 20"), "bodies.0", "fit_from"),
    ("scattering_convergence", SPHERE[:-1] + "," + VEHICLE[8:], "bodies", "all spheres"),
    ("scattering_convergence", VEHICLE.replace("[0.2, 0.3]", "[0.2]"), "voxel_sizes", "0.2"),
    ("scattering_convergence", VEHICLE.replace("motorbike", "boat"), "category", "boat"),
    ("echo_map_quick", "targets=[]", "targets", "[]"),
    ("echo_map_quick", "targets=[{range: 20}]", "targets.0", "20"),
    ("echo_map_quick", "image.range_interval=[14, 6]", "image.range_interval", "low < high"),
    ("echo_map_quick", "image.azimuth_deg=[-20, 95]", "image", "(-90, 90)"),
    ("echo_map_quick", "solver.voxel_size=0", "solver.voxel_size", "0"),
]


@pytest.mark.parametrize(("name", "override", "where", "value"), BAD, ids=[b[1][:40] for b in BAD])
def test_a_wrong_value_is_one_line_that_names_it(name, override, where, value):
    with pytest.raises(ScenarioError) as error:
        load_scenario(name, [override])
    text = str(error.value)
    assert "\n" not in text and where in text and value in text, text


@pytest.mark.parametrize(
    "name", ["scattering_sphere", "scattering_convergence_vehicles", "echo_map"]
)
def test_scenarios_of_the_library_are_valid(name):
    assert load_scenario(name).kind in name


def test_a_sphere_of_voxels_has_the_volume_of_the_sphere():
    for size in (0.13, 0.2, 0.31):
        positions, fill, normals = sphere_voxels(1.0, size)
        assert np.sum(fill) * size**3 == pytest.approx(4 * math.pi / 3, rel=0.01)
        steps = (positions - positions[0]) / size
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
        full = np.linalg.norm(positions, axis=1) < 1 - size
        assert np.all(fill[full] == 1)


@pytest.fixture(scope="module")
def sphere(tmp_path_factory):
    """A small sphere, by Rayleigh's law, and a larger one."""
    changes = ["size_parameters=[0.05, 1]", "grids=[{cells: 12}]", "num_angles=5", "sphere.loss=0"]
    scenario = load_scenario("scattering_quick", changes)
    out = tmp_path_factory.mktemp("sphere") / "run"
    return scenario, out, run_scenario(scenario, out, quiet=True)


def test_cross_section_of_a_small_sphere(sphere):
    """4 (ka)^4 |(eps - 1)/(eps + 2)|^2, and the Mie series at ka 1."""
    scenario, _, dataset = sphere
    rayleigh = 4 * 0.05**4 * (3 / 6) ** 2
    assert dataset["monostatic"].values[0, 0] == pytest.approx(rayleigh, rel=0.03)
    assert dataset["monostatic_mie"].values[0] == pytest.approx(rayleigh, rel=0.01)
    assert np.all(dataset["error"] < 0.03) and dataset["bistatic_error"] < 0.03
    # both planes share forward and backward scattering
    ends = dataset["bistatic"].isel(grid=0, angle=[0, -1]).values
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)
    assert "bistatic pattern" in "\n".join(get_kind(scenario.kind).report(scenario, dataset))


def test_a_run_resumes(sphere):
    scenario, out, dataset = sphere
    (out / "result.nc").unlink()
    (out / "partial" / "grid0_size0001.npz").unlink()
    kept = out / "partial" / "grid0_size0000.npz"
    before = kept.stat().st_mtime_ns
    again = run_scenario(scenario, out, quiet=True)
    assert kept.stat().st_mtime_ns == before
    np.testing.assert_allclose(again["monostatic"], dataset["monostatic"], rtol=1e-9)
    with pytest.raises(ScenarioError, match="workers has no effect"):
        run_scenario(scenario, out, workers=2)


def test_error_falls_with_the_size_of_voxels(tmp_path):
    scenario = load_scenario("scattering_convergence", [SPHERE])
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    error = dataset["error"].values
    assert np.all(error[:, 1] < 0.7 * error[:, 0]) and error[0, 1] < 0.02
    slope = np.log(error[:, 0] / error[:, 1]) / np.log(2)
    np.testing.assert_allclose(dataset["order"], slope, rtol=1e-9)
    np.testing.assert_allclose(
        np.exp(dataset["fit_level"] - dataset["order"] * np.log(12)), error[:, 0], rtol=1e-9
    )
    figure = draw_result(dataset, scenario.kind, tmp_path / "figure.png")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), 100 * error[0])
    assert "order" in "\n".join(get_kind(scenario.kind).report(scenario, dataset))


def test_change_of_a_vehicle(tmp_path):
    scenario = load_scenario("scattering_convergence_vehicles", [VEHICLE])
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    parts = [np.load(tmp_path / f"run/partial/response{i:04d}.npz")["response"] for i in (0, 1)]
    change = np.linalg.norm(parts[1] - parts[0]) / np.linalg.norm(parts[0])
    np.testing.assert_allclose(dataset["change_next"].values[0], [np.nan, change])
    np.testing.assert_allclose(dataset["change_finest"].values[0], [0, change])
    rms = 20 * np.log10(np.sqrt(np.mean(np.abs(parts[0]) ** 2)))
    assert dataset["level"].values[0, 0] == pytest.approx(rms)
    figure = draw_result(dataset, scenario.kind, tmp_path / "figure.png")
    assert "1 cm" in figure.get_supxlabel()


def test_back_projection():
    """Against its definition; it is coherent at the place of a point and nowhere else."""
    random = np.random.default_rng(1)
    tx, rx = random.normal(size=(4, 3)), random.normal(size=(3, 3))
    points = random.normal([9, 0, 0], 1, size=(5, 3))
    frequencies = np.array([4.8e9, 4.9e9])
    h = np.empty([2, 3, 4], complex)
    image = np.zeros(5, complex)
    for f, r, t in np.ndindex(2, 3, 4):
        path = [np.linalg.norm(tx[t] - p) + np.linalg.norm(rx[r] - p) for p in points]
        phase = np.exp(-2j * math.pi * frequencies[f] / c * np.array(path))
        h[f, r, t] = phase[0]
    for f, r, t in np.ndindex(2, 3, 4):
        path = [np.linalg.norm(tx[t] - p) + np.linalg.norm(rx[r] - p) for p in points]
        image += h[f, r, t] * np.exp(2j * math.pi * frequencies[f] / c * np.array(path))
    found = back_projection(h, frequencies, tx, rx, points)
    np.testing.assert_allclose(found, np.abs(image) / 24, atol=1e-5)
    assert found[0] == pytest.approx(1, abs=1e-5) and found[1:].max() < 0.9


def test_echo_map(tmp_path):
    scenario = load_scenario("echo_map_quick", ["image.num_heights=13"])
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    peak = dataset["peak"].sel(model="point").item()
    point = dataset.sel(model="point").isel(target=0)
    assert peak > 0.95
    center = dataset["center"].values[0]
    assert math.hypot(*center[:2]) == pytest.approx(10, abs=1e-3)
    assert abs(float(point["peak_azimuth"])) <= math.radians(1)
    # an extended target is no point: less coherent
    assert dataset["peak"].sel(model="extended").item() < peak
    # the point's echo by the radar equation for 1 m^2
    size = np.hypot(point["channel_real"], point["channel_imag"]).values
    wavelength = c / scenario.frequencies[:, None, None]
    expected = np.broadcast_to(wavelength / ((4 * math.pi) ** 1.5 * 100), size.shape)
    np.testing.assert_allclose(size, expected, rtol=0.03)
    stored, kept = read_result(tmp_path / "run")
    assert kept == scenario
    figure = draw_result(stored, "echo_map", tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000
    assert any("point target" in ax.get_title() for ax in figure.axes)
    assert "from the centre" in "\n".join(get_kind(scenario.kind).report(scenario, stored))


def test_the_figure_of_a_sphere(sphere, tmp_path):
    _, _, dataset = sphere
    figure = draw_result(dataset, "scattering_sphere", tmp_path / "figure.png")
    curve, points = figure.axes[0].lines
    np.testing.assert_allclose(points.get_ydata(), 10 * np.log10(dataset["monostatic"].values[0]))
    np.testing.assert_allclose(curve.get_ydata()[-1], 10 * np.log10(dataset["monostatic_mie"][-1]))
