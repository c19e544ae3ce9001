"""From an approach to its trained weights: from the store, or by training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from sionna_isac.array import ImpairedArray
from sionna_isac.studies._isac.approach import Approach
from sionna_isac.studies._isac.system import IsacSystem
from sionna_isac.study.learner import Learner
from sionna_isac.study.models import ModelStore, TrainedModel
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder
from sionna_isac.study.training import train

__all__ = ["learn"]

VERSION = 1  # to be raised with every change of the code that changes what a training gives


def learn(
    scenario: Any,
    truth: ImpairedArray,
    approach: Approach,
    label: str,
    folder: RunFolder,
    reporter: Reporter,
    draw: int = 0,
    make_system: Callable[..., Learner] = IsacSystem,
) -> TrainedModel:
    """Train an approach, unless the same training was done before.

    Parameters
    ----------
    scenario
        Scenario
    truth : :class:`~sionna_isac.array.ImpairedArray`
        The array that is there
    approach : :class:`Approach`
        What learns; its weights are set
    label : `str`
        Name of the approach
    folder : :class:`RunFolder`
        Where checkpoints and trained models are
    reporter : :class:`Reporter`
        Progress
    draw : `int`, (default 0)
        Number of the draw of the impairments
    make_system : callable, (default :class:`IsacSystem`)
        Makes what is trained, from scenario, truth and approach

    Output
    ------
    : :class:`TrainedModel`
        Weights and history
    """
    key = _key(scenario, approach, draw)
    store = ModelStore(folder.models)
    model = store.load(label, key, folder.fresh_since)
    if model is None:
        name = f"{label}-{draw}"
        system = make_system(scenario, truth, approach, training=True)
        stages = approach.stages()
        compiled = scenario.compile and approach.compilable
        history = train(system, stages, folder, reporter, name, scenario.seed, compiled)
        return store.save(label, key, scenario, approach.weights(), history)
    reporter.say(f"{label}: trained before, {model.file}")
    approach.assign(model.weights)
    return model


def _key(scenario: Any, approach: Approach, draw: int) -> dict[str, Any]:
    """Everything that the weights depend on."""
    stages = approach.stages()
    return {
        "version": VERSION,
        "replicas": tf.distribute.get_strategy().num_replicas_in_sync,
        "seed": scenario.seed,
        "draw": draw,
        "precision": scenario.precision,
        **scenario.model_settings(),
        "approach": [str(part) for part in approach.identity],
        "stages": {stage.name: stage.training.model_dump(mode="json") for stage in stages},
    }
