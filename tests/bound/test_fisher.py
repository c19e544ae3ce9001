"""Information by automatic differentiation against closed forms and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac import bound
from tests.bound.test_position import WAVELENGTH, draws, positions

SNAPSHOTS, NOISE = 10, 1e-12


def scene(rng, batch: int = 3):
    """Array, transmitted signals of known covariance, targets, reflections, beams."""
    array = isac.array.SphericalWaveArray(positions(16), WAVELENGTH, precision="double")
    beams = draws(rng, batch, 16, 2)
    symbols = np.linalg.qr(draws(rng, SNAPSHOTS, 2))[0].T * np.sqrt(SNAPSHOTS)
    point = np.stack([rng.uniform(3, 20, batch), rng.uniform(-4, 4, batch)], -1)[:, None]
    reflection = draws(rng, batch, 1) * 1e-6
    return array, beams @ symbols, point, reflection, beams


def relative(fim: np.ndarray, expected: np.ndarray) -> float:
    scale = np.sqrt(np.diagonal(expected, axis1=-2, axis2=-1))
    return np.max(np.abs(fim - expected) / scale[..., :, None] / scale[..., None, :])


def test_autodiff_closed_form_and_finite_differences_agree(rng):
    array, x, point, reflection, beams = scene(rng)
    echo = isac.channel.NearFieldEcho(array, precision="double")
    closed = bound.near_field_position_fim(
        positions(16), WAVELENGTH, point[:, 0], beams, reflection[:, 0], NOISE, SNAPSHOTS
    )
    fim = bound.fisher(
        lambda point, reflection: echo(x, point, reflection),
        {"point": point, "reflection": reflection},
        NOISE,
        batch_dims=1,
    )
    assert relative(fim, closed) < 1e-9
    # brute force: mean signals at displaced parameters
    steps = [1e-5 * np.eye(2)[i] for i in range(2)]
    pairs = [((point + s, reflection), (point - s, reflection), 2e-5) for s in steps]
    pairs += [((point, reflection + s), (point, reflection - s), 2e-9) for s in (1e-9, 1e-9j)]
    slopes = [(echo(x, *up) - echo(x, *down)).numpy() / d for up, down, d in pairs]
    jacobian = np.stack([s.reshape(3, -1) for s in slopes], -1)
    brute = 2 / NOISE * (jacobian.conj().swapaxes(-1, -2) @ jacobian).real
    assert relative(fim, brute) < 1e-5


def test_nuisance_parameters(rng):
    array, x, point, reflection, beams = scene(rng)
    echo = isac.channel.NearFieldEcho(array, precision="double")
    efim = bound.fisher(
        lambda point, reflection: echo(x, point, reflection),
        {"reflection": reflection, "point": point},  # their order does not matter
        NOISE,
        nuisance="reflection",
        batch_dims=1,
    )
    closed = bound.near_field_position_efim(
        positions(16), WAVELENGTH, point[:, 0], beams, reflection[:, 0], NOISE, SNAPSHOTS
    )
    np.testing.assert_allclose(efim, closed, rtol=1e-9)


def test_without_batch_and_with_noise_of_each_sample(rng):
    array, _, point, _, _ = scene(rng)
    one = bound.fisher(lambda p: array.steering(p), {"p": point[0, 0]}, 0.5)
    assert one.shape == (2, 2)
    noise = np.array([0.5, 1.0, 2.0])
    many = bound.fisher(lambda p: array.steering(p), {"p": point[:, 0]}, noise, batch_dims=1)
    np.testing.assert_allclose(many[0], one, rtol=1e-12)
    third = bound.fisher(array, {"point": point[2, 0]}, 2.0)  # a layer, called by name
    np.testing.assert_allclose(many[2], third, rtol=1e-12)


def test_parameter_without_effect_has_no_information():
    fim = bound.fisher(
        lambda a, b: tf.complex(a, tf.zeros_like(a)), {"a": [1.0, 2.0], "b": 3.0}, 0.5
    )
    np.testing.assert_allclose(fim, np.diag([4.0, 4.0, 0.0]))


def by_numpy(p):
    return tf.constant(np.exp(1j * p.numpy()))


def by_numpy_function(p):
    return tf.ensure_shape(tf.numpy_function(lambda q: np.exp(1j * q), [p], tf.complex128), [2])


UNSEEN = {
    "numpy": by_numpy,
    "numpy_function": by_numpy_function,
    "compiled": tf.function(by_numpy_function),
    "stopped": lambda p: tf.exp(1j * tf.cast(tf.stop_gradient(p), tf.complex128)),
}


@pytest.mark.parametrize("mean", UNSEEN.values(), ids=UNSEEN)
def test_derivative_that_tensorflow_does_not_see(mean):
    """It is refused, not taken for zero; the differences that the error names do it."""
    with pytest.raises(ValueError, match=r"changes with parameters\['p'\].*steps=\{'p': \.\.\.\}"):
        bound.fisher(mean, {"p": [1.0, 2.0]}, 1.0)
    found = bound.fisher(mean, {"p": [1.0, 2.0]}, 1.0, steps={"p": 1e-4})
    np.testing.assert_allclose(found, 2 * np.eye(2), rtol=1e-7)


@pytest.mark.parametrize("value", [0.0, 1e-9 + 0j, 1e9])
def test_unseen_derivative_at_any_scale(value):
    with pytest.raises(ValueError, match="steps="):
        bound.fisher(lambda p: tf.constant(np.complex128(p.numpy())), {"p": value}, 1.0)


def test_compiled_mean(rng):
    array, x, point, reflection, _ = scene(rng)
    echo = isac.channel.NearFieldEcho(array, precision="double")

    def mean(point, reflection):
        return echo(x, point, reflection)

    values = {"point": point, "reflection": reflection}
    eager = bound.fisher(mean, values, NOISE, batch_dims=1)
    assert relative(bound.fisher(tf.function(mean), values, NOISE, batch_dims=1), eager) < 1e-9


def test_central_differences_of_named_parameters(rng):
    array, x, point, reflection, _ = scene(rng)
    echo = isac.channel.NearFieldEcho(array, precision="double")

    def fim(**kwargs):
        values = {"point": point, "reflection": reflection}
        return bound.fisher(
            lambda point, reflection: echo(x, point, reflection),
            values,
            NOISE,
            batch_dims=1,
            **kwargs,
        )

    expected = fim()
    assert relative(fim(steps={"point": 1e-3 * WAVELENGTH / (2 * np.pi)}), expected) < 1e-5
    assert relative(fim(steps={"point": 1e-6, "reflection": 1e-9}), expected) < 1e-5
    with pytest.raises(ValueError, match=r"steps must name parameters among.*got \['gain'\]"):
        fim(steps={"gain": 1e-3})
    with pytest.raises(ValueError, match=r"steps\['point'\] must be a finite number > 0"):
        fim(steps=0.0)
