"""Errors of studies, apart from what raises them: reading, kinds, workers, commands."""

from __future__ import annotations

from sionna_isac.errors import UsageError

__all__ = ["ScenarioError", "WorkerError"]


class ScenarioError(UsageError, ValueError):
    """A scenario that cannot be read or is not valid; the message is one line."""


class WorkerError(UsageError, RuntimeError):
    """Workers that cannot be reached or end before their work is done; the message is one line."""
