"""Peak growth of the resident memory by one training iteration, in a process of its own.

``python -m benchmarks.training_memory METHOD STAGE BATCH_SIZE`` prints the number of bytes. A first
iteration, which traces and compiles, comes before; weights and optimiser are not part of it. Needs
Linux.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

__all__ = ["main", "peak"]


def main() -> None:
    """Make the learner, train twice, print the growth in the second iteration."""
    from benchmarks.methods import METHODS, step

    name, stage_name, batch_size = sys.argv[1:]
    side = METHODS[name].make(False)
    stage = next(s for s in side.stages(int(batch_size)) if s.name == stage_name)
    call = step(side.learner, stage, side.compiled)
    print(peak(tf.function(call, autograph=False, jit_compile=side.compiled)))


def peak(function) -> int:
    """Bytes by which the resident peak of a call exceeds what is resident before it."""
    from benchmarks.memory import status

    for _ in range(2):
        np.asarray(function())
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # free memory of the heap would serve the call
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    np.asarray(function())
    return status("VmHWM") - before


if __name__ == "__main__":
    main()
