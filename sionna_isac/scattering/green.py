"""Interaction of the voxels of a grid: kernels of the discretised integral equation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.constants import c

from sionna_isac.core import checks, cites
from sionna_isac.scattering._filtered import filtered_radial, filtered_self_term

__all__ = ["KERNELS", "choose_kernel", "green_kernel", "self_term"]

KERNELS = ("filtered", "galerkin", "point")
COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Order of the six components of a symmetric 3 x 3 tensor"""


def choose_kernel(kernel: str, wavenumber: float, size: float) -> str:
    """Name of the kernel; "auto" is "filtered" up to kd = 1 and "galerkin" beyond."""
    checks.one_of("kernel", kernel, ("auto", *KERNELS))
    if kernel == "filtered" and wavenumber * size >= math.pi:
        raise ValueError(
            "kernel must be 'galerkin' (or 'auto') for voxels of half a wavelength and more; "
            f"got 'filtered' with {wavenumber * size / (2 * math.pi):.3g} wavelengths"
        )
    if kernel != "auto":
        return kernel
    return "filtered" if wavenumber * size <= 1 else "galerkin"


@cites("Zhao26", "Yurkin10")
def green_kernel(
    shape: Sequence[int], voxel_size: float, frequency: float, kernel: str = "auto"
) -> np.ndarray:
    r"""Field at a voxel due to the polarisation of another one.

    .. math::
        \mathbf{D}_\mathbf{i} \approx d^3 k^2 \overline{\overline{\mathbf{G}}}(d\,\mathbf{i}),\quad
        \mathbf{E} = \sum \mathbf{D}\, \mathbf{P} / (\varepsilon_0 d^3)

    for offsets :math:`\mathbf{i} \ge 0`; the other octants follow by symmetry (even in all axes for
    xx, yy, zz; xy is odd in x and y, and so on). The own voxel, :math:`\mathbf{i} = 0`, has the
    value 0: it is accounted for by :func:`self_term`.

    Input
    -----
    shape : (nx, ny, nz), `int`
        Size of the grid
    voxel_size : `float`
        Side :math:`d` of a voxel [m]
    frequency : `float`
        Frequency [Hz]
    kernel : "auto" (default) | "filtered" | "galerkin" | "point"
        "filtered": filtered coupled dipoles [Yurkin10]_, for :math:`kd \le 1`;
        "galerkin": mean over both voxels, for coarse grids; "point": dipoles at the voxel centres;
        "auto": "filtered" for :math:`kd \le 1`, otherwise "galerkin"

    Output
    ------
    : [6, nx, ny, nz], `np.complex128`
        Components xx, yy, zz, xy, xz, yz

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range
    """
    shape = tuple(checks.integer("shape", n) for n in shape)
    size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
    frequency = checks.real("frequency", frequency, minimum=0, exclusive=True)
    wavenumber = 2 * math.pi * frequency / c
    kernel = choose_kernel(kernel, wavenumber, size)
    radial = filtered_radial if kernel == "filtered" else _point_radial
    return lattice_dyad(shape, size, lambda r: radial(r, wavenumber, size))


def self_term(voxel_size: float, frequency: float, kernel: str = "auto") -> complex:
    r"""Correction :math:`M` of a voxel's own field: :math:`\mathbf{E}_\mathrm{self} = (M -
    \tfrac{1}{3})\mathbf{P}/\varepsilon_0`.

    Its imaginary part is the power that the voxel radiates. Arguments are those of
    :func:`green_kernel`.

    Output
    ------
    : `complex`
        :math:`M`
    """
    size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
    frequency = checks.real("frequency", frequency, minimum=0, exclusive=True)
    wavenumber = 2 * math.pi * frequency / c
    kernel = choose_kernel(kernel, wavenumber, size)
    if kernel == "filtered":
        return filtered_self_term(wavenumber, size)
    return -1j * (wavenumber * size) ** 3 / (6 * math.pi)


def lattice_dyad(shape: Sequence[int], size: float, radial) -> np.ndarray:
    """d^3 (a(R) I + b(R) R R^T), [6, nx, ny, nz], on the octant of offsets >= 0, 0 at the origin.

    Squared distances are integers in units of the voxel: far fewer than there are voxels, so that
    ``radial``, distances [M] to a and b [2, M], is tabulated once for each.
    """
    squares = [np.arange(n) ** 2 for n in shape]
    index = squares[0][:, None, None] + squares[1][:, None] + squares[2]
    distance = np.sqrt(np.arange(1.0, index.max() + 1))
    table = np.zeros([2, index.max() + 1], np.complex128)
    if len(distance):
        table[:, 1:] = size**3 * radial(size * distance)
        table[1, 1:] /= distance**2
    isotropic, directed = table[:, index]
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    dyad = np.empty([6, *shape], np.complex128)
    for component, (i, j) in enumerate(COMPONENTS):
        np.multiply(axes[i] * axes[j], directed, out=dyad[component])
        if i == j:
            dyad[component] += isotropic
    return dyad


def _point_radial(distance: np.ndarray, wavenumber: float, size: float) -> np.ndarray:
    """Coefficients [2, ...] of I and of R R^T in k^2 G."""
    green = np.exp(-1j * wavenumber * distance) / (4 * np.pi * distance)
    static = (1 + 1j * wavenumber * distance) / distance**2
    return green * np.array([wavenumber**2 - static, 3 * static - wavenumber**2])
