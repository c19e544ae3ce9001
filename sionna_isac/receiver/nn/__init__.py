"""Neural receivers."""

from sionna_isac.receiver.nn.angle_delay_network import AngleDelayNetwork
from sionna_isac.receiver.nn.bottleneck import ResidualBottleneck
from sionna_isac.receiver.nn.neural_receiver import NeuralReceiver
from sionna_isac.receiver.nn.single_carrier import (
    NeuralAngleEstimator,
    NeuralPresenceDetector,
    NeuralSymbolReceiver,
)

__all__ = [
    "AngleDelayNetwork",
    "NeuralAngleEstimator",
    "NeuralPresenceDetector",
    "NeuralReceiver",
    "NeuralSymbolReceiver",
    "ResidualBottleneck",
]
