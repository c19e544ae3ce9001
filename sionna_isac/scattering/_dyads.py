"""Sum of the Mie series between points outside a sphere, with a bound on what is left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from sionna_isac.scattering._sphere import Coefficients
from sionna_isac.scattering._spherical_waves import angular_functions, outgoing_waves

_TOLERANCE = 1e-12  # of the omitted orders, against the dyad


def dyads(
    series: Coefficients,
    size: np.ndarray,
    rx: np.ndarray,
    tx: np.ndarray,
    cosine: np.ndarray,
    sine: np.ndarray,
) -> np.ndarray:
    """Entries rr', r theta', theta r', theta theta', phi phi' of the dyads [5, F, R, T].

    The directions theta and phi are those of the plane through the centre and both antennas.

    Input
    -----
    rx, tx : [F, R], [F, T], `np.float64`
        Wavenumber times distance from the centre
    cosine, sine : [R, T], `np.float64`
        Of the angle between the antennas, seen from the centre
    """
    order = len(series.electric)
    to_come = [_largest_to_come(series.electric), _largest_to_come(series.magnetic)]
    dyad = np.zeros([5, len(size), *cosine.shape], np.complex128)
    strengths: list[np.ndarray] = []
    waves = zip(
        itertools.count(1),
        _outgoing(series, size, rx),
        _outgoing(series, size, tx),
        angular_functions(cosine),
        strict=False,
    )
    for n, (w_rx, radial_rx, across_rx), (w_tx, radial_tx, across_tx), angular in waves:
        legendre, pi, tau = angular
        square = n * (n + 1)
        electric = (2 * n + 1) / square * series.electric[n - 1][:, np.newaxis]
        magnetic = (2 * n + 1) / square * series.magnetic[n - 1][:, np.newaxis]
        radial, across = electric * square * radial_rx, electric * across_rx
        dyad[0] += _outer(radial, square * radial_tx) * legendre
        dyad[1] -= _outer(radial, across_tx) * (sine * pi)
        dyad[2] += _outer(across, square * radial_tx) * (sine * pi)
        of_electric, of_magnetic = _outer(across, across_tx), _outer(magnetic * w_rx, w_tx)
        dyad[3] += of_magnetic * pi + of_electric * tau
        dyad[4] += of_magnetic * tau + of_electric * pi

        before, strengths = strengths, []
        for w, r, a in ((w_rx, radial_rx, across_rx), (w_tx, radial_tx, across_tx)):
            strengths += [np.hypot(np.sqrt(square) * np.abs(r), np.abs(a)), np.abs(w)]
        if n == order or (n % 4 == 0 and n > np.max(size)):
            tail = _tail(n, [c[n - 1] for c in to_come], before, strengths)
            norm = np.sqrt(np.sum(np.abs(dyad) ** 2, axis=0))
            if np.all(tail <= _TOLERANCE * norm):
                return dyad
    reached = np.max(tail / np.where(norm > 0, norm, 1))
    raise RuntimeError(
        f"the Mie series did not converge: {order} orders leave a relative tail of {reached:.2g}, "
        f"allowed are {_TOLERANCE:g}; an antenna is too close to the surface of the sphere"
    )


def _outgoing(
    series: Coefficients, size: np.ndarray, argument: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """w = xi_n(z) / [xi_n(x) z], w / z and w xi_n'(z) / xi_n(z) for the orders 1 to N."""
    w = np.exp(1j * (size[:, np.newaxis] - argument)) / argument
    for (ratio, derivative), own in zip(outgoing_waves(argument), series.ratios, strict=False):
        w = w * (ratio / own[:, np.newaxis])
        yield w, w / argument, w * derivative


def _largest_to_come(coefficient: np.ndarray) -> np.ndarray:
    """Largest magnitude of an order and all above it [N, F, 1]."""
    return np.maximum.accumulate(np.abs(coefficient[::-1]))[::-1, :, np.newaxis]


def _tail(
    n: int, largest: list[np.ndarray], before: list[np.ndarray], strengths: list[np.ndarray]
) -> np.ndarray:
    """Bound [F, R, T] on the norm of what orders above n contribute.

    By Unsoeld's theorem and the inequality of Cauchy and Schwarz, one order contributes at most the
    product of the strengths of its waves at both antennas. These fall off ever faster, so that a
    geometric series with their present ratio bounds the rest; resonances of higher orders are seen
    in the largest coefficients that are still to come.
    """
    electric, magnetic = largest

    def bound(order: int, values: list[np.ndarray]) -> np.ndarray:
        electric_rx, magnetic_rx, electric_tx, magnetic_tx = values
        product = _outer(electric * electric_rx, electric_tx)
        return (2 * order + 1) * (product + _outer(magnetic * magnetic_rx, magnetic_tx))

    last = bound(n, strengths)
    ratio = last / np.maximum(bound(n - 1, before), np.finfo(float).tiny)
    return np.where(ratio < 1, last * ratio / np.maximum(1 - ratio, 1e-16), np.inf)


def _outer(rx: np.ndarray, tx: np.ndarray) -> np.ndarray:
    return rx[:, :, np.newaxis] * tx[:, np.newaxis, :]
