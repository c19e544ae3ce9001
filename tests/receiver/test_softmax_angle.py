"""The softmax angle estimator against NumPy and in its limits."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac

ANTENNAS = 6
GRID = np.linspace(-np.pi / 2, np.pi / 2, 61)
SECTORS = np.array([[-np.pi / 2, -1.2], [-0.4, 0.1], [0.2, 0.6]])


def draws(rng, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def estimator(array=None, **kwargs):
    array = array or isac.array.UniformLinearArray(ANTENNAS, 0.005, precision="double")
    return isac.receiver.SoftmaxAngleEstimator(array, GRID, precision="double", **kwargs)


def literal(y, sector, level: float) -> tuple[float, float]:
    """Eqs. (13) and (14) written out."""
    index = np.arange(ANTENNAS) - (ANTENNAS - 1) / 2
    matrix = np.exp(-1j * np.pi * np.outer(index, np.sin(GRID)))
    b = np.where((sector[0] <= GRID) & (sector[1] >= GRID), level, 0)
    product = np.abs(matrix.conj().T @ y) * b
    g = np.exp(product) / np.sum(np.exp(product))
    return g @ GRID, product.max()


def test_literal_equals_the_formula(rng):
    y = draws(rng, 3, ANTENNAS)
    estimate = estimator(outside="literal")(y, SECTORS)
    for i in range(3):
        angle, metric = literal(y[i], SECTORS[i], ANTENNAS)
        assert float(estimate.angle[i, 0]) == pytest.approx(angle, abs=1e-12)
        assert float(estimate.metric[i, 0]) == pytest.approx(metric, rel=1e-12)


def test_variants_differ_by_the_angles_outside(rng):
    """Outside angles weigh e^0 each: known weights tie both variants together."""
    y, beta = 0.2 * draws(rng, 3, ANTENNAS), 1.5
    excluded = estimator(temperature=beta)(y, SECTORS)
    other = estimator(temperature=beta, outside="literal")(y, SECTORS)
    np.testing.assert_array_equal(excluded.metric, other.metric)
    index = np.arange(ANTENNAS) - (ANTENNAS - 1) / 2
    for i, (low, high) in enumerate(SECTORS):
        inside = (low <= GRID) & (high >= GRID)
        matched = np.exp(1j * np.pi * np.outer(np.sin(GRID[inside]), index)) @ y[i]
        weight = np.exp(beta * np.abs(matched))
        mean = weight @ GRID[inside] / weight.sum()
        assert float(excluded.angle[i, 0]) == pytest.approx(mean, abs=1e-12)
        both = (mean * weight.sum() + GRID[~inside].sum()) / (weight.sum() + (~inside).sum())
        assert float(other.angle[i, 0]) == pytest.approx(both, abs=1e-12)


def test_hot_limit_is_the_middle_and_cold_limit_the_maximum(rng):
    y = draws(rng, 3, ANTENNAS)
    hot = estimator(temperature=1e-12)(y, SECTORS).angle[:, 0]
    middle = [GRID[(low <= GRID) & (high >= GRID)].mean() for low, high in SECTORS]
    np.testing.assert_allclose(hot, middle, atol=1e-10)
    cold = estimator(temperature=1e6)(y, SECTORS)
    array = isac.array.UniformLinearArray(ANTENNAS, 0.005, precision="double")
    best = isac.receiver.MAPRatioTest(array, GRID, precision="double")(y, SECTORS)
    np.testing.assert_allclose(cold.angle, best.angle, atol=1e-9)
    np.testing.assert_allclose(cold.metric, 1e6 * np.sqrt(best.metric), rtol=1e-12)


def test_estimates_stay_in_the_sector_whatever_the_scale():
    for scale in (0.0, 1e-9, 1e9):
        y = np.full((3, ANTENNAS, 1), scale + 0j)
        angle = estimator()(y, SECTORS).angle[:, 0].numpy()
        assert np.all((SECTORS[:, 0] - 1e-12 <= angle) & (angle <= SECTORS[:, 1] + 1e-12))


class Columns(isac.core.Array):
    """Trainable steering vectors without the model of an array."""

    num_antennas = ANTENNAS
    wavelength = 0.005

    def __init__(self) -> None:
        super().__init__(precision="double")
        ideal = isac.array.UniformLinearArray(ANTENNAS, 0.005, precision="double")(GRID).numpy()
        parts = np.stack([ideal.real, ideal.imag])
        self.parts = self.add_weight(shape=parts.shape, initializer=lambda *_, **__: parts)

    def call(self, angle):
        return tf.complex(*tf.unstack(tf.convert_to_tensor(self.parts)))


def test_gradients_reach_free_columns_in_the_sector_only(rng):
    columns = Columns()
    receiver = estimator(columns, temperature=0.3)
    y = tf.constant(draws(rng, 3, ANTENNAS))
    np.testing.assert_allclose(
        receiver(y, SECTORS).angle, estimator(temperature=0.3)(y, SECTORS).angle, atol=1e-12
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(receiver(y, SECTORS).angle ** 2)
    gradient = np.abs(tape.gradient(loss, columns.trainable_variables)[0]).sum((0, 2))
    searched = np.any((SECTORS[:, :1] <= GRID) & (SECTORS[:, 1:] >= GRID), 0)
    np.testing.assert_array_equal(gradient > 0, searched)


def test_gradient_of_silence_is_zero():
    y = tf.zeros([1, ANTENNAS], tf.complex128)
    with tf.GradientTape() as tape:
        tape.watch(y)
        angle = estimator()(y, [[-0.4, 0.3]] * np.ones((1, 2))).angle
    np.testing.assert_array_equal(tape.gradient(angle, y), 0)


def test_sector_between_grid_angles_is_nan_in_a_graph(rng):
    sector = np.array([[GRID[3] + 0.001, GRID[3] + 0.002], [0.0, 0.3]])
    for outside in ("excluded", "literal"):
        receiver = tf.function(estimator(outside=outside))
        estimate = receiver(tf.constant(draws(rng, 2, ANTENNAS)), tf.constant(sector))
        for value in (estimate.angle, estimate.metric):
            np.testing.assert_array_equal(np.isnan(value[:, 0]), [True, False])


def test_columns_learn_an_impaired_array(rng):
    """Started at the ideal steering vectors, supervised angles teach those of the true array."""
    uniform = isac.array.uniform_positions(ANTENNAS, 0.5)
    positions = np.sort(uniform + rng.normal(0, 0.15, ANTENNAS))
    truth = isac.array.UniformLinearArray(
        ANTENNAS, 1.0, element_positions=positions, precision="double"
    )
    columns = Columns()
    optimizer = keras.optimizers.Adam(1e-2)
    optimizer.build(columns.trainable_variables)

    def error(receiver, number):
        low = isac.core.uniform([number, 1], -1.0, 0.7, "double")
        angle = low + isac.core.uniform([number, 1], 0.0, 0.3, "double")
        noise = isac.core.complex_normal([number, ANTENNAS], 0.05, "double")
        y = truth(angle[:, 0]) + noise
        return tf.reduce_mean((receiver(y, tf.concat([low, low + 0.3], -1)).angle - angle) ** 2)

    learned = estimator(columns, temperature=2.0)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = error(learned, 300)
        gradient = tape.gradient(loss, columns.trainable_variables)
        optimizer.apply_gradients(zip(gradient, columns.trainable_variables, strict=True))

    unknown = float(error(learned, 5000))
    known = float(error(estimator(truth, temperature=2.0), 5000))
    for _ in range(200):
        step()
    trained = float(error(learned, 5000))
    # free columns also make up for the coarse grid, which knowing the array does not
    assert trained < known < unknown
