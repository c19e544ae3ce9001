"""Convolutional network on an angle-delay map."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

from sionna_isac.core import HeUniform, Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import convolution, dense, normalization
from sionna_isac.receiver.nn.bottleneck import ResidualBottleneck

__all__ = ["AngleDelayNetwork"]


@register
@cites("MateosRamos25")
class AngleDelayNetwork(Layer):
    r"""Network from a map and priors to a few numbers, Appendix A of [MateosRamos25]_.

    The map passes a convolution of 5x5 with batch normalisation, ReLU and maximum pooling, then
    residual bottlenecks (the first with stride 1, the others with stride 2) and a convolution of
    3x3 to one channel with batch normalisation and ReLU (Table I). These features and the priors
    enter a multilayer perceptron (Table II). Its output is linear: the caller applies the
    last function of Table II, so that the logits of a probability are available.

    ================= ======================================== ==============
    complexity        full (defaults)                          limited
    ================= ======================================== ==============
    ``filters``       (8, 16, 32, 64, 128, 256, 512)           (2, 4, 8, 16)
    ``pool_size``     2                                        4
    ``hidden``        (4K, 4K)                                 (4, 4)
    ================= ======================================== ==============

    For maps of 320 x 128 and K = 64 antennas the full network has 2,395,795 parameters with two
    priors and 2,396,307 with four, the limited one 3,285 and 3,293. With the precoder's, the
    networks for angle, range and detection make up the 7.78 million and the 10,555 of the paper.

    A training step in single precision takes about 17 MB per sample with the full network at
    320 x 128, 3 MB with the limited one. Do not compile it with XLA on a CPU: convolutions in graph
    mode are three to four times as fast.

    Parameters
    ----------
    map_shape : (`int`, `int`)
        Size of the map: number of angles, number of ranges
    num_priors : `int`
        Number of priors
    hidden : sequence of `int`
        Neurons of the hidden layers of the perceptron, each with a ReLU
    num_outputs : `int`, (default 1)
        Number of outputs
    filters : sequence of `int`, (default (8, 16, 32, 64, 128, 256, 512))
        Channels after the first convolution and after each residual bottleneck; those of the
        bottlenecks are multiples of 4
    pool_size : `int`, (default 2)
        Size and stride of the maximum pooling
    output_bias : `float`, (default 0)
        Initial value of the outputs; the initial weights of the last layer are small

    Input
    -----
    angle_delay_map : [batch_size, num_angles, num_ranges], `tf.float`
        Map, scaled to the order of 1
    priors : [batch_size, num_priors], `tf.float`
        Prior knowledge, scaled to the order of 1
    training : `bool`, (default `False`)
        If `True`, statistics of the batch normalise, and update those kept for inference

    Output
    ------
    : [batch_size, num_outputs], `tf.float`
        Linear outputs; NaN where the map or the priors are not finite
    """

    def __init__(
        self,
        map_shape: tuple[int, int],
        *,
        num_priors: int,
        hidden: Sequence[int],
        num_outputs: int = 1,
        filters: Sequence[int] = (8, 16, 32, 64, 128, 256, 512),
        pool_size: int = 2,
        output_bias: float = 0.0,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.map_shape = checks.integers("map_shape", map_shape)
        if len(self.map_shape) != 2:
            raise ValueError(f"map_shape must be a pair of sizes; got {map_shape!r}")
        self.num_priors = checks.integer("num_priors", num_priors, minimum=0)
        self.hidden = checks.integers("hidden", hidden)
        self.num_outputs = checks.integer("num_outputs", num_outputs)
        self.filters = checks.integers("filters", filters)
        self.pool_size = checks.integer("pool_size", pool_size)
        if self.pool_size > min(self.map_shape):
            raise ValueError(
                f"pool_size must not exceed map_shape {self.map_shape}; got {pool_size!r}"
            )
        self.output_bias = checks.real("output_bias", output_bias)

        kind = self.rdtype.name
        self.entry = convolution(1, self.filters[0], 5, kind, bias=False)
        self.entry_normalization = normalization(self.filters[0], kind)
        self.blocks = [
            ResidualBottleneck(before, after, stride=1 if i == 0 else 2, precision=self.precision)
            for i, (before, after) in enumerate(pairwise(self.filters))
        ]
        self.exit = convolution(self.filters[-1], 1, 3, kind, bias=False)
        self.exit_normalization = normalization(1, kind)
        sizes = (self.num_features + self.num_priors, *self.hidden)
        self.perceptron = [
            dense(before, after, kind, activation="relu") for before, after in pairwise(sizes)
        ]
        # small, so that no output starts where its last function is flat
        self.perceptron.append(
            dense(
                sizes[-1],
                self.num_outputs,
                kind,
                kernel_initializer=HeUniform(0.1),
                bias_initializer=keras.initializers.Constant(self.output_bias),
            )
        )

    @property
    def num_features(self) -> int:
        """`int` : Number of features that the convolutions make of a map"""
        number = 1
        for size in self.map_shape:
            size //= self.pool_size
            for _ in range(len(self.filters) - 2):
                size = -(-size // 2)
            number *= size
        return number

    def call(self, angle_delay_map: Real, priors: Real, training: bool = False) -> tf.Tensor:
        wanted = [None, *self.map_shape]
        checks.shape("angle_delay_map", angle_delay_map, wanted)
        checks.shape("priors", priors, [angle_delay_map.shape[0], self.num_priors])
        # NaN in one sample would reach the gradients and the statistics of all
        finite = tf.reduce_all(tf.math.is_finite(angle_delay_map), (1, 2))
        finite = (finite & tf.reduce_all(tf.math.is_finite(priors), 1))[:, tf.newaxis]
        keep = finite[:, tf.newaxis]
        value = tf.where(keep, angle_delay_map, tf.zeros_like(angle_delay_map))
        priors = tf.where(finite, priors, tf.zeros_like(priors))
        value = self.entry(value[..., tf.newaxis])
        value = tf.nn.relu(self.entry_normalization(value, training=training))
        value = tf.nn.max_pool2d(value, self.pool_size, self.pool_size, "VALID")
        for block in self.blocks:
            value = block(value, training=training)
        value = tf.nn.relu(self.exit_normalization(self.exit(value), training=training))
        value = tf.concat([tf.reshape(value, [-1, self.num_features]), priors], -1)
        for layer in self.perceptron:
            value = layer(value)
        return tf.where(finite, value, float("nan"))
