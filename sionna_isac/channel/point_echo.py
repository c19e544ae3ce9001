"""Echo of one isotropic scatterer between antennas anywhere, by spherical waves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import checks

__all__ = ["point_echo"]


def point_echo(
    position: Any, frequencies: Any, tx_positions: Any, rx_positions: Any, rcs: float = 1.0
) -> np.ndarray:
    r"""Echo of an isotropic scatterer between antennas of unit gain, by the radar equation.

    .. math::
        H_{frt} = \frac{\lambda_f \sqrt{\sigma}}{(4\pi)^{3/2}\, r_r\, r_t}\,
        e^{-j 2\pi (r_r + r_t)/\lambda_f}

    The counterpart of a full-wave channel for a point: waves are spherical and neither the array
    nor the band is narrow.

    Parameters
    ----------
    position : [3], array_like
        Position of the scatterer [m]
    frequencies : [num_frequencies], array_like
        Frequencies [Hz]
    tx_positions, rx_positions : [num_tx, 3], [num_rx, 3], array_like
        Positions of transmit and receive antennas [m]
    rcs : `float`, (default 1)
        Radar cross section :math:`\sigma` [m^2]

    Output
    ------
    : [num_frequencies, num_rx, num_tx], `np.complex128`
        Channel :math:`\mathbf{H}`

    Raises
    ------
    ValueError
        If a shape does not fit, a value is out of range, or the scatterer lies on an antenna
    """
    position = checks.vector("position", position, 3)
    frequencies = np.atleast_1d(checks.frequencies("frequencies", frequencies))
    amplitude = math.sqrt(checks.real("rcs", rcs, minimum=0))
    if frequencies.ndim != 1:
        raise ValueError(
            f"frequencies must have shape [num_frequencies]; got shape {list(frequencies.shape)}"
        )
    tx = _distances("tx_positions", tx_positions, position)
    rx = _distances("rx_positions", rx_positions, position)
    wavelength = (SPEED_OF_LIGHT / frequencies)[:, np.newaxis, np.newaxis]
    path, product = rx[:, np.newaxis] + tx, rx[:, np.newaxis] * tx
    loss = wavelength / ((4 * math.pi) ** 1.5 * product) * amplitude
    return loss * np.exp(-2j * math.pi * path / wavelength)


def _distances(name: str, positions: Any, place: np.ndarray) -> np.ndarray:
    """Distances [num_antennas] of antennas from a place, none of them 0."""
    points = checks.points(name, positions)
    distance = np.linalg.norm(points - place, axis=-1)
    if np.any(distance == 0):
        raise ValueError(
            f"{name} must not hold the position of the scatterer; got {place.tolist()}"
        )
    return distance
