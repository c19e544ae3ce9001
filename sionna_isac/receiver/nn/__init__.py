"""Receivers that are neural networks."""

from sionna_isac.receiver.nn.single_carrier import (
    NeuralAngleEstimator,
    NeuralPresenceDetector,
    NeuralSymbolReceiver,
)

__all__ = ["NeuralAngleEstimator", "NeuralPresenceDetector", "NeuralSymbolReceiver"]
