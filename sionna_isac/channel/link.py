"""Communication links as Sionna channel models."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT
from sionna.phy.channel import ChannelModel

from sionna_isac.core import (
    Array,
    Link,
    Sector,
    checks,
    cites,
    complex_normal,
    linalg,
    plane_wave_array,
    uniform,
    uniform_integers,
)
from sionna_isac.waveform import Numerology

__all__ = ["BeamformedLink", "GeometricLink", "MultitapLink", "PathLink", "Paths"]


class Paths(NamedTuple):
    """Propagation paths from the array to a user with one antenna.

    Attributes
    ----------
    angle : [batch_size, num_paths], `tf.float`
        Azimuth of departure [rad]
    gain : [batch_size, num_paths], `tf.complex`
        Complex gain
    delay : [batch_size, num_paths], `tf.float`
        Delay [s]
    """

    angle: tf.Tensor
    gain: tf.Tensor
    delay: tf.Tensor


class PathLink(Link):
    """Base of links whose channel is a sum of waves; a Sionna `ChannelModel`.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        The true transmit array
    sector : :class:`~sionna_isac.scene.FixedSector` | :class:`~sionna_isac.scene.RandomSector`
        Sector of the users
    precision : `None` (default) | "single" | "double"
        Precision; `None` is that of Sionna

    Input
    -----
    batch_size : `int`
        Batch size
    num_time_steps : `int`
        Number of time steps (the link does not change over them)
    sampling_frequency : `float`
        Sampling frequency [Hz]

    Output
    ------
    a : [batch_size, 1, 1, 1, num_antennas, num_paths, num_time_steps], `tf.complex`
        Path coefficients
    tau : [batch_size, 1, 1, num_paths], `tf.float`
        Path delays [s]
    """

    def __init__(self, array: Array, sector: Sector, *, precision: str | None = None) -> None:
        super().__init__(precision=precision)
        self.array = self._checked(array)
        self.sector = checks.instance("sector", sector, Sector)

    def _checked(self, array: Any) -> Any:
        return plane_wave_array("array", array)

    def _user_angle(self, batch_size: int) -> tf.Tensor:
        sector = tf.cast(self.sector(batch_size), self.rdtype)
        unit = uniform([batch_size], precision=self.precision)
        return sector[:, 0] + (sector[:, 1] - sector[:, 0]) * unit

    def __call__(
        self, batch_size: Any, num_time_steps: Any, sampling_frequency: Any = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        paths = self.paths(batch_size)
        a = tf.linalg.matrix_transpose(self.response(paths))
        a = tf.repeat(a[..., tf.newaxis], num_time_steps, -1)
        return a[:, tf.newaxis, tf.newaxis, tf.newaxis], paths.delay[:, tf.newaxis, tf.newaxis]

    def response(self, paths: Any) -> tf.Tensor:
        """Coefficients [batch_size, num_paths, num_antennas] from each element to the user."""
        steering = tf.cast(self.array.steering(paths.angle), self.cdtype)
        return paths.gain[..., tf.newaxis] * steering

    def csi(self, paths: Any, beam: tf.Tensor, numerology: Numerology) -> tf.Tensor:
        r"""Scalar channel :math:`\boldsymbol{\kappa}` of the link with a beam, Eq. (4).

        It equals Sionna's ``cir_to_ofdm_channel(subcarrier_frequencies(...), *link(...))`` of the
        same paths: delays shift the phase from the centre of the band.

        Parameters
        ----------
        paths : :class:`Paths`
            Drawn paths
        beam : [batch_size, num_antennas], `tf.complex`
            Beam
        numerology : :class:`~sionna_isac.waveform.Numerology`
            Numerology; the channel includes inactive subcarriers

        Output
        ------
        : [batch_size, num_subcarriers], `tf.complex`
            :math:`\kappa_s = \sum_p g_p\, \mathbf{f}^\top \mathbf{a}(\varphi_p)\,
            e^{-j2\pi (s - \lfloor S/2 \rfloor) \Delta_f \tau_p}`,
            :math:`s = 0, \ldots, S-1` from the lower band edge
        """
        checks.instance("numerology", numerology, Numerology)
        response, beam = self.response(paths), tf.cast(beam, self.cdtype)
        checks.rank("beam", beam, 2, "[batch_size, num_antennas]")
        checks.last_dim("beam", beam, response.shape[-1], "[batch_size, num_antennas]")
        weight = tf.linalg.matvec(response, beam)
        index = tf.range(numerology.num_subcarriers) - numerology.num_subcarriers // 2
        index = tf.cast(index, self.rdtype)
        step = -2 * math.pi * numerology.subcarrier_spacing
        phase = step * paths.delay[..., tf.newaxis] * index
        wave = linalg.expj(phase)
        return linalg.matmul(weight[:, tf.newaxis], wave)[:, 0]


@cites("MateosRamos25")
class MultitapLink(PathLink):
    r"""Rayleigh-fading taps with exponential power profile, seen in one direction, Eq. (4).

    Taps :math:`\beta_l \sim \mathcal{CN}(0, \sigma_l^2)` with :math:`\sigma_l^2 \propto e^{-l}`
    and :math:`\sum_l \sigma_l^2` = ``power``, all with the user's azimuth of departure. The mean of
    :math:`|\beta|^2` on every subcarrier is ``power``: with noise power :math:`N_0` the mean SNR
    of a subcarrier, beam gain aside, is ``power``/:math:`N_0`.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        The true transmit array
    sector : :class:`~sionna_isac.scene.FixedSector` | :class:`~sionna_isac.scene.RandomSector`
        Sector of the users
    bandwidth : `float`
        Taps are spaced by 1/``bandwidth`` [Hz]
    num_taps : `int`, (default 5)
        :math:`L`
    power : `float`, (default 1)
        Mean power of the link without beam
    precision : `None` (default) | "single" | "double"
        Precision; `None` is that of Sionna
    """

    def __init__(
        self,
        array: Array,
        sector: Sector,
        *,
        bandwidth: float,
        num_taps: int = 5,
        power: float = 1.0,
        precision: str | None = None,
    ) -> None:
        super().__init__(array, sector, precision=precision)
        self.bandwidth = checks.real("bandwidth", bandwidth, minimum=0, exclusive=True)
        self.num_taps = checks.integer("num_taps", num_taps)
        self.power = checks.real("power", power, minimum=0, exclusive=True)

    def paths(self, batch_size: int) -> Paths:
        """Draw the taps of a batch of users."""
        index = tf.range(self.num_taps, dtype=self.rdtype)
        profile = tf.exp(-index)
        variance = self.power * profile / tf.reduce_sum(profile)
        angle = tf.repeat(self._user_angle(batch_size)[:, tf.newaxis], self.num_taps, -1)
        delay = tf.broadcast_to(index / self.bandwidth, [batch_size, self.num_taps])
        gain = complex_normal([batch_size, self.num_taps], variance, self.precision)
        return Paths(angle, gain, delay)


class GeometricLink(PathLink):
    r"""Line of sight plus single bounces off randomly placed scatterers.

    The line of sight has Friis' gain :math:`\lambda/(4\pi d)`. Each of up to ``max_scatterers``
    point scatterers has a radar cross section from an exponential distribution and the gain
    :math:`\sqrt{\sigma \lambda^2 / ((4\pi)^3 r^2 d'^2)}` for distances :math:`r` to the array and
    :math:`d'` to the user. Phases are uniform.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        The true transmit array
    sector : :class:`~sionna_isac.scene.FixedSector` | :class:`~sionna_isac.scene.RandomSector`
        Sector of the users; scatterers are anywhere in front of the array
    range_interval : (`float`, `float`)
        Smallest and largest distance of users and scatterers [m]
    max_scatterers : `int`, (default 5)
        Largest number of scatterers; the number is uniform from 0
    mean_rcs : `float`, (default 1)
        Mean radar cross section of scatterers [m^2]
    precision : `None` (default) | "single" | "double"
        Precision; `None` is that of Sionna
    """

    def __init__(
        self,
        array: Array,
        sector: Sector,
        *,
        range_interval: Any,
        max_scatterers: int = 5,
        mean_rcs: float = 1.0,
        precision: str | None = None,
    ) -> None:
        super().__init__(array, sector, precision=precision)
        self.range_interval = checks.range_interval("range_interval", range_interval)
        self.max_scatterers = checks.integer("max_scatterers", max_scatterers, minimum=0)
        self.mean_rcs = checks.real("mean_rcs", mean_rcs, minimum=0, exclusive=True)

    def paths(self, batch_size: int) -> Paths:
        """Draw users and scatterers of a batch."""
        number = self.max_scatterers
        wavelength = self.array.wavelength
        user_angle = self._user_angle(batch_size)[:, tf.newaxis]
        user_range = uniform([batch_size, 1], *self.range_interval, precision=self.precision)
        shape = [batch_size, number]
        angle = uniform(shape, -math.pi / 2, math.pi / 2, precision=self.precision)
        distance = uniform(shape, *self.range_interval, precision=self.precision)
        to_user = tf.sqrt(
            distance**2 + user_range**2 - 2 * distance * user_range * tf.cos(angle - user_angle)
        )
        to_user = tf.maximum(to_user, self.range_interval[0])
        phase = uniform([batch_size, 1], 0, 2 * math.pi, precision=self.precision)
        line = wavelength / (4 * math.pi * user_range)
        line_gain = linalg.to_complex(line) * linalg.expj(phase)
        bounce = wavelength * math.sqrt(self.mean_rcs / (4 * math.pi) ** 3) / (distance * to_user)
        fading = complex_normal(shape, 1.0, self.precision)
        count = uniform_integers([batch_size, 1], number + 1)
        present = tf.cast(tf.range(number) < count, self.rdtype)
        return Paths(
            tf.concat([user_angle, angle], -1),
            tf.concat([line_gain, fading * linalg.to_complex(present * bounce)], -1),
            tf.concat([user_range, distance + to_user], -1) / SPEED_OF_LIGHT,
        )


class BeamformedLink(ChannelModel):
    """Link behind a beam: a Sionna channel model from one effective transmit antenna.

    A beam that does not depend on frequency acts on the paths in place of the signals, so that
    the resource grid needs no antenna axis.

    Parameters
    ----------
    link : :class:`MultitapLink` | :class:`GeometricLink` | :class:`SalehValenzuelaLink`
        Link from all antennas, or any other Sionna `ChannelModel` of one transmitter
    beam : [num_antennas], `tf.complex`
        Beam

    Input
    -----
    batch_size, num_time_steps, sampling_frequency
        As ``link`` takes them

    Output
    ------
    a : [batch_size, 1, 1, 1, 1, num_paths, num_time_steps], `tf.complex`
        Path coefficients
    tau : [batch_size, 1, 1, num_paths], `tf.float`
        Path delays [s]

    Example
    -------
    >>> channel = sionna.phy.channel.OFDMChannel(isac.channel.BeamformedLink(link, beam), grid)
    >>> y = channel(x, no)  # x [batch_size, 1, 1, num_ofdm_symbols, fft_size], without antennas
    """

    def __init__(self, link: ChannelModel, beam: tf.Tensor) -> None:
        self._link = checks.instance("link", link, ChannelModel)
        super().__init__(precision=link.precision)
        self._beam = tf.cast(checks.finite("beam", tf.convert_to_tensor(beam)), self.cdtype)
        checks.rank("beam", self._beam, 1, "[num_antennas]")

    def __call__(
        self, batch_size: Any, num_time_steps: Any, sampling_frequency: Any = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        a, tau = self._link(batch_size, num_time_steps, sampling_frequency)
        checks.shape("beam", self._beam, [a.shape[4]], "[num_antennas]")
        weight = self._beam[:, tf.newaxis, tf.newaxis]
        return tf.reduce_sum(a * weight, axis=4, keepdims=True), tau
