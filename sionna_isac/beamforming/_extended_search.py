"""Local search over beams for an extended target in a subspace, with analytic gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

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


class _Links(NamedTuple):
    """What the users receive: amplitudes [K, K] by user and beam, and energies [K] with noise."""

    received: np.ndarray
    own: np.ndarray
    other: np.ndarray
    total: np.ndarray


# values [V], their gradients by the coordinates [V, r, K], power [V], and level and ratio [V, 0-2]
_Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


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
        """Values of objective, SINR and energies, and their Jacobian."""
        flat = x[: self.size]
        power = self.frame.power(flat)
        z = self.adjoint @ self.frame.coordinates(flat)
        number = self.sensing.shape[1]
        products, received, lit = np.split(z, [number, number + self.beams])
        energy = received.real**2 + received.imag**2
        total = energy.sum(1) + power
        links = _Links(received, np.diagonal(energy), total - np.diagonal(energy), total)
        parts = (
            self._objective(x, power, products, links),
            self._sinr(links),
            self._energy(x, lit),
        )
        values, slopes, by_power, by_tail = map(np.concatenate, zip(*parts, strict=True))
        rows = slopes.reshape(len(values), -1)
        jacobian = np.concatenate([rows.real, rows.imag, by_tail], axis=1)
        jacobian[:, : self.size] += by_power[:, None] * (2 * self.frame.squared * flat)
        return values, jacobian

    def _objective(self, x: np.ndarray, power: float, products: np.ndarray, links: _Links) -> _Part:
        """Objective."""
        goal = self.goal
        slope = np.zeros((self.rank, self.beams), np.complex128)
        by_power, by_tail = 0.0, np.zeros(self.tail)
        if goal.objective == "level":
            value = math.log(power) - x[self.size]
            by_power, by_tail[0] = 1 / power, -1
        elif goal.objective == "coverage":
            value, by_tail[1] = x[self.size + 1], 1
        else:
            trace, matrices = self.model.trace(products)
            groups, size, _ = self.model.shape
            pulled = (matrices @ products.reshape(groups, size, -1)).reshape(len(products), -1)
            slope = 2 * (self.sensing @ pulled)
            if goal.objective == "bound":
                value = math.log(trace) + math.log(power)
                slope /= trace
                by_power = 1 / power
            else:
                received, _, other, total = links
                value = goal.bound_price * trace * power
                value -= goal.rate_price * float(np.sum(np.log(total / other)))
                by_z = (2 / total - 2 / other)[:, None] * received
                np.fill_diagonal(by_z, (2 / total) * np.diagonal(received))
                slope *= goal.bound_price * power
                slope -= goal.rate_price * (self.users @ by_z)
                by_power = goal.bound_price * trace
                by_power -= goal.rate_price * float(np.sum(1 / total - 1 / other))
        return np.array([value]), slope[None], np.array([by_power]), by_tail[None]

    def _sinr(self, links: _Links) -> _Part:
        """Log SINR of the served users above their targets."""
        received, own, other, _ = links
        served = self.served
        by_z = (-2 / other)[:, None] * received
        np.fill_diagonal(by_z, 2 * np.diagonal(received) / own)
        slopes = self.users.T[served, :, None] * by_z[served, None, :]
        values = np.log(own / other)[served] - self.log_sinr
        return values, slopes, -1 / other[served], np.zeros((len(served), self.tail))

    def _energy(self, x: np.ndarray, lit: np.ndarray) -> _Part:
        """Log energies of the chosen scatterers above the level, or below level and ratio."""
        number, signs = len(self.chosen), self.signs
        by_tail = np.zeros((number, self.tail))
        if not number:
            return np.zeros(0), np.zeros((0, self.rank, self.beams)), np.zeros(0), by_tail
        upper = signs < 0
        energy = np.sum(lit.real**2 + lit.imag**2, axis=1)
        values = signs * (np.log(energy) - x[self.size]) - self.margin
        values[upper] += x[self.size + 1] if self.free_ratio else self.log_ratio
        slopes = self.lit.T[:, :, None] * (2 * signs / energy)[:, None, None] * lit[:, None, :]
        by_tail[:, 0] = -signs
        if self.free_ratio:
            by_tail[:, 1] = upper
        return values, slopes, np.zeros(number), by_tail


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
        elif not found.usable and patient and tightened < TIGHTENED:
            # almost: ask for a little more
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
