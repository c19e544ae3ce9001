"""Fisher information of an extended target as a linear map of the transmit covariance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.array.planar import planar_derivatives, planar_moments
from sionna_isac.core import linalg
from sionna_isac.scene.scatterers import scatterer_geometry

__all__ = ["LEVELS", "ExtendedTargetInformation", "information_terms"]

LEVELS = ("energy", "resolved", "coherent")

# A change of range, azimuth, elevation or gain of one scatterer changes its echo by products of a
# receive vector (b, its derivatives by azimuth and elevation), a transmit vector (the same of a)
# and a waveform (the echo, its derivative by the range): [receive, transmit, waveform, change]
_PRODUCT_RULE = np.zeros((3, 3, 2, 4))
_PRODUCT_RULE[0, 0, 1, 0] = 1
_PRODUCT_RULE[1, 0, 0, 1] = _PRODUCT_RULE[0, 1, 0, 1] = 1
_PRODUCT_RULE[2, 0, 0, 2] = _PRODUCT_RULE[0, 2, 0, 2] = 1
_PRODUCT_RULE[0, 0, 0, 3] = 1


class ExtendedTargetInformation(NamedTuple):
    r"""Fisher information as a function of the transmit covariance :math:`\mathbf{R}`.

    .. math::
        \mathbf{J}_{ij} = \operatorname{Re} \sum_g \sum_{m,n} [\mathbf{C}_g]^*_{mnij}\,
        \mathbf{s}_{gm}^\top \mathbf{R}\, \mathbf{s}_{gn}^*

    At the level "energy" there is one group g per scatterer and one vector per group, the steering
    vector :math:`\mathbf{a}_l`, so that :math:`\mathbf{J} = \sum_l e_l \mathbf{F}_l` with the
    energies :math:`e_l = \mathbf{a}_l^\top\mathbf{R}\mathbf{a}_l^*` and
    :math:`\mathbf{F}_l` = ``coefficients[l, 0, 0]``. At the level "resolved" the vectors are
    :math:`\mathbf{a}_l` and its derivatives by azimuth and elevation; at the level "coherent" one
    group holds those of all scatterers, and coefficients are complex.

    Attributes
    ----------
    steering : [..., num_groups, num_vectors, num_antennas], `tf.complex128`
        Vectors :math:`\mathbf{s}`
    coefficients : [..., num_groups, num_vectors, num_vectors, n, n], `tf.float64` | `tf.complex128`
        :math:`\mathbf{C}`; the n parameters are those of the pose and, last, the path gain
    """

    steering: tf.Tensor
    coefficients: tf.Tensor

    def of_beams(self, beams: tf.Tensor) -> tf.Tensor:
        r"""Information of beams :math:`\mathbf{W}`, :math:`\mathbf{R} = \mathbf{W}\mathbf{W}^H`.

        Parameters
        ----------
        beams : [..., num_antennas, num_beams], `tf.complex128`
            Beams [sqrt(W)]

        Output
        ------
        : [..., n, n], `tf.float64`
            Fisher information
        """
        lit = linalg.matmul(self.steering, beams[..., tf.newaxis, :, :])
        return self._contracted(linalg.matmul(lit, tf.linalg.adjoint(lit)))

    def of_covariance(self, covariance: tf.Tensor) -> tf.Tensor:
        r"""Information of a covariance.

        Parameters
        ----------
        covariance : [..., num_antennas, num_antennas], `tf.complex128`
            Hermitian :math:`\mathbf{R}` [W]

        Output
        ------
        : [..., n, n], `tf.float64`
            Fisher information
        """
        lit = linalg.matmul(self.steering, covariance[..., tf.newaxis, :, :])
        return self._contracted(linalg.matmul(lit, tf.linalg.adjoint(self.steering)))

    def matrices(self) -> tf.Tensor:
        r"""Hermitian matrices of the linear map from the covariance to the information.

        .. math::
            \mathbf{J}_{ij} = \operatorname{tr}(\mathbf{R}\, \mathbf{M}_{ij})

        Output
        ------
        : [..., n, n, num_antennas, num_antennas], `tf.complex128`
            :math:`\mathbf{M}_{ij}`
        """
        weights = self.coefficients
        if not weights.dtype.is_complex:
            weights = linalg.to_complex(weights)
        steering = self.steering
        half = tf.einsum(
            "...gnk,...gmnij,...gml->...ijkl",
            tf.math.conj(steering),
            tf.math.conj(weights),
            steering,
        )
        return (half + tf.linalg.adjoint(half)) / 2

    def _contracted(self, products: tf.Tensor) -> tf.Tensor:
        """Sum of s_m^T R s_n^* [..., num_groups, num_vectors, num_vectors] times coefficients."""
        rule = "...gmn,...gmnij->...ij"
        real = tf.einsum(rule, tf.math.real(products), tf.math.real(self.coefficients))
        if not self.coefficients.dtype.is_complex:
            return real
        return real + tf.einsum(rule, tf.math.imag(products), tf.math.imag(self.coefficients))


def information_terms(
    points: tf.Tensor,
    weights: tf.Tensor,
    pose: tf.Tensor,
    tx_shape: Sequence[int],
    rx_shape: Sequence[int],
    path_gain: Any,
    noise_power: Any,
    rms_bandwidth: float | None,
    num_samples: int,
    level: str = "energy",
    frequencies: np.ndarray | None = None,
    phases: tf.Tensor | None = None,
    num_pose: int = 4,
) -> ExtendedTargetInformation:
    """Terms of :func:`extended_target_information` from tensors, without checks.

    Differentiable, and of use in graphs: scenes of a batch have the same number of scatterers,
    those that are missing have weight 0.

    Parameters
    ----------
    points : [..., num_scatterers, 3], `tf.float64`
        Positions in the frame of the body [m]
    weights : [..., num_scatterers], `tf.float64`
        Squared amplitudes of the scatterers
    pose : [..., 4], `tf.float64`
        Range [m], azimuth, elevation and orientation [rad]
    num_pose : `int`, (default 4)
        Number of parameters of the pose, the first ones, that are unknown
    tx_shape, rx_shape, path_gain, noise_power, rms_bandwidth, num_samples
        As for :func:`extended_target_fim`
    level, frequencies, phases
        As for :func:`extended_target_fim`

    Output
    ------
    : :class:`ExtendedTargetInformation`
    """
    geometry = scatterer_geometry(points, pose)
    directions = geometry.azimuth, geometry.elevation
    path_gain = tf.convert_to_tensor(path_gain, tf.float64)[..., tf.newaxis]
    noise = tf.convert_to_tensor(noise_power, tf.float64)[..., tf.newaxis]
    steering = planar_derivatives(tx_shape, *directions)
    rule = _PRODUCT_RULE
    if level == "energy":
        steering, rule = steering[..., :1, :], rule[:, :1]
    by_gain = tf.ones_like(geometry.range) / path_gain
    derivatives = geometry.derivatives(pose)[..., :num_pose]
    changes = _with_gain(derivatives, by_gain)  # [..., L, 4, n]
    scale = 2 * num_samples * path_gain**2 / noise * tf.ones_like(geometry.range)
    if level != "coherent":
        assert rms_bandwidth is not None
        slope = 4 * math.pi * rms_bandwidth / SPEED_OF_LIGHT
        received = planar_moments(rx_shape, *directions)  # [..., L, 3, 3]
        local = np.einsum("rmgq,gh,snhp->rsmnqp", rule, np.diag([1.0, slope**2]), rule)
        terms = tf.einsum("...lrs,rsmnqp->...lmnqp", received, tf.constant(local))
        turned = tf.einsum("...lqi,...lmnqp,...lpj->...lmnij", changes, terms, changes)
        gains = (scale * weights)[..., tf.newaxis, tf.newaxis, tf.newaxis, tf.newaxis]
        return ExtendedTargetInformation(steering, gains * turned)
    assert frequencies is not None and phases is not None
    amplitude = linalg.to_complex(tf.sqrt(scale * weights)) * linalg.expj(phases)
    received = amplitude[..., tf.newaxis, tf.newaxis] * planar_derivatives(rx_shape, *directions)
    received = _products(received)  # [..., K, L, 3, 3]
    slope = tf.constant(4 * math.pi / SPEED_OF_LIGHT * frequencies, tf.float64)
    wave = linalg.expj(-slope * geometry.range[..., tf.newaxis])
    moved = tf.complex(tf.zeros_like(slope), -slope) * wave
    waves = _products(tf.stack([wave, moved], axis=-2) / math.sqrt(len(frequencies)))
    local = tf.constant(np.einsum("rmgq,snhp->rsghmnqp", rule, rule), tf.complex128)
    terms = tf.einsum("...klrs,...klgh,rsghmnqp->...klmnqp", received, waves, local)
    changes = linalg.to_complex(changes)
    turned = tf.einsum("...kqi,...klmnqp,...lpj->...kmlnij", changes, terms, changes)
    *batch, number, vectors, antennas = linalg.sizes(steering)
    size, count = number * vectors, num_pose + 1
    return ExtendedTargetInformation(
        tf.reshape(steering, [*batch, 1, size, antennas]),
        tf.reshape(turned, [*batch, 1, size, size, count, count]),
    )


def _with_gain(derivatives: tf.Tensor, by_gain: tf.Tensor) -> tf.Tensor:
    """Derivatives [..., L, 3, n - 1] by the pose, extended by row and column of the gain."""
    rank = derivatives.shape.rank
    padded = tf.pad(derivatives, [[0, 0]] * (rank - 2) + [[0, 1], [0, 1]])
    corner = np.zeros(padded.shape[-2:])
    corner[-1, -1] = 1
    return padded + by_gain[..., tf.newaxis, tf.newaxis] * tf.constant(corner)


def _products(vectors: tf.Tensor) -> tf.Tensor:
    """Inner products [..., K, L, r, s] of the vectors r and s [..., L, r, n] of all pairs."""
    return tf.einsum("...krn,...lsn->...klrs", tf.math.conj(vectors), vectors)
