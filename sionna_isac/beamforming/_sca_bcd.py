"""Algorithm 2 of [Yuan25]: fractional programming, its subproblems by convex approximation.

Each of the two subproblems lifts its vectors f to R >= f f^H and charges the difference, linearised
at the last iterate: tr R - 2 Re f_t^H f + |f_t|^2 times a penalty. As a constraint (<= 0, Eqs. (50)
and (56)) it would leave f_t as the only solution, and a strong penalty hardly leaves more: it comes
last, after weaker ones whose steps are long. What a subproblem returns is only a direction: an
iterate is a point on the way through it that keeps the bound and does not lower the sum rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming._fractional import (
    analog_quadratic,
    auxiliary,
    balanced,
    fractional_digital,
    fractional_hybrid,
    matched,
)
from sionna_isac.beamforming._hybrid import combine, phases, seen_through
from sionna_isac.beamforming._model import Model, log_sensing, log_sum_rate
from sionna_isac.beamforming._published_sdr import schur_form, solve
from sionna_isac.beamforming.errors import SolverError

__all__ = ["sca_bcd"]

ITERATIONS = 200  # where the bound is tight, half a hundred
TOLERANCE = 3e-4  # relative gain in sum rate that an iteration must have, or its penalty is done
PENALTIES = (1e-3, 0.1, 10.0)  # in nat; an iteration gains about 1e-3 at a high SINR
GRID = 41  # shares of the two ends in the digital beams of the start
SHARES = 0.25 ** np.arange(-1, 4)  # of the way to the solution of a subproblem, and beyond
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
    for penalty in PENALTIES:
        gain = math.inf
        while gain >= TOLERANCE * now.rate:
            if len(history) - 1 == max_iterations:
                status = f"stopped after {max_iterations} iterations, not converged"
                return now.entries, now.digital, np.array(history), status
            if len(history) > ITERATIONS and max_iterations is None:
                raise SolverError(f"sca-bcd did not converge in {ITERATIONS} iterations")
            if now.entries is not None:
                proposed = _analog_step(model, max_ratio, now.entries, now.digital, penalty)
                now = _with_entries(model, max_ratio, now, proposed, penalty)
            update = _digital_step(model, max_ratio, now.entries, now.digital, penalty)
            now = _with_digital(model, max_ratio, now, now.entries, now.digital, update)
            gain = now.rate - history[-1]
            history.append(now.rate)
    status = f"converged in {len(history) - 1} iterations"
    return now.entries, now.digital, np.array(history), status


def _start(model: Model, max_ratio: float, num_rf_chains: int | None) -> _Iterate:
    """The largest sum rate within the bound between the smallest SPEB and the users alone.

    Subarray after subarray turns to the target, and the digital beams go over to one towards it.
    The published start, phases of zero, misses the bound for most targets.
    """
    best: _Iterate | None = None
    for first in (matched, balanced):
        for pattern in _patterns(model, num_rf_chains, first):
            focus, users = model.sensing[:, :1], model.users
            if pattern is not None and num_rf_chains is not None:
                focus, users = (seen_through(pattern, v, num_rf_chains) for v in (focus, users))
            digital = fractional_digital(users, first)
            strongest = int(np.argmax(np.sum(np.abs(digital) ** 2, axis=0)))
            turn = np.exp(1j * np.angle(np.vdot(focus, digital[:, strongest])))
            lit = np.zeros_like(digital)
            lit[:, strongest] = turn * focus[:, 0] / np.linalg.norm(focus)
            ends = (lit + share * (digital - lit) for share in np.linspace(1, 0, GRID))
            found = _best(max_ratio, (_Iterate.of(model, pattern, x) for x in ends))
            if found is not None and (best is None or found.rate > best.rate):
                best = found
    if best is None:
        raise SolverError("sca-bcd found no start that keeps the position error bound")
    return best


def _patterns(
    model: Model, num_rf_chains: int | None, first: Callable[[np.ndarray], np.ndarray]
) -> Iterator[np.ndarray | None]:
    """Analog entries for the users, then with more and more subarrays for the target."""
    if num_rf_chains is None:
        yield None
        return
    entries = fractional_hybrid(model.users, num_rf_chains, first)[0]
    subarray = np.arange(len(entries)) // (len(entries) // num_rf_chains)
    for number in range(num_rf_chains + 1):
        yield np.where(subarray < number, phases(model.sensing[:, 0]), entries)


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


def _with_entries(
    model: Model, max_ratio: float, now: _Iterate, proposed: np.ndarray, penalty: float
) -> _Iterate:
    """The best point on the way through proposed entries, with digital beams of its own.

    With the old digital beams, new entries are at once full of interference.
    """
    assert now.entries is not None
    best = now
    for share in SHARES:
        entries = phases(now.entries + share * (proposed - now.entries))
        try:
            digital = _digital_step(model, max_ratio, entries, now.digital, penalty)
        except SolverError:  # no digital beams keep the bound with these entries
            continue
        found = _with_digital(model, max_ratio, best, entries, now.digital, digital)
        if found is best and best is not now:
            break  # the best share is behind
        best = found
    return best


def _with_digital(
    model: Model,
    max_ratio: float,
    best: _Iterate,
    entries: np.ndarray | None,
    digital: np.ndarray,
    proposed: np.ndarray,
) -> _Iterate:
    """The best point on the way from digital beams through proposed ones, or the best so far."""
    ways = (digital + share * (proposed - digital) for share in SHARES)
    found = _best(max_ratio, (_Iterate.of(model, entries, x) for x in ways))
    return found if found is not None and found.rate > best.rate else best


def _best(max_ratio: float, trials: Iterable[_Iterate]) -> _Iterate | None:
    """The largest sum rate of those that keep the bound."""
    kept = (trial for trial in trials if trial.ratio <= max_ratio * (1 + ACCEPTED))
    return max(kept, key=lambda trial: trial.rate, default=None)
