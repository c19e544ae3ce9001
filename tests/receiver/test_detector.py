"""The MAP ratio test against brute force and against closed-form error probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import sionna_isac as isac

ANTENNAS = 8
GRID = np.linspace(-np.pi / 2, np.pi / 2, 121)
SECTORS = np.array([[-np.pi / 2, -1.2], [-0.4, 0.1], [0.2, 0.6], [1.4, np.pi / 2]])


def draws(rng, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def uniform_array():
    return isac.array.UniformLinearArray(ANTENNAS, 0.005, precision="double")


def steering(angle):
    index = np.arange(ANTENNAS) - (ANTENNAS - 1) / 2
    return np.exp(-1j * np.pi * index * np.sin(np.asarray(angle)[..., np.newaxis]))


def statistic(y, angle) -> float:
    return abs(np.vdot(steering(angle), y)) ** 2


@pytest.mark.parametrize("grid", ["shared", "own"])
def test_equals_brute_force(rng, grid):
    y = draws(rng, len(SECTORS), ANTENNAS)
    receiver = isac.receiver.MAPRatioTest(
        uniform_array(), GRID if grid == "shared" else 33, precision="double"
    )
    estimate = receiver(y, SECTORS)
    assert estimate.angle.shape == estimate.metric.shape == (len(SECTORS), 1)
    for sample, (low, high), angle, metric in zip(
        y, SECTORS, estimate.angle[:, 0], estimate.metric[:, 0], strict=True
    ):
        angles = GRID[(low <= GRID) & (high >= GRID)] if grid == "shared" else None
        angles = np.linspace(low, high, 33) if angles is None else angles
        values = [statistic(sample, a) for a in angles]
        assert float(angle) == pytest.approx(angles[np.argmax(values)], abs=1e-12)
        assert float(metric) == pytest.approx(max(values), rel=1e-12)


def test_single_subcarrier_of_a_grid_is_accepted(rng):
    y = draws(rng, len(SECTORS), ANTENNAS)
    receiver = isac.receiver.MAPRatioTest(uniform_array(), GRID, precision="double")
    for a, b in zip(receiver(y, SECTORS), receiver(y[..., np.newaxis], SECTORS), strict=True):
        np.testing.assert_array_equal(a, b)


def test_silence_stays_in_the_sector():
    receiver = isac.receiver.MAPRatioTest(uniform_array(), GRID, precision="double")
    estimate = receiver(np.zeros((len(SECTORS), ANTENNAS), complex), SECTORS)
    np.testing.assert_array_equal(estimate.metric, 0)
    angle = estimate.angle[:, 0].numpy()
    assert np.all((SECTORS[:, 0] <= angle) & (angle <= SECTORS[:, 1]))


def test_sector_between_grid_angles_is_nan_in_a_graph(rng):
    receiver = isac.receiver.MAPRatioTest(uniform_array(), GRID, precision="double")
    sector = np.array([[GRID[3] + 0.001, GRID[3] + 0.002], [0.0, 0.3]])
    estimate = tf.function(receiver)(tf.constant(draws(rng, 2, ANTENNAS)), tf.constant(sector))
    for value in (estimate.angle, estimate.metric):
        np.testing.assert_array_equal(np.isnan(value[:, 0]), [True, False])


def test_error_probabilities_of_orthogonal_angles(rng):
    """Angles with sin = 2m/K have orthogonal steering vectors: closed forms of the maximum.

    Under noise alone the statistics of the angles are independent and exponential with mean
    K N0. With a Swerling-1 target at one of them, that one has mean K N0 + K^2 sigma^2.
    """
    samples, no, variance = 40000, 0.7, 0.2
    grid = np.arcsin(2 / ANTENNAS * np.arange(-1, 2))
    sector = np.tile([-0.4, 0.4], (samples, 1))
    receiver = isac.receiver.MAPRatioTest(uniform_array(), grid, precision="double")
    noise = np.sqrt(no) * draws(rng, samples, ANTENNAS)
    gain = np.sqrt(variance) * draws(rng, samples, 1)
    mean = ANTENNAS * no
    threshold = 3.5 * mean
    false = np.asarray(receiver(noise, sector).metric) > threshold
    p_fa = 1 - (1 - np.exp(-threshold / mean)) ** 3
    assert proportion(false).low < p_fa < proportion(false).high
    missed = np.asarray(receiver(noise + gain * steering(grid[2]), sector).metric) <= threshold
    target = mean + ANTENNAS**2 * variance
    p_md = (1 - np.exp(-threshold / mean)) ** 2 * (1 - np.exp(-threshold / target))
    assert proportion(missed).low < p_md < proportion(missed).high


def proportion(hits: np.ndarray):
    return stats.binomtest(int(hits.sum()), hits.size).proportion_ci(0.999)


def test_threshold_of_the_metric_is_calibrated(rng):
    """The estimate goes into the metrics as it is."""
    y = draws(rng, 3000, ANTENNAS)
    receiver = isac.receiver.MAPRatioTest(uniform_array(), GRID, precision="double")
    metric = receiver(y, np.tile([-0.4, 0.4], (3000, 1))).metric
    none = np.zeros(3000, int)
    threshold = isac.metrics.calibrate_threshold(metric, none, 0.01)
    found = isac.metrics.count_detections(metric, threshold)
    assert isac.metrics.false_alarm_probability(found, num_true=none, max_targets=1) == 0.01
