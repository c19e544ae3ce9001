"""The Krylov solver of complex-symmetric systems in TensorFlow, with static shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.scattering._solver import MARGIN, RESTARTS

__all__ = ["GraphSolution", "solve"]

Apply = Callable[[tf.Tensor], tf.Tensor]


class GraphSolution(NamedTuple):
    """Solutions of a batch of systems."""

    x: tf.Tensor
    """[K, n]"""
    iterations: tf.Tensor
    """[K], products with the operator"""
    residuals: tf.Tensor
    """[K], norms of the true residuals"""


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


def solve(apply: Apply, rhs: tf.Tensor, targets: tf.Tensor, max_iterations: int) -> GraphSolution:
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
        step, used, broken = _cocr(apply, start, goal, max_iterations - now.iterations)
        x = now.x + step
        residual = rhs - apply(x)
        norms = _norms(residual)
        iterations = now.iterations + used + tf.cast(now.open, tf.int32)
        split = now.split | broken
        stuck = ~split & (norms > 0.5 * now.norms)
        alive = (iterations < max_iterations) & tf.math.is_finite(norms) & ~stuck
        still = now.open & (norms > targets) & alive
        return _Outer(now.count + 1, x, residual, norms, iterations, split, still)

    norms = _norms(rhs)
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
    return GraphSolution(end.x, end.iterations, end.norms)


def _cocr(
    apply: Apply, residual: tf.Tensor, targets: tf.Tensor, max_iterations: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Solutions [K, n] from 0, iterations [K], and which broke down [K]."""
    tiny = 100 * float(np.finfo(targets.dtype.as_numpy_dtype).eps)

    def more(*state: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(_Inner(*state).active)

    def iterate(*state: tf.Tensor) -> tuple:
        now = _Inner(*state)
        ar = apply(now.r)
        rho = _dots(now.r, ar)
        beta = _ratio(rho, now.rho)
        p = now.r + beta * now.p
        ap = ar + beta * now.ap
        power = _dots(ap, ap)
        # A product of two vectors that are nearly orthogonal is rounding error
        bad = (tf.abs(rho) <= tiny * _norms(now.r) * _norms(ar)) | (
            tf.abs(power) <= tiny * _norms(ap) ** 2
        )
        active = now.active & ~bad
        ratio = _ratio(rho, power)
        alpha = tf.where(active[:, tf.newaxis], ratio, tf.zeros_like(ratio))
        r = now.r - alpha * ap
        iterations = now.iterations + tf.cast(now.active, tf.int32)
        norms = _norms(r)
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

    norms = _norms(residual)
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


def _dots(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Unconjugated products of the rows."""
    return tf.reduce_sum(a * b, -1)


def _norms(rows: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_sum(linalg.real_rows(rows) ** 2, -1))
