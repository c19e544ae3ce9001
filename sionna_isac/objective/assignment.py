"""The cheapest one-to-one assignment between two sets, for batches and inside a graph."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from sionna_isac.core import checks
from sionna_isac.objective._tensors import tiny

__all__ = ["norm_assignment", "optimal_assignment", "p_norm"]

# The dynamic programme takes size * 2**(size-1) additions a sample: 80 for 5, 5120 for 10.
MAX_IN_GRAPH = 10


def optimal_assignment(cost: tf.Tensor) -> tf.Tensor:
    r"""Permutation of minimum total cost for each matrix of a batch.

    Exact for every size. Up to size 10 it is a dynamic programme over subsets of columns, made of
    gathers and minima with static indices, which runs in a graph and under XLA. Larger problems
    are solved on the host by `scipy.optimize.linear_sum_assignment`; that works in a graph, but
    not with ``jit_compile=True``. No gradient flows through the assignment.

    Parameters
    ----------
    cost : [batch_size, size, size], `tf.float`
        Finite cost of assigning column j to row i

    Output
    ------
    : [batch_size, size], `tf.int32`
        Column assigned to each row

    Raises
    ------
    ValueError
        If ``cost`` is not a batch of square matrices of a size known when the graph is built
    """
    cost = tf.convert_to_tensor(cost)
    if not (cost.dtype.is_floating or cost.dtype.is_integer):
        raise TypeError(f"cost must hold real numbers; got {cost.dtype.name}")
    cost = tf.stop_gradient(checks.finite("cost", checks.rank("cost", cost, 3)))
    size = cost.shape[-1]
    if size is None or cost.shape[-2] != size:
        raise ValueError(f"cost must hold square matrices of static size; got shape {cost.shape}")
    return _assign(cost)


def norm_assignment(cost: tf.Tensor, p: float) -> tf.Tensor:
    """Permutation [B, n] of minimum p-norm of its costs, in [B, n, n] and >= 0.

    Their powers may be out of the range of the type. But the optimal total lies between b**p and
    n * b**p, with the smallest b for which some permutation has no cost above b. In units of
    b**p, what is lost at either end does not matter.
    """
    cost = tf.stop_gradient(cost)
    if p <= 2:  # squares that are lost are those of distances that positions do not resolve
        return _assign(cost * cost if p == 2 else cost**p)
    size = cost.shape[-1]
    unit = tf.maximum(_bottleneck(cost), tiny(cost))[:, tf.newaxis, tf.newaxis]
    ratio = tf.minimum(cost / unit, (size + 1) ** (1 / p))
    return _assign(ratio**p)


def p_norm(value: tf.Tensor, p: float) -> tf.Tensor:
    """p-norm [B] of rows [B, n] of numbers >= 0, with gradient 0 at 0."""
    largest = tf.stop_gradient(tf.reduce_max(value, -1))
    positive = tf.not_equal(largest, 0)  # NaN must stay NaN
    unit = tf.where(positive, largest, tf.ones_like(largest))
    ratio = value / unit[:, tf.newaxis]
    total = tf.reduce_sum(ratio * ratio if p == 2 else ratio**p, -1)
    root = unit * tf.where(positive, total, tf.ones_like(total)) ** (1 / p)
    return tf.where(positive, root, tf.zeros_like(root))


def _assign(cost: tf.Tensor) -> tf.Tensor:
    size = cost.shape[-1]
    if size == 0:
        return tf.zeros(tf.shape(cost)[:2], tf.int32)
    if size > MAX_IN_GRAPH:
        columns = tf.numpy_function(_assign_on_host, [cost], tf.int32, stateful=False)
        return tf.ensure_shape(columns, cost.shape[:2])
    return _assign_in_graph(cost, size)


def _assign_on_host(cost: np.ndarray) -> np.ndarray:
    columns = [linear_sum_assignment(matrix)[1] for matrix in cost]
    return np.asarray(columns, np.int32).reshape(cost.shape[:2])


def _bottleneck(cost: tf.Tensor) -> tf.Tensor:
    """Smallest b [B] for which some permutation has no cost above b."""
    size = cost.shape[-1]
    if size > MAX_IN_GRAPH:
        least = tf.numpy_function(_bottleneck_on_host, [cost], cost.dtype, stateful=False)
        return tf.ensure_shape(least, cost.shape[:1])
    # the programme of _assign_in_graph, with maxima in place of sums
    cost = tf.transpose(cost, [1, 2, 0])
    best = tf.zeros_like(cost[0, :1])
    for row, (columns, parents) in enumerate(_subset_tables(size)):
        candidates = tf.maximum(tf.gather(best, parents), tf.gather(cost[row], columns))
        best = tf.reduce_min(candidates, 1)
    return best[0]


def _bottleneck_on_host(cost: np.ndarray) -> np.ndarray:
    least = np.empty(len(cost), cost.dtype)
    for sample, matrix in enumerate(cost):
        values = np.unique(matrix)
        low, high = 0, len(values) - 1
        while low < high:
            middle = (low + high) // 2
            above = matrix > values[middle]
            if above[linear_sum_assignment(above)].any():
                low = middle + 1
            else:
                high = middle
        least[sample] = values[low]
    return least


def _assign_in_graph(cost: tf.Tensor, size: int) -> tf.Tensor:
    # best[s] is the least cost of placing the first rows in the s-th subset of as many columns;
    # the batch is the last axis, so that gathers copy whole rows
    tables = _subset_tables(size)
    cost = tf.transpose(cost, [1, 2, 0])
    batch = tf.range(tf.shape(cost)[2])
    best = tf.zeros_like(cost[0, :1])
    choices = []
    for row, (columns, parents) in enumerate(tables):
        candidates = tf.gather(best, parents) + tf.gather(cost[row], columns)
        choices.append(tf.argmin(candidates, 1, output_type=tf.int32))
        best = tf.reduce_min(candidates, 1)
    # go back from the full set: the column of the last row, the subset without it, and so on
    state = tf.zeros_like(batch)
    assignment = []
    for choice, (columns, parents) in zip(reversed(choices), reversed(tables), strict=True):
        index = state * columns.shape[1] + tf.gather_nd(choice, tf.stack([state, batch], -1))
        assignment.append(tf.gather(columns.ravel(), index))
        state = tf.gather(parents.ravel(), index)
    return tf.stack(assignment[::-1], axis=-1)


@functools.cache
def _subset_tables(size: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """For k = 1 ... size: the subsets of k columns, and the index of each without each member."""
    tables = []
    position: dict[tuple[int, ...], int] = {(): 0}
    for k in range(1, size + 1):
        subsets = list(itertools.combinations(range(size), k))
        parents = [[position[s[:i] + s[i + 1 :]] for i in range(k)] for s in subsets]
        tables.append((np.array(subsets, np.int32), np.array(parents, np.int32)))
        position = {s: i for i, s in enumerate(subsets)}
    return tuple(tables)
