"""Mask of the resource elements that a receiver uses."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.waveform import Numerology

__all__ = ["used_elements"]


def used_elements(numerology: Numerology, elements: Any) -> np.ndarray | None:
    """Mask [num_symbols, num_subcarriers], checked, without inactive subcarriers.

    `None` stands for all elements on active subcarriers.
    """
    if elements is None:
        return None
    mask = np.asarray(elements)
    if mask.dtype != bool:
        raise TypeError(f"elements must hold booleans; got {elements!r}")
    wanted = (numerology.num_symbols, numerology.num_subcarriers)
    if mask.shape != wanted:
        raise ValueError(
            f"elements must have shape {list(wanted)} (num_symbols, num_subcarriers); got shape "
            f"{list(mask.shape)}"
        )
    active = np.ones(wanted, bool) if numerology.active is None else numerology.active
    mask = mask & active
    if not mask.any():
        raise ValueError(
            f"elements must hold at least one element on an active subcarrier; got none of "
            f"{mask.size}"
        )
    return None if np.array_equal(mask, np.broadcast_to(active, wanted)) else mask
