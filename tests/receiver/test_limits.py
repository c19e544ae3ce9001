"""Receivers at the edges of what they search, and the levels of what they give out."""

from __future__ import annotations

import numpy as np
import pytest

import sionna_isac as isac

C = 299792458.0
ANTENNAS, SUBCARRIERS, SPACING, WAVELENGTH = 6, 8, 240e3, 0.005
# angles with orthogonal steering vectors and orthogonal delays: cells do not leak
GRID = np.arcsin(np.arange(-2, 4) / 3)
RANGES = C / 2 / SPACING / SUBCARRIERS * np.arange(SUBCARRIERS)
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, C / WAVELENGTH)


def array():
    return isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")


def atom(angle, distance):
    steering = np.exp(-1j * np.pi * (np.arange(ANTENNAS) - 2.5) * np.sin(angle))
    delay = np.exp(-2j * np.pi * np.arange(SUBCARRIERS) * SPACING * 2 * distance / C)
    return steering[:, None] * delay


def omp(max_targets: int = 1, grid=GRID):
    grid = isac.receiver.SearchGrid(grid, RANGES)
    return isac.receiver.OMP(array(), NUMEROLOGY, grid, max_targets=max_targets, precision="double")


def differentiable(max_targets: int = 1):
    return isac.receiver.DifferentiableOMP(
        array(),
        NUMEROLOGY,
        isac.receiver.SearchGrid(GRID, RANGES),
        max_targets=max_targets,
        window=(0, 0),
        temperature=1.0,
        precision="double",
    )


pursuits = pytest.mark.parametrize("make", [omp, differentiable])


@pursuits
@pytest.mark.parametrize("cell", range(GRID.size))
def test_both_edges_of_a_sector_belong_to_it(make, cell):
    """A strong target at one edge, at the other one, and alone in a sector without width."""
    for low, high in ((cell, GRID.size - 1), (0, cell), (cell, cell)):
        y = 3 * atom(GRID[cell], RANGES[2]) + atom(GRID[cell - 1], RANGES[5])
        estimate = make()(y[None], GRID[[[low, high]]])
        assert float(estimate.angle[0, 0]) == pytest.approx(GRID[cell], abs=1e-12)
        assert float(estimate.range[0, 0]) == pytest.approx(RANGES[2], abs=1e-9)


@pursuits
def test_stronger_targets_next_to_the_sector_are_not_found(make):
    y = 0.1 * atom(GRID[3], RANGES[2]) + 9 * atom(GRID[2], RANGES[2]) + 9 * atom(GRID[4], RANGES[6])
    estimate = make()(y[None], GRID[[[3, 3]]])
    assert float(estimate.angle[0, 0]) == pytest.approx(GRID[3], abs=1e-12)


@pursuits
def test_metric_is_the_peak_of_the_map_and_gain_the_amplitude(make):
    """|alpha| K S, and alpha itself, whatever else there is in orthogonal cells."""
    first, second = 2.0 - 1.0j, 0.3j
    y = first * atom(GRID[1], RANGES[6]) + second * atom(GRID[4], RANGES[1])
    sector = GRID[[[0, -1]]]
    estimate = make(2)(y[None], sector)
    expected = ANTENNAS * SUBCARRIERS * np.abs([first, second])
    np.testing.assert_allclose(estimate.metric[0], expected, rtol=1e-9)
    np.testing.assert_allclose(estimate.gain[0], [first, second], rtol=1e-9)
    np.testing.assert_allclose(estimate.range[0], RANGES[[6, 1]], atol=1e-6)
    angle_delay = isac.receiver.AngleDelayMap(
        array(), NUMEROLOGY, isac.receiver.SearchGrid(GRID, RANGES), precision="double"
    )
    values = angle_delay(y[None])[0].numpy()
    assert np.max(values) == pytest.approx(float(estimate.metric[0, 0]), rel=1e-9)
    assert np.unravel_index(np.argmax(values), values.shape) == (1, 6)
    alone = make(1)(y[None], sector)  # the first of several is what one iteration finds
    np.testing.assert_allclose(alone.metric[:, 0], estimate.metric[:, 0], rtol=1e-12)


def test_number_of_angles_reaches_from_edge_to_edge():
    """Spread over the sector, its edges among them."""
    for sector in (np.array([[0.1, 0.4]]), np.array([[-0.2, -0.2]])):
        for edge in sector[0]:
            y = atom(edge, RANGES[3])
            estimate = omp(grid=4)(y[None], sector)
            assert float(estimate.angle[0, 0]) == pytest.approx(edge, abs=1e-12)
            detected = isac.receiver.MAPRatioTest(array(), 4, precision="double")(
                y[None, :, 0], sector
            )
            assert float(detected.angle[0, 0]) == pytest.approx(edge, abs=1e-12)


@pytest.mark.parametrize("cell", range(GRID.size))
def test_single_carrier_at_the_edges(cell):
    y = 2 * atom(GRID[cell], 0)[None, :, 0]
    ratio = isac.receiver.MAPRatioTest(array(), GRID, precision="double")
    softmax = isac.receiver.SoftmaxAngleEstimator(array(), GRID, precision="double")
    for low, high in ((cell, GRID.size - 1), (0, cell), (cell, cell)):
        for receiver, metric in (
            (ratio, (2 * ANTENNAS) ** 2),  # |a^H y|^2, (7)
            (softmax, ANTENNAS * 2 * ANTENNAS),  # beta |a^H y| with beta = K, (14)
        ):
            estimate = receiver(y, GRID[[[low, high]]])
            assert float(estimate.angle[0, 0]) == pytest.approx(GRID[cell], abs=1e-9)
            assert float(estimate.metric[0, 0]) == pytest.approx(metric, rel=1e-12)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_edges_in_degrees_meet_a_grid_of_degrees(precision):
    """Both are rounded in their own way: an edge belongs to the sector all the same."""
    degrees = np.arange(-90, 91)
    grid = np.linspace(-np.pi / 2, np.pi / 2, 181)
    ideal = isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision=precision)
    y = ideal.steering(grid).numpy()
    edge = np.deg2rad(degrees)
    inner = np.deg2rad(np.clip(degrees - 1, -90, 90)), np.deg2rad(np.clip(degrees + 1, -90, 90))
    # close to the axis of the array the angles of a softmax are not sharp
    for receiver, part in (
        (isac.receiver.MAPRatioTest(ideal, grid, precision=precision), slice(1, -1)),
        (
            isac.receiver.SoftmaxAngleEstimator(ideal, grid, temperature=1e4, precision=precision),
            slice(20, -20),
        ),
    ):
        for low, high in ((edge, edge), (inner[0], edge), (edge, inner[1])):
            estimate = receiver(y, np.stack([low, high], -1)).angle.numpy()[:, 0]
            np.testing.assert_allclose(estimate[part], grid[part], atol=1e-6)


def test_share_of_music_is_one_without_noise_and_small_for_noise(rng):
    positions = isac.array.uniform_positions(32, 0.3 / 31)
    near = isac.array.SphericalWaveArray(positions, 0.0107, precision="double")
    music = isac.receiver.MUSIC(near, (1.0, 20.0), num_refinements=2, precision="double")
    a = near.steering([[3.0, 0.5]]).numpy()
    y = a[:, :, None] * (0.2 * rng.normal(size=(1, 1, 4)))
    estimate = music(y, [[-0.5, 0.5]])
    assert float(estimate.metric[0, 0]) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(estimate.position[:, 0], [[3.0, 0.5]], rtol=1e-4)
    noise = rng.normal(size=(50, 32, 4)) + 1j * rng.normal(size=(50, 32, 4))
    share = music(noise, np.tile([[-0.5, 0.5]], (50, 1))).metric.numpy()
    assert np.all((share > 0) & (share < 0.8))
