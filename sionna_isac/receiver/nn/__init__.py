"""Networks that take the place of receivers."""

from sionna_isac.receiver.nn.angle_delay_network import AngleDelayNetwork
from sionna_isac.receiver.nn.bottleneck import ResidualBottleneck
from sionna_isac.receiver.nn.neural_receiver import NeuralReceiver

__all__ = ["AngleDelayNetwork", "NeuralReceiver", "ResidualBottleneck"]
