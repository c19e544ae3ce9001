"""Position of the peak of a map, between its cells."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

__all__ = ["Peak", "find_peak", "interpolated"]


class Peak(NamedTuple):
    """Largest entry of each map, [batch_size] each."""

    row: tf.Tensor
    column: tf.Tensor
    value: tf.Tensor


def find_peak(values: tf.Tensor) -> Peak:
    """Largest entry of each map [batch_size, rows, columns]; rows and columns must be known."""
    rows, columns = values.shape[1:]
    flat = tf.reshape(values, [tf.shape(values)[0], rows * columns])
    index = tf.argmax(tf.stop_gradient(flat), axis=-1, output_type=tf.int32)
    return Peak(index // columns, index % columns, tf.gather(flat, index, batch_dims=1))


def interpolated(values: tf.Tensor, peak: Peak) -> tuple[tf.Tensor, tf.Tensor]:
    """Offsets [batch_size] of the peak from its cell, in rows and in columns, within 1/2.

    The parabola through an entry and its two neighbours has its vertex there. They can be
    differentiated by the map; on an edge of the map they are 0.
    """
    across = tf.gather(values, peak.column, axis=2, batch_dims=1)
    along = tf.gather(values, peak.row, axis=1, batch_dims=1)
    return _vertex(across, peak.row), _vertex(along, peak.column)


def _vertex(line: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    last = line.shape[1] - 1
    if last < 2:
        return tf.zeros_like(line[:, 0])
    inner = tf.clip_by_value(index, 1, last - 1)
    low, centre, high = (tf.gather(line, inner + step, batch_dims=1) for step in (-1, 0, 1))
    bend = 2 * centre - low - high
    good = (index == inner) & (bend > 0)
    return tf.where(good, (high - low) / (2 * tf.where(good, bend, tf.ones_like(bend))), 0.0)
