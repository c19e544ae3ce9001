"""Echoes of one scene at an ideal array and at an impaired one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import array, channel, metrics, receiver, scene, waveform
from sionna_isac.core import complex_normal, reset_stream
from sionna_isac.studies._isac.arrays import assumed_array, ideal_array, numerology, true_array
from sionna_isac.studies.angle_delay_map.scenario import AngleDelayMapScenario

__all__ = ["MapTrial"]

FINER = 4  # angles of a lobe for each one of the map


class MapTrial:
    """Echoes of scenes at both arrays; beam and receiver assume the ideal one.

    Only the steering vectors of the echo differ between both; targets, symbols and noise are the
    same.

    Parameters
    ----------
    scenario : :class:`AngleDelayMapScenario`
        Scenario of kind "angle_delay_map"
    """

    def __init__(self, scenario: AngleDelayMapScenario) -> None:
        self._scenario = scenario
        precision, wave, scenes = scenario.precision, scenario.waveform, scenario.scenes
        self.angles = np.linspace(-math.pi / 2, math.pi / 2, scenario.grid.num_angles)
        nearest, farthest = scenes.range_interval
        self.ranges = np.linspace(nearest, farthest, scenario.grid.num_ranges)
        self._truth = assumed_array(scenario, "unknown", true_array(scenario, 0))
        ideal = ideal_array(scenario)
        self._arrays = (ideal, self._truth)
        sector = tf.constant(np.deg2rad([scenes.sector_deg]), ideal.rdtype)
        self._beam = waveform.LeastSquaresPrecoder(
            ideal, self.angles, regularization=wave.regularization, precision=precision
        )(sector)
        self._sector = sector
        self._scene = scene.TargetScene(
            scenes.num_targets,
            scenes.range_interval,
            scene.RayleighGain(1.0, precision=precision),
            num_targets=scenes.num_targets,
            precision=precision,
        )
        self._symbols = waveform.SymbolSource(wave.num_subcarriers, precision=precision)
        subcarriers = numerology(wave, scenario.array.wavelength)
        self._echoes = [
            channel.MonostaticEcho(a, subcarriers, normalize=wave.normalize, precision=precision)
            for a in self._arrays
        ]
        self._filter = receiver.ReciprocalFilter(subcarriers, precision=precision)
        grids = (ideal, subcarriers, receiver.SearchGrid(self.angles, self.ranges))
        self._omp = receiver.OMP(*grids, max_targets=scenes.num_targets, precision=precision)
        self._map = receiver.AngleDelayMap(*grids, precision=precision)
        self._lobe_angles = np.linspace(-math.pi / 2, math.pi / 2, FINER * self.angles.size)
        self._columns = ideal.steering(self._lobe_angles).numpy().conj()
        self._compiled = tf.function(self._observe, autograph=False, jit_compile=scenario.compile)

    def _observe(self) -> tuple[scene.PointTargets, tf.Tensor, receiver.TargetEstimate]:
        """Targets of one scene, filtered echoes [2, K, S] and estimates of both arrays."""
        scenario = self._scenario
        targets = self._scene(self._sector)
        x, _ = self._symbols(1)
        shape = [1, scenario.array.num_antennas, scenario.waveform.num_subcarriers]
        noise = complex_normal(shape, scenario.noise_power, scenario.precision)
        y = [self._filter(echo(x, targets, self._beam) + noise, x) for echo in self._echoes]
        both = tf.concat(y, 0)
        return targets, both, self._omp(both, tf.repeat(self._sector, 2, axis=0))

    def _run(self, index: int) -> Any:
        self._truth.assign_from(true_array(self._scenario, index))
        reset_stream(self._scenario.seed, "scene", index)
        return self._compiled()

    def map(self, index: int) -> np.ndarray:
        """Maps [2, num_angles, num_ranges] of a scene, relative to the maximum of the ideal one."""
        found = self._map(self._run(index)[1]).numpy()
        return found / found[0].max()

    def __call__(self, index: int) -> dict[str, np.ndarray]:
        """Truth [target], and for each array estimates, lobes and detections [2, target]."""
        targets, _, estimate = self._run(index)
        truth = np.stack([targets.angle[0], targets.range[0]]).astype(np.float64)
        found = np.stack([estimate.angle, estimate.range], axis=1).astype(np.float64)
        drawn = {
            "true_angle": truth[0],
            "true_range": truth[1],
            "true_gain": np.abs(targets.gain[0].numpy()),
            "angle": found[:, 0],
            "range": found[:, 1],
            "metric": estimate.metric.numpy(),
            "found": np.stack(
                [metrics.found_targets(e, truth, self._scenario.resolution) for e in found]
            ),
        }
        shapes = [self._lobes(a, targets) for a in self._arrays]
        return {**drawn, **{k: np.stack([s[k] for s in shapes]) for k in shapes[0]}}

    def _lobes(self, true: array.UniformLinearArray, targets: Any) -> dict[str, np.ndarray]:
        """Lobes of every target alone, without noise, at its own delay."""
        scenario, size = self._scenario, self._scenario.waveform.num_subcarriers
        steering = true.steering(targets.angle[0]).numpy()
        # echo of a target over the angle, Eq. (3), correlated with the dictionary
        lit = targets.gain[0].numpy() * (steering @ self._beam[0].numpy())
        scale = math.sqrt(size) if scenario.waveform.normalize else float(size)
        pattern = scale * np.abs(lit[:, np.newaxis] * (steering @ self._columns.T))
        shape = metrics.lobes(pattern.astype(np.float64), self._lobe_angles)
        cell = math.sqrt(scenario.array.num_antennas * size * scenario.noise_power)
        return {
            "level": 20 * np.log10(shape.peak / cell),
            "width": shape.width,
            "extent": shape.extent,
            "sidelobe": shape.sidelobe,
        }
