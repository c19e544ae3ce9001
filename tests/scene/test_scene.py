"""Distributions of sectors, targets and gains."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import sionna_isac as isac
from sionna_isac.scene import (
    FixedSector,
    PointTargets,
    RadarEquationGain,
    RandomSector,
    RayleighGain,
    TargetScene,
)

NUMBER = 4000


def assert_distributed(values, distribution) -> None:
    """Kolmogorov-Smirnov test; the draws are seeded, so that it does not fail by chance."""
    assert stats.kstest(np.ravel(values), distribution.cdf).pvalue > 1e-3


def test_fixed_sector():
    sector = FixedSector((-0.2, 0.5), precision="double")
    np.testing.assert_array_equal(sector(3), [[-0.2, 0.5]] * 3)
    assert sector.max_span == pytest.approx(0.7)


def test_random_sector():
    sector = RandomSector((-1.0, 1.0), (0.1, 0.3), precision="double")
    low, high = sector(NUMBER).numpy().T
    assert_distributed(high - low, stats.uniform(0.1, 0.2))
    assert_distributed((high + low) / 2, stats.uniform(-1, 2))
    assert sector.max_span == 0.3


def test_targets_are_uniform_in_sector_and_range():
    sector = np.tile([[-0.3, 0.1], [0.5, 0.6]], (NUMBER // 2, 1))
    scene = TargetScene(3, (10, 60), RayleighGain(precision="double"), precision="double")
    targets = scene(sector)
    unit = (targets.angle - sector[:, :1]) / (sector[:, 1:] - sector[:, :1])
    assert_distributed(unit, stats.uniform())
    assert_distributed(targets.range, stats.uniform(10, 50))
    assert targets.velocity is None


def test_number_of_targets():
    scene = TargetScene(3, (10, 60), RayleighGain())
    targets = scene(np.tile([[-0.3, 0.1]], (NUMBER, 1)))
    count = targets.num_targets.numpy()
    frequency = np.bincount(count, minlength=4) / NUMBER
    np.testing.assert_allclose(frequency, 0.25, atol=4.5 * np.sqrt(0.1875 / NUMBER))
    np.testing.assert_array_equal(targets.gain.numpy() != 0, np.arange(3) < count[:, None])
    fixed = TargetScene(3, (10, 60), RayleighGain(), num_targets=2)(np.array([[0.0, 0.1]]))
    assert fixed.num_targets.numpy() == [2] and np.count_nonzero(fixed.gain) == 2


def test_rayleigh_gain():
    gain = RayleighGain(2.5, precision="double")(np.ones((NUMBER, 4))).numpy()
    assert_distributed(np.abs(gain) ** 2, stats.expon(scale=2.5))
    assert_distributed(np.angle(gain), stats.uniform(-np.pi, 2 * np.pi))


def test_radar_equation_gain():
    distance = np.full((NUMBER, 2), [20.0, 40.0])
    gain = RadarEquationGain(0.005, mean_rcs=3.0, precision="double")(distance).numpy()
    for column, r in zip(gain.T, (20.0, 40.0), strict=True):
        mean = 3.0 * 0.005**2 / ((4 * np.pi) ** 3 * r**4)
        assert_distributed(np.abs(column) ** 2, stats.expon(scale=mean))
    assert_distributed(np.angle(gain), stats.uniform(-np.pi, 2 * np.pi))


def test_position():
    targets = PointTargets(np.array([[np.pi / 6]]), np.array([[10.0]]), np.ones((1, 1)), [1])
    np.testing.assert_allclose(targets.position, [[[5 * np.sqrt(3), 5.0]]])


def test_the_seed_decides():
    scene = TargetScene(4, (10, 60), RayleighGain())
    sector = np.tile([[-0.3, 0.1]], (5, 1))
    outcomes = []
    for seed in (1, 1, 2):
        isac.set_seed(seed)
        outcomes.append(scene(sector))
    np.testing.assert_array_equal(outcomes[0].gain, outcomes[1].gain)
    assert np.any(outcomes[0].angle != outcomes[2].angle)
