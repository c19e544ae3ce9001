"""``python -m benchmarks.extended_target``: beams for an extended target, against published ones.

A vehicle at 20 m of 15 visible scatterers, users with 10 dB each, planar arrays. The published
problem is solved as it is printed, by an interior-point method for 4 x 4 antennas, and by one of
first order for 8 x 8, since the former needs more memory than a workstation has; its beams are
then no optimum. All methods get the same channels and are called in turn, after a first call that
is not timed. Set OMP_NUM_THREADS=1: matrices are small.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.run import describe
from sionna_isac.studies import ExtendedTargetBeamsScenario
from sionna_isac.studies.extended_target_beams.study import (
    designed_beams,
    scenario_target,
    user_channels,
)
from sionna_isac.study import load_scenario

__all__ = ["METHODS", "compare", "main", "report", "setting"]

METHODS = ("published", "sdr", "certified")
SINR_DB = 10.0
USERS = [[-45, -5], [-15, 10], [45, 5], [5, -20]]


def setting(side: int, num_users: int) -> ExtendedTargetBeamsScenario:
    """Scenario with side x side antennas."""
    changes = [
        "pose.range=20",
        "division.cells=[6, 4]",
        f"arrays={{tx_shape: [{side}, {side}], rx_shape: [{side}, {side}]}}",
        f"users.directions_deg={USERS[:num_users]}",
        # the same SNR with the gain of the array
        f"users.snr_db={2 + 10 * np.log10(64 / side**2)}",
    ]
    return load_scenario("extended_target_fig6", changes, profile="quick")


def compare(side: int, num_users: int, num_channels: int, published: int) -> list[dict[str, Any]]:
    """Seconds, objectives and proven gaps of all methods; the published one for some channels."""
    scenario = setting(side, num_users)
    target = scenario_target(scenario)
    for method in METHODS[1:]:
        designed_beams(scenario, target, user_channels(scenario, 0), method, SINR_DB)
    rows = []
    for number in range(num_channels):
        channels = user_channels(scenario, number)
        row: dict[str, Any] = {"channel": number}
        for method in METHODS:
            if method == "published" and number >= published:
                continue
            begin, cpu = time.perf_counter(), time.process_time()
            found = designed_beams(scenario, target, channels, method, SINR_DB)
            row[method] = {
                "wall": time.perf_counter() - begin,
                "cpu": time.process_time() - cpu,
                "objective": found.objective,
                "gap": found.relative_gap,
                "solver": found.solver,
            }
        rows.append(row)
    return rows


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.extended_target", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4 x 4 antennas, 2 users, 2 channels")
    parser.add_argument(
        "--out", type=Path, help="folder for extended_target.md and .json (complete runs: here)"
    )
    args = parser.parse_args()
    console = Console()
    environment = describe() | {n: version(n) for n in ("cvxpy", "clarabel", "scs")}
    environment["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "default")
    cases = [(4, 2, 2, 1)] if args.quick else [(4, 4, 20, 3), (8, 4, 20, 1)]
    content: dict[str, Any] = {"environment": environment, "cases": []}
    for side, num_users, num_channels, published in cases:
        console.print(f"{side} x {side} antennas, {num_users} users, {num_channels} channels")
        rows = compare(side, num_users, num_channels, published)
        content["cases"].append({"side": side, "num_users": num_users, "rows": rows})
    text = report(content)
    console.print(Markdown(text))
    out = args.out or (None if args.quick else Path(__file__).parent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "extended_target.md").write_text(text)
        (out / "extended_target.json").write_text(json.dumps(content, indent=1) + "\n")
        console.print(f"written to {out}/extended_target.md and extended_target.json")
    return 0


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    lines = [
        "# Beams for an extended target: certified against published",
        "",
        f"{' '.join(str(__doc__).split(chr(10) * 2, 1)[1].split())}",
        "Times are medians of wall / CPU seconds, ratios those of CPU seconds to the published "
        "method on its channels. Objectives are traces of the CRB over the largest lower bound "
        "proven for the channel; “certified” counts the channels with a proven gap below 1e-4.",
        "",
        "| antennas, users | method (solver) | channels | seconds | ratio | objective − 1, worst "
        "| certified |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in content["cases"]:
        name = f"{case['side']}×{case['side']}, {case['num_users']}"
        lines += [_line(name, method, case["rows"]) for method in METHODS]
    environment = "; ".join(f"{k}: {v}" for k, v in content["environment"].items())
    return "\n".join([*lines, "", environment + ".", ""])


def _line(name: str, method: str, rows: list[dict[str, Any]]) -> str:
    done = [row for row in rows if method in row]
    seconds = " / ".join(
        f"{np.median([row[method][kind] for row in done]):.3g}" for kind in ("wall", "cpu")
    )
    paired = [row["published"]["cpu"] / row[method]["cpu"] for row in done if "published" in row]
    bounds = [
        max(v["objective"] / (1 + v["gap"]) for v in (r[m] for m in METHODS if m in r))
        for r in done
    ]
    worst = max(row[method]["objective"] / b - 1 for row, b in zip(done, bounds, strict=True))
    proven = sum(row[method]["gap"] < 1e-4 for row in done)
    return (
        f"| {name} | {method} ({done[0][method]['solver']}) | {len(done)} | {seconds} "
        f"| {np.median(paired):.3g} | {worst:.1g} | {proven} of {len(done)} |"
    )


if __name__ == "__main__":
    sys.exit(main())
