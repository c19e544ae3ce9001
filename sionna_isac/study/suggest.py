"""Suggestions for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = ["suggestion"]


def suggestion(name: Any, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Suggestion of the nearest known name, for the end of an error; empty if none is near.

    The cutoff is the least similarity, 1 for equal names.
    """
    by_lower = {k.lower(): k for k in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=cutoff)
    return f" (did you mean '{by_lower[near[0]]}'?)" if near else ""
