"""Response of voxelised targets: dense equations, Mie series, laws of physics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import c, epsilon_0

from sionna_isac.scattering import (
    CoarseGridWarning,
    NotConvergedError,
    contrast,
    dipole_field,
    self_term,
    sphere_response,
    volume_response,
)
from tests.scattering.voxel_bodies import (
    FREQUENCY,
    WAVELENGTH,
    antennas,
    blob,
    conductivity_of,
    reference_cases,
    reference_dyad,
    relative_error,
    sphere,
)

SIZE = WAVELENGTH / 12
TIGHT = {"tolerance": 1e-12, "precision": "double"}


def dense_response(body, lines, frequency):
    """Eqs. (11) and (14) with point dipoles, all interactions written out."""
    k = 2 * np.pi * frequency / c
    positions, volume = body["positions"], body["voxel_size"] ** 3
    num = len(positions)
    chi = contrast(body["permittivity"], body["conductivity"], frequency)
    own = self_term(body["voxel_size"], frequency, "point")
    alpha = epsilon_0 * volume * chi / (1 + chi * (1 / 3 - own))
    matrix = np.zeros([num, 3, num, 3], complex)
    for n in range(num):
        others = np.delete(np.arange(num), n)
        field = dipole_field(positions[others], positions[[n] * 3], np.eye(3), frequency)
        matrix[others, :, n, :] = -np.moveaxis(field, 0, -1)
        matrix[n, :, n, :] = np.eye(3) / alpha[n]
    assert own == pytest.approx(-1j * (k * body["voxel_size"]) ** 3 / (6 * np.pi))
    incident = dipole_field(positions, lines["tx_positions"], lines["tx_moments"], frequency)
    moments = np.linalg.solve(
        matrix.reshape(3 * num, 3 * num), incident.reshape(len(incident), -1).T
    )
    received = dipole_field(
        positions, lines["rx_positions"], lines["rx_polarizations"].conj(), frequency
    )
    return received.reshape(len(received), -1) @ moments


def dyad_error(name: str, cells: int, **options) -> float:
    """Relative error of the response of a sphere of the reference file."""
    case = reference_cases()[name]
    permittivity = complex(*case["eps_r"])
    positions, size, fill = sphere(case["sphere_radius_m"], cells, case["sphere_center_m"])
    h = volume_response(
        positions,
        size,
        np.full(len(positions), permittivity.real),
        np.full(len(positions), conductivity_of(permittivity)),
        [case["frequency_hz"]],
        [case["r_tx_m"]] * 3,
        np.eye(3),
        [case["r_rx_m"]] * 3,
        np.eye(3),
        **{"fill": fill, "precision": "double", "allow_coarse": True, **options},
    )
    return relative_error(h[0], reference_dyad(case))


def test_equals_dense_solution():
    body, lines = blob(SIZE), antennas(4, 3)
    frequencies = [FREQUENCY, 0.8 * FREQUENCY]
    h = volume_response(**body, **lines, frequencies=frequencies, kernel="point", **TIGHT)
    assert h.shape == (2, 3, 4)
    for n, frequency in enumerate(frequencies):
        assert relative_error(h[n], dense_response(body, lines, frequency)) < 1e-10


@pytest.mark.parametrize(("num_tx", "num_rx", "side"), [(1, 4, "tx"), (4, 1, "rx")])
def test_solves_the_side_with_fewer_antennas(num_tx, num_rx, side):
    body, lines = blob(SIZE), antennas(num_tx, num_rx)
    result = volume_response(
        **body, **lines, frequencies=[FREQUENCY], kernel="point", return_info=True, **TIGHT
    )
    assert result.solved_side == side
    assert result.rank[0] == 1
    assert relative_error(result.h[0], dense_response(body, lines, FREQUENCY)) < 1e-10


@pytest.mark.parametrize(
    ("name", "coarse", "fine"),
    [("case00", 0.003, 0.001), ("case03", 0.003, 0.002), ("case12", 0.08, 0.03)],
)
def test_sphere_agrees_with_mie(name, coarse, fine):
    assert dyad_error(name, 8) < coarse
    assert dyad_error(name, 16) < fine


def test_large_spheres_agree_with_mie():
    assert dyad_error("case06", 16, precision="single") < 0.01
    assert dyad_error("case09", 16, precision="single") < 0.03
    assert dyad_error("case09", 24, precision="single") < 0.015


def test_error_falls_with_the_voxel_size():
    """About second order with tensors at the surface; at least 1.5 is asked for."""
    radius, permittivity, conductivity = 0.25 * WAVELENGTH, 3.0, 0.2
    lines = antennas(3, 3)
    frequencies = [0.9 * FREQUENCY, FREQUENCY]
    truth = sphere_response(
        radius, np.zeros(3), permittivity, conductivity, frequencies, *lines.values()
    )
    errors = []
    for cells in (6, 12, 24):
        positions, size, fill = sphere(radius, cells)
        num = len(positions)
        h = volume_response(
            positions,
            size,
            np.full(num, permittivity),
            np.full(num, conductivity),
            frequencies,
            *lines.values(),
            fill=fill,
            precision="single",
        )
        errors.append(relative_error(h, truth))
    assert errors[2] < 0.01
    assert errors[2] < errors[0] / 2**3


def test_partly_filled_voxels_beat_whole_ones():
    case = reference_cases()["case12"]
    positions, size, _ = sphere(case["sphere_radius_m"], 16, case["sphere_center_m"])
    inside = np.linalg.norm(positions - case["sphere_center_m"], axis=1) <= case["sphere_radius_m"]
    permittivity = complex(*case["eps_r"])
    num = int(inside.sum())
    hard = volume_response(
        positions[inside],
        size,
        np.full(num, permittivity.real),
        np.full(num, conductivity_of(permittivity)),
        [case["frequency_hz"]],
        [case["r_tx_m"]] * 3,
        np.eye(3),
        [case["r_rx_m"]] * 3,
        np.eye(3),
        precision="double",
    )
    assert relative_error(hard[0], reference_dyad(case)) > 3 * dyad_error("case12", 16)


def test_zero_normals_are_those_of_the_fill():
    """Thin parts of a target may have no side to point to."""
    positions, size, fill = sphere(0.01, 6, (0, 0, 0))
    arguments = (positions, size, np.full(len(fill), 3.0), np.zeros(len(fill)), [4.9e9])
    antennas = ([[0.1, 0.02, 0]], np.eye(3)[:1], [[0.1, 0, 0.03]], np.eye(3)[:1])
    estimated = volume_response(*arguments, *antennas, fill=fill, precision="double")
    zeros = np.zeros([len(fill), 3])
    given = volume_response(*arguments, *antennas, fill=fill, normals=zeros, precision="double")
    np.testing.assert_allclose(given, estimated, rtol=1e-12)


def test_reciprocity():
    """Antennas that change roles, conjugate polarisations taken along."""
    body, lines = blob(SIZE), antennas(2, 2)
    forth = volume_response(**body, **lines, frequencies=[FREQUENCY], **TIGHT)
    back = volume_response(
        **body,
        frequencies=[FREQUENCY],
        tx_positions=lines["rx_positions"],
        tx_moments=lines["rx_polarizations"].conj(),
        rx_positions=lines["tx_positions"],
        rx_polarizations=lines["tx_moments"].conj(),
        **TIGHT,
    )
    assert relative_error(back[0].T, forth[0]) < 1e-12


def test_linearity():
    body, lines = blob(SIZE), antennas(2, 2)
    h = volume_response(**body, **lines, frequencies=[FREQUENCY], **TIGHT)[0]
    mixed = {
        **lines,
        "tx_positions": lines["tx_positions"][[0, 0]],
        "tx_moments": np.stack([2j * lines["tx_moments"][0], np.zeros(3)]),
        "rx_polarizations": 2j * lines["rx_polarizations"],
    }
    g = volume_response(**body, **mixed, frequencies=[FREQUENCY], **TIGHT)[0]
    assert relative_error(g[:, 0], 2j * -2j * h[:, 0]) < 1e-11  # q is conjugated
    assert not np.any(g[:, 1])


@settings(max_examples=8, deadline=None)
@given(
    shift=st.tuples(*[st.integers(-50, 50)] * 3),
    order=st.permutations(range(3)),
    seed=st.integers(0, 100),
)
def test_translation_and_exchange_of_axes(shift, order, seed):
    body, lines = blob(SIZE, seed, shape=(3, 2, 4)), antennas(2, 2, seed)
    h = volume_response(**body, **lines, frequencies=[FREQUENCY], **TIGHT)
    order = list(order)
    for values in (body, lines):
        for name, value in values.items():
            if name.endswith(("positions", "moments", "polarizations")):
                values[name] = value[:, order]
        for name in values:
            if name.endswith("positions"):
                values[name] = values[name] + SIZE * np.array(shift)
    moved = volume_response(**body, **lines, frequencies=[FREQUENCY], **TIGHT)
    assert relative_error(moved, h) < 1e-9


def test_free_space_in_the_grid_changes_nothing():
    body, lines = blob(SIZE), antennas()
    plain = volume_response(**body, **lines, frequencies=[FREQUENCY], **TIGHT)
    empty = np.array([[-4.5, 0.5, 7.5], [0.5, 9.5, 0.5]]) * SIZE
    body["positions"] = np.concatenate([body["positions"], empty])
    body["permittivity"] = np.append(body["permittivity"], [1, 1])
    body["conductivity"] = np.append(body["conductivity"], [0, 0])
    padded = volume_response(**body, **lines, frequencies=[FREQUENCY], **TIGHT)
    assert relative_error(padded, plain) < 1e-12


def test_circular_polarisation_on_the_axis():
    """Unconjugated products of the solver vanish here."""
    positions, size, fill = sphere(0.2 * WAVELENGTH, 8)
    arguments = {
        "positions": positions,
        "voxel_size": size,
        "permittivity": np.full(len(positions), 3.0),
        "conductivity": np.full(len(positions), 0.1),
        "frequencies": [FREQUENCY],
        "rx_positions": [[-1.0, 0, 0.3]],
        "rx_polarizations": [[0, 1, 0]],
        "fill": fill,
    }
    tx = {"tx_positions": [[-1.0, 0, 0]]}
    rx = arguments | {"rx_positions": [[-1, 0, 0]], "rx_polarizations": [[0, 1, -1j]]}
    for precision, tolerance in (("double", 1e-10), ("single", 1e-5)):
        options = {"precision": precision, "tolerance": tolerance}
        circular = volume_response(**rx, **tx, tx_moments=[[0, 1, 1j]], **options)[0, 0, 0]
        y, z = (
            volume_response(**rx, **tx, tx_moments=[m], **options)[0, 0, 0]
            for m in ((0, 1, 0), (0, 0, 1))
        )
        # Rotational symmetry: the circular echo has the other sense, seen by q = (0, 1, -j)
        scale = abs(y) + abs(z)
        assert abs(circular - (y + 1j * z)) < 20 * tolerance * scale


def test_effective_conductivity_converges_where_solid_metal_stalls():
    """It is a rough approximation: tens of percent on a coarse sphere of half a wavelength."""
    positions, size, fill = sphere(0.25 * WAVELENGTH, 10)
    num, lines = len(positions), antennas(2, 2)
    arguments = {
        "positions": positions,
        "voxel_size": size,
        "permittivity": np.ones(num),
        "conductivity": np.full(num, 1e7),
        "fill": fill,
        "tolerance": 1e-4,
        "max_iterations": 400,
        "frequencies": [FREQUENCY],
    }
    truth = sphere_response(0.25 * WAVELENGTH, np.zeros(3), 1.0, 1e7, [FREQUENCY], *lines.values())
    h = volume_response(**arguments, **lines, metal="effective")
    assert 0.05 < relative_error(h, truth) < 0.5
    with pytest.raises(NotConvergedError, match="metal='effective'"):
        volume_response(**arguments, **lines)


def test_coarse_grids_warn_and_very_coarse_ones_are_refused():
    lines = antennas(1, 1)
    with pytest.warns(CoarseGridWarning, match="voxel_size is 0.2 wavelengths"):
        volume_response(**blob(WAVELENGTH / 5), **lines, frequencies=[FREQUENCY])
    coarse = blob(WAVELENGTH / 3.9)
    with pytest.raises(ValueError, match="voxel_size must be at most 1/4 wavelength"):
        volume_response(**coarse, **lines, frequencies=[FREQUENCY])


def test_failure_says_what_to_try():
    with pytest.raises(NotConvergedError, match=r"try a tolerance above .*max_iterations above 3"):
        volume_response(
            **blob(SIZE), **antennas(), frequencies=[FREQUENCY], max_iterations=3, tolerance=1e-6
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": np.zeros([3, 2])}, r"positions must have shape \[N, 3\]"),
        ({"positions": [[0, 0, 0], [1.5 * SIZE, 0, 0]]}, "positions must be voxel centres"),
        ({"positions": [[0, 0, 0], [0, 0, 0]]}, "positions must differ by voxels"),
        ({"positions": [[0, 0, 0], [1e3, 1e3, 1e3]], "voxel_size": 1e-3}, "bounding box"),
        ({"voxel_size": 0}, "voxel_size must be a finite number > 0"),
        ({"permittivity": [2]}, r"permittivity must have shape \[2\]"),
        ({"permittivity": [2, 0.9]}, "permittivity must be >= 1"),
        ({"conductivity": [0, -1]}, "conductivity must be >= 0"),
        ({"permittivity": [1, 1], "conductivity": [0, 0]}, "all is free space"),
        ({"frequencies": []}, r"frequencies must have shape \[F\]"),
        ({"frequencies": [-1e9]}, "frequencies must be > 0"),
        ({"frequencies": [1e9, 1e9]}, "frequencies must differ"),
        ({"tx_positions": [[0, 0, 0.3 * SIZE]]}, "tx_positions must lie outside the voxels"),
        ({"rx_positions": [[0.5 * SIZE, 0, 0]]}, "rx_positions must lie outside the voxels"),
        ({"tx_moments": [[0, 0]]}, r"tx_moments must have shape \[1, 3\]"),
        ({"rx_polarizations": [[np.nan, 0, 0]]}, "rx_polarizations must be finite"),
        ({"fill": [1, 2]}, "fill must be <= 1"),
        ({"fill": [0.5]}, r"fill must have shape \[2\]"),
        ({"normals": np.eye(3)[:2]}, "normals must go with fill"),
        ({"kernel": "exact"}, "kernel must be one of"),
        ({"tolerance": 1e-8, "precision": "single"}, "tolerance must be a finite number >= 1e-06"),
        ({"precision": "half"}, "precision must be None"),
        ({"approximation": "rytov"}, "approximation must be one of"),
        ({"metal": "ideal"}, "metal must be one of"),
        ({"max_iterations": 0}, "max_iterations must be an integer >= 1"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "positions": [[0, 0, 0], [SIZE, 0, 0]],
        "voxel_size": SIZE,
        "permittivity": [2, 3],
        "conductivity": [0, 0.1],
        "frequencies": [FREQUENCY],
        "tx_positions": [[1, 0, 0]],
        "tx_moments": [[0, 0, 1]],
        "rx_positions": [[1, 1, 0]],
        "rx_polarizations": [[0, 0, 1]],
    }
    with pytest.raises(ValueError, match=message):
        volume_response(**{**arguments, **change})


@pytest.mark.filterwarnings("ignore::sionna_isac.scattering.CoarseGridWarning")
def test_level_of_a_coarse_metal_shell():
    """Cells of 1.6 wavelengths: far from converged, but not with the pattern of one cube."""
    radius, num_directions = 0.5, 40
    positions, size, fill = sphere(radius, 10)
    index = np.round(positions[fill >= 0.5] / size + 4.5).astype(int)
    whole = np.zeros([12, 12, 12], bool)
    whole[*(index + 1).T] = True
    neighbours = [np.roll(whole, step, axis) for axis in range(3) for step in (1, -1)]
    shell = np.argwhere(whole & ~np.all(neighbours, axis=0))
    num = len(shell)
    rng = np.random.default_rng(0)
    way = rng.normal(size=[num_directions, 3])
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    polarization = np.cross(way, rng.normal(size=way.shape))
    polarization /= np.linalg.norm(polarization, axis=1, keepdims=True)
    lines = (10 * way, polarization, 10 * way, polarization)
    h = volume_response(
        (shell - 5.5) * size,
        size,
        np.ones(num),
        np.full(num, 1e7),
        [FREQUENCY],
        *lines,
        tolerance=1e-3,
        precision="single",
        allow_coarse=True,
        return_info=True,
    )
    truth = sphere_response(radius, np.zeros(3), 1.0, np.inf, [FREQUENCY], *lines)
    assert h.kernel == ("point",)
    mean, exact = (np.mean(np.abs(np.diag(x[0])) ** 2) for x in (h.h, truth))
    assert abs(10 * np.log10(mean / exact)) < 6
