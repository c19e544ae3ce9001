"""Types of the inputs of layers, and conversion of values to them."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Complex", "Number", "Real", "Types", "brought", "described", "parameters", "required"]

Real = Annotated[tf.Tensor, "real"]
"""An input that holds real numbers: integers are cast, complex numbers refused"""

Complex = Annotated[tf.Tensor, "complex"]
"""An input that holds complex numbers: real numbers are promoted exactly"""

Number = Annotated[tf.Tensor, "number"]
"""An input that holds real or complex numbers, each with a meaning: integers are cast"""


class Types(NamedTuple):
    """Types of real and complex numbers of a precision."""

    real: tf.DType
    complex: tf.DType


@functools.cache
def parameters(call: Callable[..., Any]) -> dict[str, Any]:
    """Names of the inputs of a function, each with its kind: :data:`Real`, :data:`Complex`,
    :data:`Number`, a named tuple of these, or `None` where the annotation names none.
    """
    names = [n for n in inspect.signature(call).parameters if n != "self"]
    return {n: _described(call).get(n) for n in names}


@functools.cache
def required(call: Callable[..., Any]) -> frozenset[str]:
    """Names of the inputs of a kind that have no default."""
    given = inspect.signature(call).parameters
    return frozenset(
        n for n, kind in parameters(call).items() if kind and given[n].default is given[n].empty
    )


@functools.cache
def described(state: type) -> dict[str, Any]:
    """Entries of a named tuple, described as :func:`parameters` describes inputs."""
    entries = typing.get_type_hints(state, include_extras=True)
    return {n: _kind(entries.get(n)) for n in state._fields}  # type: ignore[attr-defined]


def _described(call: Callable[..., Any]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(call, include_extras=True)
    except NameError:  # names that only a type checker sees
        return {}
    return {n: _kind(h) for n, h in hints.items()}


def _kind(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = {_kind(h) for h in typing.get_args(hint)} - {None}
        return kinds.pop() if len(kinds) == 1 else None
    if hint in (Real, Complex, Number) or (isinstance(hint, type) and hasattr(hint, "_fields")):
        return hint
    return None


def brought(name: str, value: Any, kind: Any, to: Types, symbolic: bool = False) -> Any:
    """Bring an input to its kind and the precision of a layer.

    Parameters
    ----------
    name : `str`
        Name of the input, for errors
    value : any
        Tensor, array, number, nested list of numbers, or a (named) tuple of these
    kind : :data:`Real` | :data:`Complex` | :data:`Number` | a named tuple of these | `None`
        Kind that the input must have; `None` keeps the kind of the value
    to : :class:`Types`
        Types of the precision
    symbolic : `bool`, (default `False`)
        If `True`, Keras' symbolic tensors are replaced by ones of the type that they will have

    Raises
    ------
    TypeError
        If the value cannot be of this kind
    """
    if value is None:
        return None
    if isinstance(kind, type):  # a named tuple
        if not isinstance(value, (tuple, list)):  # Keras loads a named tuple as a list
            raise TypeError(f"{name} must be a {kind.__name__}; got {_brief(value)}")
        most, optional = len(described(kind)), len(kind._field_defaults)  # type: ignore[attr-defined]
        if not most - optional <= len(value) <= most:
            fields = ", ".join(described(kind))
            raise ValueError(f"{name} must have the entries {fields}; got {len(value)} entries")
        # entries of another named tuple would be taken by their places
        if getattr(value, "_fields", kind._fields) != kind._fields:  # type: ignore[attr-defined]
            raise TypeError(f"{name} must be a {kind.__name__}; got {_brief(value)}")
        state = type(value) if isinstance(value, kind) else kind
        parts = [*zip(described(kind).items(), value, strict=False)]
        for (n, k), v in parts:
            if v is None and k is not None and n not in kind._field_defaults:  # type: ignore[attr-defined]
                raise TypeError(f"{name}.{n} must hold {_NUMBERS[k]}; got None")
        return state(*(brought(f"{name}.{n}", v, k, to, symbolic) for (n, k), v in parts))
    if kind is None and not (type(value) in (list, tuple) and _all_numbers(value)):
        return keras.tree.map_structure(lambda leaf: _leaf(name, leaf, None, to, symbolic), value)
    return _leaf(name, value, kind, to, symbolic)


def _leaf(name: str, value: Any, kind: Any, to: Types, symbolic: bool) -> Any:
    if value is None or (kind is None and isinstance(value, (str, bool))):
        return value
    if isinstance(value, keras.KerasTensor):
        dtype = _target(name, tf.as_dtype(value.dtype), kind, to)
        return keras.KerasTensor(value.shape, dtype.name) if symbolic else value
    if isinstance(value, (bool, str, bytes, dict)):
        raise TypeError(f"{name} must hold {_NUMBERS[kind]}; got {_brief(value)}")
    if isinstance(value, (list, tuple)) and _all_numbers(value):
        value = _array(name, value)
    if isinstance(value, keras.Variable):
        value = value.value
    if isinstance(value, tf.Variable):
        value = value.read_value()
    if isinstance(value, int) and kind is None:
        return tf.constant(value)
    if isinstance(value, (int, float, complex, np.ndarray, np.generic)):
        # through tf.convert_to_tensor, Python's numbers would lose digits of double precision
        array = np.asarray(value)
        if array.dtype.kind in "iufc":
            if array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):
                array = array.astype(complex if array.dtype.kind == "c" else float)
            return tf.constant(array, _target(name, tf.as_dtype(array.dtype), kind, to))
    if not isinstance(value, tf.Tensor):
        try:
            value = tf.convert_to_tensor(value)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError):
            if kind is None:
                return value
            raise TypeError(f"{name} must hold {_NUMBERS[kind]}; got {_brief(value)}") from None
    target = _target(name, value.dtype, kind, to)
    if target.is_complex and not value.dtype.is_complex:
        real = tf.cast(value, to.real)
        return tf.complex(real, tf.zeros_like(real))  # a cast's gradient would warn
    return tf.cast(value, target)


_NUMBERS = {Real: "real numbers", Complex: "complex numbers", Number: "numbers", None: "numbers"}


def _target(name: str, dtype: tf.DType, kind: Any, to: Types) -> tf.DType:
    """Type that values of ``dtype`` are cast to."""
    numbers = dtype.is_integer or dtype.is_floating or dtype.is_complex
    if kind is None:
        return to.complex if dtype.is_complex else to.real if dtype.is_floating else dtype
    if not numbers or (kind is Real and dtype.is_complex):
        raise TypeError(f"{name} must hold {_NUMBERS[kind]}; got {dtype.name}")
    return to.complex if kind is Complex or dtype.is_complex else to.real


def _array(name: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be a regular array; got rows of different length") from None


def _all_numbers(value: Any) -> bool:
    """`True` for a (nested) list of numbers only, which stands for an array."""
    if type(value) in (list, tuple):
        return bool(value) and all(_all_numbers(v) for v in value)
    return isinstance(value, (int, float, complex, np.generic)) and not isinstance(value, bool)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
