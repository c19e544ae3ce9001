"""The reduced semidefinite relaxation of designs of beams, compiled once for each size.

Users depend on their own beams only through the K x K matrices Z_k = H^H W_k H: covariances
W_k >= 0 with the sum <= R and given h_k^H W_k h_k exist if and only if Z_k >= 0 with the sum
<= H^H R H and the same diagonal entries do. So that the relaxation has one matrix of the size of
the space of the beams, and K of the size of the number of users:

    min tr T   s.t.  [[J(R), C], [C^T, T]] >= 0,  tr R <= 1,  sum_k Z_k <= H^H R H,
                     (1 + 1/Gamma_k) [Z_k]_kk >= h_k^H R h_k + 1,  t <= v_l^H R v_l <= eta t

where J is linear in R. What no user needs, R - sum_k W_k, goes to a user: no SINR falls.
"""

from __future__ import annotations

import math
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming.errors import SolverError

__all__ = [
    "SemidefiniteProblem",
    "SemidefiniteSolution",
    "clarabel",
    "principal_vectors",
    "square_root",
]

USABLE = (cp.OPTIMAL, cp.OPTIMAL_INACCURATE)
INFEASIBLE = (cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE)


@dataclass(frozen=True)
class SemidefiniteSolution:
    """End of the solver."""

    value: float
    covariances: np.ndarray  # [K, r, r], their sum is R
    multipliers: np.ndarray  # [K] of the SINR, in units of the channels given
    status: str

    @property
    def factors(self) -> list[np.ndarray]:
        """F_k with W_k = F_k F_k^H."""
        return list(square_root(self.covariances))


@dataclass(frozen=True)
class SemidefiniteProblem:
    """Data of a relaxation.

    ``forms`` [n (n + 1) / 2, r, r] are the Hermitian matrices whose products with R are the entries
    of J on and above the diagonal, row by row; ``root`` [n, m] is C; ``lit`` [r, L] are the v_l.

    With a ``rate_price`` the objective is tr T less the sum of rates in nat times it, whose
    concave part is replaced by its tangent at ``interference`` [K], noise included.
    """

    forms: np.ndarray
    root: np.ndarray
    users: np.ndarray
    sinr: np.ndarray
    lit: np.ndarray | None = None
    ratio: float = math.inf
    rate_price: float = 0.0
    interference: np.ndarray | None = None

    def solve(self) -> SemidefiniteSolution:
        """Solve with Clarabel."""
        rank = len(self.users)
        number = 0
        if self.lit is not None and self.ratio < math.inf:
            number = self.lit.shape[1]
        served = tuple(bool(s) for s in self.sinr > 0)
        compiled = _compiled(rank, served, *self.root.shape, number, self.rate_price > 0)
        return compiled.solve(self)


def clarabel(problem: cp.Problem, name: str) -> str:
    """Status of a problem that Clarabel solved; :class:`SolverError` without a solution."""
    with warnings.catch_warnings():  # "may be inaccurate": the status says so
        warnings.simplefilter("ignore", UserWarning)
        try:
            problem.solve(solver=cp.CLARABEL)
        except cp.error.SolverError:
            raise SolverError(f"Clarabel found no solution of {name}") from None
    if problem.status in INFEASIBLE:
        raise SolverError(f"Clarabel proved that {name} has no solution")
    if problem.status not in USABLE:
        raise SolverError(f"Clarabel stopped on {name} with status {problem.status!r}")
    return str(problem.status)


def square_root(matrix: np.ndarray) -> np.ndarray:
    """L with L L^H = matrix, also of each of several [..., n, n]."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0))[..., np.newaxis, :]


def principal_vectors(covariances: np.ndarray) -> np.ndarray:
    """Beams [n, K] from the largest eigenvalue of each covariance [K, n, n]."""
    values, vectors = np.linalg.eigh(covariances)
    return vectors[:, :, -1].T * np.sqrt(np.maximum(values[:, -1], 0))


class _Compiled:
    """The relaxation for one size."""

    def __init__(
        self, rank: int, served: tuple[bool, ...], size: int, columns: int, number: int, rates: bool
    ) -> None:
        self.lock = threading.Lock()
        num_users = len(served)
        self.served = [k for k, wanted in enumerate(served) if wanted]
        self.space, self.small = _hermitian_basis(rank), _hermitian_basis(num_users)
        self.r = cp.Variable(rank * rank)
        # users without a requirement or a rate need no matrix of their own
        self.alone = list(range(num_users)) if rates else self.served
        self.z = {k: cp.Variable(num_users * num_users) for k in self.alone}
        corner = cp.Variable(columns * (columns + 1) // 2)
        self.forms = cp.Parameter((size * (size + 1) // 2, rank * rank))
        self.root = cp.Parameter(size * columns)
        self.gram = cp.Parameter((num_users * num_users, rank * rank))  # R -> H^H R H
        self.noise = cp.Parameter(num_users, nonneg=True)
        self.noise_price = cp.Parameter(num_users, nonneg=True)
        into, middle, last = _layout(size, columns)
        lmi = into @ (self.forms @ self.r) + middle @ self.root + last @ corner
        trace = np.trace(self.space, axis1=1, axis2=2).real
        received = self.gram @ self.r
        constraints = [
            cp.reshape(lmi, (size + columns, size + columns), order="C") >> 0,
            trace @ self.r <= 1,
            _positive(self.space, self.r),
            _positive(self.small, received - sum(self.z.values())),
            *[_positive(self.small, z) for z in self.z.values()],
        ]
        diagonal = np.diagonal(self.small, axis1=1, axis2=2).real.T  # [K, K^2]
        self.own = cp.Parameter(num_users, nonneg=True)
        self.rates = [
            self.own[k] * (diagonal[k] @ self.z[k]) >= diagonal[k] @ received + self.noise[k]
            for k in self.served
        ]
        if number:
            self.lit = cp.Parameter((number, rank * rank))
            self.ratio = cp.Parameter(nonneg=True)
            level, energy = cp.Variable(), cp.Variable(number)
            ceiling = cp.Variable()
            constraints += [energy == self.lit @ self.r, energy >= level]
            constraints += [energy <= ceiling, ceiling == self.ratio * level]
        ends = np.array([_position(i, i, columns) for i in range(columns)])
        objective = cp.sum(corner[ends])
        if rates:
            self.slopes = cp.Parameter(num_users, nonneg=True)
            self.price = cp.Parameter(nonneg=True)
            for k in range(num_users):
                total = diagonal[k] @ received + self.noise[k]
                other = diagonal[k] @ (received - self.z[k])
                objective += self.slopes[k] * other - self.price * cp.log(total)
        self.problem = cp.Problem(cp.Minimize(objective), constraints + self.rates)

    def solve(self, given: SemidefiniteProblem) -> SemidefiniteSolution:
        with self.lock:
            gains = np.sum(np.abs(given.users) ** 2, axis=0)
            unit = given.users / np.sqrt(gains)
            self.forms.value = _coordinates(given.forms, self.space)
            self.root.value = given.root.ravel()
            outer = np.einsum("ij,mjk,kl->mil", unit.conj().T, self.space, unit)
            self.gram.value = _coordinates(outer, self.small).T
            self.noise.value = 1 / gains
            self.own.value = 1 + 1 / np.where(given.sinr > 0, given.sinr, 1)
            if given.lit is not None and given.ratio < math.inf:
                lit = np.einsum("il,jl->lij", given.lit, given.lit.conj())
                self.lit.value = _coordinates(lit, self.space)
                self.ratio.value = given.ratio
            if given.interference is not None:
                self.price.value = given.rate_price
                self.slopes.value = given.rate_price * gains / given.interference
            status = clarabel(self.problem, "the relaxation")
            total = np.tensordot(np.asarray(self.r.value), self.space, 1)
            own = np.zeros((len(gains), len(gains), len(gains)), np.complex128)
            for k, z in self.z.items():
                own[k] = np.tensordot(np.asarray(z.value), self.small, 1)
            multipliers = np.zeros(len(gains))
            duals = [max(float(c.dual_value), 0.0) for c in self.rates]
            multipliers[self.served] = duals / gains[self.served]
            others = np.setdiff1d(np.arange(len(gains)), self.alone)
            covariances = _covariances(total, own, unit, others)
            return SemidefiniteSolution(float(self.problem.value), covariances, multipliers, status)


@lru_cache(maxsize=32)
def _compiled(*size: Any) -> _Compiled:
    return _Compiled(*size)


def _covariances(
    total: np.ndarray, own: np.ndarray, users: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """W_k = R H G^+ Z_k G^+ H^H R with G = H^H R H, and the rest.

    The others share the rest by its eigenvectors; without any, the user with most power gets it.
    """
    values, vectors = np.linalg.eigh(total)
    total = (vectors * np.maximum(values, 0)) @ vectors.conj().T
    seen = total @ users
    gram = users.conj().T @ seen
    lift = seen @ np.linalg.pinv((gram + gram.conj().T) / 2, rcond=1e-12, hermitian=True)
    covariances = lift @ own @ lift.conj().T
    covariances = (covariances + covariances.conj().transpose(0, 2, 1)) / 2
    rest = total - covariances.sum(0)
    if not len(others):
        strongest = int(np.argmax(np.trace(covariances, axis1=1, axis2=2).real))
        covariances[strongest] += rest
        return covariances
    values, vectors = np.linalg.eigh(rest)
    for i in range(len(values)):
        vector = vectors[:, -1 - i]
        covariances[others[i % len(others)]] += values[-1 - i] * np.outer(vector, vector.conj())
    return covariances


def _coordinates(matrices: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Inner products of Hermitian matrices [m, r, r] with a basis, [m, r^2]."""
    flat = matrices.reshape(len(matrices), -1)
    return (flat.conj() @ basis.reshape(len(basis), -1).T).real


@lru_cache(maxsize=32)
def _hermitian_basis(rank: int) -> np.ndarray:
    """Orthonormal basis of the Hermitian matrices, [rank^2, rank, rank]."""
    basis = np.zeros((rank * rank, rank, rank), np.complex128)
    position = 0
    for i in range(rank):
        for j in range(i, rank):
            for phase in (1, 1j) if i < j else (1,):
                basis[position, i, j] += phase
                basis[position, j, i] += np.conj(phase)
                basis[position] /= np.linalg.norm(basis[position])
                position += 1
    return basis


def _positive(basis: np.ndarray, x: Any) -> Any:
    """Constraint that a Hermitian matrix of given coordinates has no negative eigenvalue."""
    size = basis.shape[1]
    real = np.block([[basis.real, -basis.imag], [basis.imag, basis.real]])
    matrix = real.reshape(len(basis), -1).T @ x
    return cp.reshape(matrix, (2 * size, 2 * size), order="C") >> 0


def _position(i: int, j: int, size: int) -> int:
    """Position of an entry on or above the diagonal, row by row."""
    return i * size - i * (i - 1) // 2 + j - i


def _layout(size: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear maps of J, C and T to the entries of the matrix inequality."""
    whole = size + columns
    into = np.zeros((whole, whole, size * (size + 1) // 2))
    middle = np.zeros((whole, whole, size * columns))
    last = np.zeros((whole, whole, columns * (columns + 1) // 2))
    for i in range(size):
        for j in range(i, size):
            into[i, j, _position(i, j, size)] = into[j, i, _position(i, j, size)] = 1
        for j in range(columns):
            middle[i, size + j, i * columns + j] = middle[size + j, i, i * columns + j] = 1
    for i in range(columns):
        for j in range(i, columns):
            place = _position(i, j, columns)
            last[size + i, size + j, place] = last[size + j, size + i, place] = 1
    flat = whole * whole
    return into.reshape(flat, -1), middle.reshape(flat, -1), last.reshape(flat, -1)
