"""Search of the strongest detections of CFAR, which visits few cells.

Detections are local maxima, and the reference cells of most cells need no visit: if enough cells
of the rectangle around a cell reach a level of the map, so does its ordered statistic, and
its power must exceed the multiplier times this level. One sweep over the rows finds the cells that
are left and exceed some of their neighbours; all of their neighbours and reference cells decide,
the strongest first, until there are enough detections.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.receiver._cfar_cells import (
    Plan,
    around,
    entries,
    exceeds,
    in_lines,
    maps,
    references,
)

__all__ = ["candidates"]

CHUNK = 64  # cells that are looked at together
SAMPLE = 256  # cells of a map that its level comes from
MARGINS = (0.15, 0.45)  # shares of the cells that are not needed, which may be missing in noise
SHARED = 4  # rows of a rectangle for each of those that share a count


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
    possible, key, finite = _sweep(power, plan)
    key = tf.where(finite[:, tf.newaxis], key, tf.zeros_like(key))
    possible, lines = tf.reshape(possible, [-1]), in_lines(power)
    every, sample = tf.range(rows), tf.range(batch)[:, tf.newaxis]
    chunk = min(max(CHUNK, number), width)

    # each column of a map waits with its largest cell that was not looked at
    def unfinished(best: tf.Tensor, _: tf.Tensor, key: tf.Tensor, __: tf.Tensor) -> tf.Tensor:
        top = tf.reduce_max(key, 1)
        return tf.reduce_any((top > 0) & (top >= best[:, -1]))

    def look(best: tf.Tensor, place: tf.Tensor, key: tf.Tensor, row: tf.Tensor) -> tuple:
        value, column = tf.math.top_k(key, chunk)
        layer, last = column // columns, tf.gather(row, column, batch_dims=1)[..., tf.newaxis]
        index = (column % columns)[..., tf.newaxis] + every * columns
        index = tf.stack([layer[..., tf.newaxis] + tf.zeros_like(index), index], -1)
        rest = tf.gather_nd(lines, index, batch_dims=1)
        index = (every * batch + sample[..., tf.newaxis]) * width + column[..., tf.newaxis]
        rest = tf.where(tf.gather(possible, index), rest, tf.zeros_like(rest))
        same = rest == value[..., tf.newaxis]
        line = tf.argmax(tf.cast(same & (every > last), tf.int32), -1, tf.int32)
        cells = layer, line, column % columns
        found = (value > 0) & _highest(power, value, cells, plan)
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


def _highest(
    power: tf.Tensor, value: tf.Tensor, cells: tuple[tf.Tensor, ...], plan: Plan
) -> tf.Tensor:
    """Mask of the cells above all of their neighbours; of equal ones the first is."""
    steps = [(-1, 0, 1) if size > 1 else (0,) for size in power.shape[1:]]
    offsets = [o for o in itertools.product(*steps) if any(o)]
    if not offsets:
        return tf.fill(tf.shape(value), True)
    others, valid, index = around(power, cells, offsets, plan)
    own = (cells[0] * power.shape[2] + cells[1]) * power.shape[3] + cells[2]
    value, own = value[..., tf.newaxis], own[..., tf.newaxis]
    above = (others > value) | ((others == value) & (index < own))
    return ~tf.reduce_any(valid & above, -1)


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
    """Mask of cells that may be detected, the largest one of each column, and finite samples.

    They are [num_velocities, batch_size, num_angles, num_ranges], [batch_size, num_angles *
    num_ranges] and [batch_size].
    """
    batch, (layers, rows, columns) = linalg.sizes(power)[0], power.shape[1:].as_list()
    block = _block(rows, plan)
    test, state, moved = _test(power, plan, block)
    lines = in_lines(power)
    ends = np.arange(columns) == 0, np.arange(columns) == columns - 1

    def line(n: tf.Tensor, shift: int = 0) -> tf.Tensor:
        return _line(lines, n, columns, shift)

    def beside(n: tf.Tensor) -> tf.Tensor:
        """Row, or that at an edge beyond it."""
        return line(n if plan.circular[0] else tf.clip_by_value(n, 0, rows - 1))

    def visit(n, state, peaks, mask, key, finite):  # type: ignore[no-untyped-def]
        # the peaks of the block before, as XLA would find those of this block for each use anew
        found = []
        for i, peak in enumerate(peaks):
            last = tf.maximum(n - 1, 0) * block + i
            mask = mask.write(last, peak)
            key = tf.maximum(key, tf.where(peak, line(last), nothing))
        for i in range(block):
            row = n * block + i
            centre = line(row)
            peak = (centre > 0) & (centre >= beside(row - 1)) & (centre >= beside(row + 1))
            # a row and the one before it are neighbours in memory; ends are compared later
            peak &= (centre >= line(row, -1)) | ends[0]
            peak &= (centre >= line(row, 1)) | ends[1]
            found.append(peak & test(row, centre, state))
            finite &= tf.math.is_finite(centre)
        return n + 1, moved(n, state), tuple(found), mask, key, finite

    size = [batch, layers, columns]
    nothing = tf.zeros(size, power.dtype)
    mask = tf.TensorArray(tf.bool, rows, element_shape=[None, layers, columns])
    none = (tf.fill(size, False),) * block
    start = [tf.constant(0), state, none, mask, nothing, tf.fill(size, True)]
    *_, mask, key, finite = tf.while_loop(lambda n, *_: n <= rows // block, visit, start)
    key = tf.reshape(key, [batch, layers * columns])
    return mask.stack(), key, tf.reduce_all(finite, [1, 2])


def _block(rows: int, plan: Plan) -> int:
    """Number of rows that share a count: a divisor of that of rows."""
    limit = (2 * plan.reach[0] + 1) // SHARED if plan.kind == "os" else 1
    return max(n for n in range(1, max(1, min(limit, rows)) + 1) if rows % n == 0)


def _test(power: tf.Tensor, plan: Plan, block: int) -> tuple[Callable, tuple, Callable]:  # type: ignore[type-arg]
    """Test of the cells of a row, with the state that it needs at first, and its next one."""
    rows, columns = power.shape[2:].as_list()
    if plan.kind != "os":
        found = exceeds(tf.reshape(power, [-1, rows, columns]), tf.ones([], power.dtype), plan)
        found = in_lines(tf.reshape(found, tf.shape(power)))
        return lambda n, *_: _line(found, n, columns), (), lambda _, state: state
    # a little less, so that rounding takes no cell
    alpha = maps(plan, (rows, columns)).alpha * (1 - 1e-5)
    state, moved = _lower_bound(power, plan, block)

    def possible(n: tf.Tensor, values: tf.Tensor, state: tuple[tf.Tensor, ...]) -> tf.Tensor:
        return values > state[0] * tf.constant(alpha, power.dtype)[tf.minimum(n, len(alpha) - 1)]

    return possible, state, moved


def _lower_bound(
    power: tf.Tensor, plan: Plan, block: int
) -> tuple[tuple[tf.Tensor, ...], Callable[..., tuple[tf.Tensor, ...]]]:
    """Lower bound of the ordered statistics of a row, with its first state and the next one.

    The statistic reaches each of two levels around which enough cells reach it.
    """
    (rows, columns), (high, wide), lines = power.shape[2:].as_list(), plan.reach, in_lines(power)
    table = maps(plan, (rows, columns))
    inner = math.prod(2 * g + 1 for g in plan.num_guard)
    needed = table.sizes[0] - table.rank + 1 + inner
    if len(needed) > 1:
        needed = np.max(needed.reshape(-1, block, needed.shape[1]), 1)
    # the rectangles around the rows of a block have all but block - 1 rows in common
    cells = (2 * high + 2 - block) * (2 * wide + 1)
    share = min(1.0, np.max(needed) / cells)
    step = max(1, rows * columns // SAMPLE) | 1
    some = np.arange(0, rows * columns, step)
    sample = tf.sort(tf.gather(lines, some, axis=-1), -1)
    # levels that more cells reach than are needed
    places = [int((1 - share) * (1 - margin) * some.size) for margin in MARGINS]
    upper, lower = (sample[..., place : place + 1] for place in places)
    # counts of both levels in one number
    bits, dtype = (15, tf.int32) if cells < 2**15 else (31, tf.int64)

    def reached(n: tf.Tensor) -> tf.Tensor:
        line = _line(lines, n, columns)
        count = tf.cast(line >= upper, dtype) + tf.cast(line >= lower, dtype) * 2**bits
        if plan.circular[0]:
            return count
        return tf.where((n >= 0) & (n < rows), count, tf.zeros_like(count))

    def extended(count: tf.Tensor) -> tf.Tensor:
        if plan.circular[1] and wide:
            return tf.concat([count[..., -wide:], count, count[..., :wide]], -1)
        return tf.pad(count, [[0, 0], [0, 0], [wide, wide]])

    def bound(n: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
        total = tf.add_n([whole[..., d : d + columns] for d in range(2 * wide + 1)])
        enough = tf.constant(needed, dtype)[tf.minimum(n, len(needed) - 1)]
        first, second = total % 2**bits >= enough, total // 2**bits >= enough
        return tf.where(first, upper, tf.where(second, lower, tf.zeros_like(lower)))

    def moved(n: tf.Tensor, state: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        # sums and counts are one step apart, as XLA would count again for each term of a sum
        count, last = state[1][..., wide : wide + columns], n * block + high
        for row in (last + i for i in range(1, block + 1)):
            count += reached(row) - reached(row - 2 * high - 2 + block)
        return bound(n, state[1]), extended(count)

    near = np.arange(block - 1 - high, high + 1)
    near = near % rows if plan.circular[0] else near[(near >= 0) & (near < rows)]
    state = tf.zeros([], power.dtype), extended(tf.add_n([reached(tf.constant(n)) for n in near]))
    return moved(tf.constant(0), state), lambda n, state: moved(n + 1, state)


def _line(lines: tf.Tensor, n: tf.Tensor, columns: int, shift: int = 0) -> tf.Tensor:
    """Row [batch_size, num_angles, num_ranges] of maps, from the other end beyond edges.

    A shift moves it along the maps, up to their ends.
    """
    batch, layers, size = linalg.sizes(lines)
    start = tf.math.floormod(n * columns, size) + shift
    start = tf.clip_by_value(start, 0, size - columns)
    return tf.slice(lines, tf.stack([0, 0, start]), [batch, layers, columns])
