"""Operations counted on a graph are those counted by hand, and by TensorFlow's own profiler."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from benchmarks.flop import count


def random(*shape, dtype=tf.float32):
    return tf.constant(np.random.default_rng(1).normal(size=shape), dtype)


def hermitian(size: int, dtype=tf.float64):
    a = random(size, size, dtype=dtype)
    return tf.matmul(a, a, adjoint_b=True) + tf.cast(tf.eye(size), dtype)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(("dtype", "factor"), [(tf.float32, 2), (tf.complex64, 8)])
def test_matrix_product(dtype, factor, transpose):
    a = random(5, 7, dtype=dtype) if transpose else random(7, 5, dtype=dtype)
    b = random(5, 3, dtype=dtype)
    found = count(lambda: tf.matmul(a, b, transpose_a=transpose))
    assert found.total == factor * 7 * 5 * 3 and not found.unknown
    batch = random(4, 1, 7, 5, dtype=dtype)
    assert count(lambda: batch @ b).total == 4 * factor * 7 * 5 * 3


def test_einsum():
    a, b = random(2, 7, 5, dtype=tf.complex64), random(2, 5, 3, dtype=tf.complex64)
    assert count(lambda: tf.einsum("bij,bjk->bik", a, b)).total == 2 * 8 * 7 * 5 * 3


def test_dense_and_its_gradient():
    layer, x = keras.layers.Dense(6), random(4, 5)
    layer.build(x.shape)
    product, bias = 2 * 4 * 5 * 6, 4 * 6
    assert count(lambda: layer(x)).total == product + bias

    def gradient():
        with tf.GradientTape() as tape:
            y = layer(x)
        return tape.gradient(y, layer.trainable_weights, tf.ones([4, 6]))

    # the layer's output is not needed: x^T dy, and the sum of dy over the batch
    assert count(gradient).total == product + bias - 6


def test_convolution_and_its_gradients():
    layer, x = keras.layers.Conv2D(6, (3, 5), padding="same"), random(2, 8, 9, 4)
    layer.build(x.shape)
    entries = 2 * 8 * 9 * 6
    product = 2 * entries * 3 * 5 * 4
    assert count(lambda: layer(x)).total == product + entries
    strided = keras.layers.Conv2D(6, 3, strides=2, use_bias=False)
    strided.build(x.shape)
    assert count(lambda: strided(x)).total == 2 * (2 * 3 * 4 * 6) * 3 * 3 * 4

    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, [x, layer.kernel], tf.ones(y.shape))

    assert count(gradient).total == 3 * product + entries


def test_profiler_agrees_on_a_network():
    network = keras.Sequential(
        [
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(7, activation="relu"),
            keras.layers.Dense(2),
        ]
    )
    x = random(5, 8, 8, 2)
    network(x)
    function = tf.function(lambda: network(x), autograph=False)
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    graph = function.get_concrete_function().graph
    expected = profiler.profile(graph, options=options).total_float_ops
    assert count(lambda: network(x)).total == pytest.approx(expected, rel=0.01)


def test_factorisation_and_solve():
    size, columns = 24, 3
    matrix, rhs = hermitian(size), random(size, columns, dtype=tf.float64)
    # the loops of the algorithms, by hand
    factor = sum(2 * j for i in range(size) for j in range(i + 1))
    solve = columns * sum(2 * i + 1 for i in range(size))
    assert count(lambda: tf.linalg.cholesky(matrix)).total == pytest.approx(factor, rel=0.1)
    found = count(lambda: tf.linalg.triangular_solve(matrix, rhs)).total
    assert found == pytest.approx(solve, rel=0.01)


def test_elementwise():
    x, z = random(10), random(10, dtype=tf.complex64)
    assert count(lambda: x * x + x).total == 20
    assert count(lambda: z * z + z).total == 80
    assert count(lambda: tf.reduce_sum(z)).total == 18
    assert count(lambda: tf.nn.relu(tf.reshape(x, [2, 5]))).total == 0
    assert count(lambda: tf.range(10) * 2 + 1).total == 0  # indices


def test_only_what_is_needed_and_once():
    a = random(6, 6)

    def function():
        unused = a @ a @ a
        del unused
        return a @ a, tf.sin(a @ a)

    assert count(function).total == 2 * 6**3 + 36


def test_what_is_not_known_is_named():
    z = random(8, dtype=tf.complex64)
    assert count(lambda: tf.signal.fft(z)).unknown == {"FFT"}


def test_network_of_the_library():
    size, antennas, batch = 21, 16, 10
    isac.set_seed(1)
    layer = isac.receiver.NeuralPresenceDetector(antennas, hidden_size=size, precision="single")
    y, sector = random(batch, antennas, dtype=tf.complex64), tf.constant([[0.1, 0.3]] * batch)
    sizes = [2 * antennas + 2, size, size, size, 1]
    products = sum(2 * a * b + b for a, b in itertools.pairwise(sizes))
    inputs = 2 * antennas + 2  # are scaled
    assert count(lambda: layer(y, sector)).total == batch * (products + inputs)
