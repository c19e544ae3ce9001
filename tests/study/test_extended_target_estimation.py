"""Estimates of a vehicle's pose: the bound is reached, a point is biased, errors of scenarios."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sionna_isac as isac
from sionna_isac.core.linalg import to_complex
from sionna_isac.studies import NumericalError
from sionna_isac.studies.extended_target_beams.scenario import DESIGNS
from sionna_isac.studies.extended_target_beams.study import scenario_target
from sionna_isac.studies.extended_target_estimation.study import ExtendedTargetEstimationStudy
from sionna_isac.studies.extended_target_estimation.trial import Trial
from sionna_isac.study import ScenarioError, load_scenario, run_scenario
from sionna_isac.study.registry import get_kind

NAME = "extended_target_estimation"
POSE = ("range", "azimuth", "elevation", "orientation")
SMALL = [
    "arrays={tx_shape: [6, 4], rx_shape: [4, 4]}",
    "sounding.num_samples=16",
    "division={cells: [4, 3], subdivision: 2}",
    "search={range_interval: [7, 13], azimuth_deg: [5, 35], elevation_deg: [-30, 10]}",
    "search.num_steps=[2, 1, 0]",
    "search.num_orientations=8",
    "search.num_starts=2",
    "min_sinr_db=6",
    "snr_db=[10]",
    "designs=[certified]",
    "num_samples=90",
    "batch_size=100",
]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    scenario = load_scenario(NAME, SMALL, profile="quick")
    return scenario, run_scenario(scenario, tmp_path_factory.mktemp(NAME) / "run", quiet=True)


def test_errors_are_those_of_the_bound(result):
    """Of 90 echoes the RMSE has a standard deviation of 8 %, somewhat more as bounds differ."""
    _, dataset = result
    rows = dataset.sel(estimator="maximum likelihood, started at the truth").squeeze()
    for name in POSE:
        assert rows.sizes["sample"] == 90
        assert 0.7 < rows[f"{name}_rmse"] / rows[f"{name}_bound"] < 1.4, name
        assert rows[f"{name}_resolved_bound"] <= rows[f"{name}_bound"]


def test_the_search_finds_the_vehicle(result):
    _, dataset = result
    for name in POSE:
        error = dataset[f"{name}_error"].squeeze()
        search, truth = (error.sel(estimator=e).values for e in dataset["estimator"].values[:2])
        assert np.mean(np.abs(search - truth) < 1e-3 + 0.1 * np.abs(truth)) >= 0.95


def test_a_point_lies_on_the_vehicle(result):
    """Its place is nearer than the centre, however large the SNR, and it has no orientation."""
    _, dataset = result
    point = dataset.sel(estimator="maximum likelihood of a point").squeeze()
    assert point["range_error"].mean() < -0.2
    assert point["range_rmse"] > 30 * point["range_bound"]
    assert np.isnan(point["orientation_rmse"])


def test_designs_are_in_order(result):
    scenario, dataset = result
    both = scenario.model_copy(update={"designs": ("certified", "centre")})
    study = ExtendedTargetEstimationStudy(both)
    beams = [study.compute(part, {}) for part in study.parts() if not part.needs]
    certified, centre = (found["resolved"].sum() for found in beams)
    assert certified < centre
    assert all(np.all(found["sinr"] > 10**0.6 * (1 - 1e-5)) for found in beams)
    root = np.sqrt(np.mean(beams[0]["coherent"], 0)) / np.sqrt(10)
    root[1:] *= np.degrees(1)
    row = dataset.squeeze()
    np.testing.assert_allclose([row[f"{name}_bound"] for name in POSE], root, rtol=1e-9)


def test_report_compares_with_the_bound_and_the_first_design(result):
    scenario, dataset = result
    worse = dataset.assign_coords(design=["other"]) * 2
    lines = list(get_kind(NAME).report(scenario, xr.concat([dataset, worse], "design")))
    assert lines[0].startswith("at 10 dB, 90 echoes")
    ratio = (dataset["range_rmse"] / dataset["range_bound"]).values[0, 0, 0]
    assert f"m ({ratio:.3g}), azimuth" in lines[2] and "orientation" not in lines[4]
    assert lines[-1].startswith(f"other over {DESIGNS['certified']}, RMSE (bound): range 2.000 (2.")


def test_bounds_are_those_of_the_drawn_echoes():
    """The expectation over symbols is close to the information of those that are drawn."""
    options = [*SMALL, "batch_size=4", "num_samples=4", "sounding.num_samples=256"]
    scenario = load_scenario(NAME, options, profile="quick")
    study = ExtendedTargetEstimationStudy(scenario)
    found = study.compute(next(iter(study.parts())), {})
    draws = study._trial.draw(found["beams"], 0)
    numerology = isac.waveform.Numerology(256, 100e6 / 256, 28e9)
    transmit, receive = (
        isac.array.UniformPlanarArray(shape, numerology.wavelength, precision="double")
        for shape in ((6, 4), (4, 4))
    )
    echo = isac.channel.ScattererEcho(
        transmit, numerology, receive_array=receive, precision="double"
    )
    target = isac.bound.ExtendedTarget.stack([scenario_target(scenario)] * 4)
    body = target.scatterers(1.0, draws.phases)

    def mean(gain, **pose):
        return echo(draws.x, body._replace(**pose, gain=body.gain * to_complex(gain)[:, None]))

    pose = {name: getattr(target, name) for name in POSE}
    fim = isac.bound.fisher(
        mean, {**pose, "gain": np.ones(4)}, 1.0, nuisance=["gain"], batch_dims=1
    )
    crb = np.diagonal(isac.bound.cramer_rao_bound(fim), axis1=-2, axis2=-1)
    np.testing.assert_allclose(np.sqrt(found["coherent"] / crb), 1, atol=0.06)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("body={kind: point}", "body must not be a point"),
        ("designs=[centre, centre]", "designs must be distinct"),
        ("designs=[published]", "designs"),
        ("snr_db=[0, -10]", "strictly increasing"),
        ("pose.range=40", r"search\.range_interval must contain pose\.range 40"),
        ("search.azimuth_deg=[30, 60]", r"search\.azimuth_deg must contain pose\.azimuth_deg 20"),
        ("search.range_interval=[0, 20]", "0 < low < high"),
        ("arrays.tx_shape=[2, 1]", "arrays"),
    ],
)
def test_wrong_scenarios(change, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario(NAME, [change], profile="quick")


def test_beams_out_of_reach_are_one_error(tmp_path):
    scenario = load_scenario(NAME, [*SMALL, "min_sinr_db=60"], profile="quick")
    with pytest.raises(ScenarioError, match="smallest CRB, certified, 60 dB: min_sinr"):
        run_scenario(scenario, tmp_path / "run", quiet=True)


def test_estimates_that_are_not_finite_are_one_error(monkeypatch, tmp_path):
    def broken(self, draws, y, *place):
        return {name: np.full(len(draws.phases), np.nan) for name in POSE}

    for method in ("point", "search", "local"):
        monkeypatch.setattr(Trial, method, broken)
    scenario = load_scenario(NAME, SMALL, profile="quick")
    with pytest.raises(NumericalError, match="not finite: smallest CRB, certified, 10 dB, batch 0"):
        run_scenario(scenario, tmp_path / "run", quiet=True)
