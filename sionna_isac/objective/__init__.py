"""Objectives: the losses of training, and the metric on sets of targets that they use."""

from sionna_isac.objective.assignment import optimal_assignment
from sionna_isac.objective.beams import crb_min_loss, crb_trace, weighted_isac_loss
from sionna_isac.objective.candidates import candidate_loss, candidate_terms
from sionna_isac.objective.detection import detection_gospa_loss
from sionna_isac.objective.gospa import GOSPAParts, gospa, gospa_loss, gospa_parts, positions
from sionna_isac.objective.gradient_surgery import PCGrad
from sionna_isac.objective.localization import (
    azimuth_loss,
    coupling_loss,
    peak_loss,
    peak_target,
    planar_loss,
    range_loss,
)
from sionna_isac.objective.multitask import (
    MULTITASK_WEIGHTS,
    MultitaskLabels,
    multitask_loss,
    multitask_terms,
)
from sionna_isac.objective.multitask_training import MultitaskTraining
from sionna_isac.objective.supervised import (
    angle_mse,
    binary_cross_entropy,
    categorical_cross_entropy,
    position_mse,
)
from sionna_isac.objective.unsupervised import max_loss, reconstruction_loss

__all__ = [
    "MULTITASK_WEIGHTS",
    "GOSPAParts",
    "MultitaskLabels",
    "MultitaskTraining",
    "PCGrad",
    "angle_mse",
    "azimuth_loss",
    "binary_cross_entropy",
    "candidate_loss",
    "candidate_terms",
    "categorical_cross_entropy",
    "coupling_loss",
    "crb_min_loss",
    "crb_trace",
    "detection_gospa_loss",
    "gospa",
    "gospa_loss",
    "gospa_parts",
    "max_loss",
    "multitask_loss",
    "multitask_terms",
    "optimal_assignment",
    "peak_loss",
    "peak_target",
    "planar_loss",
    "position_mse",
    "positions",
    "range_loss",
    "reconstruction_loss",
    "weighted_isac_loss",
]
