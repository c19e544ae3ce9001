"""Model for the training loop: a Keras model that draws its own batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from sionna_isac.study.blocks import Validation

__all__ = ["Learner", "Stage"]


class Stage(NamedTuple):
    """A part of a training.

    Attributes
    ----------
    name : `str`
        Name, in file names and progress
    training : `Optimization`
        Optimiser, length; `Training` adds the objective
    frozen : tuple of `keras.layers.Layer`
        Layers whose weights stay as they are
    """

    name: str
    training: Any
    frozen: tuple[keras.layers.Layer, ...] = ()


class Learner(keras.Model):
    """Base of models that draw their batches in the graph, so that ``fit`` needs no data.

    A subclass defines the loss of a batch (:meth:`batch_loss`) and, for validation, the scores
    (:meth:`validate`).
    """

    stage: Stage

    def begin(self, stage: Stage, optimizer: keras.Optimizer, jit_compile: bool) -> None:
        """Prepare a stage: freeze its constant layers and compile."""
        # past Keras, which would take the frozen layers for new parts of a model that is built
        object.__setattr__(self, "stage", stage)
        for layer in stage.frozen:
            layer.trainable = False
        optimizer.build(self.trainable_weights)
        self.compile(optimizer=optimizer, jit_compile=jit_compile)

    def end(self) -> None:
        """Undo the freezing."""
        for layer in self.stage.frozen:
            layer.trainable = True

    def configuration(self) -> dict[str, Any]:
        """Everything that the result of a training depends on, except the training itself.

        The base has the layers; a subclass adds the numbers that it gives to their calls.
        """
        return {"layers": self.layers}

    def batch_loss(self, batch_size: int, progress: tf.Tensor) -> tf.Tensor:
        """Loss of a batch of the present stage.

        Parameters
        ----------
        batch_size : `int`
            Number of samples
        progress : scalar, `tf.float`
            Share of the finished iterations of the stage
        """
        raise NotImplementedError

    def validate(self, validation: Validation) -> dict[str, float]:
        """Scores by name; a smaller "score" is better."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: the layers make their weights in their constructors."""
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Loss of one batch; ``inputs`` is the progress. Keras hands ``training`` to the layers."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        # under a strategy, Keras builds the model with the shape of the data, [1, 1]
        progress = tf.reduce_mean(inputs)
        return self.batch_loss(self.stage.training.batch_size // replicas, progress)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Gradient step of ``fit``; returns the loss of this step, not a running mean."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        step = tf.cast(self.optimizer.iterations, tf.float32)
        with tf.GradientTape() as tape:
            loss = self(step / self.stage.training.iterations, training=True)
            scaled = loss / replicas  # gradients of replicas are summed
        gradients = tape.gradient(scaled, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss_now": loss}
