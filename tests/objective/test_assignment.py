import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from sionna_isac.objective import optimal_assignment
from sionna_isac.objective.assignment import _bottleneck


def total(cost, columns):
    return np.take_along_axis(cost, np.asarray(columns)[..., np.newaxis], 2).sum((1, 2))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 10, 11, 13])
@pytest.mark.parametrize("kind", ["uniform", "integers", "equal"])
def test_is_optimal(size, kind):
    rng = np.random.default_rng(size)
    shape = (12, size, size)
    cost = {
        "uniform": rng.uniform(size=shape),
        "integers": rng.integers(-2, 3, shape).astype(float),
        "equal": np.ones(shape),
    }[kind]
    columns = optimal_assignment(tf.constant(cost)).numpy()
    assert np.array_equal(np.sort(columns, 1), np.tile(np.arange(size), (12, 1)))
    best = [c[linear_sum_assignment(c)].sum() for c in cost]
    np.testing.assert_allclose(total(cost, columns), best, atol=1e-12)


def test_is_optimal_by_brute_force():
    cost = np.random.default_rng(1).normal(size=(20, 4, 4))
    orders = list(itertools.permutations(range(4)))
    best = np.min([cost[:, range(4), o].sum(1) for o in orders], 0)
    np.testing.assert_allclose(total(cost, optimal_assignment(tf.constant(cost))), best)


@pytest.mark.parametrize("size", [3, 10])
def test_eager_graph_and_xla_agree(size):
    cost = tf.random.stateless_uniform([7, size, size], [1, 2])
    eager = optimal_assignment(cost)
    for jit in (False, True):
        compiled = tf.function(optimal_assignment, jit_compile=jit)(cost)
        assert np.array_equal(eager, compiled)


def test_empty_batches_and_sizes():
    assert optimal_assignment(tf.zeros([0, 3, 3])).shape == (0, 3)
    assert optimal_assignment(tf.zeros([0, 12, 12])).shape == (0, 12)
    assert optimal_assignment(tf.zeros([4, 0, 0])).shape == (4, 0)


def test_batch_size_may_be_unknown():
    for size in (4, 12):
        spec = tf.TensorSpec([None, size, size], tf.float64)
        function = tf.function(optimal_assignment, input_signature=[spec])
        cost = np.random.default_rng(2).uniform(size=(5, size, size))
        best = [c[linear_sum_assignment(c)].sum() for c in cost]
        np.testing.assert_allclose(total(cost, function(tf.constant(cost))), best)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 4)])
def test_rejects_other_shapes(shape):
    with pytest.raises(ValueError, match="cost must"):
        optimal_assignment(tf.zeros(shape))


def test_rejects_what_is_no_cost():
    with pytest.raises(ValueError, match="cost must be finite; got 1 NaN"):
        optimal_assignment([[[1.0, np.nan], [1.0, 1.0]]])
    with pytest.raises(TypeError, match="cost must hold real numbers; got complex"):
        optimal_assignment(np.ones((1, 2, 2), complex))


@pytest.mark.parametrize("size", [1, 4, 7, 12])
def test_bottleneck(size):
    """In a graph and on the host: the least b for which SciPy finds a permutation."""
    cost = np.random.default_rng(size).integers(0, 9, (8, size, size)).astype(float)
    for matrix, actual in zip(cost, _bottleneck(tf.constant(cost)).numpy(), strict=True):
        allowed = [b for b in range(9) if perfect_matching(matrix <= b)]
        assert actual == allowed[0]


def perfect_matching(allowed):
    match = maximum_bipartite_matching(csr_matrix(allowed), perm_type="column")
    return bool(np.all(match >= 0))
