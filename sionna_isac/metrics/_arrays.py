"""Common parts of all metrics: checked NumPy arrays, and the answer without samples."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from sionna_isac.core import checks

__all__ = ["booleans", "counts", "floats", "not_a_number", "root_mean_square", "same_shape"]


def not_a_number(reason: str) -> float:
    """NaN, with a warning at the line that called the metric."""
    warnings.warn(f"{reason}: the result is not a number", UserWarning, stacklevel=3)
    return math.nan


def floats(name: str, value: Any, ndim: int | None = None) -> np.ndarray:
    """Finite float64 array, of ``ndim`` dimensions if given."""
    array = checks.floats(name, value)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimensions; got shape {list(array.shape)}")
    return checks.finite(name, array)


def root_mean_square(value: np.ndarray) -> float:
    """Root of the mean square of real or complex numbers, whose squares may be out of range."""
    size = np.abs(value)
    # a power of two as the unit changes no digit
    unit = math.ldexp(1.0, min(math.frexp(float(np.max(size)))[1], 1023))
    return unit * float(np.sqrt(np.mean((size / unit) ** 2)))


def booleans(name: str, value: Any) -> np.ndarray:
    """Array of booleans."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError(f"{name} must hold booleans; got {value!r}") from None
    if array.dtype != bool:
        raise TypeError(f"{name} must hold booleans; got {array.dtype}")
    return array


def counts(name: str, value: Any, maximum: int | None = None) -> np.ndarray:
    """Vector of integers within [0, maximum]."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError(f"{name} must hold integers; got {value!r}") from None
    if array.size == 0:
        array = array.astype(np.int64)  # the dtype of an empty list is float
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers; got {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{name} must have 1 dimension; got shape {list(array.shape)}")
    bad = array[(array < 0) | (array > (math.inf if maximum is None else maximum))]
    if bad.size:
        upper = "" if maximum is None else f" and <= {maximum}"
        raise ValueError(f"{name} must be >= 0{upper}; got {bad[0]}")
    return array.astype(np.int64)


def same_shape(name: str, array: np.ndarray, other_name: str, other: np.ndarray) -> None:
    """Raise ``ValueError`` if two arrays differ in shape."""
    if array.shape != other.shape:
        raise ValueError(
            f"{name} must have the shape of {other_name}, {list(other.shape)}; "
            f"got shape {list(array.shape)}"
        )
