"""Fully digital beams in the subspace: relaxation, beams of rank one, polish, certificate.

The same for the digital part of hybrid beams, whose vectors are seen through the analog part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sionna_isac.beamforming._direct import DigitalForm, LocalOptimum, Task, search
from sionna_isac.beamforming._relaxation import RANK_TOLERANCE, certificate, relax
from sionna_isac.beamforming.errors import SolverError

__all__ = [
    "DigitalOptimum",
    "best_local_beams",
    "certified_bound",
    "digital_beams",
    "focused_beams",
    "local_beams",
    "span",
]

ACCURACY = 1e-12  # of logs
GAP = 1e-6  # beyond which more starts are tried
FALLBACK_GAP = 1e-3  # that beams found without the relaxation may leave unproven
SMALL = 1e-6  # norm below which a direction is none


@dataclass(frozen=True)
class DigitalOptimum:
    """Beams of unit power, and a bound on their distance from the optimum."""

    beams: np.ndarray  # [n, K]
    log_value: float  # log tr(weight J^-1)
    gap: float  # of the value to the certified bound, relative
    status: str


def digital_beams(
    sensing: np.ndarray,
    users: np.ndarray,
    weight: np.ndarray,
    sinr: np.ndarray,
    starts: tuple[np.ndarray, ...] = (),
) -> DigitalOptimum:
    """Best beams [n, K] for sensing [n, 3] and user [n, K] vectors.

    ``starts`` are beams to try if those of the relaxation do not lead to its optimum.
    """
    vectors = np.concatenate([sensing, users], 1)
    task = Task("speb", weight, sinr)
    failure: SolverError | None = None
    try:
        relaxed = relax(sensing, users, weight, sinr)
        basis, bound, status = relaxed.basis, relaxed.bound, relaxed.status
        starts = (relaxed.beams, *starts)
    except SolverError as error:  # hardly any interior: try without, but only with a proof
        failure = error
        basis, bound, status = span(vectors), -math.inf, "certified without the relaxation"
    best: LocalOptimum | None = None
    for start in starts:
        found, beams = local_beams(task, vectors, basis, start)
        if not found.feasible or (best is not None and found.value >= best.value):
            continue
        best, best_beams = found, beams
        columns = np.split(beams, beams.shape[1], axis=1)
        bound = max(bound, certified_bound(basis, sensing, users, weight, sinr, columns))
        if math.exp(found.value) - bound <= GAP * bound:
            break
    gap = math.inf if best is None or bound <= 0 else math.exp(best.value) / bound - 1
    if failure is not None and gap > FALLBACK_GAP:
        raise failure
    if best is None:
        raise SolverError(
            "no beams of rank one were found that meet the rates, although the relaxation "
            f"({status}) has a solution"
        )
    return DigitalOptimum(best_beams, best.value, max(gap, 0.0), status)


def span(vectors: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the columns, whatever their lengths."""
    unit = vectors / np.linalg.norm(vectors, axis=0)
    left, singular, _ = np.linalg.svd(unit, full_matrices=False)
    return left[:, singular > RANK_TOLERANCE * singular[0]]


def local_beams(
    task: Task, vectors: np.ndarray, basis: np.ndarray, start: np.ndarray
) -> tuple[LocalOptimum, np.ndarray]:
    """Local optimum over beams [n, streams] in the span of the basis, from a start."""
    form = DigitalForm(basis.conj().T @ vectors, start.shape[1])
    found = search(form, task, form.pack(basis.conj().T @ start), ACCURACY)
    return found, basis @ form.beams(found.x)


def best_local_beams(
    task: Task, vectors: np.ndarray, starts: tuple[np.ndarray, ...], requirement: str
) -> tuple[LocalOptimum, np.ndarray]:
    """The best of the local optima over beams from several starts."""
    basis = span(vectors)
    trials = [local_beams(task, vectors, basis, start) for start in starts]
    usable = [trial for trial in trials if trial[0].feasible]
    if not usable:
        raise SolverError(f"SLSQP found no beams that {requirement}: {trials[0][0].status}")
    return min(usable, key=lambda trial: trial[0].value)


def certified_bound(
    basis: np.ndarray,
    sensing: np.ndarray,
    users: np.ndarray,
    weight: np.ndarray,
    sinr: np.ndarray,
    factors: list[np.ndarray],
) -> float:
    """Lower bound on tr(weight J^-1), by the multipliers of W_k = factors[k] factors[k]^H."""
    project = basis.conj().T
    small = [project @ factor for factor in factors]
    return certificate(project @ sensing, project @ users, weight, sinr, small)


def focused_beams(
    users: np.ndarray, least: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Beams of unit power that add what ``least`` [n, K] leaves of it towards a target [n].

    The first leave the other users alone and meet what ``least`` does; the second light the target
    fully.
    """
    left = max(1 - float(np.sum(np.abs(least) ** 2)), 0)
    strongest = int(np.argmax(np.sum(np.abs(least) ** 2, axis=0)))
    user, own = users[:, strongest], least[:, strongest]
    others = np.delete(users, strongest, axis=1)
    nulled = target - others @ np.linalg.lstsq(others, target)[0] if others.size else target
    if not np.any(least) and np.linalg.norm(nulled) <= SMALL:
        nulled = target  # users hear all directions, and want nothing
    beams = []
    for focus in (nulled, target):
        lit = least.copy()
        norm = np.linalg.norm(focus)
        if norm > SMALL:
            turn = np.angle(np.vdot(user, own) * np.vdot(focus, user))  # adds up at the user
            focus = focus * np.exp(1j * turn) / norm
            shared = np.vdot(focus, own).real
            lit[:, strongest] += (math.sqrt(shared**2 + left) - shared) * focus
        beams.append(lit / np.linalg.norm(lit))
    return beams[0], beams[1]
