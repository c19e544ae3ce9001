"""Attention of two tasks to each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import (
    attend,
    feed_forward,
    layer_normalization,
    per_token,
    projection,
)
from sionna_isac.receiver.nn.transformer_block import check_heads

__all__ = ["CrossTaskAttention", "TaskFeatures"]


class TaskFeatures(NamedTuple):
    """Features of both tasks.

    Attributes
    ----------
    classification : `tf.float`
        Features of the classification; `None` where a network does not have it
    localization : `tf.float`
        Features of the localisation; `None` where a network does not have it
    """

    classification: Any
    localization: Any


@register
@cites("Zhao26")
class CrossTaskAttention(Layer):
    r"""Attention of each task to the other, Eqs. (29) to (32) of [Zhao26]_, and refinement.

    .. math::
        \tilde{\mathbf{F}}_\mathrm{cls} = \mathbf{F}_\mathrm{cls} + \alpha_\mathrm{cls}\,
        \mathrm{softmax}\Bigl(\frac{\mathbf{Q}_\mathrm{cls} \mathbf{K}_\mathrm{loc}^\mathsf{T}}
        {\sqrt{d_a}}\Bigr) \mathbf{V}_\mathrm{loc}

    and the same with the tasks exchanged; :math:`\mathbf{Q}, \mathbf{K}, \mathbf{V}` are linear
    maps of the tokens of their task. The mixing coefficients :math:`\alpha`, one a direction, are
    learned. A feed-forward network of the width :math:`2 d_f` with a residual, on normalised
    tokens, refines each result.

    Parameters
    ----------
    feature_dim : `int`
        Number of features of a token :math:`d_f`, a multiple of ``num_heads``
    num_heads : `int`, (default 1)
        Number of attention heads, each with :math:`d_a = d_f / n`; (31) has one
    mixing : `float`, (default 0.1)
        Start value of the mixing coefficients
    refine : `bool`, (default `True`)
        If `True`, the feed-forward networks follow

    Input
    -----
    classification, localization : [batch_size, num_tokens, feature_dim], `tf.float`
        Tokens of both tasks, whose numbers may differ

    Output
    ------
    : :class:`TaskFeatures`
        Tokens of both tasks, in the shapes of the input
    """

    def __init__(
        self,
        feature_dim: int,
        *,
        num_heads: int = 1,
        mixing: float = 0.1,
        refine: bool = True,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.feature_dim, self.num_heads = check_heads(feature_dim, num_heads)
        self.mixing = checks.real("mixing", mixing)
        self.refine = bool(refine)
        size, kind = self.feature_dim, self.rdtype.name
        # query, key and value of the tokens of a task, in one product
        self.projections = [projection(size, 3 * size, kind) for _ in range(2)]
        self.mixing_coefficients = self.add_weight(
            shape=(2,),
            initializer=keras.initializers.Constant(self.mixing),
            dtype=kind,
            name="mixing",
        )
        self.refinements = [
            [layer_normalization(size, kind), *feed_forward(size, kind)]
            for _ in range(2 if self.refine else 0)
        ]

    def call(self, classification: Real, localization: Real) -> TaskFeatures:
        both = [classification, localization]
        for name, tokens in zip(TaskFeatures._fields, both, strict=True):
            checks.shape(name, tokens, [classification.shape[0], None, self.feature_dim])
        projected = [
            tf.split(per_token(tokens, project), 3, -1)
            for project, tokens in zip(self.projections, both, strict=True)
        ]
        mixing = tf.convert_to_tensor(self.mixing_coefficients)
        for i in range(2):
            _, key, value = projected[1 - i]
            both[i] += mixing[i] * attend(projected[i][0], key, value, self.num_heads)
        for i, layers in enumerate(self.refinements):
            both[i] += per_token(both[i], *layers)
        return TaskFeatures(*both)
