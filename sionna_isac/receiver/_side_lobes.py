"""Side lobes of a target in a range-Doppler map, relative to the power of its cell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.receiver._elements import separate, symbol_matrix
from sionna_isac.receiver.cfar import Detections

__all__ = ["beside", "expected", "floor_of_gaps", "keep", "over_symbols", "tables"]

SHIFTS = (-0.5, -0.25, 0.0, 0.25, 0.5)  # of a target within its cell
FAINT = 1e-2  # share of its peak that a clutter filter leaves a target that is detected at least


def over_symbols(projection: Any, used: np.ndarray, indices: np.ndarray) -> np.ndarray | None:
    """Part of the matrix of a clutter filter for some symbols of a map with used elements."""
    if projection is None:
        return None
    matrix = symbol_matrix(projection, len(used))
    rows, _ = separate(used, "projection")
    return (matrix * rows)[np.ix_(indices, indices)]


def tables(
    weights: np.ndarray, sizes: Sequence[int], projection: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Envelope of the weights and, with the projection of a clutter filter, that of velocities.

    The weights must be separable with a projection; then the first envelope is that of ranges.
    """
    if projection is None:
        return envelope(weights, sizes), None
    row, column = np.unravel_index(np.argmax(np.abs(weights)), weights.shape)
    ranges = envelope(weights[row : row + 1], (1, sizes[1]))
    return ranges, filtered_envelope(weights[:, column], sizes[0], projection)


def filtered_envelope(taper: np.ndarray, size: int, projection: np.ndarray) -> np.ndarray:
    """Largest power [num_velocities, num_velocities] that a target has in another cell.

    Rows are cells in which targets have their peak after the projection. Where that leaves none a
    peak, the row is that of the window alone.
    """
    place = np.arange(size)
    table = envelope(taper[:, np.newaxis], (size, 1))[(place - place[:, np.newaxis]) % size, 0]
    for shift in SHIFTS[1:]:
        velocity = place - size // 2 + shift
        echo = np.exp(-2j * np.pi * np.outer(np.arange(taper.size), velocity) / size)
        left = taper[:, np.newaxis] * (projection @ echo)
        power = np.abs(np.fft.fftshift(np.fft.ifft(left, size, axis=0, norm="forward"), 0)) ** 2
        peak = power.max(0)
        # noise decides between two cells of about the same power
        seen = (power >= 0.9 * peak) & (peak > FAINT * np.sum(taper) ** 2)
        cell, target = np.nonzero(seen)
        np.maximum.at(table, cell, (power[:, target] / power[cell, target]).T)
    return table


def envelope(weights: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Largest power [num_velocities, num_ranges] at an offset from the cell of a target.

    ``weights`` [num_symbols, num_subcarriers] are real, offsets are circular over ``sizes``, and
    the target is anywhere within its cell.
    """
    first, second = (np.abs(weights).max(axis) for axis in (1, 0))
    if min(weights.shape) > 1 and np.allclose(weights * weights.max(), np.outer(first, second)):
        rows = envelope(first[:, np.newaxis], (sizes[0], 1))
        return rows * envelope(second[np.newaxis], (1, sizes[1]))
    turns = [np.arange(n) / size for n, size in zip(weights.shape, sizes, strict=True)]
    table = np.zeros(sizes)
    shifts = [SHIFTS if n > 1 else (0.0,) for n in weights.shape]
    for row, column in itertools.product(*shifts):
        turned = np.exp(2j * np.pi * np.add.outer(row * turns[0], column * turns[1]))
        power = np.abs(np.fft.fft2(weights * turned, sizes)) ** 2
        table = np.maximum(table, power / power[0, 0])
    return table


def floor_of_gaps(
    taper: np.ndarray, gaps: np.ndarray, fill: np.ndarray, size: int, number: int
) -> np.ndarray:
    """Amplitude [number] that errors of filled gaps may have at all ranges, by that of a target."""
    turns = np.outer(np.arange(taper.size), np.arange(number)) / size
    echo = np.exp(-2j * np.pi * turns)
    return taper[gaps] @ np.abs(fill @ echo - echo[gaps]) / np.sum(taper)


def beside(grid: np.ndarray) -> np.ndarray:
    """Points [size, number] of each cell of a grid, to the middles between cells."""
    if grid.size == 1:
        return grid[:, np.newaxis]
    steps = np.diff(grid)
    before, after = np.append(steps[0], steps), np.append(steps, steps[-1])
    shift = np.array(SHIFTS)
    return grid[:, np.newaxis] + np.where(
        shift < 0, np.outer(before, shift), np.outer(after, shift)
    )


def expected(
    detections: Detections,
    table: np.ndarray,
    floor: np.ndarray,
    noise: np.ndarray,
    leakage: tf.Tensor | None,
    filtered: np.ndarray | None,
) -> tf.Tensor:
    """Largest power [batch_size, max_detections] of the side lobes of all stronger detections.

    ``table`` is an envelope, ``floor`` [num_ranges] an amplitude at all other ranges, ``noise``
    [num_ranges] what the power of each range was divided by, and ``leakage``
    [num_angles, num_angles] the power from one beam in another one. ``filtered``
    [num_velocities, num_velocities] is that from one velocity in another one, and `None` if the
    envelope has velocities.
    """
    power, places = detections.power, detections.range_index

    def of(values: np.ndarray, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(values, power.dtype), index)

    def offset(index: tf.Tensor, size: int) -> tf.Tensor:
        return tf.math.floormod(index[:, :, tf.newaxis] - index[:, tf.newaxis], size)

    def between(index: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        pairs = index[:, tf.newaxis] * values.shape[1] + index[:, :, tf.newaxis]
        return tf.gather(tf.reshape(values, [-1]), pairs)

    rows, columns = table.shape
    row, column = offset(detections.velocity_index, rows), offset(places, columns)
    amplitude = tf.sqrt(of(table.ravel(), row * columns + column))
    amplitude += of(floor, places)[:, tf.newaxis] * tf.sqrt(of(table[:, 0], row))
    lobes = amplitude**2
    angle = detections.angle_index
    if leakage is not None and angle is not None:
        lobes *= between(angle, leakage)
    if filtered is not None:
        lobes *= between(detections.velocity_index, tf.constant(filtered, power.dtype))
    stronger = tf.constant(np.tri(power.shape[1], k=-1), power.dtype)
    scale = of(noise, places)
    return tf.reduce_sum(stronger * lobes * (power * scale)[:, tf.newaxis], -1) / scale


def keep(detections: Detections, chosen: tf.Tensor) -> Detections:
    """Those that are chosen, in the first places; the other places are empty."""
    mask = detections.mask & chosen
    order = tf.argsort(tf.cast(~mask, tf.int32), stable=True)

    def moved(values: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.where(mask, values, values - values), order, batch_dims=1)  # or NaN

    kept = tf.gather(mask, order, batch_dims=1)
    values = detections._asdict().items()
    numbers = {name: moved(v) for name, v in values if v is not None and name != "mask"}
    return Detections(**numbers, mask=kept)
