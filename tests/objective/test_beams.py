"""Losses of beams for users and an extended target, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sionna_isac import bound, objective

CRB = np.array([2e-4, 5e-3])
SINR = np.array([[8.0, 20.0, 1.0], [30.0, 11.0, 10.5]])
ENERGY = np.array([[1.0, 2.0, 9.0], [2.0, 4.0, 6.0]])
USERS = np.array([[True, True, False], [True, True, True]])
SCATTERERS = np.array([[True, True, False], [True, True, True]])
WANTED = {"min_sinr": 10.0, "coverage": 2.5}


def test_linear_form_is_the_published_one():
    loss = objective.crb_min_loss(
        CRB, SINR, ENERGY, **WANTED, form="linear", sinr_weight=0.5, coverage_weight=0.25
    )
    first = 2e-4 + 0.5 * (2 + 9) + 0.25 * (9 - 2.5)
    second = 5e-3 + 0.25 * (6 - 5)
    np.testing.assert_allclose(loss, (first + second) / 2, rtol=1e-14)


def test_log_form_counts_ratios():
    loss = objective.crb_min_loss(CRB, SINR, ENERGY, **WANTED)
    first = np.log(2e-4) + 5 * (np.log(11.2 / 8) + np.log(11.2)) + 2 * np.log(9 / 2.375)
    second = np.log(5e-3) + 5 * (np.log(11.2 / 11) + np.log(11.2 / 10.5)) + 2 * np.log(3 / 2.375)
    np.testing.assert_allclose(loss, (first + second) / 2, rtol=1e-14)


def test_weighted_loss_trades_bound_for_rate():
    loss = objective.weighted_isac_loss(
        CRB, SINR, ENERGY, weight=0.3, balance=1e4, coverage=2.5, form="linear", coverage_weight=0.1
    )
    rates = np.sum(np.log2(1 + SINR), 1)
    expected = 0.7e4 * CRB - 0.3 * rates + 0.1 * np.array([6.5, 1.0])
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-14)


@pytest.mark.parametrize("form", ["log", "linear"])
def test_what_is_not_there_does_not_count(form):
    masks = {"users": USERS, "scatterers": SCATTERERS, "form": form}
    for loss, wanted in (
        (objective.crb_min_loss, WANTED),
        (objective.weighted_isac_loss, {"balance": 1.0, "coverage": 2.5}),
    ):
        given = loss(CRB, SINR, ENERGY, **wanted, **masks)
        other = loss(
            CRB, np.where(USERS, SINR, 77.0), np.where(SCATTERERS, ENERGY, 1e-9), **wanted, **masks
        )
        np.testing.assert_array_equal(given, other)


def test_a_silent_user_has_a_finite_gradient():
    sinr = tf.Variable(0 * SINR)
    with tf.GradientTape() as tape:
        loss = objective.crb_min_loss(CRB, sinr, 0 * ENERGY, **WANTED)
    assert np.all(np.isfinite(tape.gradient(loss, sinr)))


def test_trace_is_that_of_the_bound(rng):
    half = rng.normal(size=(3, 5, 7)) * [[1.0], [1e3], [30.0], [1e-2], [1e5]]
    fim = half @ half.swapaxes(-1, -2)
    crb = bound.cramer_rao_bound(bound.effective_fim(fim, 4))
    expected = np.trace(crb, axis1=-2, axis2=-1)
    np.testing.assert_allclose(objective.crb_trace(fim), expected, rtol=1e-9)
    point = bound.cramer_rao_bound(bound.effective_fim(fim[:, 1:, 1:], 3))  # of a point target
    expected = np.trace(point, axis1=-2, axis2=-1)
    np.testing.assert_allclose(objective.crb_trace(fim[:, 1:, 1:]), expected, rtol=1e-9)
    weights = [1.0, 0.0, 3.0]
    crb = bound.cramer_rao_bound(fim)[..., :3, :3]
    expected = np.einsum("bii,i->b", crb, weights)
    compiled = tf.function(lambda j: objective.crb_trace(j, 3, weights), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(fim)), expected, rtol=1e-9)


def test_trace_of_a_singular_matrix_is_nan():
    fim = np.ones((2, 3, 3)) + np.eye(3) * [[[1.0]], [[-2.0]]]
    np.testing.assert_array_equal(np.isnan(objective.crb_trace(fim, 3)), [False, True])
