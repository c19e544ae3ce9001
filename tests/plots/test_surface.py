"""Figure of a surface: what is drawn equals what was given; wrong shapes are named."""

from __future__ import annotations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

from sionna_isac.plots import show_surface
from sionna_isac.plots.style import new_figure
from sionna_isac.scene import FourierSurface

VERTICES = np.array([[0.0, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 1]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
PLACES, WEIGHTS = np.array([[0.5, 0.2, 0.1], [0.1, 0.3, 0.2]]), np.array([0.3, 0.6])


@pytest.fixture
def ax():
    return new_figure(1, 1, "", subplot_kw={"projection": "3d"})[1][0, 0]


def parts(ax, kind):
    return [c for c in ax.collections if isinstance(c, kind)]


def test_show_surface(ax):
    assert show_surface(VERTICES, FACES, PLACES, WEIGHTS, ax=ax) is ax
    (solid,), (dots,) = (
        parts(ax, Poly3DCollection),
        parts(ax, PathCollection),
    )
    assert len(solid.get_facecolor()) == 4
    np.testing.assert_allclose(np.transpose(dots._offsets3d), PLACES)
    low, high = np.sort(dots.get_sizes())
    assert high / low == pytest.approx(2)  # areas go with weights
    assert [ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()] == ["x [m]", "y [m]", "z [m]"]
    ax.figure.canvas.draw()
    spans = [np.ptp(limits) for limits in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim())]
    np.testing.assert_allclose(spans / spans[0], ax._box_aspect / ax._box_aspect[0])  # one scale


def test_light_comes_from_the_array(ax):
    show_surface(VERTICES, FACES, towards=[0, 0, -2.0], ax=ax)
    (solid,) = parts(ax, Poly3DCollection)
    light = solid._facecolor3d[:, :3].sum(1)  # in the order of the faces
    assert np.argmax(light) == 0 and light[0] > 2 * light[1:].max()
    assert len(parts(ax, Line3DCollection)) == 1 and ax.elev < 0


def test_new_figure_of_a_target(tmp_path):
    surface = FourierSurface.fit_drone()
    pose = {"azimuth": 0.3, "elevation": -0.1, "orientation": 0.9}
    found = surface.scatterers(range=5.0, **pose)
    matplotlib.use("Agg")
    ax = show_surface(*surface.mesh(24, 12), *found, towards=surface.towards_array(**pose))
    ax.figure.savefig(tmp_path / "drone.png")
    assert (tmp_path / "drone.png").stat().st_size > 10_000
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["scatterers", "from the array"]
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"vertices": np.ones((4, 2))}, ValueError, r"vertices must have shape.*\[4, 2\]"),
        ({"vertices": np.nan * VERTICES}, ValueError, "vertices must be finite"),
        ({"faces": FACES + 1}, ValueError, r"faces must be numbers of vertices, 0 \.\.\. 3"),
        ({"scatterers": PLACES, "weights": [1.0]}, ValueError, "weights must have shape"),
        ({"scatterers": PLACES, "weights": [1, -1]}, ValueError, "weights must be >= 0"),
        ({"weights": [1.0]}, ValueError, "weights must come with scatterers"),
        ({"towards": [0, 0, 0]}, ValueError, "towards must be a direction"),
        ({"ax": "axes"}, TypeError, "ax must be axes in three dimensions"),
        ({"ax": new_figure(1, 1, "")[1][0, 0]}, TypeError, "projection='3d'"),
    ],
)
def test_wrong_inputs(changes, error, text):
    with pytest.raises(error, match=text):
        show_surface(**{"vertices": VERTICES, "faces": FACES, **changes})
