"""Checks, linear algebra, randomness, references and the base layer."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy import config

import sionna_isac as isac
from sionna_isac.core import (
    Layer,
    checks,
    complex_normal,
    linalg,
    numpy_rng,
    reset_stream,
    uniform,
    uniform_integers,
)


def complex_draws(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


class TestChecks:
    """What is right passes and is returned (what is wrong: tests/test_bad_input.py)."""

    def test_values(self):
        assert checks.real("x", np.float32(2), minimum=2) == 2.0
        assert checks.integer("n", np.int64(3)) == 3
        assert checks.one_of("kind", "a", ("a", "b")) == "a"
        assert checks.interval("span", [0, 1], minimum=0) == (0.0, 1.0)
        np.testing.assert_array_equal(checks.grid("grid", [0, 1, 3]), [0.0, 1.0, 3.0])
        assert checks.instance("layer", 3, int) == 3
        assert checks.wavelength("wavelength", np.float32(0.125)) == 0.125
        np.testing.assert_array_equal(checks.floats("x", [1, 2.5, True]), [1.0, 2.5, 1.0])
        assert checks.floats("x", [1, 2]).dtype == np.float64
        assert checks.floats("x", tf.constant([1, 2])).dtype == np.float64
        assert checks.complexes("x", [1, 2]).dtype == np.complex128

    def test_shapes(self):
        value = tf.zeros([2, 3])
        assert checks.rank("x", value, (2, 3)) is value
        assert checks.shape("x", value, [None, 3]) is value
        assert checks.last_dim("x", value, 3) is value

    def test_unknown_sizes_pass(self):
        @tf.function(input_signature=[tf.TensorSpec(None), tf.TensorSpec([None, None])])
        def graph(anything, matrix):
            checks.rank("x", anything, 2)
            checks.shape("x", anything, [2, 3])
            checks.shape("x", matrix, [2, 3])
            checks.last_dim("x", matrix, 3)
            checks.finite("x", matrix)
            return matrix

        assert graph(tf.zeros([4]), tf.zeros([1, 1])).shape == (1, 1)

    def test_finite_looks_at_eager_values_only(self):
        assert checks.finite("n", tf.constant([1])) is not None
        with pytest.raises(ValueError, match=r"x must be finite; got 2 NaN or infinite of 3"):
            checks.finite("x", tf.constant([np.nan, 1, np.inf]))
        with pytest.raises(ValueError, match=r"x must be finite"):
            checks.finite("x", np.array([1j * np.nan]))


class TestLinearAlgebra:
    def test_products(self, rng):
        a, b = complex_draws(rng, 2, 3, 4), complex_draws(rng, 2, 4, 5)
        np.testing.assert_allclose(linalg.matmul(tf.constant(a), tf.constant(b)), a @ b)
        block = linalg.real_block(tf.constant(b[0]))
        stacked = tf.constant(np.concatenate([a.real, a.imag], -1))
        expected = np.concatenate([(a @ b[0]).real, (a @ b[0]).imag], -1)
        np.testing.assert_allclose(linalg.apply_on_right(stacked, block), expected)

    def test_products_of_many_leading_dimensions_in_a_graph(self, rng):
        a = (rng.normal(size=(3, 1, 32, 16)) + 1j).astype(np.complex64)
        b = (rng.normal(size=(16, 2)) - 1j).astype(np.complex64)
        graph = tf.function(linalg.matmul, autograph=False)
        np.testing.assert_allclose(
            graph(tf.constant(a), tf.constant(b)), a @ b, rtol=1e-5, atol=1e-4
        )

    def test_solve_and_its_gradient(self, rng):
        root, rhs = complex_draws(rng, 4, 4), complex_draws(rng, 4, 2)
        weight = complex_draws(rng, 4, 2)
        steps = complex_draws(rng, 4, 4), complex_draws(rng, 4, 2)

        def loss(root, rhs):
            matrix = tf.matmul(root, root, adjoint_b=True) + tf.eye(4, dtype=root.dtype)
            return tf.reduce_sum(tf.math.real(weight * linalg.hermitian_solve(matrix, rhs)))

        matrix = root @ root.conj().T + np.eye(4)
        np.testing.assert_allclose(
            linalg.hermitian_solve(tf.constant(matrix), tf.constant(rhs)),
            np.linalg.solve(matrix, rhs),
        )
        values = [tf.constant(root), tf.constant(rhs)]
        with tf.GradientTape() as tape:
            tape.watch(values)
            outcome = loss(*values)
        h = 1e-6
        for i, gradient in enumerate(tape.gradient(outcome, values)):
            moved = [
                loss(*(v + sign * h * steps[i] if i == j else v for j, v in enumerate(values)))
                for sign in (1, -1)
            ]
            slope = np.sum(np.real(np.conj(gradient) * steps[i]))
            assert float(moved[0] - moved[1]) / (2 * h) == pytest.approx(slope, rel=1e-6)

    def test_safe_abs(self):
        re = tf.Variable([3.0, 0.0, 1e-8])
        with tf.GradientTape() as tape:
            value = linalg.safe_abs(re, tf.constant([4.0, 0.0, 0.0]), 1e-6)
        np.testing.assert_allclose(value, [5, 0, 0])
        np.testing.assert_allclose(tape.gradient(value, re), [0.6, 0, 0])


class TestRandomness:
    def draw(self):
        numbers = uniform([3]), complex_normal([2]), uniform_integers([5], 100)
        return [*(v.numpy() for v in numbers), numpy_rng().normal(size=2), np.random.rand(2)]  # noqa: NPY002

    def test_one_seed_for_everything(self):
        draws = []
        for seed in (4, 4, 5):
            isac.set_seed(seed)
            draws.append(self.draw())
        for a, b, other in zip(*draws, strict=True):
            np.testing.assert_array_equal(a, b)
            assert np.any(a != other)

    def test_streams_depend_on_their_labels_only(self):
        reset_stream(1, "train", 3)
        first = self.draw()
        self.draw()
        reset_stream(1, "train", 3)
        for a, b in zip(first, self.draw(), strict=True):
            np.testing.assert_array_equal(a, b)
        seen = {first[0].tobytes()}
        for labels in ((2, "train", 3), (1, "test", 3), (1, "train", 4)):
            reset_stream(*labels)
            seen.add(self.draw()[0].tobytes())
        assert len(seen) == 4

    def test_streams_are_the_same_in_every_process(self):
        """Numbers written down once: what was stored by an earlier run must go on fitting."""
        reset_stream(7, "validation", 3)
        assert config.seed == 312817748
        reset_stream(7, "validation3")
        assert config.seed != 312817748

    def test_moments(self):
        noise = complex_normal([20000], 0.7, "double").numpy()
        assert np.mean(np.abs(noise) ** 2) == pytest.approx(0.7, abs=5 * 0.7 / np.sqrt(20000))
        assert abs(np.mean(noise**2)) < 5 * 0.7 / np.sqrt(20000)
        variance = np.var(complex_normal([20000, 2], [1.0, 4.0], "double"), 0)
        np.testing.assert_allclose(variance, [1, 4], rtol=0.05)
        values = uniform([20000], -2.0, 3.0, "double").numpy()
        assert values.min() >= -2 and values.max() < 3
        assert values.mean() == pytest.approx(0.5, abs=5 * 5 / np.sqrt(12 * 20000))
        assert set(uniform_integers([500], 3).numpy()) == {0, 1, 2}

    def test_precision(self):
        assert uniform([1], precision="double").dtype == tf.float64
        assert complex_normal([1], precision="single").dtype == tf.complex64
        low = uniform([1], 0.1, 0.1, "double")  # the bounds keep their digits
        np.testing.assert_array_equal(low, [0.1])


class TestReferences:
    def test_citation_of_classes_instances_and_what_they_hold(self):
        array = isac.array.UniformLinearArray(4, 0.01)
        mix = isac.citation(isac.waveform.MultibeamPrecoder, array)
        assert mix.count("@article{MateosRamos25") == 1
        assert "@article{Zhang18" in mix and mix.startswith("@software{Sionna")
        echo = isac.channel.MonostaticEcho(
            array, isac.waveform.Numerology(8, 1e5, 299792458.0 / 0.01)
        )
        assert "MateosRamos25" in isac.citation(echo)
        assert "Zhao26" in isac.citation("Zhao26")

    def test_unknown_key(self):
        with pytest.raises(KeyError, match="unknown BibTeX key 'Nobody99'"):
            isac.citation("Nobody99")
        with pytest.raises(KeyError, match="Nobody99"):
            isac.core.cites("Nobody99")

    def test_every_public_reference_resolves(self):
        domains = "array scene scattering waveform channel receiver objective metrics bound"
        for domain in [*domains.split(), "beamforming"]:
            module = getattr(isac, domain)
            entries = isac.citation(*(getattr(module, name) for name in module.__all__))
            assert entries.startswith("@software{Sionna")


class TestLayer:
    def test_default_precision_is_that_of_sionna(self):
        assert Layer().precision == config.precision
        before = config.precision
        try:
            config.precision = "double"
            assert Layer().precision == "double" and Layer().cdtype == tf.complex128
        finally:
            config.precision = before

    def test_cast(self):
        layer = Layer(precision="double")
        assert layer.cast(0.1).numpy() == 0.1  # not by way of single precision
        assert layer.cast(np.float32(2)).dtype == tf.float64
        assert layer.cast(np.complex64(2)).dtype == tf.complex128
        assert layer.cast(np.array([1, 2])).dtype.is_integer
        assert layer.cast(tf.Variable(1.0)).dtype == tf.float64
        assert layer.cast(None) is None and layer.cast("text") == "text"
        nested = layer.cast({"a": [np.float32(1), None]})
        assert nested["a"][0].dtype == tf.float64 and nested["a"][1] is None

    def test_lazy_domains(self):
        assert set(isac.__all__) <= set(dir(isac))
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            _ = isac.nonsense
