"""Configurations of layers as plain values, and layers that several others hold."""

from __future__ import annotations

import warnings
import weakref
from typing import Any

import keras
import numpy as np

from sionna_isac.core.value import Value

__all__ = ["decode", "encode", "frozen_layers", "set_frozen_layers"]

_COMPLEX = "__complex__"
# Layers that configurations name, by number, and the layers that hold each of them
_named: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_holders: weakref.WeakKeyDictionary[Any, weakref.WeakSet] = weakref.WeakKeyDictionary()


def encode(value: Any, holder: Any) -> Any:
    """Plain, serialisable form of an argument of the constructor of ``holder``."""
    if isinstance(value, np.ndarray) and np.iscomplexobj(value):
        return {_COMPLEX: [value.real.tolist(), value.imag.tolist()]}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, keras.layers.Layer):
        _named[id(value)] = value
        _holders.setdefault(value, weakref.WeakSet()).add(holder)
        # by this number Keras knows, when it loads a model, a layer that several others hold
        return {**keras.saving.serialize_keras_object(value), "shared_object_id": id(value)}
    if isinstance(value, (keras.constraints.Constraint, Value)):
        return keras.saving.serialize_keras_object(value)
    if isinstance(value, (list, tuple)):
        return [encode(v, holder) for v in value]
    return value


def decode(value: Any) -> Any:
    """Argument from the plain value that :func:`encode` made."""
    if isinstance(value, dict) and _COMPLEX in value:
        re, im = (np.asarray(part) for part in value[_COMPLEX])
        return re + 1j * im
    if isinstance(value, dict) and "class_name" in value:
        _warn_of_split(value.get("shared_object_id"))
        return keras.saving.deserialize_keras_object(value)
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value


def _warn_of_split(number: int | None) -> None:
    """Warn if a layer that several others share is about to get a copy for one of them alone."""
    layer = _named.get(number) if number is not None else None
    if layer is None or len(_holders.get(layer, ())) < 2 or _keras_shares():
        return
    warnings.warn(
        f"{type(layer).__name__} '{layer.name}' is shared by several layers, but a copy made from "
        "a configuration (keras.models.clone_model, from_config) gets one of its own. "
        "copy.deepcopy(model), or saving and loading, keeps it shared.",
        stacklevel=4,
    )


def _keras_shares() -> bool:
    """`True` while Keras loads a model: it makes one object of equal numbers then."""
    probe = {
        **keras.saving.serialize_keras_object(keras.constraints.NonNeg()),
        "shared_object_id": 0,
    }
    first, second = (keras.saving.deserialize_keras_object(probe) for _ in range(2))
    return first is second


def frozen_layers(layer: keras.layers.Layer) -> list[int]:
    """Positions of the layers that are not trainable: 0 is the layer itself, then those in it."""
    return [i for i, part in enumerate(layer._flatten_layers()) if not part.trainable]


def set_frozen_layers(layer: keras.layers.Layer, frozen: list[int]) -> None:
    """Freeze the layers at these positions and no others, from the outside to the inside."""
    parts = list(layer._flatten_layers())
    known = range(len(parts))
    if not isinstance(frozen, (list, tuple)) or any(i not in known for i in frozen):
        raise ValueError(
            f"frozen must be a list of positions of layers, 0 to {len(parts) - 1}; got {frozen!r}"
        )
    if frozen or frozen_layers(layer):
        for i, part in enumerate(parts):
            part.trainable = i not in frozen
