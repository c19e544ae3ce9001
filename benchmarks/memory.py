"""Peak growth of the resident memory by the first call of a function, in a process of its own.

``python -m benchmarks.memory CASE (library | graph | xla)`` prints the number of bytes. Tracing
and compilation are part of it: what they leave free inside the process serves the call.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np

__all__ = ["main"]


def main() -> None:
    """Make the inputs, call, print by how much the peak exceeds the memory before."""
    from benchmarks import plain
    from benchmarks.cases import CASES, Bench

    name, side = sys.argv[1:]
    bench, case = Bench(plain.letter()), CASES[name]
    function = case.library(bench) if side == "library" else case.plain(bench, True, side == "xla")
    gc.collect()
    before = status("VmRSS")
    for _ in range(2):
        np.asarray(function()[0])
    print(status("VmHWM") - before)


def status(key: str) -> int:
    """A field of the process status; unlike `ru_maxrss` its peak does not include the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


if __name__ == "__main__":
    main()
