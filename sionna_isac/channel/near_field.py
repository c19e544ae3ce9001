"""Near field: echo of points, and the communication link over scattered spherical waves."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.channel.link import PathLink
from sionna_isac.core import (
    Array,
    Complex,
    Echo,
    Real,
    Sector,
    add_noise,
    checks,
    cites,
    complex_normal,
    linalg,
    register,
    spherical_wave_array,
    uniform,
)
from sionna_isac.scene import radar_amplitude

__all__ = [
    "NearFieldEcho",
    "NearFieldPaths",
    "SalehValenzuelaLink",
    "new_york_path_loss",
    "reflection_coefficient",
]

_INTERCEPT_DB = {True: 61.4, False: 72.0}
_SLOPE_DB = {True: 20.0, False: 29.2}


@cites("Yuan25")
def new_york_path_loss(distance: Any, line_of_sight: bool) -> Any:
    r"""Path loss in New York City at 28 GHz, Eqs. (58) and (59) of [Yuan25]_.

    .. math::
        \mathrm{PL} = 61.4 + 20 \log_{10} d,\quad 72 + 29.2 \log_{10} d

    with and without line of sight.

    Parameters
    ----------
    distance : [...], array_like or `tf.float`
        Distance :math:`d` [m]
    line_of_sight : `bool`
        If `True`, the path is in line of sight

    Output
    ------
    : [...], `np.float64` or `tf.float`
        Path loss [dB]
    """
    intercept, slope = _INTERCEPT_DB[bool(line_of_sight)], _SLOPE_DB[bool(line_of_sight)]
    if tf.is_tensor(distance):
        return intercept + slope / math.log(10) * tf.math.log(distance)
    distance = np.asarray(distance, np.float64)
    if not np.all(distance > 0):
        raise ValueError(f"distance must be > 0 m; got {float(np.min(distance)):g}")
    return intercept + slope * np.log10(distance)


@cites("Yuan25")
def reflection_coefficient(distance: Any, wavelength: float, rcs: float = 1.0) -> Any:
    r"""Magnitude of the echo of a point target between single antennas.

    .. math::
        \beta = \sqrt{\frac{\lambda^2 \sigma_\mathrm{rcs}}{(4\pi)^3 d^4}}

    Parameters
    ----------
    distance : [...], array_like
        Distance of the target :math:`d` [m]
    wavelength : `float`
        Carrier wavelength [m]
    rcs : `float`, (default 1)
        Radar cross section [m^2]

    Output
    ------
    : [...], `np.float64`
        :math:`\beta`
    """
    wavelength = checks.wavelength("wavelength", wavelength)
    rcs = checks.real("rcs", rcs, minimum=0, exclusive=True)
    distance = np.asarray(distance, np.float64)
    if not np.all(distance > 0):
        raise ValueError(f"distance must be > 0 m; got {float(np.min(distance)):g}")
    return radar_amplitude(distance, wavelength, rcs)


@register
@cites("Yuan25")
class NearFieldEcho(Echo):
    r"""Echo of points in the near field of the array that transmitted, Eq. (15) of [Yuan25]_.

    .. math::
        \mathbf{Y} = \sum_q \beta_q\, \mathbf{a}(\mathbf{p}_q)
        \left(\mathbf{a}^H(\mathbf{p}_q)\, \mathbf{X}\right) + \mathbf{Z}

    Transmission enters by :math:`\mathbf{a}^H`, as it does in the link
    (:class:`SalehValenzuelaLink`): a beam :math:`\mathbf{a}(\mathbf{p})` is focused on
    :math:`\mathbf{p}` in both.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.SphericalWaveArray`
        The true array

    Input
    -----
    x : [batch_size, num_antennas, num_snapshots], `tf.complex`
        Transmitted signals :math:`\mathbf{X}`
    point : [batch_size, num_targets, num_axes], `tf.float`
        Positions of the targets [m]
    reflection : [batch_size, num_targets], `tf.complex`
        Reflection coefficients :math:`\beta`
    no : `None` (default) | [...], `tf.float`
        Noise power :math:`\sigma^2` [W], a number or [batch_size]; `None` adds no noise

    Output
    ------
    : [batch_size, num_antennas, num_snapshots], `tf.complex`
        Received signal :math:`\mathbf{Y}`

    Raises
    ------
    ValueError
        If shapes do not fit, or (in eager mode) an input is not finite, a target lies on the array
        or ``no`` < 0
    """

    def __init__(self, array: Array, *, precision: str | None = None, **kwargs: Any) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = spherical_wave_array("array", array)

    def call(
        self, x: Complex, point: Real, reflection: Complex, no: Real | None = None
    ) -> tf.Tensor:
        checks.shape(
            "x", x, [None, self.array.num_antennas, None], "[batch_size, num_antennas, snapshots]"
        )
        checks.shape("point", point, [x.shape[0], None, self.array.num_axes])
        checks.shape("reflection", reflection, point.shape[:-1], "[batch_size, num_targets]")
        self._off_the_array(point)
        steering = self.cast(self.array.steering(point))  # [B, Q, N]
        lit = linalg.matmul(tf.math.conj(steering), x)
        lit *= reflection[..., tf.newaxis]
        return add_noise(linalg.matmul(tf.linalg.matrix_transpose(steering), lit), no)

    def _off_the_array(self, point: tf.Tensor) -> None:
        elements = self.array.element_positions
        if elements is None or not tf.executing_eagerly():
            return
        if elements.ndim == 1:
            elements = np.stack([np.zeros_like(elements), elements], axis=-1)
        distance = np.linalg.norm(point.numpy()[..., np.newaxis, :] - elements, axis=-1)
        if distance.size and np.min(distance) < 1e-6 * self.array.wavelength:
            raise ValueError(
                "point must not lie on an element of the array; got a distance of "
                f"{np.min(distance):.3g} m"
            )


class NearFieldPaths(NamedTuple):
    """Propagation paths between an array and a user with one antenna, with their origins.

    Attributes
    ----------
    point : [batch_size, num_paths, 2], `tf.float`
        The user (line of sight, first) and the scatterers [m]
    gain : [batch_size, num_paths], `tf.complex`
        Complex gain of the path from the origin
    delay : [batch_size, num_paths], `tf.float`
        Delay [s]
    """

    point: tf.Tensor
    gain: tf.Tensor
    delay: tf.Tensor


@cites("Yuan25")
class SalehValenzuelaLink(PathLink):
    r"""Line of sight and a few scattered spherical waves, Eq. (6) of [Yuan25]_.

    .. math::
        \mathbf{h} = g_0\, \mathbf{a}(\mathbf{p}) + \sum_{l=1}^{L} g_l\, \mathbf{a}(\mathbf{p}_l)

    Gains are :math:`\mathcal{CN}(0, 10^{-\mathrm{PL}/10})` with the path loss of
    :func:`new_york_path_loss` at the user's distance, also for scattered paths (Section VI).
    A user receives :math:`\mathbf{h}^H\mathbf{x}`, Eq. (11): Sionna's path coefficients,
    which this `ChannelModel` returns, and :meth:`csi` are the *conjugates* of the terms of
    :math:`\mathbf{h}`; :meth:`channel_vectors` returns :math:`\mathbf{h}` itself.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.SphericalWaveArray`
        The true transmit array (in the x-y plane)
    sector : :class:`~sionna_isac.scene.FixedSector` | :class:`~sionna_isac.scene.RandomSector`
        Sector of the users; scatterers are anywhere in front of the array
    user_range : `float`, (default 20)
        Distance of the users [m]
    num_scatterers : `int`, (default 3)
        Number of scattered paths :math:`L`
    scatterer_range : `None` (default) | `float`
        Distance of the scatterers [m]; `None` is that of the users
    precision : `None` (default) | "single" | "double"
        Precision; `None` is that of Sionna
    """

    def __init__(
        self,
        array: Array,
        sector: Sector,
        *,
        user_range: float = 20.0,
        num_scatterers: int = 3,
        scatterer_range: float | None = None,
        precision: str | None = None,
    ) -> None:
        super().__init__(array, sector, precision=precision)
        self.user_range = checks.real("user_range", user_range, minimum=0, exclusive=True)
        self.num_scatterers = checks.integer("num_scatterers", num_scatterers, minimum=0)
        self.scatterer_range = (
            None
            if scatterer_range is None
            else checks.real("scatterer_range", scatterer_range, minimum=0, exclusive=True)
        )

    def _checked(self, array: Any) -> Any:
        return spherical_wave_array("array", array, 2)

    def paths(self, batch_size: int) -> NearFieldPaths:
        """Draw users and scatterers of a batch."""
        number = self.num_scatterers
        user_angle = self._user_angle(batch_size)[:, tf.newaxis]
        shape = [batch_size, number]
        angle = uniform(shape, -math.pi / 2, math.pi / 2, precision=self.precision)
        user = self.user_range * _direction(user_angle)
        distance = self.scatterer_range or self.user_range
        scatterer = distance * _direction(angle)
        length = [
            tf.fill([batch_size, 1], tf.constant(self.user_range, self.rdtype)),
            distance + tf.norm(scatterer - user, axis=-1),
        ]
        loss = [
            new_york_path_loss(self.user_range, True),
            *[new_york_path_loss(self.user_range, False)] * number,
        ]
        variance = 10 ** (-np.asarray(loss) / 10)
        gain = complex_normal([batch_size, 1 + number], variance, self.precision)
        delay = tf.concat(length, -1) / SPEED_OF_LIGHT
        return NearFieldPaths(tf.concat([user, scatterer], 1), gain, delay)

    def response(self, paths: NearFieldPaths) -> tf.Tensor:
        """Coefficients [batch_size, num_paths, num_antennas] from each element to the user."""
        steering = tf.cast(self.array.steering(paths.point), self.cdtype)
        return tf.math.conj(paths.gain[..., tf.newaxis] * steering)

    def channel_vectors(self, paths: NearFieldPaths) -> tf.Tensor:
        r"""Narrowband channels :math:`\mathbf{h}` [batch_size, num_antennas] of the users."""
        return tf.math.conj(tf.reduce_sum(self.response(paths), axis=1))


def _direction(angle: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.cos(angle), tf.sin(angle)], axis=-1)
