"""Waveforms: numerology, OFDM grids, symbols and beams."""

from sionna_isac.waveform.ambiguity import ambiguity_function, element_ambiguity
from sionna_isac.waveform.delay_basis import DelayBasis
from sionna_isac.waveform.doppler_basis import DopplerBasis
from sionna_isac.waveform.grid import BeamformedGrid, shared_tone_grid
from sionna_isac.waveform.neural import NeuralBeamformer, NeuralEncoder
from sionna_isac.waveform.numerology import Numerology
from sionna_isac.waveform.placement import TonePlacement, place_tones
from sionna_isac.waveform.precoder import LeastSquaresPrecoder, MultibeamPrecoder
from sionna_isac.waveform.precoder_network import PrecoderNetwork
from sionna_isac.waveform.reference_elements import element_mask, reference_elements
from sionna_isac.waveform.symbols import SymbolSource, orthogonal_symbols

__all__ = [
    "BeamformedGrid",
    "DelayBasis",
    "DopplerBasis",
    "LeastSquaresPrecoder",
    "MultibeamPrecoder",
    "NeuralBeamformer",
    "NeuralEncoder",
    "Numerology",
    "PrecoderNetwork",
    "SymbolSource",
    "TonePlacement",
    "ambiguity_function",
    "element_ambiguity",
    "element_mask",
    "orthogonal_symbols",
    "place_tones",
    "reference_elements",
    "shared_tone_grid",
]
