"""Start values of networks that follow the seed of the library."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from sionna_isac.core import checks
from sionna_isac.core.layer import register
from sionna_isac.core.random import numpy_rng
from sionna_isac.core.references import cites

__all__ = ["HeUniform"]


@register
@cites("He15")
class HeUniform(keras.initializers.Initializer):
    r"""Uniform draws that keep the variance through layers with ReLU, Section 2.2 of [He15]_.

    The draws lie within :math:`\pm s\sqrt{6/n}` with the number n of inputs of a neuron. They
    come from Sionna's NumPy generator in double precision: the same seed gives the same network
    in both precisions.

    Parameters
    ----------
    scale : `float`, (default 1)
        :math:`s`
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = checks.real("scale", scale, minimum=0)

    def __call__(self, shape: Any, dtype: Any = None) -> tf.Tensor:
        limit = self.scale * math.sqrt(6 / math.prod(shape[:-1]))
        return tf.constant(numpy_rng().uniform(-limit, limit, shape), dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"scale": self.scale}
