"""The Mie series of dipoles: reference numbers, closed forms of limits, laws of physics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.constants import epsilon_0
from scipy.spatial.transform import Rotation

from sionna_isac.scattering import sphere_response, sphere_scattering_amplitudes

DATA = Path(__file__).parents[1] / "data" / "scattering" / "dipole_sphere_dipole.json"
REFERENCE = json.loads(DATA.read_text(encoding="utf-8"))
FREQUENCY = 4.9e9
WAVELENGTH = SPEED_OF_LIGHT / FREQUENCY
WAVENUMBER = 2 * np.pi / WAVELENGTH
MATERIALS = {
    "dielectric": (4.0, 0.0),
    "lossy": (4 - 1j, 0.0),
    "conducting": (6.31, 0.03),
    "metal": (1.0, 1e7),
    "perfect conductor": (1.0, np.inf),
}


def number(value: list) -> np.ndarray:
    return np.array(value)[..., 0] + 1j * np.array(value)[..., 1]


def dyads(radius, center, permittivity, conductivity, frequencies, tx, rx) -> np.ndarray:
    """Scattered field of unit dipoles along the axes [F, R, 3, T, 3]."""
    tx, rx = np.asarray(tx), np.asarray(rx)
    axes = [np.tile(np.eye(3), [len(points), 1]) for points in (tx, rx)]
    h = sphere_response(
        radius,
        center,
        permittivity,
        conductivity,
        frequencies,
        np.repeat(tx, 3, axis=0),
        axes[0],
        np.repeat(rx, 3, axis=0),
        axes[1],
    )
    return h.reshape(len(h), len(rx), 3, len(tx), 3)


def around(rng, count: int, nearest: float, farthest: float) -> np.ndarray:
    """Random points at distances between two values from the origin."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction * rng.uniform(nearest, farthest, (count, 1))


def draws(rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def assert_same(actual, expected, rtol=1e-10):
    """Equal relative to the largest entry."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda c: c["name"])
def test_reference(case):
    sphere = (case["sphere_radius_m"], case["sphere_center_m"], complex(*case["eps_r"]), 0.0)
    frequencies = [case["frequency_hz"]]
    rescale = REFERENCE["constants"]["eps0"] / epsilon_0
    dyad = dyads(*sphere, frequencies, [case["r_tx_m"]], [case["r_rx_m"]])[0, 0, :, 0]
    expected = number(case["scat_dyad_V_per_m_per_Cm"]) * rescale
    assert_same(dyad, expected, 1e-12)
    h = sphere_response(
        *sphere,
        frequencies,
        [case["r_tx_m"]],
        [number(case["p_Cm"])],
        [case["r_rx_m"]],
        [number(case["q"])],
    )
    assert h.shape == (1, 1, 1)
    np.testing.assert_allclose(h[0, 0, 0], number(case["H_qH_Escat"]) * rescale, rtol=1e-12)


def test_batch_equals_its_members(rng):
    """Also over more frequencies than one block holds, with a permittivity for each."""
    tx, rx = around(rng, 8, 0.05, 0.3), around(rng, 9, 0.05, 3.0)
    moments, analyzers = draws(rng, 8, 3), draws(rng, 9, 3)
    frequencies = np.linspace(1e9, 6e9, 600)
    permittivity = 4 - 1j * np.linspace(0, 1, 600)
    center = [0.01, 0.0, -0.01]
    together = sphere_response(
        0.03, center, permittivity, 0.01, frequencies, tx, moments, rx, analyzers
    )
    assert together.shape == (600, 9, 8) and together.dtype == np.complex128
    for f, r, t in ((0, 0, 0), (17, 8, 3), (455, 4, 7), (599, 2, 5)):
        alone = sphere_response(
            0.03,
            center,
            permittivity[f],
            0.01,
            frequencies[f : f + 1],
            tx[t : t + 1],
            moments[t : t + 1],
            rx[r : r + 1],
            analyzers[r : r + 1],
        )
        np.testing.assert_allclose(together[f, r, t], alone[0, 0, 0], rtol=1e-9)


@pytest.mark.parametrize("material", MATERIALS)
def test_reciprocity(material, rng):
    """Exchanging transmitters and receivers, with conjugate vectors, transposes the response."""
    tx, rx = around(rng, 4, 0.05, 0.5), around(rng, 5, 0.05, 5.0)
    moments, analyzers = draws(rng, 4, 3), draws(rng, 5, 3)
    sphere = (0.04, np.zeros(3), *MATERIALS[material], [3e9, FREQUENCY])
    forth = sphere_response(*sphere, tx, moments, rx, analyzers)
    back = sphere_response(*sphere, rx, analyzers.conj(), tx, moments.conj())
    np.testing.assert_allclose(forth, back.swapaxes(1, 2), rtol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(sorted(MATERIALS)))
def test_rotation_and_translation(seed, material):
    rng = np.random.default_rng(seed)
    tx, rx = around(rng, 3, 0.05, 0.5), around(rng, 3, 0.05, 0.5)
    moments, analyzers = draws(rng, 3, 3), draws(rng, 3, 3)
    turn = Rotation.random(random_state=seed).as_matrix()
    shift = rng.uniform(-1, 1, 3)
    options = (*MATERIALS[material], [FREQUENCY])
    before = sphere_response(0.045, [0, 0, 0], *options, tx, moments, rx, analyzers)
    after = sphere_response(
        0.045,
        shift,
        *options,
        tx @ turn.T + shift,
        moments @ turn.T,
        rx @ turn.T + shift,
        analyzers @ turn.T,
    )
    assert_same(after, before, 1e-9)


@pytest.mark.parametrize("angle", [0.0, 1e-14, 1e-12, 1e-9, 1e-6, np.pi])
def test_antennas_on_one_axis(angle, rng):
    """Nothing happens where the plane through both antennas is not defined."""
    direction = around(rng, 1, 1, 1)[0]
    across = np.cross(direction, [0, 0, 1])
    across /= np.linalg.norm(across)
    other = np.cos(angle) * direction + np.sin(angle) * across
    sphere = (0.04, [0, 0, 0], 4.0, 0.0, [FREQUENCY])
    dyad = dyads(*sphere, [0.06 * direction], [0.07 * other])[0, 0, :, 0]
    # rotate the pair a little apart: a smooth function of the angle
    near = np.cos(angle + 1e-7) * direction + np.sin(angle + 1e-7) * across
    moved = dyads(*sphere, [0.06 * direction], [0.07 * near])[0, 0, :, 0]
    assert_same(dyad, moved, 3e-6)
    if angle in (0.0, np.pi):  # symmetric about the axis
        along = np.outer(direction, direction)
        whole = dyad - np.trace(along @ dyad) * along
        assert_same(whole, np.trace(whole) / 2 * (np.eye(3) - along), 1e-10)


@pytest.mark.parametrize("material", ["dielectric", "lossy", "perfect conductor"])
@pytest.mark.parametrize("theta", [0.0, 0.7, 2.0, np.pi])
def test_far_dipoles_see_the_plane_wave_pattern(material, theta):
    """A dipole far away illuminates with k^2 p e^{-jkr} / (4 pi eps0 r)."""
    radius, far = 0.02, 1e5
    source, receiver = [0, 0, -far], far * np.array([np.sin(theta), 0, np.cos(theta)])
    options = (*MATERIALS[material], [FREQUENCY])
    dyad = dyads(radius, [0, 0, 0], *options, [source], [receiver])[0, 0, :, 0]
    incident = WAVENUMBER**2 * np.exp(-1j * WAVENUMBER * far) / (4 * np.pi * epsilon_0 * far)
    dyad *= far * np.exp(1j * WAVENUMBER * far) / incident
    e_plane, h_plane = sphere_scattering_amplitudes(radius, *options, [theta])
    across = np.array([np.cos(theta), 0, -np.sin(theta)])
    expected = np.outer(across, [1, 0, 0]) * e_plane[0, 0]
    expected += np.outer([0, 1, 0], [0, 1, 0]) * h_plane[0, 0]
    assert_same(dyad, expected, 2e-6)


def test_small_sphere_is_a_dipole(rng):
    """p' = 4 pi eps0 a^3 (eps - 1) / (eps + 2) E at the centre."""
    radius, permittivity = 1e-6, 4 - 1j
    tx, rx = around(rng, 2, 0.01, 0.1), around(rng, 2, 0.01, 0.1)
    dyad = dyads(radius, [0, 0, 0], permittivity, 0.0, [FREQUENCY], tx, rx)[0]
    polarizability = 4 * np.pi * epsilon_0 * radius**3 * (permittivity - 1) / (permittivity + 2)
    for t, source in enumerate(tx):
        for r, point in enumerate(rx):
            expected = dipole_field(point) @ dipole_field(source) * polarizability
            assert_same(dyad[r, :, t], expected, 1e-6)


def dipole_field(offset: np.ndarray) -> np.ndarray:
    """Field at an offset from unit dipoles [3, 3], (4) of the paper with its sign corrected."""
    distance = np.linalg.norm(offset)
    along = np.outer(offset, offset) / distance**2
    near = 1 / distance**3 + 1j * WAVENUMBER / distance**2
    field = WAVENUMBER**2 / distance * (np.eye(3) - along) + near * (3 * along - np.eye(3))
    return np.exp(-1j * WAVENUMBER * distance) / (4 * np.pi * epsilon_0) * field


@pytest.mark.parametrize("gap", [1.0, 0.1, 0.01])
def test_image_charges(gap):
    """Quasi-static radial dipole on the axis of a conducting sphere without net charge."""
    radius, frequency = 0.1, 1e3
    source, receiver = radius * (1 + gap), radius * (1 + 1.5 * gap)
    dyad = dyads(radius, [0, 0, 0], 1.0, np.inf, [frequency], [[0, 0, source]], [[0, 0, receiver]])
    offset = receiver * source - radius**2
    image = radius * (2 * source * receiver / offset**3 - 1 / offset**2)
    image -= radius / (source * receiver) ** 2
    expected = image / (4 * np.pi * epsilon_0)
    np.testing.assert_allclose(dyad[0, 0, 2, 0, 2], expected, rtol=1e-8)


@pytest.mark.parametrize("conductivity", [1e11, 1e15, 1e30])
def test_good_conductors_approach_the_perfect_one(conductivity, rng):
    tx, rx = around(rng, 3, 0.06, 0.5), around(rng, 3, 0.06, 0.5)
    metal = dyads(0.05, [0, 0, 0], 1.0, conductivity, [FREQUENCY], tx, rx)
    perfect = dyads(0.05, [0, 0, 0], 1.0, np.inf, [FREQUENCY], tx, rx)
    impedance = np.sqrt(2 * np.pi * FREQUENCY * epsilon_0 / conductivity)
    assert_same(metal, perfect, 20 * impedance + 1e-12)


def test_two_ways_through_the_bessel_functions_agree(rng):
    """Around the loss at which the recurrence changes direction the response is smooth."""
    tx, rx = around(rng, 2, 0.06, 0.5), around(rng, 2, 0.06, 0.5)
    conductivity = np.geomspace(1e-2, 1e6, 200)
    curve = np.stack(
        [dyads(0.05, [0, 0, 0], 1.0, s, [FREQUENCY], tx, rx).ravel() for s in conductivity]
    )
    third = np.abs(np.diff(curve, 3, axis=0)).max(axis=1) / np.abs(curve).max()
    assert np.max(third) < 1e-2
    jumps = np.abs(np.diff(third[-60:]))
    assert np.max(jumps) < 1e-6


@pytest.mark.parametrize("material", MATERIALS)
def test_large_sphere(material, rng):
    """ka = 200: the shadow is dark, the lit side reflects."""
    radius = 200 / WAVENUMBER
    source = np.array([0, 0, -3 * radius])
    points = np.array([[0, 0, 3 * radius], [0, 0, -3 * radius]])
    scattered = dyads(radius, [0, 0, 0], *MATERIALS[material], [FREQUENCY], [source], points)
    assert np.all(np.isfinite(scattered))
    direct = dipole_field(points[0] - source)
    if material in ("metal", "perfect conductor"):
        off_axis = np.array([[0.3 * radius, 0.1 * radius, 1.2 * radius]])
        shadow = dyads(radius, [0, 0, 0], *MATERIALS[material], [FREQUENCY], [source], off_axis)
        total = shadow[0, 0, :, 0] + dipole_field(off_axis[0] - source)
        assert np.abs(total).max() < 0.1 * np.abs(direct).max()
        # geometrical optics of a convex mirror: reflected over incident at the receiver
        focus = 1 / (2 / radius + 1 / (2 * radius))
        spread = focus / (focus + 2 * radius)
        incident = WAVENUMBER**2 / (4 * np.pi * epsilon_0 * 2 * radius)
        np.testing.assert_allclose(np.abs(scattered[0, 1, 0, 0, 0]), incident * spread, rtol=0.01)


def test_matched_sphere_does_not_scatter(rng):
    points = around(rng, 3, 0.06, 0.5)
    assert not np.any(dyads(0.05, [0, 0, 0], 1.0, 0.0, [FREQUENCY], points, points))


def test_too_close_is_an_error():
    with pytest.raises(RuntimeError, match=r"relative tail of \S+, allowed are 1e-12"):
        dyads(0.1, [0, 0, 0], 4.0, 0.0, [FREQUENCY], [[0, 0, 0.10001]], [[0, 0.1001, 0]])


GOOD = {
    "radius": 0.05,
    "center": [0, 0, 0],
    "permittivity": 4.0,
    "conductivity": 0.0,
    "frequencies": [FREQUENCY],
    "tx_positions": [[0, 0, 1]],
    "tx_moments": [[0, 0, 1]],
    "rx_positions": [[0, 1, 0]],
    "rx_polarizations": [[0, 0, 1]],
}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"radius": 0}, ValueError, "radius must be a finite number > 0; got 0"),
        ({"radius": np.nan}, ValueError, "radius must be a finite number > 0; got nan"),
        ({"center": [0, 0]}, ValueError, r"center must have shape \[3\]"),
        ({"permittivity": 0.5}, ValueError, "permittivity must have a real part >= 1; got 0.5"),
        ({"permittivity": 2 + 1j}, ValueError, "permittivity must have an imaginary part <= 0"),
        ({"permittivity": np.nan}, ValueError, "permittivity must be finite"),
        ({"permittivity": [2.0, 3.0]}, ValueError, r"permittivity must be a number or have sha"),
        ({"permittivity": "glass"}, TypeError, "permittivity must hold complex numbers"),
        ({"conductivity": -1.0}, ValueError, "conductivity must be a finite number >= 0; got -1"),
        ({"conductivity": np.nan}, ValueError, "conductivity must be a finite number >= 0"),
        ({"conductivity": None}, TypeError, "conductivity must be a number >= 0; got None"),
        ({"conductivity": [1.0, 2.0]}, TypeError, "conductivity must be a number >= 0"),
        ({"frequencies": FREQUENCY}, ValueError, r"frequencies must have shape \[num_freq"),
        ({"frequencies": [0.0]}, ValueError, "frequencies must be > 0; got 0"),
        ({"frequencies": [np.inf]}, ValueError, "frequencies must be finite"),
        ({"tx_positions": [[0, 0, 0.04]]}, ValueError, "tx_positions must lie outside the sph"),
        ({"rx_positions": [[0.05, 0, 0]]}, ValueError, "rx_positions must lie outside the sph"),
        ({"rx_positions": [[np.nan, 0, 1]]}, ValueError, "rx_positions must be finite"),
        ({"tx_positions": [0, 0, 1]}, ValueError, r"tx_positions must have shape \[num_points"),
        ({"tx_moments": np.ones([2, 3])}, ValueError, r"tx_moments must have shape \[1, 3\]"),
        ({"rx_polarizations": [[np.inf, 0, 1]]}, ValueError, "rx_polarizations must be finite"),
    ],
)
def test_bad_input(changes, error, message):
    with pytest.raises(error, match=message):
        sphere_response(**(GOOD | changes))
