"""Coded link on the tones that sensing leaves to communication."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.channel import ApplyOFDMChannel

from sionna_isac.core import checks, cites, complex_normal
from sionna_isac.studies._isac.coded import CodedGrid
from sionna_isac.waveform import BeamformedGrid, shared_tone_grid

__all__ = ["PartitionedLink", "rayleigh_fades"]

SPACING = 15e3  # of Sionna's grid [Hz]; without effect, since the channel is given per tone


@cites("Zhao26")
class PartitionedLink(CodedGrid):
    r"""Coded link over a block with sensing tones, the partition of (19) in [Zhao26]_.

    The power of all :math:`K_\text{tot}` tones is spread evenly over the :math:`K_c` tones that
    carry data. Sensing tones carry known QPSK symbols of unit power; as in (19), they do not draw
    on the power of the user. The receiver knows the channel.

    Parameters
    ----------
    num_tones : `int`
        All tones :math:`K_\text{tot}`
    sensing_tones : sequence of `int`
        Sensing tones
    num_ofdm_symbols : `int`
        OFDM symbols of a block, which holds one code word
    coderate : `float`
        Rate of the 5G LDPC code
    num_bits_per_symbol : `int`
        Bits per QAM symbol
    num_iterations : `int`, (default 20)
        Iterations of the LDPC decoder
    precision : `None` (default) | "single" | "double"
        Precision; `None` is that of Sionna

    Input
    -----
    h : [batch_size, num_ofdm_symbols, num_tones], `tf.complex`
        Channel
    no : `float`
        Noise power [W]; over a channel of unit power, its inverse is the SNR :math:`\bar\gamma` of
        a tone if all tones communicate

    Output
    ------
    bits : [batch_size, k], `tf.float`
        Information bits
    decoded : [batch_size, k], `tf.float`
        Decided bits
    rate : [batch_size], `tf.float`
        Mutual information of Gaussian symbols over this channel, a mean over all tones [bit/s/Hz]
    """

    def __init__(
        self,
        num_tones: int,
        sensing_tones: Any,
        *,
        num_ofdm_symbols: int,
        coderate: float,
        num_bits_per_symbol: int,
        num_iterations: int = 20,
        precision: str | None = None,
    ) -> None:
        tones = np.asarray(sensing_tones, int)
        grid = shared_tone_grid(
            num_ofdm_symbols,
            num_tones,
            SPACING,
            sensing_tones=tones,
            pilot_symbols=(),
            precision=precision,
        )
        super().__init__(grid, coderate, num_bits_per_symbol, num_iterations)
        self._share = 1 - tones.size / num_tones
        self._gain = 1 / math.sqrt(self._share)
        quadrants = np.random.default_rng(0).integers(0, 4, [1, num_ofdm_symbols, tones.size])
        self.known = np.exp(1j * (np.pi / 4 + np.pi / 2 * quadrants))
        self._fill = BeamformedGrid(tones, precision=precision) if tones.size else None
        self._channel = ApplyOFDMChannel(precision=precision)

    def transmit(self, batch_size: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Draw bits and map them, with the power moved and the sensing tones filled.

        Output
        ------
        bits : [batch_size, k], `tf.float`
            Information bits
        x : [batch_size, 1, 1, num_ofdm_symbols, num_tones], `tf.complex`
            Transmitted block
        """
        bits, x = self.send(batch_size)
        if self._fill is not None:
            x = self._fill(x, [[self._gain]], self.known, [[1.0]])
        return bits, x

    def __call__(self, h: Any, no: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        shape = [None, self.grid.num_ofdm_symbols, self.grid.fft_size]
        h = checks.shape("h", _cast(h, self.grid.cdtype), shape)
        no = _cast(no, self.grid.rdtype)
        bits, x = self.transmit(tf.shape(h)[0])
        y = self._channel(x, h[:, tf.newaxis, tf.newaxis, tf.newaxis, tf.newaxis], no)
        seen = self._gain * self.data(h)
        decoded = self.decide(self.data(y), seen, no)
        rates = tf.math.log1p(tf.abs(seen) ** 2 / no) / math.log(2)
        return bits, decoded, self._share * tf.reduce_mean(rates, -1)


def _cast(value: Any, dtype: tf.DType) -> tf.Tensor:
    """Tensor of a type; `tf.cast` alone takes Python numbers through single precision."""
    return tf.cast(tf.convert_to_tensor(value, dtype_hint=dtype), dtype)


def rayleigh_fades(
    batch_size: int,
    num_ofdm_symbols: int,
    num_tones: int,
    *,
    block: bool = False,
    precision: str | None = None,
) -> tf.Tensor:
    """Independent Rayleigh fades CN(0, 1) of tones.

    Parameters
    ----------
    batch_size, num_ofdm_symbols, num_tones : `int`
        Size
    block : `bool`, (default `False`)
        If `True`, all OFDM symbols of a block have the same fades, else each has its own
    precision : `None` (default) | "single" | "double"
        Precision; `None` is that of Sionna

    Output
    ------
    : [batch_size, num_ofdm_symbols, num_tones], `tf.complex`
        Channel
    """
    drawn = [batch_size, 1 if block else num_ofdm_symbols, num_tones]
    fades = complex_normal(drawn, precision=precision)
    return tf.broadcast_to(fades, [batch_size, num_ofdm_symbols, num_tones])
