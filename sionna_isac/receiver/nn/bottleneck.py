"""Building block of convolutional receivers."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import convolution, normalization

__all__ = ["ResidualBottleneck"]


@register
@cites("MateosRamos25")
class ResidualBottleneck(Layer):
    r"""Strided convolution and two bottlenecks with skips, Fig. 10 of [MateosRamos25]_.

    A convolution of 3x3 changes the number of channels to C and the size by the stride. Each
    bottleneck has a convolution of 1x1 to C/4 channels, one of 3x3 with batch normalisation and
    ReLU, and one of 1x1 back to C channels, and adds its input to the result. The input of the
    first bottleneck is added to the output of the second; batch normalisation and a ReLU follow.

    The figure does not specify the biases of convolutions and the places of normalisations. Here
    a convolution has no bias exactly if a normalisation follows it directly; networks of these
    blocks then have the numbers of parameters that the paper states for its full and for
    its limited complexity (see :class:`AngleDelayNetwork`).

    Parameters
    ----------
    in_channels : `int`
        :math:`C_\mathrm{in}`
    out_channels : `int`
        :math:`C_\mathrm{out}`, a multiple of 4
    stride : `int`, (default 1)
        Stride of the first convolution

    Input
    -----
    inputs : [batch_size, height, width, in_channels], `tf.float`
        Feature maps
    training : `bool`, (default `False`)
        If `True`, statistics of the batch normalise, and update those kept for inference

    Output
    ------
    : [batch_size, ceil(height/stride), ceil(width/stride), out_channels], `tf.float`
        Feature maps
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.in_channels = checks.integer("in_channels", in_channels)
        self.out_channels = checks.integer("out_channels", out_channels, minimum=4)
        if self.out_channels % 4:
            raise ValueError(f"out_channels must be a multiple of 4; got {out_channels!r}")
        self.stride = checks.integer("stride", stride)
        kind = self.rdtype.name
        self.entry = convolution(self.in_channels, self.out_channels, 3, kind, self.stride)
        self.bottlenecks = [self._bottleneck(kind) for _ in range(2)]
        self.exit = normalization(self.out_channels, kind)

    def _bottleneck(self, kind: str) -> list[keras.layers.Layer]:
        outer, inner = self.out_channels, self.out_channels // 4
        return [
            convolution(outer, inner, 1, kind),
            convolution(inner, inner, 3, kind, bias=False),
            normalization(inner, kind),
            convolution(inner, outer, 1, kind),
        ]

    def call(self, inputs: Real, training: bool = False) -> tf.Tensor:
        wanted = [None, None, None, self.in_channels]
        checks.shape("inputs", inputs, wanted, "[batch_size, height, width, in_channels]")
        first = value = self.entry(inputs)
        for narrow, middle, normalize, widen in self.bottlenecks:
            inside = normalize(middle(narrow(value)), training=training)
            value += widen(tf.nn.relu(inside))
        return tf.nn.relu(self.exit(value + first, training=training))
