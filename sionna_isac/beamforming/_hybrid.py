"""Hybrid beams (one subarray per chain): local search over phases and digital beams together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sionna_isac.beamforming._direct import HybridForm, LocalOptimum, Task, search
from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming.errors import SolverError
from sionna_isac.core import checks

__all__ = [
    "NUM_STARTS",
    "approximate",
    "combine",
    "hybrid_beams",
    "phases",
    "require_chains",
    "seen_through",
    "starts",
]


NUM_STARTS = 3


def hybrid_beams(
    model: Model,
    task: Task,
    beams: np.ndarray,
    num_rf_chains: int,
    num_starts: int,
    enough: float = -math.inf,
    first: tuple[tuple[np.ndarray, np.ndarray], ...] = (),
) -> tuple[np.ndarray, np.ndarray, LocalOptimum]:
    """Best of several searches: analog entries [N], digital beams [chains, K], and the optimum.

    ``beams`` are fully digital ones of unit power that the starts are made from, after those in
    ``first``; an objective of ``enough`` ends the search before the last start.
    """
    num_starts += len(first)
    best: tuple[HybridForm, LocalOptimum] | None = None
    for number, (entries, digital) in enumerate(
        itertools.chain(first, starts(model, beams, num_rf_chains))
    ):
        if number >= num_starts and (best is not None or number >= 3 * num_starts + 6):
            break
        form = HybridForm(model.vectors, beams.shape[1], num_rf_chains, entries)
        start = form.pack(entries, digital)
        if number >= num_starts:  # nothing feasible so far: first meet rates or bound, then go on
            easier = "feasible" if np.any(task.sinr > 0) else "speb"
            start = search(form, replace(task, objective=easier, max_ratio=math.inf), start).x
        found = search(form, task, start)
        if found.feasible and (best is None or found.value < best[1].value):
            best = form, found
        if best is not None and best[1].value <= enough:
            break
    if best is None:
        raise SolverError(
            f"no hybrid beams with {num_rf_chains} chains were found that meet the requirements, "
            "which fully digital beams do meet; use more chains, more starts or lower requirements"
        )
    form, found = best
    return *form.split(found.x), found


def starts(
    model: Model, beams: np.ndarray, num_rf_chains: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Analog entries and digital beams to start from, the most promising first."""
    yield approximate(beams, num_rf_chains)
    target = phases(model.sensing[:, 0])
    yield target, _fit(target, beams, num_rf_chains)
    size = len(beams) // num_rf_chains
    mixed = target.copy()
    for k in range(min(model.users.shape[1], num_rf_chains - 1)):
        part = slice(k * size, (k + 1) * size)
        mixed[part] = phases(model.users[part, k])
    yield mixed, _fit(mixed, beams, num_rf_chains)
    random = np.random.default_rng(0)
    while True:
        turned = target * np.exp(1j * random.normal(scale=1.0, size=len(target)))
        yield turned, _fit(turned, beams, num_rf_chains)


def approximate(
    beams: np.ndarray, num_rf_chains: int, iterations: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Phases and digital beams close to given beams, in turn, from the dominant directions."""
    blocks = beams.reshape(num_rf_chains, -1, beams.shape[1])
    left = np.linalg.svd(blocks, full_matrices=False)[0]
    entries = phases(left[:, :, 0].ravel())
    digital = _fit(entries, beams, num_rf_chains)
    for _ in range(iterations - 1):
        entries = phases(np.einsum("imk,ik->im", blocks, digital.conj()).ravel())
        digital = _fit(entries, beams, num_rf_chains)
    return entries, digital


def combine(entries: np.ndarray, digital: np.ndarray) -> np.ndarray:
    """Beams [N, streams] of analog entries [N] and digital beams [chains, streams]."""
    return entries[:, None] * np.repeat(digital, len(entries) // len(digital), axis=0)


def seen_through(entries: np.ndarray, vectors: np.ndarray, num_rf_chains: int) -> np.ndarray:
    """Vectors [chains, m] that replace [N, m] in products with digital beams of unit power.

    They are sqrt(N / chains) times the digital beams that belong to the entries.
    """
    size = len(entries) // num_rf_chains
    blocks = (entries.conj()[:, None] * vectors).reshape(num_rf_chains, size, -1)
    return blocks.sum(1) / math.sqrt(size)


def require_chains(num_antennas: int, num_rf_chains: int | None) -> int | None:
    """Check the number of chains, which divides that of the antennas."""
    if num_rf_chains is None:
        return None
    num_rf_chains = checks.integer("num_rf_chains", num_rf_chains, maximum=num_antennas)
    if num_antennas % num_rf_chains:
        raise ValueError(
            f"num_rf_chains must divide the {num_antennas} antennas into equal subarrays; "
            f"got {num_rf_chains}"
        )
    return num_rf_chains


def _fit(entries: np.ndarray, beams: np.ndarray, num_rf_chains: int) -> np.ndarray:
    """Digital beams [chains, K] that bring analog @ digital closest to the beams."""
    blocks = (entries.conj()[:, None] * beams).reshape(num_rf_chains, -1, beams.shape[1])
    return blocks.mean(axis=1)


def phases(values: np.ndarray) -> np.ndarray:
    """Entries of unit modulus with the phases of values."""
    return np.exp(1j * np.angle(values))
