"""Side lobes of a target in a range-Doppler map, relative to the power of its cell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from sionna_isac.receiver.cfar import Detections

__all__ = ["beside", "envelope", "expected", "floor_of_gaps", "keep"]

SHIFTS = (-0.5, -0.25, 0.0, 0.25, 0.5)  # of a target within its cell


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
) -> tf.Tensor:
    """Largest power [batch_size, max_detections] of the side lobes of all stronger detections.

    ``table`` is an envelope, ``floor`` [num_ranges] an amplitude at all other ranges, ``noise``
    [num_ranges] what the power of each range was divided by, and ``leakage``
    [num_angles, num_angles] the power from one beam in another one.
    """
    power, places = detections.power, detections.range_index

    def of(values: np.ndarray, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(values, power.dtype), index)

    def offset(index: tf.Tensor, size: int) -> tf.Tensor:
        return tf.math.floormod(index[:, :, tf.newaxis] - index[:, tf.newaxis], size)

    rows, columns = table.shape
    row, column = offset(detections.velocity_index, rows), offset(places, columns)
    amplitude = tf.sqrt(of(table.ravel(), row * columns + column))
    amplitude += of(floor, places)[:, tf.newaxis] * tf.sqrt(of(table[:, 0], row))
    lobes = amplitude**2
    angle = detections.angle_index
    if leakage is not None and angle is not None:
        number = leakage.shape[1]
        pairs = angle[:, tf.newaxis] * number + angle[:, :, tf.newaxis]
        lobes *= tf.gather(tf.reshape(leakage, [-1]), pairs)
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
