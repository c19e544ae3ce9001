"""Losses of joint classification and localisation against their formulas in NumPy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.objective import (
    MULTITASK_WEIGHTS,
    MultitaskLabels,
    azimuth_loss,
    coupling_loss,
    multitask_loss,
    multitask_terms,
    peak_loss,
    peak_target,
    planar_loss,
    range_loss,
)

B = 7
NAMES = ("logits", "range", "azimuth", "log_var_range", "log_var_azimuth", "peak")


def wrap(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi


@pytest.fixture
def values(rng):
    """Estimates and labels, some azimuths on both sides of the cut at pi."""
    out = {
        "logits": rng.normal(size=(B, 3)),
        "range": rng.uniform(5, 50, B),
        "azimuth": rng.uniform(-1, 1, B),
        "log_var_range": rng.normal(size=B),
        "log_var_azimuth": rng.normal(-3, 1, B),
        "peak": rng.uniform(0, 1, (B, 2)),
    }
    labels = MultitaskLabels(
        rng.integers(0, 3, B),
        out["range"] + rng.normal(size=B),
        out["azimuth"] + rng.normal(0, 0.1, B),
        rng.uniform(0, 1, (B, 2)),
    )
    out["azimuth"][0], labels.azimuth[0] = 3.1, -3.1
    return out, labels


def closed_forms(out, labels, uncertainty=True):
    """Eqs. (40), (41), (44), (47) and (48) as they are printed."""
    distance, turn = out["range"] - labels.range, wrap(out["azimuth"] - labels.azimuth)
    likely = np.exp(out["logits"][np.arange(B), labels.category]) / np.exp(out["logits"]).sum(1)

    def nll(error, s):
        return np.mean(np.exp(-s) * error**2 + s) / 2 if uncertainty else np.mean(error**2)

    square = out["range"] ** 2 + labels.range**2
    square -= 2 * out["range"] * labels.range * np.cos(turn)
    return {
        "classification": -np.mean(np.log(likely)),
        "range": nll(distance, out["log_var_range"]),
        "azimuth": nll(turn / np.pi, out["log_var_azimuth"]),
        "planar": np.mean(np.sqrt(square + 1e-6)),
        "peak": np.mean(np.abs(out["peak"] - labels.peak).sum(1)),
        "coupling": np.mean(np.abs(np.abs(distance) - np.abs(labels.range * turn))),
    }


@pytest.mark.parametrize("uncertainty", [True, False])
def test_terms_are_the_printed_ones_times_their_weights(values, uncertainty):
    out, labels = values
    terms = multitask_terms(out, labels, uncertainty=uncertainty)
    expected = closed_forms(out, labels, uncertainty)
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], MULTITASK_WEIGHTS[name] * value, rtol=1e-10)
    loss = multitask_loss(SimpleNamespace(**out), labels._asdict(), uncertainty=uncertainty)
    np.testing.assert_allclose(loss, np.sum(list(terms.values())), rtol=1e-12)


def test_weights_of_the_paper():
    assert [MULTITASK_WEIGHTS[n] for n in ("range", "azimuth", "planar", "peak", "coupling")] == [
        1.0,
        1.8,
        0.2,
        0.05,
        0.1,
    ]


def test_functions_of_single_terms(values):
    out, labels = values
    expected = closed_forms(out, labels)
    place = out["range"], out["azimuth"], labels.range, labels.azimuth
    actual = {
        "range": range_loss(out["range"], labels.range, out["log_var_range"]),
        "azimuth": azimuth_loss(out["azimuth"], labels.azimuth, out["log_var_azimuth"]),
        "planar": planar_loss(*place),
        "peak": peak_loss(out["peak"], labels.peak),
        "coupling": coupling_loss(*place),
    }
    for name, value in actual.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("uncertainty", [True, False])
def test_gradients_match_differences(values, name, uncertainty, rng):
    out, labels = values
    step = rng.normal(size=out[name].shape)
    start = tf.constant(out[name])

    def loss(value):
        return multitask_loss({**out, name: value}, labels, uncertainty=uncertainty)

    with tf.GradientTape() as tape:
        tape.watch(start)
        value = loss(start)
    slope = tape.gradient(value, start, unconnected_gradients="zero").numpy()
    difference = (loss(start + 1e-6 * step) - loss(start - 1e-6 * step)) / 2e-6
    np.testing.assert_allclose(np.sum(slope * step), difference, rtol=1e-6, atol=1e-8)


def test_planar_loss_is_exact_where_the_printed_form_cancels():
    estimate = tf.constant([50.0, 50.0, -50.0], tf.float32), tf.constant([0.5, 0.5001, 0.5 + np.pi])
    truth = tf.constant([50.001, 50.0, 50.0], tf.float32), tf.fill([3], 0.5)
    expected = [0.001, 50 * 1e-4, 0.0]
    for i, value in enumerate(expected):
        one = [v[i : i + 1] for v in (*estimate, *truth)]
        assert float(planar_loss(*one, epsilon=0.0)) == pytest.approx(value, rel=0.02, abs=2e-5)


def test_planar_gradient_is_finite_where_positions_are_equal():
    place = tf.constant([20.0]), tf.constant([0.3])
    with tf.GradientTape() as tape:
        tape.watch(place)
        loss = planar_loss(*place, *place)
    assert float(loss) == pytest.approx(1e-3)
    assert all(float(g[0]) == 0 for g in tape.gradient(loss, place))


def test_peak_target_is_the_place_of_the_largest_sum_of_magnitudes(rng):
    h = rng.normal(size=(3, 4, 5, 9)) + 1j * rng.normal(size=(3, 4, 5, 9))
    strong = [(0, 0), (4, 8), (2, 6)]
    for i, (r, t) in enumerate(strong):
        h[i, :, r, t] *= 10
    expected = [[r / 4, t / 8] for r, t in strong]
    np.testing.assert_allclose(peak_target(h * 1e-9), expected)
    np.testing.assert_array_equal(peak_target(h[:, :, :1])[:, 0], 0)  # one receive antenna
    h[1, 0, 0, 0] = np.nan
    spoilt = tf.function(peak_target, jit_compile=True)(tf.constant(h))
    assert np.all(np.isnan(spoilt[1])) and np.all(np.isfinite(spoilt.numpy()[::2]))


def test_deterministic_objective_and_switches(values):
    out, labels = values
    expected = closed_forms(out, labels, uncertainty=False)
    loss = multitask_loss(out, labels, uncertainty=False, physics=())
    wanted = expected["classification"] + expected["range"] + 1.8 * expected["azimuth"]
    np.testing.assert_allclose(loss, wanted, rtol=1e-10)
    without = labels._replace(peak=None)
    assert multitask_terms(out, without, physics=["planar"]).keys() == {
        "classification",
        "range",
        "azimuth",
        "planar",
    }
    only = multitask_terms(
        out, labels, weights={"range": 0, "azimuth": 0, "classification": 3}, physics=()
    )
    np.testing.assert_allclose(only.pop("classification"), 3 * expected["classification"])
    assert not only


def test_networks_of_one_task_have_its_terms(values):
    out, labels = values
    assert multitask_terms({"logits": out["logits"]}, labels).keys() == {"classification"}
    place = isac.receiver.LocalizerOutput(**{**out, "logits": None})
    assert "classification" not in multitask_terms(place, labels)


@pytest.mark.parametrize("jit", [False, True])
def test_compiled_losses_are_the_same(values, jit):
    out, labels = values
    step = tf.function(multitask_loss, jit_compile=jit)
    inputs = {n: tf.constant(v) for n, v in out.items()}
    labels = MultitaskLabels(*(tf.constant(v) for v in labels))
    np.testing.assert_allclose(step(inputs, labels), multitask_loss(out, labels), rtol=1e-12)
    # a graph does not hide what it cannot refuse
    assert np.isnan(step(inputs, labels._replace(category=tf.fill([B], 5))))
    assert np.isnan(step({**inputs, "range": inputs["range"] * np.nan}, labels))
