"""Response and its adjoint in NumPy and SciPy, for the layer."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sionna_isac.scattering._fields import ElementFields, numerical_rank
from sionna_isac.scattering._operator import VolumeOperator
from sionna_isac.scattering._polarizability import Polarizability
from sionna_isac.scattering._problem import Problem
from sionna_isac.scattering._response import _advice, response_scale, solve_fields
from sionna_isac.scattering._solver import solve
from sionna_isac.scattering._target import System
from sionna_isac.scattering._tones import ToneHistory
from sionna_isac.scattering.dipole import dyad_field
from sionna_isac.scattering.errors import NotConvergedError

__all__ = ["AntennaArrays", "HostBackend"]


class AntennaArrays(NamedTuple):
    """Antennas of a batch: positions [B, A, 3] and vectors, receivers' conjugated."""

    tx_positions: np.ndarray
    tx_vectors: np.ndarray
    rx_positions: np.ndarray
    rx_vectors: np.ndarray

    def sample(self, n: int) -> AntennaArrays:
        """Those of one sample."""
        return AntennaArrays(*(v[n] for v in self))

    def swapped(self) -> AntennaArrays:
        """Receivers as transmitters."""
        return AntennaArrays(*self[2:], *self[:2])


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
    problem : ``Problem``
        Equations
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def forward(self, values: np.ndarray, antennas: AntennaArrays) -> tuple[np.ndarray, State]:
        """h [B, F, R, T], and what the adjoint needs."""
        problem = self._problem
        num_tx, num_rx = antennas.tx_positions.shape[1], antennas.rx_positions.shape[1]
        shape = values.shape[:2]
        h: np.ndarray = np.empty([*shape, num_rx, num_tx], problem.dtype)
        side = np.zeros(shape[0], np.int32)
        parts: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        for b in range(shape[0]):
            sample = antennas.sample(b)
            history: ToneHistory | None = None
            for f in np.argsort(problem.frequencies):
                system = self._system(values[b, f], sample, f)
                if history is None:
                    rank = [numerical_rank(e, problem.tolerance) for e in (system.tx, system.rx)]
                    side[b] = rank[1] < rank[0]
                    points = sample.rx_positions if side[b] else sample.tx_positions
                    history = ToneHistory(problem.grid.positions, points)
                fields, others = (system.rx, system.tx) if side[b] else (system.tx, system.rx)
                solved = solve_fields(
                    system, fields, problem.tolerance, problem.max_iterations, history
                )
                answer = others.products(solved.solutions) @ solved.mixing.T
                answer = answer.T if side[b] else answer
                h[b, f] = response_scale(system, problem.grid.voxel_size) * answer
                mixing = np.zeros([len(solved.solutions), max(num_tx, num_rx)], np.complex128)
                mixing[:, : len(fields.scale)] = (solved.mixing * fields.scale[:, np.newaxis]).T
                parts[b, f] = mixing, solved.solutions
        pairs = list(np.ndindex(shape))
        ranks = np.array([len(parts[pair][0]) for pair in pairs], np.int32).reshape(shape)
        state = [np.concatenate([parts[pair][n] for pair in pairs]) for n in (0, 1)]
        return h, State(side, ranks, *state)

    def backward(
        self, values: np.ndarray, antennas: AntennaArrays, state: State, upstream: np.ndarray
    ) -> np.ndarray:
        """Gradient with respect to ``values``: one more solve for what flows back."""
        gradient: np.ndarray = np.empty(values.shape, np.complex128)
        ends = np.cumsum(state.ranks).reshape(state.ranks.shape)
        for b, f in np.ndindex(state.ranks.shape):
            sides, weight = antennas.sample(b), upstream[b, f].conj().T
            system = self._system(values[b, f], sides, f)
            if state.side[b]:
                sides, weight = sides.swapped(), weight.T
            rows = slice(ends[b, f] - state.ranks[b, f], ends[b, f])
            mixing = state.mixing[rows, : len(weight)].T
            gradient[b, f] = self._pair(system, f, sides, weight, mixing, state.solutions[rows])
        return gradient

    def _pair(
        self,
        system: System,
        f: int,
        sides: AntennaArrays,
        weight: np.ndarray,
        mixing: np.ndarray,
        solutions: np.ndarray,
    ) -> np.ndarray:
        """Gradient [1 or 2, N] of one sample and tone, solved for the first of the two sides."""
        problem = self._problem
        root = system.operator.polarizability.root
        fields, length = self._fields(sides.tx_positions, sides.tx_vectors, f)
        others, other_length = self._fields(sides.rx_positions, sides.rx_vectors, f)
        # Fields of norm 1: single precision could not hold others
        norms = np.linalg.norm(fields, axis=(1, 2))
        fields /= norms[:, np.newaxis, np.newaxis]
        mixing = mixing / norms[:, np.newaxis]
        weight = weight * np.outer(norms * length, other_length)
        combined = np.tensordot(weight, others, 1)
        norm = float(np.linalg.norm(combined)) or 1.0
        combined /= norm
        adjoint = combined + self._scattered(system, root(combined.astype(problem.dtype)))
        field = system.operator.radiate(root(solutions))
        exciting = fields + np.tensordot(mixing, field, 1)
        parts = [np.sum(adjoint * exciting, (0, 1))]
        if problem.normals is not None:
            along = [np.einsum("nc,kcn->kn", problem.normals, v) for v in (adjoint, exciting)]
            across = np.sum(along[0] * along[1], 0)
            parts = [parts[0] - across, across]
        return problem.scale * norm * np.conj(parts)

    def _scattered(self, system: System, fields: np.ndarray) -> np.ndarray:
        """Field that the voxels add to fields whose weighted form is [A, 3, N]."""
        problem = self._problem
        flat = fields.reshape(len(fields), -1).astype(np.complex128)
        squares, vectors = np.linalg.eigh(flat @ flat.conj().T)
        tails = np.cumsum(squares.clip(0))
        keep = tails > (problem.tolerance / 2) ** 2 * tails[-1]
        if not np.any(keep):
            return np.zeros(fields.shape)
        mixing = vectors[:, keep]
        rows = (mixing.conj().T @ flat).reshape(-1, *fields.shape[1:]).astype(problem.dtype)
        target = problem.tolerance * math.sqrt(tails[-1] / len(rows))
        targets = np.full(len(rows), target)
        try:
            found = solve(system.operator.apply, rows, targets, problem.max_iterations)
        except NotConvergedError as error:
            advice = _advice(system, problem.tolerance, problem.max_iterations)
            raise NotConvergedError(f"gradient: {error}; {advice}") from None
        field = system.operator.radiate(system.operator.polarizability.root(found.x))
        return np.tensordot(mixing, field, 1)

    def _fields(self, positions: np.ndarray, vectors: np.ndarray, f: int) -> tuple:
        """Fields [A, 3, N] of the unit vectors, and lengths [A] of the vectors."""
        length = np.linalg.norm(vectors, axis=1)
        units = vectors / np.where(length > 0, length, 1)[:, np.newaxis]
        wavenumber, cell = self._problem.wavenumbers[f], self._problem.cells[f]
        points = self._problem.grid.positions
        return dyad_field(points, positions, units, wavenumber, cell=cell), length

    def _system(self, values: np.ndarray, antennas: AntennaArrays, f: int) -> System:
        problem = self._problem
        grid = problem.grid
        polarizability = Polarizability.of_values(values, problem.normals, problem.dtype)
        operator = VolumeOperator(problem.spectrum(f), grid.cells, grid.shape, polarizability)
        arguments = problem.wavenumbers[f], polarizability, problem.dtype, problem.cells[f]
        sides = (antennas.tx_positions, antennas.tx_vectors), (
            antennas.rx_positions,
            antennas.rx_vectors,
        )
        fields = [ElementFields(grid.positions, *side, *arguments) for side in sides]
        return System(problem.kernels[f], problem.wavenumbers[f], operator, *fields)
