"""Beams for an extended target, measured on the arrays and channels themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sionna_isac import bound
from sionna_isac.beamforming._extended_setup import Setup
from sionna_isac.beamforming.errors import VerificationError
from sionna_isac.beamforming.solution import power_breaches, refuse

__all__ = ["ExtendedBeamSolution", "measured"]

TOLERANCE = 1e-6  # of SINR and coverage, relative


@dataclass(frozen=True, eq=False)
class ExtendedBeamSolution:
    r"""Beams for an extended target that passed an independent check.

    Parameters
    ----------
    beams : [num_antennas, num_users], `np.complex128`
        Beams :math:`\mathbf{w}_k` [sqrt(W)]
    objective : `float`
        What was optimised: the weighted trace of the bound, the weighted metric, or, of the
        benchmarks, the power :math:`\mathbf{a}^\top\mathbf{R}\mathbf{a}^*` [W] on the target
    lower_bound : `float` or `None`
        Bound on the objective of any beams that meet the requirements, proven by duality. For the
        weighted metric, of any beams that give no user a lower SINR than these do, at their
        rates. None for the benchmarks, which are maximised
    relative_gap : `float` or `None`
        Distance of the weighted trace (of the objective of the benchmarks) from its bound,
        relative to the bound: 0 is a proof of optimality
    crb : [num_pose], `np.float64`
        Cramér-Rao bounds of range [m^2], azimuth, elevation and orientation [rad^2]
    sinr, rates : [num_users], `np.float64`
        SINR, linear, and rates [bit/s/Hz]
    coverage : `float`
        Ratio of the largest to the smallest power on the scatterers
    power : `float`
        Transmit power of the beams [W]
    method, start, solver, status : `str`
        Method asked for, where the search that found the beams started, solvers and what they
        reported
    solve_time : `float`
        Wall time of the design [s]
    history : [num_iterations] or `None`
        Objective after each iteration of the successive approximation of the weighted metric,
        before beams of rank one are taken from it
    """

    beams: np.ndarray
    objective: float
    lower_bound: float | None
    relative_gap: float | None
    crb: np.ndarray
    sinr: np.ndarray
    rates: np.ndarray
    coverage: float
    power: float
    method: str
    start: str
    solver: str
    status: str
    solve_time: float
    history: np.ndarray | None = None

    @property
    def sum_rate(self) -> float:
        """`float` : Sum of the rates [bit/s/Hz]"""
        return float(self.rates.sum())


def measured(setup: Setup, beams: np.ndarray, method: str) -> dict[str, Any]:
    """Bounds, SINR, rates, coverage and power of beams [N, K], from the definitions.

    The Fisher information is that of :mod:`sionna_isac.bound` for the whole array, whatever
    subspace the design worked in.

    Raises
    ------
    VerificationError
        If beams are not finite or violate power, SINR or coverage
    """
    if beams.shape != setup.channels.T.shape or not np.all(np.isfinite(beams)):
        raise VerificationError(
            f"beams of method {method!r} must be finite, of shape "
            f"{list(setup.channels.T.shape)}; got shape {list(beams.shape)}"
        )
    fim = bound.extended_target_fim(
        setup.target, setup.tx_shape, covariance=beams @ beams.conj().T, **setup.system
    )
    efim = bound.effective_fim(fim, num_interest=setup.target.num_pose)
    crb = np.diagonal(bound.cramer_rao_bound(efim)).copy()
    received = np.abs(setup.channels.conj() @ beams) ** 2
    own = np.diagonal(received)
    sinr = own / (received.sum(1) - own + setup.user_noise)
    there = setup.target.weights > 0
    steering = setup.steering(setup.target.azimuths[there], setup.target.elevations[there])
    energies = np.sum(np.abs(steering @ beams) ** 2, axis=1)
    coverage = float(energies.max() / energies.min()) if energies.min() > 0 else np.inf
    power = float(np.sum(np.abs(beams) ** 2))
    broken = power_breaches(setup.power - power, setup.power)
    if np.any(sinr < setup.sinr * (1 - TOLERANCE)):
        worst = int(np.argmin(sinr / np.maximum(setup.sinr, 1e-300)))
        broken.append(f"SINR {sinr[worst]:.6g} of user {worst} is below {setup.sinr[worst]:.6g}")
    if coverage > setup.coverage * (1 + TOLERANCE):
        broken.append(f"coverage {coverage:.6g} exceeds {setup.coverage:.6g}")
    if not np.all(np.isfinite(crb)) or np.any(crb <= 0):
        broken.append(f"the bounds {crb.tolist()} are not positive numbers")
    refuse(method, broken)
    rates = np.log2(1 + sinr)
    return {
        "beams": beams,
        "crb": crb,
        "sinr": sinr,
        "rates": rates,
        "coverage": coverage,
        "power": power,
    }
