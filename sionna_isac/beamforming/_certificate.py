"""Lower bounds by weak duality, the same for all designs of beams.

The beams of K users have covariances W_k >= 0 with the sum R, tr R <= 1. They meet

    (1 + 1/Gamma_k) h_k^H W_k h_k >= h_k^H R h_k + 1,       t <= e_l <= eta t,  e_l = v_l^H R v_l

and minimise a function f with f(R) - price t >= constant - tr(gain R) - price t for all R, where
equality holds at the beams at hand: the tangent of a convex f.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

__all__ = ["Lighting", "dual_bound"]

ACTIVE = 1e-4  # relative distance from its limit at which an energy may have a multiplier
EXACT = 1e3  # weight of the balance of the multipliers of energies against the other conditions


@dataclass(frozen=True)
class Lighting:
    """Requirements on energies: a common level t <= e_l, and e_l <= ratio t."""

    vectors: np.ndarray  # [n, L]
    ratio: float = math.inf
    price: float = 0.0  # at which the level is sold in the objective


def dual_bound(
    constant: float,
    gain: np.ndarray,
    users: np.ndarray,
    sinr: np.ndarray,
    factors: list[np.ndarray],
    multipliers: np.ndarray | None = None,
    lighting: Lighting | None = None,
) -> float:
    """Lower bound on the objective for all beams that meet the requirements.

    It holds for any multipliers >= 0. Those of the energies, and those of the SINR if none are
    given, are the least-squares ones of W_k = factors[k] factors[k]^H.
    """
    own = np.where(sinr > 0, 1 + 1 / np.where(sinr > 0, sinr, 1), 0)
    lit, energies = None, np.zeros(0)
    if multipliers is None or lighting is not None:
        fitted, energies, lit = _multipliers(gain, users, own, factors, lighting)
        multipliers = fitted if multipliers is None else multipliers
    multipliers = np.where(sinr > 0, multipliers, 0)
    shared = gain - (users * multipliers) @ users.conj().T
    if lit is not None:
        shared = shared + (lit * energies) @ lit.conj().T
    lagrangian = shared + np.einsum("k,ik,jk->kij", multipliers * own, users, users.conj())
    worst = max(0.0, float(np.linalg.eigvalsh(lagrangian)[:, -1].max()))
    return float(constant - worst + multipliers.sum())


def _multipliers(
    gain: np.ndarray,
    users: np.ndarray,
    own: np.ndarray,
    factors: list[np.ndarray],
    lighting: Lighting | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Least-squares multipliers >= 0 of the conditions of optimality on the factors.

    For users [K], and for energies their price [m] with the vectors [n, m].
    """
    scale = np.sum(np.abs(users) ** 2, axis=0)
    columns = []
    for j in range(len(own)):
        unit = users[:, j] / np.sqrt(scale[j])
        parts = [np.outer(unit, unit.conj() @ f) for f in factors]
        parts[j] = parts[j] * (1 - own[j])
        columns.append(np.concatenate([part.ravel() for part in parts]))
    stacked = np.concatenate(factors, axis=1)
    columns.append(np.concatenate([f.ravel() for f in factors]))
    target = np.concatenate([(gain @ f).ravel() for f in factors])
    balance: list[float] = []
    if lighting is not None:
        products = lighting.vectors.conj().T @ stacked
        energy = np.sum(products.real**2 + products.imag**2, axis=1)
        lower = np.flatnonzero(energy <= energy.min() * (1 + ACTIVE))
        upper = np.flatnonzero(energy >= lighting.ratio * energy.min() * (1 - ACTIVE))
        signs = np.concatenate([np.ones(len(lower)), -np.ones(len(upper))])
        chosen = np.concatenate([lower, upper])
        for sign, index in zip(signs, chosen, strict=True):
            v = lighting.vectors[:, index]
            lit = [-sign * np.outer(v, v.conj() @ f) for f in factors]
            columns.append(np.concatenate([part.ravel() for part in lit]))
            balance.append(1.0 if sign > 0 else -lighting.ratio)
    system = np.stack(columns, axis=1)
    rows = [system.real, system.imag]
    right = [target.real, target.imag]
    if balance:
        weight = EXACT * max(float(np.linalg.norm(target)), 1.0)
        rows.append(weight * np.array([[0.0] * (len(own) + 1) + balance]))
        assert lighting is not None
        right.append(np.array([weight * lighting.price]))
    found, _ = nnls(np.concatenate(rows), np.concatenate(right))
    users_part = found[: len(own)] / scale
    if lighting is None:
        return users_part, np.zeros(0), None
    return users_part, *_balanced(found[len(own) + 1 :], signs, chosen, lighting)


def _balanced(
    found: np.ndarray, signs: np.ndarray, chosen: np.ndarray, lighting: Lighting
) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers with sum(lower) - ratio sum(upper) >= price, exactly: t has no other bound."""
    lower, upper = found * (signs > 0), found * (signs < 0)
    if lower.sum() < lighting.price or (lighting.price and not upper.any()):
        missing = lower.sum() == 0
        lower = (signs > 0) / np.sum(signs > 0) if missing else lower / lower.sum()
        lower = lower * lighting.price
    if upper.any():
        upper = upper * min(1.0, (lower.sum() - lighting.price) / (lighting.ratio * upper.sum()))
    return lower - upper, lighting.vectors[:, chosen]
