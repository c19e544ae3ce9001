"""Distributions of sectors, targets and gains."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
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


def test_velocities_are_uniform_and_change_no_other_draw():
    sector = np.tile([[-0.3, 0.1]], (NUMBER, 1))
    options = {"gain": RayleighGain(precision="double"), "precision": "double"}
    scenes = [
        TargetScene(3, (10, 60), **options, velocity_interval=v) for v in (None, (-20.0, 60.0))
    ]
    drawn = []
    for scene in scenes:
        isac.set_seed(7)
        drawn.append(scene(sector))
    for still, moving in list(zip(*drawn, strict=True))[:4]:
        np.testing.assert_array_equal(still, moving)
    assert drawn[0].velocity is None
    assert_distributed(drawn[1].velocity, stats.uniform(-20, 80))


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


KINDS = {
    "integers": lambda v: np.asarray(v, int),
    "lists": lambda v: np.asarray(v, int).tolist(),
    "half": lambda v: np.asarray(v, np.float16),
    "single": lambda v: tf.constant(v, tf.float32),
    "double": lambda v: tf.constant(v, tf.float64),
}


@pytest.mark.parametrize("kind", KINDS)
def test_targets_made_by_hand_hold_numbers_of_any_kind(kind):
    """Whole numbers, which all kinds hold exactly; gains are real."""
    values = [[0.0, 1.0]], [[20.0, 30.0]], [[1.0, -2.0]]
    one = PointTargets(*(KINDS[kind](v) for v in values), [2], KINDS[kind]([[3.0, -4.0]]))
    still = one._replace(velocity=None)
    known = PointTargets(*(np.asarray(v) for v in values), [2], np.array([[3.0, -4.0]]))
    known = known._replace(gain=known.gain + 0j)
    numerology = isac.waveform.Numerology(12, 1e6, 6e9, num_symbols=2)
    array = isac.array.UniformLinearArray(4, numerology.wavelength, precision="double")
    basis = isac.waveform.DelayBasis(numerology, [10.0, 40.0], precision="double")
    x, beam = np.ones((1, 2, 12)), np.ones((1, 4))
    for precision, tolerance in (("double", 1e-12), ("single", 1e-5)):
        echo = isac.channel.MonostaticEcho(array, numerology, precision=precision)
        same = isac.channel.MonostaticEcho(array, numerology, precision="double")
        atol = tolerance * 20
        np.testing.assert_allclose(echo(x, one, beam), same(x, known, beam), atol=atol)
        np.testing.assert_allclose(echo.paths(one)[0], same.paths(known)[0], atol=atol)
    filtered = same.filtered(known._replace(velocity=None), beam, basis)
    np.testing.assert_allclose(same.filtered(still, beam, basis), filtered, atol=1e-12)
    bound = isac.bound.point_target_bound(array, numerology, one, beam, None, 0.1)
    expected = isac.bound.point_target_bound(array, numerology, known, beam, None, 0.1)
    np.testing.assert_allclose(bound.position, expected.position, rtol=1e-12)
    precise = 1e-6 if kind in ("half", "single") else 1e-12
    precise = 1e-2 if kind == "half" else precise
    np.testing.assert_allclose(one.position, known.position, rtol=precise, atol=precise)
    mixed = one._replace(range=tf.constant([[20.0, 30.0]], tf.float64))
    assert mixed.position.dtype == tf.float64
