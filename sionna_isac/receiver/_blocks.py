"""Functions of many rows, some rows at a time, so that memory stays bounded."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from sionna_isac.core import linalg

__all__ = ["BLOCK", "in_blocks"]

BLOCK = 2**22  # numbers that a block may hold


def in_blocks(
    function: Callable[[list[tf.Tensor]], tf.Tensor],
    rows: list[tf.Tensor],
    size: int,
    dtype: tf.DType,
) -> tf.Tensor:
    """Values of ``dtype`` of a function of rows, about ``size`` rows at a time.

    The number of rows must be known; blocks are equal, the last row fills up the last one.
    """
    number = rows[0].shape[0]
    count = math.ceil(number / size)
    if count == 1:
        return function(rows)
    size = math.ceil(number / count)
    blocks = []
    for each in rows:
        full = tf.concat([each, tf.repeat(each[-1:], count * size - number, 0)], 0)
        blocks.append(tf.reshape(full, [count, size, *linalg.sizes(each)[1:]]))
    values = tf.map_fn(
        lambda block: function(list(block)),
        tuple(blocks),
        fn_output_signature=dtype,
        parallel_iterations=1,
    )
    return tf.reshape(values, [count * size, *linalg.sizes(values)[2:]])[:number]
