"""Station, user and echo: one resource grid on one beam for both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.channel import ChannelModel
from sionna.phy.channel.tr38901 import TDL

from sionna_isac import array, channel, receiver, scene, waveform
from sionna_isac.core import add_noise, linalg, uniform
from sionna_isac.studies._isac.coded import CodedChannel
from sionna_isac.studies.range_doppler.scenario import RangeDopplerScenario

__all__ = ["MovingLink", "SharedGridSystem"]


class MovingLink(ChannelModel):
    """Sionna's TDL channel of a moving user, in its direction from an array.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Transmit array
    sector : (`float`, `float`)
        Lower and upper azimuth of the user [rad]
    tdl : :class:`sionna.phy.channel.tr38901.TDL`
        Channel from one antenna to one antenna

    Input
    -----
    batch_size, num_time_steps, sampling_frequency
        As ``tdl`` takes them

    Output
    ------
    a : [batch_size, 1, 1, 1, num_antennas, num_paths, num_time_steps], `tf.complex`
        Path coefficients
    tau : [batch_size, 1, 1, num_paths], `tf.float`
        Path delays [s]
    """

    def __init__(self, array: Any, sector: tuple[float, float], tdl: TDL) -> None:
        super().__init__(precision=tdl.precision)
        self._array, self._sector, self._tdl = array, sector, tdl

    def __call__(
        self, batch_size: Any, num_time_steps: Any, sampling_frequency: Any = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        a, tau = self._tdl(batch_size, num_time_steps, sampling_frequency)
        angle = uniform([batch_size], *self._sector, precision=self.precision)
        steering = tf.cast(self._array.steering(angle), self.cdtype)
        for axis in (1, 1, 1, -1, -1):
            steering = tf.expand_dims(steering, axis)
        return a * steering, tau


class SharedGridSystem:
    """Coded grid, beam, user and echo of a scenario.

    Powers are those of unit noise on an antenna and element; the beam has unit power, too.

    Parameters
    ----------
    scenario
        Scenario of kind "range_doppler"
    """

    def __init__(self, scenario: RangeDopplerScenario) -> None:
        grid, targets, precision = scenario.grid, scenario.targets, scenario.precision
        self.precision = precision
        resources = waveform.shared_tone_grid(
            grid.num_ofdm_symbols,
            grid.fft_size,
            grid.subcarrier_spacing,
            pilot_symbols=grid.pilot_symbols,
            cyclic_prefix_length=grid.cyclic_prefix_length,
            num_guard_carriers=grid.num_guard_carriers,
            dc_null=grid.dc_null,
            precision=precision,
        )
        self.numerology = waveform.Numerology.from_resource_grid(resources, grid.carrier_frequency)
        self.array = array.UniformLinearArray(
            scenario.num_antennas, self.numerology.wavelength, precision=precision
        )
        self.num_elements = self.numerology.num_active * grid.num_ofdm_symbols
        precoder = waveform.LeastSquaresPrecoder(
            self.array,
            np.linspace(-math.pi / 2, math.pi / 2, 720),
            regularization=targets.regularization,
            precision=precision,
        )
        sectors = np.deg2rad([targets.sector_deg, scenario.user.sector_deg])
        beams = precoder(tf.constant(sectors, self.array.rdtype))
        mix = waveform.MultibeamPrecoder(precision=precision)
        self.beam = mix(beams[:1], beams[1:], targets.eta)[0]
        user = scenario.user
        tdl = TDL(
            user.model,
            user.delay_spread,
            grid.carrier_frequency,
            min_speed=user.speed,
            max_speed=user.speed,
            precision=precision,
        )
        low, high = np.deg2rad(user.sector_deg)
        moving = MovingLink(self.array, (low, high), tdl)
        self.channel = channel.BeamformedLink(moving, self.beam)
        self.link = CodedChannel(
            resources,
            grid.coderate,
            grid.num_bits_per_symbol,
            user.num_iterations,
            self.channel,
            user.csi,
            grid.num_code_words,
        )
        self.echo = channel.MonostaticEcho(self.array, self.numerology, precision=precision)
        self.filter: Any = {
            "reciprocal": receiver.ReciprocalFilter,
            "matched": receiver.SymbolMatchedFilter,
            "wiener": receiver.WienerFilter,
        }[targets.filter](self.numerology, precision=precision)
        clutter = scenario.clutter
        edges = np.deg2rad([clutter.sector_deg])
        self._clutter_sector = tf.constant(edges, self.array.rdtype)
        self._clutter = scene.ClutterScene(
            clutter.num_scatterers,
            clutter.range_interval,
            cnr_db=clutter.cnr_db,
            precision=precision,
        )
        self.removal = receiver.ClutterFilter("mean", self.numerology, precision=precision)

    def symbols(self, batch_size: int) -> tf.Tensor:
        """Grids of coded data and pilots, [batch_size, num_ofdm_symbols, fft_size]."""
        _, x = self.link.send(batch_size)
        return x[:, 0, 0]

    def beams(self, batch_size: int) -> tf.Tensor:
        """Beam of each sample, [batch_size, num_antennas]."""
        return tf.repeat(self.beam[tf.newaxis], batch_size, axis=0)

    def beam_gain(self, angle: Any) -> tf.Tensor:
        """Power that the beam sends towards angles [...], over that of one antenna."""
        steering = tf.cast(self.array.steering(tf.cast(angle, self.array.rdtype)), self.beam.dtype)
        return tf.abs(tf.reduce_sum(steering * self.beam, -1)) ** 2

    def amplitude(self, angle: Any) -> tf.Tensor:
        """Magnitude of the gain at angles [...] for an SNR of 0 dB in the cell of the target.

        A cell adds all antennas and elements coherently.
        """
        return tf.math.rsqrt(self.beam_gain(angle) * self.array.num_antennas * self.num_elements)

    def levels(self, snr_db: tuple[float, ...]) -> list[tf.Tensor]:
        """Amplitudes of SNRs [dB], as tensors: a graph would be made for each number."""
        return [tf.constant(10 ** (v / 20), self.array.rdtype) for v in snr_db]

    def reflect(self, x: tf.Tensor, targets: scene.PointTargets) -> tf.Tensor:
        """Echo [batch_size, num_antennas, num_ofdm_symbols, fft_size] without noise."""
        return self.echo(x, targets, self.beams(x.shape[0]))

    def background(self, x: tf.Tensor) -> tf.Tensor:
        """Echo of the static clutter with noise, in the shape of :meth:`reflect`."""
        size = x.shape[0]
        sector = tf.repeat(self._clutter_sector, size, axis=0)
        drawn = self._clutter(sector, 1.0)
        # without motion the channel is that of one symbol
        ones = tf.ones([size, self.numerology.num_subcarriers], x.dtype)
        still = self.echo(ones, drawn, self.beams(size))
        return add_noise(still[:, :, tf.newaxis] * x[:, tf.newaxis], 1.0)

    def receive(
        self, y: tf.Tensor, x: tf.Tensor, angle: float | None = None, *, still: bool = False
    ) -> tf.Tensor:
        """Echo without symbols and static clutter, [batch_size, num_antennas, ...] as ``y``.

        All steps are linear: the sum of echoes gives the sum of outputs.

        Parameters
        ----------
        y, x
            Echo and its symbols
        angle : `None` (default) | `float`
            Azimuth of a receive beam, which takes the place of the antennas [rad]
        still : `bool`, (default `False`)
            If `True`, static clutter stays
        """
        if angle is not None:
            steering = tf.cast(self.array.steering([angle]), y.dtype)
            size, number, *rest = linalg.sizes(y)
            flat = tf.reshape(y, [size, number, rest[0] * rest[1]])
            y = tf.reshape(linalg.matmul(tf.math.conj(steering), flat), [size, 1, *rest])
        z = self.filter(y, x, 1.0)
        if still:
            return z
        return self.removal(z)
