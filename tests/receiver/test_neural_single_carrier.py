"""The networks of the single-carrier auto-encoder: sizes, scales, outputs."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.receiver import (
    NeuralAngleEstimator,
    NeuralPresenceDetector,
    NeuralSymbolReceiver,
)
from sionna_isac.waveform import NeuralBeamformer, NeuralEncoder

SECTORS = np.array([[-0.9, -0.6], [-0.1, 0.2], [0.3, 0.5]])


def draws(rng, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def count(*layers) -> int:
    return sum(int(np.prod(w.shape)) for layer in layers for w in layer.trainable_variables)


@pytest.mark.parametrize(
    ("hidden_size", "number"),
    [(1024, 6_409_250), (21, 5_095)],  # "approximately 6.4 million" and "approximately 5,000"
)
def test_sensing_parameters_are_those_published(hidden_size, number):
    networks = [
        NeuralBeamformer(16, hidden_size=hidden_size),
        NeuralPresenceDetector(16, hidden_size=hidden_size),
        NeuralAngleEstimator(16, hidden_size=hidden_size),
    ]
    assert count(*networks) == number


def test_communication_parameters():
    # (4+1)16 + (16+1)16 + (16+1)32 + (32+1)2 and (4+1)16 + (16+1)32 + (32+1)32 + (32+1)4
    assert count(NeuralEncoder(num_messages=4, hidden_size=16)) == 80 + 272 + 544 + 66
    assert count(NeuralSymbolReceiver(num_messages=4, hidden_size=16)) == 80 + 544 + 1056 + 132


def test_encoder_has_unit_mean_energy():
    encoder = NeuralEncoder(num_messages=8, hidden_size=5, precision="double")
    points = encoder.constellation().numpy()
    assert points.shape == (8,) and np.unique(np.round(points, 9)).size == 8
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1, rel=1e-12)
    message = np.array([[3, 0], [7, 3]])
    np.testing.assert_array_equal(encoder(message), points[message])
    np.testing.assert_array_equal(encoder(5), points[5])


def test_beams_have_the_power_and_depend_on_both_sectors():
    beamformer = NeuralBeamformer(6, hidden_size=7, power=2.5, precision="double")
    user = SECTORS[::-1]
    beams = beamformer(SECTORS, user).numpy()
    assert beams.shape == (3, 6)
    np.testing.assert_allclose(np.sum(np.abs(beams) ** 2, -1), 2.5, rtol=1e-12)
    assert np.abs(beamformer(SECTORS + 0.1, user) - beams).max() > 1e-3
    assert np.abs(beamformer(SECTORS, user + 0.1) - beams).max() > 1e-3


def test_inputs_are_scaled(rng):
    """The networks see y / input_scale, real parts first, and angles in units of pi/2."""
    y = draws(rng, 3, 4)
    for kind in (NeuralPresenceDetector, NeuralAngleEstimator):
        layer = kind(4, hidden_size=5, input_scale=0.1, precision="double")
        seen = np.concatenate([10 * y.real, 10 * y.imag, SECTORS / (np.pi / 2)], -1)
        output = layer._network(seen).numpy()
        expected = output if kind is NeuralPresenceDetector else np.pi / 2 * np.tanh(output)
        assert expected.shape == (3, 1)
        np.testing.assert_allclose(layer(y, SECTORS), expected, atol=1e-12)
        np.testing.assert_array_equal(layer(y[..., np.newaxis], SECTORS), layer(y, SECTORS))
    receiver = NeuralSymbolReceiver(
        num_messages=3, hidden_size=5, input_scale=2.0, precision="double"
    )
    csi = draws(rng, 3, 4)
    seen = np.stack([y.real, csi.real, y.imag, csi.imag], -1) / 2
    np.testing.assert_allclose(receiver(y, csi), receiver._network(seen), atol=1e-12)


def test_probabilities(rng):
    y, csi = draws(rng, 3, 4), draws(rng, 3, 4)
    detector = NeuralPresenceDetector(4, hidden_size=5, precision="double")
    logit = detector(y, SECTORS).numpy()
    np.testing.assert_allclose(detector.probability(y, SECTORS), 1 / (1 + np.exp(-logit)))
    receiver = NeuralSymbolReceiver(num_messages=3, hidden_size=5, precision="double")
    weight = np.exp(receiver(y, csi).numpy())
    np.testing.assert_allclose(
        receiver.probability(y, csi), weight / weight.sum(-1, keepdims=True), rtol=1e-12
    )


def test_link_is_learned():
    """Encoder and receiver together learn messages through a Rayleigh channel."""
    encoder = NeuralEncoder(precision="double")
    receiver = NeuralSymbolReceiver(precision="double")
    weights = encoder.trainable_variables + receiver.trainable_variables
    optimizer = keras.optimizers.Adam(5e-3)
    optimizer.build(weights)

    def transmit(number, no=0.01):
        message = isac.core.uniform_integers([number], 4)
        csi = isac.core.complex_normal([number], 1.0, "double")
        noise = isac.core.complex_normal([number], no, "double")
        return message, receiver(csi * encoder(message) + noise, csi)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            message, logits = transmit(500)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(message, logits)
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    first = float(step())
    for _ in range(300):
        step()
    message, logits = transmit(20000)
    errors = float(np.mean(np.argmax(logits, -1) != message.numpy()))
    assert first > 1  # near log(4) at first
    optimal = isac.metrics.rayleigh_qpsk_symbol_error_rate(100.0)  # of QPSK, decided best
    assert 0.8 * optimal < errors < 2 * optimal
