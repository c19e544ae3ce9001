"""End-to-end system with a single carrier, from the layers of the library."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac import array, channel, objective, scene, waveform
from sionna_isac.core import complex_normal, uniform_integers
from sionna_isac.studies._isac.system import target_sector
from sionna_isac.studies.single_carrier.approach import SingleCarrierApproach
from sionna_isac.studies.single_carrier.scenario import SingleCarrierScenario
from sionna_isac.study.learner import Learner

__all__ = ["SingleCarrierSystem"]

ANY_SPACING = 1e6  # Hz, between subcarriers: of one, at any range, the echo has the same phase
ANY_RANGE = (10.0, 20.0)  # m


class SingleCarrierSystem(Learner):
    """Transmitter, echo (1), link (2) and receivers of [MateosRamos23].

    Parameters
    ----------
    scenario
        Scenario of kind "single_carrier"
    truth : :class:`~sionna_isac.array.ImpairedArray`
        True array
    approach : :class:`Approach`
        Approach to beams, symbols and estimates; its trainable weights are those of the system
    training : `bool`, (default `False`)
        If `True`, each sample has a random sector; if `False`, the sector is that of the test
    """

    def __init__(
        self,
        scenario: SingleCarrierScenario,
        truth: array.ImpairedArray,
        approach: SingleCarrierApproach,
        training: bool = False,
    ) -> None:
        super().__init__(name="single_carrier_system")
        self.scenario, self._approach = scenario, approach
        self._parts = list(approach.layers)  # Keras finds their weights here
        precision, targets = scenario.precision, scenario.targets
        self.sector = target_sector(targets, training, precision)
        gain = scene.RayleighGain(1.0, precision=precision)
        self.scene = scene.TargetScene(1, ANY_RANGE, gain, precision=precision)
        # angles are learned from targets that are there: the others would not count
        self.present = scene.TargetScene(1, ANY_RANGE, gain, num_targets=1, precision=precision)
        self._numerology = waveform.Numerology(1, ANY_SPACING, SPEED_OF_LIGHT / truth.wavelength)
        self.echo = channel.MonostaticEcho(truth, self._numerology, precision=precision)
        self.users = scene.FixedSector(np.deg2rad(scenario.link.sector_deg), precision=precision)
        self.link = channel.MultitapLink(
            truth, self.users, bandwidth=ANY_SPACING, num_taps=1, precision=precision
        )

    def configuration(self) -> dict[str, Any]:
        """Layers, and the numbers in their calls."""
        scenario = self.scenario
        return {
            **super().configuration(),
            "messages": scenario.waveform.num_messages,
            "eta": self._approach.eta,
            "no": [scenario.noise_power, scenario.link_noise_power],
        }

    def send(self, batch_size: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Messages [batch_size] and their symbols."""
        message = uniform_integers([batch_size], self.scenario.waveform.num_messages)
        return message, tf.gather(self._approach.constellation(), message)

    def transmit(
        self, sector: tf.Tensor, eta: Any = 1.0, phi: Any = 0.0
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Beams [batch_size, num_antennas] for target and user, messages and symbols."""
        beam = self._approach.beam(sector, self.users(sector.shape[0]), eta, phi)
        return beam, *self.send(sector.shape[0])

    def communicate(self, beam: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Scores [batch_size, num_messages] of the user for symbols [batch_size]."""
        paths = self.link.paths(x.shape[0])
        csi = self.link.csi(paths, beam, self._numerology)[:, 0]
        noise = complex_normal(x.shape, self.scenario.link_noise_power, self.scenario.precision)
        return self._approach.messages(csi * x + noise, csi)

    def draw(
        self, batch_size: int, eta: Any = 1.0, phi: Any = 0.0, users: int = 1
    ) -> dict[str, tf.Tensor]:
        """Estimates, truth and symbol errors of a batch with a number of users per sample."""
        sector = self.sector(batch_size)
        beam, _, x = self.transmit(sector, eta, phi)
        targets = self.scene(sector)
        y = self.echo(x[:, tf.newaxis], targets, beam, self.scenario.noise_power)
        estimate = self._approach.detect(y, sector)
        sent, symbols = self.send(batch_size * users)
        scores = self.communicate(tf.repeat(beam, users, 0), symbols)
        wrong = tf.argmax(scores, -1, tf.int32) != sent
        return {
            "angle": estimate.angle,
            "metric": estimate.metric,
            "true_angle": targets.angle,
            "num_targets": targets.num_targets,
            "symbol_errors": tf.cast(wrong, tf.int32),
        }

    def batch_loss(self, batch_size: int, progress: tf.Tensor) -> tf.Tensor:
        """Training loss of a batch of the present stage: (11), (12), or that of the angle alone.

        The indicator in (11) of the paper excludes the cross-entropy of samples without a target. A
        detector that always decides for a target would then have no loss, so the library omits it.
        """
        approach, detects = self._approach, self.stage.name == "detection"
        sector = self.sector(batch_size)
        beam, message, x = self.transmit(sector)
        targets = (self.scene if detects else self.present)(sector)
        y = self.echo(x[:, tf.newaxis], targets, beam, self.scenario.noise_power)
        present = targets.num_targets[:, tf.newaxis] == 1
        if detects:
            logits = approach.detect(y, sector).metric
            loss = objective.binary_cross_entropy(logits, present, from_logits=True)
        else:
            angle = approach.estimate_angle(y, sector)
            loss = objective.angle_mse(angle, targets.angle, present)
        if approach.eta is None or self.stage.name == "angle_alone":
            return loss
        scores = self.communicate(beam, x)
        errors = objective.categorical_cross_entropy(scores, message, from_logits=True)
        return approach.eta * loss + (1 - approach.eta) * errors
