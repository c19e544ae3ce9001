"""The designs as published: one matrix of the size of the array for each user, and SCA for rates.

With the steps of the successive convex approximation in the subspace, too, for comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming._extended_beams import Design, certify, polished, relaxed, span_of
from sionna_isac.beamforming._extended_model import ExtendedModel, reduced_basis
from sionna_isac.beamforming._extended_search import Goal
from sionna_isac.beamforming._randomization import randomized
from sionna_isac.beamforming._semidefinite import SemidefiniteSolution, clarabel
from sionna_isac.beamforming.errors import SolverError

__all__ = ["PublishedProblem", "published_beams", "successive_beams"]

INTERIOR_ANTENNAS = 36  # beyond which an interior-point solver takes many minutes
FIRST_ORDER = 1e-6  # accuracy of the first-order solver, relative
CONVERGED = 1e-5  # relative change of the objective at which the approximation stops


class PublishedProblem:
    """The relaxation with the N x N covariances of all users and the matrix U of the bound."""

    def __init__(self, model: ExtendedModel, goal: Goal) -> None:
        size, num_users = model.users.shape
        number = model.shape[2]
        self.model, self.goal = model, goal
        self.covariances = [cp.Variable((size, size), hermitian=True) for _ in range(num_users)]
        total = sum(self.covariances)
        flat = cp.reshape(total, (size * size,), order="C")
        forms = model.forms().reshape(-1, size * size).conj()
        entries = cp.real(forms @ flat)
        into = np.zeros((number * number, len(forms)))
        for position, (i, j) in enumerate(zip(*np.triu_indices(number), strict=True)):
            into[i * number + j, position] = into[j * number + i, position] = 1
        information = cp.reshape(into @ entries, (number, number), order="C")
        u = cp.Variable((number - 1, number - 1), symmetric=True)
        column = np.zeros((number, number - 1))
        column[: number - 1] = np.eye(number - 1)
        constraints = [information - column @ u @ column.T >> 0, cp.real(cp.trace(total)) <= 1]
        constraints += [c >> 0 for c in self.covariances]
        used = model.weight[: number - 1] > 0
        root = np.diag(np.sqrt(model.weight[: number - 1]))[:, used]
        objective = goal.bound_price * cp.matrix_frac(root, u)
        gains = np.sum(np.abs(model.users) ** 2, axis=0)
        unit = model.users / np.sqrt(gains)
        self.interference = cp.Parameter(num_users, nonneg=True)
        for k in range(num_users):
            channel = np.outer(unit[:, k], unit[:, k].conj())
            own = cp.real(cp.trace(channel @ self.covariances[k]))
            everything = cp.real(cp.trace(channel @ total))
            if goal.sinr[k] > 0:
                useful = (1 + 1 / goal.sinr[k]) * own - everything
                constraints.append(gains[k] * useful >= 1)
            if goal.objective == "weighted":
                other = gains[k] * (everything - own)
                objective += goal.rate_price * self.interference[k] * other
                objective -= goal.rate_price * cp.log(everything + 1 / gains[k])
        if goal.ratio < math.inf:
            lit = np.einsum("il,jl->lij", model.lit.conj(), model.lit).reshape(-1, size * size)
            energies = cp.real(lit @ flat)
            constraints.append(cp.max(energies) <= goal.ratio * cp.min(energies))
        self.problem = cp.Problem(cp.Minimize(objective), constraints)
        self.solver = "Clarabel" if size <= INTERIOR_ANTENNAS else "SCS"

    def solve(self, interference: np.ndarray | None = None) -> SemidefiniteSolution:
        """Covariances [K, N, N], for the tangents at given interference and noise [K]."""
        if interference is not None:
            self.interference.value = 1 / interference
        if self.solver == "Clarabel":
            status = clarabel(self.problem, "the published relaxation")
        else:
            try:
                self.problem.solve(solver=cp.SCS, eps=FIRST_ORDER, max_iters=20_000)
            except cp.error.SolverError:
                raise SolverError("SCS found no solution of the published relaxation") from None
            status = str(self.problem.status)
            if self.covariances[0].value is None:
                raise SolverError(f"SCS stopped on the published relaxation: {status!r}")
        covariances = np.stack([np.asarray(c.value) for c in self.covariances])
        multipliers = np.zeros(len(covariances))
        return SemidefiniteSolution(float(self.problem.value), covariances, multipliers, status)


def published_beams(model: ExtendedModel, goal: Goal, num_draws: int, seed: int) -> Design:
    """The relaxation of the size of the array, then Gaussian randomisation."""
    problem = PublishedProblem(model, goal)
    solved = problem.solve()
    beams, added = _rank_one(model, goal, solved, num_draws, seed)
    whole, span = span_of(model)
    _, bound = certify(whole, goal, [span.conj().T @ f for f in solved.factors])
    _, other = certify(whole, goal, [span.conj().T @ b[:, None] for b in beams.T])
    return Design(beams, max(bound, other), solved.status + added, "relaxation", problem.solver)


def successive_beams(
    model: ExtendedModel,
    goal: Goal,
    start: np.ndarray,
    iterations: int,
    published: tuple[int, int] | None,
) -> Design:
    """Successive convex approximation of the weighted metric from beams [N, K].

    In the space of the antennas with randomisation (number of draws, seed) if ``published``, else
    in the subspace with a local search at the end.
    """
    basis = np.eye(len(model.users)) if published else reduced_basis(model, 1e-3)
    reduced = model.within(basis)
    small = basis.conj().T @ start
    if published:
        problem = PublishedProblem(reduced, goal)
        step: Callable[[np.ndarray], SemidefiniteSolution] = problem.solve
        solver = problem.solver
    else:
        solver = "Clarabel"

        def step(interference: np.ndarray) -> SemidefiniteSolution:
            return relaxed(reduced, goal, interference)

    interference = _interference(reduced, list(small.T[:, :, None]))
    history: list[float] = []
    status = f"{iterations} iterations without convergence"
    for _ in range(iterations):
        latest = step(interference)
        value = certify(reduced, goal, latest.factors)[0]
        if not history or value < history[-1]:  # else: the accuracy of the solver
            solved, factors = latest, latest.factors
            history.append(value)
            interference = _interference(reduced, factors)
            if len(history) < 2 or history[-2] - value > CONVERGED * abs(value):
                continue
        status = f"converged in {len(history)} iterations"
        break
    if published:
        beams, added = _rank_one(reduced, goal, solved, *published)
        status += added
    else:
        beams, _ = polished(reduced, goal, solved.factors)
        solver = "Clarabel, SLSQP"
    whole, span = span_of(model)
    beams = basis @ beams
    _, bound = certify(whole, goal, [span.conj().T @ b[:, None] for b in beams.T])
    return Design(beams, bound, status, "given", solver, np.array(history))


def _rank_one(
    model: ExtendedModel, goal: Goal, solved: SemidefiniteSolution, num_draws: int, seed: int
) -> tuple[np.ndarray, str]:
    """Beams by randomisation, or by a local search if no draw is feasible; addition to the status.

    No draw is, for instance, where a solver of first order met the requirements only roughly.
    """
    beams = randomized(model, goal, solved.factors, num_draws, seed)
    if beams is not None:
        return beams, ""
    basis = reduced_basis(model, 1e-3)
    factors = [basis.conj().T @ f for f in solved.factors]
    found, _ = polished(model.within(basis), goal, factors)
    return basis @ found, f", none of {num_draws} draws feasible: local search instead"


def _interference(model: ExtendedModel, factors: list[np.ndarray]) -> np.ndarray:
    """Interference and noise [K] of covariances."""
    received = np.stack([np.sum(np.abs(model.users.conj().T @ f) ** 2, 1) for f in factors], 1)
    return received.sum(1) - np.diagonal(received) + 1
