"""Interaction of the voxels of a grid: kernels of the discretised integral equation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.constants import c

from sionna_isac.core import checks, cites
from sionna_isac.scattering._filtered import filtered_radial, filtered_self_term
from sionna_isac.scattering._galerkin import galerkin_kernel, galerkin_self_term
from sionna_isac.scattering._grid import MAX_CELLS
from sionna_isac.scattering._lattice import lattice_dyad, point_radial

__all__ = ["KERNELS", "choose_kernel", "green_kernel", "self_term"]

KERNELS = ("filtered", "galerkin", "point")
SLACK = 1 + 1e-9  # voxels of exactly a quarter of a wavelength count as such


def choose_kernel(kernel: str, kd: float) -> str:
    """Name of the kernel; "auto" is the most accurate one at this phase kd along a voxel.

    Voxels of more than half a wavelength are point dipoles: the means of "galerkin" would give
    every echo the pattern of one cube, with deep nulls off its axes.
    """
    checks.one_of("kernel", kernel, ("auto", *KERNELS))
    if kernel == "filtered" and kd >= math.pi:
        raise ValueError(
            "kernel must be 'auto', 'galerkin' or 'point' for half a wavelength and more; "
            f"got 'filtered' with {kd / (2 * math.pi):.3g} wavelengths"
        )
    if kernel != "auto":
        return kernel
    if kd <= math.pi / 2 * SLACK:
        return "filtered"
    return "galerkin" if kd <= math.pi * SLACK else "point"


@cites("Zhao26", "Yurkin10", "Newell93")
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
        "filtered": filtered coupled dipoles [Yurkin10]_, for :math:`kd < \pi`;
        "galerkin": mean over both voxels, with the static part of near ones after [Newell93]_;
        "point": dipoles at the voxel centres;
        "auto": "filtered" for :math:`kd \le \pi/2` (a quarter of a wavelength), "galerkin" for
        :math:`kd \le \pi`, "point" for coarser voxels

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
    if len(shape) != 3 or math.prod(shape) > MAX_CELLS:
        raise ValueError(f"shape must be three numbers of at most {MAX_CELLS} cells; got {shape}")
    kd = _phase(voxel_size, frequency)
    kernel = choose_kernel(kernel, kd)
    if kernel == "galerkin":
        return galerkin_kernel(shape, kd)
    radial = filtered_radial if kernel == "filtered" else point_radial
    return lattice_dyad(shape, lambda distance: radial(distance, kd))


def self_term(voxel_size: float, frequency: float, kernel: str = "auto") -> complex:
    r"""Correction :math:`M` of a voxel's own field.

    The field is :math:`\mathbf{E}_\mathrm{self} = (M - \tfrac{1}{3})\mathbf{P}/\varepsilon_0`; the
    imaginary part of :math:`M` is the power that the voxel radiates.
    Arguments are those of :func:`green_kernel`.

    Output
    ------
    : `complex`
        :math:`M`
    """
    kd = _phase(voxel_size, frequency)
    kernel = choose_kernel(kernel, kd)
    if kernel == "galerkin":
        return galerkin_self_term(kd)
    if kernel == "filtered":
        return filtered_self_term(kd)
    return -1j * kd**3 / (6 * math.pi)


def _phase(voxel_size: float, frequency: float) -> float:
    """Checked phase kd [rad] along a voxel."""
    size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
    frequency = checks.frequency("frequency", frequency)
    return 2 * math.pi * frequency / c * size
