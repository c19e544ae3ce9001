"""Approaches that studies compare: precoders and receivers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac import array, receiver, waveform
from sionna_isac.core import Layer
from sionna_isac.studies._isac.arrays import echo_numerology, ideal_array
from sionna_isac.studies._isac.scenario import IsacScenario
from sionna_isac.study.blocks import Training
from sionna_isac.study.learner import Stage
from sionna_isac.study.store import StoreError

__all__ = ["Approach", "ArrayApproach", "Parts", "copy_layer"]


def copy_layer(layer: Any) -> Any:
    """Copy of a layer, from the same arguments, with its own weights."""
    return type(layer).from_config(layer.get_config())


class Parts(NamedTuple):
    """Precoder and receiver of a system.

    Attributes
    ----------
    precoder : :class:`~sionna_isac.core.Layer`
        Layer from sectors [batch_size, 2] to beams [batch_size, num_antennas]
    receiver : :class:`~sionna_isac.core.Layer`
        Layer from projected observations to a :class:`~sionna_isac.receiver.TargetEstimate`
    """

    precoder: Layer
    receiver: Layer


class Approach:
    """Base of approaches: knowledge of transmitter and receiver, given or learned."""

    def variables(self) -> list[Any]:
        """All weights, in an order that depends on the structure only."""
        raise NotImplementedError

    @property
    def structure(self) -> tuple[Any, ...]:
        """Structure; approaches of equal structure differ only in the values of their weights."""
        raise NotImplementedError

    def parts(self, max_span: float, training: bool) -> Parts:
        """Precoder and receiver for sectors of at most ``max_span`` rad."""
        raise NotImplementedError

    @property
    def compilable(self) -> bool:
        """`bool` : `True` if XLA makes it faster"""
        return True

    def copy(self) -> Approach:
        """Approach of the same structure, with its own weights."""
        raise NotImplementedError

    def estimate(
        self, parts: Parts, z: tf.Tensor, sector: tf.Tensor, stage: Stage | None
    ) -> receiver.TargetEstimate:
        """Estimates from a projected observation; for a stage, at least those that it trains."""
        return parts.receiver(z, sector)

    def stages(self) -> tuple[Stage, ...]:
        """Stages of the training; empty without learning."""
        return ()

    def weights(self) -> dict[str, np.ndarray]:
        """Present values of all weights."""
        return {f"weight_{i}": v.numpy() for i, v in enumerate(self.variables())}

    def assign(self, weights: dict[str, np.ndarray]) -> None:
        """Set all weights to those (:meth:`weights`) of an approach of the same structure."""
        variables = self.variables()
        shapes = [tuple(v.shape) for v in variables]
        given = [weights[f"weight_{i}"].shape for i in range(len(weights))]
        if shapes != given:
            raise StoreError(
                f"weights must have shapes {shapes}, as {self.structure[0]} has; got {given}"
            )
        for i, variable in enumerate(variables):
            variable.assign(weights[f"weight_{i}"])


class ArrayApproach(Approach):
    """Least-squares beams and matching pursuit, from the steering vectors of an array.

    Parameters
    ----------
    scenario
        Scenario
    assumed : :class:`~sionna_isac.core.Layer`
        Array, or dictionary of steering vectors, that precoder and receiver believe to have
    training : `None` (default) | `Training`
        Training of the array; `None` learns nothing
    pursuit : "differentiable" (default) | "plain"
        Differentiable OMP on a grid for all angles, or OMP on as many angles in the sector
    num_angles : `None` (default) | `int`
        Number of angles of the grid; `None` is the number in the scenario
    """

    def __init__(
        self,
        scenario: IsacScenario,
        assumed: Layer,
        training: Training | None = None,
        pursuit: str = "differentiable",
        num_angles: int | None = None,
    ) -> None:
        self._scenario, self.array, self._training = scenario, assumed, training
        self._pursuit = pursuit
        self._num_angles = num_angles or scenario.receiver.num_angles

    def variables(self) -> list[Any]:
        """Weights of the array, by name; their own order depends on which of them are trained."""
        return sorted(self.array.weights, key=lambda v: v.name)

    @property
    def structure(self) -> tuple[Any, ...]:
        """Kind of array, its weights and receiver, number of angles."""
        names = tuple(v.name for v in self.variables())
        return (type(self.array).__name__, names, self._pursuit, self._num_angles)

    def copy(self) -> ArrayApproach:
        """Approach with a copy of the array."""
        return ArrayApproach(
            self._scenario,
            copy_layer(self.array),
            self._training,
            self._pursuit,
            self._num_angles,
        )

    def within(self, scenario: IsacScenario) -> ArrayApproach:
        """The same array in another scenario."""
        return ArrayApproach(scenario, self.array, self._training, self._pursuit, self._num_angles)

    def stages(self) -> tuple[Stage, ...]:
        """A single stage, for array or dictionary."""
        return () if self._training is None else (Stage("array", self._training),)

    def parts(self, max_span: float, training: bool) -> Parts:
        """Least-squares precoder and pursuit."""
        scenario = self._scenario
        precision = scenario.precision
        targets, wave, config = scenario.targets, scenario.waveform, scenario.receiver
        angles = np.linspace(-math.pi / 2, math.pi / 2, self._num_angles)
        nearest, farthest = targets.range_interval
        ranges = np.linspace(nearest, farthest, config.num_ranges)
        transmit = ideal_array(scenario) if scenario.array.impaired == "reception" else self.array
        precoder = waveform.LeastSquaresPrecoder(
            transmit, angles, regularization=wave.regularization, precision=precision
        )
        carriers, motion = echo_numerology(scenario), scenario.motion
        grid: dict[str, Any] = {}
        if motion is not None:
            slowest, fastest = motion.velocity_interval
            grid["velocities"] = np.linspace(slowest, fastest, motion.num_velocities)
        if self._pursuit == "plain":
            plain = receiver.OMP(
                self.array,
                carriers,
                receiver.SearchGrid(self._num_angles, ranges, **grid),
                max_targets=targets.max_targets,
                precision=precision,
            )
            return Parts(precoder, plain)
        noise = scenario.noise_power
        elements = carriers.num_symbols * wave.num_subcarriers
        cell = math.sqrt(scenario.array.num_antennas * elements * noise)
        scale = config.temperature_scale
        if training and self._training is not None:
            scale = self._training.temperature_scale
        differentiable = receiver.DifferentiableOMP(
            self.array,
            carriers,
            receiver.SearchGrid(angles, ranges, **grid),
            max_targets=targets.max_targets,
            window=self._window(),
            atoms="grid" if self._is_dictionary else config.atoms,
            temperature=scale / cell,
            no=noise,
            max_span=max_span,
            precision=precision,
        )
        return Parts(precoder, differentiable)

    @property
    def _is_dictionary(self) -> bool:
        return isinstance(self.array, array.SteeringDictionary)

    def _window(self) -> tuple[int, ...]:
        """Half widths of the window in cells; the one in angle is the same angle for every grid."""
        half, half_range = self._scenario.receiver.window
        share = (self._num_angles - 1) / (self._scenario.receiver.num_angles - 1)
        motion = self._scenario.motion
        along = (half_range,) if motion is None else (half_range, motion.velocity_window)
        return (max(1, round(half * share)) if half else 0, *along)
