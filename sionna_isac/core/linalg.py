"""Complex linear algebra in the forms that are fast on CPU and exist under XLA.

TensorFlow's complex matrix products are slower on CPU than the equivalent real one of doubled
size, and XLA on CPU has no complex solve: both go through real-stacked matrices here.
"""

from __future__ import annotations

import tensorflow as tf

__all__ = [
    "apply_on_right",
    "conj_block",
    "expj",
    "hermitian_solve",
    "matmul",
    "real_block",
    "real_rows",
    "safe_abs",
    "sizes",
    "to_complex",
]


def real_block(matrix: tf.Tensor) -> tf.Tensor:
    """Real matrix [..., 2m, 2n] that acts on row vectors [Re, Im] as ``x @ matrix`` does.

    Parameters
    ----------
    matrix : [..., m, n], `tf.complex`

    Output
    ------
    : [..., 2m, 2n], `tf.float`
    """
    re, im = tf.math.real(matrix), tf.math.imag(matrix)
    return tf.concat([tf.concat([re, im], -1), tf.concat([-im, re], -1)], -2)


def apply_on_right(stacked: tf.Tensor, block: tf.Tensor) -> tf.Tensor:
    """Rows [Re, Im] ``[..., 2m]`` times a constant matrix in real-block form ``[2m, 2n]``.

    The leading dimensions are flattened, so that this is one large matrix product.
    """
    flat = tf.reshape(stacked, [-1, stacked.shape[-1]])
    return tf.reshape(flat @ block, [*sizes(stacked)[:-1], block.shape[-1]])


def sizes(tensor: tf.Tensor) -> list[int | tf.Tensor]:
    """Size of each dimension: a number where it is known, a scalar tensor where it is not."""
    if tensor.shape.is_fully_defined():
        return tensor.shape.as_list()
    dynamic = tf.shape(tensor)
    return [dynamic[i] if n is None else n for i, n in enumerate(tensor.shape)]


def matmul(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Complex matrix product ``a @ b`` by one real product.

    Parameters
    ----------
    a : [..., m, k], `tf.complex`
    b : [..., k, n], `tf.complex`

    Output
    ------
    : [..., m, n], `tf.complex`
    """
    rows, block = real_rows(a), real_block(b)
    if rows.shape.rank is not None and rows.shape.rank > 3 and block.shape.rank == 2:
        # one product of all rows: TensorFlow 2.21 crashes on [n, 1, a, b] @ [b, c] in a graph
        *shape, width = sizes(rows)
        flat = tf.reshape(rows, [-1, width]) @ block
        product = tf.reshape(flat, [*shape, sizes(block)[-1]])
    else:
        product = rows @ block
    re, im = tf.split(product, 2, axis=-1)
    return tf.complex(re, im)


@tf.custom_gradient
def _solve(matrix: tf.Tensor, rhs: tf.Tensor):
    factor = tf.linalg.cholesky(matrix)
    solution = tf.linalg.cholesky_solve(factor, rhs)

    def grad(upstream: tf.Tensor):
        # one more solve with the same factor instead of differentiating the factorisation
        adjoint = tf.linalg.cholesky_solve(factor, upstream)
        return -tf.matmul(adjoint, solution, transpose_b=True), adjoint

    return solution, grad


def hermitian_solve(matrix: tf.Tensor, rhs: tf.Tensor) -> tf.Tensor:
    """Solve ``matrix @ x = rhs`` for a Hermitian positive-definite matrix.

    One factorisation serves all right-hand sides; the gradient costs one further solve with it.

    Parameters
    ----------
    matrix : [..., n, n], `tf.complex`
        Hermitian positive-definite matrix
    rhs : [..., n, m], `tf.complex`
        Right-hand sides

    Output
    ------
    : [..., n, m], `tf.complex`
        Solutions (NaN where the matrix is not positive definite)
    """
    stacked = tf.concat([tf.math.real(rhs), tf.math.imag(rhs)], -2)
    block = real_block(tf.linalg.matrix_transpose(matrix))
    re, im = tf.split(_solve(tf.linalg.matrix_transpose(block), stacked), 2, axis=-2)
    return tf.complex(re, im)


def real_rows(matrix: tf.Tensor) -> tf.Tensor:
    """Rows [..., 2n] that hold real and imaginary parts of rows [..., n] side by side."""
    return tf.concat([tf.math.real(matrix), tf.math.imag(matrix)], -1)


def conj_block(matrix: tf.Tensor) -> tf.Tensor:
    """Real matrix [..., 2m, 2n] with ``real_rows(a) @ block = real_rows(conj(a) @ matrix)``."""
    re, im = tf.math.real(matrix), tf.math.imag(matrix)
    return tf.concat([tf.concat([re, im], -1), tf.concat([im, -re], -1)], -2)


def to_complex(real: tf.Tensor) -> tf.Tensor:
    """Complex tensor of a real one (a cast's gradient would be cast back with a warning)."""
    return tf.complex(real, tf.zeros_like(real))


def expj(phase: tf.Tensor) -> tf.Tensor:
    """Complex exponential of j times a real phase."""
    return tf.complex(tf.cos(phase), tf.sin(phase))


def safe_abs(re: tf.Tensor, im: tf.Tensor, floor: tf.Tensor | float = 0.0) -> tf.Tensor:
    """Magnitude of re + j im with gradient 0 where it does not exceed ``floor``.

    The magnitude has no gradient at 0, and TensorFlow's is NaN there. Values up to ``floor``
    (rounding errors of a quantity that is exactly 0) are returned as 0.
    """
    square = re * re + im * im
    floor = tf.cast(floor, square.dtype)
    # not by the negation of this: graphs make "not <=" a ">", which is false for NaN
    small = square <= floor * floor
    root = tf.sqrt(tf.where(small, tf.ones_like(square), square))
    return tf.where(small, tf.zeros_like(square), root)
