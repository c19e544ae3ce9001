"""Plane waves at uniform planar arrays in the y-z plane, with their derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.array.near_field import planar_positions
from sionna_isac.core import Array, Real, checks, cites, linalg, register

__all__ = [
    "UniformPlanarArray",
    "planar_derivatives",
    "planar_moments",
    "planar_shape",
    "planar_wave",
]


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
    cosines = tf.stack([tf.sin(azimuth) * tf.cos(elevation), tf.sin(elevation)], axis=-1)
    return _wave(shape, cosines)


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


@register
@cites("Wang25")
class UniformPlanarArray(Array):
    """Planar array in the y-z plane, of half a wavelength spacing, with plane-wave steering.

    It takes points, as the wave depends on two angles, and sees their directions only: the limit
    far away of a :class:`SphericalWaveArray`, without the phase common to all elements.

    Parameters
    ----------
    shape : (`int`, `int`)
        Numbers of elements along y and z
    wavelength : `float`
        Carrier wavelength [m]

    Input
    -----
    point : [..., 3], `tf.float`
        Points x, y and z, other than the origin [m]

    Output
    ------
    : [..., num_y * num_z], `tf.complex`
        Steering vectors, see :func:`planar_wave`

    Raises
    ------
    ValueError
        If ``shape`` is not two positive numbers, or ``wavelength`` is not positive
    """

    num_axes = 3

    def __init__(
        self,
        shape: Sequence[int],
        wavelength: float,
        *,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.shape = planar_shape("shape", shape)
        self.wavelength = checks.wavelength("wavelength", wavelength)

    @property
    def num_antennas(self) -> int:
        """`int` : Number of elements"""
        return self.shape[0] * self.shape[1]

    @property
    def element_positions(self) -> np.ndarray:
        """[num_antennas, 3], `np.float64` : Element positions [m]"""
        return planar_positions(*self.shape, self.wavelength / 2, fastest="z")

    def call(self, point: Real) -> tf.Tensor:
        checks.last_dim("point", point, 3, "(coordinates in m)")
        return _wave(self.shape, point[..., 1:] / tf.norm(point, axis=-1, keepdims=True))


def _wave(shape: Sequence[int], cosines: tf.Tensor) -> tf.Tensor:
    """Steering vectors for direction cosines [..., 2] along y and z."""
    offsets = tf.constant(_offsets(shape).T, cosines.dtype)
    return linalg.expj(2 * math.pi * tf.einsum("...c,cn->...n", cosines, offsets))


def _offsets(shape: Sequence[int]) -> np.ndarray:
    """Positions [num_antennas, 2] along y and z in wavelengths."""
    return planar_positions(*planar_shape("shape", shape), 0.5, fastest="z")[:, 1:]


def _slopes(azimuth: tf.Tensor, elevation: tf.Tensor) -> tf.Tensor:
    """Derivatives [..., 2, 2] of the direction cosines along y and z by both angles."""
    by_azimuth = [tf.cos(azimuth) * tf.cos(elevation), tf.zeros_like(azimuth)]
    by_elevation = [-tf.sin(azimuth) * tf.sin(elevation), tf.cos(elevation)]
    return tf.stack([tf.stack(by_azimuth, -1), tf.stack(by_elevation, -1)], -2)
