"""Checks of the elements and of the clutter projections that receivers take."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks

__all__ = ["separate", "symbol_matrix"]


def separate(used: np.ndarray, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """Used symbols and subcarriers, as masks, of elements that are all pairs of both."""
    rows, columns = np.any(used, 1), np.any(used, 0)
    if not np.array_equal(used, np.outer(rows, columns)):
        raise ValueError(
            f"elements must be the same subcarriers on each used symbol for a {purpose}; got "
            f"{len(np.unique(used[rows], axis=0))} patterns"
        )
    return rows, columns


def symbol_matrix(projection: Any, num_symbols: int) -> np.ndarray:
    """Matrix [num_symbols, num_symbols] of a clutter filter."""
    matrix = checks.complexes("projection", projection)
    if matrix.shape != (num_symbols, num_symbols):
        raise ValueError(
            f"projection must have shape [{num_symbols}, {num_symbols}], a row for each symbol; "
            f"got shape {list(matrix.shape)}"
        )
    return matrix
