"""Errors of reading, kinds, workers and commands, without heavy imports."""

from __future__ import annotations

from sionna_isac.errors import UsageError

__all__ = ["ScenarioError", "WorkerError"]


class ScenarioError(UsageError, ValueError):
    """Unreadable or invalid scenario; the message is one line."""


class WorkerError(UsageError, RuntimeError):
    """Unreachable or dead workers; the message is one line."""
