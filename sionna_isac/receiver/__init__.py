"""Receivers: from observations to targets and symbols."""

from sionna_isac.receiver.angle_delay import AngleDelayMap
from sionna_isac.receiver.back_projection import back_projection
from sionna_isac.receiver.cfar import CFAR, Detections
from sionna_isac.receiver.cfar_threshold import cfar_detection_probability, cfar_threshold
from sionna_isac.receiver.clutter_filter import ClutterFilter
from sionna_isac.receiver.detector import MAPRatioTest
from sionna_isac.receiver.differentiable_omp import DifferentiableOMP
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.receiver.far_field_music import FarFieldMUSIC
from sionna_isac.receiver.known_symbols import KnownSymbolLocalizer
from sionna_isac.receiver.likelihood_refinement import LikelihoodRefinement
from sionna_isac.receiver.matched_filter import NearFieldMatchedFilter
from sionna_isac.receiver.music import MUSIC
from sionna_isac.receiver.nn import (
    AngleDelayNetwork,
    ChannelMaps,
    CrossStitch,
    CrossTaskAttention,
    CrossTaskLocalizer,
    FocusedLocalizer,
    FocusedMaps,
    FocusedPatch,
    LocalizationHeads,
    LocalizerCandidates,
    LocalizerOutput,
    NeuralAngleEstimator,
    NeuralPresenceDetector,
    NeuralReceiver,
    NeuralSymbolReceiver,
    ResidualBottleneck,
    TaskFeatures,
    TaskTrunk,
    TokenEncoder,
    TransformerBlock,
)
from sionna_isac.receiver.omp import OMP
from sionna_isac.receiver.periodogram import Periodogram2D
from sionna_isac.receiver.range_doppler import RangeDopplerMap
from sionna_isac.receiver.search_grid import SearchGrid
from sionna_isac.receiver.softmax_angle import SoftmaxAngleEstimator
from sionna_isac.receiver.symbol_filter import (
    ReciprocalFilter,
    SymbolMatchedFilter,
    WienerFilter,
)
from sionna_isac.receiver.symbols import MessageDetector, SymbolDetector

__all__ = [
    "CFAR",
    "MUSIC",
    "OMP",
    "AngleDelayMap",
    "AngleDelayNetwork",
    "ChannelMaps",
    "ClutterFilter",
    "CrossStitch",
    "CrossTaskAttention",
    "CrossTaskLocalizer",
    "Detections",
    "DifferentiableOMP",
    "FarFieldMUSIC",
    "FocusedLocalizer",
    "FocusedMaps",
    "FocusedPatch",
    "KnownSymbolLocalizer",
    "LikelihoodRefinement",
    "LocalizationHeads",
    "LocalizerCandidates",
    "LocalizerOutput",
    "MAPRatioTest",
    "MessageDetector",
    "NearFieldMatchedFilter",
    "NeuralAngleEstimator",
    "NeuralPresenceDetector",
    "NeuralReceiver",
    "NeuralSymbolReceiver",
    "Periodogram2D",
    "RangeDopplerMap",
    "ReciprocalFilter",
    "ResidualBottleneck",
    "SearchGrid",
    "SoftmaxAngleEstimator",
    "SymbolDetector",
    "SymbolMatchedFilter",
    "TargetEstimate",
    "TaskFeatures",
    "TaskTrunk",
    "TokenEncoder",
    "TransformerBlock",
    "WienerFilter",
    "back_projection",
    "cfar_detection_probability",
    "cfar_threshold",
]
