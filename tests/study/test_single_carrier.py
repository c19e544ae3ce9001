"""The study of a single carrier: losses, stages, results, resuming, wrong scenarios."""

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import xarray as xr

from sionna_isac.core import reset_stream
from sionna_isac.metrics import rayleigh_qpsk_symbol_error_rate
from sionna_isac.receiver import TargetEstimate
from sionna_isac.studies import SingleCarrierSystem, true_array
from sionna_isac.studies._isac.points import evaluate_detection
from sionna_isac.studies.single_carrier.approach import SingleCarrierApproach, make_approach
from sionna_isac.studies.single_carrier.study import SingleCarrierStudy
from sionna_isac.study import (
    RunFolder,
    ScenarioError,
    Stage,
    find_scenarios,
    list_profiles,
    load_scenario,
    read_result,
    run_scenario,
    train,
)
from sionna_isac.study.progress import Reporter
from sionna_isac.study.registry import draw_result

TINY = Path(__file__).with_name("tiny_single_carrier.yaml")
pytestmark = pytest.mark.usefixtures("eager")  # `test_claims` has graphs of such studies


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    out = tmp_path_factory.mktemp("single_carrier") / "run"
    run_scenario(load_scenario(TINY), out, quiet=True)
    return out


def test_every_weight_and_draw_has_scores_with_intervals(reference):
    dataset, scenario = read_result(reference)
    assert dict(dataset.p_d.sizes) == {"draw": 2, "approach": 4, "eta": 2, "phi": 1, "p_fa": 2}
    assert "gospa" not in dataset and "range_rmse" not in dataset
    for name in ("p_d", "ser", "angle_rmse"):
        value = dataset[name]
        low, high = dataset[f"{name}_low"], dataset[f"{name}_high"]
        assert bool(((low <= value) & (value <= high)).all()), name
    known = dataset.sel(approach="known", phi=0, p_fa=0.1)
    assert bool((known.ser.sel(eta=1) > known.ser.sel(eta=0.3)).all())
    assert bool((known.p_d.sel(eta=1) > known.p_d.sel(eta=0.3)).all())
    assert not np.allclose(*(dataset.p_d.sel(approach="baseline", draw=d) for d in (0, 1)))
    # networks are learned for each weight, columns once
    assert dataset["history_networks-0.3_detection_loss"].shape == (2, 4)
    assert dataset["history_networks-1.0_angle_loss"].shape == (2, 4)
    assert dataset.history_model_driven_angle_loss.shape == (2, 8)
    assert len(draw_result(dataset, scenario.kind).axes) == 2


def test_trained_models_serve_another_sector_of_the_test(reference, tmp_path):
    models = reference.parent / "models"
    stamps = {p.name: p.stat().st_mtime_ns for p in models.iterdir()}
    assert len(stamps) == 6  # two draws of columns and of networks for two weights
    other = load_scenario(TINY, ["targets.test_sector_deg=[-20, 20]", "eta=[1]", "claims=[]"])
    run_scenario(other, tmp_path / "other", quiet=True, models=models)
    assert stamps == {p.name: p.stat().st_mtime_ns for p in models.iterdir()}
    assert not list((tmp_path / "other" / "partial").glob("training*"))


def test_a_run_may_begin_with_a_later_draw(reference, tmp_path):
    """It has the same array, scenes and noise as in a run of all draws."""
    changes = ["first_draw=1", "num_draws=1", "approaches={known: {kind: known, num_angles: 90}}"]
    scenario = load_scenario(TINY, [*changes, "claims=[]"])
    later = run_scenario(scenario, tmp_path / "run", quiet=True)
    assert later["draw"].values.tolist() == [1]
    names = ["p_d", "angle_rmse", "ser"]
    whole = read_result(reference)[0].sel(draw=[1], approach=["known"])
    xr.testing.assert_equal(whole[names].drop_attrs(), later[names].drop_attrs())


class Kill(Exception):
    pass


def test_a_run_that_was_killed_gives_the_same_result(reference, tmp_path, monkeypatch):
    """Killed within a training, between its stages, and between evaluations."""
    scenario = load_scenario(TINY, ["num_draws=1"])
    whole = read_result(reference)[0].sel(draw=[0])
    save, calls = RunFolder.save, []

    def save_some(self, name, **arrays):
        save(self, name, **arrays)
        calls.append(name)
        if len(calls) in (1, 8, 17):
            raise Kill

    monkeypatch.setattr(RunFolder, "save", save_some)
    for _ in range(3):
        with pytest.raises(Kill):
            run_scenario(scenario, tmp_path / "run", quiet=True, models=tmp_path / "b")
    again = run_scenario(scenario, tmp_path / "run", quiet=True, models=tmp_path / "b")
    xr.testing.assert_equal(whole.drop_attrs(), again.drop_attrs())
    # two parts of the columns, two weights with two stages of two parts: none is done again
    assert sum(name.startswith("training") for name in calls) == 2 + 2 * 2 * 2
    assert sum(name.startswith("point") for name in calls) == 4 * 2


class Constant(SingleCarrierApproach):
    """Says the same whatever it sees."""

    layers = ()

    def __init__(self, eta, logit=0.0):
        self.eta, self.logit = eta, logit

    def beam(self, sector, users, eta, phi):
        return tf.fill([sector.shape[0], 8], tf.constant(8**-0.5, tf.complex64))

    def constellation(self):
        return tf.constant([1 + 0j, 1j, -1 + 0j, -1j], tf.complex64)

    def estimate_angle(self, y, sector):
        return tf.zeros([y.shape[0], 1])

    def detect(self, y, sector):
        logit = tf.fill([y.shape[0], 1], self.logit)
        return TargetEstimate(self.estimate_angle(y, sector), None, logit)

    def messages(self, y, csi):
        return tf.zeros([y.shape[0], 4])


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_losses_of_constant_answers_are_known(eta):
    """ln 2 for presence, ln 4 for four messages, E[theta^2] for the angle 0."""
    scenario = load_scenario(TINY)
    truth = true_array(scenario)

    def loss(approach, name):
        system = SingleCarrierSystem(scenario, truth, approach, training=True)
        system.stage = Stage(name, scenario.approaches["model_driven"].training)
        reset_stream(1, "losses")
        return float(system.batch_loss(20000, tf.zeros([])))

    errors = (1 - eta) * math.log(4)
    assert loss(Constant(eta), "detection") == pytest.approx(eta * math.log(2) + errors, rel=1e-5)
    # centre uniform on +-60 degrees, offset uniform on half a span uniform on 10 to 20 degrees
    degrees = 120**2 / 12 + (10**2 + 10 * 20 + 20**2) / 3 / 12
    square = np.deg2rad(1) ** 2 * degrees
    assert loss(Constant(eta), "angle") == pytest.approx(eta * square + errors, rel=0.02)
    assert loss(Constant(eta), "angle_alone") == pytest.approx(square, rel=0.02)
    assert loss(Constant(None), "angle") == pytest.approx(square, rel=0.02)
    # a detector that always finds a target pays where there is none, with no indicator in (11)
    assert loss(Constant(eta, 10.0), "detection") == pytest.approx(eta * 5 + errors, rel=0.03)


def test_stages_train_what_they_are_for(tmp_path):
    alone = (
        "approaches.networks.angle_alone={iterations: 2, batch_size: 16, checkpoint_interval: 2}"
    )
    scenario = load_scenario(TINY, [alone])
    truth = true_array(scenario)
    approach = make_approach(scenario, "networks", truth, 0, 0.3)
    system = SingleCarrierSystem(scenario, truth, approach, training=True)
    folder = RunFolder(tmp_path / "run", scenario)
    names = ("encoder", "beamformer", "presence", "angle", "symbols")
    moved = {"detection": set(names) - {"angle"}, "angle_alone": {"angle"}}
    moved["angle"] = set(names) - {"presence"}
    assert [stage.name for stage in approach.stages()] == list(moved)
    for stage in approach.stages():
        before = [[w.numpy() for w in layer.weights] for layer in approach.layers]
        train(system, (stage,), folder, Reporter(quiet=True), "test", 1, False)
        changed = {
            name
            for name, layer, old in zip(names, approach.layers, before, strict=True)
            if any(np.any(w.numpy() != o) for w, o in zip(layer.weights, old, strict=True))
        }
        assert changed == moved[stage.name], stage.name


def test_symbol_errors_are_those_of_the_beam_in_closed_form():
    scenario = load_scenario(TINY, ["link.snr_db=10"])
    truth = true_array(scenario)
    approach = make_approach(scenario, "known", truth, 0, 0.3)
    system = SingleCarrierSystem(scenario, truth, approach)
    reset_stream(1, "errors")
    drawn = system.draw(100, 0.3, 0.0, 1000)
    rate = float(tf.reduce_mean(tf.cast(drawn["symbol_errors"], tf.float64)))
    low, high = np.deg2rad(scenario.link.sector_deg)
    angles = low + (high - low) * (np.arange(500) + 0.5) / 500
    spacings = 2j * np.pi * truth.element_positions / truth.wavelength
    steering = np.exp(-np.outer(np.sin(angles), spacings))
    beam = approach.beam(system.sector(1), system.users(1), 0.3, 0.0).numpy()[0]
    expected = rayleigh_qpsk_symbol_error_rate(10 * np.abs(steering @ beam) ** 2).mean()
    assert rate == pytest.approx(expected, abs=4 * np.sqrt(expected / 1e5))


def test_the_true_array_adds_up_spacings_around_its_middle():
    truth = true_array(load_scenario(TINY))
    positions = truth.element_positions / truth.wavelength
    assert truth.anchor == "centre" and abs(positions.mean()) < 1e-6
    spacings = np.diff(positions)
    assert np.all(spacings > 0.3) and np.all(spacings < 0.7) and np.ptp(spacings) > 0.01


def test_scores_count_detected_targets_only():
    """Four targets, four empty samples; at p_fa 1/4 the threshold is 0.4 or above it, below 0.9."""
    data = {
        "num_targets": np.array([1, 1, 1, 1, 0, 0, 0, 0]),
        "metric": np.array([[3.0], [2.0], [1.0], [0.05], [0.9], [0.1], [0.2], [0.4]]),
        "true_angle": np.zeros([8, 1]),
        "angle": np.array([[0.3], [-0.4], [0.0], [9.0], [7.0], [7.0], [7.0], [7.0]]),
    }
    scores = evaluate_detection(data, 0.25)
    assert scores["p_d"] == 0.75 and scores["p_fa_achieved"] == 0.25
    assert scores["angle_rmse"] == pytest.approx(math.sqrt(0.25 / 3))


@pytest.mark.slow
def test_shipped_scenarios_share_models_between_figures_4_and_5():
    for profile in ("quick", "full"):
        four, five = (load_scenario(f"single_carrier_fig{i}", profile=profile) for i in (4, 5))
        assert (four.approaches, four.eta, four.seed) == (five.approaches, five.eta, five.seed)
        assert four.num_draws == five.num_draws
        assert four.targets.test_sector_deg != five.targets.test_sector_deg
    assert list_profiles(find_scenarios()["single_carrier_fig3"]) == ("quick", "full")
    keys = []
    for i in (4, 5):
        study = SingleCarrierStudy(load_scenario(f"single_carrier_fig{i}", ["num_draws=1"]))
        keys.append({part.name: study.key(part) for part in study.parts() if part.shared})
    assert keys[0] == keys[1] and len(keys[0]) > 4


WRONG = [
    ("approaches={}", "approaches"),
    ("approaches.known.kind=oracle", "oracle"),
    ("targets.sector_span_deg=[1, 20]", "approaches.baseline.num_angles"),
    ("approaches.model_driven.num_angles=3", "num_angles"),
    ("approaches.model_driven.perturbation=-1", "perturbation"),
    ("approaches.model_driven.temperature=0", "temperature"),
    ("approaches.model_driven.training.objective=mse", "objective"),
    ("approaches.networks.hidden_size=0", "hidden_size"),
    ("approaches.networks.angle.plateau={factor: 0.1}", "plateau"),
    ("waveform.num_messages=3", "num_messages"),
    ("targets.test_sector_deg=[20, -20]", "test_sector_deg"),
    ("targets.sector_centre_deg=[-85, 85]", "sector_centre_deg"),
    ("link.sector_deg=[30, 120]", "sector_deg"),
    ("eta=[]", "eta"),
    ("eta=[1, 0.3]", "increasing"),
    ("eta=[2]", "eta"),
    ("claims=[{better: known, worse: guess}]", "'guess'"),
    ("claims=[{better: known, worse: baseline, metrics: [gospa]}]", "gospa"),
    ("claims=[{better: known, worse: baseline, eta: 0.5}]", "claims.eta"),
    ("array.impaired=both", "impaired"),
    ("evaluation.cutoff=3", "cutoff"),
]


@pytest.mark.parametrize(("override", "named"), WRONG, ids=[w[0] for w in WRONG])
def test_wrong_scenarios_are_one_line_that_names_what_is_wrong(override, named):
    with pytest.raises(ScenarioError) as error:
        load_scenario(TINY, [override])
    assert named in str(error.value) and "\n" not in str(error.value)
