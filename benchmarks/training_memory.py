"""Peak growth of the resident memory by one training iteration, in a process of its own.

``python -m benchmarks.training_memory METHOD STAGE BATCH_SIZE`` prints the number of bytes. As in
`benchmarks/memory.py`, tracing and compilation are part of it: what they leave free inside the
process serves the iteration. Weights and the moments of the optimiser are not part of it.
"""

from __future__ import annotations

import gc
import sys

import numpy as np
import tensorflow as tf

__all__ = ["main", "peak"]


def main() -> None:
    """Make the learner, train twice, print the growth."""
    from benchmarks.methods import METHODS, step

    name, stage_name, batch_size = sys.argv[1:]
    side = METHODS[name].make(False)
    stage = next(s for s in side.stages(int(batch_size)) if s.name == stage_name)
    call = step(side.learner, stage, side.compiled)
    print(peak(tf.function(call, autograph=False, jit_compile=side.compiled)))


def peak(function) -> int:
    """Bytes by which the resident peak of two calls exceeds what is resident before them."""
    from benchmarks.memory import status

    gc.collect()
    before = status("VmRSS")
    for _ in range(2):
        np.asarray(function())
    return status("VmHWM") - before


if __name__ == "__main__":
    main()
