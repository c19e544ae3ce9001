"""Progress on the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["Reporter"]


class Reporter:
    """Report of the progress of a run, with the remaining time.

    Parameters
    ----------
    quiet : `bool`, (default `False`)
        If `True`, nothing is shown
    """

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(quiet=quiet, highlight=False)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, soft_wrap=True)

    @contextlib.contextmanager
    def task(self, description: str, total: int, done: int = 0, note: str = "") -> Iterator[Any]:
        """Bar for a part of the work; yields ``advance(steps, note)``.

        ``note`` is shown until the first step, such as "compiling".
        """
        bar = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            speed_estimate_period=600,  # steps may take minutes
            disable=self.console.quiet,  # in a notebook, a quiet bar would still be an empty output
        )
        with bar:
            task = bar.add_task(description, total=total, completed=done, note=note)

            def advance(steps: int = 1, note: str = "") -> None:
                bar.update(task, advance=steps, note=note)

            yield advance
