"""Range-Doppler map of a filtered observation, and the estimates of its peaks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import Array, Complex, Layer, checks, linalg, plane_wave_array, register
from sionna_isac.receiver._gaps import filled_noise, filling
from sionna_isac.receiver._side_lobes import (
    beside,
    expected,
    floor_of_gaps,
    keep,
    over_symbols,
    tables,
)
from sionna_isac.receiver._windows import spanned, window_values
from sionna_isac.receiver.angle_delay import silenced
from sionna_isac.receiver.cfar import Detections
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.waveform import Numerology, element_mask

__all__ = ["RangeDopplerMap"]

SMALLEST = {"single": 1e-30, "double": 1e-200}  # power, for the logarithm


@register
class RangeDopplerMap(Layer):
    r"""Power over velocities and ranges by windowed, zero-padded FFTs over symbols and subcarriers.

    .. math::
        P_{ij} = \frac{\left|\sum_{m,s} w_m u_s\, z_{ms}\, e^{j4\pi v_i m T/\lambda}\,
        e^{j4\pi s \Delta_f R_j/c}\right|^2}{\sum_{m,s} w_m^2 u_s^2}

    White noise of power :math:`N_0` in the used elements of ``z`` has the mean power :math:`N_0`
    in each cell; a target gains up to the number of used elements. Windows and zero padding
    correlate neighbouring cells.

    The FFTs span the active subcarriers from the first to the last one, at the largest step that
    they share, and so does the window; likewise the symbols. Gaps inside hold zeros, and leave a
    floor over all ranges, -34 dB for one of 107 subcarriers, which CFAR detects at high SNR.
    ``fill_gaps`` therefore fills narrow gaps of subcarriers, such as a DC null, by least squares
    from the other subcarriers of the same symbol. This is an approximation, for echoes up to
    ``max_range`` or, if that is `None`, up to ``numerology.prefix_range``, and without a prefix
    half the unambiguous range. Echoes from further away get a higher floor instead, by 3 dB for a
    limit of a tenth of the unambiguous range, 8 dB for one half and 16 dB for 0.8 of it. A
    subcarrier stays empty if the error of its fill is above -30 dB or its noise is 12 dB above
    that of others, and all do if the used subcarriers differ between symbols. Each range is
    divided by its exact noise, so that the mean of noise stays :math:`N_0`.

    The default serves detection. Its estimates are 4 to 7 dB above the bound; those of
    ``window=(None, None)`` with ``padding=(8, 8)`` 0.1 to 0.5 dB, for a target alone, and
    :class:`LikelihoodRefinement` and :class:`DifferentiableOMP` serve as well.

    Side lobes of a strong target are detections, too: -31 dB with Hann windows, and -13 dB of beams
    without a window over antennas. Windows such as ``("chebwin", 80)`` avoid them, and
    :meth:`reject_sidelobes` drops them.

    With OS-CFAR, all steps take 1.7 times as long as the FFTs alone, and 1/300 to 1/1080 of the
    time of NumPy (``benchmarks/range_doppler.md``).

    Parameters
    ----------
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    window : (window, window), (default ("hann", "hann"))
        Windows over symbols and over subcarriers, and, if there is a third one, over the antennas
        of an array, by the names of ``scipy.signal.get_window`` (or tuples of a name and its
        parameters); `None` is none
    padding : (`int`, `int`), (default (2, 2))
        Cells per resolution cell of velocity and of range
    array : `None` (default) | :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have; `None` makes a map for each antenna
    angles : `None` (default) | [num_angles], array_like
        Angles of the beams :math:`\mathbf{a}^H(\theta)/\lVert\mathbf{a}\rVert`, one or more,
        with an array [rad]
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that are used; `None` is all of the active subcarriers
    max_range : `None` (default) | `float`
        Largest range of the map [m]; `None` is the unambiguous range
    fill_gaps : `bool`, (default `True`)
        If `True`, narrow gaps between used subcarriers are filled; if `False`, they hold zeros
    projection : `None` (default) | [num_symbols, num_symbols], array_like
        Matrix of the clutter filter that ``z`` has passed, ``projection`` of
        :class:`ClutterFilter`. It tells :meth:`reject_sidelobes` of the side lobes that the filter
        makes; the map does not apply it.

    Input
    -----
    z : [batch_size, ..., num_symbols, num_subcarriers], `tf.complex`
        Observation after a filter that removes the symbols,
        [batch_size, num_symbols, num_subcarriers] or
        [batch_size, num_rx, num_symbols, num_subcarriers]; the dimension of symbols may be absent
        if there is one symbol and ``z`` has antennas

    Output
    ------
    : [batch_size, ..., num_velocities, num_ranges], `tf.float`
        Power, over ``velocities`` and ``ranges``: [batch_size, num_velocities, num_ranges],
        [batch_size, num_rx, num_velocities, num_ranges] or, with an array,
        [batch_size, num_angles, num_velocities, num_ranges]

    Raises
    ------
    TypeError, ValueError
        If a value is out of its range, a mask is empty or has the wrong size, or shapes do not fit

    Example
    -------
    >>> rd = isac.receiver.RangeDopplerMap(numerology, window=("hann", ("kaiser", 6.0)))
    >>> power = rd(z)
    >>> found = isac.receiver.CFAR("os", p_fa=1e-6)(power)
    >>> estimate = rd.estimate(power, found)
    """

    def __init__(
        self,
        numerology: Numerology,
        window: Sequence[Any] = ("hann", "hann"),
        padding: Sequence[int] = (2, 2),
        array: Array | None = None,
        angles: Any = None,
        elements: Any = None,
        *,
        max_range: float | None = None,
        fill_gaps: bool = True,
        projection: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.padding = checks.integers("padding", padding)
        if len(self.padding) != 2:
            raise ValueError(
                f"padding must be a pair, for symbols and subcarriers; got {padding!r}"
            )
        if isinstance(window, str) or len(window) not in ((2,) if array is None else (2, 3)):
            raise ValueError(
                "window must be a pair, for symbols and subcarriers, or have a third one for the "
                f"antennas of an array; got {window!r}"
            )
        if (array is None) != (angles is None):
            raise ValueError(
                f"array and angles must be given together; got {array!r} and {angles!r}"
            )
        self.array = None if array is None else plane_wave_array("array", array)
        if array is not None:
            self.numerology.check_array("array", array)
        self.angles = None if angles is None else checks.angle_grid("angles", angles, single=True)
        self._aperture: np.ndarray | None = None
        self._tables: tuple[np.ndarray, np.ndarray | None] | None = None  # of side lobes
        self._mask = element_mask(numerology, elements)
        self.elements = None if elements is None else self._mask
        self.window = tuple(tuple(w) if isinstance(w, list) else w for w in window)
        every = (numerology.num_symbols, numerology.num_subcarriers)
        used = np.ones(every, bool) if self._mask is None else self._mask
        lines = [spanned(np.flatnonzero(used.any(axis))) for axis in (1, 0)]
        tapers = [window_values(w, len(line)) for w, line in zip(self.window, lines, strict=False)]
        self._lines = lines
        self.projection = None if projection is None else np.asarray(projection)
        self._projection = over_symbols(projection, used, lines[0])
        used = used[np.ix_(*lines)]
        weights = np.outer(*tapers) * used
        if not np.any(weights):
            raise ValueError(f"window must not be 0 on all used elements; got {window!r}")
        # one symbol has no velocity, one subcarrier no range
        self._sizes = [
            1 if len(line) == 1 else len(line) * factor
            for line, factor in zip(lines, self.padding, strict=True)
        ]
        symbols, tones = self._sizes
        steps = [int(line[1] - line[0]) if len(line) > 1 else 1 for line in lines]
        limit = SPEED_OF_LIGHT / (2 * steps[1] * numerology.subcarrier_spacing)
        ranges = np.arange(tones) * (limit / tones)
        self.max_range = max_range
        if max_range is not None:
            self.max_range = checks.real("max_range", max_range, minimum=0, exclusive=True)
            ranges = ranges[ranges <= self.max_range]
        self._ranges = ranges
        self._full = ranges.size == tones
        # velocities below 0 come first; inverse transforms divide by their sizes
        turns = (symbols // 2) * np.arange(len(lines[0])) % symbols / symbols
        scale = np.prod(self._sizes) / np.linalg.norm(weights)
        self._fill, self._noise, self._floor = None, np.ones(ranges.size), np.zeros(ranges.size)
        self.fill_gaps = bool(fill_gaps)
        rows, columns = used.any(1), used.any(0)
        if fill_gaps and np.array_equal(used, np.outer(rows, columns)):
            reach = self.max_range or numerology.prefix_range or limit / 2
            gaps, fill = filling(columns, min(reach / limit, 1.0))
            if gaps.size:
                taper = tapers[1]
                self._fill = fill, np.eye(columns.size)[gaps]
                self._noise = filled_noise(taper * columns, taper[gaps], gaps, fill, tones)
                self._noise = self._noise[: ranges.size]
                self._floor = floor_of_gaps(taper, gaps, fill, tones, ranges.size)
                weights[:, gaps] = np.outer(tapers[0] * rows, taper[gaps])
        self._real_weights = weights
        self._weights = weights * (scale * np.exp(-2j * np.pi * turns))[:, np.newaxis]
        duration = steps[0] * numerology.symbol_duration
        self._velocities = (np.arange(symbols) - symbols // 2) * (
            numerology.wavelength / (2 * duration * symbols)
        )
        if len(self.window) == 3 and self.array is not None:
            self._aperture = window_values(self.window[2], self.array.num_antennas)

    @property
    def velocities(self) -> np.ndarray:
        """[num_velocities] : Velocities [m/s], increasing, positive for targets that recede"""
        return self._velocities

    @property
    def ranges(self) -> np.ndarray:
        """[num_ranges] : Ranges [m], from 0"""
        return self._ranges

    def call(self, z: Complex) -> tf.Tensor:
        z, valid = silenced(self._observed(z))
        for axis, line in zip((-2, -1), self._lines, strict=True):
            if len(line) < z.shape[axis]:
                z = tf.gather(z, line, axis=axis)
        if self._fill is not None:
            weights, places = (tf.constant(v, self.cdtype) for v in self._fill)
            z += tf.einsum("...s,gs,gt->...t", z, weights, places)
        z = z * tf.constant(self._weights, self.cdtype)
        if self.array is not None and self.angles is not None:
            z = self._beams(z, self.array, self.angles)
        ends = [size - len(line) for size, line in zip(self._sizes, self._lines, strict=True)]
        z = tf.pad(z, [*[[0, 0]] * (z.shape.rank - 2), *([0, end] for end in ends)])
        spectrum = tf.signal.ifft2d(z)[..., : self._ranges.size]
        power = tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2
        if self._fill is not None:
            power /= tf.constant(self._noise, self.rdtype)
        keep = tf.reshape(valid, [-1, *[1] * (power.shape.rank - 1)])
        return tf.where(keep, power, float("nan"))

    def spectrum(self, z: Any) -> tf.Tensor:
        """Map of an observation, as the call gives it, over ``angles``, ``velocities`` and
        ``ranges``
        """
        return self(z)

    def estimate(self, power: Any, detections: Detections) -> TargetEstimate:
        """Estimates of detected targets between the cells of the map.

        Along each axis they are the vertex of a parabola through the logarithms of the power of
        the cell and of its neighbours, and can be differentiated by the map.

        Parameters
        ----------
        power : [batch_size, (num_angles,) num_velocities, num_ranges], `tf.float`
            Map, or cube
        detections : :class:`~sionna_isac.receiver.Detections`
            Detections in it

        Output
        ------
        : :class:`~sionna_isac.receiver.TargetEstimate`
            Estimates of [batch_size, max_detections] targets, whose metric is the power over its
            threshold; all are 0 where there is no further detection. The angle is `None` without
            an array.
        """
        checks.instance("detections", detections, Detections)
        power = self.cast(power, name="power")
        shape = [self.velocities.size, self.ranges.size]
        cube = power if power.shape.rank == 4 else power[:, tf.newaxis]
        number = None if self.angles is None else self.angles.size
        checks.shape("power", cube, [None, number, *shape])
        layer = detections.angle_index
        if layer is None:
            layer = tf.zeros_like(detections.range_index)
        index = [layer, detections.velocity_index, detections.range_index]
        log = tf.math.log(tf.maximum(cube, SMALLEST[self.precision]))
        sizes = [int(n) for n in cube.shape[1:]]
        flat = tf.reshape(log, [tf.shape(log)[0], math.prod(sizes)])

        def offset(axis: int, wraps: bool, grid: np.ndarray) -> tf.Tensor:
            """Place of the vertex along an axis."""
            size = sizes[axis]
            start = tf.gather(tf.constant(grid, self.rdtype), index[axis])
            if size < 3:
                return start
            inside = (index[axis] > 0) & (index[axis] < size - 1)
            values, places = [], []
            for step in (-1, 0, 1):
                moved = [i + step if n == axis else i for n, i in enumerate(index)]
                moved = [tf.math.floormod(i, n) for i, n in zip(moved, sizes, strict=True)]
                cell = (moved[0] * sizes[1] + moved[1]) * sizes[2] + moved[2]
                values.append(tf.gather(flat, cell, batch_dims=1))
                places.append(tf.gather(tf.constant(grid, self.rdtype), moved[axis]))
            width = tf.constant(float(grid[1] - grid[0]), self.rdtype)
            before, after = (width, width) if wraps else (start - places[0], places[2] - start)
            return start + tf.where(inside | wraps, _vertex(values, before, after), 0.0)

        angle = None if self.angles is None else offset(0, False, self.angles)
        velocity = offset(1, True, self.velocities)
        distance = tf.maximum(offset(2, self._full, self.ranges), 0.0)
        mask, strength = detections.mask, detections.power
        ones = tf.ones_like(strength)
        metric = strength / tf.where(mask, detections.threshold, ones)
        angle, velocity, distance = (
            None if v is None else tf.where(mask, v, tf.stop_gradient(strength))  # 0, or NaN
            for v in (angle, velocity, distance)
        )
        return TargetEstimate(angle=angle, range=distance, metric=metric, velocity=velocity)

    def reject_sidelobes(self, detections: Detections, margin_db: float = 6.0) -> Detections:
        """Detections without those that may be side lobes of stronger ones.

        A detection is kept if it exceeds, by the margin, the largest side lobes that all stronger
        ones may have in its cell. These follow from the windows, used elements, filled gaps, beams
        and ``projection`` of this map. A weaker target below them is rejected, too. A clutter
        filter without its ``projection`` leaves ghosts in and beside its notch.

        Parameters
        ----------
        detections : :class:`~sionna_isac.receiver.Detections`
            Detections in the map, or cube; side lobes use up some of their places
        margin_db : `float`, (default 6)
            Power over that of side lobes that a detection needs, as noise raises these [dB]

        Output
        ------
        : :class:`~sionna_isac.receiver.Detections`
            Remaining ones, the strongest first, in as many places
        """
        margin = 10 ** (checks.real("margin_db", margin_db, minimum=0) / 10)
        checks.instance("detections", detections, Detections)
        if (detections.angle_index is None) != (self.array is None):
            kinds = ("a map", "a cube") if self.array is None else ("a cube", "a map")
            raise ValueError(f"detections must be those of {kinds[0]}; got those of {kinds[1]}")
        leakage = None
        if self.array is not None and self.angles is not None:
            leakage = tf.cast(self._leakage(self.array, self.angles), detections.power.dtype)
        if self._tables is None:
            self._tables = tables(self._real_weights, self._sizes, self._projection)
        table, filtered = self._tables
        lobes = expected(detections, table, self._floor, self._noise, leakage, filtered)
        return keep(detections, detections.power > margin * lobes)

    # --- parts ------------------------------------------------------------------------------------

    def _observed(self, z: tf.Tensor) -> tf.Tensor:
        """Observation with symbols, 0 on elements that are not used."""
        axes = "[batch_size, (num_rx,) num_symbols, num_subcarriers]"
        checks.rank("z", z, (3, 4), axes)
        shape = [self.numerology.num_symbols, self.numerology.num_subcarriers]
        checks.last_dim("z", z, shape[1], "(num_subcarriers)")
        if z.shape.rank == 3 and shape[0] == 1:
            z = z[:, :, tf.newaxis]
        checks.shape("z", z, [*[None] * (z.shape.rank - 2), *shape], axes)
        if self.array is not None:
            if z.shape.rank == 3:
                raise ValueError(
                    f"z must have antennas for beams, {axes}; got shape {list(z.shape)}"
                )
            checks.shape("z", z, [None, self.array.num_antennas, *shape], axes)
        return z if self._mask is None else tf.where(self._mask, z, tf.zeros_like(z))

    def _weights_of_beams(self, array: Array, angles: np.ndarray) -> tf.Tensor:
        steering = self.cast(array.steering(self.cast(angles)))
        if self._aperture is not None:
            steering *= tf.constant(self._aperture, self.cdtype)
        energy = tf.reduce_sum(tf.math.real(steering * tf.math.conj(steering)), -1, keepdims=True)
        return steering * linalg.to_complex(tf.math.rsqrt(energy))

    def _leakage(self, array: Array, angles: np.ndarray) -> tf.Tensor:
        """Largest power [num_angles, num_angles] of targets in other beams, over their own."""
        weights, places = self._weights_of_beams(array, angles), beside(angles)
        steering = self.cast(array.steering(self.cast(places.ravel())))
        power = tf.abs(linalg.matmul(steering, tf.linalg.adjoint(weights))) ** 2
        power = tf.reshape(power, [*places.shape, angles.size])
        own = tf.linalg.diag_part(tf.transpose(power, [1, 0, 2]))
        return tf.reduce_max(power / tf.transpose(own)[..., tf.newaxis], 1)

    def _beams(self, z: tf.Tensor, array: Array, angles: np.ndarray) -> tf.Tensor:
        # conjugate weights from the left; a block of the observation would be a large copy
        block = linalg.real_block(self._weights_of_beams(array, angles))
        batch, _, rows, columns = linalg.sizes(z)
        parts = tf.concat([tf.math.real(z), tf.math.imag(z)], 1)
        parts = block @ tf.reshape(parts, [batch, 2 * array.num_antennas, rows * columns])
        real, imag = tf.split(tf.reshape(parts, [batch, 2 * angles.size, rows, columns]), 2, 1)
        return tf.complex(real, imag)


def _vertex(values: Sequence[tf.Tensor], before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Offset of the vertex of a parabola from its middle point; 0 if it does not bend down."""
    low, centre, high = values
    down, up = (centre - low) / before, (high - centre) / after
    bend = down - up
    good = bend > 0
    place = (down * after + up * before) / (2 * tf.where(good, bend, tf.ones_like(bend)))
    return tf.where(good, tf.clip_by_value(place, -before / 2, after / 2), 0.0)
