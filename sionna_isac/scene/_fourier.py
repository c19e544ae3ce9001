"""Truncated double Fourier series on the angles of a closed surface: terms, poles, fit."""

from __future__ import annotations

import numpy as np
from scipy.linalg import null_space

from sionna_isac.core import checks

__all__ = ["FAMILIES", "Order", "Term", "fit_series", "pole_gap", "table_of", "terms_of", "waves"]

Order = tuple[int, int]  # highest harmonic of u and of v
Term = tuple[str, int, int]  # kind and harmonics, such as ("cs", 2, 1) for cos(2u) sin(v)
FAMILIES = ("sphere", "full")
RCOND = 1e-10  # of the singular values that a fit keeps


def terms_of(order: Order, family: str) -> list[Term]:
    """Terms of a series by u harmonic, v harmonic and kind (cc, cs, sc, ss).

    Those of "sphere" are what a point has for itself: (u + pi, v) and (u, pi - v) are one point.
    """
    terms = []
    for p in range(order[0] + 1):
        for q in range(order[1] + 1):
            for kind in ("cc", "cs", "sc", "ss"):
                none = (kind[0] == "s" and p == 0) or (kind[1] == "s" and q == 0)
                twin = (p - q) % 2 == (kind[1] == "s")
                if not none and (twin or family == "full"):
                    terms.append((kind, p, q))
    return terms


def places(terms: list[Term], order: Order) -> tuple[np.ndarray, np.ndarray]:
    """Columns of :func:`waves` in u and in v that make up each term."""
    left = [p + order[0] * (kind[0] == "s") for kind, p, _ in terms]
    right = [q + order[1] * (kind[1] == "s") for kind, _, q in terms]
    return np.array(left), np.array(right)


def waves(angle: np.ndarray, order: int, derivative: bool = False) -> np.ndarray:
    """Cosines 0 ... order and sines 1 ... order of angles [..., 2 order + 1], or derivatives."""
    harmonic = np.arange(order + 1)
    phase = angle[..., np.newaxis] * harmonic
    even, odd = np.cos(phase), np.sin(phase)
    if derivative:
        even, odd = -harmonic * odd, harmonic * even
    return np.concatenate([even, odd[..., 1:]], axis=-1)


def table_of(coefficients: np.ndarray, terms: list[Term], order: Order) -> np.ndarray:
    """Coefficients [num_terms, 3] as a table [2 Qu + 1, 2 Qv + 1, 3] over the waves."""
    table = np.zeros((2 * order[0] + 1, 2 * order[1] + 1, 3))
    table[places(terms, order)] = coefficients
    return table


def pole_gap(table: np.ndarray, order: Order) -> float:
    """Largest coefficient of a wave in u at a pole: 0 if each pole is one point."""
    poles = np.stack([_pole(order[1], side) for side in (1, -1)])
    return float(np.abs(np.einsum("sj,ijk->sik", poles, table)[:, 1:]).max(initial=0))


def fit_series(
    points: np.ndarray, u: np.ndarray, v: np.ndarray, order: Order, family: str
) -> np.ndarray:
    """Coefficients [num_terms, 3] of the closest series whose poles are single points.

    Least squares over points [N, 3] at the angles u and v [N], weighted with the solid angle cos v.
    """
    terms = terms_of(order, family)
    left, right = places(terms, order)
    if (apart := _by_wave(points, u, v, order)) is not None:
        found, v = apart
        coefficients = np.zeros((len(terms), 3))
        for wave, of_v in enumerate(found):
            chosen = left == wave
            free = null_space(_closure(left[chosen], right[chosen], order))
            basis = waves(v, order[1])[:, right[chosen]] @ free
            coefficients[chosen] = free @ _closest(basis, of_v, v)
        return checks.finite("coefficients", coefficients)
    free = null_space(_closure(left, right, order))
    if len(points) < free.shape[1]:
        raise ValueError(
            f"points must be at least {free.shape[1]}, as a {family} series of order "
            f"{order[0]} x {order[1]} has free coefficients; got {len(points)}"
        )
    basis = waves(u, order[0])[:, left] * waves(v, order[1])[:, right]
    return checks.finite("coefficients", free @ _closest(basis @ free, points, v))


def _closest(basis: np.ndarray, points: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Least squares with the weights cos v."""
    weight = np.sqrt(np.maximum(np.cos(v), 0))[:, np.newaxis]
    return np.linalg.lstsq(weight * basis, weight * points, rcond=RCOND)[0]


def _by_wave(
    points: np.ndarray, u: np.ndarray, v: np.ndarray, order: Order
) -> tuple[np.ndarray, np.ndarray] | None:
    """Parts [2 Qu + 1, nv, 3] of the points that go with each wave in u, and v [nv].

    For points over a grid, u first, on which waves in u are orthogonal, so that each is fitted
    alone; else `None`.
    """
    number = int(np.argmax(u != u[0])) or len(u)
    if len(u) % number or len(u) // number <= 2 * order[0] or number <= 2 * order[1]:
        return None
    u, v = u.reshape(-1, number), v.reshape(-1, number)
    along = waves(u[:, 0], order[0])
    gram = along.T @ along
    size = np.diagonal(gram)
    if np.any(u != u[:, :1]) or np.any(v != v[:1]) or len(np.unique(v[0])) < number:
        return None
    if np.any(np.abs(gram - np.diag(size)) > 1e-12 * size.max()):
        return None
    parts = along.T @ points.reshape(len(u), -1) / size[:, np.newaxis]
    return parts.reshape(-1, number, 3), v[0]


def _closure(left: np.ndarray, right: np.ndarray, order: Order) -> np.ndarray:
    """Rows [2 * 2 Qu, num_terms] that closed coefficients make 0: waves in u at the two poles."""
    of_wave = left == np.arange(1, 2 * order[0] + 1)[:, np.newaxis]
    return np.concatenate([of_wave * _pole(order[1], side)[right] for side in (1, -1)])


def _pole(order: int, side: int) -> np.ndarray:
    """Waves in v at a pole, as exact whole numbers."""
    return np.rint(waves(np.array(side * np.pi / 2), order))
