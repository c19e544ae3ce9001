"""Algorithm 1 of [Yuan25]: phases and digital beams in turn, each by a semidefinite relaxation."""

from __future__ import annotations

import math
from typing import Any

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming._hybrid import starts
from sionna_isac.beamforming._model import Model, log_sensing, log_sinr
from sionna_isac.beamforming._published_sdr import schur_form, solve
from sionna_isac.beamforming.errors import SolverError
from sionna_isac.beamforming.solution import subarray_analog

__all__ = ["sdr_bcd"]

ITERATIONS = 30
TOLERANCE = 1e-4  # relative change of SPEB
RANDOMIZATIONS = 200
SHORT = 1e-6  # of an SINR, relative, that randomised phases may leave to the digital step
ACCEPTED = 5e-4  # the same of an iterate, whose eigenvectors are as exact as the solver is


def sdr_bcd(
    model: Model, sinr: np.ndarray, num_rf_chains: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Analog entries [N], digital beams [chains, K] with unit power together, history, status.

    The history is tr(weight J^-1) of the best iterate so far that meets the SINR targets.
    """
    size = len(model.sensing) // num_rf_chains
    random = np.random.default_rng(0)
    # arbitrary digital beams, Algorithm 1, but such that the first relaxation has a solution
    entries, digital = next(starts(model, _matched(model), num_rf_chains))
    digital = _digital_step(model, sinr, entries, num_rf_chains)
    if _shortfall(model, sinr, entries, digital) > ACCEPTED:
        raise SolverError("sdr-bcd: the eigenvectors of the first digital step miss the rates")
    history = [_value(model, entries, digital)]
    change = math.inf
    while change >= TOLERANCE:
        if len(history) > ITERATIONS:
            raise SolverError(f"sdr-bcd did not converge in {ITERATIONS} iterations")
        proposed = _analog_step(model, sinr, entries, digital, random)
        update = _digital_step(model, sinr, proposed, num_rf_chains)
        reached = _value(model, proposed, update)
        value = history[-1]
        if reached < value and _shortfall(model, sinr, proposed, update) <= ACCEPTED:
            entries, digital, value = proposed, update, reached
        change = (history[-1] - value) / value
        history.append(value)
    norm = math.sqrt(size) * np.linalg.norm(digital)
    status = f"converged in {len(history) - 1} iterations"
    return entries, digital / norm, np.array(history), status


def _analog_step(
    model: Model,
    sinr: np.ndarray,
    entries: np.ndarray,
    digital: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Problem (32) and Gaussian randomisation; the best feasible phases, or the old ones."""
    num_antennas, num_users = model.users.shape
    size = num_antennas // len(digital)
    spread = np.repeat(digital, size, axis=0)  # Phi f_D,k, [N, K]
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
    candidates = np.concatenate([vectors[:, [-1]], root @ draws], axis=1)
    best, best_value = entries, _value(model, entries, digital)
    for phases in np.exp(1j * np.angle(candidates)).T:
        if _shortfall(model, sinr, phases, digital) > SHORT:
            continue
        value = _value(model, phases, digital)
        if value < best_value:
            best, best_value = phases, value
    return best


def _digital_step(
    model: Model, sinr: np.ndarray, entries: np.ndarray, num_rf_chains: int
) -> np.ndarray:
    """Problem (38) and eigenvectors."""
    size = len(entries) // num_rf_chains
    adjoint = subarray_analog(entries, num_rf_chains).conj().T / math.sqrt(size)
    sensing, users = adjoint @ model.sensing, adjoint @ model.users
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
    digital = np.empty([num_rf_chains, len(sinr)], np.complex128)
    for k, covariance in enumerate(covariances):
        values, vectors = np.linalg.eigh(np.asarray(covariance.value))
        digital[:, k] = vectors[:, -1] * math.sqrt(max(values[-1], 0.0))
    return digital / (math.sqrt(size) * np.linalg.norm(digital))


def _value(model: Model, entries: np.ndarray, digital: np.ndarray) -> float:
    beams = _beams(entries, digital)
    return math.exp(log_sensing(model.sensing.conj().T @ beams, model.weight)[0])


def _shortfall(model: Model, sinr: np.ndarray, entries: np.ndarray, digital: np.ndarray) -> float:
    """By how much an SINR misses its target, relative; the largest."""
    reached = np.exp(log_sinr(model.users.conj().T @ _beams(entries, digital), 1.0)[0])
    return float(np.max(1 - reached / sinr, where=sinr > 0, initial=-math.inf))


def _beams(entries: np.ndarray, digital: np.ndarray) -> np.ndarray:
    size = len(entries) // len(digital)
    return entries[:, None] * np.repeat(digital, size, axis=0)


def _matched(model: Model) -> np.ndarray:
    """Beams towards the users and the target."""
    beams = model.users / np.linalg.norm(model.users, axis=0) + model.sensing[:, [0]]
    return beams / np.linalg.norm(beams)
