"""Studies of networks of beams: optima of the test scenes, SINR, wrong scenarios."""

from __future__ import annotations

import numpy as np
import pytest

from sionna_isac.study import ScenarioError, load_scenario, run_scenario
from sionna_isac.study.registry import draw_result, get_kind
from sionna_isac.study.training import TrainingError

NAME = "extended_target_network"
SMALL = [
    "arrays={tx_shape: [2, 3], rx_shape: [2, 2]}",
    "networks=[{head: subspace, width: 8, num_steps: 1}]",
    "bodies=[{kind: ellipsoid, size: [2, 1, 1]}]",
    "surroundings.num_poses=30",
    "train_users=[1, 2]",
    "test_users=[1, 2]",
    "num_test=6",
    "training={iterations: 4, batch_size: 8, checkpoint_interval: 2}",
]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    scenario = load_scenario(NAME, SMALL, profile="medium")
    return scenario, run_scenario(scenario, tmp_path_factory.mktemp("net") / "run", quiet=True)


def test_networks_serve_users_and_do_not_beat_the_optimum(result):
    _, dataset = result
    known = np.isfinite(dataset["optimum"])
    assert known.sum() >= 10  # of 12
    assert np.all((dataset["optimum"] / dataset["lower_bound"] < 1 + 1e-3) | ~known)
    assert np.all(dataset["served"] | ~known)
    covered = dataset["covered"] & known
    assert covered.any() and np.all((dataset["ratio"] > 1 - 1e-3) | ~covered)
    # a user more costs bound, in each scene
    optimum = dataset["optimum"].dropna("scene").transpose("num_users", "scene").values
    assert np.all(optimum[1] >= optimum[0] * (1 - 1e-5))
    sinr = dataset["sinr_db"].sel(num_users=1)
    assert np.all(np.isnan(sinr.isel(user=1))) and np.all(np.isfinite(sinr.isel(user=0)))
    assert dataset["loss"].shape == (1, 4)


def test_report_and_figure(result):
    scenario, dataset = result
    lines = list(get_kind(NAME).report(scenario, dataset))
    assert lines[0].startswith("1 users: optimum of 6 of 6 scenes") and len(lines) == 4
    assert "  head 'subspace': bound " in lines[1]
    draw_result(dataset, NAME)


TINY = [*SMALL, "num_test=3", "training={iterations: 1, batch_size: 4}"]


def test_targets_divisions_and_penalties_have_dimensions_of_their_own(tmp_path):
    changes = [
        "networks=[{head: direct, width: 4, sinr_weight: [1, 9]}]",
        "training.iterations=0",
        "test_cells=[[6, 4], [4, 3]]",
        "min_sinr_db=[0, 5]",
        "test_users=[2]",
        "figure=penalty",
    ]
    scenario = load_scenario(NAME, [*TINY, *changes], profile="medium")
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    assert dict(dataset["ratio"].sizes) == {
        "network": 2, "min_sinr_db": 2, "cells": 2, "num_users": 1, "scene": 3,
    }  # fmt: skip
    names = ["head 'direct', penalty 1", "head 'direct', penalty 9"]
    assert list(dataset["network"].values) == names
    np.testing.assert_array_equal(dataset["sinr_weight"], [1, 9])
    assert dataset["scatterers"][0] > dataset["scatterers"][1] >= 3
    # a higher target costs bound in the same scene
    optimum = dataset["optimum"]
    assert np.all(optimum.sel(min_sinr_db=5) >= optimum.sel(min_sinr_db=0) * (1 - 1e-5))
    np.testing.assert_array_equal(dataset["served"], dataset["num_unserved"] == 0)
    assert "loss" not in dataset and dataset["num_unserved"].max() == 2
    lines = list(get_kind(NAME).report(scenario, dataset))
    assert lines[0].startswith("2 users, 6 x 4 cells, 0 dB: optimum of 3 of 3") and len(lines) == 12
    for figure, xlabel in (
        ("penalty", "weight of the SINR penalty"),
        ("scatterers", "mean number of scatterers (2 users)"),
    ):
        dataset.attrs["figure"] = figure
        assert draw_result(dataset, NAME).axes[0].get_xlabel() == xlabel


def test_weighted_metric_is_above_that_of_the_search(tmp_path):
    changes = ["rate_weight=0.1", "test_users=[1, 2]"]
    scenario = load_scenario(NAME, [*TINY, *changes], profile="medium")
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    assert "served" not in dataset and np.all(np.isfinite(dataset["optimum"]))
    assert np.all((dataset["metric_gap"] > -1e-4) | ~dataset["covered"])
    trace = dataset["ratio"] * dataset["optimum"] / dataset["isotropic"]
    metric = 0.9 * trace - 0.1 * dataset["sum_rate"]
    best = 0.9 * dataset["optimum"] / dataset["isotropic"] - 0.1 * dataset["optimum_sum_rate"]
    np.testing.assert_allclose(metric - best, dataset["metric_gap"], atol=1e-12)
    assert np.all(dataset["optimum_sum_rate"].sel(num_users=2) > 4)
    assert "sum rate " in list(get_kind(NAME).report(scenario, dataset))[1]
    assert draw_result(dataset, NAME).axes[2].get_ylabel() == "sum rate [bit/s/Hz]"


def test_the_weighted_metric_has_no_sinr_targets():
    for changes, message in (
        (["min_sinr_db=[5, 10]"], "min_sinr_db must be one value"),
        (["figure=penalty"], "figure must not be 'penalty'"),
    ):
        with pytest.raises(ScenarioError, match=message):
            load_scenario(NAME, ["rate_weight=0.1", *changes], profile="medium")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("networks=[{head: direct}, {head: direct}]", "networks must have distinct names"),
        ("networks=[{head: direct, sinr_weight: [5, 1]}]", "strictly increasing"),
        ("test_cells=[[6, 4], [6, 4]]", "test_cells must be distinct"),
        ("bodies=[{kind: point}]", "bodies must not be points"),
        ("test_users=[1, 16]", "below the 16 transmit elements; got 16"),
        ("train_users=[2, 1]", "strictly increasing"),
        ("surroundings.range_interval=[0, 5]", "range_interval"),
    ],
)
def test_wrong_scenarios(change, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario(NAME, [change], profile="medium")


def test_a_training_that_diverges_stops_with_one_error(tmp_path):
    wild = "training={iterations: 4, batch_size: 8, learning_rate: 1.0e+30}"
    small = [*SMALL, "networks=[{head: direct, width: 4}]"]
    scenario = load_scenario(NAME, [*small, wild], profile="medium")
    with pytest.raises(TrainingError, match=r"loss became nan at iteration \d"):
        run_scenario(scenario, tmp_path / "run", quiet=True)
