"""Common part of the Mie series of dipoles and of plane waves: the sphere and its waves.

Riccati functions psi_n(z) = z j_n(z), regular, and xi_n(z) = z h_n^(2)(z), outgoing with e^{+jwt},
span hundreds of decades where the order exceeds the argument. They are therefore never formed:
ratios of neighbouring orders and logarithmic derivatives are all that a sphere needs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.constants import epsilon_0

from sionna_isac.core import checks
from sionna_isac.scattering.material import passive

__all__ = [
    "Coefficients",
    "angular_functions",
    "coefficients",
    "outgoing_waves",
    "points",
    "sphere",
]

_MAX_TERMS = 1_000_000
_TINY = 1e-300


class Sphere(NamedTuple):
    """A checked sphere at F frequencies."""

    wavenumber: np.ndarray
    """[F] [1/m]"""
    size: np.ndarray
    """[F], wavenumber times radius"""
    refractive_index: np.ndarray | None
    """[F], Im <= 0; None for a perfect conductor"""


class Coefficients(NamedTuple):
    """Mie coefficients, orders 1 to N, with factors that keep them within range.

    They are those of [BohrenHuffman83]_, (4.56) and (4.57), conjugate since time is e^{+jwt} here.
    """

    electric: np.ndarray
    """[N, F], a_n xi_n(x)^2"""
    magnetic: np.ndarray
    """[N, F], b_n xi_n(x)^2"""
    absorbed: np.ndarray
    """[N, F], (Re a_n - |a_n|^2 + Re b_n - |b_n|^2) |xi_n(x)|^2, without cancellation"""
    ratios: np.ndarray
    """[N, F], xi_n(x) / xi_{n-1}(x)"""


def sphere(radius: Any, permittivity: Any, conductivity: Any, frequencies: Any) -> Sphere:
    """Check the arguments that describe a sphere."""
    radius = checks.real("radius", radius, minimum=0, exclusive=True)
    frequencies = checks.tones("frequencies", frequencies)
    permittivity = passive(checks.complexes("permittivity", permittivity))
    if permittivity.shape not in ((), frequencies.shape):
        raise ValueError(
            f"permittivity must be a number or have shape [{frequencies.size}], one entry for "
            f"each frequency; got shape {list(permittivity.shape)}"
        )
    wavenumber = 2 * np.pi * frequencies / SPEED_OF_LIGHT
    index = None
    if np.ndim(conductivity) or conductivity != math.inf:
        conductivity = checks.real("conductivity", conductivity, minimum=0)
        loss = conductivity / (2 * np.pi * frequencies * epsilon_0)
        index = np.sqrt(permittivity - 1j * loss)
    return Sphere(wavenumber, wavenumber * radius, index)


def coefficients(order: int, size: np.ndarray, index: np.ndarray | None) -> Coefficients:
    """Orders 1 to ``order`` of the Mie coefficients.

    With the logarithmic derivatives D of psi_n and E of xi_n at x, the Wronskian gives
    psi_n(x) xi_n(x) = j / (D - E), hence a_n xi_n^2 = j (A - D) / [(D - E) (A - E)], where A is
    psi_n'(mx) / [m psi_n(mx)], or 0 for a perfect conductor. For b_n, the factor m is above.
    """
    waves = itertools.islice(outgoing_waves(size), order)
    ratios, outside = (np.stack(part) for part in zip(*waves, strict=True))
    regular = regular_derivatives(order, size + 0j)
    product = 1j / (regular - outside)
    if index is None:
        return Coefficients(product * regular / outside, product, np.zeros(product.shape), ratios)
    inside = regular_derivatives(order, index * size)
    absorbed = np.zeros(product.shape)
    series = []
    for admittance in (inside / index, inside * index):
        mismatch = admittance - outside
        series.append(product * (admittance - regular) / mismatch)
        absorbed += admittance.imag / np.abs(mismatch) ** 2
    return Coefficients(series[0], series[1], absorbed, ratios)


def regular_derivatives(order: int, argument: np.ndarray) -> np.ndarray:
    """Logarithmic derivatives psi_n'(z) / psi_n(z).

    Downwards from a continued fraction ([Lentz76]_), which is stable for any argument. Inside good
    conductors it would need very many terms; there the orders are far below the argument, the
    recurrence upwards is stable and starts from psi_0'/psi_0 = cot z.

    Parameters
    ----------
    order : `int`
        Highest order N >= 1
    argument : [F], `np.complex128`
        z, not 0, with Im z <= 0

    Output
    ------
    : [N, F], `np.complex128`
        Orders 1 to N
    """
    upward = -argument.imag > order**2  # where errors grow by less than e
    derivatives = np.empty([order, argument.size], np.complex128)
    if np.any(upward):
        z = argument[upward]
        decay = np.exp(-2j * z)
        value = 1j * (1 + decay) / (1 - decay)
        for n in range(1, order + 1):
            value = 1 / (n / z - value) - n / z
            derivatives[n - 1, upward] = value
    if not np.all(upward):
        z = argument[~upward]
        value = _lentz(order, z) - order / z
        derivatives[order - 1, ~upward] = value
        for n in range(order, 1, -1):
            value = n / z - 1 / _not_zero(value + n / z)
            derivatives[n - 2, ~upward] = value
    return derivatives


def outgoing_waves(argument: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ratio xi_n/xi_{n-1} and logarithmic derivative xi_n'/xi_n for the orders 1, 2, ...

    The recurrence upwards is stable, since the outgoing wave grows with its order.

    Parameters
    ----------
    argument : [...], `np.float64`
        z > 0
    """
    ratio = 1 / argument + 1j
    for n in itertools.count(1):
        inverse = 1 / ratio
        yield ratio, inverse - n / argument
        ratio = (2 * n + 1) / argument - inverse


def angular_functions(
    cosine: np.ndarray,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """P_n(u), pi_n = P_n'(u) and tau_n = d/d(theta) [sin(theta) pi_n] for the orders 1, 2, ...

    Parameters
    ----------
    cosine : [...], `np.float64`
        u = cos(theta)
    """
    below, legendre = np.ones_like(cosine), cosine
    pi_below, pi = np.zeros_like(cosine), np.ones_like(cosine)
    for n in itertools.count(1):
        product = cosine * pi
        yield legendre, pi, n * product - (n + 1) * pi_below
        below, legendre = legendre, ((2 * n + 1) * cosine * legendre - n * below) / (n + 1)
        pi_below, pi = pi, ((2 * n + 1) * product - (n + 1) * pi_below) / n


def _lentz(order: int, argument: np.ndarray) -> np.ndarray:
    """psi_{N-1}(z) / psi_N(z) as a continued fraction, evaluated forwards."""
    numerator = value = _not_zero((2 * order + 1) / argument)
    inverse = np.zeros_like(argument)
    for n in range(order + 1, order + _MAX_TERMS):
        term = (2 * n + 1) / argument
        numerator = _not_zero(term - 1 / numerator)
        inverse = 1 / _not_zero(term - inverse)
        change = numerator * inverse
        value = value * change
        if np.all(np.abs(change - 1) < 1e-15):
            return value
    raise RuntimeError(
        f"Bessel functions of argument {np.max(np.abs(argument)):.3g} need more than "
        f"{_MAX_TERMS} terms: the sphere is too large for its permittivity"
    )


def _not_zero(value: np.ndarray) -> np.ndarray:
    return np.where(value == 0, _TINY, value)


def points(name: str, value: Any) -> np.ndarray:
    """Positions [N, 3], N >= 1."""
    array = checks.floats(name, value)
    if array.ndim != 2 or array.shape[1] != 3 or not array.size:
        raise ValueError(f"{name} must have shape [num_points, 3]; got shape {list(array.shape)}")
    return checks.finite(name, array)
