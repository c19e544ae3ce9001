"""``python -m benchmarks.matched_filter``: near-field images, library against the plain form.

A cross array of 64 transmitters and 64 receivers, 16 tones, 177 azimuths and 102 ranges. The plain
form contracts transmitters and then receivers for each cell, as the definition says, a range at a
time; both sides get the same channels and are called in turn.
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

__all__ = ["COMBINING", "compare", "main", "report"]

CARRIER = 4.9e9
COMBINING = ("coherent", "non_coherent")
TOLERANCE = 1e-5  # of images within [0, 1], in single precision


def main() -> int:
    """Measure and write the table; 1 if both sides do not agree."""
    return command("matched_filter", __doc__, "batch 4, few repeats", measure, report)


def measure(quick: bool, console: Console) -> dict[str, Any]:
    """Rows of batch sizes and combinings."""
    rows = []
    for batch_size in (4,) if quick else (1, 16):
        for combining in COMBINING:
            rows.append(compare(combining, batch_size, repeats=1 if quick else 5))
            if not rows[-1]["deviation"] < TOLERANCE:
                raise Disagreement(f"{combining}: images differ by {rows[-1]['deviation']:.2g}")
    return {"rows": rows}


def compare(
    combining: str,
    batch_size: int,
    repeats: int,
    num_antennas: int = 64,
    num_angles: int = 177,
    num_ranges: int = 102,
) -> dict[str, Any]:
    """Seconds of both sides, and how far their images are apart."""
    line = isac.array.uniform_positions(num_antennas, SPEED_OF_LIGHT / CARRIER / 2)
    tx, rx = np.zeros([2, num_antennas, 3])
    tx[:, 1], rx[:, 2] = line, line
    frequencies = CARRIER + 6.25e6 * (np.arange(16) - 7.5)
    angles, ranges = np.radians(np.linspace(-62, 62, num_angles)), np.linspace(3, 53, num_ranges)
    layer = isac.receiver.NearFieldMatchedFilter(
        frequencies, tx, rx, isac.receiver.SearchGrid(angles, ranges), combining=combining
    )
    random = np.random.default_rng(1)
    places = random.uniform([5, -1], [22, 1], size=(batch_size, 2))
    points = [[r * np.cos(a), r * np.sin(a), 0] for r, a in places]
    echoes = np.array([isac.channel.point_echo(p, frequencies, tx, rx) for p in points])
    noise = random.normal(size=echoes.shape) + 1j * random.normal(size=echoes.shape)
    h = tf.constant(echoes + 0.3 * np.abs(echoes).mean() * noise, tf.complex64)

    def reference() -> tf.Tensor:
        return plain_image(h, frequencies, tx, rx, angles, ranges, combining == "coherent")

    sides: list[Callable[[], tf.Tensor]] = [
        tf.function(f, autograph=False) for f in (reference, lambda: layer.image(h))
    ]
    first, second = (side().numpy() for side in sides)
    for side in sides:
        timed(side)
    return {
        "combining": combining,
        "batch_size": batch_size,
        "deviation": float(np.max(np.abs(first - second))),
        **interleave(sides[0], sides[1], repeats),
    }


def plain_image(
    h: tf.Tensor,
    frequencies: np.ndarray,
    tx: np.ndarray,
    rx: np.ndarray,
    angles: np.ndarray,
    ranges: np.ndarray,
    coherent: bool,
) -> tf.Tensor:
    """Image [batch_size, num_angles, num_ranges], by the definition."""
    turns = tf.constant(frequencies / SPEED_OF_LIGHT)[:, tf.newaxis, tf.newaxis]

    def phasors(distance: tf.Tensor, antennas: np.ndarray) -> tf.Tensor:
        """[num_frequencies, num_antennas, num_angles]"""
        place = tf.stack(
            [distance * np.cos(angles), distance * np.sin(angles), tf.zeros_like(angles)], -1
        )
        way = tf.norm(place - antennas[:, np.newaxis], axis=-1)
        phase = tf.cast(2 * np.pi * tf.math.floormod(turns * way, 1.0), tf.float32)
        return tf.exp(tf.complex(tf.zeros_like(phase), phase))

    def column(distance: tf.Tensor) -> tf.Tensor:
        """[batch_size, num_angles]"""
        partial = tf.matmul(h, phasors(distance, tx))
        sums = tf.reduce_sum(partial * phasors(distance, rx), 2)
        if coherent:
            return tf.abs(tf.reduce_sum(sums, 1))
        return tf.sqrt(tf.reduce_sum(tf.abs(sums) ** 2, 1))

    image = tf.map_fn(
        column,
        tf.constant(ranges),
        fn_output_signature=tf.float32,
        parallel_iterations=1,
    )
    norm = tf.sqrt(tf.reduce_sum(tf.abs(h) ** 2, [1, 2, 3]))[:, tf.newaxis, tf.newaxis]
    number = len(tx) * len(rx) * (len(frequencies) if coherent else 1)
    return tf.transpose(image, [1, 2, 0]) / (norm * np.sqrt(number))


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    return table(
        "Near-field matched filter: receivers once per range",
        __doc__,
        "Times are wall / CPU seconds of one image of all samples in a TF graph; ratios are "
        "medians of pairs with their 10–90 % interval.",
        ("combining", "batch", *PAIR_COLUMNS),
        [pair_line(row, row["combining"], str(row["batch_size"])) for row in content["rows"]],
        content["environment"],
    )


if __name__ == "__main__":
    sys.exit(main())
