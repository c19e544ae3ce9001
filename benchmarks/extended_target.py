"""``python -m benchmarks.extended_target``: beams for an extended target, against published ones.

A vehicle at 20 m of 15 visible scatterers, planar arrays. The bound is minimised with 10 dB for
each user, and the weighted metric has equal weights. The published problems are solved as they are
printed: by an interior-point method for 4 x 4 and 5 x 5 antennas, and by one of first order for
8 x 8, since the former needs more memory than a workstation has; its beams are then no optimum. The
successive approximation of the metric starts where the default does. The network is untrained,
which costs the same, and gets 256 channels at once; its seconds are those of one. All methods get
the same channels and are called in turn, after a first call that is not timed. Set
OMP_NUM_THREADS=1: matrices are small.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console

from benchmarks.table import command, medians, table
from sionna_isac.beamforming import ISACBeamNetwork
from sionna_isac.bound import ExtendedTarget
from sionna_isac.studies import ExtendedTargetBeamsScenario
from sionna_isac.studies.extended_target_beams.study import (
    designed_beams,
    scenario_target,
    user_channels,
)
from sionna_isac.study import load_scenario

__all__ = ["METHODS", "compare", "main", "report", "setting"]

METHODS = ("published", "sdr", "certified")
NETWORK = "network"
TITLES = {"bound": "CRB", "weighted": "weighted metric"}
SINR_DB, RATE_WEIGHT = 10.0, 0.5
USERS = [[-45, -5], [-15, 10], [45, 5], [5, -20]]
BATCH = 256
PROVEN = 1e-4  # gap


def main() -> int:
    """Measure and write the table."""
    about = "4 x 4 antennas, 2 users, 2 channels"
    return command("extended_target", __doc__, about, measure, report)


def measure(quick: bool, console: Console) -> dict[str, Any]:
    """Rows of all cases: side, users, channels, those of the published method, and problem."""
    cases = [(4, 4, 20, 3, "bound"), (8, 4, 20, 3, "bound"), (5, 3, 20, 3, "weighted")]
    if quick:
        cases = [(4, 2, 2, 1, "bound"), (4, 2, 2, 1, "weighted")]
    environment = {name: version(name) for name in ("cvxpy", "clarabel", "scs")}
    environment["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "default")
    found = []
    for side, num_users, *numbers, problem in cases:
        console.print(f"{side} x {side} antennas, {num_users} users: {TITLES[problem]}")
        rows = compare(side, num_users, *numbers, problem)
        found.append({"side": side, "num_users": num_users, "problem": problem, "rows": rows})
    return {"environment": environment, "cases": found}


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


def compare(
    side: int, num_users: int, num_channels: int, published: int, problem: str = "bound"
) -> list[dict[str, Any]]:
    """Seconds, objectives and proven gaps of all methods; the published one for some channels."""
    scenario = setting(side, num_users)
    target = scenario_target(scenario)

    def design(method: str, number: int) -> Any:
        channels = user_channels(scenario, number)
        if problem == "weighted":
            return designed_beams(scenario, target, channels, problem, RATE_WEIGHT, method)
        return designed_beams(scenario, target, channels, method, SINR_DB)

    infer = inference(scenario, target) if problem == "bound" else None
    for method in METHODS[1:]:
        design(method, 0)
    rows = []
    for number in range(num_channels):
        row: dict[str, Any] = {"channel": number}
        for method in METHODS if number < published else METHODS[1:]:
            found, seconds = timed(partial(design, method, number))
            row[method] = {
                **seconds,
                "objective": found.objective,
                "gap": found.relative_gap,
                "solver": found.solver,
            }
        if infer is not None:
            _, seconds = timed(infer)
            row[NETWORK] = {kind: value / BATCH for kind, value in seconds.items()}
        rows.append(row)
    return rows


def timed(function: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Result of a call, and its wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def inference(
    scenario: ExtendedTargetBeamsScenario, target: ExtendedTarget
) -> Callable[[], np.ndarray]:
    """Call of an untrained network for the channels of many scenes, traced."""
    snr = 10 ** (scenario.users.snr_db / 10)
    network = ISACBeamNetwork(
        scenario.arrays.tx_shape,
        min_sinr=10 ** (SINR_DB / 10),
        user_noise=1 / snr,
        precision="single",
    )
    places = target.ranges, target.azimuths, target.elevations, target.weights
    scene = [np.stack(places, -1), target.pose]
    inputs = [tf.constant(np.tile(v, [BATCH, *[1] * v.ndim]), tf.float32) for v in scene]
    channels = np.stack([user_channels(scenario, n) for n in range(BATCH)])
    inputs.append(tf.constant(channels, tf.complex64))
    call = tf.function(network, autograph=False)
    call(*inputs)
    return lambda: call(*inputs).numpy()


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    columns = (
        "antennas, users",
        "method (solver)",
        "channels",
        "seconds",
        "ratio (least–largest)",
        "objective − 1, worst",
        "certified",
    )
    return table(
        "Beams for an extended target: certified against published",
        __doc__,
        "Times are medians of wall / CPU seconds, ratios those of CPU seconds to the published "
        "method channel by channel, with their least and largest. Other programs shared the "
        "machine, which lengthens wall times. Objectives are traces of the CRB over the largest "
        "lower bound proven for the channel; those of the weighted metric are over the best found. "
        f"“Certified” counts the channels with a proven gap below {PROVEN:g}: of the metric, "
        "to beams with the same SINR.",
        columns,
        [
            _line(case, method)
            for case in content["cases"]
            for method in (*METHODS, NETWORK)
            if method in case["rows"][0]
        ],
        content["environment"],
    )


def _line(case: dict[str, Any], method: str) -> str:
    problem = case.get("problem", "bound")
    done = [row for row in case["rows"] if method in row]
    paired = [row["published"]["cpu"] / row[method]["cpu"] for row in done if "published" in row]
    ratio = f"{np.median(paired):.3g}"
    if method != "published" and len(paired) > 1:
        ratio += f" ({min(paired):.3g}–{max(paired):.3g})"
    number, name = len(done), method
    worst = proven = "–"
    if method == NETWORK:
        number = BATCH
    else:
        name = f"{method} ({done[0][method]['solver']})"
        worst = f"{max(_excess(row, method, problem) for row in done):.1g}"
        proven = f"{sum(row[method]['gap'] < PROVEN for row in done)} of {len(done)}"
    head = f"{case['side']}×{case['side']}, {case['num_users']}"
    if problem != "bound":
        name = f"{TITLES[problem]}: {name}"
    seconds = medians([row[method][kind] for row in done] for kind in ("wall", "cpu"))
    return f"| {head} | {name} | {number} | {seconds} | {ratio} | {worst} | {proven} |"


def _excess(row: dict[str, Any], method: str, problem: str) -> float:
    """Distance of an objective from the best that can be, relative."""
    found = [row[m] for m in METHODS if m in row]
    if problem == "weighted":
        best = min(f["objective"] for f in found)
        return (row[method]["objective"] - best) / abs(best)
    return row[method]["objective"] / max(f["objective"] / (1 + f["gap"]) for f in found) - 1


if __name__ == "__main__":
    sys.exit(main())
