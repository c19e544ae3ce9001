"""Neural receivers."""

from sionna_isac.receiver.nn.angle_delay_network import AngleDelayNetwork
from sionna_isac.receiver.nn.bottleneck import ResidualBottleneck
from sionna_isac.receiver.nn.channel_maps import ChannelMaps
from sionna_isac.receiver.nn.cross_stitch import CrossStitch
from sionna_isac.receiver.nn.cross_task_attention import CrossTaskAttention, TaskFeatures
from sionna_isac.receiver.nn.cross_task_localizer import CrossTaskLocalizer
from sionna_isac.receiver.nn.focused_localizer import FocusedLocalizer, LocalizerCandidates
from sionna_isac.receiver.nn.focused_maps import FocusedMaps, FocusedPatch
from sionna_isac.receiver.nn.localization_heads import LocalizationHeads, LocalizerOutput
from sionna_isac.receiver.nn.neural_receiver import NeuralReceiver
from sionna_isac.receiver.nn.single_carrier import (
    NeuralAngleEstimator,
    NeuralPresenceDetector,
    NeuralSymbolReceiver,
)
from sionna_isac.receiver.nn.task_trunk import TaskTrunk
from sionna_isac.receiver.nn.token_encoder import TokenEncoder
from sionna_isac.receiver.nn.transformer_block import TransformerBlock

__all__ = [
    "AngleDelayNetwork",
    "ChannelMaps",
    "CrossStitch",
    "CrossTaskAttention",
    "CrossTaskLocalizer",
    "FocusedLocalizer",
    "FocusedMaps",
    "FocusedPatch",
    "LocalizationHeads",
    "LocalizerCandidates",
    "LocalizerOutput",
    "NeuralAngleEstimator",
    "NeuralPresenceDetector",
    "NeuralReceiver",
    "NeuralSymbolReceiver",
    "ResidualBottleneck",
    "TaskFeatures",
    "TaskTrunk",
    "TokenEncoder",
    "TransformerBlock",
]
