"""The perceptron against NumPy, and how it is initialised."""

from __future__ import annotations

import numpy as np
import pytest

import sionna_isac as isac
from sionna_isac.core import MultilayerPerceptron


def weights(network) -> dict[str, np.ndarray]:
    return {w.path.rsplit("/", 1)[-1]: w.numpy() for w in network.weights}


def test_output_equals_numpy(rng):
    network = MultilayerPerceptron(3, [5, 4], 2, precision="double")
    for weight in network.weights:  # biases other than 0
        weight.assign(rng.normal(size=weight.shape))
    w = weights(network)
    x = rng.normal(size=(2, 7, 3))
    hidden = np.maximum(x @ w["kernel_0"] + w["bias_0"], 0)
    hidden = np.maximum(hidden @ w["kernel_1"] + w["bias_1"], 0)
    expected = hidden @ w["kernel_2"] + w["bias_2"]
    assert np.any(hidden == 0) and np.any(expected < 0)
    np.testing.assert_allclose(network(x), expected, atol=1e-12)
    assert network.count_params() == 3 * 5 + 5 + 5 * 4 + 4 + 4 * 2 + 2


def test_without_hidden_layers_it_is_affine(rng):
    network = MultilayerPerceptron(3, [], 2, precision="double")
    x = rng.normal(size=(4, 3))
    np.testing.assert_allclose(network(x), x @ weights(network)["kernel_0"], atol=1e-14)


def test_initial_weights():
    isac.set_seed(5)
    first = MultilayerPerceptron(40, [300], 100, precision="double")
    second = MultilayerPerceptron(40, [300], 100, precision="double")
    isac.set_seed(5)
    again = MultilayerPerceptron(40, [300], 100, precision="single")
    for name, value in weights(first).items():
        if name.startswith("bias"):
            assert not np.any(value)
            continue
        limit = np.sqrt(6 / sum(value.shape))
        assert limit * 0.999 < np.abs(value).max() <= limit
        # the variance of a uniform distribution, at five of its standard errors
        error = 5 * np.sqrt(4 / 45 / value.size) * limit**2
        assert np.var(value) == pytest.approx(limit**2 / 3, abs=error)
        assert not np.array_equal(weights(second)[name], value)
        np.testing.assert_array_equal(weights(again)[name], value.astype(np.float32))
