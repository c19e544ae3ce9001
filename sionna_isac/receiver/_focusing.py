"""Sums of a matched filter with spherical waves over a horizontal plane, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import linalg
from sionna_isac.receiver._blocks import BLOCK, in_blocks

__all__ = ["Plane"]


class Plane(NamedTuple):
    """Antennas and tones that look at a horizontal plane.

    Places come in groups: one group for all samples, or one for each. Samples of a group are its
    members and the last axis inside, so that each contraction is one batched matrix product.
    """

    frequencies: np.ndarray
    tx_positions: np.ndarray
    rx_positions: np.ndarray
    height: float

    @property
    def on_axis(self) -> bool:
        """`True` if the distances of receivers depend on the range alone."""
        return not np.any(self.rx_positions[:, :2])

    def sums(
        self,
        h: tf.Tensor,
        angles: tf.Tensor,
        ranges: tf.Tensor,
        coherent: bool,
        reduce: Callable[[tf.Tensor], tf.Tensor],
        dtype: tf.DType,
    ) -> tf.Tensor:
        """Reduced sums over antennas, and over tones if ``coherent``, for each place.

        Parameters
        ----------
        h : [batch_size, num_frequencies, num_rx, num_tx], `tf.complex`
            Channel
        angles, ranges : [groups, num_angles], [groups, num_ranges], `tf.float64`
            Places; ``groups`` is 1 or ``batch_size``
        coherent : `bool`
            If `True`, tones are added, too
        reduce : callable
            Function of sums [..., num_tones (1 if coherent), num_angles, members], which may make
            one tone of many
        dtype : `tf.DType`
            Type of its values

        Output
        ------
        : [batch_size, num_angles, num_ranges, num_tones]
            Its values
        """
        batch_size, num_tones, num_rx, num_tx = linalg.sizes(h)
        groups, num_angles = linalg.sizes(angles)
        num_ranges = ranges.shape[1]
        shared = isinstance(groups, int) and groups == 1
        members = batch_size if shared else 1
        h = tf.reshape(h, [groups, members, num_tones, num_rx, num_tx])
        order, rows, others = (2, 3, 4, 1), num_rx, num_tx
        if not self.on_axis:
            order, rows, others = (2, 4, 3, 1), num_tx, num_rx
        h = tf.reshape(tf.transpose(h, [0, *order]), [groups, num_tones, rows, others * members])
        steps = [tf.transpose(ranges)]  # [num_ranges, groups]
        size = num_tones * num_angles * num_tx
        if self.on_axis:
            rx = self._phasors(steps[0], None, self.rx_positions, h.dtype)
            rx = tf.transpose(rx[:, :, :, 0], [1, 2, 0, 3])  # [groups, tones, ranges, rx]
            left = tf.reshape(
                linalg.matmul(rx, h), [groups, num_tones, num_ranges, num_tx, members]
            )
            steps.append(tf.transpose(left, [2, 0, 1, 3, 4]))
        else:
            size += num_tones * num_angles * num_rx * (members if isinstance(members, int) else 1)

        def focused(step: list[tf.Tensor]) -> tf.Tensor:
            """Values at some ranges, [ranges, groups, tones, num_angles, members]."""
            number = step[0].shape[0]
            tx = self._phasors(step[0], angles, self.tx_positions, h.dtype)
            if self.on_axis and coherent:  # tones and transmitters in one product
                shape = [number, groups, 1, num_angles, num_tones * num_tx]
                tx = tf.reshape(tf.transpose(tx, [0, 1, 3, 2, 4]), shape)
                shape = [number, groups, 1, num_tones * num_tx, members]
                return reduce(linalg.matmul(tx, tf.reshape(step[1], shape)))
            if self.on_axis:
                return reduce(linalg.matmul(tx, step[1]))
            rx = self._phasors(step[0], angles, self.rx_positions, h.dtype)
            # ranges among the rows: TensorFlow 2.21 crashes on [n, 1, a, b] @ [1, 1, b, c]
            rows = tf.reshape(
                tf.transpose(tx, [1, 2, 0, 3, 4]), [groups, num_tones, number * num_angles, num_tx]
            )
            parts = tf.reshape(
                linalg.matmul(rows, h), [groups, num_tones, number, num_angles, num_rx, members]
            )
            parts = tf.transpose(parts, [2, 0, 1, 3, 4, 5])
            total = tf.reduce_sum(rx[..., tf.newaxis] * parts, -2)
            return reduce(tf.reduce_sum(total, 2, keepdims=True) if coherent else total)

        values = in_blocks(focused, steps, max(1, BLOCK // size) if shared else 1, dtype)
        # [ranges, groups, tones, angles, members]
        values = tf.transpose(values, [1, 4, 3, 0, 2])
        return tf.reshape(values, [batch_size, num_angles, num_ranges, values.shape[-1]])

    def _phasors(
        self, ranges: tf.Tensor, angles: tf.Tensor | None, antennas: np.ndarray, dtype: tf.DType
    ) -> tf.Tensor:
        """Phasors [ranges, groups, tones, num_angles or 1, antennas] that undo the paths of waves.

        Paths are thousands of wavelengths long. In double precision, whole turns are taken away
        from those of the mean frequency, and of the offset of each tone over the range; what is
        left of a tone is its offset over a part of the array.
        """
        ranges = ranges[:, :, tf.newaxis, tf.newaxis]
        level = (self.height - antennas[:, 2]) ** 2
        if angles is None:
            way = tf.sqrt(ranges**2 + level)
        else:
            angles = angles[:, :, tf.newaxis]
            x = ranges * tf.cos(angles) - antennas[:, 0]
            y = ranges * tf.sin(angles) - antennas[:, 1]
            way = tf.sqrt(x * x + y * y + level)
        mean = float(np.mean(self.frequencies))
        offsets = ((self.frequencies - mean) / SPEED_OF_LIGHT)[:, np.newaxis, np.newaxis]

        def part(turns: tf.Tensor) -> tf.Tensor:
            return tf.cast(2 * math.pi * (turns - tf.round(turns)), dtype.real_dtype)

        common = part(way * (mean / SPEED_OF_LIGHT))[:, :, tf.newaxis]
        far = part(ranges[:, :, tf.newaxis] * offsets)
        rest = tf.cast(2 * math.pi * (way - ranges), dtype.real_dtype)[:, :, tf.newaxis]
        return linalg.expj(common + (far + rest * tf.constant(offsets, dtype.real_dtype)))
