"""Command line, files and lines of the comparisons that write one table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.cases import Disagreement
from benchmarks.run import describe, ratio

__all__ = ["PAIR_COLUMNS", "command", "medians", "pair_line", "table"]

Content = dict[str, Any]
PAIR_COLUMNS = ("plain [s]", "library [s]", "ratio, wall", "ratio, CPU", "deviation")


def command(
    name: str,
    about: str | None,
    quick: str,
    measure: Callable[[bool, Console], Content],
    report: Callable[[Content], str],
) -> int:
    """Measure and write the table; 1 if both sides do not agree.

    ``measure`` gives the results, quickly or completely; an "environment" of its own adds to that
    of the machine.
    """
    parser = argparse.ArgumentParser(prog=f"benchmarks.{name}", description=about)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument(
        "--out", type=Path, help=f"folder for {name}.md and .json (complete runs: here)"
    )
    args = parser.parse_args()
    console, environment = Console(), describe()
    try:
        found = measure(args.quick, console)
    except Disagreement as error:
        console.print(f"[red]{error}")
        return 1
    content = found | {"environment": environment | found.get("environment", {})}
    text = report(content)
    console.print(Markdown(text))
    out = args.out or (None if args.quick else Path(__file__).parent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.md").write_text(text)
        (out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
        console.print(f"written to {out}/{name}.md and {name}.json")
    return 0


def table(
    title: str,
    about: str | None,
    note: str,
    columns: Iterable[str],
    lines: Iterable[str],
    environment: dict[str, Any],
) -> str:
    """Markdown text: title, the docstring without its first line, table, environment."""
    columns = list(columns)
    return "\n".join(
        [
            f"# {title}",
            "",
            " ".join(str(about).split("\n\n", 1)[1].split()),
            note,
            "",
            f"| {' | '.join(columns)} |",
            f"|{'---|' * len(columns)}",
            *lines,
            "",
            "; ".join(f"{k}: {v}" for k, v in environment.items()) + ".",
            "",
        ]
    )


def medians(values: Iterable[Iterable[float]]) -> str:
    """Medians of several lists, as wall and CPU seconds are shown."""
    return " / ".join(f"{np.median(list(v)):.3g}" for v in values)


def pair_line(row: dict[str, Any], *heads: str) -> str:
    """Line of a pair "plain" and "library": heads, seconds, ratios, deviation."""
    times = [
        medians(row[f"{side}_{kind}"] for kind in ("wall", "cpu")) for side in ("plain", "library")
    ]
    ratios = [ratio(row, kind) for kind in ("wall", "cpu")]
    return f"| {' | '.join([*heads, *times, *ratios, format(row['deviation'], '.1g')])} |"
