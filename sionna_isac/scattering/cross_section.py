"""Mie series of the power that a sphere scatters and absorbs from a plane wave."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.scattering._sphere import angular_functions, coefficients, sphere

__all__ = [
    "CrossSections",
    "RadarCrossSection",
    "sphere_cross_sections",
    "sphere_radar_cross_section",
    "sphere_scattering_amplitudes",
]


class CrossSections(NamedTuple):
    """Cross-sections [m^2], [F] each."""

    extinction: np.ndarray
    """Scattering plus absorption"""
    scattering: np.ndarray
    """In all directions"""
    absorption: np.ndarray
    """0 without loss and for a perfect conductor"""
    backscattering: np.ndarray
    """Monostatic radar cross-section"""


class RadarCrossSection(NamedTuple):
    """Bistatic radar cross-sections [m^2], [F, A] each."""

    e_plane: np.ndarray
    """In the plane of propagation and electric field"""
    h_plane: np.ndarray
    """In the plane of propagation and magnetic field"""


@cites("BohrenHuffman83", "Lentz76")
def sphere_cross_sections(
    radius: float, permittivity: Any, conductivity: float, frequencies: Any
) -> CrossSections:
    r"""Extinction, scattering, absorption and backscattering of a sphere, plane-wave incidence.

    Section 4.4 of [BohrenHuffman83]_. Absorption is summed on its own, not as a difference, so that
    it has no cancellation where it is small; likewise extinction as the sum of both.

    Parameters
    ----------
    radius, permittivity, conductivity, frequencies
        As for :func:`sphere_response`

    Output
    ------
    : :class:`CrossSections`

    Raises
    ------
    ValueError
        If the material is not passive or has a permittivity below 1
    """
    wavenumber, electric, magnetic, absorbed = _series(
        radius, permittivity, conductivity, frequencies
    )
    weight = 2 * np.arange(1, len(electric) + 1)[:, np.newaxis] + 1
    unit = 2 * np.pi / wavenumber**2
    scattering = unit * np.sum(weight * (np.abs(electric) ** 2 + np.abs(magnetic) ** 2), axis=0)
    absorption = unit * np.sum(weight * absorbed, axis=0)
    back = sphere_radar_cross_section(radius, permittivity, conductivity, frequencies, [np.pi])
    return CrossSections(scattering + absorption, scattering, absorption, back.e_plane[:, 0])


@cites("BohrenHuffman83", "Lentz76")
def sphere_radar_cross_section(
    radius: float,
    permittivity: Any,
    conductivity: float,
    frequencies: Any,
    scattering_angles: Any,
) -> RadarCrossSection:
    r"""Bistatic radar cross-section of a sphere, :math:`\sigma = 4\pi|f|^2`.

    Arguments and errors are those of :func:`sphere_scattering_amplitudes`.

    Output
    ------
    : :class:`RadarCrossSection`
    """
    e_plane, h_plane = sphere_scattering_amplitudes(
        radius, permittivity, conductivity, frequencies, scattering_angles
    )
    return RadarCrossSection(4 * np.pi * np.abs(e_plane) ** 2, 4 * np.pi * np.abs(h_plane) ** 2)


@cites("BohrenHuffman83", "Lentz76")
def sphere_scattering_amplitudes(
    radius: float,
    permittivity: Any,
    conductivity: float,
    frequencies: Any,
    scattering_angles: Any,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Far field that a sphere scatters from a plane wave.

    .. math::
        \mathbf{E}^\mathrm{sca} = f(\theta) \frac{e^{-jkr}}{r} E_0 \hat{\mathbf{e}}

    with :math:`\hat{\mathbf{e}} = \hat{\boldsymbol\theta}` in the E plane, and the direction of the
    incident field in the H plane. :math:`f = -jS^*/k` with the amplitudes :math:`S_2` (E plane) and
    :math:`S_1` (H plane) of (4.74) of [BohrenHuffman83]_, where time is :math:`e^{-i\omega t}`.

    Parameters
    ----------
    radius, permittivity, conductivity, frequencies
        As for :func:`sphere_response`
    scattering_angles : [A], array_like
        Angle :math:`\theta` from the direction of propagation; 0 is forward, pi is back [rad]

    Output
    ------
    e_plane : [F, A], `np.complex128`
        :math:`f` where the incident field lies in the plane of scattering [m]
    h_plane : [F, A], `np.complex128`
        :math:`f` where it is normal to that plane [m]

    Raises
    ------
    ValueError
        If the material is not passive or has a permittivity below 1, or an angle is not finite
    """
    wavenumber, electric, magnetic, _ = _series(radius, permittivity, conductivity, frequencies)
    angles = checks.headings("scattering_angles", scattering_angles)
    if angles.ndim != 1:
        raise ValueError(
            f"scattering_angles must have shape [num_angles]; got shape {list(angles.shape)}"
        )
    e_plane = np.zeros([wavenumber.size, angles.size], np.complex128)
    h_plane = np.zeros_like(e_plane)
    orders = zip(itertools.count(1), electric, magnetic, angular_functions(np.cos(angles)))
    for n, a, b, (_, pi, tau) in orders:
        weight = (2 * n + 1) / (n * (n + 1))
        e_plane += weight * (np.outer(a, tau) + np.outer(b, pi))
        h_plane += weight * (np.outer(a, pi) + np.outer(b, tau))
    factor = -1j / wavenumber[:, np.newaxis]
    return factor * e_plane, factor * h_plane


def _series(
    radius: Any, permittivity: Any, conductivity: Any, frequencies: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Wavenumber [F], a_n, b_n and the absorption of both [N, F]."""
    ball = sphere(radius, permittivity, conductivity, frequencies)
    largest = np.max(ball.size)
    order = int(largest + 8 * np.cbrt(largest) + 10)  # well below rounding
    series = coefficients(order, ball.size, ball.refractive_index)
    wave = -1j * np.exp(1j * ball.size) * np.cumprod(1 / series.ratios, axis=0)  # 1 / xi_n
    square = wave**2
    absorbed = series.absorbed * np.abs(square)
    return ball.wavenumber, series.electric * square, series.magnetic * square, absorbed
