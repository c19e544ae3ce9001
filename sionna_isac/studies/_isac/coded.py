"""Coded transmission over a resource grid, from Sionna's own blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import BinarySource, Mapper
from sionna.phy.ofdm import ResourceGrid, ResourceGridMapper

from sionna_isac.receiver import SymbolDetector

__all__ = ["CodedGrid"]


class CodedGrid:
    """Bits through LDPC and QAM onto the data elements of a resource grid, and back.

    Parameters
    ----------
    grid : :class:`sionna.phy.ofdm.ResourceGrid`
        Resource grid of one transmitter and one stream; its data elements hold one code word
    coderate : `float`
        Rate of the 5G LDPC code
    num_bits_per_symbol : `int`
        Bits per QAM symbol
    num_iterations : `int`
        Iterations of the LDPC decoder
    """

    def __init__(
        self, grid: ResourceGrid, coderate: float, num_bits_per_symbol: int, num_iterations: int
    ) -> None:
        precision = grid.precision
        self.grid = grid
        self.num_bits_per_symbol = num_bits_per_symbol
        size = int(grid.num_data_symbols) * num_bits_per_symbol
        self.num_information_bits = int(size * coderate)
        self._source = BinarySource(precision=precision)
        self._encoder = LDPC5GEncoder(
            self.num_information_bits, size, num_bits_per_symbol, precision=precision
        )
        self._decoder = LDPC5GDecoder(
            self._encoder, hard_out=True, num_iter=num_iterations, precision=precision
        )
        self._mapper = Mapper("qam", num_bits_per_symbol, precision=precision)
        self._grid_mapper = ResourceGridMapper(grid, precision=precision)
        self._detector = SymbolDetector(
            num_bits_per_symbol=num_bits_per_symbol, precision=precision
        )

    def send(self, batch_size: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Draw information bits, and map them.

        Output
        ------
        bits : [batch_size, k], `tf.float`
            Information bits
        x : [batch_size, 1, 1, num_ofdm_symbols, fft_size], `tf.complex`
            Resource grid
        """
        bits = self._source([batch_size, 1, 1, self.num_information_bits])
        x = self._grid_mapper(self._mapper(self._encoder(bits)))
        return tf.squeeze(bits, [1, 2]), x

    def decide(self, y: tf.Tensor, h: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
        """Detect and decode data elements, [batch_size, num_data] each.

        Output
        ------
        : [batch_size, k], `tf.float`
            Decided bits
        """
        llr = self._detector(y, h, no)
        decoded = self._decoder(tf.reshape(llr, [-1, 1, 1, self._encoder.n]))
        return tf.squeeze(decoded, [1, 2])

    def data(self, grid: tf.Tensor) -> tf.Tensor:
        """Data elements [batch_size, num_data] of [batch_size, ..., symbols, carriers]."""
        mask = self.grid.pilot_pattern.mask.numpy().astype(bool).ravel()
        return tf.gather(tf.reshape(grid, [-1, mask.size]), np.flatnonzero(~mask), axis=1)
