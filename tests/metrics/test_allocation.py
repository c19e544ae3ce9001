"""Sensing allocations and planar errors, against definitions and published numbers."""

import numpy as np
import pytest

from sionna_isac.metrics import planar_errors, sensing_allocation, success_rate

TONES = [1, 2, 4, 8, 16]
ACCURACY = [0.950, 0.981, 0.984, 0.986, 0.993]
ERROR = [2.0, 1.45, 1.25, 1.28, 1.16]
SETTING = {"num_tones": 64, "snr_db": 15}


@pytest.mark.parametrize(
    ("least", "largest", "number", "rate"),
    [
        (0.98, 1.5, 2, 4.2351),  # rates of Table III of [Zhao26], exact in place of Monte Carlo
        (0.98, 1.3, 4, 4.1388),
        (0.985, 1.3, 8, 3.9422),
        (0.99, 1.2, 16, 3.5322),
        (0.0, 10.0, 1, None),
    ],
)
def test_the_smallest_allocation_that_meets_both_is_chosen(least, largest, number, rate):
    found = sensing_allocation(
        TONES, ACCURACY, ERROR, min_accuracy=least, max_planar_error=largest, **SETTING
    )
    assert found.num_sensing_tones == number and found.met
    if rate is not None:
        assert found.rate == pytest.approx(rate, abs=1e-4)
    shuffled = [2, 0, 4, 3, 1]
    again = sensing_allocation(
        *(np.array(v)[shuffled] for v in (TONES, ACCURACY, ERROR)),
        min_accuracy=least,
        max_planar_error=largest,
        **SETTING,
    )
    assert again == found


def test_what_is_not_met_says_so():
    wanted = {"min_accuracy": 0.995, "max_planar_error": 1.5, **SETTING}
    found = sensing_allocation(TONES, ACCURACY, ERROR, **wanted)
    assert str(found) == "not met" and not found.met and np.isnan(found.rate)
    missing = [np.nan] * 5
    assert not sensing_allocation(TONES, missing, ERROR, **{**wanted, "min_accuracy": 0}).met


def test_planar_errors_are_distances_of_points():
    rng = np.random.default_rng(2)
    angle, true_angle = rng.uniform(-1.5, 1.5, (2, 50))
    distance, true_distance = rng.uniform(5, 50, (2, 50))
    points = distance * np.exp(1j * angle), true_distance * np.exp(1j * true_angle)
    found = planar_errors(angle, distance, true_angle, true_distance)
    np.testing.assert_allclose(found, np.abs(points[0] - points[1]), rtol=1e-12)
    near = planar_errors([0.3 + 1e-9], [50.0], [0.3], [50.0])
    np.testing.assert_allclose(near, 5e-8, rtol=1e-6)  # no cancellation
    assert success_rate([0.2, 1.0, 1.1, 3.0]) == 0.5
    assert success_rate([0.2, 1.0, 1.1, 3.0], radius=2) == 0.75


def test_no_sample_is_not_a_number():
    with pytest.warns(UserWarning, match="no sample"):
        assert np.isnan(success_rate([]))


def allocate(tones, accuracy, error):
    wanted = {"min_accuracy": 0.9, "max_planar_error": 1.0}
    return sensing_allocation(tones, accuracy, error, **wanted, **SETTING)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: planar_errors([0.1], [1, 2], [0.1], [1]), "range must have the shape of angle"),
        (lambda: planar_errors([30.0], [1], [0.1], [1]), "angle must hold azimuths in rad"),
        (lambda: planar_errors([np.nan], [1], [0.1], [1]), "angle must be finite"),
        (lambda: success_rate([-1.0]), "errors must be >= 0; got -1"),
        (lambda: success_rate([1.0], 0), "radius must be a finite number > 0; got 0"),
        (lambda: allocate([1, 1], [1, 1], [1, 1]), "must be distinct"),
        (
            lambda: allocate([1, 2], [1], [1, 1]),
            r"accuracy must have shape \[2\]",
        ),
        (
            lambda: allocate([1], [99.0], [1]),
            r"accuracy must lie within \[0, 1\]",
        ),
        (lambda: allocate([1], [0.9], [-1]), "planar_error must be >= 0"),
        (
            lambda: allocate([65], [0.9], [1]),
            "num_sensing_tones must be <= num_tones",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
