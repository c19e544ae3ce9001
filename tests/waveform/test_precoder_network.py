"""Beams from a network."""

import numpy as np

import sionna_isac as isac


def test_a_network_whose_neurons_are_silent_still_makes_a_beam():
    network = isac.waveform.PrecoderNetwork(8, hidden=(4,), precision="double")
    named = {w.name: w for w in network.perceptron.weights}
    kernel, bias = named["kernel_0"], named["bias_0"]
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(-np.ones(bias.shape))
    beam = network(np.array([[0.1, 0.3]])).numpy()
    np.testing.assert_allclose(np.sum(np.abs(beam) ** 2), 1)
