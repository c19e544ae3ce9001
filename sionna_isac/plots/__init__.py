"""Figures, drawn from stored results, and of targets."""

from sionna_isac.plots.angle_delay_map import angle_delay_map
from sionna_isac.plots.coded_ber import coded_ber
from sionna_isac.plots.dataset import dataset_overview
from sionna_isac.plots.echo_map import echo_map
from sionna_isac.plots.learning import learning
from sionna_isac.plots.localization import add_bound, localization
from sionna_isac.plots.multi_target import multi_target
from sionna_isac.plots.near_field import near_field
from sionna_isac.plots.near_field_convergence import near_field_convergence
from sionna_isac.plots.scattering_convergence import scattering_convergence
from sionna_isac.plots.scattering_sphere import scattering_sphere
from sionna_isac.plots.target import voxel_target

__all__ = [
    "add_bound",
    "angle_delay_map",
    "coded_ber",
    "dataset_overview",
    "echo_map",
    "learning",
    "localization",
    "multi_target",
    "near_field",
    "near_field_convergence",
    "scattering_convergence",
    "scattering_sphere",
    "voxel_target",
]
