"""GOSPA at, just below and above the cut-off distance, against all assignments there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from sionna_isac.objective import detection_gospa_loss, gospa, gospa_parts

CUTOFF = 45.0


def all_assignments(num_rows: int, num_columns: int):
    """Every way to pair some rows with some columns, from no pair to as many as there can be."""
    for size in range(min(num_rows, num_columns) + 1):
        for rows in itertools.combinations(range(num_rows), size):
            for columns in itertools.permutations(range(num_columns), size):
                yield list(rows), list(columns)


def best_parts(estimate, truth, cutoff, p) -> tuple[float, int, int]:
    """Proposition 1 of [Rahmathullah17]: distances of pairs, and half a cut-off for the others.

    Integer coordinates make sums and comparisons exact. Of assignments of the same cost, the one
    with the fewest pairs is returned: at the cut-off, a pair is a missed and a false target.
    """
    distance = np.linalg.norm(estimate[:, None] - truth[None], axis=-1)
    best = None
    for rows, columns in all_assignments(len(estimate), len(truth)):
        pairs = np.sum(distance[rows, columns] ** p)
        alone = len(estimate) + len(truth) - 2 * len(rows)
        total = pairs + cutoff**p / 2 * alone
        if best is None or total < best[0] - 1e-9 * cutoff**p:
            best = (total, pairs, len(truth) - len(rows), len(estimate) - len(rows))
    return best[1:]


# distances: 45 along an axis and by (27, 36), 44.7, 45.2 and 45.01 next to it, 0 and far away
STEPS = np.array(
    [[45, 0], [0, -45], [27, 36], [-36, 27], [20, 40], [21, 40], [-45, 1], [0, 0], [300, 7]], float
)


def scenes(rng, number: int):
    for _ in range(number):
        n, m = rng.integers(0, 4, 2)
        truth = rng.integers(-200, 200, (3, 2)).astype(float)
        moved = truth + STEPS[rng.integers(0, len(STEPS), 3)]
        yield moved[rng.permutation(3)], truth, int(n), int(m)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_of_pairs_around_the_cutoff(rng, p, dtype):
    estimate, truth, n, m = (np.array(v) for v in zip(*scenes(rng, 150), strict=True))
    parts = gospa_parts(estimate.astype(dtype), truth.astype(dtype), n, m, CUTOFF, p)
    total = gospa(estimate.astype(dtype), truth.astype(dtype), n, m, CUTOFF, p)
    at_limit = 0
    for i in range(len(n)):
        pairs, missed, false = best_parts(estimate[i, : n[i]], truth[i, : m[i]], CUTOFF, p)
        half = CUTOFF**p / 2
        expected = [pairs, half * missed, half * false]
        actual = [float(part[i]) for part in parts]
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-3 * half)
        np.testing.assert_allclose(total[i], sum(expected) ** (1 / p), rtol=1e-5)
        distance = np.linalg.norm(estimate[i, : n[i], None] - truth[i, : m[i]], axis=-1)
        at_limit += np.any(distance == CUTOFF)
    assert at_limit > 30


@pytest.mark.parametrize(
    ("step", "cutoff"),
    # quotients of the latter ones are rounded to less than 1
    [*((tuple(step), 45) for step in STEPS[:7]), ((7, 24), 25), ((-48, 14), 50), ((15, 8), 17)],
)
def test_every_pair_at_the_cutoff_is_a_missed_and_a_false_target(rng, step, cutoff):
    """Wherever the pair lies: what is exact in whole metres must not depend on rounding."""
    truth = rng.integers(-1000, 1000, (300, 1, 2)).astype(float)
    near = np.linalg.norm(step) < cutoff
    for dtype in (np.float32, np.float64):
        parts = gospa_parts((truth + step).astype(dtype), truth.astype(dtype), 1, 1, cutoff)
        np.testing.assert_array_equal(np.asarray(parts.missed) == 0, near)
        np.testing.assert_array_equal(parts.missed, parts.false)


def test_value_is_continuous_and_capped():
    truth = np.zeros((1, 1, 2))
    for distance, expected in ((44.999, 44.999), (45.0, 45.0), (45.001, 45.0), (1e6, 45.0)):
        estimate = np.array([[[distance, 0.0]]])
        for p in (1, 2, 4):
            value = gospa(estimate, truth, 1, 1, CUTOFF, p).numpy()
            assert value == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_pairs_beyond_the_cutoff_pull_on_nothing(p):
    """Just below it the gradient is that of the distance, from it on 0."""
    for distance, slope in ((44.999, 1.0), (45.001, 0.0), (90.0, 0.0)):
        estimate = tf.constant([[[distance, 0.0]]], tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(estimate)
            value = gospa(estimate, np.zeros((1, 1, 2)), 1, 1, CUTOFF, p)
        np.testing.assert_allclose(tape.gradient(value, estimate), [[[slope, 0.0]]], atol=1e-12)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_detection_loss_around_its_cutoff(rng, p):
    """All permutations; cross-entropies capped at log 2 times 1 (at it), 2 and 1/2."""
    probability = rng.uniform(0.02, 0.98, (20, 3))
    probability[:, 0] = 0.5  # a cross-entropy of log 2 with either answer
    present = rng.integers(0, 2, (20, 3)).astype(float)
    pair = -np.log(
        np.where(present[:, :, None] == 1, probability[:, None], 1 - probability[:, None])
    )
    for cutoff in np.log(2) * np.array([1.0, 2.0, 0.5]):
        expected = [
            min(
                sum(min(matrix[i, j], cutoff) ** p for i, j in enumerate(order))
                for order in itertools.permutations(range(3))
            )
            ** (1 / p)
            for matrix in pair
        ]
        loss = detection_gospa_loss(probability, present, cutoff, p)
        assert float(loss) == pytest.approx(np.mean(expected), rel=1e-9)
