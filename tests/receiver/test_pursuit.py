"""The pursuit receivers against a plain pursuit, and in their special cases."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c

import sionna_isac as isac
from tests.receiver.reference import plain_pursuit

ANTENNAS, SUBCARRIERS, SPACING, TARGETS = 10, 24, 1e6, 3
ANGLES = np.linspace(-np.pi / 2, np.pi / 2, 121)
RANGES = np.linspace(5.0, 75.0, 36)
POSITIONS = np.sort(
    (np.arange(ANTENNAS) - 4.5) * np.random.default_rng(1).normal(0.5, 0.03, ANTENNAS)
)
# the first and last sector touch the edges of the grid: windows are cut there
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, c)
SECTORS = np.array([[-np.pi / 2, -1.3], [-0.4, 0.1], [0.2, 0.6], [1.35, np.pi / 2]])


def steering(angle):
    return np.exp(-2j * np.pi * np.sin(np.asarray(angle))[..., None] * POSITIONS)


def delay(distance):
    step = 4 * np.pi * SPACING / c * np.asarray(distance)
    return np.exp(-1j * step[..., None] * np.arange(SUBCARRIERS))


def scene(angle, distance, gain) -> np.ndarray:
    """Noise-free observation [K, S] of point targets."""
    return np.einsum("t,tk,ts->ks", gain, steering(angle), delay(distance))


def array(precision="double", **kwargs):
    return isac.array.UniformLinearArray(
        ANTENNAS, 1.0, element_positions=POSITIONS, precision=precision, **kwargs
    )


def omp(**kwargs):
    grid = isac.receiver.SearchGrid(kwargs.pop("angles", ANGLES), kwargs.pop("ranges", RANGES))
    options = {"max_targets": TARGETS, **kwargs}
    return isac.receiver.OMP(array(), NUMEROLOGY, grid, precision="double", **options)


def domp(**kwargs):
    grid = isac.receiver.SearchGrid(ANGLES, kwargs.pop("ranges", RANGES))
    options = {"max_targets": TARGETS, "window": (4, 3), "temperature": 0.1, **kwargs}
    return isac.receiver.DifferentiableOMP(
        array(trainable=True), NUMEROLOGY, grid, precision="double", **options
    )


@pytest.fixture
def observation(rng) -> np.ndarray:
    """Two targets off the grid in each sector, one near the edge of the ranges, and noise."""
    samples = []
    for low, high in SECTORS:
        angle = rng.uniform(low, high, 2)
        distance = np.array([rng.uniform(5.1, 7.0), rng.uniform(20, 74.9)])
        gain = rng.normal(size=2) + 1j * rng.normal(size=2)
        samples.append(scene(angle, distance, gain))
    y = np.array(samples)
    return y + 0.3 * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))


def assert_estimates(actual, expected: dict, atol: float = 1e-9) -> None:
    for name in ("angle", "range", "metric", "gain"):
        value = np.asarray(getattr(actual, name))
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=atol * scale, err_msg=name)


def plain(y, sector=SECTORS, **kwargs):
    return plain_pursuit(y, sector, steering, delay, ANGLES, RANGES, TARGETS, **kwargs)


def test_omp_equals_plain_pursuit(observation):
    assert_estimates(omp()(observation, SECTORS), plain(observation))


@pytest.mark.parametrize("atoms", ["grid", "refined"])
def test_differentiable_omp_equals_plain_pursuit(observation, atoms):
    # between the edges of a sector and those of the grid the map is 0, which the softmax sees
    expected = plain(observation, refine=atoms, window=(4, 3), beta=0.1)
    assert_estimates(domp(atoms=atoms)(observation, SECTORS), expected)
    for sample in (0, 1):  # batches of one, each with its own static width
        one = slice(sample, sample + 1)
        estimate = domp(atoms=atoms)(observation[one], SECTORS[one])
        assert_estimates(estimate, {k: v[one] for k, v in expected.items()})


def test_omp_on_the_grid_of_each_sample(observation):
    estimate = omp(angles=50)(observation, SECTORS)
    for sample in range(len(SECTORS)):
        one = slice(sample, sample + 1)
        grid = np.linspace(*SECTORS[sample], 50)
        expected = plain_pursuit(
            observation[one], SECTORS[one], steering, delay, grid, RANGES, TARGETS
        )
        assert_estimates(type(estimate)(*(v[one] for v in estimate[:4])), expected)


@pytest.mark.parametrize("make", [omp, domp, lambda **kw: domp(atoms="grid", **kw)])
def test_projected_observation_gives_the_same(observation, make):
    receiver = make(ranges=RANGES[:10])
    basis = receiver.basis.vectors
    np.testing.assert_allclose(basis.conj().T @ basis, np.eye(basis.shape[1]), atol=1e-12)
    assert basis.shape[1] < SUBCARRIERS
    projected = receiver(observation @ basis.conj(), SECTORS)
    whole = receiver(observation, SECTORS)
    assert_estimates(projected, whole._asdict(), 1e-12)


def test_omp_finds_targets_on_the_grid_exactly():
    cells = np.array([[45, 4], [62, 18], [80, 30]])
    gain = np.array([2.0, -1.0j, 0.6 + 0.3j])
    y = scene(ANGLES[cells[:, 0]], RANGES[cells[:, 1]], gain)[None]
    sector = np.array([[-0.8, 0.8]])
    for receiver in (omp(), domp(temperature=1e4), domp(temperature=1e4, atoms="grid")):
        estimate = receiver(y, sector)
        np.testing.assert_allclose(estimate.angle[0], ANGLES[cells[:, 0]], atol=1e-9)
        np.testing.assert_allclose(estimate.range[0], RANGES[cells[:, 1]], atol=1e-9)
        np.testing.assert_allclose(estimate.gain[0], gain, atol=1e-9)


def test_max_span_changes_nothing_but_the_cost(observation):
    span = float(np.max(SECTORS[:, 1] - SECTORS[:, 0]))
    limited = domp(max_span=span)
    expected = domp()(observation, SECTORS)
    assert_estimates(limited(observation, SECTORS), expected._asdict(), 1e-12)
    graph = tf.function(lambda y, sector: limited(y, sector))
    assert_estimates(graph(observation, SECTORS), expected._asdict(), 1e-12)


def test_sector_wider_than_max_span(observation):
    receiver = domp(max_span=0.35)
    with pytest.raises(ValueError, match=r"sector .*max_span 0\.35.*got 0\.5"):
        receiver(observation, SECTORS)
    estimate = tf.function(lambda y, sector: receiver(y, sector))(observation, SECTORS)
    wide = (SECTORS[:, 1] - SECTORS[:, 0]) > 0.4
    assert wide.any() and not wide.all()
    for name in ("angle", "range", "metric"):
        lost = np.isnan(getattr(estimate, name))
        np.testing.assert_array_equal(lost, np.repeat(wide[:, None], TARGETS, 1))


@pytest.mark.parametrize("make", [omp, domp])
def test_sector_between_two_grid_angles(observation, make):
    receiver = make()
    sector = SECTORS.copy()
    sector[2] = ANGLES[70] + np.array([0.2, 0.6]) * (ANGLES[1] - ANGLES[0])
    with pytest.raises(ValueError, match=r"sector must contain an angle.* sample 2"):
        receiver(observation, sector)
    estimate = tf.function(lambda y, s: receiver(y, s))(observation, sector)
    assert np.all(np.isnan(estimate.angle[2]))
    assert np.all(np.isfinite(np.delete(estimate.angle, 2, 0)))


def test_default_temperature_is_one_over_the_noise_of_a_cell(observation):
    noise = 0.2
    beta = 1 / np.sqrt(ANTENNAS * SUBCARRIERS * noise)
    expected = domp(temperature=beta)(observation, SECTORS)
    for estimate in (
        domp(temperature=None, no=noise)(observation, SECTORS),
        domp(temperature=None)(observation, SECTORS, no=noise),
        domp(temperature=None, no=5.0)(observation, SECTORS, no=noise),
    ):
        assert_estimates(estimate, expected._asdict(), 1e-12)


def test_repeated_atoms_keep_gains_and_gradients_finite():
    """More iterations than targets: the residual is 0, and windows hold earlier atoms."""
    y = scene(ANGLES[[60]], RANGES[[10]], np.array([1.0]))[None]
    receiver = domp(atoms="grid")
    with tf.GradientTape() as tape:
        estimate = receiver(y, np.array([[-0.3, 0.3]]))
        loss = sum(tf.reduce_sum(v) for v in estimate[:3])
    assert np.all(np.isfinite(estimate.gain))
    assert np.all(np.isfinite(tape.gradient(loss, receiver.array.positions.value)))
    assert estimate.metric[0, 1] < 1e-9 * estimate.metric[0, 0]


def test_gradient_does_not_pass_through_residuals(observation):
    """Targets after the first one depend on the observation through constants only."""
    receiver = domp()
    y = tf.constant(observation)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(y)
        estimate = receiver(y, SECTORS)
        first, later = estimate.angle[:, 0], estimate.angle[:, 1]
    assert np.all(np.any(tape.gradient(first, y) != 0, (1, 2)))
    gradient = tape.gradient(later, y)
    assert gradient is None or not np.any(gradient)
    # the array, in contrast, is reached through every iteration
    assert np.any(tape.gradient(later, receiver.array.positions.value) != 0)


def test_more_than_the_unambiguous_range_warns():
    with pytest.warns(UserWarning, match=r"ranges of grid span 200 m.*149\.896 m"):
        omp(ranges=np.linspace(0, 200, 50))
