"""Training of a system with Keras, in parts that survive a kill."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.array import ImpairedArray
from sionna_isac.core import reset_stream
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder
from sionna_isac.study.system import IsacSystem, assumed_array

__all__ = ["TrainingError", "train_array"]

_CHECKPOINT = "training"


class TrainingError(RuntimeError):
    """Training that went wrong; the message is one line."""


class _Checkpoint(keras.callbacks.Callback):
    """Writes weights, optimiser state and losses after each part, and seeds the next one.

    The random numbers of a part depend on the seed and the part only, so that a run that was
    interrupted goes on with the numbers that it would have had.
    """

    def __init__(self, folder: RunFolder, seed: int, losses: list[float], advance: Any) -> None:
        super().__init__()
        self._folder, self._seed, self._losses, self._advance = folder, seed, losses, advance

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        reset_stream(self._seed, "training", epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float(logs["loss_now"])
        if not math.isfinite(loss):
            raise TrainingError(
                f"loss became {loss} at iteration {len(self._losses) + 1}; "
                "try a smaller training.learning_rate"
            )
        self._losses.append(loss)
        self._advance(1, f"loss {loss:.4g}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not all(np.all(np.isfinite(v.numpy())) for v in self.model.trainable_weights):
            raise TrainingError(
                f"learned parameters became NaN or infinite by iteration {len(self._losses)}; "
                "try a smaller training.learning_rate"
            )
        weights = {f"weight_{i}": v.numpy() for i, v in enumerate(_state(self.model))}
        self._folder.save(_CHECKPOINT, epoch=epoch + 1, losses=np.array(self._losses), **weights)


def train_array(
    scenario: Any, truth: ImpairedArray, folder: RunFolder, reporter: Reporter
) -> tuple[ImpairedArray, np.ndarray]:
    """Learn the array of a scenario, from where an interrupted run stopped.

    Parameters
    ----------
    scenario
        Scenario
    truth : :class:`~sionna_isac.array.ImpairedArray`
        The array that is there
    folder : :class:`RunFolder`
        Where checkpoints are
    reporter : :class:`Reporter`
        Progress

    Output
    ------
    learned : :class:`~sionna_isac.array.ImpairedArray`
        The learned array
    losses : [iterations], `np.float64`
        Loss of each iteration

    Raises
    ------
    TrainingError
        If the loss is not finite
    """
    training = scenario.training
    learned = assumed_array(scenario, "learned", truth)
    if training.iterations == 0:
        return learned, np.zeros(0)
    system = IsacSystem(scenario, truth, learned, training=True)
    rate: Any = training.learning_rate
    if training.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, training.iterations)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(system.trainable_weights)
    system.compile(optimizer=optimizer, jit_compile=scenario.compile)

    losses: list[float] = []
    first = 0
    stored = folder.load(_CHECKPOINT)
    if stored is not None:
        first = int(stored["epoch"])
        losses = stored["losses"].tolist()
        for i, variable in enumerate(_state(system)):
            variable.assign(stored[f"weight_{i}"])

    steps = training.checkpoint_interval
    data = tf.data.Dataset.from_tensors(tf.zeros([1, 1])).repeat()
    with reporter.task("learning the array", training.iterations, len(losses)) as advance:
        checkpoint = _Checkpoint(folder, scenario.seed, losses, advance)
        for epoch in range(first, math.ceil(training.iterations / steps)):
            system.fit(
                data,
                initial_epoch=epoch,
                epochs=epoch + 1,
                steps_per_epoch=min(steps, training.iterations - epoch * steps),
                callbacks=[checkpoint],
                shuffle=False,
                verbose=0,
            )
    return learned, np.array(losses)


def _state(system: keras.Model) -> list[Any]:
    return [*system.trainable_weights, *system.optimizer.variables]
