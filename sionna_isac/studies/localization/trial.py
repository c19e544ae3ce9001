"""One target, its echo, the estimates of receivers, and the bound of the echo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import array, bound, channel, receiver, scene, waveform
from sionna_isac.core import linalg, uniform
from sionna_isac.core.units import watt
from sionna_isac.studies._isac.arrays import numerology
from sionna_isac.studies.localization import scenario as fields

__all__ = ["NearFieldTrial", "OFDMTrial", "make_trial"]


class OFDMTrial:
    """Estimation of angle and range from the echo of one OFDM symbol, with a known array.

    Parameters
    ----------
    scenario
        Scenario of kind "localization" with an echo of kind "ofdm"
    """

    def __init__(self, scenario: fields.LocalizationScenario) -> None:
        echo, precision = scenario.echo, scenario.precision
        assert isinstance(echo, fields.OFDMTarget)
        self._echo, self._precision = echo, precision
        sector = np.deg2rad(echo.region.search_sector_deg)
        self._array = array.UniformLinearArray(
            echo.num_antennas, echo.wavelength, precision=precision
        )
        precoder = waveform.LeastSquaresPrecoder(
            self._array,
            np.linspace(-math.pi / 2, math.pi / 2, 720),
            regularization=echo.regularization,
            precision=precision,
        )
        self._sector = tf.constant(sector[np.newaxis], self._array.rdtype)
        self._beam = precoder(self._sector)
        self._symbols = waveform.SymbolSource(echo.num_subcarriers, precision=precision)
        self._numerology = numerology(echo, echo.wavelength)
        self._channel = channel.MonostaticEcho(
            self._array, self._numerology, normalize=True, precision=precision
        )
        self._filter = receiver.ReciprocalFilter(self._numerology, precision=precision)
        self._receivers = [self._receiver(r, sector) for r in scenario.receivers]

    def _receiver(self, config: fields.Receiver, sector: np.ndarray) -> Any:
        nearest, farthest = self._echo.region.search_range
        ranges = np.linspace(nearest, farthest, config.num_ranges)
        angles = np.linspace(sector[0], sector[1], config.num_angles)
        search = (self._array, self._numerology, receiver.SearchGrid(angles, ranges))
        if isinstance(config, fields.OMP):
            omp = receiver.OMP(*search, max_targets=1, precision=self._precision)
            return lambda y, sector, no: omp(y, sector)
        assert isinstance(config, fields.DifferentiableOMP)
        smooth = receiver.DifferentiableOMP(
            *search,
            max_targets=1,
            window=config.window,
            temperature=config.temperature,
            precision=self._precision,
        )
        return lambda y, sector, no: smooth(y, sector, no)

    def __call__(self, batch_size: int, level: tf.Tensor) -> dict[str, tf.Tensor]:
        """Truth and estimates of a batch at an SNR_r [dB]; estimates are [receiver, batch]."""
        no = self._echo.num_antennas * 10.0 ** (-level / 10)
        angle, distance, gain = _draw(batch_size, self._echo.region, self._precision)
        targets = scene.PointTargets(
            angle[:, tf.newaxis],
            distance[:, tf.newaxis],
            gain[:, tf.newaxis],
            tf.ones([batch_size], tf.int32),
        )
        x, _ = self._symbols(batch_size)
        beam = tf.repeat(self._beam, batch_size, axis=0)
        y = self._filter(self._channel(x, targets, beam, no), x)
        sector = tf.repeat(self._sector, batch_size, axis=0)
        found = [r(y, sector, no) for r in self._receivers]
        return {
            "angle": tf.stack([f.angle[:, 0] for f in found]),
            "range": tf.stack([f.range[:, 0] for f in found]),
            "true_angle": angle,
            "true_range": distance,
        }

    def bound(self, angle: np.ndarray, distance: np.ndarray) -> bound.PointTargetBound:
        """Bound at an SNR_r of 0 dB, which does not depend on the phase of the gain."""
        one = np.ones([angle.size, 1])
        targets = scene.PointTargets(
            angle[:, np.newaxis], distance[:, np.newaxis], one + 0j, np.ones(angle.size)
        )
        return bound.point_target_bound(
            self._array,
            self._numerology,
            targets,
            self._beam[0],
            None,
            float(self._echo.num_antennas),
            normalize=True,
        )


class NearFieldTrial:
    """Estimation of the position from the echo of a focused beam, with a known array.

    Parameters
    ----------
    scenario
        Scenario of kind "localization" with an echo of kind "near_field"
    """

    def __init__(self, scenario: fields.LocalizationScenario) -> None:
        echo, precision = scenario.echo, scenario.precision
        assert isinstance(echo, fields.FocusedBeamTarget)
        self._echo, self._precision = echo, precision
        spacing = echo.aperture / (echo.num_antennas - 1)
        self._positions = array.uniform_positions(echo.num_antennas, spacing)
        self._array = array.SphericalWaveArray(
            self._positions, echo.wavelength, precision=precision
        )
        self._channel = channel.NearFieldEcho(self._array, precision=precision)
        self._symbols = waveform.SymbolSource(echo.num_snapshots, precision=precision)
        self._noise_power = watt(echo.noise_power_dbm)
        self._receivers = [self._receiver(r) for r in scenario.receivers]

    def _receiver(self, config: fields.Receiver) -> Any:
        options = config.model_dump(exclude={"kind", "label"}) | {"precision": self._precision}
        search = (self._array, self._echo.region.search_range)
        if isinstance(config, fields.KnownSymbols):
            return receiver.KnownSymbolLocalizer(*search, **options)
        music = receiver.MUSIC(*search, **options)
        return lambda y, symbols, beams, sector: music(y, sector)

    def __call__(self, batch_size: int, level: tf.Tensor) -> dict[str, tf.Tensor]:
        """Truth and estimates of a batch at a power [dBm]; estimates are [receiver, batch]."""
        echo = self._echo
        angle, distance, phase = _draw(batch_size, echo.region, self._precision)
        direction = tf.stack([tf.cos(angle), tf.sin(angle)], axis=-1)
        point = distance[:, tf.newaxis] * direction
        amplitude = channel.reflection_coefficient(1.0, echo.wavelength, echo.radar_cross_section)
        reflection = phase * linalg.to_complex(amplitude / distance**2)
        beam = linalg.to_complex(tf.sqrt(watt(level) / echo.num_antennas)) * self._array.steering(
            point
        )
        symbols, _ = self._symbols(batch_size)
        symbols, beams = symbols[:, tf.newaxis], beam[:, :, tf.newaxis]
        y = self._channel(
            beams * symbols, point[:, tf.newaxis], reflection[:, tf.newaxis], self._noise_power
        )
        sector = tf.constant(np.deg2rad([echo.region.search_sector_deg]), angle.dtype)
        sector = tf.repeat(sector, batch_size, axis=0)
        found = [r(y, symbols, beams, sector) for r in self._receivers]
        return {
            "angle": tf.stack([f.angle[:, 0] for f in found]),
            "range": tf.stack([f.range[:, 0] for f in found]),
            "true_angle": angle,
            "true_range": distance,
        }

    def bound(self, angle: np.ndarray, distance: np.ndarray) -> bound.PointTargetBound:
        """Bound at a power of 0 dBm."""
        echo = self._echo
        target = distance[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        steering, _ = bound.steering_derivatives(self._positions, echo.wavelength, target)
        return bound.near_field_target_bound(
            self._positions,
            echo.wavelength,
            target,
            steering[..., np.newaxis] * math.sqrt(watt(0) / echo.num_antennas),
            channel.reflection_coefficient(distance, echo.wavelength, echo.radar_cross_section),
            self._noise_power,
            echo.num_snapshots,
        )


def make_trial(scenario: fields.LocalizationScenario) -> OFDMTrial | NearFieldTrial:
    """Trial of the echo of a scenario."""
    return (OFDMTrial if scenario.echo.kind == "ofdm" else NearFieldTrial)(scenario)


def _draw(
    batch_size: int, region: fields.Region, precision: str
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Angles, ranges and factors of unit magnitude, [batch_size] each."""
    low, high = np.deg2rad(region.sector_deg)
    angle = uniform([batch_size], low, high, precision)
    nearest, farthest = region.range_interval
    distance = uniform([batch_size], nearest, farthest, precision)
    phase = linalg.expj(uniform([batch_size], 0.0, 2 * math.pi, precision))
    return angle, distance, phase
