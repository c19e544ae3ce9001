"""Coded transmission over a resource grid, from Sionna's own blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.channel import ChannelModel, OFDMChannel
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import BinarySource, Mapper
from sionna.phy.ofdm import (
    LSChannelEstimator,
    RemoveNulledSubcarriers,
    ResourceGrid,
    ResourceGridMapper,
)

from sionna_isac.receiver import SymbolDetector

__all__ = ["CodedChannel", "CodedGrid"]


class CodedGrid:
    """Bits through LDPC and QAM onto the data elements of a resource grid, and back.

    Parameters
    ----------
    grid : :class:`sionna.phy.ofdm.ResourceGrid`
        Resource grid of one transmitter and one stream; its data elements hold the code words
    coderate : `float`
        Rate of the 5G LDPC code
    num_bits_per_symbol : `int`
        Bits per QAM symbol
    num_iterations : `int`
        Iterations of the LDPC decoder
    num_code_words : `int`, (default 1)
        Code words on the grid, one after the other; they divide its data elements evenly
    """

    def __init__(
        self,
        grid: ResourceGrid,
        coderate: float,
        num_bits_per_symbol: int,
        num_iterations: int,
        num_code_words: int = 1,
    ) -> None:
        precision = grid.precision
        self.grid = grid
        self.num_bits_per_symbol = num_bits_per_symbol
        self.num_code_words = num_code_words
        size = int(grid.num_data_symbols) // num_code_words * num_bits_per_symbol
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
            Information bits, [batch_size, num_code_words, k] for more than one code word
        x : [batch_size, 1, 1, num_ofdm_symbols, fft_size], `tf.complex`
            Resource grid
        """
        bits = self._source([batch_size, 1, self.num_code_words, self.num_information_bits])
        size = self.num_code_words * self._encoder.n
        words = tf.reshape(self._encoder(bits), [batch_size, 1, 1, size])
        x = self._grid_mapper(self._mapper(words))
        return self._words(bits), x

    def decide(self, y: tf.Tensor, h: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
        """Detect and decode data elements, [batch_size, num_data] each.

        Output
        ------
        : [batch_size, k], `tf.float`
            Decided bits, [batch_size, num_code_words, k] for more than one code word
        """
        llr = self._detector(y, h, no)
        words = tf.reshape(llr, [-1, 1, self.num_code_words, self._encoder.n])
        return self._words(self._decoder(words))

    def _words(self, bits: tf.Tensor) -> tf.Tensor:
        """Bits without the dimensions of size 1."""
        return tf.squeeze(bits, [1, 2] if self.num_code_words == 1 else [1])

    def data(self, grid: tf.Tensor) -> tf.Tensor:
        """Data elements [batch_size, num_data] of [batch_size, ..., symbols, carriers]."""
        mask = self.grid.pilot_pattern.mask.numpy().astype(bool).ravel()
        return tf.gather(tf.reshape(grid, [-1, mask.size]), np.flatnonzero(~mask), axis=1)


class CodedChannel(CodedGrid):
    """Coded grid over a channel, with a receiver that knows the channel or estimates it.

    Estimation is by least squares at the pilots, with linear interpolation.

    Parameters
    ----------
    grid, coderate, num_bits_per_symbol, num_iterations, num_code_words
        As :class:`CodedGrid` takes them
    channel : :class:`sionna.phy.channel.ChannelModel`
        Channel from one antenna to one antenna
    csi : "perfect" | "estimated"
        Knowledge of the receiver
    """

    def __init__(
        self,
        grid: ResourceGrid,
        coderate: float,
        num_bits_per_symbol: int,
        num_iterations: int,
        channel: ChannelModel,
        csi: str,
        num_code_words: int = 1,
    ) -> None:
        super().__init__(grid, coderate, num_bits_per_symbol, num_iterations, num_code_words)
        precision = grid.precision
        self._known = csi == "perfect"
        self._remove_nulls = RemoveNulledSubcarriers(grid, precision=precision)
        self._channel = OFDMChannel(channel, grid, return_channel=True, precision=precision)
        self._estimator = LSChannelEstimator(grid, interpolation_type="lin", precision=precision)

    def transmit(self, batch_size: Any, no: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Draw bits, send them and decide, as :meth:`send` and :meth:`decide` return them."""
        bits, x = self.send(batch_size)
        y, h = self._channel(x, no)
        variance = tf.zeros([], self._detector.rdtype)
        if self._known:
            h = self._remove_nulls(h)
        else:
            h, variance = self._estimator(y, no)
        # Sionna's estimator gives the variance in single precision whatever its own is
        variance = tf.cast(variance, self._detector.rdtype)
        noise = self.data(tf.broadcast_to(no + variance, tf.shape(h)))
        return bits, self.decide(self.data(self._remove_nulls(y)), self.data(h), noise)
