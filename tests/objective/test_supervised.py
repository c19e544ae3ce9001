"""Losses with labels against sums in NumPy, and at the ends of what they take."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sionna_isac.objective import (
    angle_mse,
    binary_cross_entropy,
    categorical_cross_entropy,
    position_mse,
    positions,
)


def modes(function):
    """The function eagerly, in a graph and compiled."""
    return [function, tf.function(function), tf.function(function, jit_compile=True)]


def value_and_gradient(function, point, dtype=tf.float64):
    point = tf.constant(point, dtype)
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(point)
    return value.numpy(), tape.gradient(value, point).numpy()


def test_position_and_angle_mse(rng):
    estimate, truth = rng.normal(size=(2, 7, 3, 2))
    present = rng.uniform(size=(7, 3)) < 0.5
    terms = [np.sum((estimate[i] - truth[i]) ** 2) for i in np.ndindex(7, 3) if present[i]]
    assert 0 < len(terms) < 21
    for function in modes(lambda e, t, u: position_mse(e, t, u)):
        actual = function(*map(tf.constant, (estimate, truth, present)))
        assert actual.dtype == tf.float64
        np.testing.assert_allclose(actual, np.mean(terms), rtol=1e-13)
    expected = np.mean((estimate[..., 0] - truth[..., 0])[present] ** 2)
    for function in modes(lambda e, t, u: angle_mse(e, t, u)):
        arguments = (estimate[..., 0], truth[..., 0], present.astype(np.int32))
        np.testing.assert_allclose(function(*map(tf.constant, arguments)), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_angles_are_compared_on_the_circle(dtype):
    degree, eps = np.pi / 180, np.finfo(dtype.as_numpy_dtype).eps
    truth = tf.constant(np.deg2rad([-179.0, 179.0, 1.0]), dtype)
    estimate = np.deg2rad([179.0, -179.0, 2.0])
    for turns in (0, 1, -2):  # of the estimate, which may leave the circle
        for function in modes(lambda e: 3 * angle_mse(e, truth, [1, 1, 1])):
            value, gradient = value_and_gradient(function, estimate + 2 * np.pi * turns, dtype)
            np.testing.assert_allclose(value, 9 * degree**2, atol=200 * eps * degree)
            np.testing.assert_allclose(gradient, 2 * degree * np.array([-2, 2, 1]), atol=50 * eps)
    # a difference within the circle is not rounded
    small = 1e-3 * np.finfo(dtype.as_numpy_dtype).eps
    value, gradient = value_and_gradient(lambda e: angle_mse(e, [0.0 * e[0]], [1]), [small], dtype)
    np.testing.assert_allclose([value, gradient[0]], [small**2, 2 * small], rtol=1e-6)


def test_present_is_yes_or_no():
    x = np.ones((2, 2))
    for bad in (0.5, np.nan, 2, -1):
        with pytest.raises(ValueError, match=f"present must hold booleans, or 0 and 1; got {bad}"):
            position_mse(x, x, [1, bad])
        graph = tf.function(lambda present: position_mse(x, x, present))
        assert np.isnan(graph(tf.constant([1.0, bad])))
    with pytest.raises(TypeError, match="present must hold booleans"):
        position_mse(x, x, [1j, 0])
    assert position_mse(x, 0 * x, [True, False]).numpy() == 2


def test_message_out_of_range_is_not_free_in_a_graph():
    graph = tf.function(lambda m: categorical_cross_entropy([[0.2, 0.8]], m))
    assert np.isnan(graph(tf.constant([2]))) and np.isnan(graph(tf.constant([-1])))


@pytest.mark.parametrize("loss", [position_mse, angle_mse])
def test_absent_targets_do_not_count(rng, loss):
    lead = (4,)
    shape = (*lead, 2) if loss is position_mse else lead
    estimate, truth = rng.normal(size=(2, *shape))
    present = np.array([True, False, True, False])
    value, gradient = value_and_gradient(lambda e: loss(e, truth, present), estimate)
    np.testing.assert_allclose(gradient[present], (estimate - truth)[present], rtol=1e-13)
    estimate[1], truth[3] = np.nan, np.inf  # whatever they hold
    again, gradient = value_and_gradient(lambda e: loss(e, truth, present), estimate)
    assert again == value and np.all(gradient[~present] == 0)
    # a batch without any target
    value, gradient = value_and_gradient(lambda e: loss(e, truth, np.zeros(4, bool)), estimate)
    assert value == 0 and np.all(gradient == 0)
    with pytest.raises(ValueError, match="finite"):
        loss(estimate, truth, np.ones(4, bool))


def test_binary_cross_entropy(rng):
    logits = rng.normal(0, 3, (5, 4))
    probability = 1 / (1 + np.exp(-logits))
    present = rng.uniform(size=(5, 4)) < 0.5
    expected = -np.mean(np.log(np.where(present, probability, 1 - probability)))
    for function in modes(lambda p, t: binary_cross_entropy(p, t)):
        np.testing.assert_allclose(
            function(tf.constant(probability), tf.constant(present)), expected, rtol=1e-12
        )
    for function in modes(lambda x, t: binary_cross_entropy(x, t, from_logits=True)):
        np.testing.assert_allclose(
            function(tf.constant(logits), tf.constant(present)), expected, rtol=1e-12
        )
    # labels between 0 and 1
    soft = rng.uniform(size=(5, 4))
    expected = -np.mean(soft * np.log(probability) + (1 - soft) * np.log(1 - probability))
    np.testing.assert_allclose(binary_cross_entropy(probability, soft), expected, rtol=1e-12)
    np.testing.assert_allclose(binary_cross_entropy(logits, soft, True), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_binary_cross_entropy_of_certain_answers(dtype):
    epsilon = np.finfo(dtype.as_numpy_dtype).eps
    present = np.array([0.0, 1.0, 1.0, 0.0])
    value, gradient = value_and_gradient(
        lambda p: 4 * binary_cross_entropy(p, present), [1.0, 0.0, 1.0, 0.5], dtype
    )
    # two wrong answers, a right one, and log 2
    np.testing.assert_allclose(value, -2 * np.log(epsilon) + np.log(2), rtol=1e-6)
    assert {tf.float32: 15.9, tf.float64: 36.0}[dtype] == round(-np.log(float(epsilon)), 1)
    np.testing.assert_allclose(gradient, [0, 0, 0, 2], atol=1e-6)
    # logits keep the slope of wrong answers
    value, gradient = value_and_gradient(
        lambda x: 4 * binary_cross_entropy(x, present, True), [1e4, -1e4, 1e4, 0.0], dtype
    )
    np.testing.assert_allclose(value, 2e4 + np.log(2), rtol=1e-6)
    np.testing.assert_allclose(gradient, [1, -1, 0, 0.5], atol=1e-6)


def test_categorical_cross_entropy(rng):
    logits = rng.normal(0, 2, (6, 3, 4))
    message = rng.integers(0, 4, (6, 3))
    probability = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    terms = [-np.log(probability[(*i, message[i])]) for i in np.ndindex(6, 3)]
    for function in modes(lambda p, m: categorical_cross_entropy(p, m)):
        np.testing.assert_allclose(
            function(tf.constant(probability), tf.constant(message)), np.mean(terms), rtol=1e-12
        )
    for function in modes(lambda x, m: categorical_cross_entropy(x, m, from_logits=True)):
        np.testing.assert_allclose(
            function(tf.constant(logits), tf.constant(message)), np.mean(terms), rtol=1e-12
        )


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_categorical_cross_entropy_of_certain_answers(dtype):
    epsilon = np.finfo(dtype.as_numpy_dtype).eps
    message = np.array([0, 1])
    value, gradient = value_and_gradient(
        lambda p: 2 * categorical_cross_entropy(p, message), [[1.0, 0.0], [1.0, 0.0]], dtype
    )
    np.testing.assert_allclose(value, -np.log(epsilon), rtol=1e-6)
    np.testing.assert_allclose(gradient, [[-1, 0], [0, 0]])
    value, gradient = value_and_gradient(
        lambda x: 2 * categorical_cross_entropy(x, message, True), [[1e4, 0.0], [1e4, 0.0]], dtype
    )
    np.testing.assert_allclose(value, 1e4, rtol=1e-6)
    np.testing.assert_allclose(gradient, [[0, 0], [1, -1]], atol=1e-6)


def test_nan_is_not_hidden():
    nan = tf.constant([np.nan, 0.5], tf.float64)
    for jit in (False, True):
        binary = tf.function(binary_cross_entropy, jit_compile=jit)
        assert np.isnan(binary(nan, tf.constant([1.0, 1.0])))
        message = tf.function(categorical_cross_entropy, jit_compile=jit)
        assert np.isnan(message(nan, tf.constant(1)))
        mse = tf.function(angle_mse, jit_compile=jit)
        assert np.isnan(mse(nan, nan, tf.constant([True, True])))
        degrees = tf.constant([0.1, 30.0], tf.float64)
        assert np.isnan(mse(degrees, degrees, tf.constant([True, True])))
        assert mse(degrees, degrees, tf.constant([True, False])) == 0
        place = tf.function(positions, jit_compile=jit)(degrees, degrees)
        np.testing.assert_array_equal(np.isnan(place), [[False] * 2, [True] * 2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: position_mse(np.ones((3, 3)), np.ones((3, 3)), np.ones(3)), "estimate.*dimension"),
        (lambda: position_mse(np.ones((3, 2)), np.ones((4, 2)), np.ones(3)), r"truth.*\[3, 2\]"),
        (lambda: angle_mse(np.ones(3), np.ones(3), np.ones((3, 1))), r"present.*\[3\]"),
        (lambda: angle_mse([1.0, 1.0], [0.1, 30.0], [0, 1]), r"truth.*rad, not in degrees, within"),
        (lambda: binary_cross_entropy([np.nan], [1], True), "estimate must be finite"),
        (lambda: binary_cross_entropy(np.zeros((0, 2)), np.zeros((0, 2))), "at least one sample"),
        (lambda: categorical_cross_entropy([[np.inf, 0.0]], [1], True), "estimate must be finite"),
        (lambda: categorical_cross_entropy(np.zeros((0, 2)), np.zeros(0, int)), "at least one"),
        (lambda: categorical_cross_entropy(0.5, 0), "estimate must have"),
        (lambda: binary_cross_entropy([0.2, 1.5], [1, 0]), r"estimate.*\[0, 1\]; got 1\.5"),
        (lambda: binary_cross_entropy([0.2, 0.5], [2, 0]), r"present.*\[0, 1\]; got 2"),
        (lambda: binary_cross_entropy([0.2, 0.5], [[1, 0]]), r"present.*\[2\].*got shape \[1, 2\]"),
        (lambda: categorical_cross_entropy([[0.2, 0.8]], [2]), r"message.*\[0, 1\]; got 2"),
        (lambda: categorical_cross_entropy([[0.2, -0.8]], [1]), r"estimate.*\[0, 1\]; got -0\.8"),
        (lambda: categorical_cross_entropy([[0.2, 0.8]], [0, 1]), r"message.*\[1\].*\[2\]"),
    ],
)
def test_wrong_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_types():
    with pytest.raises(TypeError, match="message must hold integers; got float64"):
        categorical_cross_entropy(np.ones((1, 2)) / 2, np.zeros(1))
    with pytest.raises(TypeError, match="estimate must hold real"):
        angle_mse(np.ones(2) + 0j, np.ones(2), np.ones(2))
