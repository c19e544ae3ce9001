"""``python -m benchmarks.run``: check that both sides agree, then time them in turn.

The reference is the faster of the plain implementation with and without XLA, with the cheaper
order of the two products in A^H Y D*. The order as printed is timed as well.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import plain
from benchmarks.cases import CASES, Bench, Disagreement

__all__ = ["main"]

LIBRARY_CALLS = 5  # of the library for one of the plain implementation
UNITS = {"angle": " rad", "range": " m"}


def main() -> int:
    """Run the comparisons; 1 if the two sides do not agree."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="batch 16, few repeats, no memory")
    parser.add_argument("--only", choices=sorted(CASES), help="one case")
    parser.add_argument(
        "--out", type=Path, help="folder for results.md and results.json (complete runs: here)"
    )
    args = parser.parse_args()
    console = Console()
    names = [args.only] if args.only else list(CASES)
    environment = describe()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("inputs", total=3 * len(names) + 1)

        def step(text: str) -> None:
            progress.update(task, advance=1, description=text)

        bench = Bench(plain.letter(), *((16, 16) if args.quick else (64, 80)))
        environment["rank of the delay basis"] = bench.rank
        results: dict[str, dict[str, Any]] = {}
        for name in names:
            step(f"{name}: agreement")
            try:
                deviation = CASES[name].check(bench)
            except Disagreement as error:
                console.print(f"[red]{name}: plain and library disagree: {error}")
                return 1
            results[name] = {"deviation": deviation.values, "ties": deviation.num_ties}
            results[name]["samples"] = deviation.num_samples
            step(f"{name}: times")
            results[name] |= compare(bench, name, args.quick)
        if not args.quick:
            step("memory")
            measure_memory(results, lambda: step("memory"))
    text = report(results, environment, bench)
    console.print(Markdown(text))
    out = args.out or (None if args.quick or args.only else Path(__file__).parent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "results.md").write_text(text)
        content = {"environment": environment, "cases": results}
        (out / "results.json").write_text(json.dumps(content, indent=1) + "\n")
        console.print(f"written to {out}/results.md and results.json")
    return 0


def timed(function: Callable[[], Any], calls: int = 1) -> tuple[float, float]:
    """Wall and CPU seconds of one call, mean over ``calls``."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        np.asarray(function()[0])
    return (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls


def compare(bench: Bench, name: str, quick: bool) -> dict[str, Any]:
    """Time both sides in turn."""
    case = CASES[name]
    library = case.library(bench)
    timed(library)
    variants = {kind: case.plain(bench, True, kind == "xla") for kind in ("graph", "xla")}
    trials = {}
    for kind, function in variants.items():
        timed(function)
        trials[kind] = timed(function)[0]
    best = min(trials, key=trials.get)
    pairs = interleave(variants[best], library, 2 if quick else 5)
    result = {"plain_variant": best, "plain_trials": trials, **pairs}
    if not quick and name != "training":  # which would take too long
        printed = case.plain(bench, False, False)
        timed(printed)
        result["printed_order"] = interleave(printed, library, 1)
    return result


def interleave(
    reference: Callable[[], Any], library: Callable[[], Any], repeats: int
) -> dict[str, list[float]]:
    """Wall and CPU seconds, one plain call and several of the library in turn."""
    pairs = [(timed(reference), timed(library, LIBRARY_CALLS)) for _ in range(repeats)]
    keys = ("plain_wall", "plain_cpu", "library_wall", "library_cpu")
    columns = np.reshape(pairs, [repeats, 4]).T.tolist()
    return dict(zip(keys, columns, strict=True))


def measure_memory(results: dict[str, dict[str, Any]], done: Callable[[], None]) -> None:
    """Memory of both sides, each in a process of its own, two at a time."""

    def measure(name: str, side: str) -> int:
        command = [sys.executable, "-m", "benchmarks.memory", name, side]
        root = Path(__file__).resolve().parents[1]
        run = subprocess.run(command, capture_output=True, text=True, cwd=root)
        if run.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
        return int(run.stdout.split()[-1])

    with ThreadPoolExecutor(2) as pool:
        jobs = {
            (name, key): pool.submit(measure, name, side)
            for name, r in results.items()
            for key, side in (("plain", r["plain_variant"]), ("library", "library"))
        }
        for (name, key), job in jobs.items():
            results[name][f"{key}_memory"] = job.result()
            if key == "library":
                done()


def ratio(result: dict[str, Any], kind: str) -> str:
    """Median and 10-90 % interval of the paired ratios."""
    values = np.array(result[f"plain_{kind}"]) / np.array(result[f"library_{kind}"])
    if values.size == 1:
        return f"{values[0]:.3g}"
    low, high = np.quantile(values, [0.1, 0.9])
    return f"{np.median(values):.3g} ({low:.3g}–{high:.3g})"


def report(results: dict[str, dict[str, Any]], environment: dict[str, Any], bench: Bench) -> str:
    """Results as a Markdown text."""

    def seconds(result: dict[str, Any], side: str) -> str:
        wall, cpu = (np.median(result[f"{side}_{kind}"]) for kind in ("wall", "cpu"))
        return f"{wall:.3g} / {cpu:.3g}"

    lines = [
        "# Library against plain TensorFlow",
        "",
        "The multi-target chain of MateosRamos25 (64 antennas, 256 subcarriers of 120 kHz, ranges "
        "10–190 m, 720 × 200 dictionary, 5 iterations, sectors up to 20°, complex64): batch "
        f"{bench.batch_size}, training iteration with {bench.training_batch_size}. Plain: "
        "`benchmarks/plain.py`, the algorithm as published on "
        "the full dictionaries, the faster of TF graph and XLA (in training: of the receiver, the "
        "rest has no XLA kernels) and the cheaper order of products. "
        "Library: XLA. Times are wall / CPU seconds of one call, taken in turn; ratios are medians "
        "of pairs with their 10–90 % interval.",
        "",
        "| case | plain [s] | library [s] | ratio, wall | ratio, CPU | memory [MB] |",
        "|---|---|---|---|---|---|",
    ]
    for name, r in results.items():
        memory = "–"
        if "plain_memory" in r:
            memory = f"{r['plain_memory'] / 1e6:.0f} / {r['library_memory'] / 1e6:.0f}"
        lines.append(
            f"| {CASES[name].title} | {seconds(r, 'plain')} ({r['plain_variant']}) "
            f"| {seconds(r, 'library')} | {ratio(r, 'wall')} | {ratio(r, 'cpu')} | {memory} |"
        )
    if any("plain_memory" in r for r in results.values()):
        lines += [
            "",
            "Memory: growth of the resident peak by the first calls, tracing and compilation "
            "included, plain / library.",
        ]
    lines += [
        "",
        "The same numbers come out (largest deviations; loss and gradient relative to their "
        "largest entry, metric to the first of the sample; ties are samples in which rounding "
        "decided between two cells of the same height):",
        "",
        "| case | deviation | ties |",
        "|---|---|---|",
    ]
    for name, r in results.items():
        parts = [f"{k} {v:.2g}{UNITS.get(k, '')}" for k, v in r["deviation"].items()]
        lines.append(
            f"| {CASES[name].title} | {', '.join(parts)} | {r['ties']} of {r['samples']} |"
        )
    if any("printed_order" in r for r in results.values()):
        lines += [
            "",
            "The map multiplied in the order as printed, (A^H Y) D*, in graph mode (one call):",
            "",
            "| case | plain [s] | ratio, wall | ratio, CPU |",
            "|---|---|---|---|",
        ]
        for name, r in results.items():
            if "printed_order" not in r:
                continue
            p = r["printed_order"]
            times = f"{seconds(p, 'plain')} | {ratio(p, 'wall')} | {ratio(p, 'cpu')}"
            lines.append(f"| {CASES[name].title} | {times} |")
    lines += ["", "; ".join(f"{k}: {v}" for k, v in environment.items()) + ".", ""]
    return "\n".join(lines)


def describe() -> dict[str, Any]:
    """Machine and versions."""
    packages = ("sionna-isac", "tensorflow", "keras", "sionna", "numpy")
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = found[0].split(":")[1].strip() if found else model
    return {
        "date": datetime.date.today().isoformat(),
        "CPU": model,
        "threads": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load average at the start": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


if __name__ == "__main__":
    sys.exit(main())
