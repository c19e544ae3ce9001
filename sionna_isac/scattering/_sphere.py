"""Common part of the Mie series of dipoles and of plane waves: the sphere."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.constants import epsilon_0

from sionna_isac.core import checks
from sionna_isac.scattering import _arguments
from sionna_isac.scattering._spherical_waves import outgoing_waves, regular_derivatives


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
    frequencies = _arguments.frequencies(frequencies)
    permittivity = _arguments.permittivities(permittivity)
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
