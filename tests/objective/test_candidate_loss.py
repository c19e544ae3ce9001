"""Losses of candidates against their formula in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from sionna_isac.objective import (
    MultitaskLabels,
    candidate_loss,
    candidate_terms,
    multitask_terms,
)
from sionna_isac.receiver import LocalizerCandidates, LocalizerOutput

B, N = 5, 3
NEAREST = np.array([1, 0, 2, 1, 0])


@pytest.fixture
def values(rng):
    """Candidates whose nearest one is ``NEAREST``; the last sample is far from all."""
    labels = MultitaskLabels(rng.integers(0, 2, B), rng.uniform(20, 30, B), rng.uniform(-1, 1, B))
    away = rng.uniform(8, 12, (B, N))
    away[np.arange(B), NEAREST] = 0.5
    away[-1] = [40, 60, 80]
    estimates = LocalizerOutput(
        logits=rng.normal(size=(B, N, 2)),
        range=rng.uniform(20, 30, (B, N)),
        azimuth=rng.uniform(-1, 1, (B, N)),
        log_var_range=rng.normal(size=(B, N)),
        log_var_azimuth=rng.normal(size=(B, N)),
    )
    middle = labels.azimuth[:, np.newaxis] + rng.normal(0, 0.01, (B, N))
    score = rng.normal(size=(B, N))
    return LocalizerCandidates(score, middle, labels.range[:, np.newaxis] + away, estimates), labels


def test_terms_are_those_of_the_nearest_candidate(values):
    candidates, labels = values
    seen = np.arange(B - 1)
    likely = np.exp(candidates.score) / np.exp(candidates.score).sum(1, keepdims=True)
    expected = {"score": -2 * np.sum(np.log(likely[seen, NEAREST[:-1]])) / B}
    nearest = LocalizerOutput(
        *(v if v is None else v[seen, NEAREST[:-1]] for v in candidates.estimates)
    )
    of_seen = multitask_terms(
        nearest, labels._make(v if v is None else v[:-1] for v in labels), physics=("planar",)
    )
    expected.update({name: value * (B - 1) / B for name, value in of_seen.items()})
    terms = candidate_terms(candidates, labels, score_weight=2, physics=("planar",))
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        # the root of the planar term has 1e-3 m in place of 0 for the last sample
        atol = 1e-3 if name == "planar" else 1e-12
        np.testing.assert_allclose(terms[name], value, rtol=1e-10, atol=atol)
    total = candidate_loss(candidates, labels, score_weight=2, physics=("planar",))
    np.testing.assert_allclose(total, np.sum(list(terms.values())), rtol=1e-12)
    assert "score" not in candidate_terms(candidates, labels, score_weight=0)


@pytest.mark.parametrize("jit", [False, True])
def test_gradients_reach_the_nearest_candidate_alone(values, jit):
    candidates, labels = tf.nest.map_structure(lambda v: v if v is None else tf.constant(v), values)

    @tf.function(jit_compile=jit)
    def gradients():
        with tf.GradientTape() as tape:
            sources = candidates.score, candidates.estimates.range, candidates.estimates.logits
            tape.watch(sources)
            loss = candidate_loss(candidates, labels)
        return tape.gradient(loss, sources)

    score, place, logits = (np.asarray(g) for g in gradients())
    hit = np.zeros([B, N], bool)
    hit[np.arange(B - 1), NEAREST[:-1]] = True
    np.testing.assert_array_equal(place != 0, hit)
    np.testing.assert_array_equal(np.any(logits != 0, -1), hit)
    assert np.all(score[:-1] != 0) and np.all(score[-1] == 0)


def test_the_best_candidate_has_the_highest_score(values):
    candidates, _ = values
    index = np.argmax(candidates.score, 1)
    best = candidates.best()
    np.testing.assert_array_equal(best.range, candidates.estimates.range[np.arange(B), index])
    np.testing.assert_array_equal(best.logits, candidates.estimates.logits[np.arange(B), index])
    assert best.peak is None
