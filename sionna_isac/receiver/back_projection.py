"""Images of a scene from the channel between antennas, by matched filtering in the near field."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import checks

__all__ = ["back_projection"]

BLOCK = 4096  # places at a time


def back_projection(
    channel: Any, frequencies: Any, tx_positions: Any, rx_positions: Any, points: Any
) -> np.ndarray:
    r"""Near-field matched filter: coherence of a channel with the echo of each place.

    .. math::
        I(\mathbf{p}) = \frac{\left|\sum_{f,r,t} H_{frt}\, e^{j k_f (R_t + R_r)}\right|}
        {\sqrt{N}\, \|\mathbf{H}\|}

    with the distances :math:`R_t, R_r` of the place from the antennas and the number :math:`N` of
    entries: 1 where the whole channel is the echo of that place, apart from the loss over
    distance. Sums are in single precision.

    Parameters
    ----------
    channel : [num_frequencies, num_rx, num_tx], array_like
        Channel, not 0 everywhere
    frequencies : [num_frequencies], array_like
        Frequencies [Hz]
    tx_positions, rx_positions : [num_tx, 3], [num_rx, 3], array_like
        Positions of transmit and receive antennas [m]
    points : [..., 3], array_like
        Places of the image [m]

    Output
    ------
    : [...], `np.float64`
        Image, within [0, 1]

    Raises
    ------
    ValueError
        If a shape does not fit, a value is not finite, or the channel is 0

    Example
    -------
    >>> image = isac.receiver.back_projection(h, frequencies, tx_positions, rx_positions, points)
    >>> points[np.argmax(image)]
    """
    frequencies = np.atleast_1d(checks.frequencies("frequencies", frequencies))
    sides = (
        checks.points("tx_positions", tx_positions),
        checks.points("rx_positions", rx_positions),
    )
    h = np.asarray(channel)
    checks.complexes("channel", h)
    expected = (*frequencies.shape, len(sides[1]), len(sides[0]))
    if h.shape != expected or len(expected) != 3:
        raise ValueError(
            f"channel must have shape {list(expected)}, [num_frequencies, num_rx, num_tx]; "
            f"got shape {list(h.shape)}"
        )
    if not np.any(h):
        raise ValueError("channel must not be 0 everywhere; got zeros")
    places = checks.finite("points", checks.floats("points", points))
    if places.shape[-1:] != (3,):
        raise ValueError(f"points must have shape [..., 3]; got shape {list(places.shape)}")
    shape, places = places.shape[:-1], places.reshape(-1, 3)
    image = np.empty(len(places))
    for start in range(0, len(places), BLOCK):
        block = slice(start, start + BLOCK)
        total = np.zeros(len(places[block]), np.complex128)
        distances = [np.linalg.norm(s[:, np.newaxis] - places[block], axis=-1) for s in sides]
        for each, frequency in zip(h, frequencies, strict=True):
            k = 2 * math.pi * frequency / SPEED_OF_LIGHT
            tx, rx = (np.exp(1j * k * distance).astype(np.complex64) for distance in distances)
            total += np.sum(rx * (each.astype(np.complex64) @ tx), axis=0)
        image[block] = np.abs(total)
    return (image / (np.linalg.norm(h) * math.sqrt(h.size))).reshape(shape)
