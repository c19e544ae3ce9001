"""Free steering vectors: which column is returned, where they start, what is trained."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.array import SteeringDictionary, UniformLinearArray

WAVELENGTH = 0.005
GRID = np.sort(np.random.default_rng(5).uniform(-1.5, 1.5, 40))  # not uniform


def draw(rng, num_antennas=6, num_angles=GRID.size):
    return rng.normal(size=(num_antennas, num_angles)) + 1j * rng.normal(
        size=(num_antennas, num_angles)
    )


def make(columns, **kwargs):
    return SteeringDictionary(
        len(columns), WAVELENGTH, GRID, columns=columns, precision="double", **kwargs
    )


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("shape", [(), (40,), (2, 3, 4)])
def test_column_of_the_nearest_angle(rng, mode, shape):
    columns = draw(rng)
    dictionary = make(columns)
    angle = rng.uniform(-1.57, 1.57, shape)  # also beyond the ends of the grid
    nearest = np.argmin(np.abs(angle[..., None] - GRID), -1)
    steering = dictionary.steering
    if mode != "eager":
        steering = tf.function(steering, jit_compile=mode == "xla")
    np.testing.assert_array_equal(steering(tf.constant(angle)), columns.T[nearest])


def test_half_way_the_lower_angle_counts(rng):
    columns = draw(rng, 3, 4)
    dictionary = SteeringDictionary(
        3, 1.0, [-0.5, 0, 0.5, 1.0], columns=columns, precision="double"
    )
    np.testing.assert_array_equal(dictionary([-0.25, 0.25, 0.75]), columns.T[:3])


def test_nan_stays_nan(rng):
    steering = make(draw(rng))([0.1, np.nan])
    assert np.all(np.isfinite(steering[0])) and np.all(np.isnan(np.imag(steering[1])))


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("grid_type", [tf.float32, tf.float64])
def test_the_grid_itself_needs_no_gather(rng, precision, grid_type):
    """As precoders and receivers ask, of the same or another precision."""
    columns = draw(rng)
    dictionary = SteeringDictionary(6, WAVELENGTH, GRID, columns=columns, precision=precision)
    function = tf.function(lambda: dictionary.steering(tf.constant(GRID, grid_type)))
    expected = dictionary.columns.T
    np.testing.assert_array_equal(function(), expected)
    np.testing.assert_array_equal(dictionary.steering(GRID), expected)
    kinds = {op.type for op in function.get_concrete_function().graph.get_operations()}
    assert "ReadVariableOp" in kinds and not kinds & {"GatherV2", "LowerBound"}
    # other angles of the same number are looked up
    np.testing.assert_array_equal(dictionary.steering(GRID[::-1].copy()), expected[::-1])
    # and so are angles that are not known before the graph runs
    late = tf.function(dictionary.steering)(tf.constant(GRID, dictionary.rdtype))
    np.testing.assert_array_equal(late, expected)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_gradient_adds_up_over_the_uses_of_a_column(rng, mode):
    dictionary = make(draw(rng))
    angle = tf.constant(GRID[[3, 7, 3, 3]] + 1e-6)
    weight = rng.normal(size=(2, 4, 6))

    def gradients():
        with tf.GradientTape() as tape:
            a = dictionary.steering(angle)
            loss = tf.reduce_sum(tf.math.real(a) * weight[0] + tf.math.imag(a) * weight[1])
            a = dictionary.steering(GRID)
            loss += tf.reduce_sum(tf.math.real(a * tf.math.conj(a))) / 2
        return tape.gradient(loss, dictionary.trainable_variables)

    if mode != "eager":
        gradients = tf.function(gradients, jit_compile=mode == "xla")
    for actual, part, w in zip(gradients(), ("real", "imag"), weight, strict=True):
        expected = getattr(dictionary.columns.T, part).copy()
        expected[3] += w[[0, 2, 3]].sum(0)
        expected[7] += w[1]
        np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_starts_at_the_ideal_array():
    for precision in ("single", "double"):
        dictionary = SteeringDictionary(7, WAVELENGTH, GRID, precision=precision)
        ideal = UniformLinearArray(7, WAVELENGTH, precision=precision)
        np.testing.assert_array_equal(dictionary(GRID), ideal(GRID))


def test_starts_at_another_array():
    array = isac.array.impair(5, WAVELENGTH, [isac.array.PhaseError(0.3)], precision="double")
    dictionary = SteeringDictionary.from_array(array, GRID, precision="double")
    np.testing.assert_array_equal(dictionary.columns, array(GRID).numpy().T)
    assert (dictionary.num_antennas, dictionary.wavelength) == (5, WAVELENGTH)


def test_perturbation_is_circular_noise_of_the_given_variance():
    array = UniformLinearArray(64, WAVELENGTH, precision="double")
    grid = np.linspace(-1.5, 1.5, 500)
    noise = SteeringDictionary.from_array(array, grid, perturbation=0.1, precision="double").columns
    noise = noise - array(grid).numpy().T
    error = 5 * 0.1 / np.sqrt(noise.size)
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(0.1, abs=error)
    assert abs(np.mean(noise**2)) < error and abs(np.mean(noise)) < 5 * np.sqrt(0.1 / noise.size)
    isac.set_seed(3)
    first = SteeringDictionary.from_array(array, grid, perturbation=0.1).columns
    second = SteeringDictionary.from_array(array, grid, perturbation=0.1).columns
    isac.set_seed(3)
    np.testing.assert_array_equal(
        SteeringDictionary.from_array(array, grid, perturbation=0.1).columns, first
    )
    assert np.all(first != second)


@pytest.mark.parametrize(
    ("num_antennas", "num_angles", "number"),
    [(64, 720, 46080), (64, 156, 9984), (16, 500, 8000)],
)
def test_number_of_parameters(num_antennas, num_angles, number):
    grid = np.linspace(-np.pi / 2, np.pi / 2, num_angles)
    dictionary = SteeringDictionary(num_antennas, WAVELENGTH, grid)
    assert dictionary.num_parameters == number
    assert sum(int(np.prod(w.shape)) for w in dictionary.trainable_weights) == 2 * number


def test_config_holds_the_present_columns_and_what_is_trained(rng):
    dictionary = make(draw(rng))
    columns = draw(rng)
    for weight, part in zip(dictionary.weights, (columns.real, columns.imag), strict=True):
        weight.assign(part.T)
    np.testing.assert_array_equal(dictionary.columns, columns)

    def twin():
        return SteeringDictionary.from_config(json.loads(json.dumps(dictionary.get_config())))

    np.testing.assert_array_equal(twin().columns, columns)
    assert len(twin().trainable_weights) == 2
    dictionary.trainable = False
    assert not twin().trainable_weights
    assert not make(columns, trainable=False).trainable_weights
