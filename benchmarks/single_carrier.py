"""The single-carrier chain of [MateosRamos23], wired from the library's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac as isac
from sionna_isac.core import complex_normal, uniform
from sionna_isac.study.learner import Learner

__all__ = ["SingleCarrierSystem"]

WAVELENGTH = SPEED_OF_LIGHT / 60e9
NO, LINK_POWER = 1.0, 100.0  # 0 dB and 20 dB
SHARE = 0.5  # of sensing, in the beam and in the losses
MESSAGES = 4


class SingleCarrierSystem(Learner):
    """Transmitter, echo, link and receivers of one of the methods.

    Parameters
    ----------
    kind : "test" | "model" | "networks"
        MAP ratio test with least-squares beams, model-driven learning, or neural networks
    size : `int`
        Number of angles of the grid, or of neurons in a hidden layer
    num_antennas : `int`, (default 16)
        Number of antennas
    """

    def __init__(self, kind: str, size: int, num_antennas: int = 16) -> None:
        super().__init__(name="single_carrier")
        self.kind, self.num_antennas = kind, num_antennas
        truth = isac.array.impair(num_antennas, WAVELENGTH, [isac.array.SpacingError(1 / 30)])
        ideal = isac.array.UniformLinearArray(num_antennas, WAVELENGTH)
        self.sector = isac.scene.RandomSector(np.deg2rad([-60, 60]), np.deg2rad([10, 20]))
        self.user_sector = isac.scene.FixedSector(np.deg2rad([30, 50]))
        self.scene = isac.scene.TargetScene(1, (10, 60), isac.scene.RayleighGain(1.0))
        self.echo = isac.channel.MonostaticEcho(truth, 1e6)
        self.link = isac.channel.MultitapLink(truth, self.user_sector, 1e6, 1, LINK_POWER)
        self.symbol_detector = isac.receiver.SymbolDetector(hard_out=True)
        self.multibeam = isac.waveform.MultibeamPrecoder()
        if kind == "networks":
            self.beamformer = isac.waveform.NeuralBeamformer(num_antennas, size)
            self.detector = isac.receiver.NeuralPresenceDetector(num_antennas, size, NO**0.5)
            self.estimator = isac.receiver.NeuralAngleEstimator(num_antennas, size, NO**0.5)
            self.encoder = isac.waveform.NeuralEncoder(MESSAGES, num_antennas)
            self.symbol_receiver = isac.receiver.NeuralSymbolReceiver(
                MESSAGES, num_antennas, LINK_POWER**0.5
            )
            return
        grid = np.linspace(-np.pi / 2, np.pi / 2, size)
        if kind == "model":
            columns = isac.array.SteeringDictionary.from_array(ideal, grid)
            self.beamformer = isac.waveform.LeastSquaresPrecoder(columns, grid)
            self.estimator = isac.receiver.SoftmaxAngleEstimator(columns, grid)
        else:
            self.beamformer = isac.waveform.LeastSquaresPrecoder(ideal, grid)
            self.estimator = isac.receiver.MAPRatioTest(ideal, grid)

    def transmit(self, sector: tf.Tensor) -> tf.Tensor:
        """Beams [batch_size, num_antennas] for target and user."""
        if self.kind == "networks":
            return self.beamformer(sector, self.user_sector(sector.shape[0]))
        user = self.beamformer(self.user_sector(1))
        return self.multibeam(self.beamformer(sector), user, SHARE)

    def receive(self, y: tf.Tensor, sector: tf.Tensor) -> Any:
        """Angle and test statistic, or logit, of each observation [batch_size, num_antennas]."""
        if self.kind == "networks":
            return self.estimator(y, sector), self.detector(y, sector)
        return self.estimator(y, sector)

    def decide(self, y: tf.Tensor, csi: tf.Tensor) -> tf.Tensor:
        """Messages, or bits, of received symbols [batch_size, 1]."""
        if self.kind == "networks":
            return tf.argmax(self.symbol_receiver(y, csi), -1)
        return self.symbol_detector(y, csi, NO)

    def batch_loss(self, batch_size: int, progress: tf.Tensor) -> tf.Tensor:
        """Loss of the model-driven method, or Eq. (11) or (12) of the networks."""
        sector = self.sector(batch_size)
        targets = self.scene(sector)
        present = targets.num_targets[:, tf.newaxis] > 0
        if self.kind != "networks":  # learns for sensing alone
            beam = self.beamformer(sector)
            y = self.echo(tf.ones([batch_size, 1], tf.complex64), targets, beam, NO)
            return isac.objective.angle_mse(self.estimator(y, sector).angle, targets.angle, present)
        beam = self.transmit(sector)
        message = tf.cast(uniform([batch_size, 1]) * MESSAGES, tf.int32)
        symbol = self.encoder(message)
        y = self.echo(symbol, targets, beam, NO)
        if self.stage.name == "detection":
            logit = self.detector(y, sector)
            sensing = isac.objective.binary_cross_entropy(logit, present, from_logits=True)
        else:
            angle = self.estimator(y, sector)
            sensing = isac.objective.angle_mse(angle, targets.angle, present)
        csi = self.link.csi(self.link.paths(batch_size), beam, 1, 1e6)
        received = csi * symbol + complex_normal(csi.shape, NO)
        logits = self.symbol_receiver(received, csi)
        link = isac.objective.categorical_cross_entropy(logits, message, from_logits=True)
        return SHARE * sensing + (1 - SHARE) * link
