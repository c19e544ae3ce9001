"""Receivers: from observations to targets and symbols."""

from sionna_isac.receiver.angle_delay import AngleDelayMap, DelayDictionary, ReciprocalFilter
from sionna_isac.receiver.back_projection import back_projection
from sionna_isac.receiver.detector import AngleEstimate, MAPRatioTest
from sionna_isac.receiver.differentiable_omp import DifferentiableOMP
from sionna_isac.receiver.music import MUSIC, PositionEstimate
from sionna_isac.receiver.nn import (
    AngleDelayNetwork,
    NeuralAngleEstimator,
    NeuralPresenceDetector,
    NeuralReceiver,
    NeuralSymbolReceiver,
    ResidualBottleneck,
)
from sionna_isac.receiver.omp import OMP, TargetEstimate
from sionna_isac.receiver.softmax_angle import SoftmaxAngleEstimator
from sionna_isac.receiver.symbols import MessageDetector, SymbolDetector

__all__ = [
    "MUSIC",
    "OMP",
    "AngleDelayMap",
    "AngleDelayNetwork",
    "AngleEstimate",
    "DelayDictionary",
    "DifferentiableOMP",
    "MAPRatioTest",
    "MessageDetector",
    "NeuralAngleEstimator",
    "NeuralPresenceDetector",
    "NeuralReceiver",
    "NeuralSymbolReceiver",
    "PositionEstimate",
    "ReciprocalFilter",
    "ResidualBottleneck",
    "SoftmaxAngleEstimator",
    "SymbolDetector",
    "TargetEstimate",
    "back_projection",
]
