"""The end-to-end ISAC system of a scenario, wired from the library's layers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sionna_isac import array, channel, objective, receiver, scene, waveform
from sionna_isac.core import complex_normal, reset_stream

__all__ = ["IsacSystem", "Observation", "assumed_array", "make_link", "true_array"]

_IMPAIRMENTS = {
    "spacing": array.SpacingError,
    "gain": array.GainError,
    "phase": array.PhaseError,
    "coupling": array.MutualCoupling,
}


def true_array(scenario: Any, *labels: Any) -> array.ImpairedArray:
    """The impaired array of a scenario, the same for the same seed and labels."""
    config = scenario.array
    reset_stream(scenario.seed, "impairments", *labels)
    drawn = [_IMPAIRMENTS[i.kind](**i.model_dump(exclude={"kind"})) for i in config.impairments]
    return array.impair(config.num_antennas, config.wavelength, drawn, precision=scenario.precision)


def assumed_array(scenario: Any, method: str, truth: array.ImpairedArray) -> array.ImpairedArray:
    """What transmitter and receiver take the array for, before any training.

    "known" is the truth; "unknown" and "learned" start from the ideal uniform array.
    """
    if method == "known":
        return truth
    config = scenario.array
    learned = config.learn if method == "learned" else False
    return array.ImpairedArray(
        config.num_antennas,
        config.wavelength,
        coupling=None if truth.coupling is None else np.zeros_like(truth.coupling),
        anchor=config.anchor,
        trainable=learned,
        precision=scenario.precision,
    )


def make_link(
    scenario: Any, truth: array.ImpairedArray, num_subcarriers: int | None = None
) -> channel.link.PathLink:
    """The communication link of a scenario, taps spaced for ``num_subcarriers`` subcarriers."""
    sector = scene.FixedSector(np.deg2rad(scenario.link.sector_deg), precision=scenario.precision)
    config = scenario.link.channel
    if config.kind == "multitap":
        number = num_subcarriers or scenario.waveform.num_subcarriers
        bandwidth = number * scenario.waveform.subcarrier_spacing
        return channel.MultitapLink(
            truth, sector, bandwidth, config.num_taps, precision=scenario.precision
        )
    return channel.GeometricLink(
        truth,
        sector,
        config.range_interval,
        config.max_scatterers,
        config.mean_rcs,
        precision=scenario.precision,
    )


class Observation(NamedTuple):
    """What one batch of the system gives."""

    beam: tf.Tensor
    targets: scene.PointTargets
    estimate: receiver.TargetEstimate
    projected: tf.Tensor


class IsacSystem(keras.Model):
    """Transmitter, echo, link and receivers of a scenario around one assumed array.

    Parameters
    ----------
    scenario
        Scenario
    truth : :class:`~sionna_isac.array.ImpairedArray`
        The array that is there
    assumed : :class:`~sionna_isac.array.ImpairedArray`
        The array that transmitter and receiver believe to have; its trainable weights are those
        of the system
    training : `bool`, (default `False`)
        Whether sectors are drawn anew for each sample and the softmax has the temperature of
        training, or the sector is that of the test
    """

    def __init__(
        self,
        scenario: Any,
        truth: array.ImpairedArray,
        assumed: array.ImpairedArray,
        training: bool = False,
    ) -> None:
        super().__init__(name="isac_system")
        self.scenario = scenario
        precision = scenario.precision
        targets, wave, config = scenario.targets, scenario.waveform, scenario.receiver
        nearest, farthest = targets.range_interval
        angle_grid = np.linspace(-math.pi / 2, math.pi / 2, config.num_angles)
        range_grid = np.linspace(nearest, farthest, config.num_ranges)
        noise = scenario.noise_power
        if training:
            self.sector: Any = scene.RandomSector(
                np.deg2rad(targets.sector_centre_deg),
                np.deg2rad(targets.sector_span_deg),
                precision=precision,
            )
        else:
            self.sector = scene.FixedSector(
                np.deg2rad(targets.test_sector_deg), precision=precision
            )
        gain: Any
        if targets.gain.kind == "rayleigh":
            gain = scene.RayleighGain(1.0, precision=precision)
        else:
            gain = scene.RadarEquationGain(
                scenario.array.wavelength, targets.gain.mean_rcs, precision=precision
            )
        self.scene = scene.TargetScene(
            targets.max_targets, targets.range_interval, gain, precision=precision
        )
        self.precoder = waveform.LeastSquaresPrecoder(
            assumed, angle_grid, wave.regularization, precision=precision
        )
        self.multibeam = waveform.MultibeamPrecoder(wave.power, precision=precision)
        self.echo = channel.MonostaticEcho(
            truth, wave.subcarrier_spacing, wave.normalize, precision=precision
        )
        self.link = make_link(scenario, truth)
        self.symbols = waveform.SymbolSource(wave.num_subcarriers, precision=precision)
        self.detector = receiver.SymbolDetector(hard_out=True, precision=precision)
        temperature = None
        if training:
            cell = math.sqrt(scenario.array.num_antennas * wave.num_subcarriers * noise)
            temperature = scenario.training.temperature_scale / cell
        self.receiver = receiver.DifferentiableOMP(
            assumed,
            angle_grid,
            range_grid,
            wave.subcarrier_spacing,
            targets.max_targets,
            window=config.window,
            atoms=config.atoms,
            temperature=temperature,
            noise_power=noise,
            max_span=self.sector.max_span,
            num_subcarriers=wave.num_subcarriers,
            precision=precision,
        )
        self._basis = tf.constant(self.receiver.delay_basis, self.receiver.cdtype)

    def transmit(self, sector: tf.Tensor) -> tf.Tensor:
        """Beams [batch_size, num_antennas] for target sectors [batch_size, 2] and the user."""
        wave = self.scenario.waveform
        sensing = self.precoder(sector)
        user = self.precoder(self.link.sector(1))
        return self.multibeam(sensing, user, wave.eta, wave.phi)

    def sense(self, batch_size: int, scale: Any = None) -> Observation:
        """Draw scenes, send, receive and estimate.

        ``scale`` keeps random sectors closer to broadside, see ``training.sector_growth``.
        """
        sector = self.sector(batch_size) if scale is None else self.sector(batch_size, scale)
        beam = self.transmit(sector)
        targets = self.scene(sector)
        z = self.echo.filtered(targets, beam, self._basis, self.scenario.noise_power)
        return Observation(beam, targets, self.receiver(z, sector, projected=True), z)

    def communicate(self, beam: tf.Tensor) -> tf.Tensor:
        """Symbol errors [batch_size] of the user over all subcarriers."""
        wave, no = self.scenario.waveform, self.scenario.link_noise_power
        batch_size = beam.shape[0]
        x, bits = self.symbols(batch_size)
        csi = self.link.csi(
            self.link.paths(batch_size), beam, wave.num_subcarriers, wave.subcarrier_spacing
        )
        y = csi * x + complex_normal(x.shape, no, self.scenario.precision)
        wrong = tf.reduce_any(tf.not_equal(self.detector(y, csi, no), bits), -1)
        return tf.reduce_sum(tf.cast(wrong, tf.int32), -1)

    def training_loss(self, seen: Observation) -> tf.Tensor:
        """Training loss of a batch."""
        training = self.scenario.training
        estimate, targets = seen.estimate, seen.targets
        if training.objective == "gospa":
            found = objective.positions(estimate.angle, estimate.range)
            return objective.gospa_loss(
                found, targets.position, targets.num_targets, training.cutoff
            )
        if training.objective == "max":
            z = seen.projected
            energy = tf.reduce_sum(tf.math.real(z) ** 2 + tf.math.imag(z) ** 2, (1, 2))
            # by the norm of the steering vector at the peak: learned gains must not raise it
            peak = self.receiver.array.steering(tf.stop_gradient(estimate.angle[:, 0]))
            norm = tf.reduce_sum(tf.math.real(peak) ** 2 + tf.math.imag(peak) ** 2, -1)
            size = self.scenario.waveform.num_subcarriers
            return objective.max_loss(estimate.metric, size * norm * energy)
        return objective.reconstruction_loss(seen.projected, self.receiver.reconstruct(estimate))

    def build(self, input_shape: Any = None) -> None:
        """Nothing is left to build: the layers make their weights when they are made."""
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Loss of one batch that the system draws itself; ``inputs`` scales the sectors."""
        return self.training_loss(self.sense(self.scenario.training.batch_size, inputs))

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Gradient step of ``fit``; returns the loss of this step, not a running mean."""
        with tf.GradientTape() as tape:
            loss = self(self._sector_scale(), training=True)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss_now": loss}

    def _sector_scale(self) -> tf.Tensor:
        """How far from broadside the sectors of this iteration may lie, as a share.

        An element that is displaced by d turns the phase of a target at angle theta by
        2 pi d sin(theta) / lambda. Seen from broadside outwards, that phase grows from zero and
        the position is pulled along; seen from all angles at once, displacements beyond about
        0.4 wavelengths have many local optima.
        """
        training = self.scenario.training
        growth = training.sector_growth * training.iterations
        step = tf.cast(self.optimizer.iterations, self.receiver.rdtype)
        return tf.minimum(step / max(growth, 1e-9), 1.0) if growth else tf.ones_like(step)
