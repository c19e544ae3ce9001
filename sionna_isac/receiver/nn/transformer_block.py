"""Encoder block of a transformer."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import (
    attend,
    dense,
    feed_forward,
    layer_normalization,
    per_token,
    projection,
)

__all__ = ["TransformerBlock", "check_heads"]


def check_heads(feature_dim: Any, num_heads: Any) -> tuple[int, int]:
    """Return both numbers, checked that the heads share the features evenly."""
    feature_dim = checks.integer("feature_dim", feature_dim)
    num_heads = checks.integer("num_heads", num_heads)
    if feature_dim % num_heads:
        raise ValueError(
            f"feature_dim must be a multiple of num_heads = {num_heads}; got {feature_dim}"
        )
    return feature_dim, num_heads


@register
@cites("Zhao26")
class TransformerBlock(Layer):
    r"""Self-attention and a feed-forward network, each with a residual, Section III-A of [Zhao26]_.

    .. math::
        \mathbf{F} \leftarrow \mathbf{F} + \mathrm{MHA}(\mathrm{LN}(\mathbf{F})), \quad
        \mathbf{F} \leftarrow \mathbf{F} + \mathrm{GELU}(\mathrm{LN}(\mathbf{F}) \mathbf{W}_1)
        \mathbf{W}_2

    The hidden layer has :math:`2 d_f` units. The paper does not say where the normalisations are;
    here they stand before attention and network, so that gradients pass the residuals unchanged.

    Parameters
    ----------
    feature_dim : `int`
        Number of features of a token :math:`d_f`, a multiple of ``num_heads``
    num_heads : `int`, (default 4)
        Number of attention heads

    Input
    -----
    tokens : [batch_size, num_tokens, feature_dim], `tf.float`
        Tokens :math:`\mathbf{F}`

    Output
    ------
    : [batch_size, num_tokens, feature_dim], `tf.float`
        Tokens
    """

    def __init__(
        self, feature_dim: int, *, num_heads: int = 4, precision: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.feature_dim, self.num_heads = check_heads(feature_dim, num_heads)
        size, kind = self.feature_dim, self.rdtype.name
        self.before_attention = layer_normalization(size, kind)
        self.query_key_value = projection(size, 3 * size, kind)  # one product in place of three
        self.mix = dense(size, size, kind)
        self.before_network = layer_normalization(size, kind)
        self.network = feed_forward(size, kind)

    def call(self, tokens: Real) -> tf.Tensor:
        checks.shape("tokens", tokens, [None, None, self.feature_dim])
        projected = per_token(tokens, self.before_attention, self.query_key_value)
        query, key, value = tf.split(projected, 3, -1)
        tokens += per_token(attend(query, key, value, self.num_heads), self.mix)
        return tokens + per_token(tokens, self.before_network, *self.network)
