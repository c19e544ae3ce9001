"""Electric material of a target: contrast, partly filled voxels, metal on a coarse grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.constants import c, epsilon_0, mu_0

from sionna_isac.core import checks, cites

__all__ = [
    "contrast",
    "effective_conductivity",
    "metal_advice",
    "mixed",
    "partial_contrast",
    "passive",
    "permittivities",
]


@cites("Zhao26")
def contrast(permittivity: Any, conductivity: Any, frequency: float) -> np.ndarray:
    r"""Complex contrast :math:`\chi = \varepsilon_r - 1 - j\sigma/(\omega\varepsilon_0)`, Eq. (2).

    A complex permittivity :math:`\varepsilon' - j\varepsilon''` (time is :math:`e^{+j\omega t}`)
    brings losses of its own, in addition to those of the conductivity.

    Parameters
    ----------
    permittivity : [...], array_like
        Relative permittivity :math:`\varepsilon_r`, real or complex: real part >= 1, imaginary
        part <= 0
    conductivity : [...], array_like
        Conductivity :math:`\sigma \ge 0` [S/m]
    frequency : `float`
        Frequency [Hz]

    Output
    ------
    : [...], `np.complex128`
        Contrast

    Raises
    ------
    TypeError, ValueError
        If an argument is not finite or out of its range (gain media are not supported), or the
        shapes do not match
    """
    permittivity = permittivities(permittivity)
    conductivity = _at_least("conductivity", conductivity, 0)
    frequency = checks.frequency("frequency", frequency)
    try:
        np.broadcast_shapes(permittivity.shape, conductivity.shape)
    except ValueError:
        raise ValueError(
            "permittivity and conductivity must have the same shape; got "
            f"{list(permittivity.shape)} and {list(conductivity.shape)}"
        ) from None
    return permittivity - 1 - 1j * conductivity / (2 * math.pi * frequency * epsilon_0)


@cites("Farjadpour06")
def partial_contrast(contrast: Any, fill: Any) -> tuple[np.ndarray, np.ndarray]:
    r"""Contrast along and across the surface that cuts a voxel.

    .. math::
        \chi_\parallel = f\chi,\qquad
        \chi_\perp = \left(\frac{f}{1 + \chi} + 1 - f\right)^{-1} - 1

    A voxel that its surface leaves partly empty answers like a stack of thin layers: the mean of
    the permittivity holds along the surface, the mean of its inverse across [Farjadpour06]_.

    Parameters
    ----------
    contrast : [...], array_like
        Contrast :math:`\chi` of the material
    fill : [...], array_like
        Filled part :math:`f` of the voxel, within [0, 1]

    Output
    ------
    along, across : [...], `np.complex128`
        :math:`\chi_\parallel` and :math:`\chi_\perp`

    Raises
    ------
    TypeError, ValueError
        If ``fill`` is not within [0, 1]
    """
    contrast = checks.complexes("contrast", contrast)
    fill = _at_least("fill", fill, 0)
    if np.any(fill > 1):
        raise ValueError(f"fill must be <= 1; got {float(np.max(fill)):g}")
    return mixed(contrast, fill)


def mixed(contrast: Any, fill: Any) -> tuple[Any, Any]:
    """:func:`partial_contrast` of arrays or tensors, unchecked."""
    # The second form of chi_perp, f chi / (1 + (1 - f) chi), loses no digits
    return fill * contrast, fill * contrast / (1 + (1 - fill) * contrast)


def effective_conductivity(conductivity: Any, voxel_size: float, frequency: float) -> np.ndarray:
    r"""Conductivity capped where the skin depth is half a voxel: an approximation of metal.

    .. math::
        \sigma_\mathrm{eff} = \min\left(\sigma, \frac{8}{\omega\mu_0 d^2}\right)

    The field inside metal dies out within micrometres, which no voxel resolves; the discrete
    equations of a solid metal body are then so badly conditioned that solvers stall. With the cap
    the field dies out within the outermost voxels. The body keeps its shape, but absorbs what metal
    would not: a rough approximation (a sphere of half a wavelength is off by 30 % with 10 voxels a
    diameter, by 20 % with 16) that gets better as voxels get smaller, and is meaningless where they
    are not small against the wavelength.

    Parameters
    ----------
    conductivity : [...], array_like
        Conductivity [S/m]
    voxel_size : `float`
        Side :math:`d` of a voxel [m]
    frequency : `float`
        Frequency [Hz]

    Output
    ------
    : [...], `np.float64`
        Conductivity, none larger than :math:`8/(\omega\mu_0 d^2)` [S/m]

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range, or :math:`kd > 1`
    """
    conductivity = _at_least("conductivity", conductivity, 0)
    size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
    frequency = checks.frequency("frequency", frequency)
    omega = 2 * math.pi * frequency
    if omega * size / c > 1:
        raise ValueError(
            "voxel_size must be at most 1/(2 pi) wavelengths for an effective conductivity of "
            f"metal; got {omega * size / c / (2 * math.pi):.3g} wavelengths"
        )
    return np.minimum(conductivity, 8 / (omega * mu_0 * size**2))


def metal_advice(voxel_size: float, frequency: float) -> str:
    """Advice on metal with voxels of this size up to this frequency, or with smaller ones."""
    largest = c / (2 * math.pi * frequency)
    if voxel_size <= largest:
        return "the approximation metal='effective'"
    return (
        f"the approximation metal='effective' with voxels of at most {0.99 * largest:.2g} m, "
        "1/(2 pi) wavelengths"
    )


def permittivities(value: Any) -> np.ndarray:
    """Relative permittivities, real or complex, of passive materials that are not plasmas."""
    if np.iscomplexobj(np.asarray(value)):
        array = checks.complexes("permittivity", value)
        if np.any(array.imag > 0):
            raise TypeError(
                "permittivity must hold real numbers, or complex ones with an imaginary part <= 0, "
                f"which is loss with e^{{+jwt}}; got {np.max(array.imag):g}j"
            )
        return passive(array)
    return _at_least("permittivity", value, 1)


def passive(permittivity: np.ndarray) -> np.ndarray:
    """Relative permittivities eps' - j eps'' of passive materials that are not plasmas."""
    if np.any(permittivity.real < 1):
        raise ValueError(
            f"permittivity must have a real part >= 1; got {np.min(permittivity.real):g}"
        )
    if np.any(permittivity.imag > 0):
        raise ValueError(
            "permittivity must have an imaginary part <= 0, which is loss with e^{+jwt}; "
            f"got {np.max(permittivity.imag):g}j"
        )
    return permittivity


def _at_least(name: str, value: Any, minimum: float) -> np.ndarray:
    array = checks.finite(name, checks.floats(name, value))
    if array.size and np.min(array) < minimum:
        raise ValueError(f"{name} must be >= {minimum}; got {float(np.min(array)):g}")
    return array
