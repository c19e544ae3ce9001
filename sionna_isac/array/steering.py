"""Array responses to plane waves."""

from __future__ import annotations

import math

import tensorflow as tf

from sionna_isac.core import cites, linalg

__all__ = ["plane_wave"]


@cites("MateosRamos25")
def plane_wave(positions: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    r"""Far-field steering vectors of a linear array.

    .. math::
        [\mathbf{a}(\theta)]_n = e^{-j 2\pi p_n \sin(\theta)}

    with the element positions :math:`p_n` in wavelengths along the y axis
    (Section II-A of [MateosRamos25]_).

    Input
    -----
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
