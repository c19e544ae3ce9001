"""Communication rates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import exp1

from sionna_isac.core import cites
from sionna_isac.metrics._arrays import floats

__all__ = ["ergodic_rate"]


@cites("Zhao26")
def ergodic_rate(num_sensing_tones: Any, num_tones: Any, snr_db: Any) -> Any:
    r"""Ergodic rate on the tones that sensing leaves to communication, Eq. (19) of [Zhao26]_.

    The channel is Rayleigh fading, known to the receiver, and the power of all tones is spread
    over the :math:`K_c` tones of communication. In closed form,

    .. math::
        R = \frac{K_c}{K_\text{tot}} E\bigl[\log_2(1 + g |h|^2)\bigr]
          = \frac{K_c}{K_\text{tot}} \log_2(e) \, e^{1/g} E_1(1/g), \quad
        g = \bar\gamma \frac{K_\text{tot}}{K_c}

    The arguments broadcast.

    Parameters
    ----------
    num_sensing_tones : [...], array_like of `int`
        Tones reserved for sensing, :math:`0 \le K_s \le K_\text{tot}`
    num_tones : [...], array_like of `int`
        All tones :math:`K_\text{tot} = K_s + K_c`
    snr_db : [...], array_like
        SNR of a tone if all tones communicate, :math:`\bar\gamma` [dB]

    Output
    ------
    : [...], `np.float64`
        Rate over all tones [bit/s/Hz]; 0 if all tones are for sensing

    Raises
    ------
    ValueError
        If a number of tones is not a whole number in its range, or ``snr_db`` is not within
        -3000 ... 3000
    """
    sensing = _whole("num_sensing_tones", num_sensing_tones, 0)
    tones = _whole("num_tones", num_tones, 1)
    snr_db = floats("snr_db", snr_db)
    if np.any(np.abs(snr_db) > 3000):
        raise ValueError(f"snr_db must be within -3000 ... 3000; got {snr_db}")
    sensing, tones, snr_db = np.broadcast_arrays(sensing, tones, snr_db)
    if np.any(sensing > tones):
        raise ValueError(
            f"num_sensing_tones must be <= num_tones; got {sensing[sensing > tones].flat[0]:g} "
            f"of {tones[sensing > tones].flat[0]:g}"
        )
    share = 1 - sensing / tones
    inverse = np.where(share > 0, share, 1.0) * 10 ** (-snr_db / 10)
    return (share * math.log2(math.e) * _scaled_exp1(inverse))[()]


def _whole(name: str, value: Any, minimum: int) -> np.ndarray:
    number = floats(name, value)
    bad = number[(number < minimum) | (number != np.round(number))]
    if bad.size:
        raise ValueError(f"{name} must be a whole number >= {minimum}; got {bad.flat[0]:g}")
    return number


def _scaled_exp1(x: np.ndarray) -> np.ndarray:
    """exp(x) E_1(x) for x > 0."""
    small = np.minimum(x, 50.0)
    # the asymptotic series 1/x - 1/x^2 + 2/x^3 - ...: beyond x = 50 its 20 terms are exact
    u = 1 / np.maximum(x, 50.0)
    series = np.ones_like(u)
    for n in range(20, 0, -1):
        series = 1 - n * u * series
    return np.where(x < 50.0, np.exp(small) * exp1(small), u * series)
