"""The base class of every layer of the library."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf
from sionna.phy import config
from sionna.phy.config import dtypes

__all__ = ["Layer", "register", "resolve_precision"]

_T = TypeVar("_T", bound=type)
_COMPLEX = "__complex__"


def register(cls: _T) -> _T:
    """Register a class with Keras so that models which contain it save and load."""
    return keras.saving.register_keras_serializable(package="sionna_isac")(cls)


def resolve_precision(precision: str | None) -> str:
    """ "single" or "double": what is given, or Sionna's own precision for `None`."""
    if precision not in (None, "single", "double"):
        raise ValueError(f"precision must be None, 'single' or 'double'; got {precision!r}")
    return precision or config.precision


class Layer(keras.layers.Layer):
    r"""Base of all layers: a Keras layer with Sionna's notion of precision and call style.

    - Floating and complex inputs are cast to the precision of the layer (Keras would cast floats
      down silently and leave complex tensors alone); integers and booleans are left as they are.
    - Python numbers and NumPy arrays are accepted in positions where Keras wants tensors; Python
      integers (a batch size) reach ``call`` unchanged, so that shapes stay static.
    - ``get_config`` returns the constructor arguments, read from the attributes of the same
      names. A subclass therefore stores every argument under its own name.

    Parameters
    ----------
    precision : `None` (default) | "single" | "double"
        Precision used for internal calculations and outputs.
        If set to `None`, ``sionna.phy.config.precision`` is used.

    kwargs
        Arguments of `keras.layers.Layer` (``name``, ``trainable``)
    """

    def __init__(self, *, precision: str | None = None, **kwargs: Any) -> None:
        precision = resolve_precision(precision)
        if "dtype" in kwargs:
            raise TypeError("dtype is set by precision ('single' or 'double'); do not pass dtype")
        super().__init__(dtype=dtypes[precision]["tf"]["rdtype"].name, autocast=False, **kwargs)
        self.precision = precision
        _ = config.tf_rng  # Sionna makes its generator lazily, which fails inside a Keras build

    @property
    def rdtype(self) -> tf.DType:
        """`tf.float` : Type of real numbers in this layer"""
        return dtypes[self.precision]["tf"]["rdtype"]

    @property
    def cdtype(self) -> tf.DType:
        """`tf.complex` : Type of complex numbers in this layer"""
        return dtypes[self.precision]["tf"]["cdtype"]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Keras takes nothing but tensors by position: from the first other value on, go by name
        named = inspect.signature(self.call).bind_partial(*args).arguments if args else {}
        positional: list[Any] = []
        by_name: dict[str, Any] = {}
        for name, value in named.items():
            if by_name or _static(value):
                by_name[name] = value
            else:
                positional.append(self._convert(value))
        twice = named.keys() & kwargs.keys()
        if twice:
            raise TypeError(f"{type(self).__name__} got two values for {sorted(twice)}")
        kwargs = {
            k: v if _static(v) else self._convert(v) for k, v in {**by_name, **kwargs}.items()
        }
        return super().__call__(*positional, **kwargs)

    def cast(self, value: Any) -> tf.Tensor:
        """Tensor of ``value`` in the precision of the layer."""
        return self._convert(value)

    def _convert(self, value: Any) -> Any:
        if type(value) in (list, tuple) and _all_numbers(value):
            value = np.asarray(value)
        return keras.tree.map_structure(self._cast_leaf, value)

    def _cast_leaf(self, value: Any) -> Any:
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, keras.KerasTensor):
            return value
        if isinstance(value, float):
            return tf.constant(value, self.rdtype)  # through float32 it would lose its digits
        if isinstance(value, (int, complex, np.ndarray, np.generic, keras.Variable)):
            value = tf.convert_to_tensor(value)
        if isinstance(value, tf.Variable):
            value = value.read_value()
        if tf.is_tensor(value):
            if value.dtype.is_floating:
                return tf.cast(value, self.rdtype)
            if value.dtype.is_complex:
                return tf.cast(value, self.cdtype)
        return value

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain, serialisable values."""
        names = [
            p.name
            for p in inspect.signature(type(self).__init__).parameters.values()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"
        ]
        values = {n: _encode(getattr(self, n)) for n in names if n != "precision"}
        return {"name": self.name, "precision": self.precision, **values}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Layer made from what ``get_config`` returned."""
        return cls(**{k: _decode(v) for k, v in config.items()})


def _static(value: Any) -> bool:
    """Whether a value reaches ``call`` as the Python object it is."""
    return value is None or isinstance(value, (str, bool, int, np.integer, Callable))  # type: ignore[arg-type]


def _all_numbers(value: Any) -> bool:
    """Whether a (nested) list holds numbers only: it stands for an array then."""
    if type(value) in (list, tuple):
        return bool(value) and all(_all_numbers(v) for v in value)
    return isinstance(value, (int, float, complex, np.generic))


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray) and np.iscomplexobj(value):
        return {_COMPLEX: [value.real.tolist(), value.imag.tolist()]}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, keras.layers.Layer):
        # by this number Keras knows, when it loads a model, a layer that several others hold
        return {**keras.saving.serialize_keras_object(value), "shared_object_id": id(value)}
    if isinstance(value, keras.constraints.Constraint):
        return keras.saving.serialize_keras_object(value)
    if isinstance(value, (list, tuple)):
        return [_encode(v) for v in value]
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict) and _COMPLEX in value:
        re, im = (np.asarray(part) for part in value[_COMPLEX])
        return re + 1j * im
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    if isinstance(value, list):
        return [_decode(v) for v in value]
    return value
