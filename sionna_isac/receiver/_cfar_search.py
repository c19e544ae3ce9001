"""Search of the strongest detections of CFAR, which visits few cells.

Detections are local maxima, and the reference cells of most maxima need no visit: if enough cells
of the rectangle around a cell reach a level of the map, so does its ordered statistic, and
its power must exceed the multiplier times this level. One sweep over the rows finds the maxima that
are left; their own reference cells decide, the strongest first, until there are enough detections.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.receiver._cfar_cells import Plan, entries, exceeds, maps, references

__all__ = ["candidates"]

CHUNK = 64  # maxima that are looked at together
SAMPLE = 256  # cells of a map that its level comes from
MARGIN = 0.15  # share of cells that may be missing around a cell in noise


def candidates(power: tf.Tensor, plan: Plan, number: int) -> tuple[tf.Tensor, ...]:
    """Largest cells above their threshold and above their neighbours.

    ``power`` is [batch_size, num_angles, num_velocities, num_ranges]; the output holds powers (0
    where there are fewer cells) and flat indices, [batch_size, number] both, and the mask
    [batch_size] of samples that are finite; others have no such cells.
    """
    return _compiled(plan, number)(power)


@functools.lru_cache(maxsize=256)
def _compiled(plan: Plan, number: int) -> Callable[..., tuple[tf.Tensor, ...]]:
    return tf.function(
        lambda power: _strongest(power, plan, number), jit_compile=True, autograph=False
    )


def _strongest(power: tf.Tensor, plan: Plan, number: int) -> tuple[tf.Tensor, ...]:
    batch, (layers, rows, columns) = linalg.sizes(power)[0], power.shape[1:].as_list()
    width = layers * columns
    peak, key, finite = _sweep(power, plan)
    key = tf.where(finite[:, tf.newaxis], key, tf.zeros_like(key))
    peak, flat = tf.reshape(peak, [-1]), tf.reshape(power, [-1, layers * rows * columns])
    every, sample = tf.range(rows), tf.range(batch)[:, tf.newaxis]
    chunk = min(max(CHUNK, number), width)

    # each column of a map waits with its largest maximum that was not looked at
    def unfinished(best: tf.Tensor, _: tf.Tensor, key: tf.Tensor, __: tf.Tensor) -> tf.Tensor:
        top = tf.reduce_max(key, 1)
        return tf.reduce_any((top > 0) & (top >= best[:, -1]))

    def look(best: tf.Tensor, place: tf.Tensor, key: tf.Tensor, row: tf.Tensor) -> tuple:
        value, column = tf.math.top_k(key, chunk)
        layer, last = column // columns, tf.gather(row, column, batch_dims=1)[..., tf.newaxis]
        first = (layer * rows * columns + column % columns)[..., tf.newaxis]
        rest = tf.gather(flat, first + every * columns, batch_dims=1)
        index = (every * batch + sample[..., tf.newaxis]) * width + column[..., tf.newaxis]
        rest = tf.where(tf.gather(peak, index), rest, tf.zeros_like(rest))
        same = rest == value[..., tf.newaxis]
        line = tf.argmax(tf.cast(same & (every > last), tf.int32), -1, tf.int32)
        cells = layer, line, column % columns
        found = value > 0
        if plan.kind == "os":
            found &= _detected(power, value, cells, plan)
        best = tf.concat([best, tf.where(found, value, tf.zeros_like(value))], 1)
        index = (layer * rows + line) * columns + cells[2]
        place = tf.concat([place, index], 1)
        order = tf.argsort(place, stable=True)  # of equal powers the first cell
        best, place = (tf.gather(v, order, batch_dims=1) for v in (best, place))
        best, order = tf.math.top_k(best, number)
        place = tf.gather(place, order, batch_dims=1)
        later = (rest < value[..., tf.newaxis]) | (same & (every > line[..., tf.newaxis]))
        following = tf.reduce_max(tf.where(later, rest, tf.zeros_like(rest)), -1)
        line = tf.where(following == value, line, -1)
        where = tf.stack([sample + tf.zeros_like(column), column], -1)
        key = tf.tensor_scatter_nd_update(key, where, following)
        row = tf.tensor_scatter_nd_update(row, where, line)
        return best, place, key, row

    row = tf.fill([batch, width], -1)  # of the last one that was looked at, if others equal it
    start = [tf.zeros([batch, number], power.dtype), tf.zeros([batch, number], tf.int32), key, row]
    best, place, _, _ = tf.while_loop(unfinished, look, start)
    return best, place, finite


def _detected(
    power: tf.Tensor, value: tf.Tensor, cells: tuple[tf.Tensor, ...], plan: Plan
) -> tf.Tensor:
    """Mask of the cells whose reference cells let them be detected, as in a mask of all cells."""
    table = maps(plan, (power.shape[2], power.shape[3]))
    others, valid = references(power, cells, plan.groups[0], plan)
    level = value / entries(table.alpha, cells[1:], power.dtype)
    below = valid & (level[..., tf.newaxis] > others)
    return tf.reduce_sum(tf.cast(below, tf.int32), -1) >= entries(table.rank, cells[1:], tf.int32)


def _sweep(power: tf.Tensor, plan: Plan) -> tuple[tf.Tensor, ...]:
    """Mask of maxima that may be detected, the largest one of each column, and finite samples.

    They are [num_velocities, batch_size, num_angles, num_ranges], [batch_size, num_angles *
    num_ranges] and [batch_size].
    """
    batch, (layers, rows, columns) = linalg.sizes(power)[0], power.shape[1:].as_list()
    size = [batch, layers, columns]
    nothing = tf.zeros(size, power.dtype)
    possible, count, moved = _test(power, plan)

    def line(n: tf.Tensor) -> tf.Tensor:
        return _line(power, n)

    def beside(n: tf.Tensor) -> tf.Tensor:
        """Row, -1 beyond an edge."""
        if plan.circular[0]:
            return line(n)
        return tf.where((n >= 0) & (n < rows), line(n), tf.constant(-1, power.dtype))

    def highest(values: tf.Tensor) -> tf.Tensor:
        """Largest power of a row within one range."""
        if columns == 1:
            return values
        ends = _ends(values, 1, plan.circular[1], -1)
        return tf.maximum(tf.maximum(ends[..., :-2], values), ends[..., 2:])

    def around(values: tf.Tensor) -> tf.Tensor:
        """Largest power of a row within one range and one angle."""
        if layers == 1:
            return values
        ends = tf.pad(values, [[0, 0], [1, 1], [0, 0]], constant_values=-1)
        return tf.maximum(tf.maximum(ends[:, :-2], values), ends[:, 2:])

    def visit(n, count, before, centre, near, here, last, mask, key, finite):  # type: ignore[no-untyped-def]
        # the maxima of the row before, as XLA would find those of this row for each use anew
        mask = mask.write(tf.maximum(n - 1, 0), last > 0)
        key = tf.maximum(key, last)
        count = moved(n, count)
        following = beside(n + 1)
        following_near = highest(following)
        after = around(following_near)
        # of equal neighbours the first one is the maximum
        peak = centre > 0
        if rows > 1:
            peak &= (centre > before) & (centre >= after)
        if columns > 1:
            ends = _ends(centre, 1, plan.circular[1], -1)
            peak &= (centre > ends[..., :-2]) & (centre >= ends[..., 2:])
        if layers > 1:
            ends = tf.pad(near, [[0, 0], [1, 1], [0, 0]], constant_values=-1)
            peak &= (centre > ends[:, :-2]) & (centre >= ends[:, 2:])
        peak &= possible(n, centre, count)
        last = tf.where(peak, centre, nothing)
        finite &= tf.math.is_finite(centre)
        return n + 1, count, here, following, following_near, after, last, mask, key, finite

    first = tf.constant(0)
    centre = line(first)
    near = highest(centre)
    before = around(highest(beside(first - 1)))
    mask = tf.TensorArray(tf.bool, rows, element_shape=[None, layers, columns])
    start = [
        first,
        count,
        before,
        centre,
        near,
        around(near),
        nothing,
        mask,
        nothing,
        tf.fill(size, True),
    ]
    *_, mask, key, finite = tf.while_loop(lambda n, *_: n <= rows, visit, start)
    key = tf.reshape(key, [batch, layers * columns])
    return mask.stack(), key, tf.reduce_all(finite, [1, 2])


def _test(power: tf.Tensor, plan: Plan) -> tuple[Callable, tf.Tensor, Callable]:  # type: ignore[type-arg]
    """Test of the cells of a row, with the state that it needs at first, and its next one."""
    rows, columns = power.shape[2:].as_list()
    if plan.kind != "os":
        found = exceeds(tf.reshape(power, [-1, rows, columns]), tf.ones([], power.dtype), plan)
        found = tf.reshape(found, tf.shape(power))
        return lambda n, *_: _line(found, n), tf.zeros([]), lambda _, state: state
    table, (high, wide) = maps(plan, (rows, columns)), plan.reach
    inner = math.prod(2 * g + 1 for g in plan.num_guard)
    needed = table.sizes[0] - table.rank + 1 + inner
    share = min(1.0, np.max(needed) / (plan.size + inner))
    # a level that somewhat more cells reach than is needed
    share = share + min(MARGIN, (1 - share) / 2)
    step = max(1, rows * columns // SAMPLE) | 1
    some = np.arange(0, rows * columns, step)
    sample = tf.gather(tf.reshape(power, [-1, power.shape[1], rows * columns]), some, axis=-1)
    low = min(some.size - 1, int((1 - share) * some.size))
    level = tf.sort(sample, -1)[..., low : low + 1]

    def reached(n: tf.Tensor) -> tf.Tensor:
        mask = _line(power, n) >= level
        if not plan.circular[0]:
            mask &= (n >= 0) & (n < rows)
        return tf.cast(mask, tf.int32)

    def moved(n: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        return count + reached(n + high) - reached(n - high - 1)

    def possible(n: tf.Tensor, values: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        whole = _ends(count, wide, plan.circular[1], 0)
        total = tf.add_n([whole[..., d : d + columns] for d in range(2 * wide + 1)])
        alpha, need = (
            tf.constant(t, dtype)[tf.minimum(n, len(t) - 1)]
            for t, dtype in ((table.alpha, power.dtype), (needed, tf.int32))
        )
        return (values / alpha > level) | (total < need)

    near = power[:, :, :high]  # rows around the one before the first
    if plan.circular[0]:
        near = tf.concat([near, power[:, :, -high - 1 :]], 2)
    start = tf.reduce_sum(tf.cast(near >= level[:, :, tf.newaxis], tf.int32), 2)
    return possible, start, moved


def _line(values: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """Row [batch_size, num_angles, num_ranges] of maps, from the other end beyond edges."""
    size = linalg.sizes(values)
    start = tf.stack([0, 0, tf.math.floormod(n, size[2]), 0])
    return tf.slice(values, start, [size[0], size[1], 1, size[3]])[:, :, 0]


def _ends(values: tf.Tensor, number: int, circular: bool, outside: int) -> tf.Tensor:
    """Rows with cells beyond both ends."""
    if not number:
        return values
    if circular:
        return tf.concat([values[..., -number:], values, values[..., :number]], -1)
    return tf.pad(values, [[0, 0], [0, 0], [number, number]], constant_values=outside)
