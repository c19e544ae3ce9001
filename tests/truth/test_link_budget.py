"""Absolute levels: what dipoles of unit gain receive, by the equations of Friis and of radar."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c

from sionna_isac.array import SphericalWaveArray
from sionna_isac.channel import ExtendedEcho
from sionna_isac.dataset.sample import unit_gain_channel, unit_gain_moment
from sionna_isac.scattering import dipole_field, sphere_cross_sections, sphere_response
from sionna_isac.scene import VoxelTarget
from sionna_isac.waveform import Numerology

CARRIER = 4.9e9
TONES = CARRIER * np.array([0.8, 1.0, 1.3])


@pytest.mark.parametrize("frequency", [1e9, CARRIER, 60e9])
@pytest.mark.parametrize("distance", [30.0, 300.0])
def test_two_dipoles_obey_friis(frequency, distance):
    """|h|^2 = (lambda / 4 pi r)^2 between antennas of gain 1 that face each other."""
    moment = unit_gain_moment(frequency) * np.array([0, 0, 1])
    points = distance * np.array([[1, 0, 0], [0.6, 0.8, 0]])
    received = dipole_field(points, [[0, 0, 0]], [moment], frequency)[0, :, 2]
    free_space = c / frequency / (4 * np.pi * distance)
    np.testing.assert_allclose(np.abs(received), free_space, rtol=1e-3)


def test_channels_of_data_sets_obey_the_radar_equation_at_each_tone():
    """Gain 1 at every tone, from a solution for moments of the carrier."""
    radius, distance = 0.02, 200.0
    z = [[0, 0, 1.0]]
    h = sphere_response(
        radius, [distance, 0, 0], 3.0, 0.0, TONES,
        [[0, 0, 0]], unit_gain_moment(CARRIER) * np.array(z), [[0, 0, 0]], z,
    )  # fmt: skip
    channel = unit_gain_channel(h, TONES, CARRIER)[:, 0, 0]
    sigma = sphere_cross_sections(radius, 3.0, 0.0, TONES).backscattering
    radar = c / TONES * np.sqrt(sigma) / ((4 * np.pi) ** 1.5 * distance**2)
    np.testing.assert_allclose(np.abs(channel), radar, rtol=2e-3)


def test_echo_of_a_tiny_voxel_is_that_of_rayleigh_scattering():
    """sigma = 4 pi (k^2 alpha / 4 pi)^2, alpha = 3 V (eps - 1)/(eps + 2), at each tone."""
    size, distance, eps = 1e-3, 50.0, 1.2
    target = VoxelTarget([[0, 0, 0]], size, eps, 0.0)
    array = SphericalWaveArray([0.0], c / CARRIER, precision="double")
    numerology = Numerology(3, 400e6, CARRIER)
    echo = ExtendedEcho.from_target(array, target, numerology, precision="double", tolerance=1e-9)
    state = echo.targets(target.placed([distance, 0, 0]))
    h = np.abs(echo.channel(state).numpy()[0, :, 0, 0])
    frequencies = np.asarray(echo.scattering.frequencies)
    k = 2 * np.pi * frequencies / c
    alpha = 3 * size**3 * (eps - 1) / (eps + 2)
    sigma = 4 * np.pi * (k**2 * alpha / (4 * np.pi)) ** 2
    radar = c / frequencies * np.sqrt(sigma) / ((4 * np.pi) ** 1.5 * distance**2)
    np.testing.assert_allclose(h, radar, rtol=2e-3)
