"""Contrast, partly filled voxels and metal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import epsilon_0, mu_0

from sionna_isac.scattering import contrast, effective_conductivity, partial_contrast
from tests.scattering.voxel_bodies import FREQUENCY


def test_contrast_is_eq_2():
    chi = contrast([1.0, 4.0], [0.0, 0.2], FREQUENCY)
    np.testing.assert_allclose(chi, [0, 3 - 0.2j / (2 * np.pi * FREQUENCY * epsilon_0)])


def test_partial_contrast_is_that_of_thin_layers():
    chi, fill = 3 - 1j, 0.3
    along, across = partial_contrast(chi, fill)
    mean = fill * (1 + chi) + (1 - fill)
    inverse = fill / (1 + chi) + (1 - fill)
    np.testing.assert_allclose([along, across], [mean - 1, 1 / inverse - 1], rtol=1e-14)
    np.testing.assert_allclose(partial_contrast(chi, [0, 1]), [[0, chi], [0, chi]])


def test_effective_conductivity_has_skin_depth_of_half_a_voxel():
    size = 2e-3
    capped = effective_conductivity([0.1, 1e7], size, FREQUENCY)
    assert capped[0] == 0.1
    depth = np.sqrt(2 / (2 * np.pi * FREQUENCY * mu_0 * capped[1]))
    assert depth == pytest.approx(size / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("permittivity", "conductivity", "message"),
    [
        ([0.5], [0], "permittivity must be >= 1; got 0.5"),
        ([2], [-1], "conductivity must be >= 0; got -1"),
        ([np.nan], [0], "permittivity must be finite"),
        ([2], [np.inf], "conductivity must be finite"),
        ([2, 3], [0, 0, 0], "same shape"),
    ],
)
def test_bad_material(permittivity, conductivity, message):
    with pytest.raises(ValueError, match=message):
        contrast(permittivity, conductivity, FREQUENCY)


def test_gain_is_refused():
    with pytest.raises(TypeError, match="permittivity must hold real numbers"):
        contrast([4 + 1j], [0], FREQUENCY)


def test_bad_fill_and_voxel_size():
    with pytest.raises(ValueError, match=r"fill must be <= 1; got 1\.5"):
        partial_contrast(1.0, [1.5])
    with pytest.raises(ValueError, match="voxel_size must be at most"):
        effective_conductivity([1e7], 0.1, FREQUENCY)
