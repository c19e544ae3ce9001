import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sionna_isac.metrics import (
    calibrate_threshold,
    count_detections,
    false_alarm_probability,
    misdetection_probability,
    roc,
)


def draw(seed, samples=50, max_targets=4, decimals=None):
    rng = np.random.default_rng(seed)
    metric = rng.exponential(size=(samples, max_targets))
    if decimals is not None:
        metric = np.round(metric, decimals)
    return metric, rng.integers(0, max_targets + 1, samples)


def reached(metric, num_true, threshold):
    return false_alarm_probability(
        count_detections(metric, threshold), num_true=num_true, max_targets=metric.shape[1]
    )


def test_probabilities_by_hand():
    num_true, num_estimated = [2, 0, 3, 1], [1, 2, 3, 3]
    assert misdetection_probability(num_estimated, num_true=num_true) == 1 / 6
    assert false_alarm_probability(num_estimated, num_true=num_true, max_targets=3) == (2 + 2) / (
        1 + 3 + 0 + 2
    )


def test_counts_strictly_above():
    metric = [[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]
    assert np.array_equal(count_detections(metric, 1.0), [2, 0])
    assert np.array_equal(count_detections(metric, -np.inf), [3, 3])


@pytest.mark.parametrize("decimals", [None, 0, 1])
@pytest.mark.parametrize("p_fa", [0.0, 0.01, 0.1, 0.29, 0.5, 0.999, 1.0])
def test_threshold_against_a_search(decimals, p_fa):
    metric, num_true = draw(1, decimals=decimals)
    threshold = calibrate_threshold(metric, num_true, p_fa)
    # p_fa only changes at the metrics, so these and minus infinity are all thresholds there are
    candidates = [-np.inf, *np.unique(metric)]
    good = [c for c in candidates if reached(metric, num_true, c) <= p_fa]
    assert threshold == min(good)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 5), st.floats(0, 1), st.booleans())
def test_threshold_keeps_its_promise_and_is_the_smallest(seed, samples, max_targets, p_fa, ties):
    metric, num_true = draw(seed, samples, max_targets, decimals=0 if ties else None)
    if np.all(num_true == max_targets):
        num_true[0] = 0
    threshold = calibrate_threshold(metric, num_true, p_fa)
    assert reached(metric, num_true, threshold) <= p_fa
    lower = metric[metric < threshold]
    below = lower.max() if lower.size else -np.inf
    if threshold > -np.inf:
        assert reached(metric, num_true, below) > p_fa
        assert reached(metric, num_true, np.nextafter(threshold, -np.inf)) > p_fa


def test_threshold_takes_whole_multiples_exactly():
    metric = np.arange(100.0)[:, np.newaxis]
    num_true = np.zeros(100, int)
    for k in range(100):  # 0.29 * 100 is 28.999999999999996
        assert reached(metric, num_true, calibrate_threshold(metric, num_true, k / 100)) == k / 100


def test_roc_is_what_its_thresholds_give():
    metric, num_true = draw(2, samples=300, decimals=1)
    p_fas = np.linspace(0, 1, 21)
    curve = roc(metric, num_true, p_fas)
    for threshold, p_fa, p_d, asked in zip(*curve, p_fas, strict=True):
        found = count_detections(metric, threshold)
        assert threshold == calibrate_threshold(metric, num_true, asked)
        assert p_fa == false_alarm_probability(found, num_true=num_true, max_targets=4) <= asked
        np.testing.assert_allclose(
            p_d, 1 - misdetection_probability(found, num_true=num_true), atol=1e-15
        )
    assert np.all(np.diff(curve.p_d) >= 0) and curve.p_d[-1] == 1


def test_tensors_are_accepted():
    metric, num_true = draw(3)
    threshold = calibrate_threshold(tf.constant(metric), tf.constant(num_true, tf.int32), 0.1)
    assert threshold == calibrate_threshold(metric, num_true, 0.1)


def test_zero_samples_are_not_a_number_and_say_so():
    for call, reason in (
        (lambda: misdetection_probability([1, 0], num_true=[0, 0]), "without any true target"),
        (lambda: misdetection_probability([], num_true=[]), "without any true target"),
        (
            lambda: false_alarm_probability([1, 0], num_true=[3, 3], max_targets=3),
            "without room for a false alarm",
        ),
        (lambda: calibrate_threshold([[1.0, 2.0]], [2], 0.1), "without room for a false alarm"),
        (lambda: roc([[1.0, 2.0]], [2], [0.1]).threshold[0], "without room for a false alarm"),
        (lambda: roc([[1.0, 2.0]], [0], [0.1]).p_d[0], "without any target"),
    ):
        with pytest.warns(UserWarning, match=reason) as record:
            assert np.isnan(call())
        assert record[0].filename == __file__


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: misdetection_probability([0, 0], num_true=[1, -1]),
            ValueError,
            "num_true must be >= 0",
        ),
        (
            lambda: misdetection_probability([0], num_true=[1, 1]),
            ValueError,
            "num_estimated must have the",
        ),
        (
            lambda: misdetection_probability([0], num_true=[1.0]),
            TypeError,
            "num_true must hold integers",
        ),
        (
            lambda: misdetection_probability(1, num_true=1),
            ValueError,
            "num_true must have 1 dimension",
        ),
        (
            lambda: false_alarm_probability([0], num_true=[4], max_targets=3),
            ValueError,
            "num_true must be >= 0 and <= 3; got 4",
        ),
        (
            lambda: false_alarm_probability([0], num_true=[1], max_targets=0),
            ValueError,
            "max_targets must be .* got 0",
        ),
        (lambda: calibrate_threshold([[1.0]], [0], 1.5), ValueError, "p_fa must .* got 1.5"),
        (lambda: calibrate_threshold([1.0], [0], 0.5), ValueError, "metric must have 2 dim"),
        (lambda: calibrate_threshold([[np.nan]], [0], 0.5), ValueError, "metric must be finite"),
        (
            lambda: calibrate_threshold([[1.0]], [0, 0], 0.5),
            ValueError,
            r"num_true must have shape \[1\]",
        ),
        (lambda: roc([[1.0]], [0], [0.1, -1]), ValueError, "p_fas must be .* got"),
        (lambda: roc([[1.0]], [0], [np.nan]), ValueError, "p_fas must be finite"),
        (lambda: roc([[1.0]], [0], 0.1), ValueError, "p_fas must have 1 dim"),
        (lambda: roc([[1.0]], [0], [0.1j]), TypeError, "p_fas must hold real"),
        (lambda: count_detections([1.0], np.nan), ValueError, "threshold must be .* got nan"),
        (lambda: count_detections([1.0], None), TypeError, "threshold must be a number; got None"),
        (lambda: count_detections([1.0], [1.0, 2.0]), TypeError, "threshold must be a number"),
        (lambda: count_detections([1.0], 1j), TypeError, "threshold must be a number"),
        (lambda: count_detections([1j], 1), TypeError, "metric must hold real"),
        (lambda: count_detections([np.nan], 1), ValueError, "metric must be finite"),
        (lambda: count_detections(1.0, 1), ValueError, "metric must have shape"),
        (lambda: calibrate_threshold([[1.0]], [0], np.nan), ValueError, "p_fa must be .* got nan"),
        (lambda: calibrate_threshold([[1j]], [0], 0.5), TypeError, "metric must hold real"),
        (
            lambda: misdetection_probability([1], num_true=[1.0]),
            TypeError,
            "num_true must hold integers",
        ),
        (
            lambda: misdetection_probability([1], num_true=[[1], [1, 2]]),
            TypeError,
            "num_true must hold int",
        ),
        (
            lambda: misdetection_probability([1], num_true=[True]),
            TypeError,
            "num_true must hold integers",
        ),
        (
            lambda: false_alarm_probability([1], num_true=[1], max_targets=2.0),
            TypeError,
            "max_targets must be an int",
        ),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
