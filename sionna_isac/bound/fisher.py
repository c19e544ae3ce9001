"""Fisher information of any mean signal, by forward-mode differentiation or by differences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.bound._jacobian import parameter_values, signal_derivatives
from sionna_isac.bound.information import effective_fim
from sionna_isac.core import checks

__all__ = ["fisher"]


def fisher(
    mean: Callable[..., Any],
    parameters: Mapping[str, Any],
    no: Any,
    nuisance: Collection[str] = (),
    batch_dims: int = 0,
    steps: float | Mapping[str, float] | None = None,
) -> np.ndarray:
    r"""Fisher information of a signal in white Gaussian noise, by automatic differentiation.

    For an observation :math:`\boldsymbol{\mu}(\boldsymbol{\xi}) + \mathbf{w}`,
    :math:`\mathbf{w} \sim \mathcal{CN}(\mathbf{0}, \sigma^2\mathbf{I})`, this is

    .. math::
        \mathbf{J} = \frac{2}{\sigma^2} \operatorname{Re}\left\{
        \left(\frac{\partial\boldsymbol{\mu}}{\partial\boldsymbol{\xi}}\right)^H
        \frac{\partial\boldsymbol{\mu}}{\partial\boldsymbol{\xi}} \right\}

    with one forward pass for each real parameter of a sample, whatever the size of the
    observation and of the batch.

    Some signals have no forward-mode derivative, such as the full-wave echo of
    :class:`~sionna_isac.channel.ExtendedEcho` with respect to the pose of the target: its equations
    are solved iteratively. For those, ``steps`` takes central differences, two passes for each real
    parameter. Their relative error is about :math:`(k\delta)^2` for a step :math:`\delta` and
    phases :math:`k\delta`, plus the relative error of the signal (a solver's tolerance) over
    :math:`k\delta`: choose :math:`k\delta \approx 10^{-3}` and a tolerance of
    :math:`10^{-10}` for a bound that is right to :math:`10^{-6}`.

    Parameters
    ----------
    mean : `Callable`
        Function or layer that is called with the parameters by name and returns the noise-free
        observation [batch..., ...], `tf.complex128`. Each sample of it depends on the parameters
        of the same sample only.
    parameters : {`str`: [batch..., ...]}
        Values at which the information is taken, real or complex. All dimensions after the batch
        are parameters; a complex one counts as two, all real parts before all imaginary parts.
    no : [batch...], array_like
        :math:`\sigma^2` of an entry of the observation [W]
    nuisance : collection of `str`, (default none)
        Names of parameters that are unknown but not of interest: they are removed by
        :func:`effective_fim`
    batch_dims : `int`, (default 0)
        Number of leading dimensions that are a batch
    steps : `None` (default) | `float` | {`str`: `float`}
        Steps of central differences in the unit of each parameter, of all parameters or of those
        named; the others (or all) are differentiated automatically

    Output
    ------
    : [batch..., n, n], `np.float64`
        Information on the parameters of interest, in the order of ``parameters``

    Raises
    ------
    ValueError
        If ``mean`` is not complex in double precision, shapes do not fit, a value is not finite,
        the nuisance parameters are not observed, or ``mean`` changes with a parameter from which
        TensorFlow sees no path to it (NumPy code, for example): that needs ``steps``

    Example
    -------
    >>> echo = isac.channel.NearFieldEcho(array, precision="double")
    >>> isac.bound.fisher(
    ...     lambda point, reflection: echo(x, point, reflection),
    ...     {"point": [[[10.0, 0.0]]], "reflection": [[2.4e-6 + 0j]]},
    ...     no=1e-12,
    ...     nuisance=["reflection"],
    ...     batch_dims=1,
    ... )
    """
    if not callable(mean):
        raise TypeError(f"mean must be a function or a layer; got {mean!r}")
    batch_dims = checks.integer("batch_dims", batch_dims, minimum=0)
    values = parameter_values(parameters, batch_dims)
    nuisance = [nuisance] if isinstance(nuisance, str) else list(nuisance)
    unknown = [name for name in nuisance if name not in values]
    if unknown or len(nuisance) == len(values):
        raise ValueError(
            f"nuisance must name some of the parameters {list(values)}, but not all; got {nuisance}"
        )
    order = [n for n in values if n not in nuisance] + [n for n in values if n in nuisance]
    batch = next(iter(values.values())).shape[:batch_dims]
    noise = _noise_power(no, batch)
    widths = _steps(steps, values)
    columns = [signal_derivatives(mean, values, name, batch, widths.get(name)) for name in order]
    jacobian = np.concatenate(columns, axis=-1)
    product = (jacobian.conj().swapaxes(-1, -2) @ jacobian).real
    fim = 2 / noise[..., np.newaxis, np.newaxis] * product
    removed = sum(c.shape[-1] for c, n in zip(columns, order, strict=True) if n in nuisance)
    return effective_fim(fim, fim.shape[-1] - removed) if removed else fim


def _noise_power(no: Any, batch: tf.TensorShape) -> np.ndarray:
    noise = checks.finite("no", checks.floats("no", no))
    if not np.all(noise > 0):
        raise ValueError(f"no must be > 0; got {float(np.min(noise)):g}")
    if noise.ndim and noise.shape != tuple(batch):
        raise ValueError(f"no must have shape [] or {list(batch)}; got shape {list(noise.shape)}")
    return noise


def _steps(steps: float | Mapping[str, float] | None, values: Collection[str]) -> dict[str, float]:
    if steps is None:
        return {}
    given = steps if isinstance(steps, Mapping) else dict.fromkeys(values, steps)
    unknown = [name for name in given if name not in values]
    if unknown:
        raise ValueError(f"steps must name parameters among {list(values)}; got {unknown}")
    return {
        name: checks.real(f"steps[{name!r}]", step, minimum=0, exclusive=True)
        for name, step in given.items()
    }
