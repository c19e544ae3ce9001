"""Bounds: what no unbiased estimator can beat."""

from sionna_isac.bound.information import crb, effective_fim
from sionna_isac.bound.position import (
    minimum_speb,
    near_field_position_efim,
    near_field_position_fim,
    position_error_bound,
    squared_position_error_bound,
    steering_derivatives,
)

__all__ = [
    "crb",
    "effective_fim",
    "minimum_speb",
    "near_field_position_efim",
    "near_field_position_fim",
    "position_error_bound",
    "squared_position_error_bound",
    "steering_derivatives",
]
