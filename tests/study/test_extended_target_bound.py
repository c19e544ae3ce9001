"""Bounds of extended targets over their range: limits, numbers of the library's calls, errors."""

from __future__ import annotations

import numpy as np
import pytest

import sionna_isac as isac
from sionna_isac.study import ScenarioError, load_scenario, run_scenario
from sionna_isac.study.registry import get_kind

SMALL = ["ranges=[8, 20, 2000]", "elevations_deg=[0, 20]", "arrays.tx_shape=[4, 4]"]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    scenario = load_scenario("extended_target_fig4", SMALL)
    return scenario, run_scenario(scenario, tmp_path_factory.mktemp("fig4") / "run", quiet=True)


def test_far_targets_are_points(result):
    """Section III of the paper: range and azimuth at any elevation, here within a percent."""
    _, dataset = result
    point = dataset.sel(body="point target")
    assert np.all(np.isnan(point["orientation_bound"]))
    for name in ("range", "azimuth"):
        bound = dataset[f"{name}_bound"]
        far = (bound / point[f"{name}_bound"]).sel(range=2000)
        np.testing.assert_allclose(far, 1, atol=0.002)
        near = bound.sel(body="vehicle")
        assert np.all(near.sel(range=8) > near.sel(range=20))
        np.testing.assert_allclose(point[f"{name}_bound"].std("range"), 0, atol=1e-12)


def test_bounds_are_those_of_the_library(result):
    _, dataset = result
    pose = {"azimuth": np.radians(20), "elevation": np.radians(20), "orientation": np.radians(50)}
    surface = isac.scene.FourierSurface.fit_cuboid(4.5, 1.8, 1.5)
    found = surface.scatterers(range=20.0, **pose, cells=(24, 16))
    target = isac.bound.ExtendedTarget(*found, range=20.0, **pose)
    y, z = np.meshgrid(np.arange(4) - 1.5, np.arange(4) - 1.5, indexing="ij")
    sine = np.cos(pose["elevation"]) * np.sin(pose["azimuth"])
    wave = np.exp(1j * np.pi * (y * sine + z * np.sin(pose["elevation"]))).ravel()
    fim = isac.bound.extended_target_fim(
        target, (4, 4), (8, 8), np.outer(wave.conj(), wave) / 16, 1.0, 1.0, 1e8 / 12**0.5, 1024
    )
    crb = isac.bound.cramer_rao_bound(isac.bound.effective_fim(fim, num_interest=4))
    expected = np.sqrt(np.diag(crb)) * [1, *np.full(3, np.degrees(1))]
    row = dataset.sel(body="vehicle", elevation_deg=20, range=20)
    names = ("range", "azimuth", "elevation", "orientation")
    np.testing.assert_allclose([row[f"{n}_bound"] for n in names], expected, rtol=1e-9)


def test_report_compares_with_the_point(result):
    lines = list(get_kind("extended_target_bound").report(*result))
    assert len(lines) == 6
    assert lines[0].startswith("vehicle, elevation 0 deg, 8 to 2000 m: range ")
    assert lines[0].count("of a point's") == 3 and "point's" not in lines[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("ranges=[20, 10]", "strictly increasing"),
        ("bodies=[{kind: cuboid}, {kind: cuboid}]", "bodies must have distinct labels"),
        ("azimuth_deg=90", "azimuth_deg"),
        ("level=coherent", "level"),
    ],
)
def test_wrong_scenarios(change, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario("extended_target_fig4", [change])


def test_an_array_within_the_target_is_one_error(tmp_path):
    scenario = load_scenario("extended_target_fig4", ["ranges=[0.5, 20]"])
    with pytest.raises(ScenarioError, match=r"bodies\.0 \(vehicle\): range must put the array"):
        run_scenario(scenario, tmp_path / "run", quiet=True)
