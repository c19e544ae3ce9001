"""Range-Doppler figures: what is drawn equals what was given; wrong shapes are named."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from sionna_isac.plots import range_doppler
from sionna_isac.plots.style import new_figure, words
from sionna_isac.study.registry import draw_result

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


def banded(data, name, dims):
    """Add a value with the ends of its interval."""
    value = np.random.default_rng(len(name)).uniform(0.3, 0.6, [data.sizes[d] for d in dims])
    for end, change in (("", 0), ("_low", -0.1), ("_high", 0.1)):
        data[f"{name}{end}"] = (dims, value + change)


@pytest.mark.parametrize("formula", [True, False])
def test_range_doppler_study(formula):
    cases, kinds = ["homogeneous", "clutter_edge"], ["ca", "os"]
    estimators = ["map, interpolated", "maximum likelihood"]
    data = xr.Dataset(
        coords={
            **{"case": cases, "detector": kinds, "snr_db": [10.0, 20.0]},
            **{"estimator": estimators, "estimation_snr_db": [20.0, 30.0]},
            **{"user_snr_db": [0.0, 5.0, 9.0]},
            **{"map_velocity": VELOCITIES, "map_range": RANGES},
        },
        attrs={"p_fa": 1e-4, "num_scenes": 7, "title": "one grid"},
    )
    banded(data, "p_d", ("case", "detector", "snr_db"))
    for name in ("p_fa", "p_fa_edge"):
        banded(data, name, ("detector",))
    data["p_fa"] = ("detector", [1.2e-4, 1e-4])
    if formula:
        data["p_d_formula"] = (("detector", "snr_db"), [[0.2, 0.7], [0.1, 0.6]])
    for name in ("range", "velocity", "angle"):
        banded(data, f"{name}_rmse", ("estimator", "estimation_snr_db"))
        data[f"{name}_bound"] = ("estimation_snr_db", [0.2, 0.1])
    banded(data, "bler", ("user_snr_db",))
    data["block_errors"] = ("user_snr_db", [9, 4, 0])
    for stage in ("received", "cleaned"):
        data[f"map_{stage}"] = (("map_velocity", "map_range"), POWER)
    data["map_true_velocity"], data["map_true_range"] = (("t", [3.0]), ("t", [20.0]))
    data["map_found_velocity"], data["map_found_range"] = (
        ("d", [3.1, np.nan]),
        ("d", [19.0, np.nan]),
    )

    axes = np.reshape(draw_result(data, "range_doppler").axes[:9], (3, 3))
    assert not axes[0, 2].axison  # no third case
    for ax, case in zip(axes[0], cases, strict=False):
        assert ax.get_xlabel() == "SNR in the cell of the target [dB]"
        assert ax.get_ylabel() == "detection probability" and "10^{-4}" in ax.get_title()
        for kind, bar in zip(kinds, ax.containers, strict=True):
            row = data.sel(case=case, detector=kind)
            assert bar.get_label().startswith(words(f"CFAR {kind}"))
            np.testing.assert_allclose(bar[0].get_ydata(), row.p_d)
            ends = np.array(bar[2][0].get_segments())[:, :, 1]
            np.testing.assert_allclose(ends, np.column_stack([row.p_d_low, row.p_d_high]))
            closed = formula and case == "homogeneous"
            assert bar[0].get_linestyle() == ("None" if closed else "-")
    lines = [x for x in axes[0, 0].lines if x.get_marker() == "None"]
    found = [x.get_ydata().tolist() for x in lines]
    assert all((row in found) == formula for row in ([0.2, 0.7], [0.1, 0.6]))
    texts = [t.get_text() for t in axes[0, 0].get_legend().get_texts()]
    assert "1.20\\cdot 10^{-4}" in texts[0] and texts[1].endswith("$10^{-4}$")

    units = {"range": ("m", 1), "velocity": ("m/s", 1), "angle": ("deg", 180 / np.pi)}
    for ax, (name, (unit, scale)) in zip(axes[1], units.items(), strict=True):
        assert ax.get_ylabel() == f"RMSE of the {name} [{unit}]" and ax.get_yscale() == "log"
        curves = {x.get_label(): x.get_ydata() for x in ax.lines}
        for estimator in estimators:
            value = scale * data[f"{name}_rmse"].sel(estimator=estimator)
            np.testing.assert_allclose(curves[words(estimator)], value)
        np.testing.assert_allclose(curves["Cramér-Rao bound"], scale * data[f"{name}_bound"])

    for ax, marks in zip(axes[2], (1, 2), strict=False):
        level = 10 * np.log10(POWER[:, :4].T)
        np.testing.assert_allclose(ax.collections[0].get_array().reshape(level.shape), level)
        assert len(ax.lines) == marks
    np.testing.assert_allclose(axes[2, 1].lines[1].get_xydata(), [[3.1, 19.0]])
    bler = axes[2, 2].lines[0]
    np.testing.assert_allclose(bler.get_ydata(), np.where(data.block_errors > 0, data.bler, np.nan))
    assert axes[2, 2].get_ylabel() == "block error rate"
