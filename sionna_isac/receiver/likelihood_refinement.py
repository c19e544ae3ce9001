"""Maximum-likelihood estimates of moving targets, from estimates in their main lobes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import Array, Complex, Layer, checks, linalg, plane_wave_array, register
from sionna_isac.receiver._elements import separate, symbol_matrix
from sionna_isac.receiver.angle_delay import silenced
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.waveform import Numerology, element_mask

__all__ = ["LikelihoodRefinement"]

# over the energy of an echo: detections of the same target share its gain
RIDGE = {"single": 1e-5, "double": 1e-10}
STEP, REACH = 0.5, 2.0  # of one step and of all, over the deviation of the phase rates
END = 1 - 5e-7  # largest sine of an angle, whose derivative by the sine is finite


@register
class LikelihoodRefinement(Layer):
    r"""Refine estimates to those of maximum likelihood by Gauss-Newton steps.

    The observation is taken for the sum of the echoes of all estimates that count,

    .. math::
        \mathbf{Z} = \sum_t \alpha_t\, \mathbf{a}(\theta_t) \otimes \mathbf{P}\mathbf{d}(v_t)
        \otimes \boldsymbol{\rho}(R_t) + \mathbf{W},

    with the projection :math:`\mathbf{P}` of a clutter filter. Each step fits the gains of all
    targets together, and then moves angle, range and velocity of each target in the residual of
    the others. It starts in the main lobe, where the peak of a map lies, and stays there: after
    :class:`RangeDopplerMap` with any windows, or :class:`OMP`, errors come down to the bound of
    a known number of targets. It cannot mend an estimate in a wrong cell.

    Set the threshold first, so that each target has one estimate: two of the same target spoil each
    other. Leave out what lies in the notch of the clutter filter (small ``response``), where a gain
    is ill-conditioned and may be large without a target. Targets should be at least a resolution
    cell apart. Gradients pass through all steps, to the
    observation and the parameters of the array.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that are used, the same subcarriers on each used symbol; `None` is all
        those on active subcarriers
    projection : `None` (default) | [num_symbols, num_symbols], array_like
        Matrix of the clutter filter that the observation has passed, an orthogonal projection such
        as ``projection`` of :class:`ClutterFilter` of the kinds "mean" and "eca"
    num_steps : `int`, (default 6)
        Number of steps

    Input
    -----
    z : [batch_size, num_antennas, num_symbols, num_subcarriers], `tf.complex`
        Observation after the filters of symbols and of clutter, without the dimension of symbols
        if there is one
    estimate : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates with angles and ranges, and with velocities if there are several symbols. Those
        with a ``metric`` of 0 are empty places and stay as they are.

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Refined estimates with the least-squares ``gain`` of each, 0 in empty places, and the
        ``metric`` as it was; NaN in samples that are not finite

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a quantity is missing, the pattern of elements is not the same on
        each used symbol, or the projection is not orthogonal

    Example
    -------
    >>> refine = isac.receiver.LikelihoodRefinement(
    ...     array, numerology, elements=elements, projection=remove.projection
    ... )
    >>> estimate = refine(z, rd.estimate(power, detect(power)))
    """

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        *,
        elements: Any = None,
        projection: Any = None,
        num_steps: int = 6,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.numerology.check_array("array", array)
        shape = (numerology.num_symbols, numerology.num_subcarriers)
        mask = element_mask(numerology, elements)
        self.elements = None if elements is None else mask
        used = np.ones(shape, bool) if mask is None else mask
        rows, columns = separate(used, "refinement")
        self._rows, self._columns = np.flatnonzero(rows), np.flatnonzero(columns)
        self.projection, self._projection = _projection(projection, rows)
        self.num_steps = checks.integer("num_steps", num_steps)
        rates = (
            4 * math.pi / SPEED_OF_LIGHT * numerology.subcarrier_spacing * self._columns,
            4 * math.pi / numerology.wavelength * numerology.symbol_duration * self._rows,
        )
        # about their means, which belong to the phases of the gains
        self._means = [float(rate.mean()) for rate in rates]
        self._rates = [rate - mean for rate, mean in zip(rates, self._means, strict=True)]
        largest = [math.pi * self.array.num_antennas, *(np.abs(r).max() for r in self._rates)]
        self._flat = 1e-6 * np.maximum(largest, 1e-6) ** 2

    def call(self, z: Complex, estimate: TargetEstimate) -> TargetEstimate:
        z, valid = silenced(self._observed(z))
        moving = self.numerology.num_symbols > 1
        wanted = ("angle", "range", *(("velocity",) if moving else ()))
        for name in ("metric", *wanted):
            value = getattr(estimate, name)
            if value is None:
                raise ValueError(f"estimate.{name} must be given for a refinement; got None")
            checks.shape(f"estimate.{name}", value, [z.shape[0], estimate.metric.shape[1]])
        metric = estimate.metric
        there = tf.cast(metric > 0, self.rdtype)
        found = [getattr(estimate, n) if n in wanted else tf.zeros_like(metric) for n in _NAMES]
        # an empty place must not bring NaN into the others
        start = tf.stack([tf.where(there > 0, v, tf.zeros_like(v)) for v in found], -1)
        # main lobes are equally wide in the sine; the result does not depend on the start
        sine = tf.clip_by_value(tf.sin(start[..., :1]), -END, END)
        start = tf.stop_gradient(tf.concat([sine, start[..., 1:]], -1))

        def moved(point: tf.Tensor) -> list[tf.Tensor]:
            step, unit, _ = self._step(z, point, there)
            place = point + tf.clip_by_value(step, -STEP * unit, STEP * unit)
            place = tf.clip_by_value(place, start - REACH * unit, start + REACH * unit)
            sine = tf.clip_by_value(place[..., :1], -END, END)
            return [tf.concat([sine, tf.maximum(place[..., 1:2], 0.0), place[..., 2:]], -1)]

        # unrolled steps would take long to compile
        (point,) = tf.while_loop(lambda _: True, moved, [start], maximum_iterations=self.num_steps)
        _, _, gain = self._step(z, point, there)
        phase = self._means[0] * point[..., 1] + self._means[1] * point[..., 2]
        gain *= linalg.expj(phase)
        nan = tf.constant(float("nan"), self.rdtype)
        keep = valid[:, tf.newaxis]
        refined = [tf.asin(point[..., 0]), point[..., 1], point[..., 2]]
        values = {
            name: tf.where(keep, tf.where(there > 0, refined[n], found[n]), nan)
            for n, name in enumerate(wanted)
        }
        gain = tf.where(keep, gain * linalg.to_complex(there), tf.complex(nan, nan))
        return TargetEstimate(
            values["angle"],
            values["range"],
            tf.where(keep, metric, nan),
            gain,
            values.get("velocity"),
        )

    def _observed(self, z: tf.Tensor) -> tf.Tensor:
        """Observation [batch_size, num_antennas, used symbols, used subcarriers]."""
        number, size = self.numerology.num_symbols, self.numerology.num_subcarriers
        axes = "[batch_size, num_antennas, num_symbols, num_subcarriers]"
        if z.shape.rank == 3 and number == 1:
            z = z[:, :, tf.newaxis]
        checks.rank("z", z, 4, axes)
        checks.shape("z", z, [None, self.array.num_antennas, number, size], axes)
        for axis, used in ((2, self._rows), (3, self._columns)):
            if used.size < z.shape[axis]:
                z = tf.gather(z, used, axis=axis)
        return z

    def _step(
        self, z: tf.Tensor, point: tf.Tensor, there: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Steps and their units [batch_size, T, 3], and gains [batch_size, T]."""
        waves = self._waves(point)
        correlation = _correlated(z, waves)  # [batch_size, T, order of antennas, symbols, tones]
        # inner products [batch_size, T, order, T, order] along antennas, tones, symbols
        inner = [_inner(w, self._projection if n == 2 else None) for n, w in enumerate(waves)]
        plain = [v[:, :, 0, :, 0] for v in inner]
        gram = plain[0] * plain[1] * plain[2]
        energy = tf.math.real(tf.linalg.diag_part(gram))
        # an echo that the projection removes has no gain, as an empty place
        ridge, size = RIDGE[self.precision], self._columns.size * self._rows.size
        seen = (there > 0) & (energy > ridge * size * self.array.num_antennas)
        energy = tf.where(seen, energy, 1.0)
        counts = tf.cast(seen, self.rdtype)
        pair = counts[:, :, tf.newaxis] * counts[:, tf.newaxis]
        load = tf.linalg.diag(tf.where(seen, ridge * energy, tf.ones_like(energy)))
        matrix = gram * linalg.to_complex(pair) + linalg.to_complex(load)
        zeroth = correlation[:, :, 0, 0, 0] * linalg.to_complex(counts)
        gain = linalg.hermitian_solve(matrix, zeroth[..., tf.newaxis])  # [batch_size, T, 1]
        slopes, slants = [], []  # correlations with the residual, products with the own echo
        for n, place in enumerate(_PLACES):
            cross = inner[n][:, :, 1, :, 0]
            for other in range(3):
                if other != n:
                    cross *= plain[other]
            part = linalg.matmul(cross, gain)[..., 0]
            slopes.append(correlation[(slice(None), slice(None), *place)] - part)
            slants.append(tf.linalg.diag_part(cross))
        own = gain[..., 0]
        power = tf.math.real(own * tf.math.conj(own))
        score = tf.stack([tf.math.real(tf.math.conj(own) * s) for s in slopes], -1)
        rows = []
        for i in range(3):
            row = []
            for j in range(3):
                product = tf.ones_like(own)
                for n in range(3):
                    orders = inner[n][:, :, int(n == i), :, int(n == j)]
                    product *= tf.linalg.diag_part(orders)
                removed = slants[i] * tf.math.conj(slants[j])
                row.append(tf.math.real(product) - tf.math.real(removed) / energy)
            rows.append(tf.stack(row, -1))
        fisher = tf.stack(rows, -2)  # over the power of the target
        curve = tf.linalg.diag_part(fisher)
        # one symbol has no velocity, one antenna no angle
        bends = curve > tf.constant(self._flat, self.rdtype) * energy[..., tf.newaxis]
        scale = tf.where(bends, tf.math.rsqrt(tf.where(bends, curve, 1.0)), 0.0)
        scaled = fisher * scale[..., tf.newaxis] * scale[..., tf.newaxis, :]
        scaled += tf.linalg.diag(1.0 - tf.cast(bends, self.rdtype))
        strong = seen & (power > 0)
        right = score * scale / tf.where(strong, power, 1.0)[..., tf.newaxis]
        step = scale * _solve(scaled, right)
        unit = scale * tf.sqrt(energy)[..., tf.newaxis]
        return tf.where(strong[..., tf.newaxis], step, tf.zeros_like(step)), unit, own

    def _waves(self, point: tf.Tensor) -> list[tf.Tensor]:
        """Echo along antennas, tones, symbols and its derivatives, [batch_size, T, 2, number].

        ``point`` holds sines of angles.
        """
        origin = tf.zeros_like(point[..., 0])
        with tf.autodiff.ForwardAccumulator(origin, tf.ones_like(origin)) as accumulator:
            steering = self.cast(self.array.steering(tf.asin(point[..., 0] + origin)))
        slope = accumulator.jvp(steering, tf.UnconnectedGradients.ZERO)
        waves = [tf.stack([steering, slope], -2)]
        for n, rate in enumerate(self._rates):
            wave = linalg.expj(-point[..., n + 1, tf.newaxis] * tf.constant(rate, self.rdtype))
            waves.append(tf.stack([wave, wave * tf.constant(-1j * rate, self.cdtype)], -2))
        return waves


_NAMES = ("angle", "range", "velocity")
_PLACES = ((1, 0, 0), (0, 0, 1), (0, 1, 0))  # of the first derivatives in a correlation


def _projection(value: Any, rows: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Projection as it was given, and that over the used symbols."""
    if value is None:
        return None, None
    used = symbol_matrix(value, rows.size)[np.ix_(rows, rows)]
    if not np.allclose(used @ used, used, atol=1e-6) or not np.allclose(used, used.conj().T):
        raise ValueError(
            "projection must be an orthogonal projection, such as that of "
            "ClutterFilter('mean') or 'eca'; got a matrix that is none"
        )
    if np.allclose(used, 0, atol=1e-6):
        raise ValueError("projection must leave a part of the observation; got 0")
    return np.asarray(value), used


def _correlated(z: tf.Tensor, waves: list[tf.Tensor]) -> tf.Tensor:
    """Correlations [batch_size, T, 2, 2, 2] with the echoes: antennas, symbols, tones."""
    steering, tones, turns = waves
    size, antennas, symbols, number = linalg.sizes(z)
    targets = linalg.sizes(steering)[1]
    across = tf.linalg.adjoint(tf.reshape(tones, [size, targets * 2, number]))
    along = linalg.matmul(tf.reshape(z, [size, antennas * symbols, number]), across)
    along = tf.reshape(along, [size, antennas, symbols, targets, 2])
    along = tf.transpose(along, [0, 3, 2, 1, 4])
    along = tf.reshape(along, [size, targets, symbols, antennas * 2])
    along = linalg.matmul(tf.math.conj(turns), along)
    along = tf.transpose(tf.reshape(along, [size, targets, 2, antennas, 2]), [0, 1, 3, 2, 4])
    along = tf.reshape(along, [size, targets, antennas, 4])
    found = linalg.matmul(tf.math.conj(steering), along)
    return tf.reshape(found, [size, targets, 2, 2, 2])


def _inner(waves: tf.Tensor, projection: np.ndarray | None) -> tf.Tensor:
    """Inner products of all waves, [batch_size, T, 2, T, 2]."""
    size, targets, _, number = linalg.sizes(waves)
    flat = tf.reshape(waves, [size, targets * 2, number])
    left = tf.math.conj(flat)
    if projection is not None:
        left = linalg.matmul(left, tf.constant(projection, waves.dtype)[tf.newaxis])
    product = linalg.matmul(left, tf.linalg.matrix_transpose(flat))
    return tf.reshape(product, [size, targets, 2, targets, 2])


def _solve(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Solution [..., 3] of systems of three equations with a unit diagonal, by Cramer's rule."""
    columns = tf.unstack(matrix, axis=-1)

    def determinant(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(a * tf.linalg.cross(b, c), -1)

    whole = determinant(*columns)
    parts = [
        determinant(*(right if j == i else v for j, v in enumerate(columns))) for i in range(3)
    ]
    good = whole > 1e-6
    solved = tf.stack(parts, -1) / tf.where(good, whole, 1.0)[..., tf.newaxis]
    return tf.where(good[..., tf.newaxis], solved, tf.zeros_like(solved))
