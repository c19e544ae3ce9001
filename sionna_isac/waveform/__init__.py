"""Waveforms: OFDM grids, symbols and beams."""

from sionna_isac.waveform.grid import BeamformedGrid, shared_tone_grid, spread_tones
from sionna_isac.waveform.neural import NeuralBeamformer, NeuralEncoder
from sionna_isac.waveform.precoder import LeastSquaresPrecoder, MultibeamPrecoder
from sionna_isac.waveform.precoder_network import PrecoderNetwork
from sionna_isac.waveform.symbols import SymbolSource, orthogonal_symbols

__all__ = [
    "BeamformedGrid",
    "LeastSquaresPrecoder",
    "MultibeamPrecoder",
    "NeuralBeamformer",
    "NeuralEncoder",
    "PrecoderNetwork",
    "SymbolSource",
    "orthogonal_symbols",
    "shared_tone_grid",
    "spread_tones",
]
