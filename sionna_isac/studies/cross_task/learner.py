"""Training of a receiver of class and position on samples in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import metrics
from sionna_isac.objective import MultitaskTraining, PCGrad
from sionna_isac.study.learner import Learner

__all__ = ["LocalizerLearner", "estimates", "score"]

BATCH = 50  # of evaluations
WRONG = 10.0  # metres that a wrong class counts


class LocalizerLearner(MultitaskTraining, Learner):
    """A receiver, its losses and its samples.

    In each epoch, samples come in another random order, which depends on the seed and the number
    of the epoch alone.

    Parameters
    ----------
    receiver : `keras.layers.Layer`
        Layer with trained weights
    losses : callable
        ``losses(inputs, labels, training)`` is a `dict` of losses of the tasks
    inputs, labels
        Nested tensors of the training, all with the samples along the first axis
    mirrored : `None` | callable
        ``mirrored(inputs, labels)`` returns mirrored samples, of which half of a batch then is
    validation : callable
        ``validation()`` is the score of the receiver on the validation split; less is better
    surgery : `None` | :class:`~sionna_isac.objective.PCGrad`
        Gradient surgery
    seed : `int`
        Seed of the order
    """

    def __init__(
        self,
        receiver: Any,
        losses: Callable[..., dict[str, tf.Tensor]],
        inputs: Any,
        labels: Any,
        validation: Callable[[], float],
        mirrored: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        surgery: PCGrad | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.receiver, self.surgery = receiver, surgery
        self._terms, self._validation, self._mirrored = losses, validation, mirrored
        self._samples = tf.nest.map_structure(tf.convert_to_tensor, (inputs, labels))
        self._number = int(tf.nest.flatten(self._samples)[0].shape[0])
        self._seed = seed

    def task_losses(self, x: Any, y: Any, training: bool) -> dict[str, tf.Tensor]:
        """Losses of the tasks for inputs and labels of a batch."""
        return self._terms(x, y, training)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Gradient step on the next batch; returns the loss."""
        found = super().train_step(self._batch())
        return {"loss_now": found["loss"]}

    def _batch(self) -> tuple[Any, Any]:
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        size = self.stage.training.batch_size // replicas
        step = tf.cast(self.optimizer.iterations, tf.int64) * replicas
        step += tf.cast(context.replica_id_in_sync_group, tf.int64)
        first = step * size
        epoch = first // self._number
        # a batch may end in the next epoch, or a later one if samples are few
        orders = [
            tf.random.experimental.stateless_shuffle(
                tf.range(self._number), tf.stack([epoch + k, self._seed])
            )
            for k in range(1 + -(-size // self._number))
        ]
        start = tf.cast(first - epoch * self._number, tf.int32)
        index = tf.concat(orders, 0)[start : start + size]
        inputs, labels = tf.nest.map_structure(lambda v: tf.gather(v, index), self._samples)
        if self._mirrored is None:
            return inputs, labels
        turn = tf.random.stateless_uniform([size], tf.stack([step, self._seed])) < 0.5
        return tf.nest.map_structure(
            lambda a, b: tf.where(tf.reshape(turn, [size] + [1] * (a.shape.rank - 1)), b, a),
            (inputs, labels),
            self._mirrored(inputs, labels),
        )

    def validate(self, validation: Any) -> dict[str, float]:
        """Score of the validation split."""
        return {"score": self._validation()}


def estimates(receiver: Callable[[Any], Any], inputs: Any) -> dict[str, np.ndarray]:
    """Logits, range and azimuth of all samples, as far as the receiver estimates them."""
    number = int(tf.nest.flatten(inputs)[0].shape[0])
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, number, BATCH):
        part = tf.nest.map_structure(lambda v: v[start : start + BATCH], inputs)  # noqa: B023
        out = receiver(part)
        for name in ("logits", "range", "azimuth"):
            value = getattr(out, name, None)
            if value is not None:
                found.setdefault(name, []).append(np.asarray(value))
    return {name: np.concatenate(values).astype(np.float64) for name, values in found.items()}


def score(found: dict[str, np.ndarray], labels: Any) -> float:
    """Planar MAE [m] plus :data:`WRONG` times the share of wrong classes; less is better."""
    total = 0.0
    if "range" in found:
        place = found["azimuth"], found["range"]
        errors = metrics.planar_errors(*place, labels.azimuth, labels.range)
        total += float(np.mean(errors))
    if "logits" in found:
        total += WRONG * float(np.mean(np.argmax(found["logits"], -1) != labels.category))
    return total
