"""Electric dipoles in free space: the transmitters, the receivers and the voxels of a target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.constants import c, epsilon_0

from sionna_isac.core import checks, cites

__all__ = ["dipole_field"]

BLOCK = 1 << 17  # pairs of points that are worked on at a time


@cites("Zhao26")
def dipole_field(
    positions: Any, source_positions: Any, moments: Any, frequency: float
) -> np.ndarray:
    r"""Electric field of electric dipoles.

    .. math::
        \mathbf{E} = \frac{e^{-jkR}}{4\pi\varepsilon_0} \left[\frac{k^2}{R}
        (\mathbf{I} - \hat{\mathbf{R}}\hat{\mathbf{R}}^T) + \left(\frac{1}{R^3} +
        \frac{jk}{R^2}\right)(3\hat{\mathbf{R}}\hat{\mathbf{R}}^T - \mathbf{I})\right] \mathbf{p}

    This is Eq. (4) of [Zhao26]_ with the sign of :math:`jk/R^2` that follows from its Eqs. (8) and
    (9) for the time factor :math:`e^{+j\omega t}`; Eq. (4) is printed with the other sign.

    Input
    -----
    positions : [N, 3], array_like
        Points at which the field is wanted [m]
    source_positions : [T, 3], array_like
        Positions of the dipoles [m]
    moments : [T, 3], array_like
        Dipole moments :math:`\mathbf{p}` [C m], complex
    frequency : `float`
        Frequency [Hz]

    Output
    ------
    : [T, N, 3], `np.complex128`
        Field of each dipole at each point [V/m]

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value, or a point lies on a dipole
    """
    points = point_list("positions", positions)
    sources = point_list("source_positions", source_positions)
    moments = vector_list("moments", moments, len(sources))
    frequency = checks.frequency("frequency", frequency)
    wavenumber = 2 * math.pi * frequency / c
    field = dyad_field(points, sources, moments, wavenumber)
    return field.swapaxes(1, 2) / epsilon_0


def dyad_field(
    points: np.ndarray,
    sources: np.ndarray,
    vectors: np.ndarray,
    wavenumber: float,
    dtype: type = np.complex128,
    cell: float = 0.0,
) -> np.ndarray:
    """k^2 G(r_n, r_t) v_t, [T, 3, N], of points [N, 3], sources [T, 3] and vectors v [T, 3].

    With ``cell``, the mean over cubes of that side around the points, for sources far from them.
    Phases are taken in double precision whatever ``dtype`` is: kR reaches thousands of radians.
    """
    field: np.ndarray = np.empty([len(sources), 3, len(points)], dtype)
    real = np.dtype(dtype).type(0).real.dtype
    step = max(1, BLOCK // len(sources))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        ray = points[part].T - sources[:, :, np.newaxis]  # [T, 3, n]
        distance = np.linalg.norm(ray, axis=1)
        if not np.all(distance > 0):
            raise ValueError("positions must differ from source_positions; got a distance of 0 m")
        ray /= distance[:, np.newaxis]
        phase = wavenumber * distance
        green = np.exp(-1j * phase) / (4 * np.pi * distance)
        if cell:
            green *= np.prod(np.sinc(wavenumber * cell / (2 * np.pi) * ray), axis=1)
        static = (1 + 1j * phase) / distance**2
        across = (green * (wavenumber**2 - static)).astype(dtype)
        along = (green * (3 * static - wavenumber**2)).astype(dtype)
        ray = ray.astype(real)
        along *= np.einsum("tcn,tc->tn", ray, vectors.astype(dtype))
        np.multiply(ray, along[:, np.newaxis], out=field[:, :, part])
        field[:, :, part] += across[:, np.newaxis] * vectors.astype(dtype)[:, :, np.newaxis]
    return field


def point_list(name: str, value: Any) -> np.ndarray:
    """``value`` as a finite float64 array [N, 3] with N >= 1."""
    points = checks.finite(name, checks.floats(name, value))
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"{name} must have shape [N, 3], N >= 1; got shape {list(points.shape)}")
    return points


def vector_list(name: str, value: Any, size: int) -> np.ndarray:
    """``value`` as a finite complex128 array [size, 3]."""
    vectors = checks.complexes(name, value)
    if vectors.shape != (size, 3):
        raise ValueError(f"{name} must have shape [{size}, 3]; got shape {list(vectors.shape)}")
    return vectors
