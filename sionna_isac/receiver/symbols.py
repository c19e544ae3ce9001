"""Decisions on data symbols and messages with known channel."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from sionna.phy.mapping import Constellation, Demapper

from sionna_isac.core import Complex, Layer, Real, checks, cites, linalg, register

__all__ = ["MessageDetector", "SymbolDetector"]


@register
@cites("MateosRamos25")
class SymbolDetector(Layer):
    r"""Maximum-likelihood decisions and LLRs of a scalar channel with known CSI, Eq. (15).

    Parameters
    ----------
    num_bits_per_symbol : `int`, (default 2)
        Bits per QAM symbol; 2 is QPSK
    hard_out : `bool`, (default `False`)
        If `True`, the output is decided bits, else LLRs
    demapping_method : "app" (default) | "maxlog"
        LLR computation of Sionna's `Demapper`

    Input
    -----
    y : [..., num_symbols], `tf.complex`
        Received symbols :math:`\mathbf{y}_c`
    csi : [..., num_symbols], `tf.complex`
        Channel :math:`\boldsymbol{\kappa}`
    no : [...], `tf.float`
        Noise power [W], above 0: a number, or values with the leading dimensions of ``y``

    Output
    ------
    : [..., num_symbols, num_bits_per_symbol], `tf.float`
        LLRs, or bits if ``hard_out``; a symbol received with channel 0 has LLR 0. NaN (an error in
        eager mode) where the noise power is not above 0, and NaN where ``y`` or ``csi`` is
    """

    def __init__(
        self,
        *,
        num_bits_per_symbol: int = 2,
        hard_out: bool = False,
        demapping_method: str = "app",
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_bits_per_symbol = checks.integer("num_bits_per_symbol", num_bits_per_symbol)
        if self.num_bits_per_symbol % 2:
            raise ValueError(
                f"num_bits_per_symbol must be even (square QAM); got {num_bits_per_symbol}"
            )
        self.hard_out = bool(hard_out)
        self.demapping_method = checks.one_of(
            "demapping_method", demapping_method, ("app", "maxlog")
        )
        constellation = Constellation("qam", self.num_bits_per_symbol, precision=self.precision)
        self._demapper = Demapper(
            self.demapping_method,
            constellation=constellation,
            hard_out=self.hard_out,
            precision=self.precision,
        )

    def call(self, y: Complex, csi: Complex, no: Real) -> tf.Tensor:
        checks.last_dim("csi", csi, y.shape[-1])
        no = checks.noise_power(no, y, positive=True)
        power = tf.math.real(csi) ** 2 + tf.math.imag(csi) ** 2
        tiny = tf.cast(1e-30, self.rdtype)
        power = tf.maximum(power, tiny)
        equalised = y * tf.math.conj(csi) / linalg.to_complex(power)
        valid = (no > 0) & tf.math.is_finite(tf.abs(equalised))
        equalised = tf.where(valid, equalised, tf.zeros_like(equalised))
        llr = self._demapper(equalised, no / power)
        llr = tf.reshape(llr, [*linalg.sizes(y), self.num_bits_per_symbol])
        # bits that are decided would hide NaN
        return tf.where(valid[..., tf.newaxis], llr, float("nan"))


@register
@cites("MateosRamos23")
class MessageDetector(Layer):
    r"""Maximum-likelihood scores of QAM messages with known CSI, Section III-C of [MateosRamos23]_.

    .. math::
        \hat m = \arg\min_{m \in \mathcal{M}} |y_c - \kappa\, x(m)|^2

    The points :math:`x(m)` are those of Sionna's constellation, in its order (`points`).

    Parameters
    ----------
    num_messages : `int`, (default 4)
        Number of messages :math:`|\mathcal{M}|`, the points of a square QAM: 4, 16, 64, ...

    Input
    -----
    y : [...], `tf.complex`
        Received symbols :math:`y_c`
    csi : [...], `tf.complex`
        Channel :math:`\kappa`

    Output
    ------
    : [..., num_messages], `tf.float`
        Negative squared distances [W]; the largest is that of the most likely message
    """

    def __init__(
        self, num_messages: int = 4, *, precision: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_messages = checks.integer("num_messages", num_messages, minimum=4)
        num_bits = self.num_messages.bit_length() - 1
        if self.num_messages != 2**num_bits or num_bits % 2:
            raise ValueError(f"num_messages must be a power of 4 (square QAM); got {num_messages}")
        qam = Constellation("qam", num_bits, precision=self.precision)
        self._points = qam.points.numpy()

    @property
    def points(self) -> tf.Tensor:
        """[num_messages], `tf.complex` : Points of the constellation"""
        return tf.constant(self._points)

    def call(self, y: Complex, csi: Complex) -> tf.Tensor:
        checks.shape("csi", csi, y.shape, "as y has")
        error = y[..., tf.newaxis] - csi[..., tf.newaxis] * self.points
        return -(tf.math.real(error) ** 2 + tf.math.imag(error) ** 2)
