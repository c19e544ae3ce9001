"""Data symbols: bits through Sionna's mapper, and symbols of orthogonal streams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.mapping import BinarySource, Mapper

from sionna_isac.core import Layer, checks, cites, register

__all__ = ["SymbolSource", "orthogonal_symbols"]


@cites("Yuan25")
def orthogonal_symbols(num_streams: int, num_snapshots: int) -> np.ndarray:
    r"""Symbols of unit modulus whose streams are orthogonal, as near-field bounds assume.

    .. math::
        \mathbf{S}\mathbf{S}^H = T\,\mathbf{I}

    Parameters
    ----------
    num_streams : `int`
        Number of streams
    num_snapshots : `int`
        Number of snapshots :math:`T`, at least ``num_streams``

    Output
    ------
    : [num_streams, num_snapshots], `np.complex128`
        Symbols :math:`\mathbf{S}`
    """
    checks.integer("num_snapshots", num_snapshots)
    checks.integer("num_streams", num_streams, maximum=num_snapshots)
    phase = np.outer(np.arange(num_streams), np.arange(num_snapshots)) / num_snapshots
    return np.exp(2j * math.pi * phase)


@register
class SymbolSource(Layer):
    """Random data symbols of unit mean energy, with the bits they carry.

    Parameters
    ----------
    num_data_symbols : `int`
        Symbols of a sample, one per resource element that carries data
    num_bits_per_symbol : `int`, (default 2)
        Bits per QAM symbol; 2 is QPSK

    Input
    -----
    batch_size : `int`
        Batch size

    Output
    ------
    x : [batch_size, num_data_symbols], `tf.complex`
        Symbols
    bits : [batch_size, num_data_symbols, num_bits_per_symbol], `tf.float`
        The bits
    """

    def __init__(
        self,
        num_data_symbols: int,
        *,
        num_bits_per_symbol: int = 2,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_data_symbols = checks.integer("num_data_symbols", num_data_symbols)
        self.num_bits_per_symbol = checks.integer("num_bits_per_symbol", num_bits_per_symbol)
        if self.num_bits_per_symbol % 2:
            raise ValueError(
                f"num_bits_per_symbol must be even (square QAM); got {num_bits_per_symbol}"
            )
        self._source = BinarySource(precision=self.precision)
        self._mapper = Mapper("qam", self.num_bits_per_symbol, precision=self.precision)

    def call(self, batch_size: int) -> tuple[tf.Tensor, tf.Tensor]:
        batch_size = checks.static_or_tensor("batch_size", batch_size)
        size = self.num_bits_per_symbol
        bits = self._source([batch_size, self.num_data_symbols * size])
        return self._mapper(bits), tf.reshape(bits, [batch_size, self.num_data_symbols, size])
