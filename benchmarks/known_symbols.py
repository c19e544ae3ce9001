"""``python -m benchmarks.known_symbols``: near-field maximum likelihood against the plain form.

The setting of Yuan25: 32 antennas over 0.5 m, 28 GHz, two streams of 100 symbols, a target at 10 m,
sector ±19°. The plain form evaluates the likelihood of all snapshots by its definition, on the same
first grid and then on ever finer grids of 5 × 5 points around the best one. Both sides get the same
echoes and are called in turn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac as isac
from benchmarks.cases import Disagreement
from benchmarks.run import interleave, timed
from benchmarks.table import PAIR_COLUMNS, command, pair_line, table

__all__ = ["TOLERANCE", "compare", "main", "report"]

TOLERANCE = 1e-5  # of positions [m], in double precision
WAVELENGTH = SPEED_OF_LIGHT / 28e9
REGION = (5.0, 20.0)
NUM_ZOOMS = 24  # each halves the cells; the last ones are those of the tolerance


def main() -> int:
    """Measure and write the table; 1 if both sides do not agree."""
    return command("known_symbols", __doc__, "batch 4, few repeats", measure, report)


def measure(quick: bool, console: Console) -> dict[str, Any]:
    """Rows of batch sizes."""
    rows = []
    for batch_size in (4,) if quick else (1, 32):
        rows.append(compare(batch_size, repeats=1 if quick else 5))
        if not rows[-1]["deviation"] < TOLERANCE:
            raise Disagreement(f"positions differ by {rows[-1]['deviation']:.2g} m")
    return {"rows": rows}


def compare(
    batch_size: int, repeats: int, num_antennas: int = 32, num_angles: int = 128
) -> dict[str, Any]:
    """Seconds of both sides, and how far their positions are apart [m]."""
    isac.set_seed(1)
    positions = isac.array.uniform_positions(num_antennas, 0.5 / (num_antennas - 1))
    array = isac.array.SphericalWaveArray(positions, WAVELENGTH, precision="double")
    layer = isac.receiver.KnownSymbolLocalizer(
        array, REGION, num_angles=num_angles, precision="double"
    )
    random = np.random.default_rng(1)
    target = np.array([10.0, 0.3])
    a, derivatives = isac.bound.steering_derivatives(positions, WAVELENGTH, target)
    streams = np.stack([v / np.linalg.norm(v) for v in (a, target @ derivatives)], -1)
    beams = tf.constant(np.tile(0.2 * streams @ [[1, 1], [1, -1]], (batch_size, 1, 1)))
    symbols = tf.constant(random.choice([1, -1, 1j, -1j], size=(batch_size, 2, 100)))
    reflection = isac.channel.reflection_coefficient(10.0, WAVELENGTH) + 0j
    point = np.tile(target, (batch_size, 1, 1))
    y = isac.channel.NearFieldEcho(array, precision="double")(
        beams @ symbols, point, np.full((batch_size, 1), reflection), 1e-12
    )
    sector = tf.constant(np.radians(np.tile([-19.0, 19.0], (batch_size, 1))))

    def reference() -> tf.Tensor:
        return plain_position(array, y, beams @ symbols, np.radians(19.0), num_angles)

    sides: list[Callable[[], tf.Tensor]] = [
        tf.function(f, autograph=False)
        for f in (reference, lambda: layer(y, symbols, beams, sector).position[:, 0])
    ]
    first, second = (side().numpy() for side in sides)
    for side in sides:
        timed(side)
    return {
        "batch_size": batch_size,
        "deviation": float(np.max(np.abs(first - second))),
        **interleave(sides[0], sides[1], repeats),
    }


def plain_position(
    array: isac.array.SphericalWaveArray, y: tf.Tensor, x: tf.Tensor, edge: float, num_angles: int
) -> tf.Tensor:
    """Positions [batch_size, 2] of the largest likelihood, by its definition."""
    near, far = REGION
    low = tf.constant([-edge, 1 / far], tf.float64)
    step = tf.constant([2 * edge / (num_angles - 1), (1 / near - 1 / far) / 15], tf.float64)

    def best(cells: tf.Tensor) -> tf.Tensor:
        """Best of the points [batch_size or 1, num_points, 2]."""
        points = low + cells * step
        angle, distance = points[..., 0], 1 / points[..., 1]
        place = tf.stack([distance * tf.cos(angle), distance * tf.sin(angle)], -1)
        conjugate = tf.math.conj(array.steering(place))
        echo, sent = tf.matmul(conjugate, y), tf.matmul(conjugate, x)
        matched = tf.abs(tf.reduce_sum(echo * tf.math.conj(sent), -1)) ** 2
        index = tf.argmax(matched / tf.reduce_sum(tf.abs(sent) ** 2, -1), -1)
        full = tf.broadcast_to(cells, [y.shape[0], *cells.shape[1:]])
        return tf.gather(full, index, batch_dims=1)

    rows = [np.stack([np.arange(num_angles), np.full(num_angles, r)], -1) for r in range(16)]
    cell = best(tf.constant(np.concatenate(rows)[np.newaxis], tf.float64))
    around = np.stack(np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)), -1).reshape(-1, 2)
    last = tf.constant([num_angles - 1.0, 15.0], tf.float64)
    for zoom in range(1, NUM_ZOOMS + 1):
        cell = best(tf.clip_by_value(cell[:, tf.newaxis] + around * 0.5**zoom, 0.0, last))
    angle, inverse = tf.unstack(low + cell * step, axis=-1)
    return tf.stack([tf.cos(angle), tf.sin(angle)], -1) / inverse[:, tf.newaxis]


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    return table(
        "Near-field maximum likelihood: snapshots once, Newton steps",
        __doc__,
        "Times are wall / CPU seconds of all samples in a TF graph; ratios are medians of pairs "
        "with their 10–90 % interval; the deviation is that of positions in m.",
        ("batch", *PAIR_COLUMNS),
        [pair_line(row, str(row["batch_size"])) for row in content["rows"]],
        content["environment"],
    )


if __name__ == "__main__":
    sys.exit(main())
