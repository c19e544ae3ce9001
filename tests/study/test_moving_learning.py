"""Arrays that learn from moving targets: scores of velocities, the static twin, wrong fields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sionna_isac.core import reset_stream
from sionna_isac.studies import IsacSystem, true_array
from sionna_isac.studies._isac.points import evaluate_point
from sionna_isac.studies.learning.study import LearningStudy, make_approach
from sionna_isac.study import ScenarioError, get_kind, load_scenario, run_scenario

TINY = Path(__file__).with_name("tiny_learning.yaml")
MOTION = (
    "motion={velocity_interval: [-400, 400], num_symbols: 4, num_velocities: 16, "
    "velocity_window: 2}"
)
TRAINING = "training: {objective: max, iterations: 2, batch_size: 8}"
AT_REST = f"learned_at_rest: {{kind: impairments, at_rest: true, {TRAINING}}}, "
APPROACHES = (
    f"approaches={{unknown: {{kind: unknown}}, {AT_REST}"
    f"learned_moving: {{kind: impairments, {TRAINING}}}, known: {{kind: known}}}}"
)
MOVING = [
    MOTION,
    APPROACHES,
    "claims=[]",
    "num_draws=1",
    "eta=[1]",
    "phi=[0]",
    "evaluation.num_samples=200",
    "evaluation.batch_size=100",
]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    fewer = APPROACHES.replace(AT_REST, "")  # each training takes seconds to trace
    scenario = load_scenario(TINY, [fewer if c == APPROACHES else c for c in MOVING])
    return scenario, run_scenario(scenario, tmp_path_factory.mktemp("moving") / "run", quiet=True)


def test_velocities_have_scores_with_intervals(result):
    _, dataset = result
    row = dataset.sel(approach="known", p_fa=0.1).squeeze()
    resolution = 5e-3 / (2 * 4 / 960e3)  # of four symbols without prefix at 60 GHz
    assert 0 < float(row.velocity_rmse) < resolution / 2
    assert float(row.velocity_rmse_low) <= float(row.velocity_rmse) <= row.velocity_rmse_high
    assert dataset.velocity_rmse.attrs["units"] == "m/s"


def test_report_names_velocity_and_the_closed_gap(result):
    scenario, dataset = result
    lines = list(get_kind("learning").report(scenario, dataset))
    assert all("m/s" in line for line in lines[1:4])
    row = dataset.gospa.sel(p_fa=0.1).squeeze()
    start, end, learned = (
        float(row.sel(approach=a)) for a in ("unknown", "known", "learned_moving")
    )
    assert start > end
    expected = f"learned_moving closes {(start - learned) / (start - end):.1%} of the GOSPA gap"
    assert any(expected in line for line in lines)


def test_several_targets_have_velocities_too(tmp_path):
    changes = [MOTION, "evaluation.methods=[known]", "evaluation.num_samples=60"]
    changes += ["evaluation.batch_size=60", "compile=false"]
    scenario = load_scenario(TINY.with_name("tiny.yaml"), changes)
    dataset = run_scenario(scenario, tmp_path / "run", quiet=True)
    assert np.all(np.isfinite(dataset.velocity_rmse))
    truth = dataset.sample_true_velocity.values
    assert np.all(np.abs(truth) <= 400) and np.ptp(truth) > 300
    assert np.all(np.abs(dataset.sample_velocity) <= 400)
    assert dataset.sample_velocity.attrs["units"] == "m/s"


def test_scores_of_velocities_by_hand():
    """Two targets, found in the other order: the errors are 1 and 3 m/s."""
    data = {
        "angle": np.tile([0.3, -0.2], (40, 1)),
        "range": np.tile([50.0, 20.0], (40, 1)),
        "velocity": np.tile([6.0, -4.0], (40, 1)),
        "true_angle": np.tile([-0.2, 0.3], (40, 1)),
        "true_range": np.tile([20.0, 50.0], (40, 1)),
        "true_velocity": np.tile([-3.0, 3.0], (40, 1)),
        "metric": np.where(np.arange(40) < 30, 9.0, 0.1)[:, np.newaxis] * np.ones(2),
        "num_targets": np.where(np.arange(40) < 30, 2, 0),
    }
    point = evaluate_point(data, 0.1, 30.0)
    assert point["velocity_rmse"] == pytest.approx(np.sqrt(5))
    assert point["angle_rmse"] == pytest.approx(0, abs=1e-12)


def test_targets_at_rest_have_the_energy_of_all_symbols():
    """The twin of a scenario: one symbol, the same noise, and as much energy of the echo."""
    scenario = load_scenario(TINY, [*MOVING, "precision=double", "targets.gain.snr_db=200"])
    truth = true_array(scenario)
    energies = []
    for case in (scenario, scenario.at_rest()):
        approach = make_approach(scenario, "known", truth).within(case)
        system = IsacSystem(case, truth, approach)
        reset_stream(1, "energy")
        seen = system.sense(50)
        assert seen.targets.velocity is None or seen.estimate.velocity is not None
        z = seen.projected.numpy()
        energies.append(np.sum(np.abs(z) ** 2, tuple(range(1, z.ndim))).mean())
    assert len(z.shape) == 3 and scenario.at_rest().noise_power == scenario.noise_power
    # each has its own draws of the targets, but for the first ones
    assert energies[0] == pytest.approx(energies[1], rel=0.5)
    assert load_scenario(TINY).at_rest() == load_scenario(TINY)


def test_one_array_is_learned_in_either_setting():
    study = LearningStudy(load_scenario(TINY, MOVING))
    rest, moving = (
        study.make_learner(label, 0, study.approach(label))
        for label in ("learned_at_rest", "learned_moving")
    )
    assert rest.scenario.motion is None and moving.scenario.motion is not None
    assert rest.receiver.array is study.approach("learned_at_rest").array
    for system, label in ((rest, "learned_at_rest"), (moving, "learned_moving")):
        system.stage = study.approach(label).stages()[0]
        variables = system.receiver.array.trainable_variables
        with tf.GradientTape() as tape:
            loss = system.batch_loss(8, tf.ones([]))
        gradients = tape.gradient(loss, variables)
        assert variables and all(np.any(g.numpy() != 0) for g in gradients)


WRONG = [
    ("motion.velocity_interval=[3, 3]", "velocity_interval must be (low, high) with low < high"),
    ("motion.velocity_interval=[-2000, 0]", "unambiguous velocities, -1199 ... 1199 m/s"),
    ("motion.num_symbols=1", "num_symbols"),
    ("motion.velocity_window=16", "velocity_window must be below num_velocities = 16"),
    ("motion.symbol_duration=1e-7", "symbol_duration must be at least the duration of a symbol"),
    ("motion=null", "at_rest has no effect without motion"),
    (
        "approaches={n: {kind: networks, position: {objective: mse}, detection: {objective: bce}}}",
        "networks see no velocities",
    ),
]


@pytest.mark.parametrize(("override", "message"), WRONG, ids=[w[0] for w in WRONG])
def test_wrong_fields_are_one_line(override, message):
    with pytest.raises(ScenarioError) as error:
        load_scenario(TINY, [*MOVING, override])
    assert message in str(error.value) and "\n" not in str(error.value)
