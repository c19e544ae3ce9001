"""Gaussian randomisation: beams drawn from a relaxation, with powers that meet the requirements."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import linprog

from sionna_isac.beamforming._direct import MARGIN, LocalOptimum, descend
from sionna_isac.beamforming._extended_beams import drawn_beams, principal_beams
from sionna_isac.beamforming._extended_model import ExtendedModel
from sionna_isac.beamforming._extended_search import Goal
from sionna_isac.core.threads import one_blas_thread

__all__ = ["allocated_powers", "randomized"]

ACCURACY = 1e-9
ITERATIONS = 100
INSIDE = 0.5  # share of the slack of the best met linear program that the start keeps


@one_blas_thread()
def randomized(
    model: ExtendedModel, goal: Goal, factors: list[np.ndarray], num_draws: int, seed: int
) -> np.ndarray | None:
    """Best beams [n, K] of directions w_k ~ CN(0, W_k), with the powers of a convex problem.

    None if no draw can meet the requirements. The first draw are the principal eigenvectors of
    the W_k = factors[k] factors[k]^H.
    """
    random = np.random.default_rng(seed)
    shares = np.array([np.sum(np.abs(f) ** 2) for f in factors])
    best: tuple[float, np.ndarray] | None = None
    for draw in range(num_draws):
        drawn = drawn_beams(factors, random) if draw else principal_beams(factors)
        drawn /= np.maximum(np.linalg.norm(drawn, axis=0), 1e-300)
        powers = allocated_powers(model, goal, drawn, shares)
        if powers is not None and (best is None or powers[0] < best[0]):
            best = powers[0], drawn * np.sqrt(powers[1])
    return None if best is None else best[1]


def allocated_powers(
    model: ExtendedModel, goal: Goal, directions: np.ndarray, shares: np.ndarray
) -> tuple[float, np.ndarray] | None:
    """Objective and powers [K] of given directions [n, K] of unit length; none if infeasible.

    Without SINR targets the search starts from powers in proportion to the shares [K].
    """
    allocation = _Allocation(model, goal, directions)
    start = allocation.start(shares)
    if start is None:
        return None
    with np.errstate(all="ignore"):
        found: LocalOptimum = descend(
            allocation, allocation.normalized, start, ACCURACY, ITERATIONS
        )
    if not found.usable:
        return None
    return found.value, np.exp(found.x[: allocation.number])


class _Allocation:
    """Values and gradients as functions of log powers, and of the log level of the energies."""

    def __init__(self, model: ExtendedModel, goal: Goal, directions: np.ndarray) -> None:
        self.goal, self.number = goal, directions.shape[1]
        self.gains = np.abs(model.users.conj().T @ directions) ** 2
        self.bounded = goal.ratio < math.inf
        self.energies = np.abs(model.lit.conj().T @ directions) ** 2
        products = model.sensing.conj().T @ directions
        each = [model.information(np.ascontiguousarray(z[:, None])) for z in products.T]
        self.information = np.stack(each)
        self.weight = model.weight
        self.served = np.flatnonzero(goal.sinr > 0)

    def start(self, shares: np.ndarray) -> np.ndarray | None:
        """Powers well inside of the requirements; none if there are none."""
        number, served = self.number, self.served
        if not len(served):
            return self._packed(shares / shares.sum())
        # variables: powers, level, slack
        rows = [np.append(np.ones(number), [0.0, 0.0])]
        right = [1.0]
        for k in served:
            row = self.gains[k] * self.goal.sinr[k]
            row[k] = -self.gains[k, k]
            scale = self.gains[k, k]
            rows.append(np.append(row / scale, [0.0, 1.0]))
            right.append(-self.goal.sinr[k] / scale)
        if self.bounded:
            rows += [np.append(-e, [1.0, 0.0]) for e in self.energies]
            rows += [np.append(e, [-self.goal.ratio, 0.0]) for e in self.energies]
            right += [0.0] * (2 * len(self.energies))
        objective = np.zeros(number + 2)
        objective[-1] = -1
        system, limits = np.stack(rows), np.array(right)
        bounds = [(0, None)] * (number + 1) + [(0, 1)]
        solved = linprog(objective, system, limits, bounds=bounds)
        if solved.status != 0:
            return None
        if solved.x[-1] > 0:  # less slack, more freedom: between this and any feasible powers
            bounds[-1] = (INSIDE * solved.x[-1], None)
            spread = np.append(-self.energies.mean(0), [0.0, 0.0])
            solved = linprog(spread, system, limits, bounds=bounds)
        return self._packed(solved.x[:number])

    def _packed(self, powers: np.ndarray) -> np.ndarray:
        powers = np.maximum(powers, 1e-9)
        level = np.log(np.min(self.energies @ powers))
        return np.append(np.log(powers), level) if self.bounded else np.log(powers)

    def normalized(self, x: np.ndarray) -> np.ndarray:
        return x - math.log(float(np.sum(np.exp(x[: self.number]))))

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        goal, number, served = self.goal, self.number, self.served
        powers = np.exp(x[:number])
        p = float(powers.sum())
        information = np.tensordot(powers, self.information, 1)
        inverse = np.linalg.inv(information)
        value = float(self.weight @ np.diagonal(inverse))
        outer = (inverse * self.weight) @ inverse
        slope = -powers * np.tensordot(self.information, outer, 2)
        received = self.gains * powers
        total = received.sum(1) + p
        other = total - np.diagonal(received)
        index = np.arange(number)
        by_total = (received + powers) / total[:, None]
        by_other = (received + powers) / other[:, None]
        by_other[index, index] = powers / other
        rows, slopes = [], []
        if goal.objective == "weighted":
            slope = goal.bound_price * (slope * p + value * powers)
            value *= goal.bound_price * p
            value -= goal.rate_price * float(np.sum(np.log(total / other)))
            slope -= goal.rate_price * (by_total - by_other).sum(0)
        else:
            slope = slope / value + powers / p
            value = math.log(value) + math.log(p) if value > 0 else math.inf
        rows.append(np.array([value]))
        slopes.append(slope[None])
        if len(served):
            own = np.diagonal(received)
            rows.append(np.log(own / other)[served] - np.log(goal.sinr[served]) - MARGIN)
            slopes.append((np.eye(number) - by_other)[served])
        if self.bounded:
            energies = self.energies @ powers
            by_energy = self.energies * powers / energies[:, None]
            excess = np.log(energies) - x[number]
            rows += [excess - MARGIN, math.log(goal.ratio) - excess - MARGIN]
            slopes += [by_energy, -by_energy]
        jacobian = np.concatenate(slopes)
        if self.bounded:
            last = np.zeros(len(jacobian))
            count = len(self.energies)
            last[-2 * count : -count], last[-count:] = -1, 1
            jacobian = np.column_stack([jacobian, last])
        return np.concatenate(rows), jacobian
