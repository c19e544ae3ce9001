"""Figures, drawn from stored results, and of targets."""

from sionna_isac.plots.coded_ber import coded_ber
from sionna_isac.plots.dataset import dataset_overview
from sionna_isac.plots.multi_target import multi_target
from sionna_isac.plots.near_field import near_field
from sionna_isac.plots.near_field_convergence import near_field_convergence
from sionna_isac.plots.style import draw_result
from sionna_isac.plots.target import voxel_target

__all__ = [
    "coded_ber",
    "dataset_overview",
    "draw_result",
    "multi_target",
    "near_field",
    "near_field_convergence",
    "voxel_target",
]
