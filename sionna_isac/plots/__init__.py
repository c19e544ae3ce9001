"""Figures of targets, and bounds laid over errors."""

from sionna_isac.plots.bound import add_bound
from sionna_isac.plots.target import voxel_target

__all__ = [
    "add_bound",
    "voxel_target",
]
