"""Peak growth of the resident memory by the first call of a function, in a process of its own.

``python -m benchmarks.memory CASE (library | graph | xla)`` prints the number of bytes. Tracing
and compilation are part of it: what they leave free inside the process serves the call.
"""

from __future__ import annotations

import gc
import resource
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
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    for _ in range(2):
        np.asarray(function()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(max(0, peak - before))


if __name__ == "__main__":
    main()
