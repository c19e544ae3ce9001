"""``python -m benchmarks.moving_pursuit``: matching pursuit over angle, velocity and range.

Small: 16 antennas, 256 subcarriers, 90 angles, 100 ranges, a batch of 4. Large: 64 antennas, 256
subcarriers, 720 angles, 200 ranges, a batch of 1. Both: 32 OFDM symbols, 32 velocities, 4 or 8
targets in each sample. The plain form computes the whole cube from the residual observation in each
iteration and fits the gains to whole atoms. Its cube is one `einsum`, or three real products in
the order of the fewest operations. Both sides get the same observations, in single precision, and
are called in turn, as TF graphs; in one case under XLA.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from rich.console import Console
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac as isac
from benchmarks.cases import Disagreement
from benchmarks.run import interleave, timed
from benchmarks.table import PAIR_COLUMNS, command, pair_line, table

__all__ = ["NOISE", "SIZES", "TOLERANCE", "Setting", "Size", "compare", "main", "report"]

CARRIER = 28e9
TOLERANCE = 1e-3  # of gains, relative to the largest; cells must be equal
NOISE = {"20 dB": 1e-2, "-40 dB": 1e4}  # variance in an element, for targets of amplitude 1


class Size(NamedTuple):
    """Sizes of a comparison."""

    batch_size: int
    observation: tuple[int, int, int]  # antennas, symbols, subcarriers
    cells: tuple[int, int, int]  # angles, velocities, ranges


SIZES = {
    "small": Size(4, (16, 32, 256), (90, 32, 100)),
    "large": Size(1, (64, 32, 256), (720, 32, 200)),
}


class Setting:
    """Sizes, layer and observations of a comparison."""

    def __init__(self, size: Size, noise: float = 0.01, num_targets: int = 4) -> None:
        batch_size, (antennas, symbols, tones), cells = size
        self.num_targets = num_targets
        numerology = isac.waveform.Numerology(tones, 120e3, CARRIER, num_symbols=symbols)
        angles = np.arcsin(np.linspace(-0.9, 0.9, cells[0]))
        velocities = numerology.max_velocity * np.linspace(-0.95, 0.95, cells[1])
        ranges = np.linspace(5.0, 250.0, cells[2])
        array = isac.array.UniformLinearArray(antennas, numerology.wavelength)
        self.layer = isac.receiver.OMP(
            array,
            numerology,
            isac.receiver.SearchGrid(angles, ranges, velocities=velocities),
            max_targets=num_targets,
        )
        self.angles, self.velocities, self.ranges = angles, velocities, ranges
        turn = 4 * np.pi * numerology.symbol_duration / numerology.wavelength
        delay = 4 * np.pi * numerology.subcarrier_spacing / SPEED_OF_LIGHT
        self.vectors = [
            np.exp(-2j * np.pi * np.outer(np.sin(angles), np.arange(antennas) / 2)),
            np.exp(-1j * turn * np.outer(velocities, np.arange(symbols))),
            np.exp(-1j * delay * np.outer(ranges, np.arange(tones))),
        ]
        centre = np.exp(1j * np.pi * np.sin(angles) * (antennas - 1) / 2)
        self.vectors[0] *= centre[:, np.newaxis]
        random = np.random.default_rng(1)
        shape = [batch_size, num_targets]
        places = [random.integers(0, n, shape) for n in cells]
        # of distinct strengths, so that rounding does not decide what is found first
        gains = np.linspace(1.5, 0.7, num_targets) * np.exp(2j * np.pi * random.random(shape))
        parts = (v[i] for v, i in zip(self.vectors, places, strict=True))
        z = np.einsum("bt,btk,btm,bts->bkms", gains, *parts, optimize=True)
        draws = random.normal(size=(2, *z.shape)) * np.sqrt(noise / 2)
        self.z = tf.constant(z + draws[0] + 1j * draws[1], tf.complex64)
        self.sector = tf.constant(np.tile(angles[[0, -1]], [batch_size, 1]), tf.float32)

    def library(self) -> list[tf.Tensor]:
        """Cells' coordinates and gains of the layer."""
        found = self.layer(self.z, self.sector)
        return [found.angle, found.velocity, found.range, found.metric, found.gain]

    def plain(self, products: bool) -> list[tf.Tensor]:
        """The same by whole cubes."""
        vectors = [tf.constant(v, tf.complex64) for v in self.vectors]
        batch_size = self.z.shape[0]
        atoms: list[tf.Tensor] = []
        cells, metrics = [], []
        residual = self.z
        flat = tf.reshape(self.z, [batch_size, -1, 1])
        for _ in range(self.num_targets):
            cube = tf.abs(whole_cube(residual, vectors, products))
            shape = cube.shape
            values = tf.reshape(cube, [batch_size, -1])
            index = tf.argmax(values, -1)
            metrics.append(tf.reduce_max(values, -1))
            cell = [
                index // (shape[2] * shape[3]),
                index // shape[3] % shape[2],
                index % shape[3],
            ]
            cells.append(cell)
            a, d, r = (tf.gather(v, i) for v, i in zip(vectors, cell, strict=True))
            atom = a[:, :, None, None] * d[:, None, :, None] * r[:, None, None]
            atoms.append(tf.reshape(atom, [batch_size, -1]))
            matrix = tf.stack(atoms, -1)
            gram = tf.matmul(matrix, matrix, adjoint_a=True)
            right = tf.matmul(matrix, flat, adjoint_a=True)
            gains = isac.core.linalg.hermitian_solve(gram, right)
            residual = self.z - tf.reshape(tf.matmul(matrix, gains), self.z.shape)
        grids = (self.angles, self.velocities, self.ranges)
        found = [
            tf.gather(tf.constant(grid, tf.float32), tf.stack([cell[i] for cell in cells], -1))
            for i, grid in enumerate(grids)
        ]
        return [*found, tf.stack(metrics, -1), gains[..., 0]]


def whole_cube(residual: tf.Tensor, vectors: list[tf.Tensor], products: bool) -> tf.Tensor:
    """Cube [batch_size, num_angles, num_velocities, num_ranges] of a residual."""
    conjugate = [tf.math.conj(v) for v in vectors]
    if not products:
        return tf.einsum("bkms,ak,vm,rs->bavr", residual, *conjugate)
    product = isac.core.linalg.matmul
    size, antennas, symbols, tones = residual.shape
    angles, velocities, ranges = conjugate
    rows = tf.reshape(residual, [size * antennas * symbols, tones])
    rows = tf.reshape(product(rows, tf.transpose(ranges)), [size, antennas, symbols, -1])
    rows = tf.reshape(product(velocities, rows), [size, antennas, -1])
    rows = product(angles, rows)
    return tf.reshape(rows, [size, angles.shape[0], velocities.shape[0], ranges.shape[0]])


def main() -> int:
    """Measure and write the table; 1 if both sides do not agree."""
    return command("moving_pursuit", __doc__, "one repeat, no memory", measure, report)


def measure(quick: bool, console: Console) -> dict[str, Any]:
    """Rows of sizes, noise powers, plain forms and compilers."""
    rows = []
    cases = [*itertools.product(SIZES, NOISE, [4]), ("large", next(iter(NOISE)), 8)]
    for size_name, noise_name, num_targets in cases:
        setting = Setting(SIZES[size_name], NOISE[noise_name], num_targets)
        first = noise_name == next(iter(NOISE))
        own = 0 if quick or not first or num_targets > 4 else memory(size_name, "library")
        # under XLA and in strong noise one case each: compilation takes long
        forms = [(False, False), (False, True), (True, False), (True, True)]
        for compiled, products in forms[: (4 if size_name == "small" else 2) if first else 1]:
            row = compare(setting, products, compiled, 1 if quick else 5)
            if not row["deviation"] < TOLERANCE:
                raise Disagreement(f"{noise_name}: estimates differ by {row['deviation']:.2g}")
            row |= {"size": size_name, "noise": noise_name, "targets": num_targets}
            if own and not compiled:
                row["memory"] = [memory(size_name, "products" if products else "einsum"), own]
            console.print(pair_line(row, *heads(row)))
            rows.append(row)
    return {"rows": rows}


def compare(setting: Setting, products: bool, compiled: bool, repeats: int) -> dict[str, Any]:
    """Seconds of both sides, and how far their estimates are apart."""
    sides: list[Callable[[], list[tf.Tensor]]] = [
        tf.function(f, autograph=False, jit_compile=compiled)
        for f in (lambda: setting.plain(products), setting.library)
    ]
    first, second = ([v.numpy() for v in side()] for side in sides)
    scale = [np.max(np.abs(v)) for v in first]
    for side in sides:
        timed(lambda side=side: side()[3])
    return {
        "title": f"{'products' if products else 'einsum'}, {'XLA' if compiled else 'graph'}",
        "deviation": max(
            float(np.max(np.abs(a - b)) / s) for a, b, s in zip(first, second, scale, strict=True)
        ),
        **interleave(lambda: sides[0]()[3], lambda: sides[1]()[3], repeats),
    }


def memory(size: str, side: str) -> int:
    """Peak growth of the memory by the first calls of a side, in a process of its own [bytes]."""
    arguments = [sys.executable, "-m", "benchmarks.moving_pursuit", "memory", size, side]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def print_memory(size: str, side: str) -> None:
    """Print the growth."""
    from benchmarks.training_memory import peak

    setting = Setting(SIZES[size])

    def call() -> tf.Tensor:
        found = setting.library() if side == "library" else setting.plain(side == "products")
        return found[3]

    print(peak(tf.function(call, autograph=False)))


def heads(row: dict[str, Any]) -> tuple[str, ...]:
    """First entries of a row."""
    return row["size"], row["noise"], str(row["targets"]), row["title"]


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""

    def line(row: dict[str, Any]) -> str:
        used = " / ".join(f"{v / 2**20:.0f}" for v in row.get("memory", ())) or "–"
        return f"{pair_line(row, *heads(row))} {used} |"

    return table(
        "Moving targets: matching pursuit without the cube",
        __doc__,
        "The SNR is that of a target of amplitude 1 in one element. Times are wall / CPU seconds "
        "of one call; ratios are medians of pairs with their 10–90 % interval. Memory is the peak "
        "growth by the first call in a process of its own, plain / library, with tracing.",
        ("size", "SNR", "targets", "plain form", *PAIR_COLUMNS, "memory [MiB]"),
        [line(row) for row in content["rows"]],
        content["environment"],
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        print_memory(sys.argv[2], sys.argv[3])
    else:
        sys.exit(main())
