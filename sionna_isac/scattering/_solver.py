"""Krylov solver of complex-symmetric systems with many right-hand sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import get_blas_funcs

from sionna_isac.core.threads import one_blas_thread
from sionna_isac.scattering.errors import NotConvergedError

__all__ = ["Solution", "solve"]

Apply = Callable[[np.ndarray], np.ndarray]
RESTARTS = 10
MARGIN = 0.95  # of the target, for the residual that the recursion carries along


class Solution(NamedTuple):
    """Solutions of a batch of systems."""

    x: np.ndarray
    """[K, ...]"""
    iterations: np.ndarray
    """[K], products with the operator"""
    residuals: np.ndarray
    """[K], norms of the true residuals"""


@one_blas_thread()
def solve(
    apply: Apply,
    rhs: np.ndarray,
    targets: np.ndarray,
    max_iterations: int,
    guess: np.ndarray | None = None,
) -> Solution:
    """Solve A x = b for each b of ``rhs`` [K, ...] with A = A^T, not Hermitian.

    Conjugate orthogonal conjugate residuals [Sogabe07]: one product with A an iteration, short
    recurrences, a residual that falls nearly steadily. All right-hand sides advance together, each
    until the norm of its residual is below its entry of ``targets`` [K]. The unconjugated products
    that it divides by can vanish (circular polarisation on a symmetric target): such a system is
    split into its real and its imaginary right-hand side. Residuals are recomputed at the end, and
    the recursion is restarted from them where rounding has led it astray. The products
    with the guess and for the residuals count towards ``max_iterations``.
    """
    shape = rhs.shape
    rhs = rhs.reshape(len(rhs), -1)

    def product(x: np.ndarray) -> np.ndarray:
        return apply(x.reshape(-1, *shape[1:])).reshape(len(x), -1)

    if guess is None or max_iterations == 1:  # one product is for the residual
        x, residual = np.zeros_like(rhs), rhs.copy()
        iterations = np.zeros(len(rhs), int)
    else:
        x, residual = _scaled_guess(product, rhs, guess.reshape(rhs.shape))
        iterations = np.ones(len(rhs), int)
    norms = _norms(residual)
    for _ in range(RESTARTS):
        open_ = np.flatnonzero(norms > targets)
        if not len(open_):
            return Solution(x.reshape(shape), iterations, norms)
        left = max_iterations - iterations[open_] - 1
        step, used, broken = _cocr(product, residual[open_], MARGIN * targets[open_], left)
        x[open_] += step
        iterations[open_] += used + 1
        residual[open_] = rhs[open_] - product(x[open_])
        columns = open_[broken & (iterations[open_] < max_iterations)]
        if len(columns):
            half = residual[columns]
            halves = np.concatenate([half.real, half.imag]).astype(rhs.dtype)
            goals = np.tile(MARGIN / np.sqrt(2) * targets[columns], 2)
            left = np.tile((max_iterations - iterations[columns] - 1) // 2, 2)
            step, used, _ = _cocr(product, halves, goals, left)
            x[columns] += step[: len(columns)] + 1j * step[len(columns) :]
            iterations[columns] += used[: len(columns)] + used[len(columns) :] + 1
            residual[columns] = rhs[columns] - product(x[columns])
        before, norms = norms, norms.copy()
        norms[open_] = _norms(residual[open_])
        stuck = (norms > targets) & ((iterations >= max_iterations) | (norms > 0.5 * before))
        if np.any(stuck) or not np.all(np.isfinite(norms)):
            break
    worst = int(np.argmax(np.where(np.isfinite(norms), norms / targets, np.inf)))
    raise NotConvergedError(
        f"right-hand side {worst} stopped at {norms[worst] / targets[worst]:.3g} times the "
        f"residual allowed, after {iterations[worst]} products with the operator",
        float(norms[worst] / targets[worst]),
        bool(iterations[worst] >= max_iterations - 1),
    )


def _scaled_guess(
    product: Apply, rhs: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Guesses times what makes their residuals smallest: none is worse than 0."""
    image = product(guess)
    energy = np.array([np.vdot(v, v).real for v in image])
    overlap = np.array([np.vdot(v, b) for v, b in zip(image, rhs, strict=True)])
    scale = np.divide(overlap, energy, out=np.zeros_like(overlap), where=energy > 0)[:, np.newaxis]
    return scale * guess, rhs - scale * image


def _cocr(
    product: Apply, residual: np.ndarray, targets: np.ndarray, max_iterations: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solutions [K, n] from 0, iterations [K], and which broke down [K]."""
    axpy = get_blas_funcs("axpy", (residual,))
    tiny = 100 * np.finfo(residual.dtype).eps
    solution = np.zeros_like(residual)
    iterations = np.zeros(len(residual), int)
    broken = np.zeros(len(residual), bool)
    index = np.arange(len(residual))
    x, r, p = np.zeros_like(residual), residual.copy(), residual.copy()
    ar = product(r)
    ap = ar.copy()
    norms = _norms(r)
    rho = _dots(r, ar)
    while True:
        power = _dots(ap, ap)
        # A product of two vectors that are nearly orthogonal is rounding error
        bad = (np.abs(rho) <= tiny * norms * _norms(ar)) | (np.abs(power) <= tiny * _norms(ap) ** 2)
        good = norms <= targets[index]
        stop = good | bad | (iterations[index] >= max_iterations[index]) | ~np.isfinite(norms)
        if np.any(stop):
            solution[index[stop]] = x[stop]
            broken[index[stop]] = bad[stop] & ~good[stop]
            keep = ~stop
            index, x, r, p, ar, ap = (v[keep] for v in (index, x, r, p, ar, ap))
            rho, power = rho[keep], power[keep]
            if not len(index):
                return solution, iterations, broken
        iterations[index] += 1
        for k, alpha in enumerate(rho / power):
            axpy(p[k], x[k], a=alpha)
            axpy(ap[k], r[k], a=-alpha)
        norms = _norms(r)
        done = (norms <= targets[index]) | (iterations[index] >= max_iterations[index])
        if np.all(done):
            continue  # the product below would not be used
        ar = product(r)
        previous, rho = rho, _dots(r, ar)
        for v, new in ((p, r), (ap, ar)):
            v *= (rho / previous)[:, np.newaxis].astype(v.dtype)
            v += new


def _dots(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Unconjugated products of the rows."""
    return np.array([np.dot(u, v) for u, v in zip(a, b, strict=True)])


def _norms(rows: np.ndarray) -> np.ndarray:
    return np.sqrt([np.vdot(row, row).real for row in rows])
