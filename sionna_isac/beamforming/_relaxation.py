"""Semidefinite relaxation of the SPEB problem in its subspace, with a certificate.

An optimal covariance lies in the span of [a, q_1, q_2, h_1, ..., h_K]: anything outside spends
power and changes neither the information nor an SINR. In that space of dimension <= K + 3 it is
the reduced relaxation with the 4 x 4 information M on position and reflection and C = [L; 0],
L L^T = weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sionna_isac.beamforming._certificate import dual_bound
from sionna_isac.beamforming._semidefinite import (
    SemidefiniteProblem,
    principal_vectors,
    square_root,
)

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
    root = np.concatenate([square_root(weight), np.zeros([2, 2])])
    solved = SemidefiniteProblem(_forms(small_sensing), root, small_users, sinr).solve()
    beams = _rank_one(solved.covariances, small_users)
    factors = solved.factors
    problem = (small_sensing, small_users, weight, sinr, factors)
    bound = max(certificate(*problem, solved.multipliers), certificate(*problem))
    return Relaxation(solved.value, bound, basis, solved.covariances, basis @ beams, solved.status)


def information(products: np.ndarray) -> np.ndarray:
    """M [4, 4] on position and reflection from S = [a, q_1, q_2]^H R [a, q_1, q_2]."""
    matrix = np.zeros([4, 4])
    matrix[:2, :2] = products[1:, 1:].real
    matrix[:2, 2:] = np.stack([products[0, 1:].real, products[0, 1:].imag], 1)
    matrix[2:, :2] = matrix[:2, 2:].T
    return matrix + products[0, 0].real * np.eye(4)


def _rank_one(covariances: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Beams W_k h_k / sqrt(h_k^H W_k h_k), which keep the useful and lower all other powers.

    Users whose beam carries nothing to them get the principal eigenvector instead.
    """
    directed = np.einsum("kij,jk->ik", covariances, users)
    received = np.einsum("ik,ik->k", users.conj(), directed).real
    principal = principal_vectors(covariances)
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
    root = square_root(weight)
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


def _forms(vectors: np.ndarray) -> np.ndarray:
    """Hermitian matrices [10, r, r] whose products with R are the entries of M, row by row."""
    outer = np.einsum("im,jn->mnij", vectors, vectors.conj())  # tr(R v_m v_n^H) = v_n^H R v_m
    lit = outer[0, 0]
    cross = [outer[n, 0] for n in (1, 2)]
    real = [(c + c.conj().T) / 2 for c in cross]
    imag = [(c - c.conj().T) / 2j for c in cross]
    mixed = (outer[1, 2] + outer[2, 1]) / 2
    first = [outer[1, 1] + lit, mixed, real[0], imag[0]]
    second = [outer[2, 2] + lit, real[1], imag[1]]
    return np.stack([*first, *second, lit, np.zeros_like(lit), lit])
