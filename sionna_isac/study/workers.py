"""Worker processes: a local Dask cluster, or a running one at an address.

This module imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from sionna_isac.study.errors import WorkerError

__all__ = [
    "default_workers",
    "interrupts_noticed",
    "run_chains",
    "silenced",
]

_ENVIRONMENT = {
    # one thread each: the numbers then do not depend on the number of workers
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
    # Dask's own values return memory to the system after every array
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
}
_CONNECT_SECONDS = 20


def default_workers() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_chains(
    function: Callable[..., Any],
    chains: Sequence[Sequence[tuple[Any, ...]]],
    workers: int | None = None,
    scheduler: str | None = None,
) -> Generator[Any, None, None]:
    """Yield the results of calls of a function, as they become available.

    In a chain each call waits for the one before it. Dask computes a task where its input is, so
    that one worker computes the whole chain with the caches of the function. Worker processes end
    with this process in any case, and with the iterator, which the caller must close.

    Parameters
    ----------
    function : callable
        Function, importable by the workers
    chains : sequence of sequences of `tuple`
        Arguments of each call
    workers : `None` (default) | `int`
        Number of local processes; `None` is one per available core
    scheduler : `None` (default) | `str`
        Address of a running Dask scheduler to use instead

    Raises
    ------
    WorkerError
        If the scheduler cannot be reached, or several workers died over one call
    """
    if not chains:
        return
    from distributed import KilledWorker, as_completed
    from distributed.comm import CommClosedError

    with _client(min(workers or default_workers(), len(chains)), scheduler) as client:
        futures: list[Any] = []
        for chain in chains:
            before = None
            for arguments in chain:
                before = client.submit(_call, function, arguments, before, pure=False)
                futures.append(before)
        try:
            for future in as_completed(futures):
                yield future.result()
                future.release()
        except KilledWorker as error:
            tries = error.allowed_failures + 1
            raise WorkerError(
                f"{tries} workers died over one part, most likely for want of memory: use "
                "fewer workers or a smaller scenario; the same command goes on from here"
            ) from None
        except (CommClosedError, TimeoutError) as error:
            raise WorkerError(
                f"scheduler: lost it ({_one_line(error)}); the same command goes on from here"
            ) from None


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], before: Any) -> Any:
    return function(*arguments)


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Client of a cluster; a local cluster ends with it."""
    from distributed import Client

    with contextlib.ExitStack() as stack:
        if scheduler is None:
            yield stack.enter_context(Client(stack.enter_context(_local_cluster(workers))))
            return
        try:
            client = stack.enter_context(Client(scheduler, timeout=_CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            raise WorkerError(
                f"scheduler: no Dask scheduler at '{scheduler}': {_one_line(error)}"
            ) from None
        yield client


@contextlib.contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    import dask
    from distributed import LocalCluster

    # before a process starts: its allocator and libraries read the environment only once
    early = {"distributed.nanny.pre-spawn-environ": _ENVIRONMENT}
    with _interrupts_ignored(), dask.config.set(early):
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="localhost:0",  # any free port
            silence_logs=logging.CRITICAL,
            env=_ENVIRONMENT,
        )
    try:
        yield cluster
    finally:
        # Dask cannot end a worker that it is just replacing; it ends with this process
        with contextlib.suppress(AssertionError):
            cluster.close()


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, which the terminal sends to all processes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def interrupts_noticed() -> Iterator[Callable[[], None]]:
    """Yield a check for a lost interrupt: in a finaliser, Python only prints it.

    An interrupt is Ctrl-C, or SIGTERM where this process handles it.
    """
    arrived = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def note(number: int, frame: Any) -> None:
        arrived.set()
        handler = before.get(signal.Signals(number))
        if callable(handler):
            handler(number, frame)
        raise KeyboardInterrupt

    def check() -> None:
        if arrived.is_set():
            raise KeyboardInterrupt

    numbers: list[signal.Signals] = [signal.SIGINT]
    if callable(signal.getsignal(signal.SIGTERM)):
        numbers.append(signal.SIGTERM)
    before = {each: signal.signal(each, note) for each in numbers}
    try:
        yield check
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Discard the output of native code to standard error."""
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


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
