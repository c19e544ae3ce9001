"""Array responses to plane and spherical waves."""

from __future__ import annotations

import math

import tensorflow as tf

from sionna_isac.core import checks, cites, linalg

__all__ = ["plane_wave", "spherical_wave", "wave_from_direction"]


@cites("MateosRamos25")
def plane_wave(positions: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    r"""Far-field steering vectors of a linear array.

    .. math::
        [\mathbf{a}(\theta)]_n = e^{-j 2\pi p_n \sin(\theta)}

    with the element positions :math:`p_n` in wavelengths along the y axis
    (Section II-A of [MateosRamos25]_).

    Parameters
    ----------
    positions : [num_antennas], `tf.float`
        Element positions [wavelengths]
    angle : [...], `tf.float`
        Azimuth from broadside [rad]

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Steering vectors, each entry of unit magnitude
    """
    phase = (-2 * math.pi) * tf.sin(angle)[..., tf.newaxis] * positions
    return linalg.expj(phase)


@cites("Yuan25")
def spherical_wave(positions: tf.Tensor, point: tf.Tensor, wavelength: float) -> tf.Tensor:
    r"""Near-field steering vectors of an array of any layout, Eq. (9) of [Yuan25]_.

    .. math::
        [\mathbf{a}(\mathbf{p})]_n = e^{-j \frac{2\pi}{\lambda} \|\mathbf{p} - \mathbf{p}_n\|}

    Far away, with :math:`\mathbf{p} = r\,[\cos\theta, \sin\theta]^\top`, this becomes
    :math:`e^{-j2\pi r/\lambda}` times :func:`wave_from_direction`, with a phase error that falls
    as :math:`1/r`. For elements on the y axis that is the *conjugate* of :func:`plane_wave`, whose
    sign [MateosRamos25]_ chose the other way round.

    Phases are differences of paths, each computed without cancellation: in single precision
    they are as exact at 1 km as at 1 m, up to a phase common to all elements.

    Parameters
    ----------
    positions : [num_antennas] or [num_antennas, num_axes], `tf.float`
        Element positions along y, or of the axes of ``point`` [m]
    point : [..., num_axes], `tf.float`
        Points [m]: x and y, or x, y and z
    wavelength : `float`
        Carrier wavelength [m]

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Steering vectors, each entry of unit magnitude
    """
    positions = coordinates(positions, point.shape[-1])
    point = point[..., tf.newaxis, :]
    element = tf.norm(point - positions, axis=-1)
    origin = tf.norm(point, axis=-1)
    # r_n - r from its square, (|p_n|^2 - 2 p.p_n) / (r_n + r); 0 for an element at the origin
    square = tf.reduce_sum(positions * (positions - 2 * point), axis=-1)
    total = element + origin
    safe = tf.where(total > 0, total, tf.ones_like(total))
    phase = (-2 * math.pi / wavelength) * (square / safe)
    cycles = origin / wavelength
    phase -= (2 * math.pi) * (cycles - tf.round(cycles))
    return linalg.expj(phase)


@cites("Yuan25")
def wave_from_direction(positions: tf.Tensor, angle: tf.Tensor, wavelength: float) -> tf.Tensor:
    r"""Limit of :func:`spherical_wave` far away, without the phase common to all elements.

    .. math::
        [\mathbf{a}(\theta)]_n = e^{+j \frac{2\pi}{\lambda} (x_n\cos\theta + y_n\sin\theta)}

    Parameters
    ----------
    positions : [num_antennas] or [num_antennas, 2], `tf.float`
        Element positions along y, or x and y [m]
    angle : [...], `tf.float`
        Azimuth from broadside [rad]
    wavelength : `float`
        Carrier wavelength [m]

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Steering vectors, each entry of unit magnitude
    """
    positions = coordinates(positions, 2)
    angle = angle[..., tf.newaxis]
    path = positions[:, 0] * tf.cos(angle) + positions[:, 1] * tf.sin(angle)
    phase = (2 * math.pi / wavelength) * path
    return linalg.expj(phase)


def coordinates(positions: tf.Tensor, num_axes: int) -> tf.Tensor:
    """Positions [num_antennas, num_axes] of elements that may be given along y alone."""
    if positions.shape.rank == 1:
        zero = tf.zeros_like(positions)
        return tf.stack([zero, positions, zero][:num_axes], axis=-1)
    return checks.shape("positions", positions, [None, num_axes], "[num_antennas, num_axes]")
