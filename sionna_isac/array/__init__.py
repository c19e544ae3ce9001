"""Arrays: element positions, steering vectors, hardware impairments."""

from sionna_isac.array.impaired import ImpairedArray, PositiveGains
from sionna_isac.array.impairment import (
    GainError,
    MutualCoupling,
    PhaseError,
    SpacingError,
    impair,
)
from sionna_isac.array.layout import OrderedPositions, UniformLinearArray, uniform_positions
from sionna_isac.array.steering import plane_wave

__all__ = [
    "GainError",
    "ImpairedArray",
    "MutualCoupling",
    "OrderedPositions",
    "PhaseError",
    "PositiveGains",
    "SpacingError",
    "UniformLinearArray",
    "impair",
    "plane_wave",
    "uniform_positions",
]
