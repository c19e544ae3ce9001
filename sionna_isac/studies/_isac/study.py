"""Base of studies that learn and evaluate approaches to the same task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import tensorflow as tf

from sionna_isac.array import ImpairedArray
from sionna_isac.core import checks
from sionna_isac.studies._isac.approach import Approach
from sionna_isac.studies._isac.arrays import true_array
from sionna_isac.studies._isac.scenario import ArrayScenario
from sionna_isac.study.fingerprint import code_version, fingerprint
from sionna_isac.study.learner import Learner
from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.store import RunFolder
from sionna_isac.study.training import train

__all__ = ["ApproachStudy", "histories"]

S = TypeVar("S", bound=ArrayScenario)
_WEIGHTS, _HISTORY = "weights/", "history/"


class ApproachStudy(Study[S]):
    """Base of studies that learn approaches and evaluate them.

    A training is a shared part: other studies that need the same model use its result.

    Attributes
    ----------
    make_system : callable
        Makes a system from scenario, truth, approach and `training`
    """

    starting = "compiling"
    make_system: ClassVar[Any]

    def __init__(self, scenario: S) -> None:
        super().__init__(scenario)
        self._truths: dict[int, ImpairedArray] = {}
        self._approaches: dict[tuple[Any, ...], Approach] = {}
        self._learners: dict[Part, Learner] = {}
        self._learned: set[tuple[Any, ...]] = set()

    def make_approach(self, label: str, draw: int, eta: float | None) -> Approach:
        """Approach before any training; ``eta`` is given if learning is for this share alone."""
        raise NotImplementedError

    def truth(self, draw: int = 0) -> ImpairedArray:
        """True array of a draw of the impairments."""
        if draw not in self._truths:
            self._truths[draw] = true_array(self.scenario, *([draw] if draw else []))
        return self._truths[draw]

    def training(self, label: str, draw: int = 0, eta: float | None = None) -> Part:
        """Part that learns an approach."""
        name = label if eta is None else f"{label}-{eta!r}"  # no label has a dash
        return Part(f"{name}-{draw}", ("learn", label, draw, eta), shared=True)

    def approach(
        self,
        label: str,
        draw: int = 0,
        eta: float | None = None,
        results: Mapping[str, Arrays] | None = None,
    ) -> Approach:
        """Approach of a draw, with the learned weights in ``results`` if there are any."""
        which = (label, draw, eta)
        if which not in self._approaches:
            self._approaches[which] = self.make_approach(*which)
        approach = self._approaches[which]
        name = self.training(*which).name
        if results and name in results and which not in self._learned:
            approach.assign(_part(results[name], _WEIGHTS))
            self._learned.add(which)
        return approach

    def _learner(self, part: Part) -> Learner:
        if part not in self._learners:
            _, label, draw, eta = part.arguments
            approach = self.approach(label, draw, eta)
            learner = self.make_learner(label, draw, approach)
            self._learners[part] = checks.instance("make_learner", learner, Learner)
        return self._learners[part]

    def make_learner(self, label: str, draw: int, approach: Approach) -> Any:
        """System that trains an approach."""
        return type(self).make_system(self.scenario, self.truth(draw), approach, training=True)

    def key(self, part: Part) -> Mapping[str, Any]:
        """Everything that learned weights depend on."""
        _, label, draw, eta = part.arguments
        approach, learner = self.approach(label, draw, eta), self._learner(part)
        return {
            "code": code_version(type(approach), type(learner)),
            "replicas": tf.distribute.get_strategy().num_replicas_in_sync,
            "seed": self.scenario.seed,
            "training": part.name,
            "stages": fingerprint({s.name: s.training for s in approach.stages()}),
            "learner": fingerprint(learner.configuration()),
        }

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Learned weights and the history of their training, or the result of :meth:`evaluate`."""
        if part.arguments[0] != "learn":
            return self.evaluate(part, earlier)
        _, label, draw, eta = part.arguments
        approach, learner = self.approach(label, draw, eta), self._learner(part)
        assert isinstance(self.folder, RunFolder)
        compiled = self.scenario.compile and approach.compilable
        history = train(
            learner,
            approach.stages(),
            self.folder,
            self.reporter,
            part.name,
            self.scenario.seed,
            compiled,
        )
        del self._learners[part]
        self._learned.add((label, draw, eta))
        found: Arrays = {_WEIGHTS + k: v for k, v in approach.weights().items()}
        return found | {_HISTORY + k: v for k, v in history.items()}

    def evaluate(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Result of a part other than a training."""
        raise NotImplementedError


def histories(trained: Arrays) -> dict[str, np.ndarray]:
    """Losses and scores of a training."""
    return _part(trained, _HISTORY)


def _part(arrays: Arrays, prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
