"""Checks of arrays for figures, without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["azimuths", "interval", "magnitudes", "places", "real", "vector"]

Pair = tuple[np.ndarray, np.ndarray]


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


def places(name: str, value: Any) -> Pair:
    """Angles [rad] and ranges [m] of the targets of one sample, from arrays or a named tuple."""
    number = None
    if hasattr(value, "angle") and hasattr(value, "range"):
        number = getattr(value, "num_targets", None)
        value = value.angle, value.range
    try:
        angle, distance = value
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be a pair of arrays, angles and ranges, or have angle and range; "
            f"got {type(value).__name__}"
        ) from None
    pair = []
    for part, array in (("angle", angle), ("range", distance)):
        array = np.atleast_1d(real(f"{name}.{part}", array))
        if array.ndim == 2 and len(array) == 1:
            array = array[0]  # the only sample of a batch
        pair.append(array)
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape:
        raise ValueError(
            f"{name} must hold angles and ranges [num_targets] of one sample; got shapes "
            f"{list(pair[0].shape)} and {list(pair[1].shape)}"
        )
    kept = slice(None if number is None else int(np.ravel(number)[0]))
    return azimuths(f"{name}.angle", pair[0][kept]), pair[1][kept]


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
