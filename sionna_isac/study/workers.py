"""Worker processes for work that is Python and small matrices.

This module imports nothing heavy: a worker starts here and silences what TensorFlow logs when it
is first imported.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import multiprocessing as mp
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from sionna_isac.study.errors import WorkerError

__all__ = ["default_workers", "run_tasks", "silenced"]

# One thread a process: more would compete for the cores, and the last digits of a search may
# depend on how a matrix product is split. Work here is not for accelerators.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}


def default_workers() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], workers: int, module: str
) -> Generator[tuple[int, Any], None, None]:
    """Results of ``function(*task)`` in worker processes, as (index, result) when they come.

    Also with one worker there is a process, with one thread for linear algebra: results do not
    depend on the number of workers. Processes end with this one, however it ends, and with the
    iterator, which is to be closed.

    Parameters
    ----------
    function
        Function at the top level of a module
    tasks
        Its arguments
    workers
        Number of processes
    module
        Module that workers import when they start, its messages silenced

    Raises
    ------
    WorkerError
        If a process ended by itself
    """
    if not tasks:
        return
    context = mp.get_context("spawn")
    # nobody writes: workers see its end when this process closes it, or ends in any way
    lifeline, held = context.Pipe(duplex=False)
    pool = futures.ProcessPoolExecutor(
        min(workers, len(tasks)), context, initializer=_start, initargs=(lifeline, module)
    )
    finished = False
    try:
        with _environment():
            pending = {pool.submit(function, *task): i for i, task in enumerate(tasks)}
        for done in futures.as_completed(pending):
            yield pending[done], done.result()
        finished = True
    except BrokenProcessPool:
        raise WorkerError(
            "a worker process ended before its work was done: not enough memory for "
            f"{workers} workers, or a script without `if __name__ == '__main__':`. "
            "What is done is kept; run again to go on"
        ) from None
    finally:
        if not finished:
            held.close()
        pool.shutdown(wait=finished, cancel_futures=True)
        held.close()
        lifeline.close()


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Send what native code writes to standard error to nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def _start(lifeline: Any, module: str) -> None:
    """First thing in a worker."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the main process is the one to react
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()
    with silenced():
        __import__(module)


def _watch(lifeline: Any) -> None:
    lifeline.poll(None)
    os._exit(1)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """The environment that workers are started with."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
