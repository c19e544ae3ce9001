"""Fully connected network, the part that the networks of several domains share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.core import checks
from sionna_isac.core.inputs import Real
from sionna_isac.core.layer import Layer, register
from sionna_isac.core.random import numpy_rng

__all__ = ["MultilayerPerceptron"]


@register
class MultilayerPerceptron(Layer):
    r"""Fully connected layers with rectified hidden units and a linear output.

    The weights are there as soon as the layer is made, drawn from Sionna's NumPy generator in
    double precision whatever the precision of the layer.

    Parameters
    ----------
    input_size : `int`
        Number of inputs
    hidden_sizes : sequence of `int`
        Number of units of each hidden layer; may be empty
    output_size : `int`
        Number of outputs
    start : "glorot" (default) | "he"
        Kernels uniform on :math:`\pm\sqrt{6/(n_\text{in} + n_\text{out})}` and biases 0; or
        kernels on :math:`\pm\sqrt{6/n_\text{in}}` [He15]_ and biases on
        :math:`\pm 1/\sqrt{n_\text{in}}`, with which the output is not 0 where all units are silent

    Input
    -----
    x : [..., input_size], `tf.float`
        Inputs

    Output
    ------
    : [..., output_size], `tf.float`
        Outputs; NaN where an input is not finite
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: Sequence[int],
        output_size: int,
        *,
        start: str = "glorot",
        precision: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.input_size = checks.integer("input_size", input_size)
        self.hidden_sizes = [checks.integer("hidden_sizes", n) for n in hidden_sizes]
        self.output_size = checks.integer("output_size", output_size)
        self.start = checks.one_of("start", start, ("glorot", "he"))
        sizes = [self.input_size, *self.hidden_sizes, self.output_size]
        self._kernels: list[keras.Variable] = []
        self._biases: list[keras.Variable] = []
        for i, shape in enumerate(itertools.pairwise(sizes)):
            he = self.start == "he"
            limit = math.sqrt(6 / (shape[0] if he else sum(shape)))
            kernel = numpy_rng().uniform(-limit, limit, shape)
            bias = np.zeros(shape[1])
            if he:
                bias = numpy_rng().uniform(-1, 1, shape[1]) / math.sqrt(shape[0])
            self._kernels.append(self._weight(f"kernel_{i}", kernel))
            self._biases.append(self._weight(f"bias_{i}", bias))

    def _weight(self, name: str, value: np.ndarray) -> keras.Variable:
        return self.add_weight(
            shape=value.shape,
            initializer=lambda shape, dtype=None: tf.cast(value, dtype or self.rdtype),
            dtype=self.rdtype.name,
            name=name,
        )

    def call(self, x: Real) -> tf.Tensor:
        checks.last_dim("x", x, self.input_size)
        # rectifiers of a graph make 0 of NaN; and it would reach the gradients of all samples
        finite = tf.reduce_all(tf.math.is_finite(x), -1, keepdims=True)
        x = tf.where(finite, x, tf.zeros_like(x))
        for i, (kernel, bias) in enumerate(zip(self._kernels, self._biases, strict=True)):
            x = x if i == 0 else tf.nn.relu(x)
            x = tf.tensordot(x, tf.convert_to_tensor(kernel), 1) + tf.convert_to_tensor(bias)
        return tf.where(finite, x, float("nan"))
