"""Objectives: the losses of training, and the metric on sets of targets that they use."""

from sionna_isac.objective.assignment import optimal_assignment
from sionna_isac.objective.detection import detection_gospa_loss
from sionna_isac.objective.gospa import GOSPAParts, gospa, gospa_loss, gospa_parts, positions
from sionna_isac.objective.supervised import (
    angle_mse,
    binary_cross_entropy,
    categorical_cross_entropy,
    position_mse,
)
from sionna_isac.objective.unsupervised import max_loss, reconstruction_loss

__all__ = [
    "GOSPAParts",
    "angle_mse",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "detection_gospa_loss",
    "gospa",
    "gospa_loss",
    "gospa_parts",
    "max_loss",
    "optimal_assignment",
    "position_mse",
    "positions",
    "reconstruction_loss",
]
