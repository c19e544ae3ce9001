"""Beams from a network, without a model of the array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sionna_isac.core import Layer, MultilayerPerceptron, Real, checks, cites, register

__all__ = ["PrecoderNetwork"]


@register
@cites("MateosRamos25")
class PrecoderNetwork(Layer):
    r"""Multilayer perceptron from a sector to a beam, Appendix A of [MateosRamos25]_.

    It replaces :class:`LeastSquaresPrecoder` where no model of the array exists.
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
        *,
        hidden: Sequence[int] | None = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_antennas = checks.integer("num_antennas", num_antennas)
        hidden = 3 * (8 * self.num_antennas,) if hidden is None else hidden
        self.hidden = checks.integers("hidden", hidden)
        # biases that are not 0: where all of a few neurons are silent, there is still a beam
        self.perceptron = MultilayerPerceptron(
            2, self.hidden, 2 * self.num_antennas, start="he", precision=self.precision
        )

    def call(self, sector: Real) -> tf.Tensor:
        sector = checks.sector("sector", sector)
        value = self.perceptron(sector / (math.pi / 2))
        # the smallest number keeps the gradient finite where all neurons are silent
        energy = tf.reduce_sum(value * value, -1, keepdims=True)
        value *= tf.math.rsqrt(tf.maximum(energy, self.rdtype.as_numpy_dtype(1e-30)))
        re, im = tf.split(value, 2, -1)
        return tf.complex(re, im)
