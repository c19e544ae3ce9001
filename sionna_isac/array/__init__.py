"""Arrays: element positions, steering vectors, hardware impairments."""

from sionna_isac.array.impairment import (
    GainError,
    ImpairedArray,
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
    "SpacingError",
    "UniformLinearArray",
    "impair",
    "plane_wave",
    "uniform_positions",
]
