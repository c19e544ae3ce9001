"""Angles of a grid that lie in a sector, which is closed at its ends whatever rounding does."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

__all__ = ["edges", "has_angles", "tolerance", "within"]

_SHARE = 1e-5  # of the smallest cell of the grid


def edges(grid: np.ndarray, sector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Lower and upper azimuths [batch_size, 1] of sectors, with the tolerance of their ends.

    The tolerance is far below a cell of the grid and above the rounding of an angle: a grid angle
    that equals an edge on paper is inside, though the two were computed in different ways.
    """
    margin = tf.constant(tolerance(grid, sector.dtype), sector.dtype)
    return sector[:, :1] - margin, sector[:, 1:] + margin


def tolerance(grid: np.ndarray, dtype: tf.DType) -> float:
    """Tolerance of the ends of a sector [rad]."""
    return max(_SHARE * float(np.min(np.diff(grid))), 4 * np.finfo(dtype.as_numpy_dtype).eps)


def within(grid: np.ndarray, sector: tf.Tensor) -> tf.Tensor:
    """Mask [batch_size, num_angles] of the grid angles in each sector [batch_size, 2]."""
    lower, upper = edges(grid, sector)
    angles = tf.constant(grid, sector.dtype)
    return (angles >= lower) & (angles <= upper)


def has_angles(inside: tf.Tensor, sector: tf.Tensor) -> tf.Tensor:
    """Mask [batch_size] of samples with an angle to search; an error in eager mode for others.

    A sector that is NaN has none.
    """
    valid = tf.reduce_any(inside, -1) & tf.reduce_all(tf.math.is_finite(sector), -1)
    if tf.executing_eagerly() and not bool(tf.reduce_all(valid)):
        empty = int(tf.where(~valid)[0, 0])
        low, high = (float(v) for v in sector[empty])
        raise ValueError(
            f"sector must contain an angle of angle_grid; got [{low:g}, {high:g}] rad in sample "
            f"{empty}"
        )
    return valid
