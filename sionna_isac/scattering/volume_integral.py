"""Response of an extended target by the volume integral equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.scattering._born import born_response
from sionna_isac.scattering._equations import Problem
from sionna_isac.scattering._host import HostBackend

__all__ = ["VolumeResponse", "volume_response"]


@dataclass(frozen=True, eq=False)
class VolumeResponse:
    """Response of a target and how it was computed.

    Parameters
    ----------
    h : [F, R, T], `np.complex64` or `np.complex128`
        Response [V/m]
    solved_side : "tx" | "rx" | "none"
        Antennas that the equations were solved for; none in the Born approximation
    rank : [F], `int`
        Number of right-hand sides solved at each frequency
    iterations : [F], `int`
        Most products with the operator that a right-hand side took
    products : [F], `int`
        Products with the operator of all right-hand sides together
    residual : [F], `float`
        True residual, relative to the fields of the antennas, RMS over them
    tolerance : `float`
        Requested residual
    kernel : [F], `str`
        Kernel at each frequency
    num_voxels : `int`
        Voxels that differ from free space
    voxels_per_wavelength : `float`
        Voxels per wavelength of free space at the highest frequency
    """

    h: np.ndarray
    solved_side: str
    rank: np.ndarray
    iterations: np.ndarray
    products: np.ndarray
    residual: np.ndarray
    tolerance: float
    kernel: tuple[str, ...]
    num_voxels: int
    voxels_per_wavelength: float


@cites("Zhao26", "Goodman91", "Yurkin10", "Sogabe07")
def volume_response(
    positions: Any,
    voxel_size: float,
    permittivity: Any,
    conductivity: Any,
    frequencies: Any,
    tx_positions: Any,
    tx_moments: Any,
    rx_positions: Any,
    rx_polarizations: Any,
    fill: Any = None,
    normals: Any = None,
    kernel: str = "auto",
    tolerance: float = 1e-5,
    precision: str | None = None,
    approximation: str | None = None,
    metal: str = "exact",
    max_iterations: int = 2000,
    allow_coarse: bool = False,
    return_info: bool = False,
) -> np.ndarray | VolumeResponse:
    r"""Response of a voxelised target between dipole antennas, Eq. (14) of [Zhao26]_.

    .. math::
        h_{rt} = \mathbf{q}_r^H \mathbf{E}_t(\mathbf{r}_r),\quad
        \mathbf{E}_t(\mathbf{r}) = \frac{1}{\varepsilon_0} \sum_n k^2
        \overline{\overline{\mathbf{G}}}(\mathbf{r}, \mathbf{r}_n) \mathbf{P}_n(t)

    where the polarisation :math:`\mathbf{P}_n(t)` of voxel n under transmitter t solves the volume
    integral equation (11) with the multiple scattering among all voxels. The interaction is
    applied by FFT [Goodman91]_ and the equations are solved iteratively [Sogabe07]_. Only as many
    right-hand sides are solved as the fields of the antennas have dimensions at the tolerance, on
    the side (transmit or receive, by reciprocity) that needs fewer; each tone starts from the ones
    before it.

    Memory: about 400 bytes per cell of the bounding box for the kernel and, in single precision,
    24 (11 K + 10) bytes per voxel with K right-hand sides (twice that in double), plus 0.5 GB at
    most for fields and up to 1 GB of kernels that are kept for later calls.

    Parameters
    ----------
    positions : [N, 3], array_like
        Centres of the voxels: cells of one grid along x, y and z [m]
    voxel_size : `float`
        Side of a voxel [m]
    permittivity : [N], array_like
        Relative permittivity, real or complex (:math:`\varepsilon' - j\varepsilon''`): real part
        >= 1, imaginary part <= 0, losses in addition to those of the conductivity
    conductivity : [N], array_like
        Conductivity, >= 0 [S/m]
    frequencies : [F], array_like
        Frequencies [Hz]
    tx_positions : [T, 3], array_like
        Transmit antennas, outside the voxels [m]
    tx_moments : [T, 3], array_like
        Their dipole moments [C m], complex
    rx_positions : [R, 3], array_like
        Receive antennas, outside the voxels [m]
    rx_polarizations : [R, 3], array_like
        Their polarisations :math:`\mathbf{q}_r`, complex
    fill : [N], array_like or `None` (default)
        Filled part of each voxel, within [0, 1]; partly filled voxels get a tensor contrast, see
        :func:`~sionna_isac.scattering.partial_contrast`. `None` for whole voxels.
    normals : [N, 3], array_like or `None` (default)
        Normals of the surface in partly filled voxels; `None`, or a row of zeros, to estimate them
        from ``fill``
    kernel : "auto" (default) | "filtered" | "galerkin" | "point"
        See :func:`~sionna_isac.scattering.green_kernel`
    tolerance : `float`, (default 1e-5)
        Residual of the equations relative to the fields of the antennas (RMS over antennas); the
        error of the response against an exact solution of the same equations is of that order
    precision : `None` (default) | "single" | "double"
        Precision of the computation; `None` for that of Sionna
    approximation : `None` (default) | "born"
        "born" leaves out the scattering from voxel to voxel: each one answers to the incident
        field, with its own polarisability, which stays finite in metal
    metal : "exact" (default) | "effective"
        "effective" caps the conductivity, an approximation, see
        :func:`~sionna_isac.scattering.effective_conductivity`
    max_iterations : `int`, (default 2000)
        Largest number of products with the operator per right-hand side
    allow_coarse : `bool`, (default `False`)
        If `True`, voxels above a quarter of the wavelength are accepted
    return_info : `bool`, (default `False`)
        If `True`, iterations, residuals and more are returned with the response

    Output
    ------
    : [F, R, T], `np.complex64` or `np.complex128`
        Response [V/m], or with ``return_info`` a :class:`~sionna_isac.scattering.VolumeResponse`

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value
    NotConvergedError
        If the equations are not solved to the tolerance

    Warns
    -----
    CoarseGridWarning
        If voxels are larger than a sixth of the wavelength
    """
    checks.one_of("approximation", approximation, (None, "born"))
    problem = Problem.checked(
        positions,
        voxel_size,
        permittivity,
        conductivity,
        frequencies,
        tx_positions,
        tx_moments,
        rx_positions,
        rx_polarizations,
        fill=fill,
        normals=normals,
        kernel=kernel,
        tolerance=tolerance,
        precision=precision,
        metal=metal,
        max_iterations=max_iterations,
        allow_coarse=allow_coarse,
    )
    equations, antennas = problem.equations, problem.antennas
    num = len(equations.frequencies)
    rank, iterations, products = np.zeros([3, num], int)
    residual = np.zeros(num)
    side = "none"
    if approximation == "born":
        h = born_response(equations, problem.values, antennas)
    else:
        h = np.empty(problem.shape, equations.dtype)
        for n, swap, solved in HostBackend(equations).tones(problem.values, antennas):
            side = "rx" if swap else "tx"
            h[n], residual[n] = solved.h, solved.residual
            rank[n] = len(solved.solutions)
            iterations[n], products[n] = solved.iterations.max(), solved.iterations.sum()
    if not return_info:
        return h
    return VolumeResponse(
        h,
        side,
        rank,
        iterations,
        products,
        residual,
        tolerance,
        tuple(equations.kernels),
        len(equations.voxels.positions),
        equations.voxels_per_wavelength,
    )
