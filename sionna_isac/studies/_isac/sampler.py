"""Monte-Carlo samples of systems, compiled once for all values of their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from sionna_isac.array import ImpairedArray
from sionna_isac.core import reset_stream
from sionna_isac.errors import UsageError
from sionna_isac.studies._isac.approach import Approach, copy_layer
from sionna_isac.studies._isac.blocks import Beam, DetectionSampling
from sionna_isac.studies._isac.system import IsacSystem

__all__ = ["NumericalError", "Sampler"]


class NumericalError(UsageError, RuntimeError):
    """NaN or infinity in a simulation; the message is one line."""


class SampledScenario(Protocol):
    """Fields of a scenario for its samples."""

    @property
    def evaluation(self) -> DetectionSampling: ...
    @property
    def waveform(self) -> Beam: ...
    @property
    def compile(self) -> bool: ...


class Sampler:
    """Source of batches from the system of a scenario, in the sector of the test.

    True arrays and approaches of the same structure share one compiled graph, which gets their
    weights.

    Parameters
    ----------
    scenario
        Scenario
    make_system : callable, (default :class:`IsacSystem`)
        Makes the system from scenario, truth and approach
    """

    def __init__(
        self, scenario: SampledScenario, make_system: Callable[..., Any] = IsacSystem
    ) -> None:
        self._scenario, self._make_system = scenario, make_system
        self._compiled: dict[tuple[Any, ...], tuple[ImpairedArray, Approach, Any]] = {}

    def draw(
        self,
        truth: ImpairedArray,
        approach: Approach,
        stream: tuple[Any, ...],
        eta: float | None = None,
        phi: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Output of the method ``draw`` of the system, with the random numbers of a stream.

        The default of ``eta`` and ``phi`` is that of the scenario.
        """
        if approach.structure not in self._compiled:
            self._compiled[approach.structure] = self._compile(truth, approach)
        true_array, probe, function = self._compiled[approach.structure]
        true_array.assign_from(truth)
        probe.assign(approach.weights())
        wave = self._scenario.waveform
        values = (
            np.float64(default if value is None else value)
            for value, default in ((eta, wave.eta), (phi, wave.phi))
        )
        reset_stream(*stream)
        drawn = {k: v.numpy() for k, v in function(*map(tf.constant, values)).items()}
        for name in drawn.keys() & {"angle", "range", "velocity", "metric"}:
            if not np.all(np.isfinite(drawn[name])):
                raise NumericalError(
                    f"estimates of {name} are not finite with {approach.structure[0]}, "
                    f"random stream {'/'.join(map(str, stream))}"
                )
        return drawn

    def _compile(self, truth: ImpairedArray, approach: Approach) -> tuple[Any, ...]:
        """Copies of truth and approach, and the function that draws with them."""
        config = self._scenario.evaluation
        own_truth, own = copy_layer(truth), approach.copy()
        system = self._make_system(self._scenario, own_truth, own)

        def draw(eta: tf.Tensor, phi: tf.Tensor) -> dict[str, tf.Tensor]:
            return system.draw(config.batch_size, eta, phi, config.users_per_sample)

        compiled = self._scenario.compile and approach.compilable
        return own_truth, own, tf.function(draw, autograph=False, jit_compile=compiled)
