"""``python -m benchmarks.born``: Born channels of vehicles, library against the plain sum.

A cross array of 64 transmitters and 64 receivers, 16 tones of 6.25 MHz at 4.9 GHz, voxels of 10 cm.
The plain form sums the products of both fields over the voxels, tone by tone, in double precision;
both sides get the same vehicle and are called in turn.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from rich.console import Console
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac as isac
from benchmarks.cases import Disagreement
from benchmarks.run import interleave
from benchmarks.table import PAIR_COLUMNS, command, pair_line, table
from sionna_isac.scattering._equations import Problem
from sionna_isac.scattering.dipole import dyad_field

__all__ = ["TOLERANCE", "VEHICLES", "compare", "main", "report"]

CARRIER = 4.9e9
VEHICLES = {"motorbike": isac.scene.ParametricMotorbike, "car": isac.scene.ParametricCar}
TOLERANCE = 1e-5  # of channels relative to their norm, in single precision


def main() -> int:
    """Measure and write the table; 1 if both sides do not agree."""
    return command("born", __doc__, "motorbike, one repeat", measure, report)


def measure(quick: bool, console: Console) -> dict[str, Any]:
    """Rows of the vehicles."""
    rows = []
    for vehicle in ("motorbike",) if quick else VEHICLES:
        rows.append(compare(vehicle, repeats=1 if quick else 5))
        if not rows[-1]["deviation"] < TOLERANCE:
            raise Disagreement(f"{vehicle}: channels differ by {rows[-1]['deviation']:.2g}")
    return {"rows": rows}


def compare(
    vehicle: str,
    repeats: int,
    voxel_size: float = 0.1,
    num_antennas: int = 64,
    num_tones: int = 16,
) -> dict[str, Any]:
    """Seconds of both sides, and how far their channels are apart."""
    target = VEHICLES[vehicle](seed=1).voxelize(voxel_size).placed_at(15.0, 0.3, 0.5, -1.5)
    line = isac.array.uniform_positions(num_antennas, SPEED_OF_LIGHT / CARRIER / 2)
    tx, rx = np.zeros([2, num_antennas, 3])
    tx[:, 1], rx[:, 2] = line, line
    vertical = np.tile([0.0, 0.0, 1.0], [num_antennas, 1])
    sides = (target.to_body(tx), 1e-9 * vertical, target.to_body(rx), vertical)
    frequencies = CARRIER + 6.25e6 * (np.arange(num_tones) - (num_tones - 1) / 2)
    body = (target.positions, target.voxel_size, target.permittivity, target.conductivity)
    options: dict[str, Any] = {
        "fill": target.fill,
        "normals": target.normals,
        "allow_coarse": True,
    }

    def library() -> np.ndarray:
        return isac.scattering.volume_response(
            *body, frequencies, *sides, precision="single", approximation="born", **options
        )

    def plain() -> np.ndarray:
        return plain_sum(Problem.checked(*body, frequencies, *sides, precision="double", **options))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", isac.scattering.CoarseGridWarning)
        first, second = plain(), library()
        times = interleave(plain, library, repeats)
    return {
        "vehicle": vehicle,
        "num_voxels": target.num_voxels,
        "deviation": float(np.linalg.norm(second - first) / np.linalg.norm(first)),
        **times,
    }


def plain_sum(problem: Any) -> np.ndarray:
    """Channel [F, R, T], by the definition."""
    equations, (tx, moments, rx, vectors) = problem.equations, problem.antennas
    voxels, found = equations.voxels, []
    for n, wavenumber in enumerate(equations.wavenumbers):
        sent, received = (
            dyad_field(voxels.positions, *side, wavenumber, cell=equations.cells[n])
            for side in ((tx, moments), (rx, vectors))
        )
        values = problem.values(n)
        excited = sent * values[0]
        if voxels.normals is not None:
            ahead = np.einsum("tjn,nj->tn", sent, voxels.normals)
            ahead *= values[1] - values[0]
            excited += ahead[:, np.newaxis] * voxels.normals.T
        found.append(equations.scale * np.einsum("rin,tin->rt", received, excited, optimize=True))
    return np.array(found)


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    return table(
        "Born channels of vehicles: geometry once for all tones",
        __doc__,
        "Times are wall / CPU seconds of one channel; ratios are medians of pairs with their "
        "10–90 % interval.",
        ("vehicle", "voxels", *PAIR_COLUMNS),
        [pair_line(row, row["vehicle"], str(row["num_voxels"])) for row in content["rows"]],
        content["environment"],
    )


if __name__ == "__main__":
    sys.exit(main())
