"""Checks of the arrays of voxels."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks

__all__ = ["each", "indices", "triples", "unit_or_zero"]


def each(name: str, value: Any, number: int, low: float, high: float) -> np.ndarray:
    """One finite value per voxel, within [low, high]; a fill of 0 is an error."""
    entries = checks.finite(name, checks.floats(name, value))
    if entries.shape not in ((), (number,)):
        raise ValueError(f"{name} must have shape [{number}]; got shape {list(entries.shape)}")
    bad = entries[(entries < low) | (entries > high) | ((name == "fill") & (entries <= 0))]
    if bad.size:
        allowed = "in (0, 1]" if name == "fill" else f">= {low}"
        raise ValueError(f"{name} must be {allowed}; got {bad.flat[0]:g}")
    return np.broadcast_to(entries, [number])


def unit_or_zero(value: Any, number: int) -> np.ndarray:
    """Unit vectors, or 0, for each voxel; `None` is 0 for all."""
    if value is None:
        return np.zeros([number, 3])
    normals = checks.finite("normals", checks.floats("normals", value))
    if normals.shape != (number, 3):
        raise ValueError(f"normals must have shape [{number}, 3]; got shape {list(normals.shape)}")
    length = np.linalg.norm(normals, axis=1)
    bad = length[(np.abs(length - 1) > 1e-3) & (length > 0)]
    if bad.size:
        raise ValueError(f"normals must have length 1 or 0; got length {bad[0]:g}")
    return normals


def indices(value: Any, number: int, names: int) -> np.ndarray:
    """One index below ``names`` for each voxel."""
    part = np.asarray(value)
    if not np.issubdtype(part.dtype, np.integer) or part.shape not in ((), (number,)):
        raise ValueError(
            f"part must hold integers and have shape [{number}]; "
            f"got {part.dtype} of shape {list(part.shape)}"
        )
    if part.min() < 0 or part.max() >= names:
        raise ValueError(
            f"part must be 0 ... {names - 1}, one number for each of part_names; "
            f"got {part.min()} ... {part.max()}"
        )
    return np.broadcast_to(part, [number])


def triples(value: Any) -> np.ndarray:
    """Real or complex vectors [..., 3]."""
    vectors = np.asarray(value)
    if vectors.dtype.kind not in "iufc":
        raise TypeError(f"vectors must hold numbers; got {vectors.dtype}")
    if not vectors.shape or vectors.shape[-1] != 3:
        raise ValueError(f"vectors must have shape [..., 3]; got shape {list(vectors.shape)}")
    return vectors
