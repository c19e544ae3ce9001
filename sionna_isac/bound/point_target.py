"""Bound on what any receiver makes of the OFDM echo of point targets."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.bound._echo_information import (
    Motion,
    SentSignal,
    echo_information,
    signal_products,
)
from sionna_isac.bound._jacobian import signal_derivatives
from sionna_isac.bound.information import cramer_rao_bound
from sionna_isac.core import Array, checks, cites, plane_wave_array
from sionna_isac.scene import PointTargets
from sionna_isac.waveform import Numerology, element_mask

__all__ = ["PointTargetBound", "point_target_bound"]

_CHUNK = 1 << 20  # complex values of signals that are held at once
_REMOVED = 1e-10  # share of the energy of a target that is left by rounding


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
    velocity : `None` (default) | [batch_size, max_targets], `np.float64`
        Of the radial velocity [m/s]; `None` if velocities are known to be 0
    """

    angle: np.ndarray
    range: np.ndarray
    position: np.ndarray
    velocity: np.ndarray | None = None

    @property
    def rms(self) -> PointTargetBound:
        """Root mean square over all targets, the curve beneath an error averaged over a batch.

        NaN with a warning if there is no target.
        """
        values = {name: v for name, v in self._asdict().items() if v is not None}
        if np.all(np.isnan(self.angle)):
            warnings.warn("no target in the batch: the bound is not a number", stacklevel=2)
            return self._replace(**dict.fromkeys(values, np.asarray(np.nan)))
        return self._replace(**{n: np.sqrt(np.nanmean(np.square(v))) for n, v in values.items()})


@cites("MateosRamos25")
def point_target_bound(
    array: Array,
    numerology: Numerology,
    targets: PointTargets,
    beam: Any,
    x: Any,
    no: Any,
    *,
    normalize: bool = False,
    migration: bool = False,
    elements: Any = None,
    projection: Any = None,
) -> PointTargetBound:
    r"""Bound on angle, range, velocity and position from the echo of OFDM symbols, Eq. (1).

    The model is that of :class:`~sionna_isac.channel.MonostaticEcho` for known symbols, before or
    after the reciprocal filter. Complex gains are unknown, and all targets of a sample are
    estimated together. It holds for every receiver of this echo that knows the array:
    :class:`~sionna_isac.receiver.OMP`, :class:`~sionna_isac.receiver.DifferentiableOMP`, ...
    For one target, a full grid of M symbols and S subcarriers of unit magnitude and an ideal
    array, angle, range and velocity decouple:

    .. math::
        \operatorname{var}(v) \ge \left(\frac{\lambda}{4\pi T_\mathrm{sym}}\right)^2
        \frac{6 N_0}{E\,(M^2-1)},\quad
        \operatorname{var}(R) \ge \left(\frac{c}{4\pi\Delta_f}\right)^2
        \frac{6 N_0}{E\,(S^2-1)},\quad
        E = |\psi\, \mathbf{a}^\top\mathbf{f}|^2 K S M

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        The true array, with its impairments
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology with at least two active subcarriers, and two OFDM symbols if targets move
    targets : :class:`~sionna_isac.scene.PointTargets`
        True targets. Velocities are unknown if they are given, else known to be 0.
    beam : [batch_size, num_antennas] or [num_antennas], array_like of `complex`
        Beam
    x : `None` | [batch_size, num_symbols, num_subcarriers], array_like of `complex`
        Symbols of each sample, or [num_symbols, num_subcarriers] for all of them (for one OFDM
        symbol also [batch_size, num_subcarriers] or [num_subcarriers]), 0 where nothing is sent;
        only :math:`|x|^2` matters. `None` is symbols of unit magnitude.
    no : `float` | [batch_size], array_like
        Noise power :math:`N_0` [W]
    normalize : `bool`, (default `False`)
        If `True`, the echo has the factor :math:`1/\sqrt{S}` for S active subcarriers
    migration : `bool`, (default `False`)
        If `True`, each subcarrier has its own Doppler shift: the phase of subcarrier s at symbol m
        is :math:`-4\pi (f_c + s\Delta_f)\, v\, m\, T_\mathrm{sym}/c`
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that the receiver uses; `None` is all active ones
    projection : `None` (default) | [n, num_symbols], array_like
        Matrix of a clutter filter, which acts on the symbols of each subcarrier after the
        reciprocal filter. The information is that of its output with its noise, whose
        colour a receiver knows: it depends on the row space only, so that a two-pulse canceller
        loses as much as the removal of the mean. Where elements are not used,
        sequences over the symbols that the filter removes are unknown on the used ones.

    Output
    ------
    : :class:`PointTargetBound`
        Standard deviations in rad, m and m/s

    Raises
    ------
    ValueError
        If shapes do not fit, no element is used, or targets of a sample cannot be told apart, are
        not illuminated or are removed by the clutter filter

    Example
    -------
    >>> bound = isac.bound.point_target_bound(array, numerology, targets, beam, x, no)
    >>> plt.plot(snr_db, bound.rms.velocity)
    """
    array = _in_double(plane_wave_array("array", array))
    checks.instance("numerology", numerology, Numerology).check_array("array", array)
    if numerology.num_active < 2:
        raise ValueError(
            "numerology must have at least two active subcarriers: one sees no range; got "
            f"{numerology!r}"
        )
    scene = _scene(targets, numerology)
    batch_size = len(scene.angle)
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
    removed = None if projection is None else _null_space(projection, numerology.num_symbols)
    sent = SentSignal(_weights(x, elements, numerology, batch_size), removed, bool(migration))
    products, left = signal_products(
        Motion(scene.distance, scene.velocity), sent, numerology, _CHUNK
    )
    lost = scene.present & (left <= _REMOVED)
    if np.any(lost):
        sample, number = np.argwhere(lost)[0]
        raise ValueError(
            "projection must leave something of the echo of each target; it removes target "
            f"{number} of sample {sample}"
        )
    antennas = _antennas(array, scene.angle, beam * scale)
    return _deviations(echo_information(antennas, scene.gain, products, noise), scene)


class _Scene(NamedTuple):
    """Checked targets, 0 where there is none."""

    angle: np.ndarray
    distance: np.ndarray
    gain: np.ndarray
    velocity: np.ndarray | None
    present: np.ndarray


def _scene(targets: PointTargets, numerology: Numerology) -> _Scene:
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
    velocity = None
    if targets.velocity is not None:
        velocity = checks.floats("targets.velocity", targets.velocity)
        if velocity.shape != angle.shape:
            raise ValueError(
                f"targets.velocity must have shape {list(angle.shape)}, that of targets.angle; got "
                f"shape {list(velocity.shape)}"
            )
        if numerology.num_symbols < 2:
            raise ValueError(
                "numerology must have at least two OFDM symbols for targets with velocity: one "
                f"sees no velocity; got {numerology!r}"
            )
    present = np.arange(max_targets) < count[:, np.newaxis]
    # what the others hold does not matter
    angle, distance, gain = (np.where(present, v, 0) for v in (angle, distance, gain))
    checks.azimuth("targets.angle", checks.finite("targets.angle", angle))
    if np.any(checks.finite("targets.range", distance) < 0):
        raise ValueError(f"targets.range must be >= 0; got {np.min(distance):g}")
    if velocity is not None:
        velocity = checks.finite("targets.velocity", np.where(present, velocity, 0))
    return _Scene(angle, distance, gain, velocity, present)


def _weights(x: Any, elements: Any, numerology: Numerology, batch_size: int) -> np.ndarray:
    """Energy of each element [batch_size or 1, num_symbols, num_active] that is used."""
    num_symbols, number = numerology.num_symbols, numerology.num_subcarriers
    shape = (num_symbols, number)
    if x is None:
        weights = np.ones((1, *shape))
    else:
        x = checks.complexes("x", x)
        allowed = [shape, (batch_size, *shape)]
        if num_symbols == 1:
            allowed += [(number,), (batch_size, number)]
        if x.shape not in allowed:
            raise ValueError(
                f"x must have shape {list(shape)} or {[batch_size, *shape]}, as the numerology; "
                f"got shape {list(x.shape)}"
            )
        weights = np.abs(x.reshape(-1, *shape)) ** 2
    used = element_mask(numerology, elements)
    if used is not None:
        weights = weights * used
    weights = weights[..., numerology.subcarriers]
    if not np.all(np.any(weights > 0, axis=(1, 2))):
        name = "x" if elements is None else "elements"
        raise ValueError(f"{name} must leave an active element that is sent and used; got none")
    return weights


def _null_space(projection: Any, num_symbols: int) -> np.ndarray | None:
    """Orthonormal columns [num_symbols, n] that the clutter filter maps to 0."""
    matrix = checks.complexes("projection", projection)
    if matrix.ndim != 2 or matrix.shape[1] != num_symbols or not matrix.size:
        raise ValueError(
            f"projection must have shape [n, {num_symbols}] for {num_symbols} OFDM symbols; got "
            f"shape {list(matrix.shape)}"
        )
    _, values, rows = np.linalg.svd(matrix)
    rank = int(np.sum(values > 1e-10 * values[0]))
    return rows[rank:].conj().T if rank < num_symbols else None


def _antennas(array: Array, angle: np.ndarray, beam: np.ndarray) -> np.ndarray:
    """Steering vectors times beam pattern [batch_size, 2, max_targets, K], and derivatives."""
    values = {"position": tf.constant(angle)}
    steering = array.steering(values["position"]).numpy()
    derivative = signal_derivatives(
        array.steering, values, "position", values["position"].shape, None
    )
    slope = derivative[..., 0]
    pattern, change = (np.einsum("btk,bk->bt", a, beam)[..., np.newaxis] for a in (steering, slope))
    return np.stack([pattern * steering, pattern * slope + change * steering], axis=1)


def _deviations(fim: np.ndarray, scene: _Scene) -> PointTargetBound:
    # what is not there gets information of its own, so that one inversion serves all samples
    max_targets = scene.present.shape[1]
    number = fim.shape[-1] // max_targets
    there = np.tile(scene.present, number)
    both = there[:, :, np.newaxis] & there[:, np.newaxis, :]
    fim = np.where(both, fim, np.eye(fim.shape[-1]))
    variance = np.diagonal(cramer_rao_bound(fim), axis1=-2, axis2=-1)
    variance = np.where(there, variance, np.nan)
    angle, along, *rest = np.split(variance, number, axis=-1)
    return PointTargetBound(
        np.sqrt(angle),
        np.sqrt(along),
        np.sqrt(along + scene.distance**2 * angle),
        None if scene.velocity is None else np.sqrt(rest[0]),
    )


def _in_double(array: Array) -> Array:
    if array.precision == "double":
        return array
    return type(array).from_config({**array.get_config(), "precision": "double"})
