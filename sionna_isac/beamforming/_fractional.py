"""Fractional programming for the sum rate alone, Eqs. (42)-(46) of [Yuan25] without sensing."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from sionna_isac.beamforming._hybrid import approximate, phases, seen_through
from sionna_isac.beamforming._model import log_sum_rate

__all__ = [
    "analog_quadratic",
    "auxiliary",
    "balanced",
    "fractional_digital",
    "fractional_hybrid",
    "matched",
]

ITERATIONS = 500
TOLERANCE = 1e-7  # relative change of the sum rate


def matched(users: np.ndarray) -> np.ndarray:
    """Beams along the channels: the weakest user has the least power."""
    return users / np.linalg.norm(users)


def balanced(users: np.ndarray) -> np.ndarray:
    """Regularised zero forcing with the same power for all users, best at a high SNR.

    Fractional programming hardly moves powers there.
    """
    number = users.shape[1]
    beams = users @ np.linalg.inv(users.conj().T @ users + number * np.eye(number))
    return beams / (np.linalg.norm(beams, axis=0) * math.sqrt(number))


def fractional_digital(
    users: np.ndarray, first: Callable[[np.ndarray], np.ndarray] = matched
) -> np.ndarray:
    """Fully digital beams [n, K] of unit power for channels [n, K] in units of the noise.

    ``first`` gives the beams to start from.
    """
    beams = first(users)
    rate = 0.0
    for _ in range(ITERATIONS):
        gamma, mu = auxiliary(users, beams)
        beams = _digital(users, gamma, mu)
        previous, rate = rate, log_sum_rate(users.conj().T @ beams, 1.0)[0]
        if rate - previous <= TOLERANCE * rate:
            break
    return beams / np.linalg.norm(beams)


def fractional_hybrid(
    users: np.ndarray,
    num_rf_chains: int,
    first: Callable[[np.ndarray], np.ndarray] = matched,
) -> tuple[np.ndarray, np.ndarray]:
    """Analog entries [N] and digital beams [chains, K] with unit power together."""
    size = len(users) // num_rf_chains
    entries, digital = approximate(fractional_digital(users, first), num_rf_chains)
    digital /= math.sqrt(size) * np.linalg.norm(digital)
    rate = 0.0
    for _ in range(ITERATIONS):
        spread = np.repeat(digital, size, axis=0)  # Phi f_D,k
        gamma, mu = auxiliary(users, entries[:, None] * spread)
        # f^H B f - 2 Re f^H c, one entry of unit modulus after the other
        quadratic, linear = analog_quadratic(users, spread, gamma, mu)
        for n in range(len(entries)):
            rest = linear[n] - quadratic[n] @ entries + quadratic[n, n] * entries[n]
            entries[n] = phases(rest)
        through = seen_through(entries, users, num_rf_chains)
        digital = _digital(through, *auxiliary(through, digital * math.sqrt(size)))
        previous, rate = rate, log_sum_rate(through.conj().T @ digital, 1.0)[0]
        digital = digital / math.sqrt(size)
        if rate - previous <= TOLERANCE * rate:
            break
    return entries, digital / (math.sqrt(size) * np.linalg.norm(digital))


def auxiliary(users: np.ndarray, beams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """gamma and mu, Eqs. (43) and (44)."""
    received = users.conj().T @ beams
    energy = np.abs(received) ** 2
    own = np.diagonal(energy)
    total = energy.sum(1) + 1
    gamma = own / (total - own)
    return gamma, np.sqrt(1 + gamma) * np.diagonal(received) / total


def analog_quadratic(
    users: np.ndarray, spread: np.ndarray, gamma: np.ndarray, mu: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """B [N, N] and c [N] of f^H B f - 2 Re f^H c, Eq. (46); the index in (46b) is that of mu."""
    weighted = (users * np.abs(mu) ** 2) @ users.conj().T
    linear = np.sum(np.sqrt(1 + gamma) * mu * spread.conj() * users, axis=1)
    return (spread.conj() @ spread.T) * weighted, linear


def _digital(users: np.ndarray, gamma: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """(D + nu I)^-1 e_k with the nu >= 0 that meets the unit power, in the span of the users."""
    basis, _ = np.linalg.qr(users)
    small = basis.conj().T @ users
    values, vectors = np.linalg.eigh((small * np.abs(mu) ** 2) @ small.conj().T)
    values = np.maximum(values, 1e-14 * values[-1])
    rotated = vectors.conj().T @ (small * (np.sqrt(1 + gamma) * mu))
    energy = np.sum(np.abs(rotated) ** 2, axis=1)

    def excess(nu: float) -> float:
        return float(np.sum(energy / (values + nu) ** 2)) - 1

    nu = 0.0
    if excess(0.0) > 0:
        nu = float(brentq(excess, 0.0, math.sqrt(energy.sum()) + 1e-300, rtol=1e-13))
    return basis @ vectors @ (rotated / (values + nu)[:, None])
