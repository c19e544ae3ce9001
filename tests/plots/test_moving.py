"""Range-Doppler figures: what is drawn equals what was given; wrong shapes are named."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sionna_isac.plots import range_doppler
from sionna_isac.plots.style import new_figure

VELOCITIES, RANGES = np.linspace(-20, 20, 5), np.linspace(0, 30, 4)
POWER = np.random.default_rng(5).exponential(size=(5, 4))


@pytest.fixture
def ax():
    return new_figure(1, 1, "")[1][0, 0]


def test_range_doppler(ax):
    targets = SimpleNamespace(  # as PointTargets: two of three are there
        velocity=np.array([[5.0, -10.0, 0.0]]), range=np.array([[12.0, 20.0, 0.0]]), num_targets=[2]
    )
    found = SimpleNamespace(  # as TargetEstimate: the last place is empty
        velocity=np.array([[5.1, 0.0]]), range=np.array([[12.2, 0.0]]), metric=[[2.0, 0.0]]
    )
    range_doppler(POWER, VELOCITIES, RANGES, truth=targets, detections=found, ax=ax)
    mesh = ax.collections[0]
    level = 10 * np.log10(POWER.T / POWER.max())
    np.testing.assert_allclose(mesh.get_array().reshape(4, 5), level)
    assert mesh.get_clim() == (-50, 0)
    truth, detections = ax.lines
    np.testing.assert_allclose(truth.get_xydata(), [[5, 12], [-10, 20]])
    np.testing.assert_allclose(detections.get_xydata(), [[5.1, 12.2]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("velocity [m/s]", "range [m]")
    assert ax.figure.axes[1].get_ylabel() == "dB of the largest value"


def test_levels_over_noise_and_static_targets(ax):
    still = SimpleNamespace(velocity=None, range=[9.0], num_targets=[1])
    range_doppler(
        POWER, VELOCITIES, RANGES, truth=still, reference=0.5, floor=-10, ceiling=30, ax=ax
    )
    mesh = ax.collections[0]
    np.testing.assert_allclose(mesh.get_array().reshape(4, 5), 10 * np.log10(POWER.T / 0.5))
    assert mesh.get_clim() == (-10, 30) and ax.lines[0].get_xydata().tolist() == [[0, 9]]
    assert ax.figure.axes[1].get_ylabel() == "dB of 0.5"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"power": POWER.T}, ValueError, r"power must have shape \[5, 4\], .*got shape \[4, 5\]"),
        ({"power": 0 * POWER}, ValueError, "power must have a value > 0"),
        ({"velocities": VELOCITIES[None]}, ValueError, "velocities must have shape"),
        ({"truth": [1.0]}, TypeError, "truth must be a pair of arrays, velocities and ranges"),
        ({"detections": ([1.0, 2.0], [1.0])}, ValueError, r"detections .* shapes \[2\] and \[1\]"),
    ],
)
def test_wrong_inputs_are_named(change, error, text, ax):
    given = {"power": POWER, "velocities": VELOCITIES, "ranges": RANGES, **change}
    with pytest.raises(error, match=text):
        range_doppler(**given, ax=ax)
