"""Local search over beams for an extended target in a subspace, with analytic gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sionna_isac.beamforming._direct import MARGIN, Frame, LocalOptimum, descend
from sionna_isac.beamforming._extended_model import ExtendedModel
from sionna_isac.beamforming.closed_form import least_power_beams
from sionna_isac.core.threads import one_blas_thread

__all__ = ["Goal", "local_optimum"]

ACCURACY = 1e-11
ITERATIONS = 250
ROUNDS = 14  # of adding the scatterers that are too dark or too bright
ROUGH, ROUGH_ITERATIONS = 1e-6, 100  # accuracy until they are known
LOOSE = 1e-4  # relative excess of the coverage that is left to the constraints at hand
TIGHTENED = 3  # how often requirements that are nearly met are tightened
AT_LIMIT = 0.1  # distance (log) of a start from the coverage within which it counts as at it
LOST = 0.1  # violation (log) from which a search does not come back
AGAIN = 3  # how often a search for the least energy goes on from beams that were made to serve
HALVINGS = 60
NEAR = 1.3  # those this close to the extremes are added with them


@dataclass(frozen=True)
class Goal:
    """Objective and requirements.

    Parameters
    ----------
    objective
        "bound", "weighted" (bound and sum rate), "level" (largest least energy), or "coverage"
        (smallest ratio of energies)
    sinr
        Targets [K], 0 for none
    ratio
        Largest ratio of the energies, infinite for none
    bound_price, rate_price
        Weights of the objective of the model and of the sum of log(1 + SINR) in "weighted"
    """

    objective: str
    sinr: np.ndarray
    ratio: float = math.inf
    bound_price: float = 1.0
    rate_price: float = 0.0


class _Evaluation:
    """Values and gradients as functions of x: beams in a frame, log level, log ratio."""

    def __init__(
        self,
        model: ExtendedModel,
        goal: Goal,
        dark: np.ndarray,
        bright: np.ndarray,
        margin: float = MARGIN,
    ) -> None:
        self.model, self.goal, self.margin = model, goal, margin
        self.frame = Frame(model.users, model.users.shape[1])
        self.rank, self.beams = model.users.shape
        inward = self.frame.columns.conj().T
        self.users = inward @ model.users
        self.sensing = inward @ model.sensing
        self.chosen = np.concatenate([dark, bright]).astype(int)
        self.signs = np.concatenate([np.ones(len(dark)), -np.ones(len(bright))])
        self.lit = (inward @ model.lit)[:, self.chosen]
        everything = np.concatenate([self.sensing, self.users, self.lit], axis=1)
        self.adjoint = np.ascontiguousarray(everything.conj().T)
        self.served = np.flatnonzero(goal.sinr > 0)
        self.log_sinr = np.log(goal.sinr[self.served]) + margin
        self.free_ratio = goal.objective == "coverage"
        self.tail = int(len(self.chosen) > 0) + int(self.free_ratio)
        self.size = 2 * self.rank * self.beams
        self.log_ratio = 0.0 if self.free_ratio else math.log(goal.ratio)

    def pack(self, beams: np.ndarray) -> np.ndarray:
        x = self.frame.variables(beams)
        if not len(self.chosen):
            return x
        energy = np.log(np.maximum(self.energies(beams), 1e-12))
        tail = [energy.min(), float(np.ptp(energy))] if self.free_ratio else [energy.min()]
        return np.concatenate([x, tail])

    def unpack(self, x: np.ndarray) -> np.ndarray:
        return self.frame.beams(x[: self.size])

    def energies(self, beams: np.ndarray) -> np.ndarray:
        return np.sum(np.abs(self.model.lit.conj().T @ beams) ** 2, axis=1)

    def normalized(self, x: np.ndarray) -> np.ndarray:
        scaled = x.copy()
        power = self.frame.power(x[: self.size])
        scaled[: self.size] /= math.sqrt(power)
        if len(self.chosen):
            scaled[self.size] -= math.log(power)
        return scaled

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        goal, flat = self.goal, x[: self.size]
        p = self.frame.power(flat)
        by_power = 2 * self.frame.squared * flat
        z = self.adjoint @ self.frame.coordinates(flat)
        number = self.sensing.shape[1]
        served, chosen = self.served, self.chosen
        values = np.empty(1 + len(served) + len(chosen))
        jacobian = np.zeros((len(values), self.size + self.tail))
        # gradients by the coordinates [r, K] of value 0, SINR and energies
        slopes = np.empty((len(values), self.rank, self.beams), np.complex128)
        by_p = np.zeros(len(values))
        received = z[number : number + self.beams]
        energy = received.real**2 + received.imag**2
        own = np.diagonal(energy)
        total = energy.sum(1) + p
        other = total - own
        index = np.arange(self.beams)
        value, slope = 0.0, np.zeros((self.rank, self.beams), np.complex128)
        if goal.objective in ("bound", "weighted"):
            products = z[:number]
            trace, matrices = self.model.trace(products)
            groups, size, _ = self.model.shape
            pulled = (matrices @ products.reshape(groups, size, -1)).reshape(number, -1)
            slope = 2 * (self.sensing @ pulled)
            if goal.objective == "bound":
                value = math.log(trace) + math.log(p)
                slope /= trace
                by_p[0] = 1 / p
            else:
                value = goal.bound_price * trace * p
                slope *= goal.bound_price * p
                by_p[0] = goal.bound_price * trace
                value -= goal.rate_price * float(np.sum(np.log(total / other)))
                by_z = (2 / total - 2 / other)[:, None] * received
                by_z[index, index] = (2 / total) * received[index, index]
                slope -= goal.rate_price * (self.users @ by_z)
                by_p[0] -= goal.rate_price * float(np.sum(1 / total - 1 / other))
        elif goal.objective == "level":
            value = math.log(p) - x[self.size]
            by_p[0], jacobian[0, self.size] = 1 / p, -1
        else:
            value, jacobian[0, self.size + 1] = x[self.size + 1], 1
        values[0], slopes[0] = value, slope
        if len(served):
            values[1 : 1 + len(served)] = np.log(own / other)[served] - self.log_sinr
            by_z = (-2 / other)[:, None] * received
            by_z[index, index] = 2 * received[index, index] / own
            slopes[1 : 1 + len(served)] = self.users.T[served, :, None] * by_z[served, None, :]
            by_p[1 : 1 + len(served)] = -1 / other[served]
        if len(chosen):
            first = 1 + len(served)
            lit = z[number + self.beams :]
            energy = np.sum(lit.real**2 + lit.imag**2, axis=1)
            level = x[self.size]
            ratio = x[self.size + 1] if self.free_ratio else self.log_ratio
            upper = self.signs < 0
            rows = self.signs * (np.log(energy) - level) - self.margin
            rows[upper] += ratio
            values[first:] = rows
            slopes[first:] = (
                self.lit.T[:, :, None] * (2 * self.signs / energy)[:, None, None] * lit[:, None, :]
            )
            jacobian[first:, self.size] = -self.signs
            if self.free_ratio:
                jacobian[first:, self.size + 1] = upper
        flatter = slopes.reshape(len(values), -1)
        half = self.size // 2
        jacobian[:, :half] = flatter.real
        jacobian[:, half : self.size] = flatter.imag
        jacobian[:, : self.size] += by_p[:, None] * by_power
        return values, jacobian


@one_blas_thread()
def local_optimum(
    model: ExtendedModel,
    goal: Goal,
    start: np.ndarray,
    patient: bool = True,
) -> tuple[LocalOptimum, np.ndarray]:
    """Local optimum over beams [r, K] from a start, and its beams of unit power.

    Scatterers get constraints only once they turn out too dark or too bright. If ``patient``, the
    search goes on where it stopped close to beams that meet the requirements.
    """
    everything = np.arange(model.lit.shape[1])
    dark = bright = everything[:0]
    if goal.objective == "level":
        return _brightest(model, goal, start)
    if goal.objective == "coverage":
        dark = bright = everything
    bounded = goal.objective != "coverage" and goal.ratio < math.inf
    margin, accurate, tightened = MARGIN, True, 0
    if bounded:  # a start at the limit of the coverage is that of a relaxation
        energy = np.sum(np.abs(model.lit.conj().T @ start) ** 2, axis=1)
        if abs(math.log(energy.max() / energy.min() / goal.ratio)) < AT_LIMIT:
            dark, bright = _extremes(energy, dark, bright)
    for attempt in range(ROUNDS):
        evaluation = _Evaluation(model, goal, dark, bright, margin)
        found = descend(
            evaluation,
            evaluation.normalized,
            evaluation.pack(start),
            ACCURACY if accurate else ROUGH,
            ITERATIONS if accurate else ROUGH_ITERATIONS,
        )
        start = beams = evaluation.unpack(found.x)
        energy = evaluation.energies(beams)
        if not found.violation <= LOST:
            break
        met = not bounded or energy.max() <= goal.ratio * energy.min() * (1 + LOOSE)
        if not met and len(dark) < len(everything):
            dark, bright = _extremes(energy, dark, bright)
            if attempt >= ROUNDS // 2:
                dark = bright = everything
            accurate = False  # until these are known
        elif not accurate:
            accurate = True
        elif (
            not found.usable and patient and tightened < TIGHTENED
        ):  # almost: ask for a little more
            margin = max(2 * found.violation, 10 * margin)
            tightened += 1
        else:
            break
    if bounded and found.usable:
        excess = float(np.log(energy.max() / energy.min() / goal.ratio))
        found = replace(found, violation=max(found.violation, excess))
    return found, beams


def _brightest(
    model: ExtendedModel, goal: Goal, start: np.ndarray
) -> tuple[LocalOptimum, np.ndarray]:
    """Beams of the largest least energy near a start.

    The search may stop next to beams that serve the users. These are then mixed with beams that do,
    and the search goes on from there.
    """
    evaluation = _Evaluation(model, goal, np.arange(model.lit.shape[1]), np.arange(0))
    best: LocalOptimum | None = None
    for _ in range(1 + AGAIN):
        x = evaluation.pack(start)
        found = descend(evaluation, evaluation.normalized, x, ACCURACY, ITERATIONS)
        if not math.isfinite(found.violation):
            break
        beams = evaluation.unpack(found.x)
        start = _serving(model.users, goal.sinr, beams)
        x = evaluation.pack(start)
        x[evaluation.size] -= evaluation.margin
        values, _ = evaluation(x)
        missed = float(np.max(-values[1:]))
        stopped = replace(found, x=x, value=float(values[0]), violation=missed)
        if best is None or stopped.value < best.value:
            best = stopped
        if start is beams:
            break
    best = best or found
    return best, evaluation.unpack(best.x)


def _serving(users: np.ndarray, sinr: np.ndarray, beams: np.ndarray) -> np.ndarray:
    """Beams [n, K] of unit power, mixed with those of least power until all users are served.

    With real and positive own signals, the SINR is a condition of a convex cone: it holds from one
    mixture on.
    """
    served = np.flatnonzero(sinr > 0)
    least = least_power_beams(users, np.log2(1 + sinr * (1 + 2 * MARGIN)))
    power = np.sum(np.abs(least) ** 2)
    if not len(served) or not power < 1:
        return beams
    factor = np.sqrt(1 + 1 / (sinr[served] * (1 + 1.5 * MARGIN)))

    def turned(given: np.ndarray) -> np.ndarray:
        own = np.sum(users.conj() * given, axis=0)
        return given * np.exp(-1j * np.where(sinr > 0, np.angle(own), 0))

    def meets(given: np.ndarray) -> bool:
        received = (users.conj().T @ given)[served]
        total = np.sqrt(1 + np.sum(np.abs(received) ** 2, axis=1))
        return bool(np.all(factor * received[np.arange(len(served)), served].real >= total))

    first, last = turned(beams), turned(least / math.sqrt(power))
    if meets(first):
        return beams
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if meets((1 - middle) * first + middle * last) else (middle, high)
    mixed = (1 - high) * first + high * last
    return mixed / np.linalg.norm(mixed)


def _extremes(
    energy: np.ndarray, dark: np.ndarray, bright: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The scatterers with constraints, and those that are nearly the darkest or brightest."""
    dark = np.union1d(dark, np.flatnonzero(energy <= NEAR * energy.min()))
    return dark, np.union1d(bright, np.flatnonzero(energy * NEAR >= energy.max()))
