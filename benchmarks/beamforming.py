"""``python -m benchmarks.beamforming``: near-field beams, default against published methods.

Both sides get the same channels and are called in turn; ratios are per channel. A first call of the
default method, which compiles its problem, is not timed. Of the fully digital relaxation only the
relaxation itself is timed, not what makes beams of it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from scipy.constants import c as SPEED_OF_LIGHT

from benchmarks.run import describe
from sionna_isac.beamforming import (
    NearFieldScene,
    SolverError,
    VerificationError,
    maximize_sum_rate,
    minimize_speb,
)
from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming._published_sdr import published_relaxation

__all__ = ["CASES", "Case", "compare", "draw", "main", "report"]

POWER, RATE, MAX_SPEB = 1.0, 5.0, 0.04  # W, bit/s/Hz, m^2
CHAINS = 4
Design = Callable[[NearFieldScene], float]  # to the objective


@dataclass(frozen=True)
class Case:
    """Two designs of the same beams, and how their objectives are compared."""

    title: str
    objective: str
    default: Design
    published: Design
    digits: str = ".4f"  # of the ratio of objectives


def sensing(**options: Any) -> Design:
    """PEB [m] of beams for 5 bit/s/Hz a user at 30 dBm."""
    return lambda scene: minimize_speb(scene, POWER, RATE, **options).peb


def communication(**options: Any) -> Design:
    """Sum rate [bit/s/Hz] of beams that locate the target to 0.2 m."""
    return lambda scene: maximize_sum_rate(scene, POWER, MAX_SPEB, **options).sum_rate


def relaxation(scene: NearFieldScene) -> float:
    """PEB [m] that the published relaxation promises: the root of its optimum."""
    model = Model.of(scene, POWER)
    value = published_relaxation(model, np.full(scene.num_users, 2**RATE - 1))[1]
    return float(np.sqrt(value * model.smallest_speb))


CASES = {
    "digital-sensing": Case(
        "PEB, fully digital (sdr)", "PEB to the optimum", sensing(), relaxation, ".9f"
    ),
    "hybrid-sensing": Case(
        f"PEB, {CHAINS} chains (sdr-bcd)",
        "PEB, lower is better",
        sensing(num_rf_chains=CHAINS),
        sensing(num_rf_chains=CHAINS, method="sdr-bcd"),
    ),
    "digital-rate": Case(
        "sum rate, fully digital (sca-bcd)",
        "sum rate, higher is better",
        communication(),
        communication(method="sca-bcd"),
    ),
    "hybrid-rate": Case(
        f"sum rate, {CHAINS} chains (sca-bcd)",
        "sum rate, higher is better",
        communication(num_rf_chains=CHAINS),
        communication(num_rf_chains=CHAINS, method="sca-bcd"),
    ),
}


def draw(seed: int, num_antennas: int = 32, num_users: int = 2) -> NearFieldScene:
    """The setting of [Yuan25]_: 0.5 m at 28 GHz, users on a semicircle of 20 m, target at 10 m."""
    random = np.random.default_rng(seed)
    wavelength = SPEED_OF_LIGHT / 28e9
    positions = (np.arange(num_antennas) / (num_antennas - 1) - 0.5) * 0.5
    loss = np.array([61.4 + 20 * np.log10(20)] + 3 * [72 + 29.2 * np.log10(20)])
    angle = random.uniform(-np.pi / 2, np.pi / 2, (num_users, 4, 1))
    gain = random.normal(size=(num_users, 4, 2)) @ [1, 1j] * 10 ** (-loss / 20) / np.sqrt(2)
    distance = np.hypot(20 * np.cos(angle), 20 * np.sin(angle) - positions)
    waves = np.exp(-2j * np.pi / wavelength * distance)
    channels = np.sum(gain[:, :, None] * waves, axis=1)
    reflection = np.sqrt(wavelength**2 / ((4 * np.pi) ** 3 * 10.0**4))
    return NearFieldScene(positions, wavelength, (10.0, 0.0), reflection, 1e-12, 100, channels)


def compare(case: Case, scene: NearFieldScene) -> dict[str, Any]:
    """Objectives and seconds of both sides; why the published one failed, if it did."""
    row = timed("default", case.default, scene)
    begin = time.perf_counter()
    try:
        return row | timed("published", case.published, scene)
    except (SolverError, VerificationError) as error:
        seconds = time.perf_counter() - begin
        return row | {"failure": str(error), "failed_after_seconds": seconds}


def timed(side: str, design: Design, scene: NearFieldScene) -> dict[str, Any]:
    """Objective, wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    objective = design(scene)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {side: objective, f"{side}_wall": wall, f"{side}_cpu": cpu}


def main() -> int:
    """Run the comparisons, print and store a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.beamforming", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="8 antennas, 2 channels")
    parser.add_argument("--channels", type=int, help="number of channels (10)")
    parser.add_argument("--antennas", type=int, help="number of antennas (32)")
    parser.add_argument("--only", choices=sorted(CASES), help="one case")
    parser.add_argument(
        "--out", type=Path, help="folder for beamforming.md and .json (complete runs: here)"
    )
    args = parser.parse_args()
    console = Console()
    num_channels = args.channels or (2 if args.quick else 10)
    num_antennas = args.antennas or (8 if args.quick else 32)
    names = [args.only] if args.only else list(CASES)
    out = args.out or (None if args.quick or args.only else Path(__file__).parent)
    environment = describe() | {"cvxpy": version("cvxpy"), "clarabel": version("clarabel")}
    environment["BLAS threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "default")
    content: dict[str, Any] = {"environment": environment, "antennas": num_antennas}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    content["cases"] = rows
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("compiling", total=num_channels * len(names))
        for name in names:
            CASES[name].default(draw(0, num_antennas))
        for seed in range(num_channels):
            for name in names:
                progress.update(task, description=f"channel {seed + 1}: {CASES[name].title}")
                rows[name].append(compare(CASES[name], draw(seed, num_antennas)))
                progress.advance(task)
                if out is not None:  # after each, so that a stopped run leaves what it has
                    out.mkdir(parents=True, exist_ok=True)
                    text = json.dumps(content, indent=1) + "\n"
                    (out / "beamforming.json").write_text(text)
    text = report(content)
    console.print(Markdown(text))
    if out is not None:
        (out / "beamforming.md").write_text(text)
        console.print(f"written to {out}/beamforming.md and beamforming.json")
    return 0


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    lines = [
        "# Near-field beams: default against published methods",
        "",
        f"The setting of Yuan25: {content['antennas']} antennas over 0.5 m, 28 GHz, two users at "
        "20 m, a target at 10 m, 30 dBm. The PEB is minimised with 5 bit/s/Hz a user; the sum rate "
        "is maximised with a PEB of at most 0.2 m. Both methods get the same channels, one after "
        "the other. Times are medians of wall / CPU seconds; ratios, published to default, are per "
        "channel: median (10–90 %) [lowest–highest]. “sdr” is timed without what makes beams of "
        "the relaxation.",
        "",
        "| case (published method) | published [s] | default [s] | ratio, wall | ratio, CPU |",
        "|---|---|---|---|---|",
    ]
    merits = ["| case | default against published | ratio | channels |", "|---|---|---|---|"]
    failures = []
    for name, rows in content["cases"].items():
        case = CASES[name]
        done = [row for row in rows if "failure" not in row]
        for number, row in enumerate(rows, 1):
            if "failure" in row:
                seconds = row["failed_after_seconds"]
                failures.append(
                    f"- {case.title}, channel {number}, {seconds:.0f} s: {row['failure']}"
                )
        if not done:
            continue
        columns = {key: np.array([row[key] for row in done]) for key in done[0]}
        seconds = [
            " / ".join(f"{np.median(columns[f'{side}_{kind}']):.3g}" for kind in ("wall", "cpu"))
            for side in ("published", "default")
        ]
        ratios = [
            spread(columns[f"published_{kind}"] / columns[f"default_{kind}"], ".0f")
            for kind in ("wall", "cpu")
        ]
        lines.append(f"| {' | '.join([case.title, *seconds, *ratios])} |")
        merit = spread(columns["default"] / columns["published"], case.digits)
        merits.append(f"| {case.title} | {case.objective} | {merit} | {len(done)} of {len(rows)} |")
    lines += ["", *merits, "", *failures, *([""] if failures else [])]
    lines += ["; ".join(f"{k}: {v}" for k, v in content["environment"].items()) + ".", ""]
    return "\n".join(lines)


def spread(values: np.ndarray, form: str) -> str:
    """Median, 10-90 % interval and range."""
    low, high = np.quantile(values, [0.1, 0.9])
    numbers = (np.median(values), low, high, values.min(), values.max())
    middle, low, high, least, most = (format(v, form) for v in numbers)
    return f"{middle} ({low}–{high}) [{least}–{most}]"


if __name__ == "__main__":
    sys.exit(main())
