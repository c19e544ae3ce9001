"""Layers inside Keras models: saving, sharing, cloning and training."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac._registration import CLASSES
from tests.layers.registry import (
    ANGLES,
    ANTENNAS,
    BATCH,
    CASES,
    GRID,
    NUMEROLOGY,
    SECTOR,
    SUBCARRIERS,
    WAVELENGTH,
    impaired,
    leaves,
    observation,
)


@keras.saving.register_keras_serializable(package="tests")
class Container(keras.Model):
    """A model that is a list of layers."""

    def __init__(self, parts: list, **kwargs) -> None:
        super().__init__(**kwargs)
        self.parts = parts

    def call(self, index: tf.Tensor) -> tf.Tensor:
        return index

    def get_config(self) -> dict:
        return {"parts": [keras.saving.serialize_keras_object(p) for p in self.parts]}

    @classmethod
    def from_config(cls, config: dict) -> Container:
        return cls([keras.saving.deserialize_keras_object(p) for p in config["parts"]])


def built(parts: list) -> Container:
    model = Container(parts)
    model(tf.zeros([1]))
    return model


def reload(model: keras.Model, folder) -> keras.Model:
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


FRESH_PROCESS = """
import pickle, sys
import sionna_isac
assert "tensorflow" not in sys.modules and "keras" not in sys.modules  # a light import
import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tests")
class Container(keras.Model):
    def __init__(self, parts, **kwargs):
        super().__init__(**kwargs)
        self.parts = parts

    def call(self, index):
        return index

    @classmethod
    def from_config(cls, config):
        return cls([keras.saving.deserialize_keras_object(p) for p in config["parts"]])


folder = sys.argv[1]
model = keras.models.load_model(f"{folder}/model.keras")
frozen = [not p.trainable for p in model.parts]
with open(f"{folder}/arguments.pickle", "rb") as file:
    arguments = pickle.load(file)
outputs = []
for part, values in zip(model.parts, arguments):
    sionna_isac.set_seed(1)
    flat = tf.nest.flatten(part(*values))
    outputs.append([v.numpy() for v in flat if v is not None])
with open(f"{folder}/outputs.pickle", "wb") as file:
    pickle.dump((frozen, outputs), file)
"""


def test_all_layers_load_here_and_in_a_process_that_imported_the_package_only(tmp_path):
    arguments = [case.arguments() for case in CASES]
    model = Container([case.build("double") for case in CASES])
    model(tf.zeros([1]))
    for weight in model.trainable_weights:  # what is loaded must be the present values
        weight.assign(weight * 1.01)
    for part in model.parts[::2]:
        part.trainable = False
    model.save(tmp_path / "model.keras")
    (tmp_path / "arguments.pickle").write_bytes(pickle.dumps(arguments))
    code = [sys.executable, "-c", FRESH_PROCESS, str(tmp_path)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    frozen, elsewhere = pickle.loads((tmp_path / "outputs.pickle").read_bytes())
    assert frozen == [i % 2 == 0 for i in range(len(CASES))]
    here = keras.models.load_model(tmp_path / "model.keras")
    assert len(here.weights) == len(model.weights)
    for case, before, after, values, fresh in zip(
        CASES, model.parts, here.parts, arguments, elsewhere, strict=True
    ):
        isac.set_seed(1)
        expected = leaves(before(*values))
        isac.set_seed(1)
        for e, a, b in zip(expected, leaves(after(*values)), fresh, strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-12, err_msg=case.name)
            scale = max(1e-300, np.abs(e).max())
            np.testing.assert_allclose(b, e, rtol=0, atol=1e-9 * scale, err_msg=case.name)


def test_stand_ins_are_registered_for_all_classes():
    for domain in CLASSES:
        importlib.import_module(f"sionna_isac.{domain}")
    registered = {
        (value.__module__.split(".")[1], value.__name__)
        for name, value in keras.saving.get_custom_objects().items()
        if name.startswith("sionna_isac>") and isinstance(value, type)
    }
    announced = {(domain, name) for domain, names in CLASSES.items() for name in names}
    assert {r for r in registered if r[0] != "study"} == announced


def trainable(layer: keras.layers.Layer) -> list[str]:
    return [w.path.split("/", 1)[-1] for w in layer.trainable_weights]


def part_of(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """A layer inside another one that has weights to train."""
    inner = [p for p in layer._flatten_layers(include_self=False) if p.trainable_weights]
    return inner[-1] if inner else None


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.trainable and c.compile], ids=lambda case: case.name
)
def test_frozen_stays_frozen(case, tmp_path):
    layer = case.build("double")
    whole = trainable(layer)
    states = [layer] if part_of(layer) is None else [layer, part_of(layer)]
    for state in states:
        state.trainable = False
        expected = trainable(layer)
        assert expected != whole
        path = tmp_path / "model.keras"
        built([layer]).save(path)
        twins = [
            type(layer).from_config(layer.get_config()),
            copy.deepcopy(layer),
            keras.models.load_model(path).parts[0],
        ]
        for twin in twins:
            assert trainable(twin) == expected
            for a, b in zip(twin.weights, layer.weights, strict=True):
                assert a.name == b.name and a.trainable == b.trainable
            for part in twin._flatten_layers():  # Keras ignores what is so already
                part.trainable = True
            assert trainable(twin) == whole
        state.trainable = True


def unlike_arrays() -> list[isac.array.ImpairedArray]:
    """Arrays with the same parameters, of which other ones are trained."""
    every = ["positions", "gain", "phase", "coupling"]
    return [impaired("double", names) for names in ([], ["gain"], ["phase", "coupling"], every)]


def test_weights_keep_their_names_between_arrays_that_train_others(tmp_path):
    arrays = unlike_arrays()
    names = ["positions", "gain", "phase", "coupling"]
    assert [[w.name for w in a.weights] for a in arrays] == [names] * len(arrays)
    for first in arrays:
        first.set_weights([(i + 2) * w for i, w in enumerate(first.get_weights())])
        path = tmp_path / "array.weights.h5"
        built([first]).save_weights(path)
        for second in unlike_arrays():
            second.set_weights(first.get_weights())
            third = unlike_arrays()[0]
            built([third]).load_weights(path)
            for array in (second, third):
                np.testing.assert_array_equal(array.gain, first.gain)
                np.testing.assert_array_equal(array.phase, first.phase)
                np.testing.assert_array_equal(array.coupling, first.coupling)
                np.testing.assert_array_equal(array.element_positions, first.element_positions)


def test_frozen_array_comes_back_with_its_gains(tmp_path):
    gain = np.arange(1.0, 6.0)
    array = isac.array.ImpairedArray(5, 0.005, gain=gain, trainable=["gain"], precision="double")
    angle = keras.Input((3,), dtype="float64")
    model = keras.Model(angle, array(angle))
    array.trainable = False
    loaded = reload(model, tmp_path).layers[-1]
    np.testing.assert_array_equal(loaded.gain, gain)
    np.testing.assert_array_equal(loaded.element_positions, array.element_positions)
    assert not loaded.trainable_weights
    loaded.trainable = True
    assert [w.name for w in loaded.trainable_weights] == ["gain"]


@keras.saving.register_keras_serializable(package="tests")
class OwnLayer(isac.core.Layer):
    """What a user may write: weights made late, and a Keras layer inside."""

    def __init__(self, size: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.inner = keras.layers.Dense(size, dtype=self.dtype)

    def build(self, input_shape) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), name="scale", initializer="ones")

    def call(self, x: isac.core.Real) -> tf.Tensor:
        return self.inner(x * self.scale)


def test_layers_of_users_may_make_weights_late(tmp_path):
    x = keras.Input((3,), dtype="float64")
    layer = OwnLayer(2, precision="double")
    assert not layer.built
    model = keras.Model(x, layer(x))
    assert layer.built and [w.name for w in layer.weights] == ["scale", "kernel", "bias"]
    layer.scale.assign([1.0, 2.0, 3.0])
    loaded = reload(model, tmp_path)
    value = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_allclose(loaded(value), model(value), rtol=1e-12)


def test_weights_of_another_layer_are_refused(tmp_path):
    path = tmp_path / "array.weights.h5"
    built([impaired("double", coupled=False)]).save_weights(path)
    with pytest.raises(ValueError, match=r"has the weights .*coupling.*; the file holds"):
        built([impaired("double")]).load_weights(path)


def transceiver(own_array: bool = False) -> Container:
    array = impaired("double", trainable=True, coupled=False)
    parts = [
        isac.waveform.LeastSquaresPrecoder(array, ANGLES, precision="double"),
        isac.receiver.DifferentiableOMP(
            array, NUMEROLOGY, GRID, max_targets=2, temperature=0.2, precision="double"
        ),
        isac.receiver.AngleDelayMap(array, NUMEROLOGY, GRID, precision="double"),
    ]
    return Container([array, *parts] if own_array else parts)


def test_shared_array_is_shared_after_loading(tmp_path):
    model = transceiver()
    loaded = reload(model, tmp_path)
    assert len(model.trainable_weights) == len(loaded.trainable_weights) == 3
    precoder, receiver, display = loaded.parts
    assert precoder.array is receiver.array is display.array
    np.testing.assert_array_equal(precoder(SECTOR), model.parts[0](SECTOR))


@pytest.mark.parametrize("frozen", ["0", [1], [-1], None, {"a": 0}])
def test_positions_of_frozen_layers_are_checked(frozen):
    config = {**impaired("double").get_config(), "frozen": frozen}
    with pytest.raises(ValueError, match=r"frozen must be a list of positions of layers, 0 to 0;"):
        isac.array.ImpairedArray.from_config(config)


def test_copies_from_a_configuration_are_independent():
    precoder = transceiver().parts[0]
    twin = type(precoder).from_config(precoder.get_config())
    assert twin.array is not precoder.array
    before = precoder(SECTOR).numpy()
    twin.array.positions.assign(twin.array.positions * 1.1)
    np.testing.assert_array_equal(precoder(SECTOR), before)


@pytest.fixture(scope="module")
def functional() -> keras.Model:
    """Functional model of a sector and an observation, with one array in two layers."""
    precoder, receiver, _ = transceiver().parts
    sector = keras.Input(batch_shape=(BATCH, 2), dtype="float64")
    y = keras.Input(batch_shape=(BATCH, ANTENNAS, SUBCARRIERS), dtype="complex128")
    estimate = receiver(y, sector)
    return keras.Model([sector, y], [precoder(sector), estimate.angle, estimate.range])


def test_functional_model_saves_and_loads(functional, tmp_path, rng):
    inputs = [tf.constant(SECTOR), tf.constant(observation(rng))]
    loaded = reload(functional, tmp_path)
    assert len(loaded.trainable_weights) == len(functional.trainable_weights) == 3
    for e, a in zip(functional(inputs), loaded(inputs), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12)


def test_shared_array_is_shared_after_copying(functional, rng):
    inputs = [tf.constant(SECTOR), tf.constant(observation(rng))]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        twin = copy.deepcopy(functional)
    precoder, receiver = (layer for layer in twin.layers if hasattr(layer, "array"))
    assert precoder.array is receiver.array
    assert len(twin.weights) == len(functional.weights) == 3
    assert {id(w) for w in twin.weights}.isdisjoint(id(w) for w in functional.weights)
    for e, a in zip(functional(inputs), twin(inputs), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12)


def test_functional_model_is_cloned(functional, rng):
    inputs = [tf.constant(SECTOR), tf.constant(observation(rng))]
    with pytest.warns(UserWarning, match="shared by several layers.*copy.deepcopy"):
        twin = keras.models.clone_model(functional)
    # the configuration holds the present values, so the clone computes the same; Keras makes the
    # layers of a clone one by one, each with an array of its own
    assert {id(w) for w in twin.weights}.isdisjoint(id(w) for w in functional.weights)
    for e, a in zip(functional(inputs), twin(inputs), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12)


class Tracker(keras.Model):
    """Sector and symbols to position errors of one target; the array's phases are learned."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(5)
        truth = isac.array.ImpairedArray(
            ANTENNAS, WAVELENGTH, phase=rng.normal(0, 0.5, ANTENNAS), precision="single"
        )
        belief = isac.array.ImpairedArray(
            ANTENNAS, WAVELENGTH, trainable=["positions", "phase"], precision="single"
        )
        self.precoder = isac.waveform.LeastSquaresPrecoder(belief, ANGLES, precision="single")
        self.echo = isac.channel.MonostaticEcho(truth, NUMEROLOGY, precision="single")
        self.filter = isac.receiver.ReciprocalFilter(NUMEROLOGY, precision="single")
        self.receiver = isac.receiver.DifferentiableOMP(
            belief,
            NUMEROLOGY,
            GRID,
            max_targets=1,
            temperature=0.3,
            max_span=1.2,
            precision="single",
        )

    def call(self, inputs: dict) -> tf.Tensor:
        state = inputs["target"]
        targets = isac.scene.PointTargets(
            state[:, 0],
            state[:, 1],
            tf.ones_like(state[:, 0], tf.complex64),
            tf.ones_like(state[:, 0, 0], tf.int32),
        )
        beam = self.precoder(inputs["sector"])
        y = self.filter(self.echo(inputs["x"], targets, beam), inputs["x"])
        estimate = self.receiver(y, inputs["sector"])
        position = tf.concat([50 * estimate.angle, estimate.range], -1)
        self.add_loss(-1e-4 * tf.reduce_mean(estimate.metric))
        return position


def test_fit_with_complex_inputs_lowers_the_loss(rng):
    size = 48
    low = rng.uniform(-0.9, -0.2, size)
    sector = np.stack([low, low + 1.0], -1).astype(np.float32)
    angle = low + rng.uniform(0.1, 0.9, size)
    distance = rng.uniform(20, 60, size)
    inputs = {
        "sector": sector,
        "x": np.exp(2j * np.pi * rng.integers(0, 4, (size, SUBCARRIERS)) / 4).astype("c8"),
        "target": np.stack([angle, distance], 1)[..., np.newaxis].astype(np.float32),
    }
    truth = np.stack([50 * angle, distance], -1).astype(np.float32)
    model = Tracker()
    model.compile(
        optimizer=keras.optimizers.Adam(2e-2),
        loss=lambda y, estimate: tf.reduce_mean(tf.abs(y - estimate), -1),
        jit_compile=True,
    )
    history = model.fit(inputs, truth, batch_size=16, epochs=15, verbose=0, shuffle=False)
    loss = history.history["loss"]
    assert np.all(np.isfinite(loss))
    assert loss[-1] < 0.6 * loss[0]
    positions = model.precoder.array.positions.numpy()
    assert model.precoder.array is model.receiver.array
    assert np.all(np.diff(positions) >= 0) and abs(positions.mean()) < 1e-6
