"""Units of scenarios in those of the library."""

from __future__ import annotations

from typing import Any

__all__ = ["watt"]


def watt(dbm: Any) -> Any:
    """Power [W] of a level [dBm], a number or a tensor."""
    return 10.0 ** ((dbm - 30) / 10)
