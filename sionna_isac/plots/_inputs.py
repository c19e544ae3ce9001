"""Checks of arrays for figures, without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["azimuths", "interval", "magnitudes", "places", "real", "vector"]


def real(name: str, value: Any) -> np.ndarray:
    """Array of real numbers; NaN are gaps."""
    array = _numbers(name, value)
    if np.iscomplexobj(array):
        raise TypeError(f"{name} must hold real numbers; got {array.dtype}")
    return array.astype(np.float64)


def vector(name: str, value: Any, size: int | None = None, other: str = "") -> np.ndarray:
    """Vector of real numbers, with as many entries as another one."""
    array = real(name, value)
    if array.ndim != 1 or (size is not None and array.size != size):
        wanted = "[number]" if size is None else f"[{size}], as {other} has"
        raise ValueError(f"{name} must have shape {wanted}; got shape {list(array.shape)}")
    return array


def magnitudes(name: str, value: Any, shape: Sequence[int | None], axes: str) -> np.ndarray:
    """Magnitudes of real or complex numbers of a shape."""
    array = np.abs(_numbers(name, value)).astype(np.float64)
    fits = array.ndim == len(shape) and all(
        n in (None, m) for n, m in zip(shape, array.shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("?" if n is None else str(n) for n in shape)
        raise ValueError(f"{name} must have shape [{sizes}], {axes}; got shape {list(array.shape)}")
    return array


def azimuths(name: str, value: Any) -> np.ndarray:
    """Vector of angles [rad]; degrees are refused."""
    angles = vector(name, value)
    if np.any(np.abs(angles) > math.pi * (1 + 1e-6)):
        raise ValueError(
            f"{name} must hold angles in rad, not in degrees, within [-pi, pi]; "
            f"got values from {np.nanmin(angles):g} to {np.nanmax(angles):g}"
        )
    return angles


def places(
    name: str, value: Any, quantity: str = "angle", quantities: str = "angles"
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the targets of one sample, from arrays or a named tuple.

    They are angle [rad] or velocity [m/s], and range [m]; of estimates those with a metric > 0.
    """
    number = metric = None
    if hasattr(value, quantity) and hasattr(value, "range"):
        number, metric = getattr(value, "num_targets", None), getattr(value, "metric", None)
        first = getattr(value, quantity)
        if first is None and quantity == "velocity":  # targets at rest
            first = np.zeros(np.shape(value.range))
        value = first, value.range
    try:
        parts = dict(zip((quantity, "range"), value, strict=True))
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be a pair of arrays, {quantities} and ranges, or have {quantity} and "
            f"range; got {type(value).__name__}"
        ) from None
    arrays = [np.atleast_1d(real(f"{name}.{part}", array)) for part, array in parts.items()]
    # the only sample of a batch
    first, second = (a[0] if a.ndim == 2 and len(a) == 1 else a for a in arrays)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"{name} must hold {quantities} and ranges [num_targets] of one sample; got shapes "
            f"{list(first.shape)} and {list(second.shape)}"
        )
    kept = np.ones(first.size, bool)
    if number is not None:
        kept = np.arange(first.size) < int(np.ravel(number)[0])
    elif metric is not None:
        kept = np.ravel(real(f"{name}.metric", metric)) > 0
    if quantity == "angle":
        azimuths(f"{name}.angle", first[kept])
    return first[kept], second[kept]


def interval(name: str, value: Any) -> tuple[float, float]:
    """Pair (low, high) of angles [rad]."""
    ends = azimuths(name, np.ravel(real(name, value)))
    if ends.size != 2 or not ends[0] <= ends[1]:
        raise ValueError(f"{name} must be a pair (low, high) with low <= high; got {value!r}")
    return float(ends[0]), float(ends[1])


def _numbers(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be a regular array; got rows of different length") from None
    if array.dtype.kind not in "iufcb":
        raise TypeError(f"{name} must hold numbers; got {array.dtype}")
    return array
