"""From an approach to its trained weights: from the store, or by training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sionna_isac.array import ImpairedArray
from sionna_isac.study.approach import Approach
from sionna_isac.study.blocks import Training
from sionna_isac.study.learner import Learner
from sionna_isac.study.models import ModelStore, TrainedModel
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder
from sionna_isac.study.system import IsacSystem
from sionna_isac.study.training import train

__all__ = ["learn"]


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
    model = None if folder.fresh else store.load(label, key)
    if model is None:
        name = f"{label}_{draw}"
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
    validated = any(
        isinstance(stage.training, Training) and stage.training.validation is not None
        for stage in stages
    )
    return {
        "seed": scenario.seed,
        "draw": draw,
        "precision": scenario.precision,
        **scenario.model_settings(validated),
        "approach": [str(part) for part in approach.identity],
        "stages": {stage.name: stage.training.model_dump(mode="json") for stage in stages},
    }
