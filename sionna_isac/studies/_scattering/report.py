"""Numbers in printed reports."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["in_row"]


def in_row(values: Any) -> str:
    """Numbers with three digits, side by side."""
    return "  ".join(f"{v:.3g}" for v in np.asarray(values))
