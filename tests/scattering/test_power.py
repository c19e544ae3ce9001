"""Power balance: what a target takes from a plane wave is scattered or absorbed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c

from sionna_isac.scattering._equations import Problem
from sionna_isac.scattering._host import HostSystem
from sionna_isac.scattering._krylov import solve
from tests.scattering.voxel_bodies import FREQUENCY, WAVELENGTH, blob, sphere

K = 2 * np.pi * FREQUENCY / c


def power_balance(body: dict, kernel: str, tolerance: float = 1e-10) -> tuple[float, ...]:
    """Extinction, scattering and absorption under a plane wave, up to a common factor."""
    far = ([[1e3, 0, 0]], [[0, 0, 1]])
    problem = Problem.checked(
        **body,
        frequencies=[FREQUENCY],
        tx_positions=far[0],
        tx_moments=far[1],
        rx_positions=far[0],
        rx_polarizations=far[1],
        kernel=kernel,
        precision="double",
        allow_coarse=True,
    )
    system = HostSystem(problem.equations, 0, problem.values(0), problem.antennas)
    root, voxels = system.operator.root, problem.equations.voxels
    positions, size = voxels.positions, voxels.voxel_size

    def form_factor(directions: np.ndarray) -> np.ndarray:
        if problem.equations.kernels[0] != "galerkin":
            return np.ones(len(directions))
        return np.prod(np.sinc(K * size / (2 * np.pi) * directions), axis=1)

    way, field = np.array([0.6, 0.0, 0.8]), np.array([0.0, 1.0, 0.0])
    incident = field[:, np.newaxis] * np.exp(-1j * K * positions @ way) * form_factor(way[None])
    rhs = root(incident[np.newaxis])
    goal = np.array([tolerance * np.linalg.norm(rhs)])
    scaled = solve(system.operator.apply, rhs, goal, 1000).x
    moments = root(scaled)[0]  # in units of eps_0 d^3
    extinction = -np.vdot(incident, moments).imag
    # Own depolarisation taken off, what is left of 1/a is 1/chi: the loss in the material
    chi = problem.contrast(0)
    absorption = np.sum((1 / chi).imag * np.sum(np.abs(moments) ** 2, axis=0))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    angles = 2 * np.pi * np.arange(80) / 80
    sines = np.sqrt(1 - nodes**2)
    directions = np.stack(
        [
            np.outer(sines, np.cos(angles)),
            np.outer(sines, np.sin(angles)),
            np.outer(nodes, np.ones(80)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    far_field = np.exp(1j * K * directions @ positions.T) @ moments.T
    far_field *= form_factor(directions)[:, np.newaxis]
    along = np.sum(far_field * directions, axis=1)
    pattern = np.sum(np.abs(far_field) ** 2, axis=1) - np.abs(along) ** 2
    solid_angle = np.repeat(weights, 80) * 2 * np.pi / 80
    scattering = K**3 * size**3 / (16 * np.pi**2) * float(pattern @ solid_angle)
    return float(extinction), scattering, float(absorption)


def ball(cells: int, conductivity: float) -> dict:
    positions, size, fill = sphere(0.16 * WAVELENGTH, cells)
    whole = fill > 0.5
    num = int(whole.sum())
    return {
        "positions": positions[whole],
        "voxel_size": size,
        "permittivity": np.full(num, 4.0),
        "conductivity": np.full(num, conductivity),
    }


@pytest.mark.parametrize("kernel", ["point", "filtered"])
@pytest.mark.parametrize("conductivity", [0.0, 0.27])
def test_optical_theorem(kernel, conductivity):
    extinction, scattering, absorption = power_balance(ball(8, conductivity), kernel)
    assert abs(extinction - scattering - absorption) < 1e-8 * extinction
    assert (absorption > 0.1 * extinction) == (conductivity > 0)


@pytest.mark.filterwarnings("ignore::sionna_isac.scattering.CoarseGridWarning")
def test_optical_theorem_on_coarse_grids():
    """To the accuracy of the plane-wave means of far voxels."""
    body = blob(0.5 * WAVELENGTH, shape=(5, 4, 6))
    extinction, scattering, absorption = power_balance(body, "galerkin")
    assert abs(extinction - scattering - absorption) < 0.02 * extinction


@pytest.mark.filterwarnings("ignore::sionna_isac.scattering.CoarseGridWarning")
@pytest.mark.parametrize("cells", [0.25, 0.8, 1.6])
def test_optical_theorem_of_the_automatic_kernel(cells):
    """Exact where it is filtered or point dipoles, from the finest to the coarsest grids."""
    body = blob(cells * WAVELENGTH, shape=(3, 3, 4))
    extinction, scattering, absorption = power_balance(body, "auto")
    assert abs(extinction - scattering - absorption) < 1e-8 * extinction
