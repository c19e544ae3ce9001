"""The two backends of the layer behind one face: tensors in, tensors or errors out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from sionna_isac.scattering._equations import Equations
from sionna_isac.scattering._graph_response import AntennaTensors, GraphBackend
from sionna_isac.scattering._host_response import HostBackend, Samples, State
from sionna_isac.scattering._target import Target
from sionna_isac.scattering.errors import NotConvergedError
from sionna_isac.scattering.material import metal_advice

__all__ = ["Backend", "GraphCall", "HostCall", "accept", "refuse_gradient"]


class Backend(Protocol):
    """Solves for all samples.

    ``values`` [B, F, 1 or 2, N] is the polarisability; ``samples`` are materials and antennas, as
    in ``Samples``.
    """

    def forward(self, values: tf.Tensor, samples: list[tf.Tensor]) -> tuple[tf.Tensor, Any]:
        """h [B, F, R, T] and what the adjoint needs."""

    def backward(
        self, values: tf.Tensor, samples: list[tf.Tensor], state: Any, upstream: tf.Tensor
    ) -> tf.Tensor:
        """Gradient with respect to ``values``."""


class GraphCall:
    """Backend in the graph.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    max_rank : `None` | `int`
        Largest number of right-hand sides
    effective_metal : `bool`
        Whether metal is approximated already
    """

    def __init__(
        self, equations: Equations, max_rank: int | None, effective_metal: bool = False
    ) -> None:
        self._backend = GraphBackend(equations, max_rank)
        larger = "a larger one or " if equations.tolerance < 0.1 else ""
        rank = "" if max_rank is None else f" or max_rank above {max_rank}"
        double = " or precision='double'" if equations.dtype == np.complex64 else ""
        hint = metal_advice(equations.grid.voxel_size, float(equations.frequencies.max()))
        metal = "" if effective_metal else f" or, for metal, {hint}"
        self._advice = (
            f"the equations were not solved to the tolerance {equations.tolerance:g}; try "
            f"{larger}max_iterations above {equations.max_iterations}"
            f"{rank}{double}{metal}"
        )

    def forward(self, values: tf.Tensor, samples: list[tf.Tensor]) -> tuple[tf.Tensor, Any]:
        self._backend.prepare()
        h, good, state = self._backend.forward(values, AntennaTensors(*samples[2:]))
        return accept(h, good, self._advice), state

    def backward(
        self, values: tf.Tensor, samples: list[tf.Tensor], state: Any, upstream: tf.Tensor
    ) -> tf.Tensor:
        antennas = AntennaTensors(*samples[2:])
        gradient, good = self._backend.backward(values, antennas, state, upstream)
        return accept(gradient, good, f"gradient: {self._advice}")


class HostCall:
    """Backend in NumPy and SciPy, called from eager code or from a graph.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    target : ``Target``
        All voxels
    """

    def __init__(self, equations: Equations, target: Target) -> None:
        self._equations = equations
        self._backend = HostBackend(equations, target)

    def forward(self, values: tf.Tensor, samples: list[tf.Tensor]) -> tuple[tf.Tensor, Any]:
        def forward(*arrays: np.ndarray) -> tuple:
            given = Samples(*arrays)
            h, state = self._backend.forward(given)
            return h, *state

        dtype = tf.as_dtype(self._equations.dtype)
        types = [dtype, tf.int32, tf.int32, tf.complex128, dtype]
        h, *state = _on_host(forward, samples, types)
        num_tx, num_rx = (Samples(*samples)[n].shape[1] for n in (2, 4))
        h.set_shape([*values.shape[:2], num_rx, num_tx])
        return h, state

    def backward(
        self, values: tf.Tensor, samples: list[tf.Tensor], state: Any, upstream: tf.Tensor
    ) -> tf.Tensor:
        def backward(upstream: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
            given, solved = Samples(*arrays[:6]), State(*arrays[6:])
            return [self._backend.backward(given, solved, upstream)]

        (gradient,) = _on_host(backward, [upstream, *samples, *state], [tf.complex128])
        gradient.set_shape(values.shape)
        return gradient


def accept(value: tf.Tensor, good: tf.Tensor, message: str) -> tf.Tensor:
    """The value if all is good, otherwise an error; under XLA, which has none, the value."""
    good = tf.reduce_all(good)
    if tf.executing_eagerly():
        if not bool(good):
            raise NotConvergedError(message)
        return value
    with tf.control_dependencies([tf.debugging.Assert(good, [message])]):
        return tf.identity(value)


def refuse_gradient(function: Callable, message: str) -> Callable:
    """The function; an error if anything is differentiated through it, in either direction."""

    @tf.custom_gradient
    def refusing(*inputs: tf.Tensor) -> tuple:
        def gradient(*upstream: tf.Tensor) -> tf.Tensor:
            raise NotImplementedError(message)

        return function(*inputs), gradient

    return refusing


def _on_host(function: Callable, inputs: list, types: list) -> list[tf.Tensor]:
    """Outputs of a NumPy function; called eagerly, its errors come through as they are."""
    if tf.executing_eagerly():
        return [tf.constant(v) for v in function(*(v.numpy() for v in inputs))]
    return list(tf.numpy_function(function, inputs, types))
