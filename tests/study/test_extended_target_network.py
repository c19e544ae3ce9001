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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("networks=[{head: direct}, {head: direct}]", "networks must have distinct names"),
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
    scenario = load_scenario(NAME, [*SMALL, wild], profile="medium")
    with pytest.raises(TrainingError, match=r"loss became nan at iteration \d"):
        run_scenario(scenario, tmp_path / "run", quiet=True)
