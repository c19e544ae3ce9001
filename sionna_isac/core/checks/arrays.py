"""Checks of arrays and tensors: kinds of numbers, shapes, finite values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core.checks.scalars import integer

__all__ = [
    "complexes",
    "finite",
    "floats",
    "grid",
    "last_dim",
    "not_negative",
    "numbers",
    "points",
    "rank",
    "shape",
    "shape_text",
    "size_text",
    "static_or_tensor",
    "vector",
]


def floats(name: str, value: Any) -> np.ndarray:
    """Return ``value`` as a float64 array; complex numbers are refused, not cut."""
    return _numeric(name, value, np.float64)


def numbers(name: str, value: Any, kind: type = float) -> np.ndarray:
    """Return ``value`` as a complex128 array if it or ``kind`` is complex, else as float64."""
    try:
        wide = kind is complex or np.iscomplexobj(value)
    except ValueError:  # rows of different length: refused below
        wide = False
    return _numeric(name, value, np.complex128 if wide else np.float64)


def complexes(name: str, value: Any) -> np.ndarray:
    """Return ``value``, complex or real, as a finite complex128 array."""
    return finite(name, _numeric(name, value, np.complex128))


def vector(name: str, value: Any, size: int) -> np.ndarray:
    """Return ``value`` as a finite float64 vector of ``size`` entries."""
    entries = floats(name, value)
    if entries.shape != (size,):
        raise ValueError(f"{name} must have shape [{size}]; got shape {list(entries.shape)}")
    return finite(name, entries)


def points(name: str, value: Any) -> np.ndarray:
    """Return ``value`` as a finite float64 array of at least one point in space, [number, 3]."""
    array = floats(name, value)
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise ValueError(f"{name} must have shape [number, 3]; got shape {list(array.shape)}")
    return finite(name, array)


def grid(
    name: str,
    value: Any,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    single: bool = False,
) -> np.ndarray:
    """Return ``value`` as a strictly increasing, finite float64 vector of at least two points.

    If ``single``, one point is enough.
    """
    points = floats(name, value)
    if points.ndim != 1 or points.size < (1 if single else 2):
        fewest = "one point" if single else "two points"
        raise ValueError(
            f"{name} must be a vector of at least {fewest}; got an array of shape {points.shape}"
        )
    finite(name, points)
    if not np.all(np.diff(points) > 0):
        raise ValueError(f"{name} must be strictly increasing; got {_brief(points)}")
    if points[0] < minimum or points[-1] > maximum:
        raise ValueError(
            f"{name} must lie within [{minimum:g}, {maximum:g}]; "
            f"got [{points[0]:g}, {points[-1]:g}]"
        )
    return points


def finite(name: str, value: Any) -> Any:
    """Raise ``ValueError`` if an eager tensor or array holds NaN or infinity."""
    if isinstance(value, np.ndarray) or tf.is_tensor(value):
        if isinstance(value, tf.Tensor) and not hasattr(value, "numpy"):
            return value  # symbolic: the content is not known yet
        if getattr(value, "dtype", None) is not None and not _is_inexact(value):
            return value
        data = np.asarray(value)
        bad = int(data.size - np.count_nonzero(np.isfinite(data)))
        if bad:
            raise ValueError(
                f"{name} must be finite; got {bad} NaN or infinite of {data.size} values"
            )
    return value


def not_negative(name: str, value: tf.Tensor) -> tf.Tensor:
    """Raise ``ValueError`` if an eager tensor holds a value that is not >= 0."""
    if tf.executing_eagerly() and not bool(tf.reduce_all(value >= 0)):
        raise ValueError(f"{name} must be >= 0; got {float(tf.reduce_min(value)):g}")
    return value


def rank(name: str, value: Any, ndim: int | Sequence[int], axes: str = "") -> Any:
    """Raise ``ValueError`` if ``value`` does not have (one of) ``ndim`` dimensions."""
    allowed = (ndim,) if isinstance(ndim, int) else tuple(ndim)
    if value.shape.rank is not None and value.shape.rank not in allowed:
        expected = " or ".join(str(n) for n in allowed)
        raise ValueError(
            f"{name} must have {expected} dimensions{f' {axes}' if axes else ''}; "
            f"got shape {shape_text(value)}"
        )
    return value


def shape(name: str, value: Any, expected: Sequence[int | None], axes: str = "") -> Any:
    """Raise ``ValueError`` if a statically known dimension differs from ``expected``."""
    actual = value.shape
    good = actual.rank is None or (
        actual.rank == len(expected)
        and all(a is None or e is None or a == e for a, e in zip(actual, expected, strict=True))
    )
    if not good:
        wanted = "[" + ", ".join("?" if e is None else str(e) for e in expected) + "]"
        raise ValueError(
            f"{name} must have shape {wanted}{f' {axes}' if axes else ''}; "
            f"got shape {shape_text(value)}"
        )
    return value


def last_dim(name: str, value: Any, size: int, axes: str = "") -> Any:
    """Raise ``ValueError`` if the last dimension is known and is not ``size``."""
    if value.shape.rank is not None and (
        value.shape.rank == 0 or value.shape[-1] not in (None, size)
    ):
        raise ValueError(
            f"{name} must have last dimension {size}{f' {axes}' if axes else ''}; "
            f"got shape {shape_text(value)}"
        )
    return value


def static_or_tensor(name: str, value: Any) -> Any:
    """Return ``value``, a size: an int >= 1, or an integer tensor, whose value is not checked."""
    if not tf.is_tensor(value):
        return integer(name, value)
    if not value.dtype.is_integer:
        shown = value.numpy() if hasattr(value, "numpy") else value
        raise TypeError(f"{name} must be an integer >= 1; got {shown!r}")
    return value


def _numeric(name: str, value: Any, dtype: Any) -> np.ndarray:
    """``value`` as an array of ``dtype``; NumPy would cut complex numbers, read texts and None."""
    kind = "complex" if dtype is np.complex128 else "real"
    try:
        array = np.asarray(value)
        if array.dtype.kind in "OSUMm" or (kind == "real" and np.iscomplexobj(array)):
            raise TypeError
        return array.astype(dtype, copy=False)
    except NotImplementedError:  # of TensorFlow: a tensor of a graph
        raise TypeError(f"{name} must be known outside of a graph; got {value!r}") from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} must hold {kind} numbers; got {value!r}") from None


def _is_inexact(value: Any) -> bool:
    dtype = value.dtype
    if isinstance(dtype, tf.DType):
        return bool(dtype.is_floating or dtype.is_complex)
    return bool(np.issubdtype(dtype, np.inexact))


def _brief(points: np.ndarray) -> str:
    return np.array2string(points, threshold=6, edgeitems=2, precision=4)


def shape_text(value: Any) -> str:
    """Shape of a tensor as errors show it."""
    return "[" + ", ".join(size_text(d) for d in value.shape) + "]"


def size_text(dimension: int | None) -> str:
    """Size of a dimension as errors show it."""
    return "?" if dimension is None else str(dimension)
