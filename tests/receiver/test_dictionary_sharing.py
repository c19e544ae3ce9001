"""A dictionary of steering vectors that precoder and receiver share."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c

import sionna_isac as isac

ANTENNAS, SUBCARRIERS, SPACING, WAVELENGTH = 8, 16, 1e6, 0.005
ANGLES = np.linspace(-np.pi / 2, np.pi / 2, 91)
RANGES = np.linspace(5.0, 75.0, 36)
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, c / WAVELENGTH)
SEARCHED = isac.receiver.SearchGrid(ANGLES, RANGES)
SECTORS = np.array([[-0.5, -0.1], [0.3, 0.6]])
WINDOW, BETA, EPSILON = (4, 3), 0.3, 1e-2


def delay(distance):
    step = 4 * np.pi * SPACING / c * np.asarray(distance)
    return np.exp(-1j * step[..., None] * np.arange(SUBCARRIERS))


@pytest.fixture
def truth():
    return isac.array.impair(
        ANTENNAS, WAVELENGTH, [isac.array.SpacingError(0.04)], precision="double"
    )


@pytest.fixture
def scene(rng):
    """Two targets in each sector, and noise."""
    angle = SECTORS[:, :1] + (SECTORS[:, 1:] - SECTORS[:, :1]) * np.array([0.25, 0.8])
    gain = np.array([[1.0, 0.7j], [-0.8, 0.6]])
    targets = isac.scene.PointTargets(angle, np.array([[20.3, 55.1], [61.2, 31.7]]), gain, [2, 2])
    noise = rng.normal(size=(2, 2, ANTENNAS, SUBCARRIERS)) * 0.05
    return targets, noise[0] + 1j * noise[1]


def receive(truth, scene, beam):
    targets, noise = scene
    echo = isac.channel.MonostaticEcho(truth, NUMEROLOGY, precision="double")
    return echo(np.ones((2, SUBCARRIERS)) + 0j, targets, beam) + noise


def make_dictionary():
    ideal = isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")
    return isac.array.SteeringDictionary.from_array(
        ideal, ANGLES, perturbation=0.02, precision="double"
    )


def make_receiver(array, atoms, **kwargs):
    return isac.receiver.DifferentiableOMP(
        array,
        NUMEROLOGY,
        SEARCHED,
        max_targets=2,
        window=WINDOW,
        atoms=atoms,
        temperature=BETA,
        precision="double",
        **kwargs,
    )


def dense_beams(a):
    """Eq. (7) for columns a [K, N]."""
    normal = tf.matmul(tf.math.conj(a), a, transpose_b=True)
    level = EPSILON * tf.reduce_mean(tf.math.real(tf.linalg.diag_part(normal)))
    normal += tf.cast(level, a.dtype) * np.eye(ANTENNAS)
    inside = (SECTORS[:, :1] <= ANGLES) & (SECTORS[:, 1:] >= ANGLES)
    beams = tf.linalg.solve(normal, tf.matmul(tf.math.conj(a), inside.T.astype(complex)))
    norm = tf.sqrt(tf.reduce_sum(tf.abs(beams) ** 2, 0))
    return tf.transpose(beams / tf.cast(norm, a.dtype))


def dense_pursuit(a, y, sector, atoms, num_targets=2):
    """Angles, ranges and metrics of one sample [K, S], from full maps and explicit residuals."""
    phi_d = delay(RANGES).T  # [S, N_tau]
    inside = (sector[0] <= ANGLES) & (sector[1] >= ANGLES)
    chosen, residual, found = [], y, []
    for _ in range(num_targets):
        value = tf.abs(tf.matmul(tf.matmul(a, residual, adjoint_a=True), phi_d.conj()))
        value *= inside[:, None].astype(float)
        i, j = np.unravel_index(np.argmax(value), value.shape)
        near = np.abs(np.arange(ANGLES.size) - i)[:, None] <= WINDOW[0]
        near = near & (np.abs(np.arange(RANGES.size) - j) <= WINDOW[1])
        weight = tf.exp(BETA * (value - value[i, j])) * near.astype(float)
        weight /= tf.reduce_sum(weight)
        angle = tf.reduce_sum(weight * ANGLES[:, None])
        distance = tf.reduce_sum(weight * RANGES)
        found.append((angle, distance, value[i, j]))
        if atoms == "refined":
            i = np.argmin(np.abs(ANGLES - angle.numpy()))
        rho = phi_d[:, j] if atoms == "grid" else delay(distance.numpy())
        chosen.append(np.outer(a.numpy()[:, i], rho).ravel())
        observed = y.numpy().ravel()
        gains = np.linalg.lstsq(np.array(chosen).T, observed, rcond=None)[0]
        residual = tf.constant((observed - gains @ np.array(chosen)).reshape(y.shape))
    return [tf.stack(v) for v in zip(*found, strict=True)]


def loss_of(angle, distance, metric):
    """Some smooth function of all estimates."""
    return tf.reduce_sum(tf.sin(3 * angle) + 0.1 * distance + 0.02 * metric**2 * [1.0, 3.0])


def energy(y):
    return tf.reduce_sum(tf.abs(y) ** 2)


@pytest.mark.parametrize("atoms", ["grid", "refined"])
@pytest.mark.parametrize("through", ["receiver", "precoder", "both"])
def test_gradient_equals_that_of_a_dense_implementation(truth, scene, atoms, through):
    dictionary = make_dictionary()
    precoder = isac.waveform.LeastSquaresPrecoder(
        dictionary, ANGLES, regularization=EPSILON, precision="double"
    )
    receiver = make_receiver(dictionary, atoms)

    def stop_if(condition, value):
        return tf.stop_gradient(value) if condition else value

    with tf.GradientTape() as tape:
        beam = stop_if(through == "receiver", precoder(SECTORS))
        y = receive(truth, scene, beam)
        estimate = receiver(y, SECTORS)
        loss = energy(y) if through == "precoder" else loss_of(*estimate[:3])
    gradients = tape.gradient(loss, dictionary.trainable_variables)

    columns = dictionary.columns
    parts = [tf.constant(columns.real), tf.constant(columns.imag)]
    with tf.GradientTape() as tape:
        tape.watch(parts)
        a = tf.complex(*parts)
        dense_beam = stop_if(through == "receiver", dense_beams(a))
        y = receive(truth, scene, dense_beam)
        samples = [dense_pursuit(a, y[b], SECTORS[b], atoms) for b in range(2)]
        expected = [tf.stack(v) for v in zip(*samples, strict=True)]
        dense_loss = energy(y) if through == "precoder" else loss_of(*expected)
    dense = tape.gradient(dense_loss, parts)

    np.testing.assert_allclose(beam, dense_beam, atol=1e-12)
    for value, plain in zip(estimate[:3], expected, strict=True):
        np.testing.assert_allclose(value, plain, rtol=1e-9)
    for value, plain in zip(gradients, dense, strict=True):
        scale = np.abs(plain).max()
        assert scale > 0
        np.testing.assert_allclose(np.transpose(value), plain, atol=1e-9 * scale)
        # the receiver looks at its sectors only; the precoder fits the whole pattern
        searched = np.any((SECTORS[:, :1] <= ANGLES) & (SECTORS[:, 1:] >= ANGLES), 0)
        outside = np.abs(value)[~searched].max(-1)
        assert np.all(outside == 0) if through == "receiver" else np.all(outside > 0)


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("graph", [False, True])
def test_ideal_columns_give_what_the_ideal_array_gives(truth, scene, precision, graph):
    """To the last bit, on the grid of the columns."""
    dictionary = isac.array.SteeringDictionary(ANTENNAS, WAVELENGTH, ANGLES, precision=precision)
    ideal = isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision=precision)

    def results(array):
        precoder = isac.waveform.LeastSquaresPrecoder(array, ANGLES, precision=precision)
        options = {"max_targets": 3, "precision": precision}
        domp = isac.receiver.DifferentiableOMP(
            array, NUMEROLOGY, SEARCHED, atoms="grid", temperature=BETA, **options
        )
        omp = isac.receiver.OMP(array, NUMEROLOGY, SEARCHED, **options)
        pattern = isac.receiver.AngleDelayMap(
            array, NUMEROLOGY, SEARCHED, precision=precision
        )  # fmt: skip

        def compute(sector, y):
            return precoder(sector), domp(y, sector), omp(y, sector), pattern(y)

        return (tf.function(compute) if graph else compute)(SECTORS, observation)

    beam = np.ones((2, ANTENNAS)) + 0j
    observation = receive(truth, scene, beam).numpy()
    for value, expected in zip(
        tf.nest.flatten(results(dictionary)), tf.nest.flatten(results(ideal)), strict=True
    ):
        np.testing.assert_array_equal(value, expected)


def test_reconstruction_reaches_the_columns_of_the_estimates(truth, scene):
    dictionary = make_dictionary()
    receiver = make_receiver(dictionary, "refined")
    y = receive(truth, scene, np.ones((2, ANTENNAS)) + 0j)
    z = receiver.basis.project(y)
    with tf.GradientTape() as tape:
        estimate = receiver(y, SECTORS)
        # ranges are soft sums over windows of columns; angles do not matter between two columns
        estimate = estimate._replace(range=tf.stop_gradient(estimate.range))
        loss = isac.objective.reconstruction_loss(receiver.reconstruct(estimate), observation=z)
    gradients = tape.gradient(loss, dictionary.trainable_variables)
    nearest = np.argmin(np.abs(np.asarray(estimate.angle)[..., None] - ANGLES), -1)
    for gradient in gradients:
        used = np.flatnonzero(np.any(np.asarray(gradient) != 0, -1))
        np.testing.assert_array_equal(used, np.unique(nearest))
