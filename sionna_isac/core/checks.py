"""Checks at the edge: each raises one error that names the argument, its value and what is allowed.

Values that are only known when a graph runs cannot be checked there; functions that look at the
content of a tensor (:func:`finite`) therefore act in eager mode and on NumPy arrays only.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = [
    "angle_grid",
    "azimuth",
    "complexes",
    "finite",
    "floats",
    "frequencies",
    "frequency",
    "grid",
    "heading",
    "headings",
    "instance",
    "integer",
    "integers",
    "interval",
    "last_dim",
    "noise_power",
    "not_negative",
    "numbers",
    "one_of",
    "rank",
    "real",
    "sector",
    "shape",
    "static_or_tensor",
    "vector",
    "wavelength",
]

#: Wavelengths [m] of 3 PHz (ultraviolet) and of 300 kHz: what lies outside is no length in metres.
_WAVELENGTHS = (1e-7, 1e3)
#: Frequencies [Hz] of waves: what lies outside is not in Hz.
_FREQUENCIES = (1e3, 1e16)
#: A turn [rad]; single precision may have rounded it upwards.
_TURN = 2 * math.pi * (1 + 1e-6)


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


def wavelength(name: str, value: Any) -> float:
    """Return ``value``, a wavelength [m], as a float; a frequency in Hz is not mistaken for one."""
    number = real(name, value, minimum=0, exclusive=True)
    low, high = _WAVELENGTHS
    if not low <= number <= high:
        raise ValueError(
            f"{name} must be a length in m, within [{low:g}, {high:g}] (c over the frequency in "
            f"Hz); got {value!r}"
        )
    return number


def frequency(name: str, value: Any) -> float:
    """Return ``value`` as a frequency [Hz] of a wave."""
    return float(frequencies(name, real(name, value, minimum=0, exclusive=True)))


def frequencies(name: str, value: Any) -> np.ndarray:
    """Return ``value`` as a finite float64 array of frequencies [Hz] of waves."""
    hertz = finite(name, floats(name, value))
    low, high = _FREQUENCIES
    bad = hertz[(hertz < low) | (hertz > high)]
    if bad.size:
        allowed = "> 0" if bad.flat[0] <= 0 else f"in Hz, within [{low:g}, {high:g}]"
        raise ValueError(f"{name} must be {allowed}; got {bad.flat[0]:g}")
    return hertz


def heading(name: str, value: Any) -> float:
    """Return ``value`` as an angle [rad] of at most a turn either way: degrees do not pass."""
    return float(headings(name, real(name, value)))


def headings(name: str, value: Any) -> np.ndarray:
    """Return ``value`` as a finite float64 array of such angles."""
    angles = finite(name, floats(name, value))
    bad = angles[np.abs(angles) > _TURN]
    if bad.size:
        raise ValueError(
            f"{name} must lie within [-2 pi, 2 pi] rad; got {bad.flat[0]:g} "
            f"(if these are degrees, {math.radians(bad.flat[0]):.4g} rad)"
        )
    return angles


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


def static_or_tensor(name: str, value: Any) -> Any:
    """Return ``value``, a size: an int >= 1, or an integer tensor, which is not looked at."""
    if not tf.is_tensor(value):
        return integer(name, value)
    if not value.dtype.is_integer:
        shown = value.numpy() if hasattr(value, "numpy") else value
        raise TypeError(f"{name} must be an integer >= 1; got {shown!r}")
    return value


def vector(name: str, value: Any, size: int) -> np.ndarray:
    """Return ``value`` as a finite float64 vector of ``size`` entries."""
    entries = floats(name, value)
    if entries.shape != (size,):
        raise ValueError(f"{name} must have shape [{size}]; got shape {list(entries.shape)}")
    return finite(name, entries)


def grid(name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf):
    """Return ``value`` as a strictly increasing, finite float64 vector of at least two points."""
    points = floats(name, value)
    if points.ndim != 1 or points.size < 2:
        raise ValueError(
            f"{name} must be a vector of at least two points; got an array of shape {points.shape}"
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


def instance(name: str, value: Any, kind: type) -> Any:
    """Return ``value`` if it is a ``kind``."""
    if not isinstance(value, kind):
        shown = " ".join(repr(value).split())
        shown = shown if len(shown) < 120 else f"{shown[:117]}..."
        raise TypeError(f"{name} must be a {kind.__name__}; got {shown}")
    return value


def angle_grid(name: str, value: Any) -> np.ndarray:
    """Return ``value`` as a :func:`grid` of azimuths within [-pi/2, pi/2]."""
    return grid(name, value, minimum=-math.pi / 2, maximum=math.pi / 2)


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


def noise_power(
    no: Any,
    like: tf.Tensor,
    name: str = "y",
    *,
    positive: bool = False,
    per_sample: bool = False,
) -> tf.Tensor:
    """Noise power in a form that broadcasts against a signal.

    Parameters
    ----------
    no : [...], array_like or `tf.float`
        A number, or values with the leading dimensions of ``like`` (as in Sionna's `AWGN`), such
        as one for each sample
    like : [batch_size, ...], `tf.complex` | `tf.float`
        Signal
    name : `str`
        Name of the signal, for errors
    positive : `bool`
        If `True`, 0 is refused, too
    per_sample : `bool`
        If `True`, all entries of a sample have the same power

    Output
    ------
    : [], or of as many dimensions as ``like``, `tf.float`
        Noise power in the precision of ``like``

    Raises
    ------
    ValueError
        If the shape does not fit, or (in eager mode) a value is out of range or not finite
    """
    if not tf.is_tensor(no):
        no = np.asarray(no, np.float64)  # tf.cast alone would go through float32
    no = tf.cast(no, like.dtype.real_dtype)
    finite("no", not_negative("no", no))
    if positive and tf.executing_eagerly() and not bool(tf.reduce_all(no > 0)):
        raise ValueError("no must be > 0 where it is divided by; got 0")
    if no.shape.rank is None:
        rest = tf.ones([like.shape.rank - tf.rank(no)], tf.int32)
        no = tf.reshape(no, tf.concat([tf.shape(no), rest], 0))
        no = tf.ensure_shape(no, [None] * like.shape.rank)
    if no.shape.rank == 0:
        return no
    sizes = [like.shape[0], *[1] * (like.shape.rank - 1)] if per_sample else [*like.shape]
    fits = no.shape.rank <= like.shape.rank and all(
        n is None or m is None or n in (1, m) for n, m in zip(no.shape, sizes, strict=False)
    )
    if not fits:
        raise ValueError(
            f"no must be a number or have shape [batch_size], [{_size(sizes[0])}]; got shape "
            f"{_shape(no)}"
            if per_sample
            else f"no must be a number or have the leading dimensions of {name}, {_shape(like)} "
            f"(one value for each sample, for instance); got shape {_shape(no)}"
        )
    no = no[(..., *[tf.newaxis] * (like.shape.rank - no.shape.rank))]
    if no.shape.is_fully_defined() and like.shape.is_fully_defined():
        return no
    # other sizes must stop the graph: several powers would make several samples of one
    actual = tf.shape(no)
    fitting = [tf.shape(like)[i] if m is None else m for i, m in enumerate(sizes)]
    return tf.broadcast_to(no, tf.where(actual == 1, 1, tf.stack(fitting)))


def azimuth(name: str, value: Any, limit: float = math.pi, mask: Any = True) -> Any:
    """Raise ``ValueError`` if an array or eager tensor holds an angle outside [-limit, limit].

    Such an angle is in degrees, most likely. ``mask`` says which angles count; NaN and infinity
    are for :func:`finite` to find.
    """
    if any(isinstance(v, tf.Tensor) and not hasattr(v, "numpy") for v in (value, mask)):
        return value  # symbolic: the content is not known yet
    angles, counts = np.broadcast_arrays(np.asarray(value), np.asarray(mask, bool))
    angles = angles[counts & np.isfinite(angles)]
    if np.any(np.abs(angles) > limit * (1 + 1e-6)):
        raise ValueError(
            f"{name} must hold azimuths in rad, not in degrees, within [{-limit:g}, {limit:g}]; "
            f"got values from {np.min(angles):g} to {np.max(angles):g}"
        )
    return value


def sector(name: str, value: tf.Tensor, batch_size: int | None = None) -> tf.Tensor:
    """Return ``value``, checked to hold (lower, upper) azimuths of a batch [rad].

    A sector that does not is an error in eager mode, and NaN in a graph.
    """
    shape(name, value, [batch_size, 2], "[batch_size, 2]")
    finite(name, value)
    azimuth(name, value, math.pi / 2)
    ordered = value[:, :1] <= value[:, 1:]
    if tf.executing_eagerly():
        if not bool(tf.reduce_all(ordered)):
            raise ValueError(
                f"{name} must hold (lower, upper) azimuths in rad; got a lower above an upper one"
            )
        return value
    within = tf.reduce_all(tf.abs(value) <= math.pi / 2 * (1 + 1e-6), -1, keepdims=True)
    return tf.where(ordered & within, value, float("nan"))


def rank(name: str, value: Any, ndim: int | Sequence[int], axes: str = "") -> Any:
    """Raise ``ValueError`` if ``value`` does not have (one of) ``ndim`` dimensions."""
    allowed = (ndim,) if isinstance(ndim, int) else tuple(ndim)
    if value.shape.rank is not None and value.shape.rank not in allowed:
        expected = " or ".join(str(n) for n in allowed)
        raise ValueError(
            f"{name} must have {expected} dimensions{f' {axes}' if axes else ''}; "
            f"got shape {_shape(value)}"
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
            f"got shape {_shape(value)}"
        )
    return value


def last_dim(name: str, value: Any, size: int, axes: str = "") -> Any:
    """Raise ``ValueError`` if the last dimension is known and is not ``size``."""
    if value.shape.rank is not None and (
        value.shape.rank == 0 or value.shape[-1] not in (None, size)
    ):
        raise ValueError(
            f"{name} must have last dimension {size}{f' {axes}' if axes else ''}; "
            f"got shape {_shape(value)}"
        )
    return value


def _number(value: Any) -> float:
    """``value`` as a float; NumPy would cut complex numbers and read texts."""
    if isinstance(value, (bool, str, bytes)) or value is None or np.iscomplexobj(value):
        raise TypeError
    return float(value)


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


def _allowed(minimum: float, maximum: float, exclusive: bool) -> str:
    less, greater = ("<", ">") if exclusive else ("<=", ">=")
    parts = []
    if minimum > -math.inf:
        parts.append(f"{greater} {minimum:g}")
    if maximum < math.inf:
        parts.append(f"{less} {maximum:g}")
    return " " + " and ".join(parts) if parts else ""


def _is_inexact(value: Any) -> bool:
    dtype = value.dtype
    if isinstance(dtype, tf.DType):
        return bool(dtype.is_floating or dtype.is_complex)
    return bool(np.issubdtype(dtype, np.inexact))


def _shape(value: Any) -> str:
    return "[" + ", ".join(_size(d) for d in value.shape) + "]"


def _size(dimension: int | None) -> str:
    return "?" if dimension is None else str(dimension)


def _brief(points: np.ndarray) -> str:
    return np.array2string(points, threshold=6, edgeitems=2, precision=4)
