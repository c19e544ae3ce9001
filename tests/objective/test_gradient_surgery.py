"""Gradient surgery on losses whose gradients are known."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.objective import MultitaskTraining, PCGrad


def linear_losses(slopes, *variables):
    """Losses with given gradients, one row of vectors for each."""
    return [
        tf.add_n(
            [tf.reduce_sum(s * v) for s, v in zip(row, variables, strict=True) if s is not None]
        )
        for row in slopes
    ]


def surgery(slopes, variables, jit=None, **options):
    pcgrad = PCGrad(**options)

    def run():
        with tf.GradientTape(persistent=True) as tape:
            losses = linear_losses(slopes, *variables)
        return pcgrad.gradients(losses, variables, tape)

    run = run if jit is None else tf.function(run, jit_compile=jit)
    return [None if g is None else g.numpy() for g in run()]


def projected(gradients, orders):
    """Algorithm 1 of [Yu20], literally."""
    total = 0
    for i, order in enumerate(orders):
        g = gradients[i].copy()
        for j in order:
            if j != i and g @ gradients[j] < 0:
                g -= g @ gradients[j] / (gradients[j] @ gradients[j]) * gradients[j]
        total = total + g
    return total


@pytest.mark.parametrize("jit", [None, False, True])
def test_two_conflicting_gradients_lose_their_conflict(jit):
    w = tf.Variable([0.0, 0.0], dtype=tf.float64)
    first, second = np.array([1.0, 0.0]), np.array([-1.0, 1.0])
    (actual,) = surgery([[first], [second]], [w], jit)
    # (1, 0) less its part along (-1, 1), and (-1, 1) less its part along (1, 0)
    np.testing.assert_allclose(actual, [0.5, 0.5 + 1.0], rtol=1e-14)
    (mean,) = surgery([[first], [second]], [w], jit, reduction="mean")
    np.testing.assert_allclose(mean, actual / 2, rtol=1e-14)


def test_gradients_without_a_conflict_are_added():
    w = tf.Variable([0.0, 0.0], dtype=tf.float64)
    slopes = [[np.array([1.0, 0.0])], [np.array([0.0, 2.0])], [np.array([1.0, 1.0])]]
    np.testing.assert_allclose(surgery(slopes, [w])[0], [2.0, 3.0], rtol=1e-14)


@pytest.mark.parametrize("jit", [False, True])
def test_three_tasks_follow_the_algorithm_in_random_order(rng, jit):
    slopes = rng.normal(size=(3, 4)) + np.array([[1, 0, 0, 0], [-1, 0, 0, 0], [0, -1, 0, 0]])
    w = tf.Variable(np.zeros(4))
    pcgrad = PCGrad()

    @tf.function(jit_compile=jit)
    def draw():
        with tf.GradientTape(persistent=True) as tape:
            losses = linear_losses(slopes[:, np.newaxis], w)
        return pcgrad.gradients(losses, [w], tape)[0]

    others = [[(1, 2), (2, 1)], [(0, 2), (2, 0)], [(0, 1), (1, 0)]]
    allowed = np.array([projected(slopes, orders) for orders in itertools.product(*others)])
    assert len(np.unique(allowed.round(9), axis=0)) > 1
    draws = []
    for seed in (5, 5, *range(12)):
        isac.set_seed(seed)
        draws.append(draw().numpy())
    np.testing.assert_array_equal(draws[0], draws[1])
    for value in draws:
        assert np.min(np.abs(allowed - value).max(1)) < 1e-12
    assert len(np.unique(np.round(draws, 9), axis=0)) > 1


def test_weights_of_one_task_are_not_projected():
    shared, own, free = (tf.Variable(np.zeros(2)) for _ in range(3))
    slopes = [
        [np.array([1.0, 0.0]), np.array([7.0, -7.0]), None],
        [np.array([-1.0, 1.0]), None, None],
    ]
    first, second, third = surgery(slopes, [shared, own, free])
    np.testing.assert_allclose(first, [0.5, 1.5], rtol=1e-14)
    np.testing.assert_array_equal(second, [7.0, -7.0])
    assert third is None


def test_several_variables_are_one_vector(rng):
    slopes = rng.normal(size=(2, 6))
    slopes[1] -= 2 * slopes[0]
    variables = [tf.Variable(np.zeros([2, 2])), tf.Variable(np.zeros(2))]
    parts = [[row[:4].reshape(2, 2), row[4:]] for row in slopes]
    actual = np.concatenate([g.ravel() for g in surgery(parts, variables)])
    np.testing.assert_allclose(actual, projected(slopes, [(1,), (0,)]), rtol=1e-12)


def test_a_task_at_rest_changes_nothing():
    w = tf.Variable([0.0, 0.0], dtype=tf.float64)
    slopes = [[np.array([1.0, -1.0])], [np.zeros(2)]]
    np.testing.assert_array_equal(surgery(slopes, [w])[0], [1.0, -1.0])


def test_embeddings_have_dense_gradients():
    table = tf.Variable(np.zeros([3, 2]))
    with tf.GradientTape(persistent=True) as tape:
        row = tf.gather(table, [1])
        losses = {"a": tf.reduce_sum(row), "b": -2.0 * tf.reduce_sum(row)}
    (actual,) = PCGrad().gradients(losses, [table], tape)
    np.testing.assert_allclose(actual, np.zeros([3, 2]), atol=1e-15)  # they oppose each other


class Regression(MultitaskTraining, keras.Model):
    """Two outputs of one hidden layer, whose losses disagree."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(8, activation="tanh")
        self.outputs_of = [keras.layers.Dense(1), keras.layers.Dense(1)]

    def call(self, x):
        return [layer(self.hidden(x)) for layer in self.outputs_of]

    def task_losses(self, x, y, training):
        out = self(x, training=training)
        return {name: tf.reduce_mean((o - t) ** 2) for name, o, t in zip("ab", out, y, strict=True)}


def regression(surgery_, jit=False, **kwargs):
    isac.set_seed(3)
    model = Regression(**kwargs)
    model.surgery = surgery_
    model.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=jit)
    return model


@pytest.fixture
def data(rng):
    x = rng.normal(size=(64, 3)).astype(np.float32)
    return x, (np.sin(x[:, :1]), np.cos(x[:, 1:2]) - x[:, :1])


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("surgery_", [None, PCGrad()], ids=["plain", "pcgrad"])
def test_fit_lowers_all_losses(data, surgery_, jit):
    model = regression(surgery_, jit)
    before = model.evaluate(*data, verbose=0, return_dict=True)
    history = model.fit(*data, epochs=8, batch_size=64, verbose=0).history
    after = model.evaluate(*data, verbose=0, return_dict=True)
    assert set(history) == {"loss", "a", "b"} == set(after)
    for name in ("loss", "a", "b"):
        assert after[name] < before[name]
    np.testing.assert_allclose(history["loss"][0], history["a"][0] + history["b"][0], rtol=1e-6)


def test_steps_of_the_mixin_are_those_of_its_gradients(data):
    x, y = (tf.nest.map_structure(tf.constant, d) for d in data)
    model = regression(PCGrad())
    model(x)
    start = [w.numpy() for w in model.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        losses = model.task_losses(x, y, True)
        total = losses["a"] + losses["b"]
    expected = PCGrad().gradients(losses, model.trainable_variables, tape)
    plain = tape.gradient(total, [w.value for w in model.trainable_variables])
    model.train_step((x, y))
    for w, s, g in zip(model.trainable_variables, start, expected, strict=True):
        np.testing.assert_allclose(w, s - 0.1 * g, rtol=1e-5, atol=1e-7)
    hidden = [np.abs(e - p).max() for e, p in zip(expected, plain, strict=True)]
    assert max(hidden[:2]) > 1e-3 and max(hidden[2:]) < 1e-7  # the kernel and bias that are shared


def test_losses_of_layers_are_added_as_they_are(data):
    x, y = (tf.nest.map_structure(tf.constant, d) for d in data)
    model = regression(PCGrad())
    model.hidden.kernel_regularizer = keras.regularizers.L2(0.5)
    model(x)
    start = model.hidden.kernel.numpy()
    model.train_step((x, y))
    with_penalty = model.hidden.kernel.numpy()
    model = regression(PCGrad())
    model(x)
    model.train_step((x, y))
    np.testing.assert_allclose(model.hidden.kernel - with_penalty, 0.1 * start, atol=1e-6)


def test_what_makes_surgery_do_nothing_is_an_error(data):
    a, b = tf.Variable([1.0]), tf.Variable([2.0])
    with tf.GradientTape(persistent=True) as tape:
        losses = {"first": tf.reduce_sum(a**2), "second": tf.reduce_sum(b**2)}
    pcgrad = PCGrad()
    with pytest.raises(ValueError, match=r"losses must share a trainable variable; got 2 losses"):
        pcgrad.gradients(losses, [a, b], tape)
    with pytest.raises(ValueError, match=r"losses must hold at least 2 losses; got 1"):
        pcgrad.gradients([losses["first"]], [a, b], tape)
    with pytest.raises(ValueError, match=r"losses\['second'\] depends on none of the 1 variables"):
        pcgrad.gradients(losses, [a], tape)
    with pytest.raises(ValueError, match=r"losses\[0\] must have 0 dimensions.*\[1\]"):
        pcgrad.gradients([a**2, b**2], [a, b], tape)
    with tf.GradientTape() as once:
        losses = [tf.reduce_sum(a), tf.reduce_sum(a**2)]
    with pytest.raises(ValueError, match=r"tape must be .*persistent=True"):
        pcgrad.gradients(losses, [a], once)
    with pytest.raises(ValueError, match="sample_weight must be None"):
        regression(None).fit(*data, sample_weight=np.ones(64), verbose=0)

    class Forgotten(MultitaskTraining, keras.Model):
        pass

    with pytest.raises(NotImplementedError, match="Forgotten must define task_losses"):
        Forgotten().task_losses(None, None, True)
