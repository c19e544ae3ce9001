"""Maximum-likelihood estimates for any mean signal in white noise, to be held against the bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.bound._jacobian import mean_signal, parameter_values, signal_derivatives
from sionna_isac.core import checks

__all__ = ["MaximumLikelihoodEstimate", "maximum_likelihood"]

_DAMPING = 1e-3  # at the start, of the diagonal of the normal equations
_FACTOR = 10.0
_MOST = 1e12  # damping at which no step helps
_CHANGE = 1e-12  # relative, of the residual: rounding


class MaximumLikelihoodEstimate(NamedTuple):
    """Estimates of a batch.

    Attributes
    ----------
    parameters : {`str`: [batch..., ...]}
        Estimates, `np.float64`
    residual : [batch...], `np.float64`
        Squared distance of the observation from the signal of the estimates
    converged : [batch...], `bool`
        `True` where further steps change nothing
    """

    parameters: dict[str, np.ndarray]
    residual: np.ndarray
    converged: np.ndarray


def maximum_likelihood(
    y: Any,
    mean: Callable[..., Any],
    start: Mapping[str, Any],
    batch_dims: int = 0,
    max_iterations: int = 50,
) -> MaximumLikelihoodEstimate:
    r"""Maximum-likelihood estimate near a start, by damped Gauss-Newton steps.

    .. math::
        \hat{\boldsymbol{\xi}} = \arg\min_{\boldsymbol{\xi}}
        \|\mathbf{y} - \boldsymbol{\mu}(\boldsymbol{\xi})\|^2

    It takes the model that :func:`fisher` takes. For a start within the main lobe of the
    likelihood its errors reach the bound at high SNR; a receiver that must find the main lobe
    first makes larger errors at low SNR.

    Parameters
    ----------
    y : [batch..., ...], array_like of `complex`
        Observation
    mean : `Callable`
        Function or layer that is called with the parameters by name and returns the noise-free
        observation [batch..., ...], `tf.complex128`, differentiable by TensorFlow
    start : {`str`: [batch..., ...]}
        Real values to start from; all dimensions after the batch are parameters
    batch_dims : `int`, (default 0)
        Number of leading dimensions that are a batch
    max_iterations : `int`, (default 50)
        Largest number of steps

    Output
    ------
    : :class:`MaximumLikelihoodEstimate`

    Raises
    ------
    ValueError
        If ``mean`` is not complex in double precision or has another shape than ``y``, shapes do
        not fit, or a value is not finite
    TypeError
        If a parameter is complex: give its parts

    Example
    -------
    >>> def mean(range, azimuth):
    ...     return echo(x, targets._replace(range=range, azimuth=azimuth))
    >>> found = isac.bound.maximum_likelihood(y, mean, {"range": r, "azimuth": a}, batch_dims=1)
    >>> found.parameters["range"]
    """
    if not callable(mean):
        raise TypeError(f"mean must be a function or a layer; got {mean!r}")
    batch_dims = checks.integer("batch_dims", batch_dims, minimum=0)
    max_iterations = checks.integer("max_iterations", max_iterations)
    values = parameter_values(start, batch_dims, "start")
    for name, value in values.items():
        if value.dtype.is_complex:
            raise TypeError(f"start[{name!r}] must be real; give the parts of a complex parameter")
    batch = next(iter(values.values())).shape[:batch_dims]
    model = _Model(checks.complexes("y", y), mean, values, batch)
    point = model.flat(values)
    residual, cost = model.distance(values)
    damping = np.full(cost.shape, _DAMPING)
    done = np.zeros(cost.shape, bool)
    for _ in range(max_iterations):
        step = model.step(model.named(point), residual, damping)
        trial = np.where(done[..., np.newaxis], point, point + step)
        trial_residual, trial_cost = model.distance(model.named(trial))
        better = trial_cost <= cost
        settled = np.abs(cost - trial_cost) <= _CHANGE * cost
        point = np.where(better[..., np.newaxis], trial, point)
        residual = np.where(better[..., np.newaxis], trial_residual, residual)
        cost = np.where(better, trial_cost, cost)
        damping = np.where(better, damping / _FACTOR, damping * _FACTOR)
        done |= settled | (damping > _MOST)
        if np.all(done):
            break
    estimates = {name: value.numpy() for name, value in model.named(point).items()}
    return MaximumLikelihoodEstimate(estimates, cost, done)


class _Model:
    """Observation and model; parameters of all names side by side, [batch..., n]."""

    def __init__(
        self,
        y: np.ndarray,
        mean: Callable[..., Any],
        values: dict[str, tf.Tensor],
        batch: tf.TensorShape,
    ) -> None:
        self._y, self._mean, self._values, self._batch = y, mean, values, batch

    def flat(self, values: dict[str, tf.Tensor]) -> np.ndarray:
        parts = [v.numpy().reshape(*self._batch, -1) for v in values.values()]
        return np.concatenate(parts, axis=-1)

    def named(self, point: np.ndarray) -> dict[str, tf.Tensor]:
        sizes = [int(np.prod(v.shape[len(self._batch) :])) for v in self._values.values()]
        parts = np.split(point, np.cumsum(sizes)[:-1], axis=-1)
        names = self._values.items()
        return {n: tf.constant(p.reshape(v.shape)) for (n, v), p in zip(names, parts, strict=True)}

    def distance(self, values: dict[str, tf.Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Difference of the observation from the signal, [batch..., size], and its square."""
        signal = mean_signal(self._mean(**values), self._batch).numpy()
        if signal.shape != self._y.shape:
            raise ValueError(
                f"y must have the shape of the signal of mean, {list(signal.shape)}; got shape "
                f"{list(self._y.shape)}"
            )
        residual = (self._y - signal).reshape(*self._batch, -1)
        return residual, np.sum(np.abs(residual) ** 2, axis=-1)

    def step(
        self, values: dict[str, tf.Tensor], residual: np.ndarray, damping: np.ndarray
    ) -> np.ndarray:
        columns = [
            signal_derivatives(self._mean, values, name, self._batch, None) for name in values
        ]
        jacobian = np.concatenate(columns, axis=-1)
        adjoint = jacobian.conj().swapaxes(-1, -2)
        normal = (adjoint @ jacobian).real
        slope = (adjoint @ residual[..., np.newaxis]).real
        scale = np.sqrt(np.diagonal(normal, axis1=-2, axis2=-1))
        scale = np.where(scale > 0, scale, 1.0)[..., np.newaxis]
        scaled = normal / scale / scale.swapaxes(-1, -2)
        scaled = scaled + damping[..., np.newaxis, np.newaxis] * np.eye(scaled.shape[-1])
        return (np.linalg.solve(scaled, slope / scale) / scale)[..., 0]
