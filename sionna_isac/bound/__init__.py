"""Bounds on the errors of unbiased estimators."""

from sionna_isac.bound.extended_fim import extended_target_fim, extended_target_information
from sionna_isac.bound.extended_information import ExtendedTargetInformation, information_terms
from sionna_isac.bound.extended_target import ExtendedTarget
from sionna_isac.bound.fisher import fisher
from sionna_isac.bound.information import cramer_rao_bound, effective_fim
from sionna_isac.bound.maximum_likelihood import MaximumLikelihoodEstimate, maximum_likelihood
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
    "ExtendedTarget",
    "ExtendedTargetInformation",
    "MaximumLikelihoodEstimate",
    "PointTargetBound",
    "cramer_rao_bound",
    "effective_fim",
    "extended_target_fim",
    "extended_target_information",
    "fisher",
    "information_terms",
    "maximum_likelihood",
    "minimum_speb",
    "near_field_position_efim",
    "near_field_position_fim",
    "near_field_target_bound",
    "point_target_bound",
    "position_error_bound",
    "squared_position_error_bound",
    "steering_derivatives",
]
