"""Beams from a network, without a model of the array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from sionna_isac.core import HeUniform, Layer, checks, cites, register

__all__ = ["PrecoderNetwork"]


@register
@cites("MateosRamos25")
class PrecoderNetwork(Layer):
    r"""Multilayer perceptron from a sector to a beam, Appendix A of [MateosRamos25]_.

    It takes the place of :class:`LeastSquaresPrecoder` where nothing is known about the array.
    With the hidden layers of the paper, three of 8K neurons, it has 592,512 parameters for K = 64
    antennas; with three of 4 neurons (the limited complexity of the paper) 692. The edges of the
    sector enter as shares of 90°, and the output is divided by its norm.

    Parameters
    ----------
    num_antennas : `int`
        Number of antennas :math:`K`
    hidden : `None` (default) | sequence of `int`
        Neurons of the hidden layers, each with a ReLU; `None` takes (8K, 8K, 8K)

    Input
    -----
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the sector [rad]

    Output
    ------
    : [batch_size, num_antennas], `tf.complex`
        Beams of unit norm
    """

    def __init__(
        self,
        num_antennas: int,
        hidden: Sequence[int] | None = None,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_antennas = checks.integer("num_antennas", num_antennas)
        hidden = 3 * (8 * self.num_antennas,) if hidden is None else hidden
        self.hidden = checks.integers("hidden", hidden)
        self.perceptron = []
        inputs = 2
        for units in self.hidden:
            self.perceptron.append(self._dense(inputs, units, "relu"))
            inputs = units
        self.perceptron.append(self._dense(inputs, 2 * self.num_antennas, None))
        self.built = True

    def _dense(self, inputs: int, units: int, activation: str | None) -> keras.layers.Dense:
        # biases too: where all neurons are silent (a few of them may be), there is still a beam
        dense = keras.layers.Dense(
            units,
            activation,
            kernel_initializer=HeUniform(),
            bias_initializer=HeUniform(1 / math.sqrt(6 * inputs)),
            dtype=self.rdtype.name,
        )
        dense.build((None, inputs))
        return dense

    def call(self, sector: tf.Tensor) -> tf.Tensor:
        checks.shape("sector", sector, [None, 2], "[batch_size, 2]")
        checks.finite("sector", sector)
        value = sector / (math.pi / 2)
        for dense in self.perceptron:
            value = dense(value)
        # the smallest number keeps the gradient finite where all neurons are silent
        energy = tf.reduce_sum(value * value, -1, keepdims=True)
        value *= tf.math.rsqrt(tf.maximum(energy, self.rdtype.as_numpy_dtype(1e-30)))
        re, im = tf.split(value, 2, -1)
        return tf.complex(re, im)
