"""Estimates of one moving target from the whole cube, and the bound of its echo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import bound, receiver, scene
from sionna_isac.core import linalg, uniform
from sionna_isac.studies.range_doppler.detection import places
from sionna_isac.studies.range_doppler.scenario import RangeDopplerScenario
from sionna_isac.studies.range_doppler.system import SharedGridSystem

__all__ = ["EstimationTrial"]

QUANTITIES = ("angle", "range", "velocity")
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
        self.refine = receiver.LikelihoodRefinement(
            system.array,
            system.numerology,
            projection=system.removal.projection,
            precision=system.precision,
        )
        self._draw = self._compiled(self._drawn)
        self._estimate = self._compiled(self._estimated)

    def _compiled(self, function: Any) -> Any:
        return tf.function(function, autograph=False, jit_compile=self._scenario.compile)

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
            tf.ones_like(value),
            tf.ones_like(index, tf.bool),
            index // (ranges * velocities),
        )
        rough = self._map.estimate(power, peak)
        return tf.stack(
            [
                tf.stack([getattr(found, name)[:, 0] for name in QUANTITIES])
                for found in (rough, self.refine(z, rough))
            ]
        )

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
