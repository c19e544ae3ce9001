"""Localisation studies: errors against the bound of the same echoes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.core.units import watt
from sionna_isac.studies.localization.trial import NearFieldTrial
from sionna_isac.study import ScenarioError, load_scenario, read_result, run_scenario

OFDM = [
    "echo.num_antennas=16",
    "echo.num_subcarriers=32",
    "echo.subcarrier_spacing=1e6",
    "echo.snr_db=[20, 40]",
    "echo.region={sector_deg: [-20, 20], range_interval: [20, 60], "
    "search_sector_deg: [-26, 26], search_range: [10, 70]}",
    "receivers=[{kind: omp, label: grid, num_angles: 53, num_ranges: 61}, "
    "{kind: omp, label: twin, num_angles: 53, num_ranges: 61}, "
    "{kind: differentiable_omp, label: smooth, num_angles: 53, num_ranges: 61, window: [4, 4], "
    "temperature: 0.2}]",
    "num_samples=500",
    "batch_size=200",
]
NEAR = ["echo.power_dbm=[30, 62, 67]", "echo.num_snapshots=20", "num_samples=200", "batch_size=200"]
NEAR += ["compile=false"]


@pytest.fixture(scope="module")
def ofdm(tmp_path_factory):
    out = tmp_path_factory.mktemp("ofdm") / "run"
    return out, run_scenario(load_scenario("localization_ofdm", OFDM), out, quiet=True)


@pytest.fixture(scope="module")
def near(tmp_path_factory):
    out = tmp_path_factory.mktemp("near") / "run"
    return out, run_scenario(load_scenario("localization_near_field", NEAR), out, quiet=True)


def ratio_and_spread(dataset, receiver: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared error over its bound at each level, and the standard error of that."""
    squared = dataset[f"{name}_bound"].values ** 2
    row = dataset.sel(receiver=receiver)
    high, value = row[f"{name}_rmse_high"].values ** 2, row[f"{name}_rmse"].values ** 2
    return value / squared, (high - value) / 1.96 / squared


def test_bound_is_the_closed_form_of_one_target(ofdm):
    """Angle and delay decouple: energy of the echo times the spread of elements and tones."""
    _, dataset = ofdm
    scenario = read_result(ofdm[0])[1]
    array = isac.array.UniformLinearArray(16, scenario.echo.wavelength, precision="double")
    grid = np.linspace(-np.pi / 2, np.pi / 2, 720)
    beam = isac.waveform.LeastSquaresPrecoder(array, grid, regularization=0.1, precision="double")(
        np.deg2rad([[-26.0, 26.0]])
    )[0].numpy()
    angle = dataset.sample_true_angle.values.astype(float)
    lit = np.abs(array.steering(angle).numpy() @ beam) ** 2 / 32
    elements = (np.arange(16) - 7.5) / 2
    tones = np.arange(32) - 15.5
    for i, snr_db in enumerate(dataset.snr_db.values):
        energy = 2 * lit * 10 ** (snr_db / 10) / 16
        across = energy * 32 * np.sum((2 * np.pi * elements) ** 2) * np.cos(angle) ** 2
        along = energy * 16 * np.sum((4 * np.pi * 1e6 / 299792458 * tones) ** 2)
        np.testing.assert_allclose(dataset.angle_bound[i], np.sqrt(np.mean(1 / across)), rtol=1e-4)
        np.testing.assert_allclose(dataset.range_bound[i], np.sqrt(np.mean(1 / along)), rtol=1e-4)


@pytest.mark.parametrize("name", ["angle", "range", "position"])
def test_smooth_estimates_come_close_to_the_bound(ofdm, name):
    ratio, spread = ratio_and_spread(ofdm[1], "smooth", name)
    assert np.all(ratio > 1 - 4 * spread), (ratio, spread)
    assert ratio[0] < 10**0.2, ratio


def test_a_grid_ends_at_its_own_error(ofdm):
    """Uniform in a cell: its width over the root of 12."""
    last = ofdm[1].sel(receiver="grid").isel(snr_db=-1)
    assert float(last.angle_rmse) == pytest.approx(np.deg2rad(1.0) / np.sqrt(12), rel=0.15)
    assert float(last.range_rmse) == pytest.approx(1.0 / np.sqrt(12), rel=0.15)
    assert float(last.position_rmse) > 3 * float(last.position_bound)


def test_receivers_see_the_same_echoes(ofdm):
    _, dataset = ofdm
    for name in ("angle", "range"):
        found = dataset[f"sample_{name}"]
        assert np.array_equal(found.sel(receiver="grid"), found.sel(receiver="twin"))
    assert np.unique(dataset.sample_true_angle).size == dataset.sizes["sample"] == 500


@pytest.mark.parametrize("name", ["angle", "range", "position"])
def test_refined_music_comes_close_to_the_bound(near, name):
    ratio, spread = ratio_and_spread(near[1], "MUSIC, refined once", name)
    assert np.all(ratio > 1 - 4 * spread), (ratio, spread)
    assert np.all(ratio < 10**0.2), ratio


@pytest.mark.parametrize("name", ["angle", "range", "position"])
def test_known_symbols_meet_the_bound(near, name):
    ratio, spread = ratio_and_spread(near[1], "maximum likelihood, symbols known", name)
    assert np.all(np.abs(ratio - 1) < 4 * spread), (ratio, spread)


def test_angles_of_the_plane_wave_keep_an_error(near):
    row = near[1].sel(receiver="MUSIC")
    before, last = row.angle_rmse.values[-2:]
    assert last == pytest.approx(before, rel=0.05)
    assert last > 5 * float(row.angle_bound[-1])


def test_a_run_goes_on_where_it_stopped(ofdm):
    out, dataset = ofdm
    for name in ("result.nc", "partial/point_001_00001.npz", "partial/bound_00000.npz"):
        (out / name).unlink()
    kept = (out / "partial" / "point_000_00000.npz").stat().st_mtime_ns
    again = run_scenario(load_scenario("localization_ofdm", OFDM), out, quiet=True)
    assert (out / "partial" / "point_000_00000.npz").stat().st_mtime_ns == kept
    for name in dataset.data_vars:
        np.testing.assert_array_equal(again[name], dataset[name])
    assert again.attrs["git_commit"] and again.attrs["seed"] == "1"


def test_the_figure_has_the_bound_in_every_panel(near):
    _, dataset = near
    figure = isac.study.get_kind("localization").draw(dataset)
    assert len(figure.axes) == 3
    for ax, name in zip(figure.axes, ("angle", "range", "position"), strict=True):
        line = next(v for v in ax.get_lines() if "bound" in v.get_label())
        scale = np.rad2deg(1) if name == "angle" else 1
        np.testing.assert_allclose(line.get_ydata(), scale * dataset[f"{name}_bound"])
        assert ax.get_ylabel().endswith("[deg]" if name == "angle" else "[m]")


def test_a_bound_goes_on_any_axes():
    _, ax = plt.subplots()
    parts = isac.bound.PointTargetBound(*(np.array([[1.0, 7.0, np.nan]]) * k for k in (1, 2, 3)))
    line = isac.plots.add_bound(ax, [0.0, 1.0], [parts, parts], "range")
    np.testing.assert_allclose(line.get_ydata(), [10.0, 10.0])  # 2 sqrt((1 + 49) / 2)
    line = isac.plots.add_bound(ax, [0.0, 1.0], [0.2, 0.1], label="mine")
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.1])
    plt.close()


def test_bound_of_a_larger_cross_section():
    """The field has the name that it has in the other near-field studies."""
    scenarios = [
        load_scenario("localization_near_field", c) for c in ([], ["echo.radar_cross_section=4"])
    ]
    at = np.array([0.1]), np.array([9.0])
    one, four = (NearFieldTrial(s).bound(*at).position for s in scenarios)
    np.testing.assert_allclose(one / four, 2)
    with pytest.raises(ScenarioError, match=r"echo\.rcs: unknown key"):
        load_scenario("localization_near_field", ["echo.rcs=4"])


def test_levels_in_watt():
    assert watt(30) == 1 and watt(-90) == pytest.approx(1e-12)
    np.testing.assert_allclose(watt(tf.constant([0.0, 33.0])), [1e-3, 10**0.3], rtol=1e-6)


BAD = [
    ("echo.kind=sonar", "echo", "sonar"),
    ("echo.snr_db=[3, 3]", "echo.snr_db", "increasing"),
    ("echo.region.search_range=[30, 190]", "search_range", "contain"),
    ("echo.region.sector_deg=[-50, -22]", "search_sector_deg", "contain"),
    ("echo.region.range_interval=[0, 180]", "range_interval", "0 <"),
    ("receivers=[]", "receivers", "[]"),
    ("receivers=[{kind: omp}, {kind: omp}]", "receivers", "distinct"),
    ("receivers=[{kind: music}]", "receivers", "music"),
    ("receivers=[{kind: known_symbols}]", "receivers", "known_symbols"),
    ("receivers=[{kind: differentiable_omp, window: [90, 2]}]", "window", "90"),
    ("num_samples=1", "num_samples", "1"),
]


@pytest.mark.parametrize(("override", "where", "value"), BAD, ids=[b[0] for b in BAD])
def test_a_wrong_value_is_one_line_that_names_it(override, where, value):
    with pytest.raises(ScenarioError) as error:
        load_scenario("localization_ofdm", [override])
    text = str(error.value)
    assert "\n" not in text and where in text and value in text, text
