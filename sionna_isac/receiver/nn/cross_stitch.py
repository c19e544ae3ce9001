"""Learned mixture of the features of two tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, cites, register
from sionna_isac.receiver.nn.cross_task_attention import TaskFeatures

__all__ = ["CrossStitch"]


@register
@cites("Misra16", "Zhao26")
class CrossStitch(Layer):
    r"""Learned linear mixture of the features of two tasks, [Misra16]_.

    .. math::
        \begin{bmatrix} \tilde{x}_\mathrm{cls} \\ \tilde{x}_\mathrm{loc} \end{bmatrix}
        = \mathbf{A} \begin{bmatrix} x_\mathrm{cls} \\ x_\mathrm{loc} \end{bmatrix}, \quad
        \mathbf{A} = \begin{bmatrix} a & 1 - a \\ 1 - a & a \end{bmatrix}
        \text{ at the start}

    Parameters
    ----------
    own_share : `float`, (default 0.9)
        :math:`a`

    Input
    -----
    classification, localization : [batch_size, ...], `tf.float`
        Features of both tasks, of one shape

    Output
    ------
    : :class:`TaskFeatures`
        Features of both tasks
    """

    def __init__(
        self, own_share: float = 0.9, *, precision: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.own_share = checks.real("own_share", own_share)
        a = self.own_share
        start = np.array([[a, 1 - a], [1 - a, a]])
        self.matrix = self.add_weight(
            shape=(2, 2),
            initializer=lambda shape, dtype=None: tf.constant(start, dtype),
            dtype=self.rdtype.name,
            name="mixture",
        )

    def call(self, classification: Real, localization: Real) -> TaskFeatures:
        checks.shape("localization", localization, classification.shape, "as classification has")
        (a, b), (c, d) = (tf.unstack(row) for row in tf.unstack(self.matrix.value))
        return TaskFeatures(
            a * classification + b * localization, c * classification + d * localization
        )
