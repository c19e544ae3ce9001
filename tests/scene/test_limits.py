"""Scenes at the edges of what is allowed: sectors without width, no target, one target."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import sionna_isac as isac
from sionna_isac.scene import FixedSector, RandomSector, RayleighGain, TargetScene

HALF_PI = np.pi / 2


def test_targets_stay_within_their_sector():
    low = np.linspace(-HALF_PI, 1.2, 400)
    sector = np.stack([low, np.minimum(low + 0.02, HALF_PI)], -1)
    targets = TargetScene(3, (10, 60), RayleighGain(precision="double"), precision="double")(sector)
    angle = targets.angle.numpy()
    assert np.all((angle >= sector[:, :1]) & (angle <= sector[:, 1:]))
    assert np.all((targets.range >= 10) & (targets.range <= 60))


def test_sector_and_range_without_width():
    scene = TargetScene(2, (25, 25), RayleighGain(precision="double"), precision="double")
    targets = scene(np.full((50, 2), 0.3))
    np.testing.assert_array_equal(targets.angle, 0.3)
    np.testing.assert_array_equal(targets.range, 25.0)
    np.testing.assert_array_equal(FixedSector((HALF_PI, HALF_PI), precision="double")(2), HALF_PI)


def test_at_most_one_target():
    """Present with probability 1/2, as [MateosRamos23] has it; and none where none is asked for."""
    targets = TargetScene(1, (10, 60), RayleighGain())(np.zeros((4000, 2)))
    assert set(np.unique(targets.num_targets)) == {0, 1}
    assert stats.binomtest(int(np.sum(targets.num_targets)), 4000, 0.5).pvalue > 1e-3
    np.testing.assert_array_equal(targets.gain[:, 0].numpy() != 0, targets.num_targets == 1)
    empty = TargetScene(3, (10, 60), RayleighGain(), num_targets=0)(np.zeros((20, 2)))
    assert not np.any(empty.num_targets) and not np.any(empty.gain)
    full = TargetScene(3, (10, 60), RayleighGain(), num_targets=3)(np.zeros((20, 2)))
    assert np.all(full.num_targets == 3) and np.all(full.gain != 0)


def test_mean_power_of_gains():
    """The variance is the mean power of the complex gain, half of it in either part."""
    gain = RayleighGain(2.5, precision="double")(np.ones(40000)).numpy()
    assert np.mean(np.abs(gain) ** 2) == pytest.approx(2.5, rel=5 / 200)
    assert np.mean(gain.real**2) == pytest.approx(1.25, rel=5 * 2**0.5 / 200)


def test_sectors_up_to_the_side_and_no_further():
    sector = RandomSector((-1.0, 1.0), (0.1, 2 * (HALF_PI - 1.0)), precision="double")
    low, high = sector(4000).numpy().T
    assert low.min() >= -HALF_PI - 1e-9 and high.max() <= HALF_PI + 1e-9
    assert high.max() > HALF_PI - 0.05 and low.min() < -HALF_PI + 0.05
    with pytest.raises(ValueError, match=r"must keep sectors within \[-pi/2, pi/2\]"):
        RandomSector((-1.0, 1.0), (0.1, 2 * (HALF_PI - 1.0) + 1e-6))
    RandomSector((0.0, 0.0), (np.pi, np.pi))  # all there is in front of the array


def test_scale_of_the_centres():
    """A factor on the drawn centres, not on the widths."""
    sector = RandomSector((-1.0, 1.0), (0.1, 0.3), precision="double")
    drawn = []
    for scale in (None, 1.0, 0.25, 0.0):
        isac.set_seed(3)
        drawn.append(sector(500, scale).numpy())
    centre, width = np.mean(drawn[0], -1), np.diff(drawn[0])
    for value, scale in zip(drawn, (1.0, 1.0, 0.25, 0.0), strict=True):
        np.testing.assert_allclose(np.mean(value, -1), scale * centre, atol=1e-12)
        np.testing.assert_allclose(np.diff(value), width, atol=1e-12)
