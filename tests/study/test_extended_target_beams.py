"""Studies of beams for extended targets: numbers of the calls, targets out of reach, errors."""

from __future__ import annotations

import numpy as np
import pytest

import sionna_isac as isac
from sionna_isac.studies.extended_target_beams import study as of_study
from sionna_isac.study import ScenarioError, load_scenario, run_scenario
from sionna_isac.study.registry import draw_result, get_kind

SMALL = [
    "num_scenes=2",
    "arrays={tx_shape: [4, 4], rx_shape: [4, 4]}",
    "users.directions_deg=[[-40, 0], [30, 10]]",
    "division.cells=[6, 4]",
    "designs=[certified, center]",
    "min_sinr_db=[6, 60]",
    "rate_weights=[0, 0.9]",
]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    scenario = load_scenario("extended_target_fig6", SMALL, profile="quick")
    return scenario, run_scenario(scenario, tmp_path_factory.mktemp("fig6") / "run", quiet=True)


def test_bounds_are_those_of_the_library(result):
    scenario, dataset = result
    pose = {"range": 20.0, "azimuth": np.radians(20), "elevation": np.radians(-10)}
    pose["orientation"] = np.radians(50)
    found = isac.scene.FourierSurface.fit_cuboid(4.5, 1.8, 1.5).scatterers(**pose)
    solution = isac.beamforming.minimize_crb(
        isac.bound.ExtendedTarget(*found, **pose),
        (4, 4),
        (4, 4),
        of_study.user_channels(scenario, 1),
        1.0,
        10**0.6,
        4.0,
        user_noise=10**-0.2,
        path_gain=299792458 / 28e9 / (4 * np.pi) ** 1.5 / 400,
        noise_power=1e-12,
        rms_bandwidth=1e8 / np.sqrt(12),
        num_samples=1024,
    )
    row = dataset.isel(scene=1).sel(design="smallest CRB, certified", min_sinr_db=6)
    np.testing.assert_allclose(row["crb"], solution.crb, rtol=1e-3)
    np.testing.assert_allclose(row["trace"], solution.objective, rtol=1e-5)
    assert np.all(row["sinr_db"] > 6 - 1e-4) and row["coverage"] <= 4 * (1 + 1e-6)
    assert row["relative_gap"] < 1e-4


def test_designs_are_in_order_and_out_of_reach_is_not_a_number(result):
    scenario, dataset = result
    trace = dataset["trace"]
    assert np.all(np.isnan(trace.sel(min_sinr_db=60)))
    best, centre = (
        trace.sel(min_sinr_db=6, design=of_study.DESIGNS[n]) for n in ("certified", "center")
    )
    assert np.all(best <= centre * (1 + 1e-6))
    weighted = dataset["weighted_trace"], dataset["weighted_sum_rate"]
    assert all(np.all(np.diff(v, axis=0) > 0) for v in weighted)
    # without rates and SINR targets, no beams have a smaller bound
    assert np.all(weighted[0].sel(rate_weight=0) <= best * (1 + 1e-6))
    lines = list(get_kind("extended_target_beams").report(scenario, dataset))
    assert "out of reach in all 2 scenes" in lines[1] and "in 2 of 2 scenes" in lines[0]
    assert lines[-1].startswith("weighted metric, rate weight 0.9: trace of the CRB ")


def test_channels_have_a_line_of_sight_of_power_one_and_weaker_paths():
    scenario = load_scenario("extended_target_fig6", ["users.num_paths=0"], profile="quick")
    h = of_study.user_channels(scenario, 3)
    np.testing.assert_allclose(np.abs(h), 1)
    angle = np.radians([-45, -5])
    sine = np.cos(angle[1]) * np.sin(angle[0])
    step = np.exp(1j * np.pi * np.array([sine, np.sin(angle[1])]))
    # a user receives most from the beam along its channel: its phases are those of a conjugate wave
    np.testing.assert_allclose(h[0, [8, 1]] / h[0, 0], np.conj(step), atol=1e-12)
    scenario = load_scenario("extended_target_fig6", profile="quick")
    power = [np.mean(np.abs(of_study.user_channels(scenario, n)) ** 2) for n in range(200)]
    assert np.mean(power) == pytest.approx(1.3, abs=0.05)  # three paths of -10 dB


def test_patterns_are_drawn(result, tmp_path):
    _, dataset = result
    pattern = dataset["pattern"].sel(beams="most power on the centre")
    peak = pattern.where(pattern == pattern.max(), drop=True)
    assert abs(peak["azimuth_deg"].item() - 20) < 6 and abs(peak["elevation_deg"].item() + 10) < 6
    figure = draw_result(dataset.assign_attrs(figure="beampattern"), "extended_target_beams")
    assert figure.axes[0].get_xlabel() == "azimuth [deg]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("body={kind: point}", "body must not be a point"),
        ("designs=[certified, certified]", "designs must be distinct"),
        ("rate_weights=[0.5, 0.1]", "strictly increasing"),
        ("arrays.tx_shape=[2, 2]", "users.directions_deg must be fewer than the 4"),
        ("coverage=0.5", "coverage"),
    ],
)
def test_wrong_scenarios(change, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario("extended_target_fig6", [change], profile="quick")
