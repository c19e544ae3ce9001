"""End-to-end ISAC system of a scenario, from the layers of the library."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac import array, channel, objective, receiver, scene, waveform
from sionna_isac.core import complex_normal, reset_stream
from sionna_isac.studies._isac.approach import Approach, Parts
from sionna_isac.studies._isac.arrays import echo_numerology, true_transmit_array
from sionna_isac.studies._isac.blocks import Sectors
from sionna_isac.studies._isac.points import evaluate_point
from sionna_isac.studies._isac.scenario import IsacScenario
from sionna_isac.study.blocks import UNSUPERVISED, Training, Validation
from sionna_isac.study.learner import Learner, Stage

__all__ = ["IsacSystem", "Observation", "make_link", "target_sector"]


def make_link(
    scenario: IsacScenario, truth: array.ImpairedArray, num_subcarriers: int | None = None
) -> channel.link.PathLink:
    """Communication link of a scenario, with taps spaced for ``num_subcarriers`` subcarriers."""
    transmitting = true_transmit_array(scenario, truth)
    sector = scene.FixedSector(np.deg2rad(scenario.link.sector_deg), precision=scenario.precision)
    config = scenario.link.channel
    if config.kind == "multitap":
        number = num_subcarriers or scenario.waveform.num_subcarriers
        bandwidth = number * scenario.waveform.subcarrier_spacing
        return channel.MultitapLink(
            transmitting,
            sector,
            bandwidth=bandwidth,
            num_taps=config.num_taps,
            precision=scenario.precision,
        )
    return channel.GeometricLink(
        transmitting,
        sector,
        range_interval=config.range_interval,
        max_scatterers=config.max_scatterers,
        mean_rcs=config.mean_rcs,
        precision=scenario.precision,
    )


def target_sector(targets: Sectors, training: bool, precision: str) -> Any:
    """Layer that draws the sectors of a training, or gives that of the test."""
    if training:
        centre, span = np.deg2rad(targets.sector_centre_deg), np.deg2rad(targets.sector_span_deg)
        return scene.RandomSector(centre, span, precision=precision)
    return scene.FixedSector(np.deg2rad(targets.test_sector_deg), precision=precision)


class Observation(NamedTuple):
    """Outputs of one batch of the system."""

    beam: tf.Tensor
    targets: scene.PointTargets
    estimate: receiver.TargetEstimate
    projected: tf.Tensor


class IsacSystem(Learner):
    """Transmitter, echo, link and receivers of a scenario.

    Parameters
    ----------
    scenario
        Scenario
    truth : :class:`~sionna_isac.array.ImpairedArray`
        True array
    approach : :class:`Approach`
        Approach to beams and estimates; its trainable weights are those of the system
    training : `bool`, (default `False`)
        If `True`, each sample has a random sector, and the softmax the temperature of training; if
        `False`, the sector is that of the test
    """

    def __init__(
        self,
        scenario: IsacScenario,
        truth: array.ImpairedArray,
        approach: Approach,
        training: bool = False,
    ) -> None:
        super().__init__(name="isac_system")
        self.scenario, self._truth, self._approach = scenario, truth, approach
        precision = scenario.precision
        targets, wave = scenario.targets, scenario.waveform
        self.sector = target_sector(targets, training, precision)
        gain: Any
        if targets.gain.kind == "rayleigh":
            gain = scene.RayleighGain(1.0, precision=precision)
        else:
            gain = scene.RadarEquationGain(
                scenario.array.wavelength, mean_rcs=targets.gain.mean_rcs, precision=precision
            )
        motion = scenario.motion
        self.scene = scene.TargetScene(
            targets.max_targets,
            targets.range_interval,
            gain,
            velocity_interval=None if motion is None else motion.velocity_interval,
            precision=precision,
        )
        self.precoder, self.receiver = approach.parts(self.sector.max_span, training)
        self._parts = Parts(self.precoder, self.receiver)
        self.multibeam = waveform.MultibeamPrecoder(wave.power, precision=precision)
        self._numerology = echo_numerology(scenario)
        self.echo = channel.MonostaticEcho(
            true_transmit_array(scenario, truth),
            self._numerology,
            normalize=wave.normalize,
            receive_array=truth,
            precision=precision,
        )
        self.link = make_link(scenario, truth)
        self.symbols = waveform.SymbolSource(wave.num_subcarriers, precision=precision)
        self.detector = receiver.SymbolDetector(hard_out=True, precision=precision)

    def configuration(self) -> dict[str, Any]:
        """Layers, and the numbers in their calls."""
        wave = self.scenario.waveform
        return {
            **super().configuration(),
            "user": self.link.sector,
            "phi": wave.phi,
            "no": self.scenario.noise_power,
        }

    def transmit(self, sector: tf.Tensor, eta: Any = None, phi: Any = None) -> tf.Tensor:
        """Beams [batch_size, num_antennas] for target sectors [batch_size, 2] and the user."""
        wave = self.scenario.waveform
        # in one call: the precoder's matrix is that of the array, for all sectors the same
        beams = self.precoder(tf.concat([sector, self.link.sector(1)], 0))
        return self.multibeam(
            beams[:-1],
            beams[-1:],
            wave.eta if eta is None else eta,
            wave.phi if phi is None else phi,
        )

    def sense(
        self,
        batch_size: int,
        scale: Any = None,
        eta: Any = None,
        phi: Any = None,
        stage: Stage | None = None,
    ) -> Observation:
        """Draw scenes, send, receive and estimate.

        ``scale`` moves random sectors towards broadside, see ``training.sector_growth``; ``stage``
        limits estimates to those that the stage trains.
        """
        sector = self.sector(batch_size) if scale is None else self.sector(batch_size, scale)
        beam = self.transmit(sector, eta, phi)
        targets = self.scene(sector)
        moving = self.scenario.motion is not None
        z = self.echo.filtered(
            targets,
            beam,
            self.receiver.basis,
            self.scenario.noise_power,
            doppler=self.receiver.doppler_basis if moving else None,
        )
        estimate = self._approach.estimate(self._parts, z, sector, stage)
        return Observation(beam, targets, estimate, z)

    def communicate(self, beam: tf.Tensor) -> tf.Tensor:
        """Symbol errors [batch_size] of the user over all subcarriers."""
        no = self.scenario.link_noise_power
        batch_size = beam.shape[0]
        x, bits = self.symbols(batch_size)
        csi = self.link.csi(self.link.paths(batch_size), beam, self._numerology)
        y = csi * x + complex_normal(x.shape, no, self.scenario.precision)
        wrong = tf.reduce_any(tf.not_equal(self.detector(y, csi, no), bits), -1)
        return tf.reduce_sum(tf.cast(wrong, tf.int32), -1)

    def draw(
        self, batch_size: int, eta: Any = None, phi: Any = None, users: int = 1
    ) -> dict[str, tf.Tensor]:
        """Estimates, truth and symbol errors of a batch with a number of users per sample."""
        seen = self.sense(batch_size, eta=eta, phi=phi)
        targets, estimate = seen.targets, seen.estimate
        moving = {}
        if estimate.velocity is not None:
            moving = {"velocity": estimate.velocity, "true_velocity": targets.velocity}
        return {
            **moving,
            "angle": estimate.angle,
            "range": estimate.range,
            "metric": estimate.metric,
            "true_angle": targets.angle,
            "true_range": targets.range,
            "num_targets": targets.num_targets,
            "symbol_errors": self.communicate(tf.repeat(seen.beam, users, 0)),
        }

    def batch_loss(self, batch_size: int, progress: tf.Tensor) -> tf.Tensor:
        """Training loss of a batch of the present stage."""
        training = self.stage.training
        scale = _sector_scale(training.sector_growth, progress)
        seen = self.sense(batch_size, scale, training.eta, stage=self.stage)
        if training.objective in UNSUPERVISED:
            return self._unsupervised(training.objective, seen)
        labelled = round(training.labelled_fraction * batch_size)
        loss = self._supervised(training, seen, labelled)
        if labelled == batch_size:
            return loss
        share = labelled / batch_size
        return share * loss + (1 - share) * self._unsupervised(training.unlabelled, seen, labelled)

    def _supervised(self, training: Training, seen: Observation, number: int) -> tf.Tensor:
        """Loss of the first ``number`` samples."""
        estimate = seen.estimate
        truth, count = seen.targets.position[:number], seen.targets.num_targets[:number]
        if training.objective in ("bce", "detection_gospa"):
            present = tf.sequence_mask(count, truth.shape[1])
            if training.objective == "bce":
                return objective.binary_cross_entropy(estimate.metric, present, from_logits=True)
            return objective.detection_gospa_loss(
                estimate.metric, present, training.cutoff, from_logits=True
            )
        found = objective.positions(estimate.angle[:number], estimate.range[:number])  # type: ignore[index]
        if training.objective == "mse":
            return objective.position_mse(found[:, 0], truth[:, 0], count > 0)
        loss = objective.gospa_loss(found, truth, count, training.cutoff)
        # beside an unsupervised loss, which is of order 1, metres would be out of proportion
        return loss if training.labelled_fraction == 1 else loss / training.cutoff

    def _unsupervised(self, name: str, seen: Observation, first: int = 0) -> tf.Tensor:
        """Loss of the samples from ``first`` on."""
        z = seen.projected[first:]
        estimate = receiver.TargetEstimate(
            *(None if v is None else v[first:] for v in seen.estimate)  # type: ignore[index]
        )
        if name == "reconstruction":
            return objective.reconstruction_loss(self.receiver.reconstruct(estimate), observation=z)
        axes = tuple(range(1, z.shape.rank))
        energy = tf.reduce_sum(tf.math.real(z) ** 2 + tf.math.imag(z) ** 2, axes)
        # by the norm of the steering vector at the peak: learned gains must not raise it
        peak = self.receiver.array.steering(tf.stop_gradient(estimate.angle[:, 0]))
        norm = tf.reduce_sum(tf.math.real(peak) ** 2 + tf.math.imag(peak) ** 2, -1)
        size = self._numerology.num_symbols * self._numerology.num_subcarriers
        return objective.max_loss(estimate.metric, size * norm * energy)

    def validate(self, validation: Validation) -> dict[str, float]:
        """GOSPA ("score") and detection probability in the present sectors of the training."""
        if self._validation is None:
            system = IsacSystem(self.scenario, self._truth, self._approach, training=True)
            draw = partial(system.draw, validation.num_samples)
            compiled = self.scenario.compile and self._approach.compilable
            self._validation = tf.function(draw, autograph=False, jit_compile=compiled)
        reset_stream(self.scenario.seed, "validation")
        eta = tf.constant(self.stage.training.eta, tf.float64)
        drawn = {k: v.numpy() for k, v in self._validation(eta).items()}
        point = evaluate_point(drawn, validation.p_fa, validation.cutoff)
        return {"score": point["gospa"], "p_d": point["p_d"]}

    _validation: Any = None


def _sector_scale(growth: float, progress: tf.Tensor) -> tf.Tensor:
    """Largest distance of this iteration's sectors from broadside, as a share.

    An element with displacement d shifts the phase of a target at angle theta by
    2 pi d sin(theta) / lambda. From broadside outwards this phase grows from zero, and the gradient
    leads to the true position; with all angles at once, displacements beyond about 0.4 wavelengths
    have many local optima.
    """
    return tf.minimum(progress / growth, 1.0) if growth else tf.ones_like(progress)
