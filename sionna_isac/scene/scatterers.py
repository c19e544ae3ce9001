"""Ranges and directions of the scatterers of a rigid body, with their derivatives by its pose."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow as tf

from sionna_isac.core import Complex, Real, cites

__all__ = [
    "RigidTargets",
    "ScattererGeometry",
    "direction_frame",
    "radar_amplitude",
    "scatterer_geometry",
]


class ScattererGeometry(NamedTuple):
    """Scatterers as an array at the origin sees them.

    Attributes
    ----------
    position : [..., num_scatterers, 3], `tf.float`
        Positions in the world [m]
    range : [..., num_scatterers], `tf.float`
        Distances :math:`d_l` [m]
    azimuth, elevation : [..., num_scatterers], `tf.float`
        Directions :math:`\\theta_l, \\phi_l` [rad]
    """

    position: tf.Tensor
    range: tf.Tensor
    azimuth: tf.Tensor
    elevation: tf.Tensor

    def derivatives(self, pose: tf.Tensor) -> tf.Tensor:
        r"""Derivatives of range, azimuth and elevation by the pose :func:`scatterer_geometry` got.

        Output
        ------
        : [..., num_scatterers, 3, 4], `tf.float`
            :math:`\mathbf{D}_l = \partial[d_l, \theta_l, \phi_l] / \partial\boldsymbol{\kappa}`
        """
        distance, azimuth, elevation, _ = tf.unstack(pose, axis=-1)
        centre, sideways, upwards = direction_frame(azimuth, elevation)
        turned = self.position - (distance[..., tf.newaxis] * centre)[..., tf.newaxis, :]
        across = tf.stack([-turned[..., 1], turned[..., 0], tf.zeros_like(turned[..., 0])], -1)
        rigid = tf.stack(
            [
                centre,
                (distance * tf.cos(elevation))[..., tf.newaxis] * sideways,
                distance[..., tf.newaxis] * upwards,
            ],
            axis=-1,
        )  # [..., 3, 3]: the same for all points
        outward, sideways, upwards = direction_frame(self.azimuth, self.elevation)
        rows = tf.stack(
            [
                outward,
                sideways / (self.range * tf.cos(self.elevation))[..., tf.newaxis],
                upwards / self.range[..., tf.newaxis],
            ],
            axis=-2,
        )  # [..., L, 3, 3]
        moved = tf.matmul(rows, rigid[..., tf.newaxis, :, :])
        return tf.concat([moved, tf.matmul(rows, across[..., tf.newaxis])], axis=-1)


class RigidTargets(NamedTuple):
    """State of the extended target of each sample: a rigid body of point scatterers.

    Attributes
    ----------
    points : [batch_size, num_scatterers, 3], `tf.float`
        Positions of the scatterers in the frame of the body [m]
    gain : [batch_size, num_scatterers], `tf.complex`
        Complex channel gains of the scatterers; 0 for those that are not there
    range : [batch_size], `tf.float`
        Distance of the origin of the body [m]
    azimuth, elevation : [batch_size], `tf.float`
        Its direction [rad]
    orientation : [batch_size], `tf.float`
        Angle of the body's x axis, counter-clockwise about z [rad]
    """

    points: Real
    gain: Complex
    range: Real
    azimuth: Real
    elevation: Real
    orientation: Real

    @property
    def geometry(self) -> ScattererGeometry:
        """:class:`ScattererGeometry` : Positions, ranges and directions of the scatterers"""
        pose = [self.range, self.azimuth, self.elevation, self.orientation]
        return scatterer_geometry(self.points, tf.stack(pose, axis=-1))


@cites("Wang25")
def scatterer_geometry(points: tf.Tensor, pose: tf.Tensor) -> ScattererGeometry:
    r"""Ranges and directions of the points of a rigid body.

    .. math::
        \mathbf{p}_l = d_o \mathbf{u}(\theta_o, \phi_o) + \mathbf{R}_z(\varphi) \mathbf{m}_l

    Parameters
    ----------
    points : [..., num_scatterers, 3], `tf.float`
        Points :math:`\mathbf{m}_l` in the frame of the body [m]
    pose : [..., 4], `tf.float`
        Range :math:`d_o` [m], azimuth :math:`\theta_o`, elevation :math:`\phi_o` of the origin of
        the body and orientation :math:`\varphi` of its x axis about z [rad]

    Output
    ------
    : :class:`ScattererGeometry`
    """
    distance, azimuth, elevation, orientation = tf.unstack(pose, axis=-1)
    centre = distance[..., tf.newaxis] * direction_frame(azimuth, elevation)[0]
    cos, sin = tf.cos(orientation)[..., tf.newaxis], tf.sin(orientation)[..., tf.newaxis]
    x, y, z = tf.unstack(points, axis=-1)
    turned = tf.stack([cos * x - sin * y, sin * x + cos * y, z + tf.zeros_like(cos)], axis=-1)
    position = centre[..., tf.newaxis, :] + turned
    x, y, z = tf.unstack(position, axis=-1)
    flat = tf.sqrt(x * x + y * y)
    return ScattererGeometry(
        position, tf.norm(position, axis=-1), tf.atan2(y, x), tf.atan2(z, flat)
    )


def radar_amplitude(distance: Any, wavelength: float, rcs: float = 1.0) -> Any:
    r"""Magnitude :math:`\sqrt{\lambda^2\sigma / ((4\pi)^3 d^4)}` of a point's echo.

    Parameters
    ----------
    distance : [...], `np.float64` or `tf.float`
        Distance of the point [m]
    wavelength : `float`
        Carrier wavelength [m]
    rcs : `float`, (default 1)
        Radar cross section [m^2]

    Output
    ------
    : [...], `np.float64` or `tf.float`
        Magnitude between single antennas of unit gain
    """
    return wavelength * math.sqrt(rcs / (4 * math.pi) ** 3) / distance**2


def direction_frame(
    azimuth: tf.Tensor, elevation: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Unit vectors [..., 3] outwards and along growing azimuth and elevation."""
    ca, sa, ce, se = tf.cos(azimuth), tf.sin(azimuth), tf.cos(elevation), tf.sin(elevation)
    outward = tf.stack([ce * ca, ce * sa, se], axis=-1)
    sideways = tf.stack([-sa, ca, tf.zeros_like(ca)], axis=-1)
    return outward, sideways, tf.stack([-se * ca, -se * sa, ce], axis=-1)
