"""Response and its adjoint in NumPy and SciPy, for the layer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sionna_isac.scattering._equations import Equations
from sionna_isac.scattering._fields import numerical_rank
from sionna_isac.scattering._krylov import solve
from sionna_isac.scattering._problem import Antennas, Problem, System
from sionna_isac.scattering._target import Target
from sionna_isac.scattering._tones import ToneHistory
from sionna_isac.scattering.dipole import dyad_field
from sionna_isac.scattering.errors import NotConvergedError

__all__ = ["HostBackend", "Samples", "State"]


class Samples(NamedTuple):
    """Materials [B, N], permittivities real or complex, and antennas [B, A, 3].

    Receivers come with conjugate polarisations.
    """

    permittivity: np.ndarray
    conductivity: np.ndarray
    tx_positions: np.ndarray
    tx_vectors: np.ndarray
    rx_positions: np.ndarray
    rx_vectors: np.ndarray


class State(NamedTuple):
    """Solutions of all samples and tones, one after the other."""

    side: np.ndarray
    """[B], 0 where solved for the transmitters, 1 for the receivers"""
    ranks: np.ndarray
    """[B, F]"""
    mixing: np.ndarray
    """[sum of ranks, largest number of antennas]"""
    solutions: np.ndarray
    """[sum of ranks, 3, N]"""


class HostBackend:
    """Solves with the NumPy solver, in the compressed basis, each tone from those before it.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    target : ``Target``
        All voxels, whatever their material
    """

    def __init__(self, equations: Equations, target: Target) -> None:
        self._equations = equations
        self._target = target

    def forward(self, samples: Samples) -> tuple[np.ndarray, State]:
        """h [B, F, R, T], and what the adjoint needs."""
        number, tones = len(samples.permittivity), len(self._equations.frequencies)
        num_tx, num_rx = samples.tx_positions.shape[1], samples.rx_positions.shape[1]
        h: np.ndarray = np.empty([number, tones, num_rx, num_tx], self._equations.dtype)
        side = np.zeros(number, np.int32)
        parts: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        for b in range(number):
            problem = self._problem(samples, b)
            history: ToneHistory | None = None
            for f in np.argsort(problem.frequencies):
                system = problem.system(f)
                if history is None:
                    rank = [numerical_rank(e, problem.tolerance) for e in (system.tx, system.rx)]
                    side[b] = rank[1] < rank[0]
                    history = problem.history("rx" if side[b] else "tx")
                fields, others = (system.rx, system.tx) if side[b] else (system.tx, system.rx)
                solved = problem.solve(system, fields, history)
                answer = others.products(solved.solutions) @ solved.mixing.T
                h[b, f] = problem.scale(system) * (answer.T if side[b] else answer)
                mixing = np.zeros([len(solved.solutions), max(num_tx, num_rx)], np.complex128)
                mixing[:, : len(fields.scale)] = (solved.mixing * fields.scale[:, np.newaxis]).T
                parts[b, f] = mixing, solved.solutions
        pairs = list(np.ndindex(number, tones))
        if not pairs:  # an empty batch
            size = len(self._equations.grid.positions)
            none = np.zeros([0, max(num_tx, num_rx)], np.complex128)
            unsolved: np.ndarray = np.zeros([0, 3, size], self._equations.dtype)
            return h, State(side, np.zeros([0, tones], np.int32), none, unsolved)
        ranks = np.array([len(parts[pair][0]) for pair in pairs], np.int32)
        mixing, solutions = (np.concatenate([parts[pair][n] for pair in pairs]) for n in (0, 1))
        return h, State(side, ranks.reshape(number, tones), mixing, solutions)

    def backward(self, samples: Samples, state: State, upstream: np.ndarray) -> np.ndarray:
        """Gradient [B, F, 1 or 2, N] with respect to the polarisability, by one more solve."""
        equations = self._equations
        parts = 1 if equations.normals is None else 2
        shape = (*state.ranks.shape, parts, len(equations.grid.positions))
        gradient: np.ndarray = np.empty(shape, np.complex128)
        ends = np.cumsum(state.ranks).reshape(state.ranks.shape)
        for b, f in np.ndindex(state.ranks.shape):
            problem = self._problem(samples, b)
            sides = [problem.tx, Antennas(problem.rx.positions, problem.rx.vectors.conj())]
            weight = upstream[b, f].conj().T.astype(np.complex128)
            if state.side[b]:
                sides, weight = sides[::-1], weight.T
            rows = slice(ends[b, f] - state.ranks[b, f], ends[b, f])
            mixing = state.mixing[rows, : len(weight)].T
            gradient[b, f] = self._pair(problem, f, sides, weight, mixing, state.solutions[rows])
        return gradient

    def _pair(
        self,
        problem: Problem,
        f: int,
        sides: list[Antennas],
        weight: np.ndarray,
        mixing: np.ndarray,
        solutions: np.ndarray,
    ) -> np.ndarray:
        """Gradient [1 or 2, N] of one sample and tone, solved for the first of the two sides."""
        equations = self._equations
        system = problem.system(f)
        (fields, length), (others, other_length) = (self._fields(side, f) for side in sides)
        # Fields of norm 1: single precision could not hold others
        norms = np.linalg.norm(fields, axis=(1, 2))
        fields /= norms[:, np.newaxis, np.newaxis]
        mixing = mixing / norms[:, np.newaxis]
        combined = np.tensordot(weight * np.outer(norms * length, other_length), others, 1)
        norm = float(np.linalg.norm(combined)) or 1.0
        combined /= norm
        adjoint = combined + self._scattered(problem, system, combined)
        field = system.operator.radiate(system.operator.polarizability.root(solutions))
        exciting = fields + np.tensordot(mixing, field, 1)
        parts = [np.sum(adjoint * exciting, (0, 1))]
        if equations.normals is not None:
            along = [np.einsum("nc,kcn->kn", equations.normals, v) for v in (adjoint, exciting)]
            across = np.sum(along[0] * along[1], 0)
            parts = [parts[0] - across, across]
        return equations.scale * norm * np.conj(parts)

    def _scattered(self, problem: Problem, system: System, fields: np.ndarray) -> np.ndarray:
        """Field that all voxels add to incident fields [A, 3, N]."""
        root, dtype = system.operator.polarizability.root, problem.dtype
        weighted = root(fields.astype(dtype))
        flat = weighted.reshape(len(fields), -1).astype(np.complex128)
        squares, vectors = np.linalg.eigh(flat @ flat.conj().T)
        tails = np.cumsum(squares.clip(0))
        keep = tails > (problem.tolerance / 2) ** 2 * tails[-1]
        if not np.any(keep):
            return np.zeros(fields.shape)
        mixing = vectors[:, keep]
        rows: np.ndarray = (mixing.conj().T @ flat).reshape(-1, *fields.shape[1:]).astype(dtype)
        targets = np.full(len(rows), problem.tolerance * math.sqrt(tails[-1] / len(rows)))
        try:
            found = solve(system.operator.apply, rows, targets, problem.max_iterations)
        except NotConvergedError as error:
            message = f"gradient: {error}; {problem.advice(system, error)}"
            raise NotConvergedError(message) from None
        return np.tensordot(mixing, system.operator.radiate(root(found.x)), 1)

    def _fields(self, antennas: Antennas, f: int) -> tuple[np.ndarray, np.ndarray]:
        """Fields [A, 3, N] of the unit vectors, and lengths [A] of the vectors."""
        length = np.linalg.norm(antennas.vectors, axis=1)
        units = antennas.vectors / np.where(length > 0, length, 1)[:, np.newaxis]
        wavenumber, cell = self._equations.wavenumbers[f], self._equations.cells[f]
        points = self._equations.grid.positions
        return dyad_field(points, antennas.positions, units, wavenumber, cell=cell), length

    def _problem(self, samples: Samples, b: int) -> Problem:
        permittivity, conductivity, tx, p, rx, q = (v[b] for v in samples)
        equations = self._equations
        return Problem(
            replace(self._target, permittivity=permittivity, conductivity=conductivity),
            Antennas(tx, p),
            Antennas(rx, q.conj()),
            equations.frequencies,
            equations.kernel,
            equations.tolerance,
            equations.max_iterations,
            equations.dtype,
            np.nan,
        )
