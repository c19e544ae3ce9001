"""Maximum-likelihood localisation of one target in the near field, with known symbols."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import Array, Complex, Real, checks, cites, linalg, register
from sionna_isac.receiver._blocks import in_blocks
from sionna_isac.receiver._near_field import NearFieldReceiver
from sionna_isac.receiver._peak import find_peak
from sionna_isac.receiver.angle_delay import silenced
from sionna_isac.receiver.estimate import TargetEstimate

__all__ = ["KnownSymbolLocalizer"]

_SHARES = (1.0, 0.5, 0.25, 0.125)  # of a step, of which the first that does no harm is taken


@register
@cites("Yuan25")
class KnownSymbolLocalizer(NearFieldReceiver):
    r"""Maximum-likelihood position of one target, for a receiver that knows what was sent.

    In :math:`\mathbf{Y} = \beta\, \mathbf{a}\mathbf{a}^H\mathbf{F}\mathbf{S} + \mathbf{Z}`,
    Eq. (15) of [Yuan25]_, the best gain of a position :math:`\mathbf{p}` has a closed form:

    .. math::
        \hat\beta(\mathbf{p}) = \frac{\mathbf{a}^H\mathbf{Y}\mathbf{S}^H\mathbf{u}}
        {N\,\mathbf{u}^H\mathbf{S}\mathbf{S}^H\mathbf{u}},\quad
        \hat{\mathbf{p}} = \arg\max_{\mathbf{p}}
        \frac{|\mathbf{a}^H\mathbf{Y}\mathbf{S}^H\mathbf{u}|^2}
        {N\,\mathbf{u}^H\mathbf{S}\mathbf{S}^H\mathbf{u}},\quad
        \mathbf{u} = \mathbf{F}^H\mathbf{a}(\mathbf{p}).

    Snapshots enter once, by :math:`\mathbf{Y}\mathbf{S}^H` and :math:`\mathbf{S}\mathbf{S}^H`: the
    search costs the same for any number of them. It takes the best point of a grid that is even in
    azimuth and in 1/distance, then Newton steps on the logarithm of the likelihood. A step is at
    most a cell long, is shortened until the likelihood does not fall, and stays in the region.

    Unlike :class:`MUSIC` it uses how the mixture of the streams changes with the position, which
    the bound (:func:`~sionna_isac.bound.near_field_position_efim`) counts as information. With one
    beam there is none.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.SphericalWaveArray`
        Array that the receiver believes to have, in the x-y plane; at least three elements
    range_interval : (`float`, `float`)
        Smallest and largest distance of the search [m]
    num_angles : `int`, (default 128)
        Number of azimuths of the grid, spread over the sector; their distance should be at most
        half of the wavelength over the length of the array [rad]
    num_ranges : `int`, (default 16)
        Number of distances of the grid
    num_iterations : `int`, (default 8)
        Number of Newton steps

    Input
    -----
    y : [batch_size, num_antennas, num_snapshots], `tf.complex`
        Echo :math:`\mathbf{Y}`
    symbols : [batch_size, num_streams, num_snapshots], `tf.complex`
        Symbols :math:`\mathbf{S}` of the streams
    beams : [batch_size, num_antennas, num_streams], `tf.complex`
        Beams :math:`\mathbf{F}` of the streams. For signals without streams, ``symbols`` are the
        signals of the antennas, and ``beams`` is the identity.
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad], as for :class:`MUSIC`

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Estimates of one target per sample: azimuth, distance from the origin, :math:`\hat\beta` as
        ``gain``, and the share of the energy of the echo that they explain, 0 to 1, as ``metric``;
        NaN (an error in eager mode) where an input is not finite, or the array cannot resolve
        ``sector``. In a graph, the metric is 0 where ``y`` or the transmitted signal is zero.

    Raises
    ------
    ValueError
        If the array has fewer than three elements, shapes do not fit, or (in eager mode) an input
        is not finite, ``y``, ``symbols`` or ``beams`` is zero in a sample, or a sector has its
        lower azimuth above its upper one or exceeds the azimuths that the array can resolve

    Example
    -------
    >>> receiver = isac.receiver.KnownSymbolLocalizer(array, (2.0, 40.0))
    >>> y = echo(beams @ symbols, point, reflection, no)
    >>> receiver(y, symbols, beams, sector).position
    """

    def __init__(
        self,
        array: Array,
        range_interval: Any,
        *,
        num_angles: int = 128,
        num_ranges: int = 16,
        num_iterations: int = 8,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            array,
            range_interval,
            num_angles=num_angles,
            num_ranges=num_ranges,
            precision=precision,
            **kwargs,
        )
        self.num_iterations = checks.integer("num_iterations", num_iterations, minimum=0)

    def call(self, y: Complex, symbols: Complex, beams: Complex, sector: Real) -> TargetEstimate:
        antennas, size = self.array.num_antennas, y.shape[0]
        checks.shape("y", y, [None, antennas, None], "[batch_size, num_antennas, num_snapshots]")
        axes = "[batch_size, num_streams, num_snapshots]"
        checks.shape("symbols", symbols, [size, None, y.shape[2]], axes)
        axes = "[batch_size, num_antennas, num_streams]"
        checks.shape("beams", beams, [size, antennas, symbols.shape[1]], axes)
        checks.shape("sector", sector, [size, 2], "[batch_size, 2]")
        if tf.executing_eagerly() and size:
            self._check_not_zero("y", y.numpy(), "an echo")
            self._check_not_zero("symbols", symbols.numpy(), "symbols")
            self._check_not_zero("beams", beams.numpy(), "beams")
            self._check_sector(sector.numpy())
        search = _Search(self, y, symbols, beams, sector)
        cell = search.refined(search.coarse())
        angle, inverse = search.place(cell[:, tf.newaxis])
        gain, share = search.fit(angle, inverse)
        valid = search.valid[:, tf.newaxis] & self._within(sector)[:, tf.newaxis]
        nan = tf.constant(np.nan, self.rdtype)
        angle, distance, share = (tf.where(valid, v, nan) for v in (angle, 1 / inverse, share))
        return TargetEstimate(angle, distance, share, tf.where(valid, gain, tf.complex(nan, nan)))


class _Search:
    """Likelihood of each sample, and its largest value. Points are given in cells of the grid."""

    def __init__(
        self,
        owner: KnownSymbolLocalizer,
        y: tf.Tensor,
        symbols: tf.Tensor,
        beams: tf.Tensor,
        sector: tf.Tensor,
    ) -> None:
        self.owner, self.sector = owner, sector
        (y, size), (symbols, amplitude), (beams, power) = map(_scaled, (y, symbols, beams))
        self.scale = size[0] / (amplitude[0] * power[0])
        self.valid = size[1] & amplitude[1] & power[1]
        self.energy = tf.reduce_sum(tf.abs(y) ** 2, [1, 2])[:, tf.newaxis]
        adjoint = tf.linalg.adjoint(symbols)
        both = linalg.matmul(beams, linalg.matmul(symbols, adjoint))
        # [Y S^H, F, F S S^H]
        self.table = tf.concat([linalg.matmul(y, adjoint), beams, both], -1)
        positions = owner.array.element_positions
        if positions.ndim == 1:
            positions = np.stack([np.zeros_like(positions), positions], -1)
        self.positions = positions

    def place(self, cell: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Azimuths [rad] and inverse distances [1/m] of points [batch_size, num_points, 2]."""
        low, high = self.sector[:, :1], self.sector[:, 1:]
        near, far = self.owner.range_interval
        step = (1 / near - 1 / far) / (self.owner.num_ranges - 1)
        angle = low + (high - low) / (self.owner.num_angles - 1) * cell[..., 0]
        return angle, 1 / far + step * cell[..., 1]

    def fit(self, angle: tf.Tensor, inverse: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Best gains [batch_size, num_points], and the share of the energy that they explain."""
        wave = self._conjugate_wave(angle, inverse)
        echo, lit, weighted = tf.split(linalg.matmul(wave, self.table), 3, axis=-1)
        matched = tf.reduce_sum(echo * tf.math.conj(lit), -1)
        energy = self.owner.array.num_antennas * tf.reduce_sum(
            tf.math.real(weighted) * tf.math.real(lit) + tf.math.imag(weighted) * tf.math.imag(lit),
            -1,
        )
        square = tf.math.real(matched) ** 2 + tf.math.imag(matched) ** 2
        gain = tf.math.divide_no_nan(matched, linalg.to_complex(energy))
        share = tf.math.divide_no_nan(square, energy * self.energy)
        return gain * linalg.to_complex(self.scale), share

    def _conjugate_wave(self, angle: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
        """Conjugate steering vectors [batch_size, num_points, num_antennas].

        Without the phase common to all elements, which the likelihood does not contain and whose
        derivatives would cover the others in single precision.
        """
        x, y = (tf.constant(p, angle.dtype) for p in self.positions.T)
        angle, inverse = angle[..., tf.newaxis], inverse[..., tf.newaxis]
        along = x * tf.cos(angle) + y * tf.sin(angle)
        curved = inverse * (x * x + y * y)
        # distance to an element, in distances from the origin
        ratio = tf.sqrt(1 + inverse * (curved - 2 * along))
        path = (curved - 2 * along) / (1 + ratio)
        return linalg.expj((2 * math.pi / self.owner.array.wavelength) * path)

    def coarse(self) -> tf.Tensor:
        """Best points of the grid, [batch_size, 2]."""
        rows, columns = self.owner.num_ranges, self.owner.num_angles
        dtype = self.sector.dtype
        angles = tf.range(columns, dtype=dtype)

        def row(steps: list[tf.Tensor]) -> tf.Tensor:
            """Shares of the energy at one distance, [1, batch_size, num_angles]."""
            cell = tf.stack([angles, tf.fill([columns], steps[0][0])], -1)
            return self.fit(*self.place(cell[tf.newaxis]))[1][tf.newaxis]

        values = in_blocks(row, [tf.range(rows, dtype=dtype)], 1, dtype)
        best = find_peak(tf.transpose(values, [1, 0, 2]))
        return tf.cast(tf.stack([best.column, best.row], -1), dtype)

    def refined(self, cell: tf.Tensor) -> tf.Tensor:
        """Points [batch_size, 2] after all steps."""
        number = self.owner.num_iterations
        return tf.while_loop(
            lambda i, cell: i < number,
            lambda i, cell: (i + 1, self._step(cell)),
            (tf.constant(0), cell),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, 2])),
            maximum_iterations=number,
        )[1]

    def _step(self, cell: tf.Tensor) -> tf.Tensor:
        last = tf.constant(
            [self.owner.num_angles - 1.0, self.owner.num_ranges - 1.0], self.sector.dtype
        )
        slope, curvature = self._derivatives(cell)
        # what would leave the region stays at its edge, and the other coordinate moves alone
        held = ((cell <= 0) & (slope < 0)) | ((cell >= last) & (slope > 0))
        one, zero = tf.ones_like(slope), tf.zeros_like(slope)
        slope = tf.where(held, zero, slope)
        diagonal = tf.where(held, one, -tf.linalg.diag_part(curvature))
        mixed = tf.where(tf.reduce_any(held, -1), zero[:, 0], -curvature[:, 0, 1])[:, tf.newaxis]
        product = tf.reduce_prod(diagonal, -1, keepdims=True)
        determinant = product - mixed * mixed
        tiny = np.finfo(slope.dtype.as_numpy_dtype).eps
        peaked = tf.reduce_all(diagonal > 0, -1, keepdims=True) & (determinant > tiny * product)
        newton = (diagonal[:, ::-1] * slope - mixed * slope[:, ::-1]) / tf.where(
            peaked, determinant, 1.0
        )
        steep = tf.math.divide_no_nan(slope, tf.abs(diagonal))
        step = tf.where(peaked, newton, tf.clip_by_value(steep, -1.0, 1.0))
        step /= tf.maximum(tf.reduce_max(tf.abs(step), -1, keepdims=True), 1.0)
        shares = tf.constant((*_SHARES, 0.0), slope.dtype)[:, tf.newaxis]
        tried = tf.clip_by_value(cell[:, tf.newaxis] + shares * step[:, tf.newaxis], 0.0, last)
        value = self.fit(*self.place(tried))[1]
        harmless = value >= value[:, -1:] * (1 - 8 * tiny)  # up to rounding; the last one stays
        first = tf.argmax(tf.cast(harmless, tf.int32), -1, output_type=tf.int32)
        return tf.gather(tried, first, batch_dims=1)

    def _derivatives(self, cell: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Slope [batch_size, 2] and curvature [batch_size, 2, 2] of the log-likelihood."""
        least = np.finfo(cell.dtype.as_numpy_dtype).tiny
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(cell)
            with tf.GradientTape() as inner:
                inner.watch(cell)
                share = self.fit(*self.place(cell[:, tf.newaxis]))[1]
                value = tf.math.log(tf.maximum(share, least))
            slope = inner.gradient(value, cell)
            parts = tf.unstack(slope, axis=-1)
        return slope, tf.stack([outer.gradient(part, cell) for part in parts], -2)


def _scaled(value: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
    """Samples with a largest entry of 1, that entry [batch_size, 1], and which are finite."""
    value, valid = silenced(value)
    largest = tf.reduce_max(tf.abs(value), axis=[1, 2], keepdims=True)
    largest = tf.where(largest > 0, largest, tf.ones_like(largest))
    return value / linalg.to_complex(largest), (largest[:, :, 0], valid)
