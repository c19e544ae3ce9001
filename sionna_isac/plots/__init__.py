"""Figures, drawn from stored results, and of targets."""

from sionna_isac.plots.coded_ber import coded_ber
from sionna_isac.plots.multi_target import multi_target
from sionna_isac.plots.style import draw_result
from sionna_isac.plots.target import voxel_target

__all__ = ["coded_ber", "draw_result", "multi_target", "voxel_target"]
