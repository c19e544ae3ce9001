"""Beams for an extended target in dimensionless form, and gradients of the bound.

Beams W have unit power, channels are in units of the noise amplitude, parameters in units of the
root bounds of an array that radiates isotropically. Everything is a function of inner
products Z = S^H W, y_gm = row (g, m) of Z, with the conjugate vectors s_gm^* of
:class:`~sionna_isac.bound.ExtendedTargetInformation` as columns of S:

    J_ij = sum over g, m, n of C_gmnij Re(y_gm y_gn^H),    objective = tr(diag(weight) J^-1)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sionna_isac.bound import ExtendedTargetInformation

__all__ = ["ExtendedModel", "reduced_basis"]


@dataclass(frozen=True)
class ExtendedModel:
    """Target and users seen from the transmit array, or from a subspace of its beams."""

    power: float  # [W]
    users: np.ndarray  # [N, K]: h_k sqrt(P / noise)
    sensing: np.ndarray  # [N, L V]: conjugate vectors of the information, / sqrt(N)
    lit: np.ndarray  # [N, L]: conjugate steering vectors of the scatterers, / sqrt(N)
    terms: np.ndarray  # [L V V, n n]: C, symmetric
    shape: tuple[int, int, int]  # L, V, n
    weight: np.ndarray  # [n]: of the parameters, the gain last with 0; unit sum
    scale: float  # weighted trace of the bound = scale * objective
    isotropic: float  # objective of the covariance I / N

    @classmethod
    def of(
        cls,
        information: ExtendedTargetInformation,
        channels: np.ndarray,
        power: float,
        user_noise: float,
        weights: np.ndarray,
    ) -> ExtendedModel:
        """The dimensionless form; weights [n - 1] of the parameters of the pose."""
        vectors = information.steering.numpy()
        terms = information.coefficients.numpy()
        there = np.any(terms != 0, axis=(1, 2, 3, 4))  # scatterers of weight 0 are not
        vectors, terms = vectors[there], terms[there]
        groups, size, antennas = vectors.shape
        terms = terms * (power * antennas)
        terms = (terms + terms.transpose(0, 2, 1, 4, 3)) / 2
        terms = (terms + terms.transpose(0, 1, 2, 4, 3)) / 2
        # a covariance I P / N: products are those of the vectors
        products = np.einsum("gma,gna->gmn", vectors, vectors.conj()).real / antennas**2
        isotropic = np.einsum("gmn,gmnij->ij", products, terms)
        units = 1 / np.sqrt(np.diagonal(isotropic))
        scaled = np.append(weights, 0.0) * units**2
        number = len(units)
        weight = scaled / scaled.sum()
        try:
            inverse = np.linalg.inv(isotropic * np.outer(units, units))
            isotropic_value = float(weight @ np.diagonal(inverse))
        except np.linalg.LinAlgError:
            isotropic_value = math.inf
        sensing = vectors.reshape(groups * size, antennas).conj().T / math.sqrt(antennas)
        return cls(
            power=power,
            users=channels.T * math.sqrt(power / user_noise),
            sensing=sensing,
            lit=np.ascontiguousarray(sensing[:, ::size]),
            terms=(terms * np.outer(units, units)).reshape(-1, number * number),
            shape=(groups, size, number),
            weight=weight,
            scale=float(scaled.sum()),
            isotropic=isotropic_value,
        )

    def within(self, basis: np.ndarray) -> ExtendedModel:
        """The same for beams basis @ C, in terms of C."""
        project = basis.conj().T
        return replace(
            self,
            users=project @ self.users,
            sensing=project @ self.sensing,
            lit=project @ self.lit,
        )

    def lighting(self, steering: np.ndarray) -> ExtendedModel:
        """The same with energies in the directions of steering vectors [directions, N]."""
        lit = steering.conj().T / math.sqrt(steering.shape[1])
        return replace(self, lit=lit)

    def information(self, products: np.ndarray) -> np.ndarray:
        """J [n, n] of products [L V, beams]."""
        groups, size, number = self.shape
        real = products.view(np.float64).reshape(groups, size, -1)
        pairs = real @ real.transpose(0, 2, 1)
        return (pairs.ravel() @ self.terms).reshape(number, number)

    def trace(self, products: np.ndarray) -> tuple[float, np.ndarray]:
        """Objective of products [L V, beams], and M of its gradient.

        The gradient by the products of scatterer g is 2 M_g y_g, with M [L, V, V].
        """
        information = self.information(products)
        groups, size, _ = self.shape
        try:
            np.linalg.cholesky(information)
            inverse = np.linalg.inv(information)
        except np.linalg.LinAlgError:
            return math.inf, np.zeros((groups, size, size))
        value = float(self.weight @ np.diagonal(inverse))
        outer = (inverse * self.weight) @ inverse
        return value, -(self.terms @ outer.ravel()).reshape(groups, size, size)

    def tangent(self, factor: np.ndarray) -> tuple[float, np.ndarray]:
        """Objective of R = factor factor^H, and its gradient by R (Hermitian)."""
        value, slopes = self.trace(np.ascontiguousarray(self.sensing.conj().T @ factor))
        groups, size, _ = self.shape
        blocks = self.sensing.reshape(len(self.sensing), groups, size)
        gradient = np.einsum("agm,gmn,bgn->ab", blocks, slopes, blocks.conj(), optimize=True)
        return value, (gradient + gradient.conj().T) / 2

    def forms(self) -> np.ndarray:
        """Hermitian matrices of the entries of J on and above the diagonal, row by row."""
        groups, size, number = self.shape
        blocks = self.sensing.reshape(len(self.sensing), groups, size)
        terms = self.terms.reshape(groups, size, size, number, number)
        upper = np.triu_indices(number)
        half = np.einsum(
            "agm,gmnp,bgn->pab", blocks, terms[..., *upper], blocks.conj(), optimize=True
        )
        return (half + half.conj().transpose(0, 2, 1)) / 2


def reduced_basis(model: ExtendedModel, tolerance: float) -> np.ndarray:
    """Orthonormal basis [N, r] of channels and of what the target needs beside them.

    Nothing else of the beams matters. Directions in which vectors of the target are shorter than
    the tolerance, relative to the longest, are left out.
    """
    unit = model.users / np.linalg.norm(model.users, axis=0)
    left, singular, _ = np.linalg.svd(unit, full_matrices=False)
    users = left[:, singular > 1e-9 * singular[0]]
    vectors = model.sensing / np.linalg.norm(model.sensing, axis=0)
    rest = vectors - users @ (users.conj().T @ vectors)
    left, singular, _ = np.linalg.svd(rest, full_matrices=False)
    kept = left[:, singular > tolerance * np.linalg.svd(vectors, compute_uv=False)[0]]
    return np.linalg.qr(np.concatenate([users, kept], axis=1))[0]
