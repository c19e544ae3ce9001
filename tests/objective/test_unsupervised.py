import numpy as np
import pytest
import tensorflow as tf

from sionna_isac.objective import max_loss, reconstruction_loss


def draw(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def energy(value):
    return np.sum(np.abs(value) ** 2, tuple(range(1, value.ndim)))


def peaks(a, y, rho):
    """Map |a^H Y rho*| of samples y for single atoms, and the energy of (a, rho, y)."""
    value = np.abs(np.einsum("bk,bks,bs->b", a.conj(), y, rho.conj()))
    return value, energy(a) * energy(rho) * energy(y)


def test_max_loss_is_minus_one_for_an_atom_and_greater_otherwise():
    rng = np.random.default_rng(0)
    a, rho = draw(rng, 6, 4), draw(rng, 6, 5)
    atom = 3j * a[:, :, None] * rho[:, None, :]
    np.testing.assert_allclose(max_loss(*peaks(a, atom, rho)), -1, rtol=1e-14)
    loss = max_loss(*peaks(a, draw(rng, 6, 4, 5), rho)).numpy()
    assert -1 < loss < 0


def test_max_loss_takes_the_first_target():
    metric = np.array([[2.0, 9.0], [1.0, 9.0]])
    norms = np.array([16.0, 4.0])
    assert max_loss(metric, norms).numpy() == -0.5
    assert max_loss(metric[:, 0], norms).numpy() == -0.5


def test_max_loss_has_a_finite_gradient_without_energy():
    metric, norms = tf.constant([0.0, 1.0]), tf.constant([0.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch([metric, norms])
        loss = max_loss(metric, norms)
    assert loss.numpy() == -0.25
    metric_gradient, norms_gradient = tape.gradient(loss, [metric, norms])
    np.testing.assert_allclose(metric_gradient, [0, -0.25])
    np.testing.assert_allclose(norms_gradient, [0, 1 / 32])


def test_reconstruction_loss():
    rng = np.random.default_rng(1)
    y, model = draw(rng, 5, 3, 4), draw(rng, 5, 3, 4)
    expected = np.mean(energy(y - model) / energy(y))
    for jit in (None, False, True):
        function = reconstruction_loss
        if jit is not None:
            function = tf.function(reconstruction_loss, jit_compile=jit)
        loss = function(tf.constant(model), observation=tf.constant(y))
        assert loss.dtype == tf.float64
        np.testing.assert_allclose(loss, expected, rtol=1e-13)
    assert reconstruction_loss(y, observation=y).numpy() == 0
    np.testing.assert_allclose(reconstruction_loss(np.zeros_like(y), observation=y), 1)
    assert reconstruction_loss(y, observation=0 * y).numpy() == 0
    assert reconstruction_loss(
        tf.cast(y, tf.complex64), observation=tf.cast(y, tf.complex64)
    ).dtype == (tf.float32)


def test_reconstruction_loss_has_the_gradient_of_a_real_function():
    rng = np.random.default_rng(2)
    y, model = draw(rng, 2, 3), tf.constant(draw(rng, 2, 3))
    with tf.GradientTape() as tape:
        tape.watch(model)
        loss = reconstruction_loss(model, observation=y)
    grad = tape.gradient(loss, model).numpy()
    expected = 2 * (model.numpy() - y) / energy(y)[:, None] / 2  # the mean of two samples
    np.testing.assert_allclose(grad, expected, rtol=1e-13)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="metric must have 1 or 2 dimensions"):
        max_loss(np.zeros((2, 3, 4)), np.ones(2))
    with pytest.raises(ValueError, match=r"energy must have shape \[2\].*got shape \[3\]"):
        max_loss(np.zeros((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match=r"reconstruction must have shape \[2, 3\]"):
        reconstruction_loss(np.zeros((2, 4)), observation=np.zeros((2, 3)))


def test_weak_signals_and_mixed_types():
    """Squares of 1e-30 are 0 in single precision; a real observation may have a complex model."""
    rng = np.random.default_rng(3)
    y, model = draw(rng, 5, 4), draw(rng, 5, 4)
    expected = np.mean(energy(y - model) / energy(y))
    for scale in (1e-30, 1e30):
        weak, guess = ((scale * v).astype(np.complex64) for v in (y, model))
        loss = reconstruction_loss(guess, observation=weak)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
    actual = reconstruction_loss(model.astype(np.complex64), observation=y.real)
    assert actual.dtype == tf.float64
    expected = np.mean(energy(y.real - model) / energy(y.real))
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: max_loss([-1.0], [1.0]), ValueError, "metric must be >= 0; got -1"),
        (lambda: max_loss([1.0], [-1.0]), ValueError, "energy must be >= 0; got -1"),
        (lambda: max_loss([np.inf], [1.0]), ValueError, "metric must be finite"),
        (lambda: max_loss([1j], [1.0]), TypeError, "metric must hold real"),
        (lambda: max_loss(np.zeros(0), np.zeros(0)), ValueError, "at least one sample"),
        (lambda: max_loss(np.zeros((2, 0)), np.ones(2)), ValueError, "at least one sample"),
        (
            lambda: reconstruction_loss([1.0, 2.0], observation=[1, 2]),
            TypeError,
            "observation must hold",
        ),
        (
            lambda: reconstruction_loss(1.0, observation=1.0),
            ValueError,
            "observation must have shape",
        ),
        (
            lambda: reconstruction_loss([np.inf], observation=[1.0]),
            ValueError,
            "reconstruction must be fin",
        ),
        (
            lambda: reconstruction_loss(np.ones((0, 2)), observation=np.ones((0, 2))),
            ValueError,
            "at least one",
        ),
    ],
)
def test_bad_values_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
