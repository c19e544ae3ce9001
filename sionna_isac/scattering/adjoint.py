"""Gradient of the response with respect to the material, by the adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.scattering._fields import ElementFields
from sionna_isac.scattering._problem import Problem, Solved, System
from sionna_isac.scattering.green import self_term

__all__ = ["volume_response_vjp"]


@cites("Zhao26")
def volume_response_vjp(
    positions: Any,
    voxel_size: float,
    permittivity: Any,
    conductivity: Any,
    frequencies: Any,
    tx_positions: Any,
    tx_moments: Any,
    rx_positions: Any,
    rx_polarizations: Any,
    upstream: Any,
    kernel: str = "auto",
    tolerance: float = 1e-5,
    precision: str | None = None,
    max_iterations: int = 2000,
    allow_coarse: bool = False,
) -> np.ndarray:
    r"""Contracted derivative of :func:`~sionna_isac.scattering.volume_response` in the contrast.

    For whole voxels only: there is no ``fill``. Gradients of a target with partly filled voxels are
    those of :class:`~sionna_isac.scattering.VolumeIntegralScattering`.

    .. math::
        g_n = \sum_{r,t} w_{rt} \frac{\partial h_{rt}}{\partial \chi_n},\quad
        \frac{\partial h_{rt}}{\partial \chi_n} = \varepsilon_0 d^3\,
        \mathbf{E}_r(n)^T \mathbf{E}_t(n)

    with the field :math:`\mathbf{E}_t` in voxel n under transmitter t, and :math:`\mathbf{E}_r` the
    one if the receive antenna were a dipole of moment :math:`\mathbf{q}_r^*`. The response is
    holomorphic in the contrast: nothing is conjugated, and with
    :math:`\chi = \varepsilon_r - 1 - j\sigma/(\omega\varepsilon_0)` the derivatives in permittivity
    and conductivity are :math:`g_n` and :math:`-j g_n/(\omega\varepsilon_0)`. Voxels of free space
    have a gradient, too. The arguments that are not listed are those of
    :func:`~sionna_isac.scattering.volume_response`.

    Input
    -----
    upstream : [F, R, T], array_like
        Weights :math:`w_{rt}` at each frequency, complex

    Output
    ------
    : [F, N], `np.complex64` or `np.complex128`
        Contracted derivatives :math:`g_n` at each frequency

    Raises
    ------
    TypeError, ValueError, NotConvergedError
        As :func:`~sionna_isac.scattering.volume_response`
    """
    problem = Problem.checked(
        positions,
        voxel_size,
        permittivity,
        conductivity,
        frequencies,
        tx_positions,
        tx_moments,
        rx_positions,
        rx_polarizations,
        kernel=kernel,
        tolerance=tolerance,
        precision=precision,
        max_iterations=max_iterations,
        allow_coarse=allow_coarse,
        keep_empty=True,
    )
    shape = problem.shape
    weights = checks.complexes("upstream", upstream)
    if weights.shape != shape:
        raise ValueError(f"upstream must have shape {list(shape)}; got shape {list(weights.shape)}")
    gradient: np.ndarray = np.empty([shape[0], len(problem.target.permittivity)], problem.dtype)
    histories = [problem.history(side) for side in ("tx", "rx")]
    for n in np.argsort(problem.frequencies):
        system = problem.system(n)
        sides = (system.tx, system.rx)
        tx, rx = (problem.solve(system, f, h) for f, h in zip(sides, histories, strict=True))
        gradient[n] = contract(problem, n, system, (tx, rx), weights[n])
    return gradient


def contract(
    problem: Problem, n: int, system: System, solved: tuple[Solved, Solved], weights: np.ndarray
) -> np.ndarray:
    """Derivatives [N] at the n-th frequency from the solutions for both sides."""
    tx, rx = (
        _fields_inside(problem, n, system, fields, side)
        for fields, side in zip((system.tx, system.rx), solved, strict=True)
    )
    # Antennas enter by their combinations only
    mixed = solved[1].mixing.T @ (problem.scale(system) * weights) @ solved[0].mixing
    driven = mixed.astype(tx.dtype) @ tx.reshape(len(tx), -1)
    return np.einsum("kcn,kcn->n", rx, driven.reshape(rx.shape))


def _fields_inside(
    problem: Problem, n: int, system: System, fields: ElementFields, solved: Solved
) -> np.ndarray:
    """Fields [K, 3, N] in the material, of the normalised excitations."""
    frequency, size = float(problem.frequencies[n]), problem.target.grid.voxel_size
    chi = problem.target.contrast(frequency)
    ratio = 1 + chi * (1 / 3 - self_term(size, frequency, system.kernel))
    if np.all(chi != 0):
        return solved.solutions / np.sqrt(chi * ratio).astype(problem.dtype)
    operator = system.operator
    exciting = operator.radiate(operator.polarizability.root(solved.solutions))
    exciting += fields.mix(solved.mixing.conj().T, weighted=False)
    return exciting / ratio.astype(problem.dtype)
