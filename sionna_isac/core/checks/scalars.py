"""Checks of single numbers, names and objects."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

__all__ = ["instance", "integer", "integers", "interval", "one_of", "real"]


def real(
    name: str,
    value: Any,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    exclusive: bool = False,
    infinite: bool = False,
) -> float:
    """Return ``value`` as a float within [minimum, maximum] (open interval if ``exclusive``).

    It must be finite, unless ``infinite``; it is never NaN.
    """
    allowed = _allowed(minimum, maximum, exclusive)
    try:
        number = _number(value)
    except (TypeError, ValueError, NotImplementedError):
        raise TypeError(f"{name} must be a number{allowed}; got {value!r}") from None
    inside = minimum < number < maximum if exclusive else minimum <= number <= maximum
    if not inside or (math.isinf(number) and not infinite):
        kind = "number, which may be infinite" if infinite else "finite number"
        raise ValueError(f"{name} must be a {kind}{allowed}; got {value!r}")
    return number


def interval(
    name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf
) -> tuple[float, float]:
    """Return ``value`` as a pair (low, high) with minimum <= low <= high <= maximum."""
    text = f"{name} must be a pair (low, high) with {minimum:g} <= low <= high <= {maximum:g}"
    try:
        low, high = (_number(v) for v in value)
    except (TypeError, ValueError):
        raise TypeError(f"{text}; got {value!r}") from None
    if not minimum <= low <= high <= maximum or not math.isfinite(high - low):
        raise ValueError(f"{text}; got {value!r}")
    return low, high


def integer(name: str, value: Any, *, minimum: int = 1, maximum: int | None = None) -> int:
    """Return ``value`` as an int within [minimum, maximum]."""
    upper = "" if maximum is None else f" and <= {maximum}"
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer >= {minimum}{upper}; got {value!r}")
    if value < minimum or (maximum is not None and value > maximum):
        raise ValueError(f"{name} must be an integer >= {minimum}{upper}; got {value!r}")
    return int(value)


def integers(name: str, value: Any, *, minimum: int = 1) -> tuple[int, ...]:
    """Return ``value`` as a tuple of at least one int >= minimum."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise TypeError(f"{name} must be a sequence of integers >= {minimum}; got {value!r}")
    return tuple(integer(name, v, minimum=minimum) for v in value)


def one_of(name: str, value: Any, allowed: Collection[Any]) -> Any:
    """Return ``value`` if it is one of ``allowed``."""
    if value not in allowed:
        options = ", ".join(repr(a) for a in allowed)
        raise ValueError(f"{name} must be one of {options}; got {value!r}")
    return value


def instance(name: str, value: Any, kind: type) -> Any:
    """Return ``value`` if it is a ``kind``."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        shown = " ".join(repr(value).split())
        shown = shown if len(shown) < 120 else f"{shown[:117]}..."
        raise TypeError(f"{name} must be {article} {kind.__name__}; got {shown}")
    return value


def _number(value: Any) -> float:
    """``value`` as a float; NumPy would cut complex numbers and read texts."""
    if isinstance(value, (bool, str, bytes)) or value is None or np.iscomplexobj(value):
        raise TypeError
    return float(value)


def _allowed(minimum: float, maximum: float, exclusive: bool) -> str:
    less, greater = ("<", ">") if exclusive else ("<=", ">=")
    parts = []
    if minimum > -math.inf:
        parts.append(f"{greater} {minimum:g}")
    if maximum < math.inf:
        parts.append(f"{less} {maximum:g}")
    return " " + " and ".join(parts) if parts else ""
