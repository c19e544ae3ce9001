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

from sionna_isac.core import checks
from sionna_isac.core.inputs import Types, brought, parameters, required
from sionna_isac.core.serialization import decode, encode, frozen_layers, set_frozen_layers

__all__ = ["Layer", "register", "resolve_precision"]

_T = TypeVar("_T", bound=type)


def register(cls: _T) -> _T:
    """Register a class with Keras so that models which contain it save and load."""
    return keras.saving.register_keras_serializable(package="sionna_isac")(cls)


def resolve_precision(precision: str | None) -> str:
    """Precision, "single" or "double"; Sionna's own for `None`."""
    if precision not in (None, "single", "double"):
        raise ValueError(f"precision must be None, 'single' or 'double'; got {precision!r}")
    return precision or config.precision


class Layer(keras.layers.Layer):
    r"""Base of all layers: a Keras layer with Sionna's notion of precision and call style.

    - Inputs are cast to the precision of the layer (Keras would cast floats down silently and
      leave complex tensors alone). Those that ``call`` annotates as
      :data:`~sionna_isac.core.Complex` may be real, those annotated as
      :data:`~sionna_isac.core.Real` may be integers but not complex, and of those annotated as
      :data:`~sionna_isac.core.Number` integers are cast; others keep their kind. All these must be
      finite in eager mode (arrays aside, which answer NaN with NaN).
    - Python numbers, lists of them and NumPy arrays are accepted in positions where Keras wants
      tensors; Python integers (a batch size) reach ``call`` unchanged, so that shapes stay static.
    - ``get_config`` returns the constructor arguments, read from the attributes of the same
      names. A subclass therefore stores every argument under its own name.
    - Weights are made by the constructor, saved under their names, and listed in the order in
      which they were made, whatever part of them is trained. Layers that are frozen stay so when
      they are saved, loaded and cloned.

    Parameters
    ----------
    precision : `None` (default) | "single" | "double"
        Precision used for internal calculations and outputs.
        If set to `None`, ``sionna.phy.config.precision`` is used.

    kwargs
        Arguments of `keras.layers.Layer` (``name``, ``trainable``)
    """

    _finite_inputs = True  # if inputs with a kind must be finite in eager mode

    def __init__(self, *, precision: str | None = None, **kwargs: Any) -> None:
        precision = resolve_precision(precision)
        if "dtype" in kwargs:
            raise TypeError("dtype is set by precision ('single' or 'double'); do not pass dtype")
        # not tracked by Keras, which would list the weights twice
        object.__setattr__(self, "_named_weights", {})
        object.__setattr__(self, "_absent", frozenset())
        object.__setattr__(self, "_was_built", False)
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

    @property
    def built(self) -> bool:
        """`bool` : `True` from the start, as the constructor makes the weights, unless a subclass
        has a ``build`` of its own
        """
        return self._was_built or type(self).build is keras.layers.Layer.build

    @built.setter
    def built(self, value: bool) -> None:
        object.__setattr__(self, "_was_built", bool(value))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kinds = parameters(type(self).call)
        named = self._named(args)
        twice = named.keys() & kwargs.keys()
        if twice:
            raise TypeError(f"{type(self).__name__} got two values for {sorted(twice)}")
        # Keras takes nothing but tensors by position: from the first other value on, go by name
        positional: list[Any] = []
        by_name: dict[str, Any] = {}
        for name, value in named.items():
            static = kinds.get(name) is None and _static(value)
            if by_name or static or (value is None and name not in required(type(self).call)):
                by_name[name] = value
            else:
                positional.append(self._bring(name, value))
        for name, value in {**by_name, **kwargs}.items():
            static = kinds.get(name) is None and _static(value)
            by_name[name] = value if static else self._bring(name, value)
        output = super().__call__(*positional, **by_name)
        if self._absent and any(isinstance(v, keras.KerasTensor) for v in output):
            return output._replace(**dict.fromkeys(self._absent))
        return output

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs, which are taken in the types of the layer."""
        values = {**self._named(args), **kwargs}
        spec = super().compute_output_spec(
            **{n: v if _static(v) else self._bring(n, v, symbolic=True) for n, v in values.items()}
        )
        if hasattr(spec, "_fields") and any(v is None for v in spec):
            # Keras refuses `None` as an output: the call takes the stand-ins out again
            absent = frozenset(n for n, v in zip(spec._fields, spec, strict=True) if v is None)
            object.__setattr__(self, "_absent", absent)
            stand_ins = {n: keras.KerasTensor((), self.rdtype.name) for n in absent}
            return spec._replace(**stand_ins)
        return spec

    def _named(self, args: tuple) -> dict[str, Any]:
        return inspect.signature(self.call).bind_partial(*args).arguments if args else {}

    def _bring(self, name: str, value: Any, symbolic: bool = False) -> Any:
        call = type(self).call
        kind = parameters(call).get(name)
        if value is None and name in required(call):
            raise TypeError(f"{name} must be given; got None")
        return self._of_kind(name, value, kind, symbolic)

    def _of_kind(self, name: str, value: Any, kind: Any, symbolic: bool = False) -> Any:
        value = brought(name, value, kind, Types(self.rdtype, self.cdtype), symbolic)
        if kind is not None and self._finite_inputs and tf.executing_eagerly():
            _check_finite(name, value)
        return value

    def cast(self, value: Any, kind: Any = None, name: str = "value") -> Any:
        """Tensor of ``value`` in the precision of the layer.

        Parameters
        ----------
        value : any
            Tensor, array, number, list of numbers, or a (named) tuple of these
        kind : `None` (default) | :data:`~sionna_isac.core.Real` | :data:`~sionna_isac.core.Complex`
            Kind that it must have, or a named tuple of such kinds; `None` keeps its kind
        name : `str`
            Name of the value, for errors
        """
        return self._of_kind(name, value, kind)

    def add_weight(self, *args: Any, **kwargs: Any) -> keras.Variable:
        """Add a weight; see Keras."""
        weight = super().add_weight(*args, **kwargs)
        name = weight.name
        if name in self._named_weights:
            name = f"{name}_{len(self._named_weights)}"
        self._named_weights[name] = weight
        return weight

    @property
    def weights(self) -> list[keras.Variable]:
        """List of the weights, in the order in which they were made."""
        return self._in_order(super().weights)

    @property
    def variables(self) -> list[keras.Variable]:
        """List of the weights and of other state, such as seeds."""
        return self._in_order(super().variables)

    def _in_order(self, variables: list[keras.Variable]) -> list[keras.Variable]:
        # Keras lists those that are trained first
        own = list(self._named_weights.values())
        known = {id(v) for v in own}
        return [*own, *(v for v in variables if id(v) not in known)]

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Save the weights under their names."""
        for name, weight in self._named_weights.items():
            store[name] = weight

    def load_own_variables(self, store: dict[str, Any]) -> None:
        """Load the weights that were saved under their names."""
        if set(store.keys()) != set(self._named_weights):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' has the weights "
                f"{sorted(self._named_weights)}; the file holds {sorted(store.keys())} for it"
            )
        for name, weight in self._named_weights.items():
            weight.assign(store[name])

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain, serialisable values, and which layers are frozen."""
        names = [
            p.name
            for p in inspect.signature(type(self).__init__).parameters.values()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"
        ]
        values = {n: encode(getattr(self, n), self) for n in names if n != "precision"}
        frozen = frozen_layers(self)
        return {
            "name": self.name,
            "precision": self.precision,
            **values,
            **({"frozen": frozen} if frozen else {}),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Layer made from what ``get_config`` returned."""
        config = dict(config)
        frozen = config.pop("frozen", [])
        layer = cls(**{k: decode(v) for k, v in config.items()})
        set_frozen_layers(layer, frozen)
        return layer


def _check_finite(name: str, value: Any) -> None:
    if hasattr(value, "_fields"):
        for part in value._fields:
            _check_finite(f"{name}.{part}", getattr(value, part))
    elif isinstance(value, tf.Tensor):
        checks.finite(name, value)


def _static(value: Any) -> bool:
    """`True` for a value that reaches ``call`` as the Python object it is."""
    return value is None or isinstance(value, (str, bool, int, np.integer, Callable))  # type: ignore[arg-type]
