"""Local search over beams themselves: log SPEB, log SINR and rates with analytic gradients, SLSQP.

The beams are written without a power constraint: everything is a function of the beams of unit
power, W / |W|, for which noise and bound are multiplied by p = |W|^2. Requirements enter as logs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.optimize import minimize

from sionna_isac.beamforming._model import log_sensing, log_sinr, log_snr, log_sum_rate
from sionna_isac.core.threads import one_blas_thread

__all__ = [
    "FEASIBLE",
    "MARGIN",
    "DigitalForm",
    "Frame",
    "HybridForm",
    "LocalOptimum",
    "Task",
    "descend",
    "search",
]

MARGIN = 1e-9  # by which requirements are tightened (log), so that rounding cannot break them
FEASIBLE = 5e-8
SHRINK = 0.5  # exponent of the gain by which directions of strong users are shrunk
ITERATION_LIMIT = 9
CONVERGED = (0, 8)  # of SLSQP; 8: no step goes down any more, at the limit of rounding


@dataclass(frozen=True)
class Task:
    """Objective and constraints of a search: functions of products [3 + K, streams] and p.

    Parameters
    ----------
    objective
        "speb", "snr", "sum_rate", or "feasible" (meets the SINR targets as well as possible)
    weight
        [2, 2] of the bound
    sinr
        Targets [K], 0 for none
    max_ratio
        Largest tr(weight J^-1), or infinity
    """

    objective: str
    weight: np.ndarray
    sinr: np.ndarray
    max_ratio: float = math.inf

    def __call__(self, z: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Objective and constraints (>= 0): values [m], gradients [m, 3 + K, streams], d/dp [m]."""
        values, by_z, by_p = [], [], []

        def add(value: float, rows: Any, gradient: np.ndarray, slope: float) -> None:
            full = np.zeros_like(z)
            full[rows] = gradient
            values.append(value)
            by_z.append(full)
            by_p.append(slope)

        served = np.flatnonzero(self.sinr > 0)
        if len(served):
            sinr, sinr_z, sinr_p = log_sinr(z[3:], p)
            excess = sinr[served] - np.log(self.sinr[served]) - MARGIN
        if self.objective == "speb":
            value, gradient = log_sensing(z[:3], self.weight)
            add(value + math.log(p), slice(0, 3), gradient, 1 / p)
        elif self.objective == "snr":
            value, gradient = log_snr(z[:3])
            add(value + math.log(p), slice(0, 3), gradient, 1 / p)
        elif self.objective == "sum_rate":
            value, gradient, slope = log_sum_rate(z[3:], p)
            add(-value, slice(3, None), -gradient, -slope)
        else:  # a smooth maximum of what is missing
            sharp = np.exp(-8 * (excess - excess.min()))
            share = sharp / sharp.sum()
            gradient = np.zeros_like(z[3:])
            gradient[served] = -share[:, None] * sinr_z[served]
            value = -excess.min() + math.log(sharp.sum()) / 8
            add(value, slice(3, None), gradient, -float(share @ sinr_p[served]))
            return np.array(values), np.array(by_z), np.array(by_p)
        for n, k in enumerate(served):
            add(excess[n], 3 + k, sinr_z[k], sinr_p[k])
        if math.isfinite(self.max_ratio):
            value, gradient = log_sensing(z[:3], self.weight)
            allowed = math.log(self.max_ratio) - MARGIN
            add(allowed - value - math.log(p), slice(0, 3), -gradient, -1 / p)
        return np.array(values), np.array(by_z), np.array(by_p)


class Form(Protocol):
    """Map from real variables to beams."""

    def products(self, x: np.ndarray) -> tuple[np.ndarray, float, Callable[..., np.ndarray]]:
        """Products with all vectors, p, and the map of gradients (by_z, by_p) to [m, len(x)]."""

    def normalized(self, x: np.ndarray) -> np.ndarray:
        """The same beams with p = 1."""


class Frame:
    """Coordinates of beams that shrink the directions of strong users [n, K].

    What leaks there matters at the level of the noise, and would make the search stiff.
    """

    def __init__(self, users: np.ndarray, num_streams: int) -> None:
        left, singular, _ = np.linalg.svd(users)
        scale = np.ones(len(users))
        scale[: len(singular)] = 1 / np.maximum(singular, 1) ** SHRINK
        self.columns, self._inverse = left * scale, (left / scale).conj().T
        self.squared = np.tile(np.repeat(scale**2, num_streams), 2)  # of each variable in the power
        self._shape = (len(users), num_streams)

    def coordinates(self, x: np.ndarray) -> np.ndarray:
        """Complex [n, streams] of the variables."""
        re, im = x.reshape(2, *self._shape)
        return re + 1j * im

    def beams(self, x: np.ndarray) -> np.ndarray:
        return self.columns @ self.coordinates(x)

    def variables(self, beams: np.ndarray) -> np.ndarray:
        coordinates = self._inverse @ beams
        return np.concatenate([coordinates.real.ravel(), coordinates.imag.ravel()])

    def power(self, x: np.ndarray) -> float:
        return float(x @ (self.squared * x))


class DigitalForm:
    """Beams [n, streams], all entries free, against vectors [n, 3 + K]."""

    def __init__(self, vectors: np.ndarray, num_streams: int) -> None:
        self.frame = Frame(vectors[:, 3:], num_streams)
        self.vectors = self.frame.columns.conj().T @ vectors
        self.adjoint = self.vectors.conj().T

    def beams(self, x: np.ndarray) -> np.ndarray:
        return self.frame.beams(x)

    def pack(self, beams: np.ndarray) -> np.ndarray:
        return self.frame.variables(beams)

    def normalized(self, x: np.ndarray) -> np.ndarray:
        return x / math.sqrt(self.frame.power(x))

    def products(self, x: np.ndarray) -> tuple[np.ndarray, float, Callable[..., np.ndarray]]:
        def pull(by_z: np.ndarray, by_p: np.ndarray) -> np.ndarray:
            gradient = (self.vectors @ by_z).reshape(len(by_z), -1)
            by_x = np.concatenate([gradient.real, gradient.imag], 1)
            return by_x + np.outer(by_p, 2 * self.frame.squared * x)

        return self.adjoint @ self.frame.coordinates(x), self.frame.power(x), pull


class HybridForm:
    """Phases [N] and digital beams [num_rf_chains, streams], one subarray per chain.

    ``entries`` are those of the start, through which the frame of the digital beams sees the users.
    """

    def __init__(
        self, vectors: np.ndarray, num_streams: int, num_rf_chains: int, entries: np.ndarray
    ) -> None:
        self.num_antennas, self.num_vectors = vectors.shape
        self.chains = num_rf_chains
        self.size = self.num_antennas // num_rf_chains
        self.adjoint = np.ascontiguousarray(vectors.conj().T) / math.sqrt(self.size)
        self.frame = Frame(self._seen(self.adjoint * entries)[3:].conj().T, num_streams)

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Analog entries [N] and digital beams [num_rf_chains, streams]."""
        digital = self.frame.beams(x[self.num_antennas :]) / math.sqrt(self.size)
        return np.exp(1j * x[: self.num_antennas]), digital

    def pack(self, entries: np.ndarray, digital: np.ndarray) -> np.ndarray:
        rest = self.frame.variables(digital * math.sqrt(self.size))
        return np.concatenate([np.angle(entries), rest])

    def normalized(self, x: np.ndarray) -> np.ndarray:
        scaled = x.copy()
        scaled[: self.num_antennas] = np.remainder(x[: self.num_antennas], 2 * math.pi)
        scaled[self.num_antennas :] /= math.sqrt(self.frame.power(x[self.num_antennas :]))
        return scaled

    def products(self, x: np.ndarray) -> tuple[np.ndarray, float, Callable[..., np.ndarray]]:
        turned = self.adjoint * np.exp(1j * x[: self.num_antennas])
        rest = x[self.num_antennas :]
        framed = self._seen(turned) @ self.frame.columns
        beams = self.frame.beams(rest)

        def pull(by_z: np.ndarray, by_p: np.ndarray) -> np.ndarray:
            by_digital = (framed.conj().T @ by_z).reshape(len(by_z), -1)
            by_analog = by_z @ beams.conj().T  # [m, vectors, chains]
            spread = np.repeat(by_analog.conj(), self.size, axis=2)
            by_phase = -np.einsum("mvn,vn->mn", spread, turned).imag
            by_rest = np.concatenate([by_digital.real, by_digital.imag], 1)
            by_rest += np.outer(by_p, 2 * self.frame.squared * rest)
            return np.concatenate([by_phase, by_rest], 1)

        return framed @ self.frame.coordinates(rest), self.frame.power(rest), pull

    def _seen(self, turned: np.ndarray) -> np.ndarray:
        """Vectors as the chains see them, [vectors, chains]."""
        return turned.reshape(self.num_vectors, self.chains, self.size).sum(2)


@dataclass(frozen=True)
class LocalOptimum:
    """End of a search."""

    x: np.ndarray  # with p = 1
    value: float
    violation: float  # largest, of the logs; <= 0 if all requirements are met
    converged: bool
    status: str

    @property
    def feasible(self) -> bool:
        """`True` if the search converged and all requirements are met."""
        return self.converged and self.usable

    @property
    def usable(self) -> bool:
        """`True` if all requirements are met, wherever the search stopped."""
        return self.violation <= FEASIBLE


@one_blas_thread()
def search(
    form: Form, task: Task, start: np.ndarray, tolerance: float = 1e-10, iterations: int = 300
) -> LocalOptimum:
    """Local optimum of a task over beams of a form from a start, which need not be feasible."""

    def evaluate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z, p, pull = form.products(x)
        values, by_z, by_p = task(z, p)
        return values, pull(by_z, by_p)

    return descend(evaluate, form.normalized, start, tolerance, iterations)


def descend(
    evaluate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    normalized: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    tolerance: float,
    iterations: int,
) -> LocalOptimum:
    """Local optimum of the first value such that all others are >= 0, with rows of gradients.

    ``normalized`` gives variables with the same values and p = 1.
    """
    memory: dict[str, np.ndarray] = {}

    def at(x: np.ndarray) -> dict[str, np.ndarray]:
        if "x" not in memory or not np.array_equal(memory["x"], x):
            values, gradient = evaluate(x)
            memory.update(x=x.copy(), values=values, gradient=gradient)
        return memory

    constraints = {
        "type": "ineq",
        "fun": lambda x: at(x)["values"][1:],
        "jac": lambda x: at(x)["gradient"][1:],
    }
    x = normalized(start)
    with np.errstate(all="ignore"):
        for _ in range(3):  # SLSQP forgets its curvature when it starts again
            result = minimize(
                lambda x: at(x)["values"][0],
                x,
                jac=lambda x: at(x)["gradient"][0],
                method="SLSQP",
                constraints=[constraints] if len(at(x)["values"]) > 1 else [],
                options={"ftol": tolerance, "maxiter": iterations},
            )
            if np.all(np.isfinite(result.x)):
                x = normalized(result.x)
            if result.status != ITERATION_LIMIT:
                break
        values = at(x)["values"]
    finite = bool(np.all(np.isfinite(values)))
    return LocalOptimum(
        x=x,
        value=float(values[0]) if finite else math.inf,
        violation=float(np.max(-values[1:], initial=-math.inf)) if finite else math.inf,
        converged=result.status in CONVERGED,
        status=str(result.message),
    )
