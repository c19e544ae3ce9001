"""Cross-sections of spheres: published values, limits, conservation of energy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.special import spherical_jn, spherical_yn

from sionna_isac.scattering import (
    sphere_cross_sections,
    sphere_radar_cross_section,
    sphere_scattering_amplitudes,
)

RADIUS = 0.1
AREA = np.pi * RADIUS**2
MATERIALS = {
    "dielectric": (4.0, 0.0),
    "weak loss": (4 - 1e-9j, 0.0),
    "lossy": (4 - 1j, 0.0),
    "metal": (1.0, 1e7),
    "perfect conductor": (1.0, np.inf),
}
SIZES = np.array([1e-4, 1e-2, 0.3, 1.0, 2.7, 10.0, 60.0, 200.0])


def frequencies(sizes) -> np.ndarray:
    """Frequencies at which the sphere has these size parameters ka."""
    return np.atleast_1d(sizes) * SPEED_OF_LIGHT / (2 * np.pi * RADIUS)


def efficiencies(size: float, permittivity: complex, conductivity: float = 0.0) -> list[float]:
    sections = sphere_cross_sections(RADIUS, permittivity, conductivity, frequencies(size))
    return [float(s[0]) / AREA for s in sections]


def test_bohren_huffman():
    """Sample calculation of the program in their Appendix A: m = 1.55, 0.525 um, 0.6328 um."""
    extinction, scattering, absorption, back = efficiencies(2 * np.pi * 0.525 / 0.6328, 1.55**2)
    np.testing.assert_allclose(
        [extinction, scattering, back], [3.10543, 3.10543, 2.92534], atol=5e-6
    )
    assert absorption == 0


@pytest.mark.parametrize(
    ("index", "size", "extinction", "scattering"),
    [
        (1.33 - 1e-5j, 1.0, 0.093952, 0.093923),
        (1.33 - 1e-5j, 100.0, 2.101321, 2.096594),
        (1.33 - 1e-5j, 10000.0, 2.004089, 1.723857),
        (1.5 - 1j, 0.055, 0.101491, 0.000011),
        (1.5 - 1j, 1.0, 2.336321, 0.663454),
        (1.5 - 1j, 100.0, 2.097502, 1.283697),
        (1.5 - 1j, 10000.0, 2.004368, 1.236574),
    ],
)
def test_wiscombe(index, size, extinction, scattering):
    """Test cases published in Wiscombe, NCAR Technical Note TN-140+STR, 1979."""
    np.testing.assert_allclose(
        efficiencies(size, index**2)[:2], [extinction, scattering], atol=6e-7
    )


@pytest.mark.parametrize(
    ("size", "index"),
    [(0.3, 2.0), (3.0, 2.0), (30.0, 2.0), (10.0, 3.5 - 1e-3j), (5.0, 31 - 30j), (3.0, None)],
)
def test_coefficients_as_printed(size, index):
    """(4.53) of Bohren and Huffman with Bessel functions of SciPy; None is a perfect conductor."""
    n = np.arange(1, int(size + 8 * np.cbrt(size) + 6))

    def riccati(function, z):
        value, slope = function(n, z), function(n, z, derivative=True)
        return z * value, value + z * slope

    psi, d_psi = riccati(spherical_jn, size)
    chi, d_chi = riccati(spherical_yn, size)
    xi, d_xi = psi - 1j * chi, d_psi - 1j * d_chi
    if index is None:
        electric, magnetic = d_psi / d_xi, psi / xi
        ours = efficiencies(size, 1.0, np.inf)
    else:
        inner, d_inner = riccati(spherical_jn, index * size)
        electric = (index * inner * d_psi - psi * d_inner) / (index * inner * d_xi - xi * d_inner)
        magnetic = (inner * d_psi - index * psi * d_inner) / (inner * d_xi - index * xi * d_inner)
        ours = efficiencies(size, index**2)
    extinction = 2 / size**2 * np.sum((2 * n + 1) * (electric + magnetic).real)
    back = np.abs(np.sum((2 * n + 1) * (-1.0) ** n * (electric - magnetic))) ** 2 / size**2
    np.testing.assert_allclose([ours[0], ours[3]], [extinction, back], rtol=1e-10)


@pytest.mark.parametrize("material", MATERIALS)
def test_energy(material):
    """The optical theorem, and scattering as the integral over all directions."""
    permittivity, conductivity = MATERIALS[material]
    options = (RADIUS, permittivity, conductivity, frequencies(SIZES))
    sections = sphere_cross_sections(*options)
    np.testing.assert_allclose(sections.extinction, sections.scattering + sections.absorption)
    assert np.all(sections.absorption >= 0)
    assert np.all(sections.absorption == 0) == (material in ("dielectric", "perfect conductor"))

    wavenumber = 2 * np.pi * options[3] / SPEED_OF_LIGHT
    e_plane, h_plane = sphere_scattering_amplitudes(*options, [0.0])
    np.testing.assert_allclose(e_plane, h_plane, rtol=1e-12)
    theorem = -4 * np.pi / wavenumber * e_plane[:, 0].imag
    large = SIZES > 0.2  # below, the real amplitude hides the imaginary part
    np.testing.assert_allclose(sections.extinction[large], theorem[large], rtol=1e-10)

    nodes, weights = np.polynomial.legendre.leggauss(600)
    cuts = sphere_radar_cross_section(*options, np.arccos(nodes))
    total = np.sum(weights * (cuts.e_plane + cuts.h_plane), axis=-1) / 4
    np.testing.assert_allclose(sections.scattering, total, rtol=1e-10)
    back = sphere_radar_cross_section(*options, [np.pi])
    np.testing.assert_allclose(sections.backscattering, back.h_plane[:, 0], rtol=1e-10)


def test_rayleigh():
    """(5.7) and (5.8) of Bohren and Huffman; error of the order of the size squared."""
    size, permittivity = 1e-4, 4 - 0.5j
    contrast = (permittivity - 1) / (permittivity + 2)
    _, scattering, absorption, back = efficiencies(size, permittivity)
    np.testing.assert_allclose(scattering, 8 / 3 * size**4 * abs(contrast) ** 2, rtol=1e-7)
    np.testing.assert_allclose(absorption, -4 * size * contrast.imag, rtol=1e-7)
    np.testing.assert_allclose(back, 4 * size**4 * abs(contrast) ** 2, rtol=1e-7)


def test_small_conductor():
    """10/3 (ka)^4 of scattering, 9 (ka)^4 of backscattering, 1 (ka)^4 forward."""
    size = 1e-3
    _, scattering, _, back = efficiencies(size, 1.0, np.inf)
    np.testing.assert_allclose([scattering, back], size**4 * np.array([10 / 3, 9]), rtol=1e-5)
    cuts = sphere_radar_cross_section(RADIUS, 1.0, np.inf, frequencies(size), [0.0])
    np.testing.assert_allclose(cuts.e_plane[0, 0] / AREA, size**4, rtol=1e-5)


def test_large_conductor():
    """Backscattering tends to the geometrical cross-section, extinction to twice it."""
    sizes = np.linspace(180, 220, 50)
    sections = sphere_cross_sections(RADIUS, 1.0, np.inf, frequencies(sizes))
    np.testing.assert_allclose(sections.backscattering / AREA, 1, atol=0.002)
    np.testing.assert_allclose(sections.extinction / AREA, 2, atol=0.01)


def test_specular_backscattering_of_a_lossy_sphere():
    """Nothing comes back through the sphere, and the front reflects as a plane."""
    permittivity = 4 - 1j
    index = np.sqrt(permittivity)
    reflection = abs((index - 1) / (index + 1)) ** 2
    np.testing.assert_allclose(efficiencies(200.0, permittivity)[3], reflection, rtol=0.02)


def test_bad_input():
    with pytest.raises(ValueError, match="radius must be a finite number > 0"):
        sphere_cross_sections(-1.0, 2.0, 0.0, [1e9])
    with pytest.raises(ValueError, match="scattering_angles must be finite; got 1 NaN"):
        sphere_radar_cross_section(1.0, 2.0, 0.0, [1e9], [np.nan])
    with pytest.raises(ValueError, match=r"scattering_angles must have shape \[num_angles\]"):
        sphere_scattering_amplitudes(1.0, 2.0, 0.0, [1e9], 0.0)
