"""Approaches to sensing and communication with a single carrier, [MateosRamos23]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import array, receiver, waveform
from sionna_isac.core import Layer, reset_stream
from sionna_isac.studies._isac.approach import Approach, copy_layer
from sionna_isac.studies._isac.arrays import ideal_array
from sionna_isac.studies.single_carrier import scenario as fields
from sionna_isac.study.learner import Stage

__all__ = ["Autoencoder", "ModelBased", "SingleCarrierApproach", "make_approach"]


class SingleCarrierApproach(Approach):
    """Base of approaches to beam, symbols, sensing and reception; ``layers`` hold all weights."""

    layers: tuple[Layer, ...]
    # weight of sensing in the training, if the link is trained, too
    eta: float | None = None

    def beam(self, sector: tf.Tensor, users: tf.Tensor, eta: Any, phi: Any) -> tf.Tensor:
        """Beams [batch_size, num_antennas] for sectors of targets and users [batch_size, 2].

        The sector of users is the same for all samples.
        """
        raise NotImplementedError

    def constellation(self) -> tf.Tensor:
        """Symbols of all messages, [num_messages]."""
        raise NotImplementedError

    def estimate_angle(self, y: tf.Tensor, sector: tf.Tensor) -> tf.Tensor:
        """Angles [batch_size, 1], for the angle loss."""
        raise NotImplementedError

    def detect(self, y: tf.Tensor, sector: tf.Tensor) -> receiver.TargetEstimate:
        """Angles, and the metric of the presence of a target."""
        raise NotImplementedError

    def messages(self, y: tf.Tensor, csi: tf.Tensor) -> tf.Tensor:
        """Scores [batch_size, num_messages]; the largest is that of the decision."""
        raise NotImplementedError


class ModelBased(SingleCarrierApproach):
    """Least-squares beams, mixed by (5), QAM, and receivers that use steering vectors.

    Parameters
    ----------
    scenario
        Scenario
    config : `RatioTest` | `FreeColumns`
        Receiver, grid of angles, training
    assumed : :class:`~sionna_isac.core.Layer`
        Array or dictionary that transmitter and receiver believe to have
    """

    def __init__(
        self,
        scenario: fields.SingleCarrierScenario,
        config: fields.RatioTest | fields.FreeColumns,
        assumed: Layer,
    ) -> None:
        self._scenario, self._config, self.array = scenario, config, assumed
        precision, wave = scenario.precision, scenario.waveform
        grid = np.linspace(-math.pi / 2, math.pi / 2, config.num_angles)
        self._precoder = waveform.LeastSquaresPrecoder(
            assumed, grid, regularization=wave.regularization, precision=precision
        )
        self._multibeam = waveform.MultibeamPrecoder(wave.power, precision=precision)
        self._receiver: Layer
        if config.kind == "dictionary":
            self._receiver = receiver.SoftmaxAngleEstimator(
                assumed, grid, temperature=config.temperature, precision=precision
            )
        else:
            self._receiver = receiver.MAPRatioTest(assumed, grid, precision=precision)
        self._messages = receiver.MessageDetector(wave.num_messages, precision=precision)
        self.layers = (self._precoder, self._multibeam, self._receiver)

    def variables(self) -> list[Any]:
        """Weights of the array, by name."""
        return sorted(self.array.weights, key=lambda v: v.name)

    @property
    def structure(self) -> tuple[Any, ...]:
        """Kind of array and receiver, number of angles."""
        kind = type(self.array).__name__
        return (kind, self._config.num_angles, getattr(self._config, "temperature", None))

    def copy(self) -> ModelBased:
        """Approach with a copy of the array."""
        return ModelBased(self._scenario, self._config, copy_layer(self.array))

    def stages(self) -> tuple[Stage, ...]:
        """A single stage, for the dictionary, which serves all trade-offs with communication."""
        if self._config.kind != "dictionary":
            return ()
        return (Stage("angle", self._config.training),)

    def beam(self, sector: tf.Tensor, users: tf.Tensor, eta: Any, phi: Any) -> tf.Tensor:
        if isinstance(eta, float) and eta == 1:  # in training: nothing goes to the user
            sensing = self._precoder(sector)
            return self._multibeam(sensing, sensing, eta)
        # in one call: the precoder's matrix is that of the array; users have one sector
        beams = self._precoder(tf.concat([sector, users[:1]], 0))
        return self._multibeam(beams[:-1], beams[-1:], eta, phi)

    def constellation(self) -> tf.Tensor:
        return self._messages.points

    def estimate_angle(self, y: tf.Tensor, sector: tf.Tensor) -> tf.Tensor:
        return self._receiver(y, sector).angle

    def detect(self, y: tf.Tensor, sector: tf.Tensor) -> receiver.TargetEstimate:
        return self._receiver(y, sector)

    def messages(self, y: tf.Tensor, csi: tf.Tensor) -> tf.Tensor:
        return self._messages(y, csi)


class Autoencoder(SingleCarrierApproach):
    """Five networks of Table I.

    Parameters
    ----------
    scenario
        Scenario
    config : `Autoencoder`
        Size, and the stages of the training
    eta : `float`
        Weight of sensing, omega_r in (11) and (12)
    stream : tuple
        Random stream of the initial weights
    """

    def __init__(
        self,
        scenario: fields.SingleCarrierScenario,
        config: fields.Autoencoder,
        eta: float,
        stream: tuple[Any, ...],
    ) -> None:
        self._scenario, self._config, self._stream = scenario, config, stream
        self.eta = self._eta = eta
        precision, wave = scenario.precision, scenario.waveform
        antennas, size = scenario.array.num_antennas, config.hidden_size
        scale = math.sqrt(scenario.noise_power)
        reset_stream(*stream)
        self._encoder = waveform.NeuralEncoder(
            num_messages=wave.num_messages, hidden_size=antennas, precision=precision
        )
        self._beamformer = waveform.NeuralBeamformer(
            antennas, hidden_size=size, power=wave.power, precision=precision
        )
        self._presence = receiver.NeuralPresenceDetector(
            antennas, hidden_size=size, input_scale=scale, precision=precision
        )
        self._angle = receiver.NeuralAngleEstimator(
            antennas, hidden_size=size, input_scale=scale, precision=precision
        )
        self._symbols = receiver.NeuralSymbolReceiver(
            num_messages=wave.num_messages, hidden_size=antennas, precision=precision
        )
        self.layers = (
            *(self._encoder, self._beamformer),
            *(self._presence, self._angle, self._symbols),
        )

    def variables(self) -> list[Any]:
        """Weights of all networks."""
        return [variable for layer in self.layers for variable in layer.weights]

    @property
    def structure(self) -> tuple[Any, ...]:
        """Size of the networks."""
        return ("networks", self._config.hidden_size)

    def copy(self) -> Autoencoder:
        """Approach with its own weights."""
        return Autoencoder(self._scenario, self._config, self._eta, self._stream)

    def stages(self) -> tuple[Stage, ...]:
        """Stages: detection (11), the angle network alone if configured, and the angle (12)."""
        config = self._config
        stages = [Stage("detection", config.detection, (self._angle,))]
        if config.angle_alone is not None:
            others = tuple(layer for layer in self.layers if layer is not self._angle)
            stages.append(Stage("angle_alone", config.angle_alone, others))
        return (*stages, Stage("angle", config.angle, (self._presence,)))

    def beam(self, sector: tf.Tensor, users: tf.Tensor, eta: Any, phi: Any) -> tf.Tensor:
        return self._beamformer(sector, users)

    def constellation(self) -> tf.Tensor:
        return self._encoder.constellation()

    def estimate_angle(self, y: tf.Tensor, sector: tf.Tensor) -> tf.Tensor:
        return self._angle(y, sector)

    def detect(self, y: tf.Tensor, sector: tf.Tensor) -> receiver.TargetEstimate:
        return receiver.TargetEstimate(self._angle(y, sector), None, self._presence(y, sector))

    def messages(self, y: tf.Tensor, csi: tf.Tensor) -> tf.Tensor:
        return self._symbols(y, csi)


def make_approach(
    scenario: fields.SingleCarrierScenario,
    label: str,
    truth: array.ImpairedArray,
    draw: int,
    eta: float,
) -> SingleCarrierApproach:
    """Approach of a scenario before any training; ``eta`` matters to networks only."""
    config = scenario.approaches[label]
    start = (scenario.seed, "initial weights", label, draw)
    if config.kind == "networks":
        return Autoencoder(scenario, config, eta, (*start, eta))
    if config.kind == "known":
        return ModelBased(scenario, config, truth)
    if config.kind == "unknown":
        return ModelBased(scenario, config, ideal_array(scenario))
    reset_stream(*start)
    columns = array.SteeringDictionary.from_array(
        ideal_array(scenario),
        np.linspace(-math.pi / 2, math.pi / 2, config.num_angles),
        perturbation=config.perturbation,
        precision=scenario.precision,
    )
    return ModelBased(scenario, config, columns)
