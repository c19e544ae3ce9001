"""Windows along the axes of a map."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import get_window

__all__ = ["spanned", "window_values"]


def spanned(indices: np.ndarray) -> np.ndarray:
    """Indices from the first to the last one at the largest step that they share."""
    step = int(np.gcd.reduce(np.diff(indices))) if indices.size > 1 else 1
    return np.arange(indices[0], indices[-1] + 1, max(step, 1))


def window_values(window: Any, number: int) -> np.ndarray:
    """Window [number] by the name that SciPy has for it; `None` is none."""
    if window is None:
        return np.ones(number)
    try:
        return np.asarray(get_window(window, number), np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"window must hold windows that scipy.signal.get_window knows; got {window!r}"
        ) from error
