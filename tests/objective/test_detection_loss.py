"""The loss of unordered detections against assignments by SciPy and a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from sionna_isac.objective import binary_cross_entropy, detection_gospa_loss


def brute_force(probability, present, cutoff, p):
    """Eq. (19) with cardinality max_targets, a sample at a time."""
    losses = []
    for estimate, truth in zip(probability, present, strict=True):
        u, v = truth[:, None], estimate[None]
        cost = np.minimum(-u * np.log(v) - (1 - u) * np.log(1 - v), cutoff) ** p
        losses.append(cost[linear_sum_assignment(cost)].sum() ** (1 / p))
    return np.mean(losses)


@pytest.mark.parametrize("p", [1, 1.5, 2])
@pytest.mark.parametrize("cutoff", [1.0, 50.0])
@pytest.mark.parametrize("size", [1, 4, 5])
def test_equals_an_assignment_by_scipy(rng, p, cutoff, size):
    logits = rng.normal(0, 2, (12, size))
    probability = 1 / (1 + np.exp(-logits))
    for present in (
        np.arange(size) < rng.integers(0, size + 1, (12, 1)),  # targets and absent ones
        rng.uniform(size=(12, size)),  # probabilities
    ):
        expected = brute_force(probability, present.astype(float), cutoff, p)
        for estimate, from_logits in ((probability, False), (logits, True)):
            actual = detection_gospa_loss(estimate, present, cutoff, p, from_logits)
            assert actual.dtype == tf.float64
            np.testing.assert_allclose(actual, expected, rtol=1e-11)


@pytest.mark.parametrize("jit", [False, True])
def test_graph_and_xla_agree(rng, jit):
    logits = tf.constant(rng.normal(0, 2, (2, 6, 4)))  # two leading dimensions
    present = tf.sequence_mask(rng.integers(0, 5, (2, 6)), 4)

    def loss(estimate, present):
        return detection_gospa_loss(estimate, present, 2.0, from_logits=True)

    compiled = tf.function(loss, jit_compile=jit)(logits, present)
    np.testing.assert_allclose(compiled, loss(logits, present), rtol=1e-12)


def test_the_most_probable_answers_are_the_targets(rng):
    """For 0 and 1 the assignment is known: log(u/(1-u)) rises, so targets take the largest."""
    probability = rng.uniform(0.05, 0.95, (9, 6))
    number = rng.integers(0, 7, 9)
    terms = []
    for estimate, count in zip(np.sort(probability)[:, ::-1], number, strict=True):
        terms.append(-np.log(estimate[:count]).sum() - np.log(1 - estimate[count:]).sum())
    present = tf.sequence_mask(number, 6)
    actual = detection_gospa_loss(probability, present, 100.0, p=1)
    np.testing.assert_allclose(actual, np.mean(terms), rtol=1e-12)
    # neither the order of targets nor that of answers matters
    order = rng.permuted(np.tile(np.arange(6), (9, 1)), axis=1)
    for estimate, truth in (
        (np.take_along_axis(probability, order, 1), present),
        (probability, np.take_along_axis(present.numpy(), order, 1)),
    ):
        np.testing.assert_allclose(
            detection_gospa_loss(estimate, truth, 100.0, p=1), actual, rtol=1e-12
        )


def test_one_target_is_the_binary_cross_entropy(rng):
    probability = rng.uniform(0.05, 0.95, (9, 1))
    present = rng.uniform(size=(9, 1)) < 0.5
    np.testing.assert_allclose(
        detection_gospa_loss(probability, present, 100.0),
        binary_cross_entropy(probability, present),
        rtol=1e-12,
    )


def test_absent_targets_are_learned():
    """Gradients raise as many answers as there are targets, and lower the others."""
    logits = tf.constant([[0.3, -0.2, 0.1], [0.1, 0.2, 0.3]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = detection_gospa_loss(logits, tf.sequence_mask([1, 0], 3), 10.0, from_logits=True)
    gradient = tape.gradient(loss, logits)
    np.testing.assert_array_equal(np.sign(gradient), [[-1, 1, 1], [1, 1, 1]])


def test_gradient_is_that_of_differences(rng):
    present = tf.sequence_mask(rng.integers(0, 5, 6), 4)
    logits = rng.normal(0, 2, (6, 4))
    for start, from_logits in ((logits, True), (1 / (1 + np.exp(-logits)), False)):

        def loss(value, from_logits=from_logits):
            return detection_gospa_loss(value, present, 1.5, 2, from_logits)

        point = tf.constant(start)
        with tf.GradientTape() as tape:
            tape.watch(point)
            value = loss(point)
        gradient = tape.gradient(value, point).numpy()
        for index in np.ndindex(6, 4):
            step = np.zeros((6, 4))
            step[index] = 1e-6
            slope = (loss(start + step) - loss(start - step)) / 2e-6
            np.testing.assert_allclose(gradient[index], slope, atol=1e-8)
        assert np.any(gradient == 0) and np.any(gradient != 0)  # the cut-off is reached


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
def test_gradients_are_finite_everywhere(dtype, p):
    for from_logits, values in (
        (False, [0.0, 1e-30, 0.5, 1.0]),
        (True, [-1e4, -90.0, -40.0, 0.0, 90.0, 1e4]),
    ):
        cube = np.stack(np.meshgrid(*[values] * 3), -1).reshape(-1, 1, 3)
        point = tf.constant(np.tile(cube, (1, 4, 1)), dtype)
        present = tf.sequence_mask(np.tile([0, 1, 2, 3], (len(cube), 1)), 3)
        with tf.GradientTape() as tape:
            tape.watch(point)
            loss = detection_gospa_loss(point, present, 20.0, p, from_logits)
        assert loss.dtype == dtype and np.isfinite(loss)
        assert np.all(np.isfinite(tape.gradient(loss, point)))


def test_right_answers_cost_nothing():
    logits = tf.constant([[1e4, -1e4, -1e4]])
    loss = detection_gospa_loss(logits, [[True, False, False]], 5.0, from_logits=True)
    assert loss.numpy() == 0
    # two are announced in place of one: one wrong answer, at the cut-off
    loss = detection_gospa_loss(-logits, [[True, False, False]], 5.0, from_logits=True)
    assert loss.numpy() == 5


def test_nan_is_not_hidden():
    estimate = tf.constant([[0.3, np.nan, 0.6]])
    for jit in (False, True):
        loss = tf.function(lambda v: detection_gospa_loss(v, [[1, 0, 0]], 5.0), jit_compile=jit)
        assert np.isnan(loss(estimate))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("size", [3, 11])
def test_large_orders_neither_overflow_nor_vanish(dtype, size):
    """Logits of +-30: powers of 60 of what the answers cost are from 1e-780 to 1e90."""
    sign = np.sign(np.arange(size) - 1.5)
    present = tf.constant(sign[None] > 0)
    for logit, wrong in ((30.0, np.log1p(np.exp(-30.0))), (-30.0, 30.0)):
        logits = tf.constant(logit * sign[None], dtype)
        for p in (2, 60):
            loss = detection_gospa_loss(logits, present, 100.0, p, from_logits=True)
            # of wrong answers, 2 instead of size - 2 announce a target: the difference is wrong
            count = size if logit > 0 else abs(size - 4)
            np.testing.assert_allclose(loss, wrong * count ** (1 / p), rtol=1e-5)


def test_wrong_arguments():
    for call, message in (
        (lambda: detection_gospa_loss([[0.5, 1.5]], [[1, 0]], 5.0), r"estimate.*got 1\.5"),
        (lambda: detection_gospa_loss([[0.5, np.nan]], [[1, 0]], 5.0), r"estimate.*got nan"),
        (lambda: detection_gospa_loss([[0.5, 0.5]], [[1, 0, 0]], 5.0), r"present.*\[1, 2\]"),
        (lambda: detection_gospa_loss([[0.5, 0.5]], [[1, 0]], 0), r"cutoff.*> 0"),
        (lambda: detection_gospa_loss([[0.5, 0.5]], [[1, 0]], 1e300), "cutoff .* float32"),
        (lambda: detection_gospa_loss(np.zeros((0, 2)), np.zeros((0, 2)), 1.0), "at least one"),
        (lambda: detection_gospa_loss([[0.5, 0.5]], [[1, 0]], 1.0, 0.5), r"p must.*>= 1"),
        (lambda: detection_gospa_loss(0.5, True, 1.0), "estimate must have a static last"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
