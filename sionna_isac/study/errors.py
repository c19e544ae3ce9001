"""Error of scenarios, apart from what raises it: reading, kinds, commands."""

from __future__ import annotations

__all__ = ["ScenarioError"]


class ScenarioError(ValueError):
    """A scenario that cannot be read or is not valid; the message is one line."""
