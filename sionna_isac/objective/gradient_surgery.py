"""Gradient surgery: gradients of several tasks without their conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from sionna_isac.core import checks, cites, uniform

__all__ = ["PCGrad", "named_losses"]


@cites("Yu20", "Zhao26")
class PCGrad:
    r"""Projection of conflicting gradients, Algorithm 1 of [Yu20]_.

    Of the gradient :math:`\mathbf{g}_i` of each task, the part against those of the other tasks is
    removed, task after task in random order:

    .. math::
        \tilde{\mathbf{g}}_i \leftarrow \tilde{\mathbf{g}}_i -
        \frac{\tilde{\mathbf{g}}_i^\mathsf{T} \mathbf{g}_j}{\|\mathbf{g}_j\|^2} \mathbf{g}_j
        \quad\text{if}\quad \tilde{\mathbf{g}}_i^\mathsf{T} \mathbf{g}_j < 0 ,

    and the sum of :math:`\tilde{\mathbf{g}}_i` over the tasks is the gradient of the step. Only
    weights that several losses depend on are projected, as one vector; the others get their
    gradients unchanged.

    All :math:`\tilde{\mathbf{g}}_i` are combinations of the gradients: the scalar products of each
    pair are computed once, and the projections work on the coefficients. The orders come from the
    generator of the library, :func:`~sionna_isac.core.set_seed`. With two tasks the order does not
    matter, as each has only one other.

    Parameters
    ----------
    reduction : "sum" (default) | "mean"
        How the gradients of the tasks are put together: their sum as in [Yu20]_, or their mean

    Example
    -------
    >>> surgery = isac.objective.PCGrad()
    >>> with tf.GradientTape(persistent=True) as tape:
    ...     losses = [classification_loss, localization_loss]
    >>> gradients = surgery.gradients(losses, model.trainable_variables, tape)
    >>> optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    """

    def __init__(self, reduction: str = "sum") -> None:
        self.reduction = checks.one_of("reduction", reduction, ("sum", "mean"))

    def gradients(
        self, losses: Any, variables: Sequence[Any], tape: tf.GradientTape
    ) -> list[tf.Tensor | None]:
        """Gradients of the step.

        Parameters
        ----------
        losses : sequence or mapping of scalars, `tf.float`
            Losses of the tasks, at least two
        variables : sequence of variables
            Trainable weights, of TensorFlow or Keras
        tape : `tf.GradientTape`
            Persistent tape that recorded the losses

        Output
        ------
        : list
            Gradient of each variable; `None` for one that no loss depends on

        Raises
        ------
        ValueError
            If there are fewer than two losses, a loss depends on no variable, none depends on
            several losses, or the tape is not persistent
        """
        named = named_losses(losses)
        plain = [v.value if isinstance(v, keras.Variable) else v for v in variables]
        if not getattr(tape, "_persistent", True):
            raise ValueError(
                "tape must be a tf.GradientTape(persistent=True): one set of gradients is taken "
                "for each loss"
            )
        of_task = [[_dense(g) for g in tape.gradient(loss, plain)] for loss in named.values()]
        for name, found in zip(named, of_task, strict=True):
            if all(g is None for g in found):
                raise ValueError(f"losses[{name!r}] depends on none of the {len(plain)} variables")
        of_variable = [[g for g in found if g is not None] for found in zip(*of_task, strict=True)]
        shared = [i for i, found in enumerate(of_variable) if len(found) > 1]
        if not shared:
            raise ValueError(
                f"losses must share a trainable variable; got {len(named)} losses "
                f"({', '.join(map(str, named))}), each with variables of its own: there is nothing "
                "to project"
            )
        parts = [[found[i] for i in shared] for found in of_task]
        factors = tf.reduce_sum(_coefficients(_products(parts)), 0)
        scale = 1.0 if self.reduction == "sum" else 1.0 / len(named)
        result: list[tf.Tensor | None] = []
        for i, found in enumerate(of_variable):
            if i in shared:
                weighted = [
                    tf.cast(factors[k], gradient.dtype) * gradient
                    for k, gradient in enumerate(own[i] for own in of_task)
                    if gradient is not None
                ]
            else:
                weighted = found
            result.append(scale * tf.add_n(weighted) if weighted else None)
        return result


def named_losses(losses: Any, least: int = 2) -> dict[Any, tf.Tensor]:
    """Losses by name or position, checked to be scalars."""
    if not isinstance(losses, Mapping):
        if not isinstance(losses, Sequence):
            raise TypeError(f"losses must be a sequence or mapping of scalars; got {losses!r}")
        losses = dict(enumerate(losses))
    if len(losses) < least:
        raise ValueError(
            f"losses must hold at least {least} losses; got {len(losses)}"
            + (": gradient surgery is for conflicts between tasks" if least > 1 else "")
        )
    for name, loss in losses.items():
        checks.rank(f"losses[{name!r}]", loss, 0)
    return dict(losses)


def _dense(gradient: Any) -> tf.Tensor | None:
    return None if gradient is None else tf.convert_to_tensor(gradient)


def _products(parts: list[list[tf.Tensor | None]]) -> list[list[tf.Tensor]]:
    """Scalar products of the gradients of each pair of tasks, in double precision."""
    number = len(parts)
    table = [[tf.constant(0.0, tf.float64)] * number for _ in range(number)]
    for i in range(number):
        for j in range(i, number):
            sums = [
                tf.cast(tf.reduce_sum(a * b), tf.float64)
                for a, b in zip(parts[i], parts[j], strict=True)
                if a is not None and b is not None
            ]
            if sums:
                table[i][j] = table[j][i] = tf.add_n(sums)
    return table


def _coefficients(products: list[list[tf.Tensor]]) -> tf.Tensor:
    """Coefficients [task, gradient] of the projected gradients of the tasks."""
    number = len(products)
    gram = tf.stack([tf.stack(row) for row in products])
    unit = tf.eye(number, dtype=tf.float64)
    rows = []
    for i in range(number):
        own = unit[i]
        for other in _order(number, i, unit):
            along = tf.linalg.matvec(gram, other)
            product, norm = tf.tensordot(own, along, 1), tf.tensordot(other, along, 1)
            conflict = (product < 0) & (norm > 0)
            own -= tf.where(conflict, product / tf.where(norm > 0, norm, 1.0), 0.0) * other
        rows.append(own)
    return tf.stack(rows)


def _order(number: int, task: int, unit: tf.Tensor) -> list[tf.Tensor]:
    """Unit vectors of the other tasks in random order."""
    others = tf.stack([unit[j] for j in range(number) if j != task])
    if number == 2:
        return tf.unstack(others)
    # places by counting: XLA compiles sorting for half a minute
    draw = uniform([number - 1])
    place = tf.reduce_sum(tf.cast(draw < draw[:, tf.newaxis], tf.int32), -1)
    return tf.unstack(tf.matmul(tf.one_hot(place, number - 1, dtype=tf.float64), others, True))
