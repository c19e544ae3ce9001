"""Coded transmission to the user over the shared resource grid, from Sionna's own blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.channel import OFDMChannel
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import BinarySource, Mapper
from sionna.phy.ofdm import (
    LSChannelEstimator,
    RemoveNulledSubcarriers,
    ResourceGridMapper,
)
from sionna.phy.utils import ebnodb2no

from sionna_isac.channel import BeamformedLink
from sionna_isac.channel.link import PathLink
from sionna_isac.receiver import SymbolDetector
from sionna_isac.studies._isac.blocks import Coding
from sionna_isac.waveform import shared_tone_grid, spread_tones

__all__ = ["CodedLink"]


class CodedLink:
    """Bits through LDPC, QPSK, resource grid, channel and back; a function for `sim_ber`.

    Parameters
    ----------
    coding
        Configuration (`Coding`)
    link : `PathLink`
        Link
    beam : [num_antennas], `tf.complex`
        Beam of data and pilots
    subcarrier_spacing : `float`
        Subcarrier spacing [Hz]
    num_iterations : `int`, (default 20)
        Iterations of the LDPC decoder

    Input
    -----
    batch_size : `int`
        Batch size
    ebno_db : `float`
        Eb/N0 of a data resource element, without beam gain [dB]; the energy of pilots and sensing
        tones does not count for the bits

    Output
    ------
    bits : [batch_size, k], `tf.float`
        Information bits
    decoded : [batch_size, k], `tf.float`
        Decided bits
    """

    num_bits_per_symbol = 2

    def __init__(
        self,
        coding: Coding,
        link: PathLink,
        beam: tf.Tensor,
        subcarrier_spacing: float,
        num_iterations: int = 20,
    ) -> None:
        precision = link.precision
        self._coding = coding
        self.grid = shared_tone_grid(
            coding.num_ofdm_symbols,
            coding.fft_size,
            subcarrier_spacing,
            sensing_tones=spread_tones(coding.num_sensing_tones, coding.fft_size),
            pilot_symbols=coding.pilot_symbols,
            precision=precision,
        )
        size = int(self.grid.num_data_symbols) * self.num_bits_per_symbol
        self.num_information_bits = int(size * coding.coderate)
        self._source = BinarySource(precision=precision)
        self._encoder = LDPC5GEncoder(self.num_information_bits, size, precision=precision)
        self._decoder = LDPC5GDecoder(
            self._encoder, hard_out=True, num_iter=num_iterations, precision=precision
        )
        self._mapper = Mapper("qam", self.num_bits_per_symbol, precision=precision)
        self._grid_mapper = ResourceGridMapper(self.grid, precision=precision)
        self._remove_nulls = RemoveNulledSubcarriers(self.grid, precision=precision)
        self._channel = OFDMChannel(
            BeamformedLink(link, beam), self.grid, return_channel=True, precision=precision
        )
        self._estimator = LSChannelEstimator(
            self.grid, interpolation_type="lin", precision=precision
        )
        self._detector = SymbolDetector(
            num_bits_per_symbol=self.num_bits_per_symbol, precision=precision
        )

    def ebno_db(self, snr_db: float) -> float:
        """Eb/N0 [dB] at an SNR per resource element [dB]."""
        rate = self.num_information_bits / self._encoder.n
        return snr_db - 10 * float(np.log10(rate * self.num_bits_per_symbol))

    def __call__(self, batch_size: Any, ebno_db: Any) -> tuple[tf.Tensor, tf.Tensor]:
        rate = self.num_information_bits / self._encoder.n
        no = ebnodb2no(ebno_db, self.num_bits_per_symbol, rate, precision=self._detector.precision)
        bits = self._source([batch_size, 1, 1, self.num_information_bits])
        x = self._grid_mapper(self._mapper(self._encoder(bits)))
        y, h = self._channel(x, no)
        variance = tf.zeros([], self._detector.rdtype)
        if self._coding.csi == "estimated":
            h, variance = self._estimator(y, no)
        else:
            h = self._remove_nulls(h)
        # Sionna's estimator gives the variance in single precision whatever its own is
        variance = tf.cast(variance, self._detector.rdtype)
        noise = self._data(tf.broadcast_to(no + variance, tf.shape(h)))
        y = self._remove_nulls(y)[:, :, :, tf.newaxis, tf.newaxis]
        llr = self._detector(self._data(y), self._data(h), noise)
        llr = tf.reshape(llr, [-1, 1, 1, self._encoder.n])
        decoded = self._decoder(llr)
        return tf.squeeze(bits, [1, 2]), tf.squeeze(decoded, [1, 2])

    def _data(self, grid: tf.Tensor) -> tf.Tensor:
        """Data elements [batch_size, num_data] of [batch_size, 1, 1, 1, 1, symbols, carriers]."""
        flat = tf.reshape(grid, [-1, self._mask.size])
        return tf.gather(flat, np.flatnonzero(~self._mask), axis=1)

    @property
    def _mask(self) -> np.ndarray:
        return self.grid.pilot_pattern.mask.numpy().astype(bool).ravel()
