"""Mie series of the field that a sphere scatters between dipoles: independent truth."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.constants import epsilon_0

from sionna_isac.core import checks, cites
from sionna_isac.scattering._sphere import (
    Coefficients,
    angular_functions,
    coefficients,
    outgoing_waves,
    points,
    sphere,
)
from sionna_isac.scattering.dipole import vector_list

__all__ = ["sphere_response"]

_MAX_ORDER = 20_000
_BLOCK = 2**15  # entries [F, R, T] at a time: the sums stay in the cache
_TOLERANCE = 1e-12  # of the omitted orders, against the dyad


@cites("Zhao26", "Tai94", "Lentz76")
def sphere_response(
    radius: float,
    center: Any,
    permittivity: Any,
    conductivity: float,
    frequencies: Any,
    tx_positions: Any,
    tx_moments: Any,
    rx_positions: Any,
    rx_polarizations: Any,
) -> np.ndarray:
    r"""Field that a homogeneous sphere in free space scatters from dipoles to receivers.

    .. math::
        h_{rt} = \mathbf{q}_r^H \mathbf{E}^\mathrm{sca}_t(\mathbf{r}_r)

    as in Eq. (12) of [Zhao26]_, exact up to rounding. The scattered field is the series of vector
    spherical waves of the dyadic Green's function of a sphere ([Tai94]_), with the sum over the
    azimuthal index in closed form. Time is :math:`e^{+j\omega t}`. The direct field is not part
    of it.

    Parameters
    ----------
    radius : `float`
        Radius [m]
    center : [3], array_like
        Centre [m]
    permittivity : complex or [F], array_like
        Relative permittivity :math:`\varepsilon' - j\varepsilon''`, also per frequency
    conductivity : `float`
        Conductivity [S/m], adds :math:`-j\sigma/(\omega\varepsilon_0)`; `inf` is a perfect
        conductor, whatever its permittivity
    frequencies : [F], array_like
        Frequencies [Hz]
    tx_positions : [T, 3], array_like
        Transmitting dipoles, outside the sphere [m]
    tx_moments : [T, 3], array_like
        Dipole moments [C m]
    rx_positions : [R, 3], array_like
        Receivers, outside the sphere [m]
    rx_polarizations : [R, 3], array_like
        Polarisations :math:`\mathbf{q}_r`, conjugated

    Output
    ------
    : [F, R, T], `np.complex128`
        :math:`h_{rt}` [V/m]

    Raises
    ------
    ValueError
        If an antenna is not outside the sphere, or the material is not passive or has a
        permittivity below 1
    RuntimeError
        If the series does not converge to 1e-12 of the dyad, since antennas are too close to the
        surface (less than about 2e-3 radii)
    """
    ball = sphere(radius, permittivity, conductivity, frequencies)
    center = checks.vector("center", center, 3)
    tx_distance, tx_direction = _outside("tx_positions", tx_positions, center, radius)
    rx_distance, rx_direction = _outside("rx_positions", rx_positions, center, radius)
    moments = vector_list("tx_moments", tx_moments, len(tx_distance))
    analyzers = vector_list("rx_polarizations", rx_polarizations, len(rx_distance)).conj()

    cosine = np.clip(rx_direction @ tx_direction.T, -1, 1)
    normal, sine = _normals(rx_direction, tx_direction)
    # Orders above the size parameter fall off geometrically, for the closest pair with exp(-decay).
    # What is summed stops when it has converged.
    decay = np.log(np.min(tx_distance) / radius) + np.log(np.min(rx_distance) / radius)
    extra = 10 + (45 + 5 * np.log1p(1 / decay)) / decay
    response = np.empty([ball.size.size, *cosine.shape], np.complex128)
    step = max(1, _BLOCK // cosine.size)
    for start in range(0, ball.size.size, step):
        block = slice(start, start + step)
        size, k = ball.size[block], ball.wavenumber[block, np.newaxis]
        index = ball.refractive_index
        order = int(min(np.max(size + 5 * np.cbrt(size)) + extra, _MAX_ORDER))
        dyad = _dyads(
            coefficients(order, size, None if index is None else index[block]),
            size,
            k * rx_distance,
            k * tx_distance,
            cosine,
            sine,
        )
        projected = _project(dyad, analyzers, rx_direction, moments, tx_direction, normal)
        response[block] = (1j / (4 * np.pi * epsilon_0) * k**3)[..., np.newaxis] * projected
    return response


def _outside(
    name: str, positions: Any, center: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Distances [N] and directions [N, 3] from the centre."""
    offset = points(name, positions) - center
    distance = np.linalg.norm(offset, axis=-1)
    nearest = int(np.argmin(distance))
    if distance[nearest] <= radius:
        raise ValueError(
            f"{name} must lie outside the sphere of radius {radius:g} m; antenna {nearest} is "
            f"{distance[nearest]:g} m from the centre"
        )
    return distance, offset / distance[:, np.newaxis]


def _normals(rx_direction: np.ndarray, tx_direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors [R, T, 3] along r x r', and their sines [R, T]."""
    rx = rx_direction[:, np.newaxis]
    normal = np.cross(rx, tx_direction)
    sine = np.linalg.norm(normal, axis=-1)
    # Where both lie on one axis any vector across it will do
    axis = np.eye(3)[np.argmin(np.abs(rx_direction), axis=-1)]
    across = np.broadcast_to(np.cross(rx_direction, axis)[:, np.newaxis], normal.shape)
    normal = np.where(sine[..., np.newaxis] < 1e-13, across, normal)
    normal = normal - np.sum(normal * rx, axis=-1, keepdims=True) * rx
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True), sine


def _project(
    dyad: np.ndarray,
    analyzers: np.ndarray,
    rx_direction: np.ndarray,
    moments: np.ndarray,
    tx_direction: np.ndarray,
    normal: np.ndarray,
) -> np.ndarray:
    """q^H dyad p [F, R, T], from components of both vectors along r, theta and phi."""
    q_r = np.sum(analyzers * rx_direction, axis=-1)[:, np.newaxis]
    q_theta = np.einsum("rtk,rk->rt", normal, np.cross(rx_direction, analyzers))
    q_phi = np.einsum("rtk,rk->rt", normal, analyzers)
    p_r = np.sum(moments * tx_direction, axis=-1)
    p_theta = np.einsum("rtk,tk->rt", normal, np.cross(tx_direction, moments))
    p_phi = np.einsum("rtk,tk->rt", normal, moments)
    weights = np.stack([q_r * p_r, q_r * p_theta, q_theta * p_r, q_theta * p_theta, q_phi * p_phi])
    return np.einsum("efrt,ert->frt", dyad, weights)


def _dyads(
    series: Coefficients,
    size: np.ndarray,
    rx: np.ndarray,
    tx: np.ndarray,
    cosine: np.ndarray,
    sine: np.ndarray,
) -> np.ndarray:
    """Entries rr', r theta', theta r', theta theta', phi phi' of the dyads [5, F, R, T].

    The directions theta and phi are those of the plane through the centre and both antennas.

    Parameters
    ----------
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
