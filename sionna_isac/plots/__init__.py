"""Figures, drawn from stored results only."""

from sionna_isac.plots.coded_ber import coded_ber
from sionna_isac.plots.localization import add_bound, localization
from sionna_isac.plots.multi_target import multi_target
from sionna_isac.plots.near_field import near_field
from sionna_isac.plots.near_field_convergence import near_field_convergence
from sionna_isac.plots.style import draw_result

__all__ = [
    "add_bound",
    "coded_ber",
    "draw_result",
    "localization",
    "multi_target",
    "near_field",
    "near_field_convergence",
]
