"""Algorithm 1 of [Yuan25]: phases and digital beams in turn, each by a semidefinite relaxation."""

from __future__ import annotations

import math
from typing import Any

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming._hybrid import combine, phases, seen_through, starts
from sionna_isac.beamforming._model import Model, log_sensing, log_sinr
from sionna_isac.beamforming._published_sdr import schur_form, solve
from sionna_isac.beamforming._semidefinite import principal_vectors
from sionna_isac.beamforming.closed_form import least_power_beams
from sionna_isac.beamforming.errors import SolverError

__all__ = ["sdr_bcd"]

ITERATIONS = 30
TOLERANCE = 1e-4  # relative change of SPEB
RANDOMIZATIONS = 200
TRIED = 5  # of the randomised phases, with digital beams of their own
ACCEPTED = 5e-4  # of an SINR, relative, that an iterate may miss: eigenvectors of a solution


def sdr_bcd(
    model: Model, sinr: np.ndarray, num_rf_chains: int, max_iterations: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Analog entries [N], digital beams [chains, K] with unit power together, history, status.

    The history is tr(weight J^-1) of the best iterate so far that meets the SINR targets.
    """
    random = np.random.default_rng(0)
    # arbitrary digital beams, Algorithm 1, but such that the first relaxation has a solution
    entries, digital = next(starts(model, _matched(model), num_rf_chains))
    digital = _digital_step(model, sinr, entries, num_rf_chains)
    if _shortfall(model, sinr, entries, digital) > ACCEPTED:
        raise SolverError("sdr-bcd: the eigenvectors of the first digital step miss the rates")
    history = [_value(model, entries, digital)]
    change = math.inf
    while change >= TOLERANCE:
        if len(history) - 1 == max_iterations:
            status = f"stopped after {max_iterations} iterations, not converged"
            return entries, digital, np.array(history), status
        if len(history) > ITERATIONS and max_iterations is None:
            raise SolverError(f"sdr-bcd did not converge in {ITERATIONS} iterations")
        value = history[-1]
        for proposed in _analog_step(model, sinr, digital, random):
            try:
                update = _digital_step(model, sinr, proposed, num_rf_chains)
            except SolverError:  # hardly any interior with these phases: no candidate
                continue
            reached = _value(model, proposed, update)
            if reached < value and _shortfall(model, sinr, proposed, update) <= ACCEPTED:
                entries, digital, value = proposed, update, reached
        change = (history[-1] - value) / value
        history.append(value)
    return entries, digital, np.array(history), f"converged in {len(history) - 1} iterations"


def _analog_step(
    model: Model, sinr: np.ndarray, digital: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Problem (32) and Gaussian randomisation: the most promising phases [<= TRIED, N].

    The digital beams leave the rates no slack, so that hardly any random phases meet them with the
    same digital beams. All are judged that could meet them with others, and the best get those.
    """
    num_antennas, num_users = model.users.shape
    spread = np.repeat(digital, num_antennas // len(digital), axis=0)  # Phi f_D,k, [N, K]
    relaxed = cp.Variable((num_antennas, num_antennas), hermitian=True)
    constraints = [relaxed >> 0, cp.real(cp.diag(relaxed)) == 1]
    seen_target = [spread[:, [k]].conj() * model.sensing for k in range(num_users)]
    products: Any = sum(seen.conj().T @ relaxed @ seen for seen in seen_target)
    for k in range(num_users):
        gain = np.linalg.norm(model.users[:, k])
        seen = spread.conj() * (model.users[:, [k]] / gain)  # D_j^H h_k, [N, K]
        powers = [
            cp.real(cp.trace(np.outer(seen[:, j], seen[:, j].conj()) @ relaxed))
            for j in range(num_users)
        ]
        constraints.append((1 + sinr[k]) * powers[k] >= sinr[k] * (sum(powers) + gain**-2.0))
    objective, schur = schur_form(model.weight, products)
    solve(objective, constraints + schur)
    values, vectors = np.linalg.eigh(np.asarray(relaxed.value))
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = random.normal(size=(num_antennas, RANDOMIZATIONS, 2)) @ [1, 1j]
    candidates = phases(np.concatenate([vectors[:, [-1]], root @ draws], axis=1)).T
    estimates = [_estimate(model, sinr, each, len(digital)) for each in candidates]
    usable = np.isfinite(estimates).sum()
    return candidates[np.argsort(estimates)[: min(TRIED, usable)]]


def _estimate(model: Model, sinr: np.ndarray, entries: np.ndarray, num_rf_chains: int) -> float:
    """Value with the least power for the users and the rest for the target, or infinity."""
    users = seen_through(entries, model.users, num_rf_chains)
    least = least_power_beams(users, np.log2(1 + sinr))
    rest = 1 - float(np.sum(np.abs(least) ** 2))
    if not rest >= 0:
        return math.inf
    sensing = seen_through(entries, model.sensing, num_rf_chains)
    lit = sensing[:, [0]] * math.sqrt(rest) / np.linalg.norm(sensing[:, 0])
    products = sensing.conj().T @ np.concatenate([least, lit], axis=1)
    return math.exp(log_sensing(products, model.weight)[0])


def _digital_step(
    model: Model, sinr: np.ndarray, entries: np.ndarray, num_rf_chains: int
) -> np.ndarray:
    """Problem (38) and eigenvectors."""
    size = len(entries) // num_rf_chains
    sensing, users = (seen_through(entries, v, num_rf_chains) for v in (model.sensing, model.users))
    covariances = [cp.Variable((num_rf_chains, num_rf_chains), hermitian=True) for _ in sinr]
    total = sum(covariances)
    constraints = [c >> 0 for c in covariances] + [cp.real(cp.trace(total)) <= 1]
    for k in range(len(sinr)):
        gain = np.linalg.norm(users[:, k])
        channel = np.outer(users[:, k], users[:, k].conj()) / gain**2
        own = cp.real(cp.trace(channel @ covariances[k]))
        everything = cp.real(cp.trace(channel @ total))
        constraints.append((1 + sinr[k]) * own >= sinr[k] * (everything + gain**-2.0))
    objective, schur = schur_form(model.weight, sensing.conj().T @ total @ sensing)
    solve(objective, constraints + schur)
    digital = principal_vectors(np.stack([np.asarray(c.value) for c in covariances]))
    return digital / (math.sqrt(size) * np.linalg.norm(digital))


def _value(model: Model, entries: np.ndarray, digital: np.ndarray) -> float:
    beams = combine(entries, digital)
    return math.exp(log_sensing(model.sensing.conj().T @ beams, model.weight)[0])


def _shortfall(model: Model, sinr: np.ndarray, entries: np.ndarray, digital: np.ndarray) -> float:
    """Largest relative difference by which an SINR misses its target."""
    reached = np.exp(log_sinr(model.users.conj().T @ combine(entries, digital), 1.0)[0])
    served = sinr > 0
    return float(np.max(1 - reached[served] / sinr[served], initial=-math.inf))


def _matched(model: Model) -> np.ndarray:
    """Beams towards the users and the target."""
    beams = model.users / np.linalg.norm(model.users, axis=0) + model.sensing[:, [0]]
    return beams / np.linalg.norm(beams)
