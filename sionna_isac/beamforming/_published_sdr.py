"""The fully digital relaxation as published: one matrix of the size of the array for each user."""

from __future__ import annotations

import math

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming._digital import certified_bound, local_beams, span
from sionna_isac.beamforming._direct import Task
from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming._semidefinite import clarabel, principal_vectors, square_root
from sionna_isac.beamforming.errors import SolverError
from sionna_isac.core import checks

__all__ = [
    "published_relaxation",
    "published_sdr",
    "require_iterations",
    "schur_form",
    "solve",
]

ITERATIVE = ("sdr-bcd", "sca-bcd")


def published_relaxation(model: Model, sinr: np.ndarray) -> tuple[np.ndarray, float, str]:
    """Covariances [K, N, N] of the relaxation, its value tr(weight J^-1), and the status."""
    num_antennas, num_users = model.users.shape
    covariances = [cp.Variable((num_antennas, num_antennas), hermitian=True) for _ in sinr]
    total = sum(covariances)
    gains = np.sum(np.abs(model.users) ** 2, axis=0)
    unit = model.users / np.sqrt(gains)
    constraints = [c >> 0 for c in covariances] + [cp.real(cp.trace(total)) <= 1]
    for k in range(num_users):
        channel = np.outer(unit[:, k], unit[:, k].conj())
        own = cp.real(cp.trace(channel @ covariances[k]))
        everything = cp.real(cp.trace(channel @ total))
        constraints.append((1 + sinr[k]) * own >= sinr[k] * (everything + 1 / gains[k]))
    objective, schur = schur_form(model.weight, model.sensing.conj().T @ total @ model.sensing)
    value, status = solve(objective, constraints + schur)
    return np.stack([np.asarray(c.value) for c in covariances]), value, status


def published_sdr(model: Model, sinr: np.ndarray) -> tuple[np.ndarray, float, str]:
    """Beams [N, K] of unit power, their gap to a certified bound, and the status.

    The eigenvectors meet the rates about as well as the solver met its constraints; a local search
    from them removes the rest.
    """
    covariances, _, status = published_relaxation(model, sinr)
    task = Task("speb", model.weight, sinr)
    start = principal_vectors(covariances)
    found, beams = local_beams(task, model.vectors, span(model.vectors), start)
    if not found.feasible:
        raise SolverError(f"no beams that meet the rates near the eigenvectors: {found.status}")
    factors = list(square_root(covariances))
    given = (span(model.vectors), model.sensing, model.users, model.weight, sinr)
    # the covariances are as accurate as the solver on this machine, the polished beams are more so
    bound = max(
        certified_bound(*given, factors),
        certified_bound(*given, np.split(beams, beams.shape[1], axis=1)),
    )
    gap = math.exp(found.value) / bound - 1 if bound > 0 else math.inf
    return beams, max(gap, 0.0), status


def require_iterations(method: str, max_iterations: int | None) -> int | None:
    """Check the number of iterations, which only the published iterative methods have."""
    if max_iterations is None:
        return None
    if method not in ITERATIVE:
        raise ValueError(
            f"max_iterations is for the methods {' and '.join(map(repr, ITERATIVE))}; "
            f"got {max_iterations!r} with {method!r}"
        )
    return checks.integer("max_iterations", max_iterations)


def schur_form(weight: np.ndarray, products: cp.Expression) -> tuple[cp.Expression, list]:
    """tr(U^-1) weighted, and the constraint on U, Eq. (25), from S = [a, q_1, q_2]^H R [...]."""
    u = cp.Variable((2, 2), symmetric=True)
    t = cp.Variable((2, 2), symmetric=True)
    root = square_root(weight)
    lit = cp.real(products[0, 0])
    mixed = cp.vstack([cp.real(products[0, 1:]), cp.imag(products[0, 1:])]).T
    first = cp.real(products[1:, 1:]) + lit * np.eye(2)
    first = (first + first.T) / 2
    information = cp.bmat([[first - u, mixed], [mixed.T, lit * np.eye(2)]])
    corner = cp.bmat([[u, root], [root.T, t]])
    return cp.trace(t), [information >> 0, corner >> 0]


def solve(objective: cp.Expression, constraints: list) -> tuple[float, str]:
    """Minimise with Clarabel; the value and the status."""
    problem = cp.Problem(cp.Minimize(objective), constraints)
    status = clarabel(problem, "the published relaxation")
    return float(problem.value), status
