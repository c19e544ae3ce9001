"""Echoes of an extended target in beams that carry data, and estimates of its pose."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.array import UniformPlanarArray
from sionna_isac.array.planar import planar_wave
from sionna_isac.bound import ExtendedTarget, maximum_likelihood
from sionna_isac.channel import ScattererEcho
from sionna_isac.core import add_noise, linalg, reset_stream, uniform
from sionna_isac.scene import RigidTargets
from sionna_isac.studies._extended.blocks import PARAMETERS
from sionna_isac.studies.extended_target_estimation.scenario import (
    ExtendedTargetEstimationScenario,
)
from sionna_isac.waveform import Numerology, SymbolSource

__all__ = ["Draws", "Estimates", "Trial"]

Estimates = dict[str, np.ndarray]
"""Values [batch_size] by the names of the parameters [m], [rad]"""
PLACE = ("range", "azimuth", "elevation")
ITERATIONS = 12  # enough from the main lobe; elsewhere an estimate is wrong whatever is added


class Draws(NamedTuple):
    """Random numbers of a batch of echoes.

    Attributes
    ----------
    phases : [batch_size, num_scatterers], `np.float64`
        Phases of the scatterers [rad]
    x : [batch_size, 1, num_tx, 1, num_subcarriers], `tf.complex128`
        Signals of the transmit antennas, of power 1
    noise : [batch_size, num_rx, num_subcarriers], `tf.complex128`
        Noise of power 1
    """

    phases: np.ndarray
    x: tf.Tensor
    noise: tf.Tensor


class Trial:
    """Echoes at unit power and path gain, and estimators of the pose.

    Parameters
    ----------
    scenario
        Scenario of kind "extended_target_estimation"
    target
        Its target
    """

    def __init__(self, scenario: ExtendedTargetEstimationScenario, target: ExtendedTarget) -> None:
        self._scenario, self._target = scenario, target
        sounding, arrays, search = scenario.sounding, scenario.arrays, scenario.search
        number = sounding.num_samples
        self.numerology = Numerology(number, sounding.bandwidth / number, arrays.carrier_frequency)
        echo = _echo(scenario, self.numerology, "double")

        def signal(x: tf.Tensor, points: tf.Tensor, gains: tf.Tensor, pose: tf.Tensor) -> tf.Tensor:
            return echo(x, RigidTargets(points, gains, *tf.unstack(pose, axis=-1)))[:, 0, :, 0]

        # one tensor for the pose: derivatives by all of its parameters share a trace
        self._echo = tf.function(signal, autograph=False)
        coarse = _echo(
            scenario, self.numerology, "single"
        )  # for the search, at a third of the time

        def likelihood(x: tf.Tensor, y: tf.Tensor, *targets: tf.Tensor) -> tf.Tensor:
            signal = coarse(x, RigidTargets(*targets))[:, 0, :, 0]
            correlation = tf.reduce_sum(tf.math.real(tf.math.conj(signal) * y), [1, 2])
            energy = tf.reduce_sum(tf.abs(signal) ** 2, [1, 2])
            return tf.maximum(correlation, 0) ** 2 / energy

        self._likelihood = tf.function(likelihood, autograph=False)
        self._symbols = SymbolSource(number, precision="double")
        angles = np.radians([search.azimuth_deg, search.elevation_deg])
        limits = np.array([search.range_interval, *angles])
        self._region = dict(zip(PLACE, limits, strict=True))
        # half the resolutions of the band and of the larger aperture
        apertures = np.maximum(arrays.tx_shape, arrays.rx_shape)
        steps = (SPEED_OF_LIGHT / (4 * sounding.bandwidth), *(1 / apertures))
        self._steps = dict(zip(PLACE, steps, strict=True))
        ranges, *grids = (_grid(self._region[name], self._steps[name]) for name in PLACE)
        self._grid = ranges, np.stack(np.meshgrid(*grids, indexing="ij"), -1).reshape(-1, 2)
        directions = [tf.constant(angle) for angle in self._grid[1].T]
        shapes = arrays.tx_shape, arrays.rx_shape
        self._waves = [planar_wave(shape, *directions) for shape in shapes]
        self._delays = echo.delay(tf.constant(ranges))

    @property
    def truth(self) -> dict[str, float]:
        """Parameters of the pose [m], [rad]."""
        return {name: float(getattr(self._target, name)) for name in PARAMETERS}

    def draw(self, beams: np.ndarray, block: int) -> Draws:
        """Random numbers of a batch: the same phases, bits and noise for all beams."""
        scenario, size = self._scenario, self._scenario.batch_size
        reset_stream(scenario.seed, "extended_target_estimation", block)
        phases = uniform([size, self._target.weights.size], 0.0, 2 * math.pi, "double").numpy()
        number, streams = self.numerology.num_subcarriers, beams.shape[1]
        symbols, _ = self._symbols(size * streams)
        unit = tf.constant(beams / np.linalg.norm(beams))
        x = tf.einsum("nk,bks->bns", unit, tf.reshape(symbols, [size, streams, number]))
        silence = tf.zeros([size, math.prod(scenario.arrays.rx_shape), number], tf.complex128)
        return Draws(phases, x[:, tf.newaxis, :, tf.newaxis], add_noise(silence, 1.0))

    def _body(self, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """Points and gains [batch_size, num_scatterers] of the body, for a path gain of 1."""
        amplitudes = np.sqrt(self._target.weights) * np.exp(1j * draws.phases)
        return np.broadcast_to(self._target.points, (*amplitudes.shape, 3)), amplitudes

    def signal(self, draws: Draws, gain: Any = 1.0, **pose: Any) -> tf.Tensor:
        """Echo [batch_size, num_rx, num_subcarriers] of the body at poses [batch_size]."""
        points, amplitudes = self._body(draws)
        gain = linalg.to_complex(tf.broadcast_to(tf.cast(gain, tf.float64), [len(points)]))
        gains = gain[:, tf.newaxis] * tf.constant(amplitudes)
        where = tf.stack([tf.convert_to_tensor(pose[name]) for name in PARAMETERS], -1)
        return self._echo(draws.x, tf.constant(points), gains, where)

    def observe(self, draws: Draws, snr_db: float) -> tf.Tensor:
        """Echoes of the target in noise."""
        pose = {name: np.full(len(draws.phases), value) for name, value in self.truth.items()}
        return self.signal(draws, **pose) + 10 ** (-snr_db / 20) * draws.noise

    def point(self, draws: Draws, y: tf.Tensor) -> Estimates:
        """Place of a point of any complex gain, of the largest likelihood."""
        start = self._strongest(draws, y)
        zeros = np.zeros(len(draws.phases))
        points = tf.zeros([len(zeros), 1, 3], tf.float64)

        def mean(real: Any, imaginary: Any, **place: Any) -> tf.Tensor:
            gain = tf.complex(real, imaginary)[:, tf.newaxis]
            where = [*(tf.convert_to_tensor(place[name]) for name in PLACE), tf.constant(zeros)]
            return self._echo(draws.x, points, gain, tf.stack(where, -1))

        unit = mean(zeros + 1, zeros, **start)
        gain = _inner(unit, y) / _inner(unit, unit)
        start = {**start, "real": gain.real, "imaginary": gain.imag}
        found = maximum_likelihood(y, mean, start, batch_dims=1, max_iterations=ITERATIONS)
        return self._within({name: found.parameters[name] for name in PLACE})

    def _strongest(self, draws: Draws, y: tf.Tensor) -> Estimates:
        """The same on the grid of the search."""
        transmit, receive = self._waves
        lit = linalg.matmul(transmit, draws.x[:, 0, :, 0])
        matched = linalg.matmul(tf.math.conj(receive), y) * tf.math.conj(lit)
        matched = linalg.matmul(matched, tf.math.conj(tf.transpose(self._delays)))
        energy = tf.reduce_sum(tf.abs(lit) ** 2, -1, keepdims=True)
        likelihood = (tf.abs(matched) ** 2 / energy).numpy()  # [batch, direction, range]
        best = np.argmax(likelihood.reshape(len(likelihood), -1), -1)
        direction, distance = np.unravel_index(best, likelihood.shape[1:])
        ranges, angles = self._grid
        return dict(zip(PLACE, (ranges[distance], *angles[direction].T), strict=True))

    def search(self, draws: Draws, y: tf.Tensor, place: Estimates) -> Estimates:
        """Pose of the body of the largest likelihood, from the best poses around a place."""
        found, left = [], []
        for start in self._starts(draws, y, place):
            pose, residual = self._refined(draws, y, start)
            found.append(np.array([pose[name] for name in PARAMETERS]))
            left.append(residual)
        chosen = np.argmin(left, 0)
        best = np.array(found)[chosen, :, np.arange(chosen.size)].T
        return dict(zip(PARAMETERS, best, strict=True))

    def _starts(self, draws: Draws, y: tf.Tensor, place: Estimates) -> list[Estimates]:
        """Poses around a place: the best of each orientation, those of the best ones alone."""
        config, size = self._scenario.search, len(draws.phases)
        points, gains = self._body(draws)
        given = [tf.cast(v, tf.complex64) for v in (draws.x, y)]
        given += [tf.cast(points, tf.float32), tf.cast(gains, tf.complex64)]
        steps = [range(-number, number + 1) for number in config.num_steps]
        turns = 2 * math.pi * np.arange(config.num_orientations) / config.num_orientations
        table, likelihoods = [], []
        for turn in turns:
            best, start = np.full(size, -1.0), np.zeros((len(PARAMETERS), size))
            for moves in itertools.product(*steps):
                moved = zip(PLACE, moves, strict=True)
                pose = {name: place[name] + step * self._steps[name] for name, step in moved}
                pose = self._within(pose) | {"orientation": np.full(size, turn)}
                values = np.array([pose[name] for name in PARAMETERS])
                where = (tf.constant(value, tf.float32) for value in values)
                likelihood = self._likelihood(*given, *where).numpy()
                start = np.where(likelihood > best, values, start)
                best = np.maximum(likelihood, best)
            table.append(start)
            likelihoods.append(best)
        order = np.argsort(-np.array(likelihoods), 0)[: config.num_starts]
        starts = np.array(table)[order, :, np.arange(size)]  # [start, sample, parameter]
        return [dict(zip(PARAMETERS, start.T, strict=True)) for start in starts]

    def local(self, draws: Draws, y: tf.Tensor) -> Estimates:
        """Pose of the body of the largest likelihood near the truth."""
        truth = {name: np.full(len(draws.phases), value) for name, value in self.truth.items()}
        return self._refined(draws, y, truth)[0]

    def _refined(
        self, draws: Draws, y: tf.Tensor, start: Estimates
    ) -> tuple[Estimates, np.ndarray]:
        signal = self.signal(draws, **start)
        gain = _inner(signal, y).real / _inner(signal, signal).real
        found = maximum_likelihood(
            y,
            lambda gain, **pose: self.signal(draws, gain, **pose),
            {**start, "gain": gain},
            batch_dims=1,
            max_iterations=ITERATIONS,
        )
        pose = self._within({name: found.parameters[name] for name in PARAMETERS})
        return pose, found.residual

    def _within(self, pose: Estimates) -> Estimates:
        """Pose with its place inside the region of the search."""
        return {
            name: value.clip(*self._region[name].tolist()) if name in PLACE else value
            for name, value in pose.items()
        }


def _echo(
    scenario: ExtendedTargetEstimationScenario, numerology: Numerology, precision: str
) -> ScattererEcho:
    transmit, receive = (
        UniformPlanarArray(shape, numerology.wavelength, precision=precision)
        for shape in (scenario.arrays.tx_shape, scenario.arrays.rx_shape)
    )
    return ScattererEcho(transmit, numerology, receive_array=receive, precision=precision)


def _grid(limits: np.ndarray, step: float) -> np.ndarray:
    low, high = limits
    return np.linspace(low, high, math.ceil((high - low) / step) + 1)


def _inner(a: tf.Tensor, b: tf.Tensor) -> np.ndarray:
    """Inner products [batch_size] of signals."""
    return tf.reduce_sum(tf.math.conj(a) * b, [1, 2]).numpy()
