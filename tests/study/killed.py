"""A process that has imported everything and then forks one child for each run it is asked for.

Children are processes of their own, with random generators that nobody has used, and really end by
SIGKILL where they are told to. Asked on standard input by one JSON text a line:
{"scenario", "changes", "out", "save", "moment"}; answers with the exit status of the child.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback

os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import tensorflow as tf

from sionna_isac.study import load_scenario, run_scenario, store
from sionna_isac.study.store import RunFolder


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(number: int, moment: str) -> None:
    """Die at the save of that number: before it, while it writes, or after it."""
    save, replace, count = RunFolder.save, os.replace, [0]

    def counted(self, name, **arrays):
        count[0] += 1
        if count[0] == number and moment == "before":
            die()
        save(self, name, **arrays)
        if count[0] == number and moment == "after":
            die()

    def written(source, target):
        if count[0] == number and moment == "while":
            die()
        replace(source, target)

    RunFolder.save = counted
    store.os.replace = written


def child(order: dict) -> int:
    if order.get("save"):
        arm(order["save"], order["moment"])
    run_scenario(load_scenario(order["scenario"], order["changes"]), order["out"], quiet=True)
    return 0


def main() -> None:
    # takes longer than such short studies
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = child(json.loads(line))
            except Exception:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main()
