"""Far-field periodogram over delay and azimuth, with all receivers added in power."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import Complex, Layer, checks, cites, linalg, register
from sionna_isac.receiver._blocks import BLOCK, in_blocks
from sionna_isac.receiver._channel import observe, root
from sionna_isac.receiver._peak import find_peak, interpolated
from sionna_isac.receiver.estimate import TargetEstimate

__all__ = ["Periodogram2D"]

UNEVEN = 1e-6  # of the mean distance: what equal distances may differ by
LARGEST_SINE = 1 - 1e-7  # the arc sine has no derivative at 1


@register
@cites("Zhao26")
class Periodogram2D(Layer):
    r"""Strongest range and azimuth as plane waves see them: the far-field reference of [Zhao26]_.

    With the offset :math:`y_t` of transmitters along y and the wavelength :math:`\lambda` of the
    mean frequency,

    .. math::
        I(\rho, \theta) = \frac{1}{\sqrt{FT}\,\lVert\mathbf{H}\rVert} \left(\sum_r \left|\sum_{f,t}
        H_{frt}\, e^{j4\pi f \rho/c}\, e^{-j2\pi y_t \sin\theta/\lambda}\right|^2\right)^{1/2},

    within [0, 1]. Transmitters are transformed by a zero-padded FFT, and tones, too, if they have
    equal distances; else they are multiplied by the phasors of the ranges. The estimate is the
    vertex of a parabola through the largest value and its neighbours, and can be differentiated by
    the channel.

    The model takes waves for plane: near the array the peak is broad and low. And equally spaced
    tones repeat their echo after :math:`c/(2\Delta_f)`, so that targets beyond are seen at a wrong
    range.

    Parameters
    ----------
    frequencies : [num_frequencies], array_like
        Frequencies of at least two tones, increasing [Hz]
    tx_positions : [num_tx, 3], array_like
        Positions of at least two transmit antennas at equal distances along y [m]
    max_range : `None` (default) | `float`
        Largest range of the search [m]; `None` is the unambiguous range of equally spaced tones,
        which is also the largest one they allow. Other tones need one.
    oversampling : `int`, (default 4)
        Points for each resolution cell, at least

    Input
    -----
    h : [batch_size, num_frequencies, num_rx, num_tx], `tf.complex`
        Channel; receivers lie around the origin

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Azimuth and range of one target per sample, with :math:`I` as metric; NaN (an error in eager
        mode) where ``h`` is not finite, or zero

    Raises
    ------
    TypeError, ValueError
        If tones or antennas do not fit, ``max_range`` is missing or beyond the unambiguous range,
        shapes do not fit, or (in eager mode) ``h`` is not finite or zero

    Example
    -------
    >>> receiver = isac.receiver.Periodogram2D(frequencies, tx_positions)
    >>> receiver(h).range
    """

    def __init__(
        self,
        frequencies: Any,
        tx_positions: Any,
        *,
        max_range: float | None = None,
        oversampling: int = 4,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.frequencies = checks.grid("frequencies", checks.tones("frequencies", frequencies))
        self.tx_positions = checks.points("tx_positions", tx_positions)
        self.oversampling = checks.integer("oversampling", oversampling)
        self.max_range = max_range
        limit = math.inf
        steps = np.diff(self.frequencies)
        self._even = bool(np.ptp(steps) < UNEVEN * np.mean(steps))
        if self._even:
            limit = SPEED_OF_LIGHT / (2 * float(np.mean(steps)))
        elif max_range is None:
            raise ValueError(
                "max_range must be given for frequencies without equal distances; got None"
            )
        if max_range is not None:
            self.max_range = checks.real(
                "max_range", max_range, minimum=0, maximum=limit * (1 + UNEVEN), exclusive=True
            )
        self._sines = self._make_sines()
        self._ranges = self._make_ranges(limit)

    @property
    def angles(self) -> np.ndarray:
        """[num_angles] : Azimuths of the search [rad]"""
        return np.arcsin(self._sines)

    @property
    def ranges(self) -> np.ndarray:
        """[num_ranges] : Ranges of the search [m]"""
        return self._ranges

    def _make_sines(self) -> np.ndarray:
        line = self.tx_positions
        steps = np.diff(line, axis=0)
        even = len(line) > 1 and np.all(np.abs(steps - steps[:1]) < UNEVEN * np.abs(steps[0, 1]))
        if not even or np.any(np.abs(steps[:, [0, 2]]) > UNEVEN * np.abs(steps[:, 1:2])):
            raise ValueError(
                "tx_positions must hold at least two positions at equal distances along y; got "
                f"steps of {steps[0].tolist() if len(steps) else 'none'} first"
            )
        number = _padded(len(line) * self.oversampling)
        turns = np.fft.fftshift(np.fft.fftfreq(number)) / (steps[0, 1] * self._wavenumber)
        self._kept = np.flatnonzero(np.abs(turns) <= 1)
        self._num_sines = number
        if turns[-1] < turns[0]:
            self._kept = self._kept[::-1]
        return turns[self._kept]

    @property
    def _wavenumber(self) -> float:
        """In turns per metre."""
        return float(np.mean(self.frequencies)) / SPEED_OF_LIGHT

    def _make_ranges(self, limit: float) -> np.ndarray:
        last = limit if self.max_range is None else self.max_range
        if self._even:
            self._num_delays = _padded(self.frequencies.size * self.oversampling)
            step = limit / self._num_delays
            number = min(self._num_delays, int(last / step) + 1)
        else:
            step = SPEED_OF_LIGHT / (2 * float(np.ptp(self.frequencies)) * self.oversampling)
            number = int(last / step) + 1
        return step * np.arange(max(2, number))

    def call(self, h: Complex) -> TargetEstimate:
        h, valid = self._observe(h)
        coarse = find_peak(self._image(tf.stop_gradient(h)))
        sines, ranges = (
            self._around(axis, index)
            for axis, index in ((self._sines, coarse.row), (self._ranges, coarse.column))
        )
        near = self._patch(h, sines, ranges)
        middle = tf.ones_like(coarse.row)
        offsets = interpolated(near, coarse._replace(row=middle, column=middle))
        sine, distance = (
            axis[:, 1] + (axis[:, 2] - axis[:, 1]) * offset
            for axis, offset in zip((sines, ranges), offsets, strict=True)
        )
        angle = tf.asin(tf.clip_by_value(sine, -LARGEST_SINE, LARGEST_SINE))
        nan = tf.constant(np.nan, self.rdtype)
        found = (angle, tf.maximum(distance, 0.0), near[:, 1, 1])
        return TargetEstimate(*(tf.where(valid, v, nan)[:, tf.newaxis] for v in found))

    def image(self, h: Any) -> tf.Tensor:
        """Image :math:`I` of a channel, [batch_size, num_angles, num_ranges], over ``angles`` and
        ``ranges``
        """
        h, valid = self._observe(self.cast(h, Complex, "h"))
        return tf.where(valid[:, tf.newaxis, tf.newaxis], self._image(h), float("nan"))

    # --- parts ------------------------------------------------------------------------------------

    def _observe(self, h: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return observe(h, [None, self.frequencies.size, None, len(self.tx_positions)])

    def _image(self, h: tf.Tensor) -> tf.Tensor:
        """Image of a channel of unit norm; tones are transformed for some azimuths at a time."""
        beams = tf.signal.fftshift(tf.signal.fft(_pad(h, self._num_sines - h.shape[-1])), axes=-1)
        beams = tf.transpose(tf.gather(beams, self._kept, axis=-1), [3, 0, 2, 1])
        number = self._ranges.size
        if not self._even:
            phasors = linalg.expj(tf.constant(self._delay_phases(self._ranges), self.rdtype))

        def powers(steps: list[tf.Tensor]) -> tf.Tensor:
            """[azimuths, batch_size, num_ranges]"""
            (rows,) = steps
            if self._even:
                padded = _pad(rows, self._num_delays - self.frequencies.size)
                delays = tf.signal.ifft(padded)[..., :number] * self._num_delays
            else:
                delays = linalg.matmul(rows, phasors)
            return tf.reduce_sum(tf.math.real(delays * tf.math.conj(delays)), 2)

        each = self._num_delays if self._even else number
        batch_size, _, num_rx, _ = h.shape
        size = each * (num_rx or 1) * (batch_size or 1)
        power = in_blocks(powers, [beams], max(1, BLOCK // size), self.rdtype)
        return self._amplitude(tf.transpose(power, [1, 0, 2]))

    def _amplitude(self, power: tf.Tensor) -> tf.Tensor:
        return root(power / (self.frequencies.size * len(self.tx_positions)))

    def _around(self, axis: np.ndarray, index: tf.Tensor) -> tf.Tensor:
        """A point of an axis of equal steps, and the next ones on both sides, [batch_size, 3]."""
        step = (axis[-1] - axis[0]) / (axis.size - 1)
        start = tf.gather(tf.constant(axis, self.rdtype), index)
        return start[:, tf.newaxis] + tf.constant([-step, 0, step], self.rdtype)

    def _patch(self, h: tf.Tensor, sines: tf.Tensor, ranges: tf.Tensor) -> tf.Tensor:
        """Image [batch_size, 3, 3] at given sines and ranges of each sample, directly."""
        offsets = self.tx_positions[:, 1] - self.tx_positions[0, 1]
        beam = linalg.expj(-2 * np.pi * self._wavenumber * offsets * sines[..., tf.newaxis])
        shift = (self.frequencies - self.frequencies[0]) / SPEED_OF_LIGHT
        delay = linalg.expj(4 * np.pi * shift * ranges[..., tf.newaxis])
        number, num_tones, num_rx, num_tx = linalg.sizes(h)
        rows = tf.reshape(tf.transpose(h, [0, 2, 1, 3]), [number, num_rx * num_tones, num_tx])
        rows = linalg.matmul(rows, tf.linalg.matrix_transpose(beam))
        rows = tf.reshape(rows, [number, num_rx, num_tones, 3])
        rows = tf.reshape(tf.transpose(rows, [0, 1, 3, 2]), [number, num_rx * 3, num_tones])
        sums = linalg.matmul(rows, tf.linalg.matrix_transpose(delay))
        power = tf.reshape(tf.math.real(sums * tf.math.conj(sums)), [number, num_rx, 3, 3])
        return self._amplitude(tf.reduce_sum(power, 1))

    def _delay_phases(self, ranges: np.ndarray) -> np.ndarray:
        """Phases [num_frequencies, num_ranges] that undo the delays."""
        shift = (self.frequencies - self.frequencies[0]) / SPEED_OF_LIGHT
        return 4 * np.pi * np.outer(shift, ranges)


def _padded(number: int) -> int:
    """Smallest power of two that is not below a number."""
    return 1 << (number - 1).bit_length()


def _pad(values: tf.Tensor, number: int) -> tf.Tensor:
    return tf.pad(values, [[0, 0]] * (values.shape.rank - 1) + [[0, number]])
