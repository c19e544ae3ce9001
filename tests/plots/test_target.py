"""Figure of a target: what is seen, where, and in which colours."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sionna_isac.plots import show_target
from sionna_isac.scene import ParametricCar, VoxelTarget


def test_car(tmp_path):
    target = ParametricCar(0).voxelize(0.2)
    figure = show_target(target)
    figure.savefig(tmp_path / "car.png")
    assert (tmp_path / "car.png").stat().st_size > 10_000
    panels = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in panels][0::4] == ["from the right", "from above"]
    low, high = target.bounds
    assert panels[0].images[0].get_extent() == [low[0], high[0], low[2], high[2]]
    assert all("[m]" in ax.get_xlabel() and "[m]" in ax.get_ylabel() for ax in panels)
    texts = [t.get_text() for t in figure.axes[-1].get_legend().get_texts()]
    assert [t.split(":")[0] for t in texts] == list(target.part_names)


def test_the_nearest_voxel_is_seen():
    """Two voxels behind each other along each axis: the views show the right one."""
    target = VoxelTarget(
        [[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]],
        0.1,
        permittivity=2.0,
        conductivity=0.0,
        part=[0, 1, 2, 3],
        part_names=("body", "tyres", "frame", "tank"),
    )
    images = {
        ax.get_title(): ax.images[0].get_array() for ax in show_target(target).axes if ax.images
    }
    colour = {
        n: to_rgb(c) for n, c in (("body", "#6f87a6"), ("tyres", "#2d2d2d"), ("tank", "#4c72b0"))
    }
    np.testing.assert_allclose(images["from the right"][0, 0], colour["body"])
    np.testing.assert_allclose(images["from the front"][0, 0], colour["tyres"])
    np.testing.assert_allclose(images["from above"][0, 0], colour["tank"])
    np.testing.assert_allclose(images["from above"][1, 1], 1)


def test_wrong_type():
    with pytest.raises(TypeError, match="target must be a VoxelTarget; got 3"):
        show_target(3)
