"""Layers inside Keras models: saving, sharing, cloning and training."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from tests.layers.registry import (
    ANGLES,
    ANTENNAS,
    BATCH,
    CASES,
    RANGES,
    SECTOR,
    SPACING,
    SUBCARRIERS,
    WAVELENGTH,
    impaired,
    leaves,
    observation,
    tensors,
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


def reload(model: keras.Model, folder) -> keras.Model:
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


def test_all_layers_save_and_load(tmp_path):
    arguments = [tensors(case.arguments()) for case in CASES]
    model = Container([case.build("double") for case in CASES])
    model(tf.zeros([1]))
    for weight in model.trainable_weights:  # what is loaded must be the present values
        weight.assign(weight * 1.01)
    loaded = reload(model, tmp_path)
    assert len(loaded.weights) == len(model.weights)
    for case, before, after, args in zip(CASES, model.parts, loaded.parts, arguments, strict=True):
        isac.set_seed(1)
        expected = leaves(before(*args))
        isac.set_seed(1)
        for e, a in zip(expected, leaves(after(*args)), strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-12, err_msg=case.name)


def transceiver(own_array: bool = False) -> Container:
    array = impaired("double", trainable=True, coupled=False)
    parts = [
        isac.waveform.LeastSquaresPrecoder(array, ANGLES, precision="double"),
        isac.receiver.DifferentiableOMP(
            array, ANGLES, RANGES, SPACING, 2, temperature=0.2, precision="double"
        ),
        isac.receiver.AngleDelayMap(array, ANGLES, RANGES, SPACING, precision="double"),
    ]
    return Container([array, *parts] if own_array else parts)


def test_shared_array_is_shared_after_loading(tmp_path):
    model = transceiver()
    loaded = reload(model, tmp_path)
    assert len(model.trainable_weights) == len(loaded.trainable_weights) == 3
    precoder, receiver, display = loaded.parts
    assert precoder.array is receiver.array is display.array
    np.testing.assert_array_equal(precoder(SECTOR), model.parts[0](SECTOR))


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


def test_functional_model_is_cloned(functional, rng):
    inputs = [tf.constant(SECTOR), tf.constant(observation(rng))]
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
        self.echo = isac.channel.MonostaticEcho(truth, SPACING, precision="single")
        self.filter = isac.receiver.ReciprocalFilter(precision="single")
        self.receiver = isac.receiver.DifferentiableOMP(
            belief, ANGLES, RANGES, SPACING, 1, temperature=0.3, max_span=1.2, precision="single"
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
