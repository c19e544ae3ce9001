"""Semidefinite relaxation of the SPEB problem in its subspace, with a certificate.

An optimal covariance lies in the span of [a, q_1, q_2, h_1, ..., h_K]: anything outside spends
power and changes neither the information nor an SINR. In that space the relaxation has K Hermitian
variables of size <= K + 3 and reads

    min tr T   s.t.  [[M(W), C], [C^T, T]] >= 0,  sum_k tr W_k <= 1,
                     h_k^H W_k h_k / Gamma_k - sum over j != k of h_k^H W_j h_k >= 1

with the 4 x 4 information M on position and reflection and C = [L; 0], L L^T = weight.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache

import cvxpy as cp
import numpy as np

from sionna_isac.beamforming._certificate import dual_bound
from sionna_isac.beamforming.errors import SolverError

__all__ = ["RANK_TOLERANCE", "Relaxation", "certificate", "information", "relax"]

RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Relaxation:
    """Solution of the relaxation, in the coordinates of the given vectors."""

    value: float  # of the objective tr(weight J^-1) as the solver reports it
    bound: float  # certified lower bound on it, whatever the solver did
    basis: np.ndarray  # [n, r] orthonormal
    covariances: np.ndarray  # [K, r, r], in the basis
    beams: np.ndarray  # [n, K], of rank one and unit power
    status: str


def relax(
    sensing: np.ndarray, users: np.ndarray, weight: np.ndarray, sinr: np.ndarray
) -> Relaxation:
    """Solve the relaxation for sensing [n, 3] and user [n, K] vectors, SINR targets [K]."""
    unit = users / np.linalg.norm(users, axis=0)
    left, singular, _ = np.linalg.svd(np.concatenate([sensing, unit], 1), full_matrices=False)
    basis = left[:, singular > RANK_TOLERANCE * singular[0]]
    small_sensing, small_users = basis.conj().T @ sensing, basis.conj().T @ users
    compiled = _compiled(basis.shape[1], users.shape[1])
    value, covariances, multipliers, status = compiled.solve(
        small_sensing, small_users, weight, sinr
    )
    beams = _rank_one(covariances, small_users)
    values, vectors = np.linalg.eigh(covariances)
    factors = [v * np.sqrt(np.maximum(e, 0)) for e, v in zip(values, vectors, strict=True)]
    problem = (small_sensing, small_users, weight, sinr, factors)
    bound = max(certificate(*problem, multipliers), certificate(*problem))
    return Relaxation(value, bound, basis, covariances, basis @ beams, status)


def information(products: np.ndarray) -> np.ndarray:
    """M [4, 4] on position and reflection from S = [a, q_1, q_2]^H R [a, q_1, q_2]."""
    matrix = np.zeros([4, 4])
    matrix[:2, :2] = products[1:, 1:].real
    matrix[:2, 2:] = np.stack([products[0, 1:].real, products[0, 1:].imag], 1)
    matrix[2:, :2] = matrix[:2, 2:].T
    return matrix + products[0, 0].real * np.eye(4)


class _SensingSDP:
    """The relaxation for one size, compiled once."""

    def __init__(self, rank: int, num_users: int) -> None:
        self.lock = threading.Lock()
        self.hermitian = _hermitian_basis(rank)
        size = rank * rank
        self.x = [cp.Variable(size) for _ in range(num_users)]
        corner = cp.Variable(3)  # T: two diagonal entries and the one beside them
        self.sensing = cp.Parameter((9, size))
        self.own = cp.Parameter((num_users, size))  # h_k h_k^H, scaled by 1/|h_k|^2
        self.other = cp.Parameter((num_users, size))  # the same, times the SINR target
        self.noise = cp.Parameter(num_users, nonneg=True)
        self.root = cp.Parameter(4)
        total = cp.sum(cp.vstack(self.x), axis=0)
        to_matrix, to_root, to_corner = _layout()
        lmi = to_matrix @ (self.sensing @ total) + to_root @ self.root + to_corner @ corner
        self.rates = [
            self.own[k] @ self.x[k] - self.other[k] @ (total - self.x[k]) >= self.noise[k]
            for k in range(num_users)
        ]
        embedding = np.stack([_embed(h).ravel() for h in self.hermitian], 1)
        positive = [cp.reshape(embedding @ x, (2 * rank, 2 * rank), order="C") >> 0 for x in self.x]
        trace = np.trace(self.hermitian, axis1=1, axis2=2).real
        self.problem = cp.Problem(
            cp.Minimize(corner[0] + corner[1]),
            [cp.reshape(lmi, (6, 6), order="C") >> 0, trace @ total <= 1, *positive, *self.rates],
        )

    def solve(
        self, sensing: np.ndarray, users: np.ndarray, weight: np.ndarray, sinr: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray, str]:
        """Objective, covariances [K, r, r], multipliers of the SINR constraints, status."""
        with self.lock:
            gains = np.sum(np.abs(users) ** 2, axis=0)
            unit = users / np.sqrt(gains)
            own = self.coordinates(np.einsum("ik,jk->kij", unit, unit.conj()))
            self.sensing.value = self.coordinates(_product_matrices(sensing))
            self.own.value, self.other.value = own, own * sinr[:, None]
            self.noise.value = sinr / gains
            self.root.value = _root(weight).ravel()
            with warnings.catch_warnings():  # "may be inaccurate": checked by the certificate
                warnings.simplefilter("ignore", UserWarning)
                try:
                    self.problem.solve(solver=cp.CLARABEL)
                except cp.error.SolverError:
                    raise SolverError("Clarabel found no solution of the relaxation") from None
            status = self.problem.status
            if status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
                raise SolverError(f"Clarabel stopped on the relaxation with status {status!r}")
            coordinates = np.stack([np.asarray(x.value) for x in self.x])
            covariances = np.tensordot(coordinates, self.hermitian, 1)
            duals = np.maximum([float(c.dual_value) for c in self.rates], 0)
            return float(self.problem.value), covariances, duals * sinr / gains, status

    def coordinates(self, matrices: np.ndarray) -> np.ndarray:
        """Inner products of Hermitian matrices [m, r, r] with the basis, [m, r^2]."""
        flat = matrices.reshape(len(matrices), -1)
        return (flat.conj() @ self.hermitian.reshape(len(self.hermitian), -1).T).real


@lru_cache(maxsize=32)
def _compiled(rank: int, num_users: int) -> _SensingSDP:
    return _SensingSDP(rank, num_users)


def _rank_one(covariances: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Beams W_k h_k / sqrt(h_k^H W_k h_k), which keep the useful and lower all other powers.

    Users whose beam carries nothing to them get the principal eigenvector instead.
    """
    directed = np.einsum("kij,jk->ik", covariances, users)
    received = np.einsum("ik,ik->k", users.conj(), directed).real
    values, vectors = np.linalg.eigh(covariances)
    principal = vectors[:, :, -1].T * np.sqrt(np.maximum(values[:, -1], 0))
    strength = np.sum(np.abs(users) ** 2, 0) * np.trace(covariances, axis1=1, axis2=2).real
    use = received > 1e-6 * strength
    beams = np.where(use, directed / np.sqrt(np.where(use, received, 1)), principal)
    return beams / np.linalg.norm(beams)


def certificate(
    sensing: np.ndarray,
    users: np.ndarray,
    weight: np.ndarray,
    sinr: np.ndarray,
    factors: list[np.ndarray],
    multipliers: np.ndarray | None = None,
) -> float:
    """Lower bound on tr(weight J^-1) by weak duality; holds for any multipliers >= 0.

    tr(C^T M^-1 C) >= 2 tr(Y^T C) - tr(Y^T M Y) for every Y; the rest is linear in W_k.
    Y, and the multipliers if none are given, are those of W_k = factors[k] factors[k]^H.
    """
    root = _root(weight)
    projected = sensing.conj().T @ np.concatenate(factors, axis=1)
    matrix = information(projected @ projected.conj().T)
    y = np.linalg.solve(matrix, np.concatenate([root, np.zeros([2, 2])]))
    outer = y @ y.T
    # tr(Y^T M Y) as a Hermitian form on [a, q_1, q_2]^H R [a, q_1, q_2]
    form = np.zeros([3, 3], np.complex128)
    form[0, 0] = np.trace(outer)
    form[1:, 1:] = outer[:2, :2]
    form[1:, 0] = outer[:2, 2] - 1j * outer[:2, 3]
    form[0, 1:] = form[1:, 0].conj()
    gain = sensing @ form @ sensing.conj().T
    constant = float(2 * np.sum(root * y[:2]))
    return dual_bound(constant, gain, users, sinr, factors, multipliers)


def _root(weight: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(weight)
    return vectors * np.sqrt(np.maximum(values, 0))


def _hermitian_basis(rank: int) -> np.ndarray:
    """Orthonormal basis of the Hermitian matrices, [rank^2, rank, rank]."""
    basis: list[np.ndarray] = []
    for i in range(rank):
        for j in range(i, rank):
            for phase in (1, 1j) if i < j else (1,):
                matrix = np.zeros([rank, rank], np.complex128)
                matrix[i, j] += phase
                matrix[j, i] += np.conj(phase)
                basis.append(matrix / np.linalg.norm(matrix))
    return np.stack(basis)


def _product_matrices(vectors: np.ndarray) -> np.ndarray:
    """Hermitian matrices whose products with R are the real and imaginary parts of S."""
    found: list[np.ndarray] = []
    for i in range(3):
        for j in range(i, 3):
            outer = np.outer(vectors[:, j], vectors[:, i].conj())
            found.append((outer + outer.conj().T) / 2)
            if i < j:
                found.append((outer - outer.conj().T) / 2j)
    return np.stack(found)


def _layout() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear maps of S (9 numbers), L (4) and T (3) to the 6 x 6 matrix inequality."""
    to_matrix = np.zeros([6, 6, 9])
    for n, column in enumerate(np.eye(9)):
        products = np.zeros([3, 3], np.complex128)
        position = 0
        for i in range(3):
            for j in range(i, 3):
                products[i, j] = column[position]
                position += 1
                if i < j:
                    products[i, j] += 1j * column[position]
                    products[j, i] = np.conj(products[i, j])
                    position += 1
        to_matrix[:4, :4, n] = information(products)
    to_root = np.zeros([6, 6, 4])
    for n, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        to_root[i, 4 + j, n] = to_root[4 + j, i, n] = 1
    to_corner = np.zeros([6, 6, 3])
    to_corner[4, 4, 0] = to_corner[5, 5, 1] = to_corner[4, 5, 2] = to_corner[5, 4, 2] = 1
    return to_matrix.reshape(36, 9), to_root.reshape(36, 4), to_corner.reshape(36, 3)


def _embed(matrix: np.ndarray) -> np.ndarray:
    """Real symmetric form of a Hermitian matrix."""
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])
