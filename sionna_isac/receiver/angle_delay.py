"""Angle-delay map, and the base of receivers that use such a map."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import tensorflow as tf

from sionna_isac.core import (
    Array,
    Complex,
    Layer,
    Receiver,
    checks,
    cites,
    linalg,
    plane_wave_array,
    register,
)
from sionna_isac.receiver.search_grid import SearchGrid
from sionna_isac.waveform import DelayBasis, DopplerBasis, Numerology, element_mask

__all__ = [
    "AngleDelayMap",
    "AngleDelayReceiver",
    "correlate",
    "silenced",
    "spread",
]


class AngleDelayReceiver(Layer):
    """Base of layers that use the angle-delay map of an observation.

    Observations have all subcarriers, [batch_size, num_antennas, num_subcarriers], or are projected
    on ``basis``, [batch_size, num_antennas, rank]; the last dimension distinguishes both. With
    velocities, they have an axis of OFDM symbols before the last one, which is projected on
    ``doppler_basis``.
    """

    _searches_velocities = False  # if the grid may have velocities

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        elements: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.grid = checks.instance("grid", grid, SearchGrid)
        self.numerology.check_array("array", array)
        if grid.ranges is None:
            raise ValueError(f"grid must have ranges for {type(self).__name__}; got {grid!r}")
        mask, every = (element_mask(numerology, e) for e in (elements, None))
        same = mask is None or (every is not None and np.array_equal(mask, every))
        self.elements = None if same else mask
        velocities = grid.velocities
        if velocities is not None and not self._searches_velocities:
            raise ValueError(
                f"grid must have no velocities: {type(self).__name__} estimates none; got {grid!r}"
            )
        if velocities is not None and numerology.num_symbols == 1:
            raise ValueError(
                "grid must have no velocities: the numerology has one OFDM symbol, which shows "
                f"none; got {grid!r}"
            )
        if velocities is None and self.elements is not None and numerology.num_symbols > 1:
            raise ValueError(
                f"elements must be None for a numerology of {numerology.num_symbols} OFDM symbols "
                f"and a grid without velocities; got a mask of shape {list(self.elements.shape)}"
            )
        self._warn_of_grid()

    def _warn_of_grid(self) -> None:
        """Warn of ambiguous ranges and velocities, and of moving targets between the cells."""
        numerology, velocities = self.numerology, self.grid.velocities
        cell = numerology.range_resolution
        steps = {"ranges": (self.ranges, numerology.max_range, cell, "m", "range")}
        if velocities is not None:
            widest = 2 * numerology.max_velocity
            cell = numerology.velocity_resolution
            steps["velocities"] = (velocities, widest, cell, "m/s", "interval of velocities")
        told = []
        for name, (points, most, cell, unit, what) in steps.items():
            length, step = float(points[-1] - points[0]), float(np.max(np.diff(points)))
            if length > most:
                told.append(
                    f"the {name} of grid span {length:g} {unit}, more than the unambiguous {what} "
                    f"of {most:g} {unit}: targets one of those apart cannot be told apart"
                )
            if velocities is not None and step > cell * (1 + 1e-6):
                told.append(
                    f"the {name} of grid have a step of {step:g} {unit}, more than the resolution "
                    f"of {cell:g} {unit}: targets between them are missed or misplaced"
                )
        for text in told:
            warnings.warn(text, stacklevel=5 if isinstance(self, Receiver) else 4)

    @property
    def ranges(self) -> np.ndarray:
        """[num_ranges] : Ranges of the grid [m]"""
        return cast(np.ndarray, self.grid.ranges)

    @property
    def basis(self) -> DelayBasis:
        """:class:`~sionna_isac.waveform.DelayBasis` : Basis of the ranges of the grid"""
        return DelayBasis(self._tones, self.ranges, precision=self.precision)

    @property
    def doppler_basis(self) -> DopplerBasis | None:
        """`None` | :class:`~sionna_isac.waveform.DopplerBasis` : Basis of the velocities"""
        if self.grid.velocities is None:
            return None
        return DopplerBasis(self.numerology, self.grid.velocities, precision=self.precision)

    @property
    def _tones(self) -> Numerology:
        """Numerology whose active subcarriers are those in use, of one OFDM symbol."""
        given = self.numerology
        if self.elements is None or given.num_symbols > 1:
            return given
        return Numerology(
            given.num_subcarriers,
            given.subcarrier_spacing,
            given.carrier_frequency,
            cyclic_prefix_length=given.cyclic_prefix_length,
            symbol_duration=given.symbol_duration,
            active=self.elements[0],
        )

    @property
    def _num_elements(self) -> int:
        """Number of elements that an observation holds."""
        if self.elements is not None:
            return int(np.sum(self.elements))
        numerology = self.numerology
        moving = self.grid.velocities is not None
        return numerology.num_active * (numerology.num_symbols if moving else 1)

    def _observe(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Projected observation and its mask (:func:`silenced`)."""
        basis, doppler, number = self.basis, self.doppler_basis, self.numerology.num_subcarriers
        if doppler is not None:
            return self._observe_symbols(y, basis, doppler)
        axes = "[batch_size, num_antennas, num_subcarriers or rank of basis]"
        checks.rank("y", y, 3, axes)
        checks.shape("y", y, [None, self.array.num_antennas, None], axes)
        if y.shape[-1] == basis.rank:
            return silenced(y)
        if y.shape[-1] not in (None, number):
            raise ValueError(
                f"y must have last dimension {number} (num_subcarriers) or {basis.rank} (rank of "
                f"the delay basis, for projected observations); got shape {list(y.shape)}"
            )
        y = tf.ensure_shape(y, [None, None, number])
        if self.elements is not None:
            y = tf.where(self.elements[0], y, tf.zeros_like(y))
        return silenced(basis.project(y))

    def _observe_symbols(
        self, y: tf.Tensor, basis: DelayBasis, doppler: DopplerBasis
    ) -> tuple[tf.Tensor, tf.Tensor]:
        axes = (
            "[batch_size, num_antennas, num_symbols, num_subcarriers], or the ranks of both bases"
        )
        checks.rank("y", y, 4, axes)
        checks.shape("y", y, [None, self.array.num_antennas, None, None], axes)
        whole = [self.numerology.num_symbols, self.numerology.num_subcarriers]
        ranks = [doppler.rank, basis.rank]
        given = y.shape[2:].as_list()
        if given == ranks != whole:
            return silenced(y)
        if any(n not in (None, wanted) for n, wanted in zip(given, whole, strict=True)):
            raise ValueError(
                f"y must have last dimensions {whole} (num_symbols, num_subcarriers) or {ranks} "
                f"(ranks of the bases, for projected observations); got shape {list(y.shape)}"
            )
        y = tf.ensure_shape(y, [None, self.array.num_antennas, *whole])
        used = self.numerology.active if self.elements is None else self.elements
        if used is not None:
            y = tf.where(used, y, tf.zeros_like(y))
        return silenced(doppler.project(basis.project(y)))


@register
@cites("MateosRamos25")
class AngleDelayMap(AngleDelayReceiver):
    r"""Magnitude of the correlation with every pair of steering and delay vector, for display.

    .. math::
        \mathcal{L}_{ij} = \left|\mathbf{a}^H(\theta_i)\, \tilde{\mathbf{Y}}\,
        \boldsymbol{\rho}^*(\tau_j)\right|

    (the square root of the map of Algorithm 1 of [MateosRamos25]_, its Fig. 3). With velocities the
    sum goes over OFDM symbols, too, and the vectors :math:`\mathbf{d}(v)` of
    :class:`~sionna_isac.waveform.DopplerBasis` belong to it.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Angles and ranges of the map, and velocities of a cube
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that are used; `None` is all those on active subcarriers

    Input
    -----
    y : [batch_size, num_antennas, num_subcarriers], `tf.complex`
        Observation after the symbol filter, or its projection on ``basis``; with velocities
        [batch_size, num_antennas, num_symbols, num_subcarriers]

    Output
    ------
    : [batch_size, num_angles, num_ranges], `tf.float`
        Map, or cube [batch_size, num_angles, num_velocities, num_ranges]
    """

    _searches_velocities = True

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        elements: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(array, numerology, grid, elements=elements, precision=precision, **kwargs)
        checks.angle_grid("grid.angles", grid.angles)

    def call(self, y: Complex) -> tf.Tensor:
        z, finite = self._observe(y)
        steering = self.cast(self.array.steering(self.cast(self.grid.angles)))
        doppler = self.doppler_basis
        if doppler is None:
            magnitude = tf.abs(correlate(steering, z, self.basis))
            return tf.where(finite[:, tf.newaxis, tf.newaxis], magnitude, float("nan"))
        vectors = tf.constant(doppler.coefficients.T, z.dtype)
        cells = correlate(vectors, z, self.basis)  # of each antenna
        sizes = linalg.sizes(cells)
        flat = tf.reshape(cells, [sizes[0], sizes[1], sizes[2] * sizes[3]])
        cube = tf.abs(linalg.matmul(tf.math.conj(steering), flat))
        cube = tf.reshape(cube, [sizes[0], cube.shape[1], sizes[2], sizes[3]])
        return tf.where(tf.reshape(finite, [-1, 1, 1, 1]), cube, float("nan"))


def correlate(steering: tf.Tensor, z: tf.Tensor, basis: DelayBasis) -> tf.Tensor:
    """Correlations [..., num_rows, num_ranges] of a projected observation with rows."""
    rows = linalg.matmul(tf.math.conj(steering), z)
    return linalg.matmul(rows, tf.constant(basis.coefficients.conj(), z.dtype))


def silenced(y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Observations, zero in place of those that are not finite, and the mask of finite ones.

    The largest entry of a map with NaN is arbitrary, so such a sample gets no estimate. NaN of one
    sample would also reach the gradients of shared parameters, such as those of an array.
    """
    finite = tf.math.is_finite(tf.math.real(y)) & tf.math.is_finite(tf.math.imag(y))
    valid = tf.reduce_all(finite, tf.range(1, tf.rank(y)))
    # this form selects whole samples: the broadcast of `tf.where` takes ten times as long
    return tf.compat.v1.where(valid, y, tf.zeros_like(y)), valid


def spread(sector: tf.Tensor, number: int) -> tf.Tensor:
    """Angles [batch_size, number], evenly from edge to edge of each sector [batch_size, 2]."""
    unit = tf.linspace(tf.zeros([], sector.dtype), 1.0, number)
    return sector[:, :1] + (sector[:, 1:] - sector[:, :1]) * unit
