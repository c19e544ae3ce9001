"""Beamforming: beams that come close to the bounds."""

from sionna_isac.beamforming._served import user_sinr
from sionna_isac.beamforming.beam_network import ISACBeamNetwork, NodeMasks
from sionna_isac.beamforming.closed_form import (
    blind_speb,
    largest_common_rate,
    smallest_power,
    smallest_speb,
)
from sionna_isac.beamforming.errors import InfeasibleError, SolverError, VerificationError
from sionna_isac.beamforming.extended import minimize_crb, weighted_isac
from sionna_isac.beamforming.extended_solution import ExtendedBeamSolution
from sionna_isac.beamforming.illumination import illuminate_centre, illuminate_region
from sionna_isac.beamforming.reference import (
    communication_only,
    matrix_approximation,
    maximize_snr,
    sensing_only,
    two_stage,
)
from sionna_isac.beamforming.scene import NearFieldScene
from sionna_isac.beamforming.sensing import minimize_speb
from sionna_isac.beamforming.solution import BeamSolution, Margins
from sionna_isac.beamforming.sum_rate import maximize_sum_rate

__all__ = [
    "BeamSolution",
    "ExtendedBeamSolution",
    "ISACBeamNetwork",
    "InfeasibleError",
    "Margins",
    "NearFieldScene",
    "NodeMasks",
    "SolverError",
    "VerificationError",
    "blind_speb",
    "communication_only",
    "illuminate_centre",
    "illuminate_region",
    "largest_common_rate",
    "matrix_approximation",
    "maximize_snr",
    "maximize_sum_rate",
    "minimize_crb",
    "minimize_speb",
    "sensing_only",
    "smallest_power",
    "smallest_speb",
    "two_stage",
    "user_sinr",
    "weighted_isac",
]
