"""Objectives: what training minimises, and the metric on sets of targets that it is made of."""

from sionna_isac.objective.assignment import optimal_assignment
from sionna_isac.objective.gospa import GOSPAParts, gospa, gospa_loss, gospa_parts, positions
from sionna_isac.objective.unsupervised import max_loss, reconstruction_loss

__all__ = [
    "GOSPAParts",
    "gospa",
    "gospa_loss",
    "gospa_parts",
    "max_loss",
    "optimal_assignment",
    "positions",
    "reconstruction_loss",
]
