"""Krylov solver of complex-symmetric systems, in NumPy and in TensorFlow, and first guesses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.linalg import get_blas_funcs

from sionna_isac.core import linalg
from sionna_isac.core.threads import one_blas_thread
from sionna_isac.scattering.errors import NotConvergedError

__all__ = ["Solution", "ToneHistory", "solve", "solve_in_graph"]

Apply = Callable[[np.ndarray], np.ndarray]
RESTARTS = 10
ORDER = 3  # tones that a guess is extrapolated from: quadratic
GROWTH = 100.0  # of a residual, beyond which the recursion is given up
NEARLY = 1000  # rounding errors: products that small are as good as zero
MARGIN = 0.95  # of the target, for the residual that the recursion carries along


class Solution(NamedTuple):
    """Solutions of a batch of systems, arrays or tensors."""

    x: Any
    """[K, ...]"""
    iterations: Any
    """[K], products with the operator"""
    residuals: Any
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
    that it divides by can vanish (circular polarisation on a symmetric target), or nearly, so that
    the residual grows: such a system is split into its real and its imaginary right-hand side.
    Residuals are recomputed at the end, and the recursion is restarted from them where rounding
    has led it astray. The products with the guess and for the residuals count towards
    ``max_iterations``.
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
    """Guesses scaled to the smallest residual: none is worse than 0."""
    image = product(guess)
    energy = np.array([np.vdot(v, v).real for v in image])
    overlap = np.array([np.vdot(v, b) for v, b in zip(image, rhs, strict=True)])
    scale = np.divide(overlap, energy, out=np.zeros_like(overlap), where=energy > 0)[:, np.newaxis]
    return scale * guess, rhs - scale * image


def _cocr(
    product: Apply, residual: np.ndarray, targets: np.ndarray, max_iterations: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solutions [K, n] from 0, iterations [K], and the mask [K] of breakdowns."""
    axpy = get_blas_funcs("axpy", (residual,))
    tiny = NEARLY * np.finfo(residual.dtype).eps
    solution = np.zeros_like(residual)
    iterations = np.zeros(len(residual), int)
    broken = np.zeros(len(residual), bool)
    index = np.arange(len(residual))
    x, r, p = np.zeros_like(residual), residual.copy(), residual.copy()
    ar = product(r)
    ap = ar.copy()
    norms = _norms(r)
    largest = GROWTH * norms
    rho = _dots(r, ar)
    while True:
        power = _dots(ap, ap)
        # A product of two vectors that are nearly orthogonal is rounding error
        bad = (np.abs(rho) <= tiny * norms * _norms(ar)) | (np.abs(power) <= tiny * _norms(ap) ** 2)
        # and what follows a residual that has grown so far is: its steps are not taken
        lost = ~(norms <= largest[index])
        bad |= lost
        good = norms <= targets[index]
        stop = good | bad | (iterations[index] >= max_iterations[index])
        if np.any(stop):
            solution[index[stop & ~lost]] = x[stop & ~lost]
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


class _Tone(NamedTuple):
    wavenumber: float
    mixing: np.ndarray
    solutions: np.ndarray


class ToneHistory:
    r"""Extrapolates solutions over frequency, free of the phase of the way to the antennas.

    The solutions at a tone are :math:`e^{-jk\ell_n}` times something that varies slowly over
    frequency, with the distance :math:`\ell_n` of a voxel from the centre of the antennas. Each
    belongs to a combination of the antennas that differs from tone to tone: they are remixed.

    Parameters
    ----------
    voxels : [N, 3], `float`
        Voxel centres [m]
    antennas : [T, 3], `float`
        Antennas on the side that is solved for [m]
    """

    def __init__(self, voxels: np.ndarray, antennas: np.ndarray) -> None:
        self._distance = np.linalg.norm(voxels - antennas.mean(0), axis=1)
        self._tones: list[_Tone] = []

    def guess(self, wavenumber: float, mixing: np.ndarray) -> np.ndarray | None:
        """Solutions [K, 3, N] to expect for the combinations ``mixing`` [T, K] of the antennas."""
        if not self._tones:
            return None
        nodes = np.array([tone.wavenumber for tone in self._tones])
        total: np.ndarray | None = None
        for n, tone in enumerate(self._tones):
            others = np.delete(nodes, n)
            weight = np.prod((wavenumber - others) / (nodes[n] - others))
            remix = (weight * mixing.conj().T @ tone.mixing).astype(tone.solutions.dtype)
            part = remix @ tone.solutions.reshape(len(tone.solutions), -1)
            total = part if total is None else total + part
        assert total is not None
        guess = total.reshape(len(total), 3, -1)
        guess *= self._phase(-wavenumber, guess.dtype)
        return guess

    def add(self, wavenumber: float, mixing: np.ndarray, solutions: np.ndarray) -> None:
        """Keep the solutions at a tone, and those of the two before it."""
        solutions = solutions * self._phase(wavenumber, solutions.dtype)
        self._tones = [*self._tones[1 - ORDER :], _Tone(wavenumber, mixing, solutions)]

    def _phase(self, wavenumber: float, dtype: np.dtype) -> np.ndarray:
        return np.exp(1j * wavenumber * self._distance).astype(dtype)


class _Outer(NamedTuple):
    count: tf.Tensor
    x: tf.Tensor
    residual: tf.Tensor
    norms: tf.Tensor
    iterations: tf.Tensor
    split: tf.Tensor
    open: tf.Tensor


class _Inner(NamedTuple):
    x: tf.Tensor
    r: tf.Tensor
    p: tf.Tensor
    ap: tf.Tensor
    rho: tf.Tensor
    iterations: tf.Tensor
    active: tf.Tensor
    broken: tf.Tensor


def solve_in_graph(
    apply: Callable, rhs: tf.Tensor, targets: tf.Tensor, max_iterations: int
) -> Solution:
    """Solve A x = b for each row b of ``rhs`` [K, n] with A = A^T, not Hermitian.

    The method is that of the NumPy solver: conjugate orthogonal conjugate residuals, restarted
    from true residuals; where an unconjugated product vanishes, the real and the imaginary part
    of the residual are solved for in turn. Rows that are done wait for the others. Whether a row
    reached its target is to be read from ``residuals``.
    """

    def more(*state: tf.Tensor) -> tf.Tensor:
        now = _Outer(*state)
        return (now.count < RESTARTS) & tf.reduce_any(now.open)

    def restart(*state: tf.Tensor) -> tuple:
        now = _Outer(*state)
        goal = MARGIN * tf.where(now.split, math.sqrt(0.5) * targets, targets)
        start = tf.where(now.split[:, tf.newaxis], _larger_part(now.residual), now.residual)
        start = tf.where(now.open[:, tf.newaxis], start, tf.zeros_like(start))
        step, used, broken = _graph_cocr(apply, start, goal, max_iterations - now.iterations)
        x = now.x + step
        residual = rhs - apply(x)
        norms = _row_norms(residual)
        iterations = now.iterations + used + tf.cast(now.open, tf.int32)
        split = now.split | broken
        stuck = ~split & (norms > 0.5 * now.norms)
        alive = (iterations < max_iterations) & tf.math.is_finite(norms) & ~stuck
        still = now.open & (norms > targets) & alive
        return _Outer(now.count + 1, x, residual, norms, iterations, split, still)

    norms = _row_norms(rhs)
    none = tf.zeros_like(norms, tf.bool)
    begin = _Outer(
        tf.constant(0),
        tf.zeros_like(rhs),
        rhs,
        norms,
        tf.zeros_like(norms, tf.int32),
        none,
        (norms > targets) & tf.math.is_finite(norms),
    )
    end = _Outer(*tf.while_loop(more, restart, begin, parallel_iterations=1))
    return Solution(end.x, end.iterations, end.norms)


def _graph_cocr(
    apply: Callable, residual: tf.Tensor, targets: tf.Tensor, max_iterations: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Solutions [K, n] from 0, iterations [K], and the mask [K] of breakdowns."""
    tiny = NEARLY * float(np.finfo(targets.dtype.as_numpy_dtype).eps)

    def more(*state: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(_Inner(*state).active)

    def iterate(*state: tf.Tensor) -> tuple:
        now = _Inner(*state)
        ar = apply(now.r)
        rho = _row_products(now.r, ar)
        beta = _ratio(rho, now.rho)
        p = now.r + beta * now.p
        ap = ar + beta * now.ap
        power = _row_products(ap, ap)
        # A product of two vectors that are nearly orthogonal is rounding error
        bad = (tf.abs(rho) <= tiny * _row_norms(now.r) * _row_norms(ar)) | (
            tf.abs(power) <= tiny * _row_norms(ap) ** 2
        )
        active = now.active & ~bad
        ratio = _ratio(rho, power)
        alpha = tf.where(active[:, tf.newaxis], ratio, tf.zeros_like(ratio))
        r = now.r - alpha * ap
        iterations = now.iterations + tf.cast(now.active, tf.int32)
        norms = _row_norms(r)
        unfinished = (norms > targets) & tf.math.is_finite(norms) & (iterations < max_iterations)
        return _Inner(
            now.x + alpha * p,
            r,
            p,
            ap,
            rho,
            iterations,
            active & unfinished,
            now.broken | (now.active & bad),
        )

    norms = _row_norms(residual)
    zero = tf.zeros_like(residual)
    begin = _Inner(
        zero,
        residual,
        zero,
        zero,
        tf.ones_like(residual[:, 0]),
        tf.zeros_like(norms, tf.int32),
        norms > targets,
        tf.zeros_like(norms, tf.bool),
    )
    end = _Inner(*tf.while_loop(more, iterate, begin, parallel_iterations=1))
    return end.x, end.iterations, end.broken


def _larger_part(vectors: tf.Tensor) -> tf.Tensor:
    """Real or imaginary part of each row, whichever is larger."""
    re, im = tf.math.real(vectors), tf.math.imag(vectors)
    zero = tf.zeros_like(re)
    first = tf.reduce_sum(re**2, -1, keepdims=True) >= tf.reduce_sum(im**2, -1, keepdims=True)
    return tf.where(first, tf.complex(re, zero), tf.complex(zero, im))


def _ratio(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """a / b as a column, 0 where b is 0."""
    return tf.math.divide_no_nan(a, b)[:, tf.newaxis]


def _row_products(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Unconjugated products of the rows."""
    return tf.reduce_sum(a * b, -1)


def _row_norms(rows: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_sum(linalg.real_rows(rows) ** 2, -1))
