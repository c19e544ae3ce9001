"""Checks of physical quantities: lengths, frequencies, angles, sectors, noise powers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core.checks.arrays import (
    finite,
    floats,
    grid,
    not_negative,
    shape,
    shape_text,
    size_text,
)
from sionna_isac.core.checks.scalars import interval, real

__all__ = [
    "angle_grid",
    "azimuth",
    "frequencies",
    "frequency",
    "heading",
    "headings",
    "noise_power",
    "range_interval",
    "sector",
    "tones",
    "wavelength",
]

#: Wavelengths [m] of 3 PHz (ultraviolet) and of 300 kHz: what lies outside is no length in metres.
_WAVELENGTHS = (1e-7, 1e3)
#: Frequencies [Hz] of waves: what lies outside is not in Hz.
_FREQUENCIES = (1e3, 1e16)
#: A turn [rad]; single precision may have rounded it upwards.
_TURN = 2 * math.pi * (1 + 1e-6)


def wavelength(name: str, value: Any) -> float:
    """Return ``value``, a wavelength [m], as a float; a frequency in Hz is an error."""
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


def tones(name: str, value: Any) -> np.ndarray:
    """Return ``value`` as a float64 vector of at least one frequency [Hz] of a wave."""
    hertz = frequencies(name, value)
    if hertz.ndim != 1 or not hertz.size:
        raise ValueError(f"{name} must have shape [num_frequencies]; got shape {list(hertz.shape)}")
    return hertz


def range_interval(name: str, value: Any) -> tuple[float, float]:
    """Return ``value`` as smallest and largest distance of targets [m], above 0."""
    low, high = interval(name, value, minimum=0)
    if low == 0:
        raise ValueError(f"{name} must begin above 0; got {value!r}")
    return low, high


def heading(name: str, value: Any) -> float:
    """Return ``value`` as an angle [rad] within [-2 pi, 2 pi]; degrees beyond it are an error."""
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


def angle_grid(name: str, value: Any, *, single: bool = False) -> np.ndarray:
    """Return ``value`` as a :func:`grid` of azimuths within [-pi/2, pi/2]."""
    return grid(name, value, minimum=-math.pi / 2, maximum=math.pi / 2, single=single)


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
            f"no must be a number or have shape [batch_size], [{size_text(sizes[0])}]; got shape "
            f"{shape_text(no)}"
            if per_sample
            else f"no must be a number or have the leading dimensions of {name}, "
            f"{shape_text(like)} (one value for each sample, for instance); got shape "
            f"{shape_text(no)}"
        )
    no = no[(..., *[tf.newaxis] * (like.shape.rank - no.shape.rank))]
    if no.shape.is_fully_defined() and like.shape.is_fully_defined():
        return no
    # other sizes must stop the graph: several powers would make several samples of one
    actual = tf.shape(no)
    fitting = [tf.shape(like)[i] if m is None else m for i, m in enumerate(sizes)]
    return tf.broadcast_to(no, tf.where(actual == 1, 1, tf.stack(fitting)))
