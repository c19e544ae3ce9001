"""Plane waves at uniform planar arrays in the y-z plane, with their derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from sionna_isac.array.near_field import planar_positions
from sionna_isac.core import checks, linalg

__all__ = ["planar_derivatives", "planar_moments", "planar_shape", "planar_wave"]


def planar_shape(name: str, shape: Sequence[int]) -> tuple[int, int]:
    """Return ``shape`` if it is the numbers of elements (num_y, num_z) of a planar array."""
    numbers = checks.integers(name, shape)
    if len(numbers) != 2:
        raise ValueError(f"{name} must be two numbers of elements, (num_y, num_z); got {shape!r}")
    return numbers[0], numbers[1]


def planar_wave(shape: Sequence[int], azimuth: tf.Tensor, elevation: tf.Tensor) -> tf.Tensor:
    r"""Far-field steering vectors of a planar array of half a wavelength spacing.

    .. math::
        [\mathbf{a}(\theta, \phi)]_n = e^{j\pi (n_y \sin\theta\cos\phi + n_z \sin\phi)},
        \quad n = i_y N_z + i_z

    with :math:`n_y, n_z` counted from the centre of the array, its phase reference. It is the limit
    of :func:`spherical_wave` far away, as :func:`wave_from_direction` is in the plane.

    Parameters
    ----------
    shape : (`int`, `int`)
        Numbers of elements :math:`N_y, N_z` along y and z
    azimuth, elevation : [...], `tf.float`
        Direction of the point [rad]

    Output
    ------
    : [..., num_y * num_z], `tf.complex`
        Steering vectors, each entry of unit magnitude
    """
    y, z = tf.sin(azimuth) * tf.cos(elevation), tf.sin(elevation)
    cosines = tf.stack([y, z], axis=-1)
    offsets = tf.constant(_offsets(shape).T, azimuth.dtype)
    return linalg.expj(2 * math.pi * tf.einsum("...c,cn->...n", cosines, offsets))


def planar_derivatives(shape: Sequence[int], azimuth: tf.Tensor, elevation: tf.Tensor) -> tf.Tensor:
    r"""Steering vectors of :func:`planar_wave` and their derivatives by both angles.

    Parameters
    ----------
    shape, azimuth, elevation
        As for :func:`planar_wave`

    Output
    ------
    : [..., 3, num_y * num_z], `tf.complex`
        :math:`\mathbf{a}, \partial\mathbf{a}/\partial\theta, \partial\mathbf{a}/\partial\phi`
    """
    wave = planar_wave(shape, azimuth, elevation)[..., tf.newaxis, :]
    offsets = tf.constant(_offsets(shape).T, azimuth.dtype)
    slopes = tf.einsum("...ac,cn->...an", _slopes(azimuth, elevation), offsets)
    factors = tf.complex(tf.zeros_like(slopes), 2 * math.pi * slopes)
    return tf.concat([wave, factors * wave], axis=-2)


def planar_moments(shape: Sequence[int], azimuth: tf.Tensor, elevation: tf.Tensor) -> tf.Tensor:
    """Inner products of the three vectors of :func:`planar_derivatives`, in closed form.

    The derivatives are orthogonal to the steering vector, exactly, as the array is centred.

    Parameters
    ----------
    shape, azimuth, elevation
        As for :func:`planar_wave`

    Output
    ------
    : [..., 3, 3], `tf.float`
        Their (real) inner products
    """
    offsets = _offsets(shape)
    second = tf.constant(np.sum(offsets**2, axis=0), azimuth.dtype)
    slopes = 2 * math.pi * _slopes(azimuth, elevation)
    by_angle = tf.einsum("...ac,c,...bc->...ab", slopes, second, slopes)
    padded = tf.pad(by_angle, [[0, 0]] * (by_angle.shape.rank - 2) + [[1, 0], [1, 0]])
    own = np.zeros((3, 3))
    own[0, 0] = len(offsets)
    return padded + tf.constant(own, azimuth.dtype)


def _offsets(shape: Sequence[int]) -> np.ndarray:
    """Positions [num_antennas, 2] along y and z in wavelengths."""
    return planar_positions(*planar_shape("shape", shape), 0.5, fastest="z")[:, 1:]


def _slopes(azimuth: tf.Tensor, elevation: tf.Tensor) -> tf.Tensor:
    """Derivatives [..., 2, 2] of the direction cosines along y and z by both angles."""
    by_azimuth = [tf.cos(azimuth) * tf.cos(elevation), tf.zeros_like(azimuth)]
    by_elevation = [-tf.sin(azimuth) * tf.sin(elevation), tf.cos(elevation)]
    return tf.stack([tf.stack(by_azimuth, -1), tf.stack(by_elevation, -1)], -2)
