"""``python -m benchmarks.range_doppler``: map and OS-CFAR against their FFTs and against NumPy.

Eight beams of eight antennas, 128 OFDM symbols and 1024 subcarriers, Hann windows and padding by 2
along both axes: a cube of 8 x 256 x 2048 cells, each with 416 (or 138) reference cells, in which
OS-CFAR lists the 16 strongest of the local maxima that it detects. Beams come before
the detection, as the sum of the powers of antennas would not be exponential. NumPy does the same
steps with its FFTs and a partition of the reference cells of each cell, in single precision. The
row of FFTs is that of the two transforms alone, without windows, power and beams: of a TF graph and
XLA, axis by axis and of both axes at once, the one of least CPU time. Its ratio is below 1, and its
inverse says how many times longer all steps take.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console

import sionna_isac as isac
from benchmarks.cases import Disagreement
from benchmarks.run import interleave, timed
from benchmarks.table import PAIR_COLUMNS, command, pair_line, table

__all__ = ["WINDOWS", "Setting", "compare", "main", "report"]

P_FA = 1e-6
TOLERANCE = 1e-3  # relative, of powers in single precision
WINDOWS = {"(8, 8), guard (2, 2)": ((8, 8), (2, 2)), "(3, 6), guard (1, 2)": ((3, 6), (1, 2))}
BLOCK = 16  # rows of the map that NumPy sorts at once


def main() -> int:
    """Measure and write the table; 1 if both sides do not agree."""
    return command("range_doppler", __doc__, "a small cube, one repeat", measure, report)


def measure(quick: bool, console: Console) -> dict[str, Any]:
    """Rows of windows and references."""
    setting = Setting(4, 16, 128) if quick else Setting(8, 128, 1024)
    rows = []
    for name in WINDOWS:
        rows += compare(setting, name, repeats=1 if quick else 5)
        console.print(f"{name}: {[row['reference'] for row in rows[-2:]]}")
    return {"rows": rows}


class Setting:
    """Observation of targets in noise, and the transforms of both sides."""

    def __init__(self, num_antennas: int, num_symbols: int, num_subcarriers: int) -> None:
        self.numerology = isac.waveform.Numerology(
            num_subcarriers,
            120e3,
            28e9,
            num_symbols=num_symbols,
            cyclic_prefix_length=num_subcarriers // 4,
        )
        self.array = isac.array.UniformLinearArray(num_antennas, self.numerology.wavelength)
        self.angles = np.arcsin(2 * (np.arange(num_antennas) + 0.5) / num_antennas - 1)
        self.map = isac.receiver.RangeDopplerMap(
            self.numerology, array=self.array, angles=self.angles
        )
        rng = np.random.default_rng(1)
        number, limits = 10, self.numerology
        targets = isac.scene.PointTargets(
            rng.uniform(-1, 1, (1, number)),
            rng.uniform(0.1, 0.9, (1, number)) * limits.prefix_range,
            np.exp(2j * np.pi * rng.uniform(size=(1, number))),
            [number],
            rng.uniform(-0.8, 0.8, (1, number)) * limits.max_velocity,
        )
        x = np.ones((1, num_symbols, num_subcarriers))
        beam = np.eye(1, num_antennas)
        z = isac.channel.MonostaticEcho(self.array, limits)(x, targets, beam).numpy()
        noise = rng.normal(size=(2, *z.shape)) * 1.5
        self.z = (z + noise[0] + 1j * noise[1]).astype(np.complex64)

    def fft(self) -> Callable[[], tf.Tensor]:
        """Both transforms of all beams, and nothing else."""
        z = tf.constant(self.z)
        _, _, rows, columns = self.z.shape

        def transforms() -> tf.Tensor:
            delay = tf.signal.ifft(tf.pad(z, [[0, 0], [0, 0], [0, 0], [0, columns]]))
            delay = tf.pad(tf.linalg.matrix_transpose(delay), [[0, 0], [0, 0], [0, 0], [0, rows]])
            return tf.signal.ifft(delay)

        def at_once() -> tf.Tensor:
            return tf.signal.ifft2d(tf.pad(z, [[0, 0], [0, 0], [0, rows], [0, columns]]))

        sides = [
            tf.function(form, jit_compile=jit, autograph=False)
            for form in (transforms, at_once)
            for jit in (False, True)
        ]
        for side in sides:
            timed(side)
        return min(sides, key=lambda side: min(timed(side)[1] for _ in range(10)))


def compare(setting: Setting, window: str, repeats: int) -> list[dict[str, Any]]:
    """Seconds of both references and of the library, and how far powers are apart."""
    cells = WINDOWS[window]
    detect = isac.receiver.CFAR("os", *cells, P_FA, circular=(True, True))
    z = tf.constant(setting.z)
    library = tf.function(lambda: detect(setting.map(z)), jit_compile=True, autograph=False)

    def plain() -> tuple[np.ndarray, ...]:
        return numpy_pipeline(setting, *cells, detect._plan.rank, detect.alpha)

    found, (power, *index) = library(), plain()
    number = int(np.sum(found.mask))
    places = np.stack([found.angle_index, found.velocity_index, found.range_index])[:, 0, :number]
    if number != len(power) or not np.array_equal(places, index):
        raise Disagreement(f"{window}: {number} detections of {len(power)}, or other cells")
    deviation = float(np.max(np.abs(found.power[0, :number] / power - 1), initial=0))
    if not (number and deviation < TOLERANCE):
        raise Disagreement(f"{window}: powers of {number} detections differ by {deviation:.2g}")
    common = {"window": window, "deviation": deviation, "detections": number}
    timed(library)
    return [
        {"reference": "FFTs alone", **common, **interleave(setting.fft(), library, 2 * repeats)},
        {"reference": "NumPy", **common, **interleave(plain, library, 1)},
    ]


def numpy_pipeline(
    setting: Setting,
    num_reference: tuple[int, int],
    num_guard: tuple[int, int],
    rank: int,
    alpha: float,
    places: int = 16,
) -> tuple[np.ndarray, ...]:
    """Powers and cells (beam, velocity, range) of the strongest detections, by their definition."""
    z = setting.z[0]
    number, rows, columns = z.shape
    spacing = setting.array.element_positions
    turn = np.outer(np.sin(setting.angles), spacing) / setting.numerology.wavelength
    beams = np.exp(2j * np.pi * turn).astype(np.complex64) / np.float32(np.sqrt(number))
    n, m = (np.arange(size) / size for size in (rows, columns))
    taper = np.outer(0.5 - 0.5 * np.cos(2 * np.pi * n), 0.5 - 0.5 * np.cos(2 * np.pi * m))
    z = np.tensordot(beams, z, 1) * (taper / np.linalg.norm(taper)).astype(np.float32)
    spectrum = np.fft.ifft(z, 2 * columns, axis=2) * np.float32(2 * columns)
    spectrum = np.fft.ifft(spectrum, 2 * rows, axis=1) * np.float32(2 * rows)
    power = np.fft.fftshift(np.abs(spectrum).astype(np.float32) ** 2, axes=1)
    high, wide = (r + g for r, g in zip(num_reference, num_guard, strict=True))
    kept = np.ones((2 * high + 1, 2 * wide + 1), bool)
    kept[num_reference[0] : -num_reference[0], num_reference[1] : -num_reference[1]] = False
    mask = np.zeros(power.shape, bool)
    for k, image in enumerate(power):
        wrapped = np.pad(image, ((high, high), (wide, wide)), mode="wrap")
        views = np.lib.stride_tricks.sliding_window_view(wrapped, kept.shape)
        for start in range(0, len(image), BLOCK):
            block = slice(start, start + BLOCK)
            level = np.partition(views[block][..., kept], rank - 1, axis=-1)[..., rank - 1]
            mask[k, block] = image[block] > alpha * level
    around = np.pad(power, ((1, 1), (0, 0), (0, 0)), constant_values=-1)
    around = np.pad(around, ((0, 0), (1, 1), (1, 1)), mode="wrap")
    size = power.shape
    for a, i, j in np.ndindex(3, 3, 3):
        if (a, i, j) != (1, 1, 1):
            mask &= power > around[a : a + size[0], i : i + size[1], j : j + size[2]]
    cells = np.argwhere(mask)
    values = power[mask]
    order = np.argsort(-values)[:places]
    return (values[order], *cells[order].T)


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    return table(
        "Range-Doppler map and OS-CFAR",
        __doc__,
        "Times are wall / CPU seconds of one cube; the library is one XLA function; ratios are "
        "medians of pairs with their 10–90 % interval. Both sides detect the same cells; the "
        "deviation is that of their powers.",
        ("reference cells to each side", "against", *PAIR_COLUMNS),
        [pair_line(row, row["window"], row["reference"]) for row in content["rows"]],
        content["environment"],
    )


if __name__ == "__main__":
    sys.exit(main())
