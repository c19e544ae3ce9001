"""Values of parameters, and the derivative of a mean signal with respect to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, linalg

__all__ = ["mean_signal", "parameter_values", "signal_derivatives"]


def parameter_values(
    parameters: Mapping[str, Any], batch_dims: int, argument: str = "parameters"
) -> dict[str, tf.Tensor]:
    """Checked values by name; ``argument`` is what errors call the dictionary."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise TypeError(f"{argument} must be a dictionary of names and values; got {parameters!r}")
    values: dict[str, tf.Tensor] = {}
    for name, given in parameters.items():
        label = f"{argument}[{name!r}]"
        values[name] = tf.constant(checks.finite(label, checks.numbers(label, given)))
    shapes = {name: list(value.shape[:batch_dims]) for name, value in values.items()}
    first = next(iter(shapes.values()))
    if any(s != first or len(s) < batch_dims for s in shapes.values()):
        raise ValueError(
            f"{argument} must share their first {batch_dims} (batch_dims) dimensions; got {shapes}"
        )
    return values


def signal_derivatives(
    mean: Callable[..., Any],
    values: dict[str, tf.Tensor],
    name: str,
    batch: tf.TensorShape,
    step: float | None,
) -> np.ndarray:
    """Derivatives [batch..., size of the observation, number of real parameters of ``name``]."""
    value = values[name]
    shape = value.shape[len(batch) :]
    directions = [
        np.reshape(row, shape) for row in np.eye(math.prod(shape), dtype=value.dtype.as_numpy_dtype)
    ]
    if value.dtype.is_complex:
        directions += [1j * d for d in directions]
    columns = []
    origin = tf.zeros([], tf.float64)  # of each direction: accumulators want real parameters
    for direction in directions:
        tangent = tf.constant(np.broadcast_to(direction, value.shape))
        if step is not None:
            change = _change(mean, values, name, batch, step * tangent)
            columns.append((change / (2 * step)).reshape(*batch, -1))
            continue
        with tf.autodiff.ForwardAccumulator(origin, tf.ones_like(origin)) as accumulator:
            along = linalg.to_complex(origin) if value.dtype.is_complex else origin
            signal = mean_signal(mean(**{**values, name: value + along * tangent}), batch)
        derivative = accumulator.jvp(signal)
        if derivative is None:  # no effect, or one that TensorFlow does not see
            size = 1e-6 * (float(tf.reduce_max(tf.abs(value))) or 1.0)
            if np.any(_change(mean, values, name, batch, size * tangent) != 0):
                raise ValueError(
                    f"mean changes with parameters[{name!r}], but TensorFlow finds no derivative "
                    "(NumPy code, a constant or a stopped gradient in between); give a step of "
                    f"central differences: steps={{{name!r}: ...}}"
                )
            derivative = tf.zeros_like(signal)
        columns.append(derivative.numpy().reshape(*batch, -1))
    return checks.finite("the derivative of mean", np.stack(columns, axis=-1))


def _change(
    mean: Callable[..., Any],
    values: dict[str, tf.Tensor],
    name: str,
    batch: tf.TensorShape,
    offset: tf.Tensor,
) -> np.ndarray:
    """Difference of the signals on both sides of the value of a parameter."""
    ends = [
        mean_signal(mean(**{**values, name: values[name] + side * offset}), batch).numpy()
        for side in (1, -1)
    ]
    return ends[0] - ends[1]


def mean_signal(signal: Any, batch: tf.TensorShape) -> tf.Tensor:
    """The signal, if it is one of double precision with the batch in front."""
    if not tf.is_tensor(signal) or signal.dtype != tf.complex128:
        kind = signal.dtype.name if tf.is_tensor(signal) else type(signal).__name__
        raise ValueError(
            "mean must return one tensor of type complex128 (layers: precision='double'); "
            f"got {kind}"
        )
    if signal.shape[: len(batch)] != batch:
        raise ValueError(
            f"mean must return a signal of shape {[*batch, '...']}; got {list(signal.shape)}"
        )
    return signal
