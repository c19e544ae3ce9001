"""Arrays: element positions, steering vectors, hardware impairments."""

from sionna_isac.array.dictionary import SteeringDictionary
from sionna_isac.array.impaired import ImpairedArray, PositiveGains
from sionna_isac.array.impairment import (
    GainError,
    MutualCoupling,
    PhaseError,
    SpacingError,
    impair,
)
from sionna_isac.array.layout import (
    OrderedPositions,
    OrderedSpacings,
    UniformLinearArray,
    uniform_positions,
)
from sionna_isac.array.near_field import SphericalWaveArray, cross_positions, planar_positions
from sionna_isac.array.planar import (
    UniformPlanarArray,
    planar_derivatives,
    planar_moments,
    planar_wave,
)
from sionna_isac.array.steering import plane_wave, spherical_wave, wave_from_direction

__all__ = [
    "GainError",
    "ImpairedArray",
    "MutualCoupling",
    "OrderedPositions",
    "OrderedSpacings",
    "PhaseError",
    "PositiveGains",
    "SpacingError",
    "SphericalWaveArray",
    "SteeringDictionary",
    "UniformLinearArray",
    "UniformPlanarArray",
    "cross_positions",
    "impair",
    "planar_derivatives",
    "planar_moments",
    "planar_positions",
    "planar_wave",
    "plane_wave",
    "spherical_wave",
    "uniform_positions",
    "wave_from_direction",
]
