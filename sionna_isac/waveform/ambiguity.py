"""Ambiguity function of a set of tones over the delay."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks

__all__ = ["ambiguity_function"]


def ambiguity_function(frequencies: Any, delays: Any) -> np.ndarray:
    r"""Ambiguity function of tones of equal power, cut at zero Doppler.

    .. math::
        A(\tau) = \frac{1}{K} \left|\sum_{k=1}^{K} e^{-j2\pi f_k \tau}\right|

    It is the output of a matched filter, over its peak, for a target whose delay is off by
    :math:`\tau`. For ranges, :math:`\tau = 2 \Delta r / c`.

    Parameters
    ----------
    frequencies : [num_tones], array_like
        Frequencies [Hz], from any reference; or indices of subcarriers, with delays in units of
        the inverse spacing
    delays : [...], array_like
        Delays [s]

    Output
    ------
    : [...], `np.float64`
        Values within [0, 1]

    Raises
    ------
    ValueError
        If ``frequencies`` is no vector, or a value is not finite

    Example
    -------
    >>> isac.waveform.ambiguity_function([0, 1, 2, 3], [0.0, 0.25])
    array([1., 0.])
    """
    tones = checks.finite("frequencies", checks.floats("frequencies", frequencies))
    delays = checks.finite("delays", checks.floats("delays", delays))
    if tones.ndim != 1 or not tones.size:
        raise ValueError(f"frequencies must have shape [num_tones]; got shape {list(tones.shape)}")
    tones = tones - tones[0]  # small phases: the carrier does not change the magnitude
    total = np.zeros(delays.shape, complex)
    for tone in tones:
        total += np.exp(-2j * np.pi * tone * delays)
    return np.abs(total) / tones.size
