"""From the equations at a frequency to polarisations and responses."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.constants import epsilon_0

from sionna_isac.scattering._fields import ElementFields, compress
from sionna_isac.scattering._solver import solve
from sionna_isac.scattering._target import System
from sionna_isac.scattering._tones import ToneHistory
from sionna_isac.scattering.errors import NotConvergedError

__all__ = ["Solved", "response_scale", "solve_fields"]


class Solved(NamedTuple):
    """Scaled polarisations under the antennas of one side: mixing @ solutions."""

    mixing: np.ndarray
    """[T, K]"""
    solutions: np.ndarray
    """[K, 3, N]"""
    iterations: int
    """Most products with the operator that a right-hand side took"""
    products: int
    """Products of all right-hand sides"""
    residual: float
    """Relative to the fields of the antennas, RMS over them"""


def solve_fields(
    system: System,
    fields: ElementFields,
    tolerance: float,
    max_iterations: int,
    history: ToneHistory | None = None,
) -> Solved:
    """Solve for all antennas of one side at once, from what is known of earlier tones."""
    basis = compress(fields, tolerance)
    num = len(basis.rows)
    # Equal absolute residuals of the rows make an RMS residual of `tolerance` over the antennas
    active = float(np.trace(fields.gram).real)
    targets = np.full(num, tolerance * math.sqrt(max(active, 1) / num))
    guess = history.guess(system.wavenumber, basis.mixing) if history else None
    try:
        found = solve(system.operator.apply, basis.rows, targets, max_iterations, guess)
    except NotConvergedError as error:
        raise NotConvergedError(f"{error}; {_advice(system, tolerance, max_iterations)}") from None
    if history:
        history.add(system.wavenumber, basis.mixing, found.x)
    residual = math.sqrt(float(np.sum(found.residuals**2)) / max(active, 1))
    iterations = found.iterations
    return Solved(basis.mixing, found.x, int(iterations.max()), int(iterations.sum()), residual)


def response_scale(system: System, voxel_size: float) -> np.ndarray:
    """[R, T], from products of normalised fields to volts per metre."""
    # a^(1/2) k^2 G p / eps_0 on one side, eps_0 d^3 a^(1/2) k^2 G q* / eps_0 on the other
    return voxel_size**3 / epsilon_0 * np.outer(system.rx.weight, system.tx.weight)


def _advice(system: System, tolerance: float, max_iterations: int) -> str:
    hints = [
        f"try a tolerance above {tolerance:g}",
        f"max_iterations above {max_iterations}",
        "precision='double'",
    ]
    if system.kernel == "point":
        hints.append("kernel='auto'")
    hints.append(
        "or, for solid metal, a shell one voxel thick, smaller voxels, or the approximation "
        "metal='effective'"
    )
    return ", ".join(hints)
