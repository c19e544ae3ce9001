"""Reference cells of CFAR: how many each cell has, what exceeds them, and their statistic.

Functions that visit each cell of a map are compiled by XLA in every mode: one pass fuses the
comparisons or sums of a row of reference cells, and nothing of the size of all of them is formed.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.receiver.cfar_threshold import cfar_threshold, threshold_of_halves

__all__ = [
    "Maps",
    "Plan",
    "around",
    "entries",
    "exceeds",
    "in_lines",
    "maps",
    "references",
    "statistic",
]

Offsets = tuple[tuple[int, int], ...]


class Plan(NamedTuple):
    """Settings of a CFAR detector that its compiled functions depend on."""

    kind: str
    p_fa: float
    rank: int
    multiplier: float
    num_reference: tuple[int, int]
    num_guard: tuple[int, int]
    circular: tuple[bool, bool]

    @property
    def reach(self) -> tuple[int, int]:
        """Largest distance of a reference cell along each axis."""
        first, second = (r + g for r, g in zip(self.num_reference, self.num_guard, strict=True))
        return first, second

    @property
    def halved_axis(self) -> int:
        """Axis along which GO and SO halve the cells: ranges, unless these have none."""
        return 1 if self.num_reference[1] else 0

    @property
    def groups(self) -> tuple[Offsets, ...]:
        """Offsets of the reference cells: of all, or of both halves."""
        rows, columns = (range(-n, n + 1) for n in self.reach)
        (i, j), axis = self.num_guard, self.halved_axis
        cells = [c for c in itertools.product(rows, columns) if abs(c[0]) > i or abs(c[1]) > j]
        if self.kind in ("ca", "os"):
            return (tuple(cells),)
        return tuple(tuple(c for c in cells if sign * c[axis] > 0) for sign in (-1, 1))

    @property
    def size(self) -> int:
        """Number of reference cells inside the map."""
        return sum(len(group) for group in self.groups)


class Maps(NamedTuple):
    """Per cell, [num_velocities, num_ranges] or [1, 1] if all are alike."""

    sizes: tuple[np.ndarray, ...]
    """Number of reference cells of each group"""
    rank: np.ndarray
    """Rank of the ordered statistic"""
    alpha: np.ndarray
    """Multiplier"""


@functools.lru_cache(maxsize=256)
def maps(plan: Plan, shape: tuple[int, int]) -> Maps:
    """Numbers of reference cells inside a map, and multipliers for these."""
    sizes = []
    for group in plan.groups:
        size = np.zeros(shape, int)
        for offset in group:
            inside = [
                np.ones(n, bool) if wraps else (np.arange(n) + d >= 0) & (np.arange(n) + d < n)
                for n, wraps, d in zip(shape, plan.circular, offset, strict=True)
            ]
            size += np.outer(*inside)
        sizes.append(size)
    if all(plan.circular):
        sizes = [size[:1, :1] for size in sizes]
    total = np.sum(sizes, 0)
    rank = np.clip(np.ceil(plan.rank * total / plan.size).astype(int), 1, total)
    alpha = np.empty(total.shape)
    for cell in np.ndindex(*total.shape):
        found = [int(size[cell]) for size in sizes]
        alpha[cell] = _alpha(plan.kind, plan.p_fa, tuple(found), int(rank[cell]))
    full = _alpha(plan.kind, plan.p_fa, tuple(len(g) for g in plan.groups), plan.rank)
    return Maps(tuple(sizes), rank, alpha * (plan.multiplier / full))


@functools.lru_cache(maxsize=4096)
def _alpha(kind: str, p_fa: float, sizes: tuple[int, ...], rank: int) -> float:
    if not sum(sizes):
        return math.nan
    if len(sizes) == 2:
        return threshold_of_halves(kind, p_fa, *sizes)
    return cfar_threshold(kind, p_fa, sizes[0], rank if kind == "os" else None)


def exceeds(power: tf.Tensor, scale: tf.Tensor, plan: Plan) -> tf.Tensor:
    """Mask of the cells of maps [number, num_velocities, num_ranges] above their threshold.

    Thresholds are multiplied by ``scale``.
    """
    return _compiled(_exceeds, plan)(power, scale)


@functools.lru_cache(maxsize=256)
def _compiled(function: Callable[..., Any], *settings: Any) -> Callable[..., Any]:
    return tf.function(
        lambda *tensors: function(*tensors, *settings), jit_compile=True, autograph=False
    )


def statistic(
    power: tf.Tensor, cells: Sequence[tf.Tensor], plan: Plan
) -> tuple[tf.Tensor, tf.Tensor]:
    """Statistic of the reference cells, and its multiplier, of some cells only.

    ``power`` is [batch_size, num_angles, num_velocities, num_ranges], ``cells`` are the three
    indices of each cell, [batch_size, number].
    """
    place = cells[1:]
    table = maps(plan, (power.shape[2], power.shape[3]))
    means, sizes = [], []
    for group in plan.groups:
        values, valid = references(power, cells, group, plan)
        sizes.append(tf.reduce_sum(tf.cast(valid, power.dtype), -1))
        if plan.kind == "os":
            values = tf.sort(tf.where(valid, values, tf.constant(np.inf, power.dtype)), -1)
            rank = entries(table.rank, place, tf.int32)
            means.append(tf.gather(values, rank - 1, batch_dims=2))
        else:
            total = tf.reduce_sum(tf.where(valid, values, tf.zeros([], power.dtype)), -1)
            means.append(_mean(total, sizes[-1], plan.kind))
    return _joined(means, plan.kind), entries(table.alpha, place, power.dtype)


def references(
    power: tf.Tensor, cells: Sequence[tf.Tensor], group: Offsets, plan: Plan
) -> tuple[tf.Tensor, tf.Tensor]:
    """Powers of a group of reference cells, and which are in the map, [batch_size, number, size].

    Arguments are those of :func:`statistic`.
    """
    values, valid, _ = around(power, cells, [(0, *offset) for offset in group], plan)
    return values, valid


def around(
    power: tf.Tensor, cells: Sequence[tf.Tensor], offsets: Sequence[tuple[int, ...]], plan: Plan
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Powers of cells around some cells, which are in the cube, and their flat indices."""
    places = []
    valid = tf.fill(tf.stack([*linalg.sizes(cells[0]), len(offsets)]), True)
    for place, steps, size, wraps in zip(
        cells, np.array(offsets).T, power.shape[1:], (False, *plan.circular), strict=True
    ):
        moved = place[..., tf.newaxis] + tf.constant(steps, tf.int32)
        if not wraps:
            valid &= (moved >= 0) & (moved < size)
        places.append(tf.math.floormod(moved, size))
    layer, row, column = places
    index = row * power.shape[3] + column
    values = tf.gather_nd(in_lines(power), tf.stack([layer, index], -1), batch_dims=1)
    return values, valid, layer * (power.shape[2] * power.shape[3]) + index


def in_lines(power: tf.Tensor) -> tf.Tensor:
    """Maps [batch_size, num_angles, num_velocities * num_ranges].

    All uses of a large map need one shape: XLA may form the power anew for each.
    """
    return tf.reshape(power, [-1, power.shape[1], power.shape[2] * power.shape[3]])


def entries(table: np.ndarray, place: Sequence[tf.Tensor], dtype: tf.DType) -> tf.Tensor:
    """Entries of a map of numbers, which may be one for all cells."""
    index = [tf.minimum(p, n - 1) for p, n in zip(place, table.shape, strict=True)]
    return tf.gather_nd(tf.constant(table, dtype), tf.stack(index, -1))


def _exceeds(power: tf.Tensor, scale: tf.Tensor, plan: Plan) -> tf.Tensor:
    shape = (power.shape[1], power.shape[2])
    table = maps(plan, shape)
    alpha = tf.constant(table.alpha, power.dtype) * scale
    if plan.kind == "os":
        # x > alpha x_(k) if and only if x/alpha exceeds at least k reference cells
        return _count(power / alpha, _extended(power, plan, np.inf), plan) >= tf.constant(
            table.rank, tf.int32
        )
    cells = _extended(power, plan, 0.0)
    if plan.kind == "ca":
        sums = [_ring_sum(cells, shape, plan.reach, plan.num_guard, _both)]
    elif plan.halved_axis:
        sums = [
            _ring_sum(cells, shape, plan.reach, plan.num_guard, side) for side in (_before, _after)
        ]
    else:
        turned = tf.transpose(cells, [0, 2, 1])
        reach, guard = plan.reach[::-1], plan.num_guard[::-1]
        sums = [
            tf.transpose(_ring_sum(turned, shape[::-1], reach, guard, side), [0, 2, 1])
            for side in (_before, _after)
        ]
    sizes = [tf.constant(size, power.dtype) for size in table.sizes]
    means = [_mean(s, n, plan.kind) for s, n in zip(sums, sizes, strict=True)]
    return power > alpha * _joined(means, plan.kind)


def _mean(total: tf.Tensor, size: tf.Tensor, kind: str) -> tf.Tensor:
    """Mean of a group; an empty half does not count."""
    nothing = tf.constant(np.inf if kind == "so" else 0.0, total.dtype)
    return tf.where(size > 0, total / tf.maximum(size, tf.ones_like(size)), nothing)


def _joined(means: list[tf.Tensor], kind: str) -> tf.Tensor:
    if len(means) == 1:
        return means[0]
    return tf.maximum(*means) if kind == "go" else tf.minimum(*means)


def _extended(power: tf.Tensor, plan: Plan, outside: float) -> tf.Tensor:
    """Maps with the cells beyond their edges."""
    rows, columns = plan.reach
    if rows:
        ends = power[:, -rows:], power[:, :rows]
        if not plan.circular[0]:
            ends = tuple(tf.fill(tf.shape(e), tf.constant(outside, power.dtype)) for e in ends)
        power = tf.concat([ends[0], power, ends[1]], 1)
    if columns:
        ends = power[:, :, -columns:], power[:, :, :columns]
        if not plan.circular[1]:
            ends = tuple(tf.fill(tf.shape(e), tf.constant(outside, power.dtype)) for e in ends)
        power = tf.concat([ends[0], power, ends[1]], 2)
    return power


def _count(level: tf.Tensor, cells: tf.Tensor, plan: Plan) -> tf.Tensor:
    """Number of the reference cells that are below the level of each cell."""
    (_, rows, columns), (high, wide) = level.shape, plan.reach
    top, side = plan.num_guard
    every = range(2 * wide + 1)
    outer = [d for d in every if abs(d - wide) > side]
    number, count = linalg.sizes(level)[0], tf.zeros_like(level, tf.int32)
    first, last = high - top, high + top + 1  # rows with guard cells
    for start, stop, steps in (
        (0, first, every),
        (first, last, outer),
        (last, 2 * high + 1, every),
    ):
        if start == stop or not steps:
            continue

        def add(n: tf.Tensor, count: tf.Tensor, steps: Sequence[int] = steps) -> tuple:
            row = tf.slice(cells, tf.stack([0, n, 0]), [number, rows, columns + 2 * wide])
            below = [tf.cast(level > row[:, :, d : d + columns], tf.int32) for d in steps]
            return n + 1, count + tf.add_n(below)

        _, count = tf.while_loop(lambda n, _, stop=stop: n < stop, add, [start, count])
    return count


def _both(columns: int, guard: int) -> tuple[list[int], list[int]]:
    every = list(range(-columns, columns + 1))
    return every, [d for d in every if abs(d) > guard]


def _before(columns: int, guard: int) -> tuple[list[int], list[int]]:
    return list(range(-columns, 0)), list(range(-columns, -guard))


def _after(columns: int, guard: int) -> tuple[list[int], list[int]]:
    return list(range(1, columns + 1)), list(range(guard + 1, columns + 1))


def _ring_sum(cells, shape, reach, guard, side) -> tf.Tensor:  # type: ignore[no-untyped-def]
    """Sum over the rectangle without its guard, by sums over rows; nothing is subtracted.

    A difference of two sums would lose weak cells beside a strong target in single precision.
    """
    (rows, columns), (high, wide) = shape, reach
    whole, outer = (
        [cells[:, :, wide + d : wide + d + columns] for d in steps]
        for steps in side(wide, guard[1])
    )
    number, total = linalg.sizes(cells)[0], tf.zeros_like(cells[:, :rows, :columns])
    starts = np.arange(2 * high + 1)
    guarded = abs(starts - high) <= guard[0]
    for steps, chosen in ((whole, starts[~guarded]), (outer, starts[guarded])):
        if not steps or not chosen.size:
            continue
        line, offsets = tf.add_n(steps), tf.constant(chosen, tf.int32)

        # a loop, since XLA would sum the rows again for each cell of one expression
        def add(n: tf.Tensor, total: tf.Tensor, line=line, offsets=offsets) -> tuple:
            start = tf.stack([0, offsets[n], 0])
            return n + 1, total + tf.slice(line, start, [number, rows, columns])

        _, total = tf.while_loop(lambda n, _, last=chosen.size: n < last, add, [0, total])
    return total
