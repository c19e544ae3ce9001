"""Ambiguity functions of tones over the delay, and of resource elements over range and velocity."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import checks
from sionna_isac.waveform.numerology import Numerology
from sionna_isac.waveform.reference_elements import element_mask

__all__ = ["ambiguity_function", "element_ambiguity"]


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
    >>> isac.waveform.ambiguity_function([0, 1, 2, 3], [0.0, 0.25]).round(3)
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


def element_ambiguity(
    numerology: Numerology, ranges: Any, velocities: Any, *, elements: Any = None
) -> np.ndarray:
    r"""Ambiguity function of resource elements of equal power, over errors of range and velocity.

    .. math::
        A(r, v) = \frac{1}{N} \left|\sum_{m,s} e^{-j4\pi (s \Delta_f r/c
        + v m T_\mathrm{sym}/\lambda)}\right|

    with the sum over the :math:`N` elements that are used. Its side lobes hide weak targets beside
    strong ones, and one of value 1 is the place of an alias.

    Parameters
    ----------
    numerology : :class:`Numerology`
        Numerology
    ranges : [num_ranges], array_like
        Errors of the range [m]
    velocities : [num_velocities], array_like
        Errors of the velocity [m/s]
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Elements that are used; `None` is all active ones

    Output
    ------
    : [num_velocities, num_ranges], `np.float64`
        Values within [0, 1]

    Raises
    ------
    TypeError, ValueError
        If a shape does not fit, a value is not finite, or no active element is used

    Example
    -------
    >>> comb = np.zeros([14, 64], bool)
    >>> comb[:, ::4] = True
    >>> numerology = isac.waveform.Numerology(64, 120e3, 28e9, num_symbols=14)
    >>> ranges = [0, numerology.max_range / 4]
    >>> isac.waveform.element_ambiguity(numerology, ranges, [0], elements=comb)
    array([[1., 1.]])
    """
    checks.instance("numerology", numerology, Numerology)
    grids = {"ranges": ranges, "velocities": velocities}
    for name, value in grids.items():
        grids[name] = checks.finite(name, checks.floats(name, value))
        if grids[name].ndim != 1:
            raise ValueError(f"{name} must be a vector; got shape {list(grids[name].shape)}")
    used = element_mask(numerology, elements)
    shape = numerology.num_symbols, numerology.num_subcarriers
    used = np.ones(shape) if used is None else used.astype(float)
    symbols, tones = (np.arange(n) for n in shape)
    step = -4j * np.pi * numerology.symbol_duration / numerology.wavelength
    turn = np.exp(step * np.outer(grids["velocities"], symbols))
    step = -4j * np.pi * numerology.subcarrier_spacing / SPEED_OF_LIGHT
    return np.abs(turn @ used @ np.exp(step * np.outer(tones, grids["ranges"]))) / used.sum()
