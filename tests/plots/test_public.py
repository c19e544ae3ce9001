"""Figures on plain arrays: what is drawn equals what was given; wrong shapes are named."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

from sionna_isac.metrics import ROC
from sionna_isac.plots import (
    show_array,
    show_beampattern,
    show_curve,
    show_map,
    show_roc,
)
from sionna_isac.plots.style import new_figure

RNG = np.random.default_rng(5)
ANGLES, RANGES = np.linspace(-1, 1, 5), np.linspace(10, 40, 4)
MAP = RNG.uniform(0.01, 0.9, (5, 4)) * np.exp(1j * RNG.uniform(0, 6, (5, 4)))


@pytest.fixture
def ax():
    return new_figure(1, 1, "")[1][0, 0]


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_show_map(ax):
    size = np.abs(MAP)
    targets = SimpleNamespace(  # as PointTargets: two of three are there
        angle=np.array([[0.1, -0.5, 0.0]]), range=np.array([[12.0, 30.0, 0.0]]), num_targets=[2]
    )
    found = ([0.2], [13.0])
    show_map(MAP, ANGLES, RANGES, truth=targets, detections=found, sector=(-0.6, 0.3), ax=ax)
    mesh = ax.collections[0]
    level = 20 * np.log10(size.T / size.max())
    np.testing.assert_allclose(mesh.get_array().reshape(4, 5), level)
    assert mesh.get_clim() == (-30, 0)
    truth, detections, *edges = ax.lines
    np.testing.assert_allclose(truth.get_xydata(), [[np.rad2deg(0.1), 12], [np.rad2deg(-0.5), 30]])
    np.testing.assert_allclose(detections.get_xydata(), [[np.rad2deg(0.2), 13]])
    assert (truth.get_marker(), detections.get_marker()) == ("o", "x")
    ends = [edge.get_xdata()[0] for edge in edges]
    np.testing.assert_allclose(ends, np.rad2deg([-0.6, 0.3]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("angle [deg]", "range [m]")
    assert ax.figure.axes[1].get_ylabel() == "dB of the largest value"


def test_show_map_in_the_plane(ax):
    for _ in range(2):  # the axis is not turned back
        show_map(np.abs(MAP), ANGLES, RANGES, truth=([0.5], [20]), decibel=False, plane=True, ax=ax)
    assert ax.xaxis_inverted() and ax.get_aspect() == 1
    np.testing.assert_allclose(ax.collections[0].get_array().reshape(4, 5), np.abs(MAP).T)
    place = 20 * np.array([[np.sin(0.5), np.cos(0.5)]])
    np.testing.assert_allclose(ax.lines[0].get_xydata(), place)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("y [m]", "x [m]")
    assert ax.figure.axes[1].get_ylabel() == "magnitude"


def test_show_beampattern(ax):
    show_beampattern([np.ones(5), 10 * np.ones(5)], ANGLES, method=["a", "b"], ax=ax)
    first, second = ax.lines
    np.testing.assert_allclose(first.get_xdata(), np.rad2deg(ANGLES))
    np.testing.assert_allclose((first.get_ydata(), second.get_ydata()), [[0] * 5, [20] * 5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("angle [deg]", "gain [dB]")
    assert ax.get_ylim()[0] == -40 and first.get_color() != second.get_color()


def test_show_beampattern_of_beams(ax):
    """The transposed steering vector times the beam, as the echo is lit."""
    steering = RNG.normal(size=(5, 3)) + 1j * RNG.normal(size=(5, 3))
    array = SimpleNamespace(steering=lambda angles: steering if len(angles) == 5 else None)
    beam = np.array([1, 1j, 0.5])
    show_beampattern(beam, ANGLES, array=array, sector=(0, 0.5), ax=ax)
    expected = 20 * np.log10(np.abs(steering @ beam))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), expected)
    low, high = ax.patches[0].get_xy()[0], ax.patches[0].get_xy()[0] + ax.patches[0].get_width()
    np.testing.assert_allclose((low, high), np.rad2deg([0, 0.5]))


def test_show_array(ax):
    truth = np.arange(4) * 0.01
    show_array(truth + np.array([0.1, 0.1, 0.1, 0.104]), truth, wavelength=0.02, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [-0.05, -0.05, -0.05, 0.15])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("element", "position error [wavelengths]")
    show_array(truth, wavelength=0.02, method="data sheet", ax=ax)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [0, 0.5, 1, 1.5])
    assert ax.get_ylabel() == "position [wavelengths]"


def test_show_array_of_gains_and_phases(ax):
    show_array([2.0, 20.0], [1.0, 1.0], quantity="gain", ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [-10, 10])
    assert ax.get_ylabel() == "gain error [dB]"
    # the same phase on both sides of the cut, and a common turn
    show_array([3.1, -3.1 + 0.2, 3.1], [-3.1, 3.1, -3.1], quantity="phase", ax=ax)
    error = ax.lines[2].get_ydata()
    expected = np.rad2deg(np.array([6.2, -6.0, 6.2]) - [2 * np.pi, -2 * np.pi, 2 * np.pi])
    np.testing.assert_allclose(error, expected - expected.mean(), atol=1e-9)
    assert ax.get_ylabel() == "phase error [deg]"


def test_show_roc(ax):
    found = ROC(np.array([3.0, 1.0]), np.array([0.01, 0.1]), np.array([0.5, 0.9]))
    show_roc(found, [0.4, 0.8], [0.6, 0.95], method="OMP", ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0.01, 0.5], [0.1, 0.9]])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "false-alarm probability",
        "detection probability",
    )
    show_roc(
        ([0.01, 0.1], [0.5, 0.9]), [0.4, 0.8], [0.6, 0.95], misdetection=True, method="b", ax=ax
    )
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.5, 0.1])
    corners = ax.collections[1].get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(0.05) and corners[:, 1].max() == pytest.approx(0.6)
    assert ax.get_yscale() == "log" and ax.get_ylabel() == "misdetection probability"


def test_show_curve(ax):
    show_curve([1, 2], [3, 4], [2, 3], [5, 6], method="a", label="text", ylabel="error [m]", ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 3], [2, 4]])
    assert ax.lines[0].get_label() == "text" and ax.get_ylabel() == "error [m]"
    corners = {tuple(p) for p in ax.collections[0].get_paths()[0].vertices}
    assert {(1, 2), (2, 3), (1, 5), (2, 6)} <= corners
    assert ax.get_legend() is None  # on given axes it is the caller's
    show_curve([1], [3], [2], [5], method="b", bars=True, ax=ax)
    (bar,) = ax.containers[0][2]
    np.testing.assert_allclose(bar.get_segments(), [[[1, 2], [1, 5]]])


def test_a_method_has_one_colour_in_all_panels():
    left, right = new_figure(1, 2, "")[1][0]
    for ax, methods in ((left, "abc"), (right, "cba")):
        for method in (*methods, "known", "learned"):
            show_curve([1], [2], method=method, ax=ax)
    looks = [
        {x.get_label(): (x.get_color(), x.get_marker()) for x in p.lines} for p in (left, right)
    ]
    assert looks[0] == looks[1]
    assert len({to_hex(colour) for colour, _ in looks[0].values()}) == 5
    assert looks[0]["known"][0] == "#2d2d2d"
    many = new_figure(1, 1, "")[1][0, 0]
    for number in range(20):
        show_curve([1], [2], method=str(number), ax=many)
    assert len({(x.get_color(), x.get_marker()) for x in many.lines}) == 20


def test_without_axes_there_is_a_figure_with_a_legend():
    with matplotlib.rc_context({"backend": "agg"}):
        import matplotlib.pyplot as plt

        ax = show_curve([1, 2], [3, 4], method="a")
        assert ax.figure is plt.gcf() and texts(ax) == ["a"]
        show_curve([1, 2], [3, 4], method="b", ax=ax)
        assert texts(ax) == ["a", "b"]
        other = show_map(MAP, ANGLES, RANGES, truth=([0.1], [12]), detections=([0.1], [12]))
        assert texts(other) == ["target", "detection"]
        assert show_map(MAP, ANGLES, RANGES).get_legend() is None
        plt.close("all")


def a_map(**changes):
    return show_map(**{"map": MAP, "angles": ANGLES, "ranges": RANGES, **changes})


BAD = [
    (lambda: a_map(map=MAP.T), ValueError, r"map must have shape \[5, 4\].*got shape \[4, 5\]"),
    (lambda: a_map(map=MAP[None]), ValueError, r"map must have shape.*got shape \[1, 5, 4\]"),
    (lambda: a_map(map=0 * MAP), ValueError, "map must have a value > 0"),
    (lambda: a_map(map=[["a"]]), TypeError, "map must hold numbers"),
    (lambda: a_map(angles=np.rad2deg(ANGLES)), ValueError, "angles must hold angles in rad, not"),
    (lambda: a_map(ranges=RANGES[None]), ValueError, r"ranges must have shape \[number\]"),
    (lambda: a_map(truth=[1, 2, 3]), TypeError, "truth must be a pair of arrays"),
    (lambda: a_map(truth=3), TypeError, "truth must be a pair of arrays.*got int"),
    (lambda: a_map(detections=([1, 2], [1])), ValueError, r"detections must hold.*\[2\] and \[1\]"),
    (lambda: a_map(truth=([45], [1])), ValueError, "truth.angle must hold angles in rad"),
    (lambda: a_map(truth=([1j], [1])), TypeError, "truth.angle must hold real numbers"),
    (lambda: a_map(sector=(1, 0)), ValueError, r"sector must be a pair.*got \(1, 0\)"),
    (lambda: a_map(ax=3), TypeError, "ax must be matplotlib axes; got 3"),
    (
        lambda: show_beampattern(np.ones(3), ANGLES),
        ValueError,
        r"pattern must have shape \[\?, 5\]",
    ),
    (lambda: show_beampattern(np.ones((2, 5)), ANGLES), ValueError, "got 1 names of 2 patterns"),
    (lambda: show_array([1, 2]), ValueError, "wavelength must be > 0 for positions; got None"),
    (lambda: show_array([1, 2], [1], wavelength=1), ValueError, r"truth must have shape \[2\], as"),
    (lambda: show_array([0.0], quantity="gain"), ValueError, "gains must be > 0"),
    (lambda: show_array([0.0], quantity="size"), ValueError, "quantity must be one of position"),
    (lambda: show_roc(3, method="a"), TypeError, "roc must be a ROC"),
    (
        lambda: show_roc(([1], [1, 2]), method="a"),
        ValueError,
        r"p_d must have shape \[1\], as p_fa",
    ),
    (lambda: show_curve([1], [1, 2], method="a"), ValueError, r"y must have shape \[1\], as x has"),
    (
        lambda: show_curve([1], [1], [1], method="a"),
        TypeError,
        "low and high must be given together",
    ),
    (lambda: show_curve([1], [1j], method="a"), TypeError, "y must hold real numbers"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[b[2][:30] for b in BAD])
def test_a_wrong_value_is_named(call, error, message):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    with pytest.raises(error, match=message):
        call()
    assert plt.get_fignums() == before  # no empty figure is left
