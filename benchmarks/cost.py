"""``python -m benchmarks.cost``: parameters, operations, time and memory of every method.

The methods of [MateosRamos25]_ and [MateosRamos23]_ at the sizes of the papers, as the library
computes them. Operations are counted on the graph, see `benchmarks/flop.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.flop import count
from benchmarks.methods import METHODS, Method, step
from benchmarks.run import describe, timed

__all__ = ["main", "measure", "operations", "report"]

BATCHES = (4, 8)  # between which operations are split into those per batch and per sample
REPEATS = 5
PATIENCE = 100  # s, for the memory of one training


def main() -> int:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.cost", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats, no memory")
    parser.add_argument("--only", choices=list(METHODS), nargs="+", help="some methods")
    parser.add_argument(
        "--memory", action="store_true", help="nothing but memory, of what the folder has"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for cost.md and cost.json (complete runs: here); keeps what is there of "
        "methods that are not measured",
    )
    args = parser.parse_args()
    console = Console()
    names = args.only or list(METHODS)
    partial = args.quick or args.only or args.memory
    out = args.out or (None if partial else Path(__file__).parent)
    if args.memory and (out is None or not (out / "cost.json").is_file()):
        parser.error("--memory needs --out, a folder with a cost.json")
    environment = describe()
    content: dict[str, Any] = {"environment": environment, "methods": {}}
    if out is not None and (args.only or args.memory) and (out / "cost.json").is_file():
        content = json.loads((out / "cost.json").read_text())
    rows = content["methods"]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(names))
        for name in () if args.memory else names:
            progress.update(task, description=name)
            rows[name] = measure(METHODS[name], 2 if args.quick else REPEATS)
            progress.advance(task)
        note_load(content["environment"], environment, [] if args.memory else args.only or [])
        if out is not None:
            write(content, out)
        if not args.quick:
            progress.update(task, description="memory")
            begin = os.getloadavg()[0]
            for note in measure_memory({n: rows[n] for n in names if n in rows}):
                console.print(note)
            loads = f"{begin:.1f} to {os.getloadavg()[0]:.1f}"
            content["environment"]["load average during memory"] = loads
    console.print(Markdown(report(content)))
    if out is not None:
        write(content, out)
        console.print(f"written to {out}/cost.md and cost.json")
    return 0


def note_load(stored: dict[str, Any], now: dict[str, Any], again: Sequence[str]) -> None:
    """Load at the end, or that of the methods that are measured again."""
    end = round(os.getloadavg()[0], 2)
    if stored is now:
        stored["load average at the end"] = end
    elif again:
        begin = now["load average at the start"]
        stored["measured in a later session"] = (
            f"{', '.join(again)} (load average {begin} to {end})"
        )


def write(content: dict[str, Any], folder: Path) -> None:
    """Both files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cost.md").write_text(report(content))
    (folder / "cost.json").write_text(json.dumps(content, indent=1) + "\n")


def measure(method: Method, repeats: int, small: bool = False) -> dict[str, Any]:
    """Parameters, operations and seconds of a method; ``small``, without XLA, is for tests."""
    side = method.make(small)
    compiled = side.compiled and not small
    parameters, counted = method.parameters(small)
    inference, training = (min(size, 4) if small else size for size in method.batch_sizes)
    row: dict[str, Any] = {
        "parameters": parameters,
        "counted": counted,
        "compiled": compiled,
        "inference": operations(side.inference)
        | seconds(side.inference(inference), inference, compiled, repeats),
        "training": {},
    }
    for i, stage in enumerate(side.stages(training)):
        learner = side.learner
        assert learner is not None

        def iteration(batch_size: int, i: int = i, learner: Any = learner) -> Callable[[], Any]:
            return step(learner, side.stages(batch_size)[i], compiled)

        row["training"][stage.name] = operations(iteration) | seconds(
            iteration(training), training, compiled, repeats
        )
        learner.end()
    return row


def operations(make: Callable[[int], Callable[[], Any]]) -> dict[str, Any]:
    """Operations of each sample, and of each batch whatever its size."""
    few, many = (count(make(size)) for size in BATCHES)
    each = (many.total - few.total) / (BATCHES[1] - BATCHES[0])
    return {
        "flop_sample": each,
        "flop_batch": many.total - BATCHES[1] * each,
        "not_counted": sorted(many.unknown),
    }


def seconds(
    function: Callable[[], Any], batch_size: int, compiled: bool, repeats: int
) -> dict[str, Any]:
    """Wall and CPU seconds of each sample, for all repeats after a first call."""
    call = tf.function(lambda: tf.nest.flatten(function()), autograph=False, jit_compile=compiled)
    timed(call)
    calls = 1
    while (wall := timed(call, calls)[0] * calls) < 0.1:  # the clock of the CPU is coarse
        calls = max(2 * calls, int(0.1 * calls / max(wall, 1e-4)))
    pairs = np.array([timed(call, calls) for _ in range(repeats)]) / batch_size
    return {"batch_size": batch_size, "wall": pairs[:, 0].tolist(), "cpu": pairs[:, 1].tolist()}


def measure_memory(rows: dict[str, Any]) -> list[str]:
    """Bytes of training iterations, each in a process of its own; says what takes too long."""
    root = Path(__file__).resolve().parents[1]
    notes = []
    for name, row in rows.items():
        for stage, values in row["training"].items():
            size = str(values["batch_size"])
            command = [sys.executable, "-m", "benchmarks.training_memory", name, stage, size]
            values.pop("memory", None)
            try:
                run = subprocess.run(
                    command, capture_output=True, text=True, cwd=root, timeout=PATIENCE
                )
            except subprocess.TimeoutExpired:
                notes.append(f"{name}, {stage}: no memory after {PATIENCE} s")
                continue
            if run.returncode:
                raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
            values["memory"] = int(run.stdout.split()[-1])
    return notes


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    rows = content["methods"]
    used = [[r["inference"], *r["training"].values()] for r in rows.values()]
    unknown = sorted({kind for parts in used for part in parts for kind in part["not_counted"]})
    lines = [
        "# Cost of the methods",
        "",
        "OFDM: the chain of MateosRamos25 with 64 antennas and 256 subcarriers, dictionaries of "
        "720 × 200, that of networks 320 × 128. Single carrier: that of MateosRamos23 with 16 "
        "antennas, the full profile of its scenario of Fig. 4. All as the library computes them, "
        "complex64.",
        "",
        "## Parameters",
        "",
        "Trainable, real and imaginary part counted as two. As the paper counts: one for a complex "
        "parameter where it says so, and without the networks of symbols.",
        "",
        "| method | chain | trainable | as the paper counts | printed in the paper |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        method = METHODS[name]
        own = "–"
        if method.paper is not None:
            own = f"{row['counted'] // (2 if method.paper.unit == 'complex' else 1):,}"
            own += f" {method.paper.unit}"
        printed = method.paper.printed if method.paper else "–"
        lines.append(
            f"| {method.title} | {method.chain} | {row['parameters']:,} | {own} | {printed} |"
        )
    lines += [
        "",
        "## Inference",
        "",
        "Beams for the sectors of target and user, and what is estimated and decided from what was "
        "received; with a single carrier also the messages. Operations are those of each sample, "
        "and those of each batch whatever its size (factorising the precoder).",
        "",
        *_HEAD,
    ]
    for name, row in rows.items():
        lines.append(_line(f"{METHODS[name].title}, {METHODS[name].chain}", row["inference"]))
    lines += [
        "",
        "## Training iteration",
        "",
        "Draws, transmission, echo, (with networks of symbols: the link,) reception, loss, "
        "gradient, Adam. Networks are trained in two steps. Memory is the growth of the resident "
        "peak by the first two iterations of this batch. Tracing and compilation are included: "
        "with XLA some 0.3 GB, most of what small batches take. Repeats differ by up to a tenth. "
        f"Weights and Adam's moments come on top. –: not measured, or not within {PATIENCE} s.",
        "",
        _HEAD[0] + " memory [MB] |",
        _HEAD[1] + "---|",
    ]
    for name, row in rows.items():
        for stage, values in row["training"].items():
            title = f"{METHODS[name].title}, {METHODS[name].chain}"
            if len(row["training"]) > 1:
                title += f": {stage}"
            size = f"{values['memory'] / 1e6:.0f}" if "memory" in values else "–"
            lines.append(f"{_line(title, values)} {size} |")
    plain = [METHODS[n].title for n, r in rows.items() if not r["compiled"]]
    repeats = len(used[0][0]["wall"])
    lines += [
        "",
        "Operations are real additions, multiplications, divisions and elementary functions, "
        "counted on the traced graph (`benchmarks/flop.py`); not counted are comparisons, maxima "
        "and selections (rectifiers, pooling, searches), sign changes, conversions, moves of data "
        "and random numbers. What is there twice with the same inputs counts once, although XLA "
        "may compute it twice (the matrix of the precoder, for target and user)"
        + (f"; nodes of the types {', '.join(unknown)} are left out" if unknown else "")
        + f". Times are medians of {repeats} repeats on all threads; where other work shares the "
        "machine (its load is below), compare CPU seconds. Compiled with XLA is all"
        + (f" but {' and '.join(plain)}" if plain else "")
        + ".",
        "",
        "; ".join(f"{k}: {v}" for k, v in content["environment"].items()) + ".",
        "",
    ]
    return "\n".join(lines)


_HEAD = (
    "| method | MFLOP / sample | MFLOP / batch | batch | CPU [ms / sample] | wall [ms / sample] |",
    "|---|---|---|---|---|---|",
)


def _line(title: str, values: dict[str, Any]) -> str:
    """Row of a table of operations and times."""
    flop = [f"{values[key] / 1e6:,.4g}" for key in ("flop_sample", "flop_batch")]
    times = [f"{1e3 * np.median(values[key]):.3g}" for key in ("cpu", "wall")]
    return f"| {' | '.join([title, *flop, str(values['batch_size']), *times])} |"


if __name__ == "__main__":
    sys.exit(main())
