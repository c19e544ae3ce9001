"""Algorithm 2 of [Yuan25]: fractional programming, its subproblems by convex approximation.

Each of the two subproblems lifts its vectors f to R >= f f^H and charges the difference, linearised
at the last iterate: tr R - 2 Re f_t^H f + |f_t|^2 times a penalty. As a constraint (<= 0, Eqs. (50)
and (56)) it would leave f_t as the only solution. What a subproblem returns is only a direction: an
iterate is a point between the last one and it that keeps the bound and does not lower the sum rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming._fractional import (
    analog_quadratic,
    auxiliary,
    fractional_digital,
    fractional_hybrid,
)
from sionna_isac.beamforming._hybrid import combine, seen_through
from sionna_isac.beamforming._model import Model, log_sensing, log_sum_rate
from sionna_isac.beamforming._published_sdr import schur_form, solve
from sionna_isac.beamforming.errors import SolverError

__all__ = ["sca_bcd"]

ITERATIONS = 60
TOLERANCE = 3e-4  # relative gain in sum rate, missed twice in a row: penalties change in between
PENALTY = 1e-3  # of the start, in nat: what an iteration gains at a high SINR
GRID = 41  # shares of the two ends in the digital beams of the start
SHARES = 0.5 ** np.arange(6)  # of the way to the solution of a subproblem
TIGHTER = 1e-6  # bound of the subproblems, relative, so that rounding cannot break it
ACCEPTED = 1e-7  # excess of the bound of an iterate, relative


@dataclass(frozen=True)
class _Iterate:
    """Beams of unit power with their rates and bound."""

    entries: np.ndarray | None  # [N]; none: fully digital
    digital: np.ndarray  # [chains, K] or [N, K]
    rate: float  # bit/s/Hz
    ratio: float  # SPEB / smallest SPEB

    @classmethod
    def of(cls, model: Model, entries: np.ndarray | None, digital: np.ndarray) -> _Iterate:
        """An iterate of all the power: a larger scale lowers SPEB and raises every SINR."""
        beams = digital if entries is None else combine(entries, digital)
        norm = np.linalg.norm(beams)
        beams = beams / norm
        rate = log_sum_rate(model.users.conj().T @ beams, 1.0)[0] / math.log(2)
        ratio = math.exp(log_sensing(model.sensing.conj().T @ beams, model.weight)[0])
        return cls(entries, digital / norm, rate, ratio)


def sca_bcd(
    model: Model, max_ratio: float, num_rf_chains: int | None, max_iterations: int | None = None
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, str]:
    """Analog entries [N] (none: fully digital), digital beams, history [bit/s/Hz] and a status."""
    now = _start(model, max_ratio, num_rf_chains)
    history = [now.rate]
    by_entries = by_digital = PENALTY
    settled = 0
    while settled < 2:
        if len(history) - 1 == max_iterations:
            status = f"stopped after {max_iterations} iterations, not converged"
            return now.entries, now.digital, np.array(history), status
        if len(history) > ITERATIONS and max_iterations is None:
            raise SolverError(f"sca-bcd did not converge in {ITERATIONS} iterations")
        if now.entries is not None:
            proposed = _analog_step(model, max_ratio, now.entries, now.digital, by_entries)
            now, by_entries = _advance(model, max_ratio, now, proposed, now.digital, by_entries)
        update = _digital_step(model, max_ratio, now.entries, now.digital, by_digital)
        now, by_digital = _advance(model, max_ratio, now, now.entries, update, by_digital)
        settled = settled + 1 if now.rate - history[-1] < TOLERANCE * now.rate else 0
        history.append(now.rate)
    status = f"converged in {len(history) - 1} iterations"
    return now.entries, now.digital, np.array(history), status


def _start(model: Model, max_ratio: float, num_rf_chains: int | None) -> _Iterate:
    """The largest sum rate within the bound between the smallest SPEB and the users alone.

    Subarray after subarray turns to the target, and the digital beams go over to one towards it.
    The published start, phases of zero, misses the bound for most targets.
    """
    patterns: list[np.ndarray | None] = [None]
    if num_rf_chains is not None:
        entries = fractional_hybrid(model.users, num_rf_chains)[0]
        order = np.arange(len(entries)) // (len(entries) // num_rf_chains)
        target = _phases(model.sensing[:, 0])
        patterns = [np.where(order < n, target, entries) for n in range(num_rf_chains + 1)]
    best: _Iterate | None = None
    for pattern in patterns:
        focus, users = model.sensing[:, :1], model.users
        if pattern is not None and num_rf_chains is not None:
            focus, users = (seen_through(pattern, v, num_rf_chains) for v in (focus, users))
        digital = fractional_digital(users)
        strongest = int(np.argmax(np.sum(np.abs(digital) ** 2, axis=0)))
        turn = np.exp(1j * np.angle(np.vdot(focus, digital[:, strongest])))
        lit = np.zeros_like(digital)
        lit[:, strongest] = turn * focus[:, 0] / np.linalg.norm(focus)
        for share in np.linspace(1, 0, GRID):
            trial = _Iterate.of(model, pattern, share * digital + (1 - share) * lit)
            if trial.ratio <= max_ratio * (1 + ACCEPTED) and (not best or trial.rate > best.rate):
                best = trial
    if best is None:
        raise SolverError("sca-bcd found no start that keeps the position error bound")
    return best


def _analog_step(
    model: Model, max_ratio: float, entries: np.ndarray, digital: np.ndarray, penalty: float
) -> np.ndarray:
    """Problem (51): entries [N], not yet of unit modulus."""
    spread = np.repeat(digital, len(entries) // len(digital), axis=0)  # Phi f_D,k
    gamma, mu = auxiliary(model.users, entries[:, None] * spread)
    quadratic, linear = analog_quadratic(model.users, spread, gamma, mu)
    scale = float(gamma.sum())
    task = _Subproblem(quadratic / scale, linear[:, None] / scale, entries[:, None])
    seen = [stream.conj()[:, None] * model.sensing for stream in spread.T]
    limits = [cp.real(cp.diag(task.matrix)) == 1]
    return task.solve(seen, model.weight, max_ratio, limits, penalty / scale)[:, 0]


def _digital_step(
    model: Model,
    max_ratio: float,
    entries: np.ndarray | None,
    digital: np.ndarray,
    penalty: float,
) -> np.ndarray:
    """Problem (57): digital beams, seen through the entries if there are any."""
    sensing, users, amplitude = model.sensing, model.users, 1.0
    if entries is not None:
        sensing, users = (seen_through(entries, v, len(digital)) for v in (sensing, users))
        amplitude = math.sqrt(len(entries) / len(digital))
    current = digital * amplitude
    gamma, mu = auxiliary(users, current)
    scale = float(gamma.sum())
    quadratic = (users * np.abs(mu) ** 2) @ users.conj().T  # (53a)
    linear = np.sqrt(1 + gamma) * mu * users  # (53b)
    task = _Subproblem(quadratic / scale, linear / scale, current)
    limits = [cp.real(cp.trace(task.matrix)) <= 1]
    found = task.solve([sensing], model.weight, max_ratio, limits, penalty / scale)
    return found / amplitude


class _Subproblem:
    """tr(B R) - 2 sum_j Re f_j^H c_j with R = sum_j R_j and [[R_j, f_j], [f_j^H, 1]] >= 0."""

    def __init__(self, quadratic: np.ndarray, linear: np.ndarray, current: np.ndarray) -> None:
        size = len(linear)
        self.current = current
        lifted = [cp.Variable((size + 1, size + 1), hermitian=True) for _ in linear.T]
        self.matrix = sum(x[:size, :size] for x in lifted)
        self.vectors = [x[:size, size] for x in lifted]
        self.constraints = [x >> 0 for x in lifted] + [x[size, size] == 1 for x in lifted]
        self.objective = cp.real(cp.trace(quadratic @ self.matrix)) - 2 * self._inner(linear)

    def solve(
        self,
        seen: list[np.ndarray],
        weight: np.ndarray,
        max_ratio: float,
        limits: list,
        penalty: float,
    ) -> np.ndarray:
        """Vectors f_j [size, m]; the target sees the sum of S^H R S over the matrices S seen."""
        products = sum(s.conj().T @ self.matrix @ s for s in seen)
        ratio, schur = schur_form(weight, products)
        keep = [ratio <= max_ratio * (1 - TIGHTER)]
        energy = float(np.sum(np.abs(self.current) ** 2))
        surplus = cp.real(cp.trace(self.matrix)) - 2 * self._inner(self.current) + energy
        objective = self.objective + penalty / energy * surplus
        solve(objective, self.constraints + limits + schur + keep)
        return np.stack([np.asarray(v.value) for v in self.vectors], axis=1)

    def _inner(self, vectors: np.ndarray) -> cp.Expression:
        """sum_j Re v_j^H f_j."""
        parts = [cp.real(v.conj() @ f) for v, f in zip(vectors.T, self.vectors, strict=True)]
        return cp.sum(cp.hstack(parts))


def _advance(
    model: Model,
    max_ratio: float,
    now: _Iterate,
    entries: np.ndarray | None,
    digital: np.ndarray,
    penalty: float,
) -> tuple[_Iterate, float]:
    """The farthest feasible point towards the proposed one that is no worse; the next penalty."""
    for share in SHARES:
        mixed = None
        if entries is not None and now.entries is not None:
            mixed = _phases((1 - share) * now.entries + share * entries)
        found = _Iterate.of(model, mixed, (1 - share) * now.digital + share * digital)
        if found.rate >= now.rate and found.ratio <= max_ratio * (1 + ACCEPTED):
            return found, penalty / 2 if share == 1 else penalty
    return now, 4 * penalty


def _phases(values: np.ndarray) -> np.ndarray:
    return np.exp(1j * np.angle(values))
