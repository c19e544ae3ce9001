"""Scenes: prior sectors and point targets."""

from sionna_isac.scene.point_target import (
    PointTargets,
    RadarEquationGain,
    RayleighGain,
    TargetScene,
)
from sionna_isac.scene.sector import FixedSector, RandomSector

__all__ = [
    "FixedSector",
    "PointTargets",
    "RadarEquationGain",
    "RandomSector",
    "RayleighGain",
    "TargetScene",
]
