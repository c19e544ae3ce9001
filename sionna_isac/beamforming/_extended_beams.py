"""Beams of rank one for an extended target: starts, local search, and proof of optimality."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sionna_isac.beamforming._certificate import Lighting, dual_bound
from sionna_isac.beamforming._digital import focused_beams
from sionna_isac.beamforming._direct import LocalOptimum
from sionna_isac.beamforming._extended_model import ExtendedModel, reduced_basis
from sionna_isac.beamforming._extended_search import Goal, local_optimum
from sionna_isac.beamforming._semidefinite import (
    SemidefiniteProblem,
    SemidefiniteSolution,
)
from sionna_isac.beamforming.closed_form import least_power_beams
from sionna_isac.beamforming.errors import SolverError
from sionna_isac.core.threads import one_blas_thread

__all__ = [
    "Design",
    "certified_beams",
    "certify",
    "drawn_beams",
    "polished",
    "principal_beams",
    "relaxed",
    "relaxed_beams",
    "span_of",
    "starts",
]

TOLERANCE = 1e-3  # of the subspace for beams; proofs are of the whole space
FULL = 1e-9
DRAWS = 4  # starts drawn from a relaxation, beside its principal eigenvectors
ENOUGH = 1e-5  # relative gap at which no further start is tried
SPREAD = 0.3  # singular values of the target, relative, that get a beam of their own
SHARES = (0.5, 0.9)  # of the power for users, at the starts of designs without SINR targets


@dataclass(frozen=True)
class Design:
    """Beams of unit power and a bound on the objective of any beams."""

    beams: np.ndarray  # [N, K]
    bound: float  # in units of the objective of the goal's model; -inf if none is known
    status: str
    start: str = "none"
    solver: str = "SLSQP"
    history: np.ndarray | None = field(default=None)


@one_blas_thread()
def certified_beams(model: ExtendedModel, goal: Goal) -> Design:
    """Best beams of local searches from cheap starts and, if these prove nothing, the relaxation.

    Raises
    ------
    SolverError
        If no beams were found that meet the requirements, or the relaxation proves that there are
        none
    """
    search = _Search(model, goal)
    several = goal.objective == "weighted"  # no proof says that the first is the best
    for name, start in starts(search.reduced, goal):
        if search.improve(name, start, patient=several) and not several:
            return search.design()
        if search.stuck and goal.objective == "bound":
            break  # a start at the end of the valley is found sooner by the relaxation
    if goal.objective == "bound":
        try:
            solved = relaxed(search.reduced, goal)
        except SolverError:
            if search.best is None:
                raise
            return search.design()
        search.prove([search.into @ f for f in solved.factors], solved.multipliers)
        random = np.random.default_rng(0)
        for draw in range(1 + DRAWS):
            start = drawn_beams(solved.factors, random) if draw else principal_beams(solved.factors)
            if search.improve("relaxation", start / np.linalg.norm(start)):
                break
    return search.design()


class _Search:
    """Best beams and best bound so far."""

    def __init__(self, model: ExtendedModel, goal: Goal) -> None:
        self.goal = goal
        self.basis = reduced_basis(model, TOLERANCE)
        self.reduced = model.within(self.basis)
        self.whole, span = span_of(model)
        self.into = span.conj().T @ self.basis
        self.best: LocalOptimum | None = None
        self.bound, self.start, self.beams = -math.inf, "none", np.zeros(0)
        self.stuck = False  # `True` if the last search did not converge

    def improve(self, name: str, start: np.ndarray, patient: bool = True) -> bool:
        """Search from a start; `True` if the best beams are proven to be close to the optimum."""
        found, beams = local_optimum(self.reduced, self.goal, start, patient)
        self.stuck = not found.converged
        if not found.usable or (self.best is not None and found.value >= self.best.value):
            return False
        self.best, self.start, self.beams = found, name, beams
        value, proven = certify(self.whole, self.goal, [(self.into @ b)[:, None] for b in beams.T])
        # the proof of the weighted metric is about the SINR of these beams
        self.bound = proven if self.goal.objective == "weighted" else max(self.bound, proven)
        return value - self.bound <= ENOUGH * abs(value)

    def prove(self, factors: list[np.ndarray], multipliers: np.ndarray) -> None:
        """Bounds of a relaxation."""
        for given in (None, multipliers):
            self.bound = max(self.bound, certify(self.whole, self.goal, factors, given)[1])

    def design(self) -> Design:
        if self.best is None:
            raise SolverError("no beams were found that meet the requirements")
        solver = "Clarabel, SLSQP" if self.start == "relaxation" else "SLSQP"
        beams = self.basis @ self.beams
        return Design(beams, self.bound, self.best.status, self.start, solver)


@one_blas_thread()
def relaxed_beams(model: ExtendedModel, goal: Goal) -> Design:
    """Beams near the relaxation in the subspace, and its bound."""
    search = _Search(model, goal)
    solved = relaxed(search.reduced, goal)
    beams, _ = polished(search.reduced, goal, solved.factors)
    search.prove([search.into @ f for f in solved.factors], solved.multipliers)
    _, other = certify(search.whole, goal, [(search.into @ b)[:, None] for b in beams.T])
    bound = max(search.bound, other)
    return Design(search.basis @ beams, bound, solved.status, "relaxation", "Clarabel, SLSQP")


def relaxed(
    model: ExtendedModel, goal: Goal, interference: np.ndarray | None = None
) -> SemidefiniteSolution:
    """The relaxation in the space of a model; "weighted" with the tangents at interference [K]."""
    number = model.shape[2]
    root = np.diag(np.sqrt(model.weight))[:, : number - 1][:, model.weight[: number - 1] > 0]
    return SemidefiniteProblem(
        forms=model.forms(),
        root=root * math.sqrt(goal.bound_price),
        users=model.users,
        sinr=goal.sinr,
        lit=model.lit,
        ratio=goal.ratio,
        rate_price=goal.rate_price if goal.objective == "weighted" else 0.0,
        interference=interference,
    ).solve()


def polished(
    model: ExtendedModel, goal: Goal, factors: list[np.ndarray]
) -> tuple[np.ndarray, LocalOptimum]:
    """Local optimum from the principal eigenvectors of a relaxation."""
    found, beams = local_optimum(model, goal, principal_beams(factors))
    if not found.usable:
        raise SolverError(
            f"no beams that meet the requirements near those of the relaxation: {found.status}"
        )
    return beams, found


def principal_beams(factors: list[np.ndarray]) -> np.ndarray:
    """Beams [n, K] of unit power from the largest eigenvalues of the W_k = F_k F_k^H."""
    beams = []
    for factor in factors:
        left, singular, _ = np.linalg.svd(factor, full_matrices=False)
        beams.append(left[:, 0] * singular[0])
    stacked = np.stack(beams, axis=1)
    return stacked / np.linalg.norm(stacked)


def drawn_beams(factors: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Beams [n, K] drawn from CN(0, W_k) with W_k = F_k F_k^H."""
    normal = [random.normal(size=(f.shape[1], 2)) @ np.array([1, 1j]) for f in factors]
    return np.stack([f @ n for f, n in zip(factors, normal, strict=True)], axis=1)


def certify(
    model: ExtendedModel,
    goal: Goal,
    factors: list[np.ndarray],
    multipliers: np.ndarray | None = None,
) -> tuple[float, float]:
    """Objective of W_k = factors[k] factors[k]^H, and a bound on that of any beams.

    For "weighted" the bound holds for beams that give no user a lower SINR than these do; the
    level of "level" enters with a minus.
    """
    stacked = np.concatenate(factors, axis=1)
    if goal.objective == "level":
        level = float(np.min(np.sum(np.abs(model.lit.conj().T @ stacked) ** 2, axis=1)))
        lighting, size = Lighting(model.lit, price=1.0), len(stacked)
        nothing = np.zeros((size, size), np.complex128)
        users = model.users
        return -level, dual_bound(0.0, nothing, users, goal.sinr, factors, None, lighting)
    bounded = Lighting(model.lit, goal.ratio) if goal.ratio < math.inf else None
    value, gradient = model.tangent(stacked)
    sinr = goal.sinr
    if goal.objective == "weighted":
        received = np.stack([np.sum(np.abs(model.users.conj().T @ f) ** 2, 1) for f in factors], 1)
        own = np.diagonal(received)
        sinr = own / (received.sum(1) - own + 1)
        sinr = np.where(sinr > 1e-9, sinr, 0.0)
    bound = dual_bound(2 * value, -gradient, model.users, sinr, factors, multipliers, bounded)
    if goal.objective != "weighted":
        return value, bound
    rates = goal.rate_price * float(np.sum(np.log1p(sinr)))
    return goal.bound_price * value - rates, goal.bound_price * bound - rates


def starts(model: ExtendedModel, goal: Goal) -> Iterator[tuple[str, np.ndarray]]:
    """Beams from which searches start: for the users, and what is left of the power for the target.

    One user carries a beam at the centre of the target, or several carry one each at its main
    directions, both where no user hears them, or the first with no regard for the users.
    """
    centre = model.lit.mean(axis=1)
    if goal.objective == "weighted":
        gram = model.users.conj().T @ model.users
        loaded = model.users @ np.linalg.inv(gram + len(gram) * np.eye(len(gram)))
        loaded /= np.linalg.norm(loaded, axis=0) * math.sqrt(len(gram))
        for share in SHARES:
            serving = math.sqrt(share) * loaded
            yield f"users {share:.0%}, centre", focused_beams(model.users, serving, centre)[0]
            yield f"users {share:.0%}, spread", _spread(model, serving)
        return
    least = least_power_beams(model.users, np.log2(1 + goal.sinr))
    nulled, full = focused_beams(model.users, least, centre)
    yield "centre", nulled
    yield "spread", _spread(model, least)
    yield "target", full


def _spread(model: ExtendedModel, serving: np.ndarray) -> np.ndarray:
    """Beams [n, K] with the power that is left in the main directions of the target."""
    left = max(1 - float(np.sum(np.abs(serving) ** 2)), 0.0)
    heard, _ = np.linalg.qr(model.users)
    unheard = model.lit - heard @ (heard.conj().T @ model.lit)
    vectors, singular, _ = np.linalg.svd(unheard, full_matrices=False)
    number = min(max(int(np.sum(singular > SPREAD * singular[0])), 1), serving.shape[1])
    order = np.argsort(-np.sum(np.abs(serving) ** 2, axis=0))[:number]
    beams = serving.copy()
    beams[:, order] += math.sqrt(left / number) * vectors[:, :number]
    return beams / np.linalg.norm(beams)


def span_of(model: ExtendedModel) -> tuple[ExtendedModel, np.ndarray]:
    """The model in all of the space that matters, and the basis [N, r] of it."""
    span = reduced_basis(model, FULL)
    return model.within(span), span
