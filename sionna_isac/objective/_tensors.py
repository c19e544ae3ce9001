"""Common parts of all losses: checked tensors, and differences of angles."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.core import checks

__all__ = [
    "azimuths",
    "binary",
    "real",
    "representable",
    "same_dtype",
    "samples",
    "tiny",
    "within",
    "wrapped",
]


def real(name: str, value: Any) -> tf.Tensor:
    """Tensor of real floating numbers."""
    if isinstance(value, keras.KerasTensor):
        raise TypeError(
            f"{name} must be a tensor, not an input or output of a Keras model: call this function "
            "in the call() of a layer, or in the loss of the model"
        )
    try:
        tensor = tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must hold real floating numbers; got {value!r}") from None
    if not tensor.dtype.is_floating:
        raise TypeError(f"{name} must hold real floating numbers; got {tensor.dtype.name}")
    return tensor


def same_dtype(*named: tuple[str, Any]) -> list[tf.Tensor]:
    """Real tensors of the widest floating type among them."""
    tensors = [real(name, value) for name, value in named]
    widest = max((t.dtype for t in tensors), key=lambda d: d.size)
    return [tf.cast(t, widest) for t in tensors]


def samples(name: str, value: tf.Tensor) -> tf.Tensor:
    """Raise ``ValueError`` if there is nothing to take a mean over."""
    if value.shape.num_elements() == 0:
        raise ValueError(f"{name} must hold at least one sample; got shape {list(value.shape)}")
    return value


def wrapped(angle: tf.Tensor) -> tf.Tensor:
    """The same angle within [-pi, pi]; one that already lies there is not rounded."""
    turn = tf.constant(2 * math.pi, angle.dtype)
    return angle - turn * tf.stop_gradient(tf.round(angle / turn))


def tiny(value: tf.Tensor) -> Any:
    """The smallest number that is not flushed to 0."""
    return np.finfo(value.dtype.as_numpy_dtype).tiny


def within(name: str, value: tf.Tensor, maximum: float) -> None:
    """Raise ``ValueError`` if an eager tensor has an entry that is not within [0, maximum]."""
    if not hasattr(value, "numpy"):
        return
    entries = value.numpy()
    bad = entries[~((entries >= 0) & (entries <= maximum))]
    if bad.size:
        allowed = "be >= 0" if math.isinf(maximum) else f"lie within [0, {maximum}]"
        raise ValueError(f"{name} must {allowed}; got {bad.flat[0]}")


def azimuths(name: str, value: tf.Tensor, counts: Any = True) -> tf.Tensor:
    """Angles up to 2 pi; others, most likely degrees, are an error, and NaN in a graph."""
    checks.azimuth(name, value, 2 * math.pi, counts)
    within_turn = tf.abs(value) <= 2 * math.pi * (1 + 1e-6)
    return tf.where(within_turn, value, tf.constant(math.nan, value.dtype))


def binary(name: str, value: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Booleans of ``value``, which holds booleans or 0 and 1, and a check that it does."""
    value = tf.convert_to_tensor(value)
    if value.dtype == tf.bool:
        return value, tf.constant(True)
    if not (value.dtype.is_integer or value.dtype.is_floating):
        raise TypeError(f"{name} must hold booleans, or 0 and 1; got {value.dtype.name}")
    one = tf.equal(value, tf.ones_like(value))
    good = one | tf.equal(value, tf.zeros_like(value))
    if hasattr(good, "numpy") and not np.all(good.numpy()):
        bad = value.numpy()[~good.numpy()].flat[0]
        raise ValueError(f"{name} must hold booleans, or 0 and 1; got {bad}")
    return one, tf.reduce_all(good)


def representable(name: str, logarithm: float, dtype: tf.DType) -> None:
    """Raise ``ValueError`` if a number of this natural logarithm is out of the range of a type."""
    info = np.finfo(dtype.as_numpy_dtype)
    if not math.log(info.tiny) <= logarithm <= math.log(info.max):
        raise ValueError(
            f"{name} must be within the range of {dtype.name}, {info.tiny:.1e} to {info.max:.1e}; "
            f"got about 10**{logarithm / math.log(10):.1f}"
        )
