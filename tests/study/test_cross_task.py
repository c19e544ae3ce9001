"""Studies of receivers of vehicles: parts, metrics, pictures, wrong scenarios."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

import sionna_isac as isac
from sionna_isac.dataset import open_dataset
from sionna_isac.studies.cross_task import study as of_study
from sionna_isac.studies.cross_task.published import PUBLISHED, RECEIVERS
from sionna_isac.studies.cross_task.report import cross_task_report
from sionna_isac.studies.cross_task.samples import chosen_tones, read_samples
from sionna_isac.study import ScenarioError, load_scenario, read_result, run_scenario
from sionna_isac.study.registry import draw_result

pytestmark = pytest.mark.usefixtures("eager")
TINY = "tests/study/tiny_cross_task.yaml"
PLACED = (0, 20, 26, 33, 36, 38, 39, 40, 41, 48, 49, 52, 54, 57, 58, 63)
NETWORKS = ["single_classification", "single_localization", "cta", "cta_physics"]


@pytest.fixture(scope="module")
def run(one_process_throughout, tmp_path_factory):
    out = tmp_path_factory.mktemp("cross_task") / "run"
    return out, run_scenario(load_scenario(TINY), out, quiet=True)


def test_metrics_are_those_of_the_stored_estimates(run):
    out, dataset = run
    with open_dataset(out.parent / "tiny_vehicles_born", "test") as test:
        truth = test.labels
    assert dataset.attrs["num_samples"] == len(truth["range"]) == 6
    at = {"receiver": "focused receiver", "placement": "placed", "seed": 43}
    row = dataset.sel(at).squeeze()
    x, y = (
        row["sample_range"].values * f(row["sample_azimuth"].values)
        - truth["range"] * f(truth["azimuth"])
        for f in (np.cos, np.sin)
    )
    error = np.hypot(x, y)
    assert row["planar_mae"].item() == pytest.approx(error.mean(), rel=1e-5)
    assert row["success_rate"].item() == np.mean(error <= 1)
    chosen = row["sample_logits"].values.argmax(-1)
    assert row["accuracy"].item() == np.mean(chosen == truth["category"])
    turn = np.degrees(np.abs(row["sample_azimuth"].values - truth["azimuth"]))
    assert row["azimuth_mae"].item() == pytest.approx(turn.mean(), rel=1e-5)


def test_receivers_estimate_what_they_can_and_differ_by_seed(run, swept):
    alone = swept[1].sel(receiver="classification alone")
    assert np.all(np.isnan(alone["planar_mae"])) and np.all(np.isfinite(alone["accuracy"]))
    _, dataset = run
    classical = dataset.sel(receiver="matched filter, coherent")
    assert np.all(np.isnan(classical["accuracy"]))
    assert np.all(classical["planar_mae"][..., 0] == classical["planar_mae"][..., 1])
    trained = dataset["sample_range"].sel(receiver="focused receiver")
    assert np.any(trained.isel(seed=0) != trained.isel(seed=1))


def test_an_interrupted_run_goes_on_with_the_same_numbers(run, tmp_path, monkeypatch):
    out, dataset = run
    (tmp_path / "tiny_vehicles_born").symlink_to(out.parent / "tiny_vehicles_born")
    scenario = load_scenario(TINY, ["receivers=[shared_pcgrad]", "num_seeds=1"])
    estimates = of_study.Trained.estimates
    calls = []

    def stop(self, inputs):
        calls.append(inputs)
        if len(calls) == 2:  # the second validation of the first training
            raise KeyboardInterrupt
        return estimates(self, inputs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(of_study.Trained, "estimates", stop)
        run_scenario(scenario, tmp_path / "run", quiet=True)
    found = run_scenario(scenario, tmp_path / "run", quiet=True)
    wanted = dataset.sel(receiver=["shared encoder, PCGrad"], seed=[42])
    for name in ("sample_range", "sample_logits"):
        np.testing.assert_array_equal(found[name].values, wanted[name].values)


def test_studies_share_trainings_and_perturb_the_test_alone(run, tmp_path, monkeypatch):
    out, dataset = run
    (tmp_path / "tiny_vehicles_born").symlink_to(out.parent / "tiny_vehicles_born")
    (tmp_path / "models").symlink_to(out.parent / "models")
    changes = ["receivers=[shared_pcgrad, matched_filter]", "figure=curves"]
    changes += ["sweep={over: noise, values: [0, 0.5]}"]
    with monkeypatch.context() as patch:
        patch.setattr(of_study, "train", None)
        found = run_scenario(load_scenario(TINY, changes), tmp_path / "run", quiet=True)
    clean = found.sel(receiver="shared encoder, PCGrad", noise=0)["sample_range"]
    wanted = dataset.sel(receiver="shared encoder, PCGrad")["sample_range"].squeeze("value")
    np.testing.assert_array_equal(clean.values, wanted.values)
    assert np.any(clean != found.sel(receiver="shared encoder, PCGrad", noise=0.5)["sample_range"])
    draw_result(found, "cross_task", tmp_path / "curves.png")


def test_samples_are_views_of_one_set(run):
    out, _ = run
    scenario = load_scenario(
        TINY, ["data.num_antennas=4", "sweep={over: fraction, values: [0.5]}", "figure=curves"]
    )
    with open_dataset(out.parent / "tiny_vehicles_born", "train") as train:
        samples = read_samples(scenario, train, "placed", 0.5)
        whole = train.channel(range(20))
    assert samples.h.shape == (10, 4, 4, 4)
    assert samples.subcarriers.tolist() == [0, 1, 5, 7]
    np.testing.assert_allclose(np.mean(np.abs(samples.h) ** 2, (1, 2, 3)), 1, rtol=1e-5)
    held = [0, 1, 2, 4, 5, 6, 7]
    places = [held.index(n) for n in (0, 1, 5, 7)]
    middle = whole[:, places, 2:6, 2:6]
    middle /= np.sqrt(np.mean(np.abs(middle) ** 2, (1, 2, 3), keepdims=True))
    apart = np.abs(samples.h[:, None] - middle).max((2, 3, 4))
    assert np.all(np.sum(apart < 1e-4, 1) == 1)  # each is one of the set


def test_fewer_tones_are_nested():
    even = tuple(range(0, 64, 4))
    assert chosen_tones(even, 4, 64) == [0, 16, 32, 48]
    for tones in (even, PLACED):
        sets = [set(chosen_tones(tones, k, 64)) for k in (1, 2, 4, 8, 16)]
        assert all(a < b for a, b in itertools.pairwise(sets))
        assert [len(s) for s in sets] == [1, 2, 4, 8, 16]
    lobes = [
        isac.waveform.TonePlacement(t, 64, 0.49).peak_side_lobe
        for t in (chosen_tones(PLACED, 8, 64), PLACED[:8])
    ]
    assert lobes[0] < lobes[1]


@pytest.fixture(scope="module")
def swept():
    """Sweep over tones whose estimates are made up: each method is worse with fewer tones."""
    changes = [
        f"receivers={NETWORKS}",
        "placements={uniform: [0, 2, 4, 6], placed: [0, 1, 5, 7]}",
        "sweep={over: num_tones, values: [1, 2, 4]}",
        "figure=allocation",
        "requirements=[{label: QoS, min_accuracy: 0.9, max_planar_error: 1.0}]",
        "claims=[{better: 'attention, NLL, physics', worse: cross-task attention, "
        "metrics: [planar_mae, accuracy]}]",
    ]
    scenario = load_scenario(TINY, changes)
    rng = np.random.default_rng(1)
    truth = {
        "range": rng.uniform(8, 20, 40),
        "azimuth": rng.uniform(-1, 1, 40),
        "category": rng.integers(0, 2, 40),
    }

    class Truth:
        range, azimuth, category = truth["range"], truth["azimuth"], truth["category"]

        def __len__(self):
            return 40

    class Data:
        categories, digest, scenario = ("motorbike", "car"), "0", load_scenario(TINY).dataset

    error = np.array([9, 9, 4, 1])[:, None] / np.array([1, 2, 4])
    shape = (4, 2, 3, 2, 40)
    found = {
        "range": np.broadcast_to(truth["range"] + error[:, None, :, None, None], shape).copy(),
        "azimuth": np.broadcast_to(truth["azimuth"], shape).copy(),
        "logits": np.broadcast_to(np.eye(2)[truth["category"]], (*shape, 2)).copy(),
    }
    found["range"][0] = found["azimuth"][0] = np.nan
    found["logits"][1] = np.nan
    return scenario, of_study._summarise(scenario, Truth(), found, Data())


def test_smallest_number_of_tones(swept):
    scenario, dataset = swept
    lines = list(cross_task_report(scenario, dataset))
    assert "  QoS, placed, cross-task attention: 4 tones, " in "\n".join(lines)
    assert any(line.startswith("  QoS, placed, attention, NLL, physics: 1 tones") for line in lines)
    assert "  QoS, uniform, localisation alone: not met" in lines
    rates = isac.metrics.ergodic_rate(np.array([1, 2, 4]), 8, 15.0)
    np.testing.assert_allclose(dataset["rate"], rates)


def test_claims_are_counted_by_seed(swept):
    lines = [line for line in cross_task_report(*swept) if "claim" in line]
    assert "planar_mae, uniform: in 6 of 6 trainings" in lines[0]
    assert "accuracy, uniform: in 0 of 6 trainings" in lines[1]


@pytest.mark.parametrize(
    "figure", ["table", "gain", "curves", "trade_off", "allocation", "errors", "entropy"]
)
def test_all_pictures_are_drawn_from_results(swept, figure):
    _, dataset = swept
    dataset = dataset.copy()
    if figure in ("table", "gain", "errors", "entropy"):
        dataset = dataset.isel(num_tones=[2])
    dataset.attrs |= {"figure": figure, "title": "tones"}
    drawn = draw_result(dataset, "cross_task")
    texts = [t.get_text() for ax in drawn.axes for t in [ax.title, ax.xaxis.label, ax.yaxis.label]]
    assert any("[" in t or "$" in t for t in texts)
    if figure in ("curves", "trade_off"):
        line = {x.get_label(): x for x in drawn.axes[1].lines}["attention, NLL, physics"]
        np.testing.assert_allclose(line.get_ydata(), [1, 0.5, 0.25], rtol=1e-9)


def test_published_values_are_beside_their_methods(run, swept):
    _, dataset = run
    row = dataset.sel(receiver="shared encoder, PCGrad").squeeze()
    assert row["published_planar_mae"] == 1.2912
    assert row["published_accuracy"].item() == pytest.approx(0.9892)
    assert np.isnan(dataset.sel(receiver="focused receiver")["published_planar_mae"]).all()
    swept = swept[1].sel(receiver="attention, NLL, physics")["published_planar_mae"]
    np.testing.assert_array_equal(swept, [np.nan, np.nan, 1.1826])
    assert set(PUBLISHED) < set(RECEIVERS)
    assert len({m["label"] for m in RECEIVERS.values()}) == len(RECEIVERS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("receivers=[cta, cta]", "receivers must have distinct labels"),
        ("receivers=[ctta]", "receiver must be one of periodogram"),
        (
            "receivers=[{kind: network, label: a, variant: single}]",
            "task must be given for variant",
        ),
        (
            "receivers=[{kind: network, label: a, variant: decoupled, surgery: pcgrad}]",
            "surgery has no effect with variant 'decoupled'",
        ),
        (
            "placements={uniform: [0, 2, 4]}",
            "num_tones must be at most the 3 tones of placements.uniform",
        ),
        ("placements={uniform: [0, 3]}", r"placements.uniform must hold tones .*; got \[3\]"),
        ("placements={}", "placements must hold at least one list of tones"),
        ("data.num_antennas=9", r"data.num_antennas must lie within \[4, 8\]; got 9"),
        ("data.scenario=quick", "data.scenario must be of kind 'dataset'; got 'multi_target'"),
        ("data.scenario=nothing", "nothing"),
        ("figure=allocation", "sweep.over must be num_tones for figure 'allocation'"),
        ("sweep={over: noise, values: [0]}", "sweep has no effect on figure 'table'"),
        ("sweep={over: num_tones, values: [1.5]}", "values must be numbers for num_tones; got 1.5"),
        ("sweep={over: fraction, values: [0]}", "values must be numbers for fraction; got 0"),
        ("rate.num_tones=4", "rate.num_tones must be at least the block of the data set, 8"),
        ("claims=[{better: a, worse: b, metrics: [accuracy]}]", "claims must name receivers"),
        ("training.epochs=0", "training.epochs"),
    ],
)
def test_a_wrong_scenario_is_one_line(change, message):
    with pytest.raises(ScenarioError, match=message) as error:
        load_scenario(TINY, [change])
    assert "\n" not in str(error.value)


def test_results_say_which_data_they_are_of(run):
    out, dataset = run
    with open_dataset(out.parent / "tiny_vehicles_born", "test") as test:
        assert dataset.attrs["data"] == test.digest
    stored, scenario = read_result(out)
    assert scenario == load_scenario(TINY)
    xr.testing.assert_equal(stored, dataset)
