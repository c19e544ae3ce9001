"""Bound on what any receiver makes of the OFDM echo of point targets."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.bound.fisher import fisher
from sionna_isac.bound.information import cramer_rao_bound
from sionna_isac.core import Array, checks, cites, linalg, plane_wave_array
from sionna_isac.scene import PointTargets
from sionna_isac.waveform import Numerology

__all__ = ["PointTargetBound", "point_target_bound"]

_CHUNK = 1 << 21  # complex values of an observation that are differentiated at once


class PointTargetBound(NamedTuple):
    """Smallest standard deviations of unbiased estimates; NaN where there is no target.

    Attributes
    ----------
    angle : [batch_size, max_targets], `np.float64`
        Of the azimuth [rad]
    range : [batch_size, max_targets], `np.float64`
        Of the distance [m]
    position : [batch_size, max_targets], `np.float64`
        Root of the mean squared distance to the true position [m]
    """

    angle: np.ndarray
    range: np.ndarray
    position: np.ndarray

    @property
    def rms(self) -> PointTargetBound:
        """Root mean square over all targets, the curve beneath an error averaged over a batch.

        NaN with a warning if there is no target.
        """
        if np.all(np.isnan(self.angle)):
            warnings.warn("no target in the batch: the bound is not a number", stacklevel=2)
            return PointTargetBound(*(np.asarray(np.nan) for _ in self))
        return PointTargetBound(*(np.sqrt(np.nanmean(np.square(v))) for v in self))


@cites("MateosRamos25")
def point_target_bound(
    array: Array,
    numerology: Numerology,
    beam: Any,
    targets: PointTargets,
    no: Any,
    *,
    normalize: bool = False,
) -> PointTargetBound:
    r"""Bound on angle, range and position from the echo of OFDM symbols, Eq. (1).

    The model is that of :class:`~sionna_isac.channel.MonostaticEcho`, for one OFDM symbol of
    known QPSK symbols (or any of unit magnitude), before or after the reciprocal filter. Complex
    gains are unknown, and all targets of a sample are estimated together. It holds for every
    receiver of this echo: :class:`~sionna_isac.receiver.OMP`,
    :class:`~sionna_isac.receiver.DifferentiableOMP`, ... that knows the array.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        The true array, with its impairments
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology with at least two active subcarriers
    beam : [batch_size, num_antennas] or [num_antennas], array_like of `complex`
        Beam
    targets : :class:`~sionna_isac.scene.PointTargets`
        True targets (velocities are not looked at)
    no : `float` | [batch_size], array_like
        Noise power :math:`N_0` [W]
    normalize : `bool`, (default `False`)
        If `True`, the echo has the factor :math:`1/\sqrt{S}`

    Output
    ------
    : :class:`PointTargetBound`
        Standard deviations in rad and m

    Raises
    ------
    ValueError
        If shapes do not fit, or targets of a sample cannot be told apart or are not illuminated

    Example
    -------
    >>> bound = isac.bound.point_target_bound(array, numerology, beam, targets, no)
    >>> plt.plot(snr_db, bound.rms.position)
    """
    array = _in_double(plane_wave_array("array", array))
    checks.instance("numerology", numerology, Numerology).check_array("array", array)
    if numerology.num_active < 2:
        raise ValueError(
            "numerology must have at least two active subcarriers: one sees no range; got "
            f"{numerology!r}"
        )
    checks.instance("targets", targets, PointTargets)
    angle = checks.floats("targets.angle", targets.angle)
    distance = checks.floats("targets.range", targets.range)
    gain = checks.numbers("targets.gain", targets.gain, complex)
    if angle.ndim != 2 or angle.shape != distance.shape or angle.shape != gain.shape:
        raise ValueError(
            "targets must hold angle, range and gain of shape [batch_size, max_targets]; got "
            f"shapes {list(angle.shape)}, {list(distance.shape)} and {list(gain.shape)}"
        )
    batch_size, max_targets = angle.shape
    count = checks.floats("targets.num_targets", targets.num_targets)  # as results store them
    if count.shape != (batch_size,):
        raise ValueError(
            f"targets.num_targets must have shape [{batch_size}]; got shape {list(count.shape)}"
        )
    bad = count[~((count >= 0) & (count <= max_targets) & (count == np.round(count)))]
    if bad.size:
        raise ValueError(
            f"targets.num_targets must hold whole numbers within 0 ... {max_targets}; "
            f"got {bad[0]:g}"
        )
    present = np.arange(max_targets) < count[:, np.newaxis]
    # what the others hold does not matter
    angle, distance, gain = (np.where(present, v, 0) for v in (angle, distance, gain))
    checks.azimuth("targets.angle", checks.finite("targets.angle", angle))
    if np.any(checks.finite("targets.range", distance) < 0):
        raise ValueError(f"targets.range must be >= 0; got {np.min(distance):g}")
    beam = checks.complexes("beam", beam)
    if beam.shape not in ((array.num_antennas,), (batch_size, array.num_antennas)):
        raise ValueError(
            f"beam must have shape [{array.num_antennas}] or [{batch_size}, "
            f"{array.num_antennas}]; got shape {list(beam.shape)}"
        )
    beam = np.broadcast_to(beam, (batch_size, array.num_antennas))
    noise = checks.finite("no", checks.floats("no", no))
    if noise.shape not in ((), (batch_size,)) or not np.all(noise > 0):
        raise ValueError(
            f"no must be > 0, a number or of shape [{batch_size}]; got {np.min(noise):g} "
            f"of shape {list(noise.shape)}"
        )
    noise = np.broadcast_to(noise, (batch_size,))
    scale = 1 / math.sqrt(numerology.num_active) if normalize else 1.0
    step = max(1, _CHUNK // (array.num_antennas * numerology.num_active))
    fims = []
    for begin in range(0, batch_size, step):
        part = slice(begin, begin + step)
        mean = _Echo(array, beam[part] * scale, numerology)
        values = {"angle": angle[part], "distance": distance[part], "gain": gain[part]}
        fims.append(fisher(mean, values, noise[part], batch_dims=1))
    return _deviations(np.concatenate(fims), present, distance)


class _Echo:
    """Mean of the filtered observation as a function of the parameters."""

    def __init__(self, array: Array, beam: np.ndarray, numerology: Numerology) -> None:
        self._array = array
        self._beam = tf.constant(beam)
        self._step = 4 * math.pi * numerology.subcarrier_spacing / SPEED_OF_LIGHT
        self._index = tf.constant(numerology.subcarriers, tf.float64)

    def __call__(self, angle: tf.Tensor, distance: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
        steering = self._array.steering(angle)  # [B, T, K]
        amplitude = gain * tf.linalg.matvec(steering, self._beam)
        phase = -self._step * distance[..., tf.newaxis] * self._index
        delayed = amplitude[..., tf.newaxis] * linalg.expj(phase)
        return linalg.matmul(tf.linalg.matrix_transpose(steering), delayed)


def _deviations(fim: np.ndarray, present: np.ndarray, distance: np.ndarray) -> PointTargetBound:
    # what is not there gets information of its own, so that one inversion serves all samples
    there = np.tile(present, 4)
    both = there[:, :, np.newaxis] & there[:, np.newaxis, :]
    fim = np.where(both, fim, np.eye(fim.shape[-1]))
    variance = np.diagonal(cramer_rao_bound(fim), axis1=-2, axis2=-1)
    variance = np.where(there, variance, np.nan)
    angle, along = np.split(variance, 4, axis=-1)[:2]
    return PointTargetBound(np.sqrt(angle), np.sqrt(along), np.sqrt(along + distance**2 * angle))


def _in_double(array: Array) -> Array:
    if array.precision == "double":
        return array
    return type(array).from_config({**array.get_config(), "precision": "double"})
