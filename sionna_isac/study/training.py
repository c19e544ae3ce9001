"""Training loop: Keras' ``fit`` in parts with checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.core import reset_stream
from sionna_isac.study.blocks import Optimization, Validation
from sionna_isac.study.callbacks import Checkpoint, Monitor, TrainingError, Validate
from sionna_isac.study.learner import Learner, Stage
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["TrainingError", "train"]


def train(
    learner: Learner,
    stages: Sequence[Stage],
    folder: RunFolder,
    reporter: Reporter,
    name: str,
    seed: int,
    jit_compile: bool,
) -> dict[str, np.ndarray]:
    """Train all stages, or continue an interrupted training.

    Random numbers depend only on the seed, the stage, the checkpoint interval and the number of
    replicas: an interrupted run continues with the same numbers. Under a `tf.distribute` strategy
    (the learner must be made in its scope), each replica draws its share of the batch.

    Parameters
    ----------
    learner : :class:`Learner`
        Model to train
    stages : sequence of :class:`Stage`
        Parts of the training
    folder : :class:`RunFolder`
        Folder of the checkpoints
    reporter : :class:`Reporter`
        Progress
    name : `str`
        Name of the training, in file names and progress
    seed : `int`
        Seed
    jit_compile : `bool`
        If `True`, XLA compiles the steps

    Output
    ------
    : `dict`
        Losses ("<stage>_loss") and validation scores ("<stage>_<score>" at the iterations
        "<stage>_validated") of all stages

    Raises
    ------
    TrainingError
        If a loss or a weight is not finite
    """
    history: dict[str, np.ndarray] = {}
    for stage in stages:
        if stage.training.iterations:
            done = _train_stage(learner, stage, folder, reporter, name, seed, jit_compile)
            history |= {f"{stage.name}_{key}": np.array(value) for key, value in done.items()}
    return history


def _train_stage(
    learner: Learner,
    stage: Stage,
    folder: RunFolder,
    reporter: Reporter,
    name: str,
    seed: int,
    jit_compile: bool,
) -> dict[str, list[float]]:
    training = stage.training
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if training.batch_size % replicas:
        raise ValueError(
            f"training.batch_size must be a multiple of the {replicas} replicas; "
            f"got {training.batch_size}"
        )
    share = getattr(training, "labelled_fraction", 1.0)
    if round(share * (training.batch_size // replicas)) == 0:
        raise ValueError(
            f"training.labelled_fraction must leave each of the {replicas} replicas a labelled "
            f"sample; got {share:g} of {training.batch_size // replicas}"
        )
    if replicas > 1 and jit_compile:
        reporter.say("note: training on several replicas is not compiled with XLA")
        jit_compile = False
    learner.begin(stage, _optimizer(training), jit_compile)
    monitor = Monitor(training, lambda part: reset_stream(seed, name, stage.name, part))
    validate = plateau = None
    validation: Validation | None = getattr(training, "validation", None)
    if validation is not None:
        validate = Validate(validation, training.checkpoint_interval)
    if training.schedule == "plateau":
        plateau = _plateau(training)
    checkpoint = Checkpoint(folder, f"training_{name}_{stage.name}", monitor, validate, plateau)
    checkpoint.restore(learner)
    number = math.ceil(training.iterations / training.checkpoint_interval)
    stopped = validate is not None and validate.exhausted()
    if checkpoint.num_parts < number and not stopped:
        title = f"training {name}: {stage.name}"
        with reporter.task(
            title, training.iterations, len(monitor.losses), "compiling"
        ) as monitor.advance:
            learner.fit(
                tf.data.Dataset.from_tensors(tf.zeros([replicas, 1])).repeat(),
                initial_epoch=checkpoint.num_parts,
                epochs=number,
                steps_per_epoch=training.checkpoint_interval,
                callbacks=[c for c in (monitor, validate, plateau, checkpoint) if c is not None],
                shuffle=False,
                verbose=0,
            )
    learner.end()
    if validate is not None:
        validate.restore_best(learner)
    scores = {} if validate is None else validate.scores
    return {"loss": monitor.losses, **scores}


def _optimizer(training: Optimization) -> keras.optimizers.Optimizer:
    decay = getattr(training, "weight_decay", 0.0)
    if decay:
        return keras.optimizers.AdamW(_rate(training), weight_decay=decay)
    return keras.optimizers.Adam(_rate(training))


def _rate(training: Optimization) -> Any:
    rate, iterations = training.learning_rate, training.iterations
    if training.schedule != "cosine":
        return rate
    rising = int(getattr(training, "warmup", 0.0) * iterations)
    if not rising:
        return keras.optimizers.schedules.CosineDecay(rate, iterations)
    return keras.optimizers.schedules.CosineDecay(
        0.0, iterations - rising, warmup_target=rate, warmup_steps=rising
    )


def _plateau(training: Optimization) -> keras.callbacks.Callback:
    plateau = training.plateau
    return keras.callbacks.ReduceLROnPlateau(
        monitor="loss",
        mode="min",
        factor=plateau.factor,
        patience=max(1, plateau.patience // training.checkpoint_interval),
        min_lr=plateau.minimum,
        min_delta=0.0,
    )
