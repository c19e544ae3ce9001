"""Bounds on the errors of unbiased estimators."""

from sionna_isac.bound.fisher import fisher
from sionna_isac.bound.information import crb, effective_fim
from sionna_isac.bound.near_field_target import near_field_target_bound
from sionna_isac.bound.point_target import PointTargetBound, point_target_bound
from sionna_isac.bound.position import (
    minimum_speb,
    near_field_position_efim,
    near_field_position_fim,
    position_error_bound,
    squared_position_error_bound,
    steering_derivatives,
)

__all__ = [
    "PointTargetBound",
    "crb",
    "effective_fim",
    "fisher",
    "minimum_speb",
    "near_field_position_efim",
    "near_field_position_fim",
    "near_field_target_bound",
    "point_target_bound",
    "position_error_bound",
    "squared_position_error_bound",
    "steering_derivatives",
]
