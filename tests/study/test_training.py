"""The training loop: stages, validation, schedules, checkpoints, replicas."""

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from sionna_isac.core import uniform
from sionna_isac.study import Learner, RunFolder, Stage, TrainingError, train
from sionna_isac.study.blocks import Scenario, Training
from sionna_isac.study.callbacks import Validate
from sionna_isac.study.progress import Reporter


class Follower(Learner):
    """Two weights that follow random numbers of mean 0.5."""

    def __init__(self, scores=None):
        super().__init__()
        self.first = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        self.second = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        for layer in (self.first, self.second):
            layer.build([None, 1])
        self.scores = iter(scores or ())

    def batch_loss(self, batch_size, progress):
        x = tf.ones([batch_size, 1])
        target = uniform([batch_size, 1], precision="single")
        return (
            tf.reduce_mean((self.first(x) - target) ** 2 + (self.second(x) + target) ** 2)
            + 0 * progress
        )

    def validate(self, validation):
        return {"score": next(self.scores)}

    def values(self):
        return np.array([v.kernel.numpy().item() for v in (self.first, self.second)])


def run(tmp_path, learner, *stages, fresh=False):
    scenario = Scenario(name="toy", title="toy")
    folder = RunFolder(tmp_path / "run", scenario, fresh)
    return train(learner, stages, folder, Reporter(quiet=True), "toy", 1, False)


def options(**changes):
    values = {"iterations": 20, "batch_size": 8, "learning_rate": 0.1, "schedule": "constant"}
    return Training(**{**values, "checkpoint_interval": 4, **changes})


def test_all_iterations_are_done_even_if_the_last_part_is_short(tmp_path):
    history = run(tmp_path, Follower(), Stage("one", options(iterations=10)))
    assert history["one_loss"].shape == (10,)
    assert history["one_loss"][-1] < history["one_loss"][0]


def test_frozen_layers_stay_and_thaw(tmp_path):
    learner = Follower()
    run(tmp_path, learner, Stage("one", options(), (learner.second,)))
    first, second = learner.values()
    assert first > 0.3 and second == 0
    run(tmp_path, learner, Stage("two", options(), (learner.first,)))
    assert learner.values()[0] == first and learner.values()[1] < -0.3


class Nested(Learner):
    """What a stage freezes is not the learner's own layer but that of one of its layers."""

    def __init__(self):
        super().__init__()
        self.pair = Follower()

    def batch_loss(self, batch_size, progress):
        return self.pair.batch_loss(batch_size, progress)


def test_frozen_layers_may_be_parts_of_layers(tmp_path):
    learner = Nested()
    first, second = learner.pair.first, learner.pair.second
    stages = Stage("one", options(), (second,)), Stage("two", options(), (first,))
    run(tmp_path, learner, *stages)
    alone = Nested()
    run(tmp_path / "alone", alone, Stage("one", options(), (alone.pair.second,)))
    assert learner.pair.values()[0] == alone.pair.values()[0] > 0.3
    assert learner.pair.values()[1] < -0.3


class Kill(Exception):
    pass


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "cosine"},
        {"schedule": "plateau", "plateau": {"patience": 4, "factor": 0.5}},
        {"validation": {"interval": 4, "num_samples": 1}},
    ],
    ids=["constant", "cosine", "plateau", "validation"],
)
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(tmp_path, monkeypatch, changes):
    stages = (Stage("one", options(**changes)), Stage("two", options(**changes)))
    scores = list(np.linspace(1, 0, 10))
    whole = Follower(scores)
    expected = run(tmp_path / "whole", whole, *stages)

    save = RunFolder.save
    calls = []

    def save_some(self, name, **arrays):
        save(self, name, **arrays)
        calls.append(name)
        if len(calls) in (2, 7):
            raise Kill

    monkeypatch.setattr(RunFolder, "save", save_some)
    for _ in range(2):
        with pytest.raises(Kill):
            run(tmp_path / "parts", Follower(scores[len(calls) :]), *stages)
    learner = Follower(scores[len(calls) :])
    found = run(tmp_path / "parts", learner, *stages)
    assert len(calls) == 10  # parts that were done are not done again
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    np.testing.assert_array_equal(learner.values(), whole.values())


def test_the_learning_rate_halves_on_a_plateau_and_not_below_the_minimum(tmp_path):
    plateau = {"patience": 4, "factor": 0.5, "minimum": 0.02}
    learner = Follower()
    run(
        tmp_path,
        learner,
        Stage("one", options(iterations=200, schedule="plateau", plateau=plateau)),
    )
    assert float(learner.optimizer.learning_rate.numpy()) == pytest.approx(0.02)


def test_training_stops_when_the_score_has_not_fallen(tmp_path):
    validation = {"interval": 4, "num_samples": 1, "patience": 8}
    learner = Follower([3.0, 1.0, 2.0, 2.0, 0.5])
    stage = Stage("one", options(iterations=100, validation=validation))
    history = run(tmp_path, learner, stage)
    np.testing.assert_array_equal(history["one_score"], [3, 1, 2, 2])
    np.testing.assert_array_equal(history["one_validated"], [4, 8, 12, 16])
    assert history["one_loss"].size == 16
    again = run(tmp_path, Follower(), stage)  # a run that had stopped does not go on
    np.testing.assert_array_equal(again["one_score"], history["one_score"])


def test_patience_counts_from_the_best_score():
    validate = Validate(options(validation={"patience": 8, "interval": 4}).validation, 4)
    validate.scores = {"score": [1.0, 2.0], "validated": [4, 8]}
    assert not validate.exhausted()
    validate.scores = {"score": [1.0, 2.0, 2.0], "validated": [4, 8, 12]}
    assert validate.exhausted()


def test_a_loss_that_is_not_finite_is_an_error(tmp_path):
    class Diverging(Follower):
        def batch_loss(self, batch_size, progress):
            return super().batch_loss(batch_size, progress) / (0.1 - progress)

    with pytest.raises(TrainingError, match=r"loss became .* iteration 3; .*learning_rate"):
        run(tmp_path, Diverging(), Stage("one", options()))


REPLICAS = """
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import sys
    from pathlib import Path
    import numpy as np
    sys.path.insert(0, sys.argv[1])
    import keras
    from test_training import Follower, options, run
    from sionna_isac.core import reset_stream, uniform
    from sionna_isac.study import Stage, load_scenario, run_scenario

    class Still(Follower):
        '''Its loss has no random numbers.'''
        def batch_loss(self, batch_size, progress):
            x = tf.ones([batch_size, 1])
            return tf.reduce_mean((self.first(x) - 1.0) ** 2 + 0 * self.second(x)) + 0 * progress

    out = Path(sys.argv[2])
    alone = Still()
    run(out / "one", alone, Stage("one", options()))
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        both = Still()
        history = run(out / "two", both, Stage("one", options()))
        reset_stream(1, "a")
        draws = strategy.run(lambda: uniform([4])).values
    np.testing.assert_allclose(both.values(), alone.values(), rtol=1e-6)
    assert not np.allclose(draws[0], draws[1]), "replicas must not draw the same numbers"
    scenario = load_scenario(sys.argv[3], [
        "evaluation.num_samples=20", "evaluation.batch_size=20", "training.iterations=4",
        "evaluation.methods=[unknown, learned]"])
    with strategy.scope():
        dataset = run_scenario(scenario, out / "study" / "run", quiet=True)
    positions = dataset.element_positions
    assert np.all(np.isfinite(dataset.loss)) and np.all(np.isfinite(positions))
    assert not np.allclose(positions.sel(approach="learned"), positions.sel(approach="unknown"))
    try:
        with strategy.scope():
            run(out / "odd", Still(), Stage("one", options(batch_size=3)))
    except ValueError as error:
        assert "batch_size must be a multiple of the 2 replicas" in str(error)
    else:
        raise AssertionError("an odd batch cannot be split")
"""


def test_two_replicas_train_as_one_does(tmp_path):
    script = tmp_path / "replicas.py"
    script.write_text(textwrap.dedent(REPLICAS))
    here = __file__.rpartition("/")[0]
    done = subprocess.run(
        [sys.executable, str(script), here, str(tmp_path), f"{here}/tiny.yaml"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
