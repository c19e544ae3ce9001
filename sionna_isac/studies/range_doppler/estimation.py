"""Estimates of one moving target from the whole cube, and the bound of its echo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac import bound, receiver, scene
from sionna_isac.core import linalg, uniform
from sionna_isac.studies.range_doppler.detection import places
from sionna_isac.studies.range_doppler.scenario import RangeDopplerScenario
from sionna_isac.studies.range_doppler.system import SharedGridSystem

__all__ = ["EstimationTrial"]

QUANTITIES = ("angle", "range", "velocity")
STEPS = 6  # of Newton's method, from a start within a quarter of a cell
PADDING = (2, 2)


class EstimationTrial:
    """Estimates at all SNRs on the same scenes: peak of the map, and maximum likelihood from there.

    Parameters
    ----------
    scenario
        Scenario of kind "range_doppler"
    system
        Station and echo
    """

    def __init__(self, scenario: RangeDopplerScenario, system: SharedGridSystem) -> None:
        self._scenario, self._system = scenario, system
        low, high = np.deg2rad(scenario.targets.sector_deg)
        self._sector, margin = (low, high), (high - low) / 2
        half = math.pi / 2
        angles = np.linspace(
            max(low - margin, -half), min(high + margin, half), scenario.estimation.num_angles
        )
        self._map = receiver.RangeDopplerMap(
            system.numerology,
            window=("boxcar", "boxcar"),
            padding=PADDING,
            array=system.array,
            angles=angles,
            max_range=scenario.grid.max_delay_range,
            precision=system.precision,
        )
        moving = np.abs(np.asarray(self._map.velocities)) > system.numerology.velocity_resolution
        self._searched = moving[:, np.newaxis]
        self._rates = self._phases()
        self._draw = self._compiled(self._drawn)
        self._estimate = self._compiled(self._estimated)

    def _compiled(self, function: Any) -> Any:
        return tf.function(function, autograph=False, jit_compile=self._scenario.compile)

    def _phases(self) -> list[np.ndarray]:
        """Phases per unit of sin(angle), range and velocity of the echo, around their means."""
        array, numerology = self._system.array, self._system.numerology
        tones = np.arange(numerology.num_subcarriers) * numerology.subcarrier_spacing
        times = np.arange(numerology.num_symbols) * numerology.symbol_duration
        rates = (
            2 * math.pi / array.wavelength * np.asarray(array.element_positions),
            4 * math.pi / SPEED_OF_LIGHT * tones,
            4 * math.pi / numerology.wavelength * times,
        )
        return [rate - rate.mean() for rate in rates]

    def __call__(self) -> dict[str, np.ndarray]:
        """Truth [quantity, batch] and estimates [estimator, quantity, snr, batch]."""
        base, target, truth = self._draw()
        levels = self._system.levels(self._scenario.estimation.snr_db)
        found = [self._estimate(base, target, level).numpy() for level in levels]
        return {"truth": truth.numpy(), "estimates": np.stack(found, 2)}

    def _drawn(self) -> tuple[tf.Tensor, ...]:
        scenario, system = self._scenario, self._system
        size, precision = scenario.batch_size, system.precision
        velocity, distance = places(size, scenario, precision)
        angle = uniform([size], *self._sector, precision)
        phase = uniform([size], 0.0, 2 * math.pi, precision)
        gain = linalg.expj(phase) * linalg.to_complex(system.amplitude(angle))
        angles, far, gains, speeds = (v[:, tf.newaxis] for v in (angle, distance, gain, velocity))
        target = scene.PointTargets(angles, far, gains, tf.ones([size], tf.int32), speeds)
        x = system.symbols(size)
        received = (system.receive(y, x) for y in (system.background(x), system.reflect(x, target)))
        return (*received, tf.stack([angle, distance, velocity]))

    def _estimated(self, base: tf.Tensor, target: tf.Tensor, level: Any) -> tf.Tensor:
        z = base + linalg.to_complex(level) * target
        power = self._map(z)
        searched = tf.where(self._searched, power, tf.zeros_like(power))
        _, angles, velocities, ranges = power.shape
        flat = tf.reshape(searched, [-1, angles * velocities * ranges])
        index = tf.argmax(flat, -1, output_type=tf.int32)[:, tf.newaxis]
        value = tf.reduce_max(flat, -1, keepdims=True)
        peak = receiver.Detections(
            index // ranges % velocities,
            index % ranges,
            value,
            tf.zeros_like(value),
            tf.ones_like(index, tf.bool),
            index // (ranges * velocities),
        )
        rough = self._map.estimate(power, peak)
        start = tf.stack([getattr(rough, name)[:, 0] for name in QUANTITIES])
        return tf.stack([start, self.refine(z, start)])

    def refine(self, z: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        r"""Maximise the likelihood of one target by Newton's method.

        It grows with :math:`|\mathbf{s}^H\mathbf{z}|^2 / \|\mathbf{P}\mathbf{s}\|^2`, where
        :math:`\mathbf{s}` is the echo of a target and :math:`\mathbf{P}` removes the mean over
        OFDM symbols, which :math:`\mathbf{z}` has lost.

        Parameters
        ----------
        z : [batch_size, num_antennas, num_ofdm_symbols, num_subcarriers], `tf.complex`
            Observation
        start : [3, batch_size], `tf.float`
            Angle [rad], range [m] and velocity [m/s] within the main lobe of the target

        Output
        ------
        : [3, batch_size], `tf.float`
            Estimates
        """
        dtype = start.dtype
        units = tf.constant([1 / v.max() for v in self._rates], dtype)
        point = tf.stack([tf.sin(start[0]), start[1], start[2]], -1)
        for _ in range(STEPS):
            value, slope, curve = self._correlation(z, point)
            ratio = slope / value[:, tf.newaxis]
            gradient = 2 * tf.math.real(ratio)
            outer = ratio[:, :, tf.newaxis] * ratio[:, tf.newaxis]
            hessian = 2 * tf.math.real(curve / value[:, tf.newaxis, tf.newaxis] - outer)
            first, second = self._norm(point[:, 2], tf.constant(self._rates[2], dtype))
            gradient -= first[:, tf.newaxis] * tf.constant([0.0, 0, 1], dtype)
            hessian -= second[:, tf.newaxis, tf.newaxis] * tf.linalg.diag(
                tf.constant([0.0, 0, 1], dtype)
            )
            scaled = hessian * units * units[:, tf.newaxis]
            step = -units * _solve(scaled, gradient * units)
            point += tf.clip_by_value(step, -units, units)
        sine = tf.clip_by_value(point[:, 0], -1.0, 1.0)
        return tf.stack([tf.asin(sine), point[:, 1], point[:, 2]])

    def _correlation(
        self, z: tf.Tensor, point: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Correlation with the echo [batch_size], its gradient [..., 3] and Hessian [..., 3, 3]."""
        moments = []
        for i, rate in enumerate(self._rates):
            # a slice with a new axis of what was stacked loses the axis in TensorFlow's optimiser
            wave = linalg.expj(point[:, i : i + 1] * tf.constant(rate, point.dtype))
            orders = (1j * rate) ** np.arange(3)[:, np.newaxis]
            moments.append(wave[:, tf.newaxis] * tf.constant(orders, wave.dtype))
        size, antennas, symbols, tones = linalg.sizes(z)
        along = linalg.matmul(
            tf.reshape(z, [size, antennas * symbols, tones]), tf.linalg.matrix_transpose(moments[1])
        )
        along = tf.transpose(tf.reshape(along, [size, antennas, symbols, 3]), [0, 2, 1, 3])
        along = linalg.matmul(moments[2], tf.reshape(along, [size, symbols, 3 * antennas]))
        along = tf.transpose(tf.reshape(along, [size, 3, antennas, 3]), [0, 2, 3, 1])
        c = linalg.matmul(moments[0], tf.reshape(along, [size, antennas, 9]))
        c = tf.reshape(c, [size, 3, 3, 3])  # orders in angle, range, velocity
        slope = tf.stack([c[:, 1, 0, 0], c[:, 0, 1, 0], c[:, 0, 0, 1]], -1)
        rows = [
            [c[:, 2, 0, 0], c[:, 1, 1, 0], c[:, 1, 0, 1]],
            [c[:, 1, 1, 0], c[:, 0, 2, 0], c[:, 0, 1, 1]],
            [c[:, 1, 0, 1], c[:, 0, 1, 1], c[:, 0, 0, 2]],
        ]
        return c[:, 0, 0, 0], slope, tf.stack([tf.stack(r, -1) for r in rows], -2)

    @staticmethod
    def _norm(velocity: tf.Tensor, rate: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Derivatives, first and second, of the logarithm of the energy that the removal leaves."""
        number = rate.shape[0]
        phase = velocity[:, tf.newaxis] * rate
        # the sum of the waves over symmetric times is real
        waves = tf.reduce_sum(tf.cos(phase), -1)
        first = -tf.reduce_sum(rate * tf.sin(phase), -1)
        second = -tf.reduce_sum(rate**2 * tf.cos(phase), -1)
        left = number - waves**2 / number
        slope = -2 * waves * first / number
        curve = -2 * (first**2 + waves * second) / number
        return slope / left, curve / left - (slope / left) ** 2

    def bound(self, truth: np.ndarray) -> bound.PointTargetBound:
        """Bound at an SNR of 0 dB for true parameters [quantity, batch]."""
        angle, distance, velocity = (v[:, np.newaxis] for v in truth.astype(np.float64))
        number = self._system.numerology.num_symbols
        gain = self._system.amplitude(angle).numpy().astype(np.float64) + 0j
        targets = scene.PointTargets(angle, distance, gain, np.ones(len(angle)), velocity)
        return bound.point_target_bound(
            self._system.array,
            self._system.numerology,
            targets,
            self._system.beam,
            None,
            1.0,
            projection=np.eye(number) - 1 / number,
        )


def _solve(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Solution [batch_size, 3] of systems of three equations, by Cramer's rule."""
    columns = tf.unstack(matrix, axis=-1)

    def determinant(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(a * tf.linalg.cross(b, c), -1)

    whole = determinant(*columns)
    parts = [
        determinant(*(right if j == i else v for j, v in enumerate(columns))) for i in range(3)
    ]
    return tf.stack(parts, -1) / whole[:, tf.newaxis]
