"""Places where tasks run: this process, local processes, or a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from sionna_isac.study.store import StoreError

__all__ = ["WorkerError", "interrupts_noticed", "run_chains"]

_ENVIRONMENT = {  # one thread each: the numbers then do not depend on the number of workers
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
_CONNECT_SECONDS = 20


class WorkerError(StoreError):
    """The workers cannot be reached or keep dying; the message is one line."""


def run_chains(
    function: Callable[..., Any],
    chains: Sequence[Sequence[tuple[Any, ...]]],
    workers: int,
    scheduler: str | None = None,
) -> Generator[Any, None, None]:
    """Yield what a function returns for each call, as it becomes available.

    In a chain each call waits for the one before it. Dask computes a task where its input is, so
    that one worker takes the chain and what the function caches serves all of it.

    Parameters
    ----------
    function : callable
        Function, importable by the workers
    chains : sequence of sequences of `tuple`
        Arguments of each call
    workers : `int`
        Number of local processes
    scheduler : `None` (default) | `str`
        Address of a running Dask scheduler to use instead

    Raises
    ------
    WorkerError
        If the scheduler cannot be reached, or several workers died over one call
    """
    from distributed import KilledWorker, as_completed
    from distributed.comm import CommClosedError

    with _client(workers, scheduler) as client:
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
                f"{tries} workers died over one sample, most likely for want of memory: use "
                "fewer workers or larger voxels; the same command goes on from here"
            ) from None
        except (CommClosedError, TimeoutError) as error:
            raise WorkerError(
                f"scheduler: lost it ({_one_line(error)}); the same command goes on from here"
            ) from None


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], before: Any) -> Any:
    return function(*arguments)


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Client of a cluster; a local one lives as long as it does."""
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        if scheduler is None:
            with _interrupts_ignored():
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="localhost:0",  # any free port
                    silence_logs=logging.CRITICAL,
                    env=_ENVIRONMENT,
                )
            yield stack.enter_context(Client(stack.enter_context(cluster)))
            return
        try:
            client = stack.enter_context(Client(scheduler, timeout=_CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            raise WorkerError(
                f"scheduler: no Dask scheduler at '{scheduler}': {_one_line(error)}"
            ) from None
        yield client


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes started meanwhile ignore Ctrl-C, which the terminal sends to all of them."""
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
    """Yield a check for an interrupt that was swallowed: in a finaliser, Python only prints it.

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


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
