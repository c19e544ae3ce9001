"""Constants and signs of the kernels against quadrature of their definitions, in absolute units."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.constants import c, epsilon_0
from scipy.integrate import quad

from sionna_isac.scattering import dipole_field, green_kernel, self_term
from tests.scattering.test_green import full

KD = [0.3, 1.1, 1.57, 2.6]
NODES = np.polynomial.legendre.leggauss(60)


def frequency(kd: float) -> float:
    return kd * c / (2 * np.pi)  # for voxels of 1 m


def band_limited(kd: float, offset: float) -> np.ndarray:
    r"""Diagonal of what is left of the dyad where wavenumbers end at pi/d, along the offset and
    across it: the integral over the ball |q| < pi of

        e^{jq.R} [(k^2 I - q q^T) / (q^2 - k^2 + j0) + I/3] d^3q / (2 pi)^3

    (+j0, as loss makes k^2 - j0 of k^2 with e^{+jwt}; I/3 takes the field at the source out).
    """
    cosines, weights = NODES

    def part(q: float, along: bool) -> tuple[float, float]:
        wave = weights * np.cos(q * offset * cosines)
        square = cosines**2 if along else (1 - cosines**2) / 2
        scale = q**2 / (4 * np.pi**2)
        return scale * np.sum(wave * (kd**2 - q**2 * square)), scale * np.sum(wave) / 3

    found = []
    for along in (True, False):
        principal = quad(
            lambda q, a=along: part(q, a)[0] / (q + kd), 0, np.pi, weight="cauchy", wvar=kd,
            epsabs=1e-12, epsrel=1e-11, limit=400,
        )[0]  # fmt: skip
        residue = -1j * np.pi * part(kd, along)[0] / (2 * kd)
        rest = quad(lambda q, a=along: part(q, a)[1], 0, np.pi, epsabs=1e-12, limit=400)[0]
        found.append(principal + residue + rest)
    return np.array(found)


@pytest.mark.parametrize("kd", KD)
@pytest.mark.parametrize(
    "offset", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (0, 2, 1), (5, 0, 0), (7, 4, 5)]
)
def test_filtered_kernel_is_the_band_limited_dyad(kd, offset):
    """Distances that are no integers, too: at those the cut-off has its zeros."""
    octant = green_kernel(tuple(n + 1 for n in offset), 1.0, frequency(kd), "filtered")
    distance = np.linalg.norm(offset)
    along, across = band_limited(kd, distance)
    unit = np.array(offset) / distance
    truth = across * np.eye(3) + (along - across) * np.outer(unit, unit)
    np.testing.assert_allclose(full(octant, offset), truth, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kd", KD)
def test_filtered_self_term_is_its_value_at_the_source(kd):
    """M - 1/3 is the field at the source itself, so that M is the dyad above."""
    assert self_term(1.0, frequency(kd), "filtered") == pytest.approx(
        band_limited(kd, 0.0)[0], rel=1e-7
    )
    assert band_limited(kd, 0.0)[1] == pytest.approx(band_limited(kd, 0.0)[0], rel=1e-9)


def averaged(kd: float, offset: tuple[int, int, int], points: int = 8) -> np.ndarray:
    """Mean of d^3 k^2 G, from the field of a dipole, over two voxels that do not touch."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    # the difference of two uniform coordinates: triangular densities around the offset
    lines, masses = [], []
    for n in offset:
        half = np.concatenate([(nodes - 1) / 2, (nodes + 1) / 2])
        lines.append(n + half)
        masses.append(np.tile(weights / 2, 2) * (1 - np.abs(half)))
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
    mass = np.einsum("i,j,k->ijk", *masses).ravel()
    field = dipole_field(grid, [[0, 0, 0]] * 3, np.eye(3), frequency(kd))
    return epsilon_0 * np.einsum("n,tnc->ct", mass, field)


@pytest.mark.parametrize("kd", [0.3, 1.6, 3.0])
@pytest.mark.parametrize(
    ("offset", "error"),
    [((2, 0, 0), 1e-5), ((2, 1, 3), 1e-5), ((0, 3, 1), 1e-5), ((6, 5, 2), 5e-3)],
)
def test_galerkin_kernel_is_the_mean_over_both_voxels(kd, offset, error):
    """Near ones are integrated, those far away (from 4) seen in one direction."""
    kernel = full(
        green_kernel(tuple(n + 1 for n in offset), 1.0, frequency(kd), "galerkin"), offset
    )
    truth = averaged(kd, offset)
    assert np.abs(kernel - truth).max() < error * np.abs(truth).max()


@pytest.mark.parametrize("kd", [0.3, 1.6, 3.0])
def test_galerkin_self_term_is_the_mean_over_one_voxel(kd):
    """Two thirds of k^2 times the mean of g: by random pairs of points, to their error."""
    rng = np.random.default_rng(0)
    distance = np.linalg.norm(rng.random([400_000, 3]) - rng.random([400_000, 3]), axis=1)
    values = np.exp(-1j * kd * distance) / (4 * np.pi * distance) * kd**2 * 2 / 3
    error = np.std(values) / np.sqrt(len(values))
    assert abs(self_term(1.0, frequency(kd), "galerkin") - values.mean()) < 5 * error


@pytest.mark.parametrize("kd", [0.2, 1.0, 2.0, 3.0])
def test_point_self_term_radiates_what_larmor_says(kd):
    """Power into the far field, by integration over a sphere, is what the own field takes."""
    f, k = frequency(kd), kd
    cosines, weights = NODES
    radius = 1e5
    points = radius * np.stack([np.sqrt(1 - cosines**2), 0 * cosines, cosines], 1)
    field = dipole_field(points, [[0, 0, 0]], [[0, 0, 1.0]], f)[0]
    impedance = 1 / (epsilon_0 * c)
    flux = np.sum(np.abs(field) ** 2, 1) / (2 * impedance) * radius**2
    radiated = 2 * np.pi * np.sum(weights * flux)
    # of the own field (M - 1/3) p / (eps_0 d^3): 1/2 Re(-E* . dp/dt)
    own = self_term(1.0, f, "point") / epsilon_0
    assert -0.5 * (2 * np.pi * f) * own.imag == pytest.approx(radiated, rel=1e-8)
    assert own.real == 0 and k > 0


@pytest.mark.parametrize("kernel", ["filtered", "galerkin", "point"])
def test_long_lines_need_no_more_memory_than_they_have_cells(kernel):
    """Their squared distances would be a table of 80 GB."""
    octant = green_kernel((50_001, 1, 1), 1.0, frequency(1.0), kernel)
    short = green_kernel((4, 2, 2), 1.0, frequency(1.0), kernel)
    np.testing.assert_array_equal(octant[:, :4], short[:, :, :1, :1])
    field = dipole_field([[50_000, 0, 0]], [[0, 0, 0]], [[0, 1, 0]], frequency(1.0))[0, 0, 1]
    factor = {"filtered": 1, "galerkin": np.sinc(0.5 / np.pi) ** 2, "point": 1}[kernel]
    assert octant[1, -1, 0, 0] == pytest.approx(epsilon_0 * field * factor, rel=2e-3)


def test_too_many_cells():
    with pytest.raises(ValueError, match=r"shape must be three numbers of at most 16777216 cells"):
        green_kernel((1000, 1000, 1000), 1.0, frequency(1.0))


def test_offsets_off_the_axes_follow_from_rotation():
    """The same dyad in all directions: (1, 2, 2) has the length of (3, 0, 0)."""
    for kernel, kd in itertools.product(("filtered", "point"), (0.4, 1.5)):
        octant = green_kernel((4, 3, 3), 1.0, frequency(kd), kernel)
        along, across = octant[0, 3, 0, 0], octant[1, 3, 0, 0]
        unit = np.array([1, 2, 2]) / 3
        truth = across * np.eye(3) + (along - across) * np.outer(unit, unit)
        np.testing.assert_allclose(full(octant, (1, 2, 2)), truth, rtol=1e-10)
