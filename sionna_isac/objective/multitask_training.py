"""Training of a Keras model on the losses of several tasks."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from sionna_isac.objective.gradient_surgery import PCGrad, named_losses

__all__ = ["MultitaskTraining"]


class MultitaskTraining:
    """Mixin of Keras models whose tasks have a loss each: trains with or without surgery.

    Put it before `keras.Model`, and define :meth:`task_losses`; ``compile`` needs an optimiser,
    and ``fit`` and ``evaluate`` then work as ever:

    >>> class Localizer(isac.objective.MultitaskTraining, keras.Model):
    ...     def task_losses(self, x, y, training):
    ...         return isac.objective.multitask_terms(self(x, training=training), y)
    >>> model = Localizer(...)
    >>> model.surgery = isac.objective.PCGrad()
    >>> model.compile(optimizer="adamw", jit_compile=False)

    Losses that layers add (`add_loss`) are no task: their gradients are added as they are.

    Attributes
    ----------
    surgery : `None` (default) | :class:`PCGrad`
        Gradient surgery; `None` takes the gradient of the sum of the losses
    """

    surgery: PCGrad | None = None

    def task_losses(self, x: Any, y: Any, training: bool) -> dict[str, tf.Tensor]:
        """Losses of the tasks by name, for inputs and labels of a batch."""
        raise NotImplementedError(
            f"{type(self).__name__} must define task_losses(x, y, training), a dictionary of losses"
        )

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Gradient step of ``fit``; returns the losses."""
        x, y = _batch(data)
        variables: Any = self.trainable_variables  # type: ignore[attr-defined]
        with tf.GradientTape(persistent=True) as tape:
            losses = named_losses(self.task_losses(x, y, training=True), least=1)
            added = list(self.losses)  # type: ignore[attr-defined]
            extra = tf.add_n(added) if added else None
            total = tf.add_n([*losses.values(), *added])
        if self.surgery is None:
            gradients = tape.gradient(total, variables)
        else:
            gradients = self.surgery.gradients(losses, variables, tape)
            if extra is not None:
                others = tape.gradient(extra, variables)
                gradients = [_sum(a, b) for a, b in zip(gradients, others, strict=True)]
        del tape
        # the optimiser adds those of the replicas of a strategy
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        gradients = [g if g is None or replicas == 1 else g / replicas for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))  # type: ignore[attr-defined]
        return {"loss": total, **losses}

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Losses of a batch, of ``evaluate`` and of the validation in ``fit``."""
        x, y = _batch(data)
        losses = named_losses(self.task_losses(x, y, training=False), least=1)
        return {"loss": tf.add_n([*losses.values(), *self.losses]), **losses}  # type: ignore[attr-defined]


def _batch(data: Any) -> tuple[Any, Any]:
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError("sample_weight must be None: weigh the losses in task_losses")
    return x, y


def _sum(first: tf.Tensor | None, second: Any) -> tf.Tensor | None:
    parts = [tf.convert_to_tensor(g) for g in (first, second) if g is not None]
    return tf.add_n(parts) if parts else None
