"""Keras callbacks of the training loop: progress, checks, validation, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from sionna_isac.errors import UsageError
from sionna_isac.study.blocks import Optimization, Validation
from sionna_isac.study.store import RunFolder

__all__ = ["Checkpoint", "Monitor", "TrainingError", "Validate"]


class TrainingError(UsageError, RuntimeError):
    """Failed training; the message is one line."""


class Monitor(keras.callbacks.Callback):
    """Record of the losses, which stops at the last iteration and raises where one is not finite.

    Parameters
    ----------
    training : `Optimization`
        Training
    reseed : callable
        Starts the random stream of a part, given its number
    """

    def __init__(self, training: Optimization, reseed: Callable[[int], None]) -> None:
        super().__init__()
        self._training, self._reseed = training, reseed
        self.losses: list[float] = []
        self.advance: Callable[[int, str], None] = lambda steps, note: None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._reseed(epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float(logs["loss_now"])
        if not math.isfinite(loss):
            raise TrainingError(
                f"loss became {loss} at iteration {len(self.losses) + 1}; "
                "try a smaller training.learning_rate"
            )
        self.losses.append(loss)
        self.advance(1, f"loss {loss:.4g}")
        if len(self.losses) == self._training.iterations:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not all(np.all(np.isfinite(v.numpy())) for v in self.model.weights):
            raise TrainingError(
                f"learned parameters became NaN or infinite by iteration {len(self.losses)}; "
                "try a smaller training.learning_rate"
            )
        # callbacks of Keras use the mean over the part, not the loss of its last batch
        logs["loss"] = float(np.mean(self.losses[epoch * self._training.checkpoint_interval :]))


class Validate(keras.callbacks.Callback):
    """Evaluation of the learner, which stops the training without improvement.

    With a patience, the weights of the best score are the result.

    Parameters
    ----------
    validation : `Validation`
        Settings of the evaluation
    checkpoint_interval : `int`
        Number of iterations of a part: scores are taken between parts only
    """

    def __init__(self, validation: Validation, checkpoint_interval: int) -> None:
        super().__init__()
        self._validation = validation
        self._every = max(1, round(validation.interval / checkpoint_interval))
        self._interval = checkpoint_interval
        self.scores: dict[str, list[float]] = {}
        self.best: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self._every:
            return
        found = self.model.validate(self._validation)
        for name, value in {**found, "validated": (epoch + 1) * self._interval}.items():
            self.scores.setdefault(name, []).append(float(value))
        logs.update(found)
        scores = self.scores["score"]
        if self._validation.patience is not None and scores[-1] == min(scores):
            self.best = [v.numpy() for v in self.model.weights]
        if self.exhausted():
            self.model.stop_training = True

    def restore_best(self, model: keras.Model) -> None:
        """Restore the weights of the best score, if they were kept."""
        if self.best:
            for variable, value in zip(model.weights, self.best, strict=True):
                variable.assign(value)

    def exhausted(self) -> bool:
        """`True` if the best score is older than the patience."""
        patience = self._validation.patience
        if patience is None or not self.scores:
            return False
        when = self.scores["validated"]
        return when[-1] - when[int(np.argmin(self.scores["score"]))] >= patience


class Checkpoint(keras.callbacks.Callback):
    """Storage of weights, optimiser and the state of other callbacks after each part.

    It is the last callback of a list, so that it stores the changes of the others in this part.

    Parameters
    ----------
    folder : :class:`RunFolder`
        Folder of the run
    name : `str`
        Name of the file
    monitor : :class:`Monitor`
        Losses so far
    validate : `None` | :class:`Validate`
        Scores so far
    plateau : `None` | `keras.callbacks.ReduceLROnPlateau`
        Schedule
    """

    _PLATEAU = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        folder: RunFolder,
        name: str,
        monitor: Monitor,
        validate: Validate | None,
        plateau: keras.callbacks.ReduceLROnPlateau | None,
    ) -> None:
        super().__init__()
        self._folder, self._name = folder, name
        self._monitor, self._validate, self._plateau = monitor, validate, plateau
        self._stored = folder.load(name)

    @property
    def num_parts(self) -> int:
        """`int` : Number of finished parts"""
        return 0 if self._stored is None else int(self._stored["epoch"])

    def restore(self, model: keras.Model) -> None:
        """Restore a model and the callbacks to the state of an interrupted run."""
        if self._stored is None:
            return
        self._monitor.losses = self._stored["losses"].tolist()
        for i, variable in enumerate(_state(model)):
            variable.assign(self._stored[f"weight_{i}"])
        if self._validate is not None:
            self._validate.scores = {
                key.removeprefix("score_"): value.tolist()
                for key, value in self._stored.items()
                if key.startswith("score_")
            }
            count = sum(key.startswith("best_") for key in self._stored)
            self._validate.best = [self._stored[f"best_{i}"] for i in range(count)]

    def on_train_begin(self, logs: Any = None) -> None:
        # here and not in restore: ReduceLROnPlateau forgets its state when fit begins
        if self._plateau is not None and self._stored is not None:
            for key in self._PLATEAU:
                setattr(self._plateau, key, self._stored[f"plateau_{key}"].item())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        arrays = {f"weight_{i}": v.numpy() for i, v in enumerate(_state(self.model))}
        if self._validate is not None:
            arrays |= {f"score_{k}": np.array(v) for k, v in self._validate.scores.items()}
            arrays |= {f"best_{i}": v for i, v in enumerate(self._validate.best)}
        if self._plateau is not None:
            arrays |= {f"plateau_{k}": getattr(self._plateau, k) for k in self._PLATEAU}
        losses = np.array(self._monitor.losses)
        self._folder.save(self._name, epoch=epoch + 1, losses=losses, **arrays)


def _state(model: keras.Model) -> Sequence[Any]:
    return [*model.weights, *model.optimizer.variables]
