"""Error rates of symbols, bits and blocks, and closed forms for QPSK."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from sionna_isac.core import cites
from sionna_isac.metrics._arrays import floats, not_a_number, same_shape

__all__ = [
    "bit_error_rate",
    "block_error_rate",
    "qpsk_symbol_error_rate",
    "rayleigh_qpsk_symbol_error_rate",
    "symbol_error_rate",
]


@cites("MateosRamos25")
def symbol_error_rate(estimated: Any, sent: Any) -> float:
    """Share of symbols estimated wrongly, Eq. (22) of [MateosRamos25]_.

    Parameters
    ----------
    estimated : [...], array_like
        Estimated symbols
    sent : [...], array_like
        Sent symbols: their indices, whole numbers, of the same shape

    Output
    ------
    : `float`
        Error rate; NaN with a warning if there is no symbol
    """
    wrong = _wrong(estimated, sent, "whole numbers (indices of symbols)")
    return float(wrong.mean()) if wrong.size else not_a_number("error rate of zero symbols")


def bit_error_rate(estimated: Any, sent: Any) -> float:
    """Share of bits estimated wrongly.

    Parameters
    ----------
    estimated : [...], array_like
        Estimated bits (hard decisions)
    sent : [...], array_like
        Sent bits, 0 and 1, of the same shape

    Output
    ------
    : `float`
        Error rate; NaN with a warning if there is no bit
    """
    wrong = _wrong(estimated, sent, "bits (0 and 1)", 1)
    return float(wrong.mean()) if wrong.size else not_a_number("error rate of zero bits")


def block_error_rate(estimated: Any, sent: Any) -> float:
    """Share of blocks with at least one bit estimated wrongly.

    Parameters
    ----------
    estimated : [..., block_size], array_like
        Estimated bits (hard decisions)
    sent : [..., block_size], array_like
        Sent bits, 0 and 1, of the same shape

    Output
    ------
    : `float`
        Error rate; NaN with a warning if there is no block
    """
    wrong = _wrong(estimated, sent, "bits (0 and 1)", 1)
    if wrong.ndim == 0:
        raise ValueError("sent must have shape [..., block_size]; got shape []")
    return float(wrong.any(-1).mean()) if wrong.size else not_a_number("error rate of zero blocks")


def qpsk_symbol_error_rate(snr: Any) -> Any:
    r"""Symbol error rate of QPSK with additive white Gaussian noise.

    .. math::
        P = 2 Q(\sqrt{\gamma}) - Q(\sqrt{\gamma})^2

    Parameters
    ----------
    snr : [...], array_like
        Energy per symbol over noise power density :math:`\gamma = E_s/N_0` (linear)

    Output
    ------
    : [...], `np.float64`
        Error rate
    """
    tail = ndtr(-np.sqrt(_snr("snr", snr)))
    return (2 - tail) * tail


def rayleigh_qpsk_symbol_error_rate(mean_snr: Any) -> Any:
    r"""Symbol error rate of QPSK on a Rayleigh channel that the receiver knows.

    The expectation of :func:`qpsk_symbol_error_rate` over an exponentially distributed SNR,

    .. math::
        P = \frac{3}{4} - \mu \left(1 - \frac{1}{\pi} \arctan \frac{1}{\mu} \right), \quad
        \mu = \sqrt{\frac{\bar\gamma}{2 + \bar\gamma}}

    Parameters
    ----------
    mean_snr : [...], array_like
        Mean SNR of a symbol :math:`\bar\gamma = E[|\kappa|^2] / N_0` (linear), with the channel
        coefficient :math:`\kappa`

    Output
    ------
    : [...], `np.float64`
        Error rate
    """
    half = _snr("mean_snr", mean_snr) / 2
    mu = np.sqrt(half / (1 + half))
    # 1 - mu and arctan(1/mu) = pi/4 + arctan(...) without cancellation at high SNR
    rest = 1 / ((1 + half) * (1 + mu))
    return 0.75 * rest + mu / np.pi * np.arctan(rest / (1 + mu))


def _wrong(estimated: Any, sent: Any, kind: str, maximum: float = np.inf) -> np.ndarray:
    sent, estimated = floats("sent", sent), floats("estimated", estimated)
    same_shape("estimated", estimated, "sent", sent)
    for name, value in (("sent", sent), ("estimated", estimated)):
        bad = value[(value < 0) | (value > maximum) | (value != np.round(value))]
        if bad.size:
            # noisy symbols or log-likelihood ratios would all count as errors
            raise ValueError(f"{name} must hold {kind}; got {bad[0]:g}")
    return np.not_equal(sent, estimated)


def _snr(name: str, value: Any) -> np.ndarray:
    snr = floats(name, value)
    if np.any(snr < 0):
        raise ValueError(f"{name} must be >= 0 (linear, not dB); got a minimum of {snr.min():g}")
    return snr
