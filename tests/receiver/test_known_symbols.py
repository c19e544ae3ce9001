"""The localiser that knows the symbols: brute-force likelihood, the bound, edges of the search."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac import bound
from sionna_isac.core.units import watt
from tests.receiver.test_music import POSITIONS, WAVELENGTH

NO = 1e-12
SNAPSHOTS = 20
REGION = (5.0, 20.0)
TARGET = np.array([9.0, 0.7])
SECTOR = (-0.2, 0.3)


def spherical(precision: str = "double") -> isac.array.SphericalWaveArray:
    return isac.array.SphericalWaveArray(POSITIONS, WAVELENGTH, precision=precision)


def localizer(precision: str = "double", **kwargs) -> isac.receiver.KnownSymbolLocalizer:
    array = spherical(precision)
    options = {"num_angles": 48, "precision": precision, **kwargs}
    return isac.receiver.KnownSymbolLocalizer(array, REGION, **options)


def streams(power: float, target: np.ndarray = TARGET) -> np.ndarray:
    """Two beams whose mixture changes along the line of sight as fast as possible."""
    a, derivatives = bound.steering_derivatives(POSITIONS, WAVELENGTH, target)
    b = target @ derivatives
    both = np.stack([0.6 * a / np.linalg.norm(a), 0.8 * b / np.linalg.norm(b)], -1)
    return np.sqrt(power / 2) * both @ [[1, 1], [1, -1]]


def echoes(rng, beams: np.ndarray, number: int, no: float = NO, target: np.ndarray = TARGET):
    """Echoes, and the symbols and beams of each."""
    symbols = np.tile(isac.waveform.orthogonal_symbols(2, SNAPSHOTS), (number, 1, 1))
    beams = np.tile(beams, (number, 1, 1))
    gain = isac.channel.reflection_coefficient(np.linalg.norm(target), WAVELENGTH) * 1j
    point, gain = np.tile(target, (number, 1, 1)), np.full((number, 1), gain)
    y = isac.channel.NearFieldEcho(spherical(), precision="double")(beams @ symbols, point, gain)
    noise = rng.normal(size=(2, *y.shape))
    return y.numpy() + np.sqrt(no / 2) * (noise[0] + 1j * noise[1]), symbols, beams


def sector(number: int) -> np.ndarray:
    return np.tile(SECTOR, (number, 1))


def explained(y: np.ndarray, x: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Share of the energy of an echo that the best gain explains, by definition, at points."""
    steering = spherical().steering(point).numpy()
    model = steering[..., :, np.newaxis] * (steering.conj() @ x)[..., np.newaxis, :]
    gain = np.sum(model.conj() * y, (-2, -1)) / np.sum(np.abs(model) ** 2, (-2, -1))
    left = np.sum(np.abs(y - gain[..., np.newaxis, np.newaxis] * model) ** 2, (-2, -1))
    return 1 - left / np.sum(np.abs(y) ** 2)


@pytest.mark.parametrize("power_dbm", [5, 20, 35])
def test_estimates_maximise_the_likelihood(rng, power_dbm):
    """No point of a finer grid, nor of one around the estimate, explains more of the echo."""
    y, symbols, beams = echoes(rng, streams(watt(power_dbm)), 3)
    found = localizer()(y, symbols, beams, sector(3))
    angle, inverse = np.meshgrid(np.linspace(*SECTOR, 151), np.linspace(0.05, 0.2, 31))
    offset = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), -1)
    for i in range(3):
        x, best = symbols[i], found.metric[i, 0].numpy()
        x = beams[i] @ x
        value = explained(y[i], x, found.position[i, 0].numpy())
        assert best == pytest.approx(value, rel=1e-9)
        grid = np.stack([np.cos(angle), np.sin(angle)], -1) / inverse[..., np.newaxis]
        assert best >= np.max(explained(y[i], x, grid))
        near = np.clip(1 / found.range[i, 0] + 1e-6 * offset[..., 1], 0.05, 0.2)
        turned = found.angle[i, 0].numpy() + 1e-6 * offset[..., 0]
        grid = np.stack([np.cos(turned), np.sin(turned)], -1) / near[..., np.newaxis]
        assert best >= np.max(explained(y[i], x, grid)) * (1 - 1e-12)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_position_and_gain_without_noise(rng, precision):
    y, symbols, beams = echoes(rng, streams(1e-20), 1, no=0)  # squares vanish in single precision
    found = localizer(precision)(y, symbols, beams, sector(1))
    tolerance = 1e-9 if precision == "double" else 2e-4
    np.testing.assert_allclose(found.position[0, 0], TARGET, rtol=tolerance)
    gain = isac.channel.reflection_coefficient(np.linalg.norm(TARGET), WAVELENGTH)
    np.testing.assert_allclose(found.gain[0, 0], 1j * gain, rtol=tolerance)
    np.testing.assert_allclose(found.metric, 1, atol=1e-6)


def test_error_meets_the_bound_where_music_cannot(rng):
    number, beams = 500, streams(watt(20))
    efim = bound.near_field_position_efim(
        POSITIONS,
        WAVELENGTH,
        TARGET,
        beams,
        isac.channel.reflection_coefficient(np.linalg.norm(TARGET), WAVELENGTH),
        NO,
        SNAPSHOTS,
    )
    least = bound.squared_position_error_bound(efim)
    y, symbols, beams = echoes(rng, beams, number)
    music = isac.receiver.MUSIC(
        spherical(), REGION, num_zooms=6, num_refinements=1, precision="double"
    )
    ratios = []
    for found in (localizer()(y, symbols, beams, sector(number)), music(y, sector(number))):
        error = np.sum((found.position.numpy()[:, 0] - TARGET) ** 2, -1) / least
        ratios.append((np.mean(error), np.std(error) / np.sqrt(number)))
    (ratio, spread), (blind, _) = ratios
    assert abs(ratio - 1) < 4 * spread and spread < 0.08, ratios
    assert blind > 1.5, ratios


def test_signals_without_streams(rng):
    """The identity as beams gives the same estimates."""
    y, symbols, beams = echoes(rng, streams(watt(20)), 2)
    expected = localizer()(y, symbols, beams, sector(2))
    whole = localizer()(y, beams @ symbols, np.tile(np.eye(32), (2, 1, 1)), sector(2))
    for a, b in zip(whole[:4], expected[:4], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7)


def test_search_stays_in_its_region(rng):
    """A target beyond its edges ends there, with the other coordinate at its best."""
    found = []
    for distance, angle in ((30.0, 0.1), (10.0, 0.305)):
        point = distance * np.array([np.cos(angle), np.sin(angle)])
        y, symbols, beams = echoes(rng, streams(1.0, point), 1, no=0, target=point)
        found.append(localizer(num_iterations=12)(y, symbols, beams, sector(1)))
    far, beside = found
    np.testing.assert_allclose(far.range, 20)
    np.testing.assert_allclose(far.angle, 0.1, atol=1e-3)
    np.testing.assert_allclose(beside.angle, SECTOR[1])
    assert 5 < float(beside.range[0, 0]) < 20


def test_silence_in_a_graph_has_metric_zero(rng):
    y, symbols, beams = echoes(rng, streams(1.0), 3)
    y[1], beams[2] = 0, 0
    found = tf.function(localizer())(y, symbols, beams, sector(3))
    assert found.metric[0] > 0.9
    np.testing.assert_array_equal(found.metric[1:], 0)
    np.testing.assert_array_equal(found.gain[1:], 0)


@pytest.mark.slow
@pytest.mark.parametrize("power_dbm", [20, 30])
def test_error_is_within_three_percent_of_the_bound_with_optimal_beams(power_dbm):
    """The setting of Fig. 3 of [Yuan25]: beams of the smallest SPEB with 5 bit/s/Hz per user."""
    isac.set_seed(power_dbm)
    array, target, number = spherical(), np.array([10.0, 0.0]), 500
    users = isac.scene.FixedSector([-np.pi / 2, np.pi / 2], precision="double")
    link = isac.channel.SalehValenzuelaLink(array, users, precision="double")
    gain = isac.channel.reflection_coefficient(10.0, WAVELENGTH)
    echo = isac.channel.NearFieldEcho(array, precision="double")
    symbols = np.tile(isac.waveform.orthogonal_symbols(2, 100), (number, 1, 1))
    errors, bounds = [], []
    for _ in range(20):
        scene = isac.beamforming.NearFieldScene(
            POSITIONS,
            WAVELENGTH,
            target,
            gain,
            NO,
            100,
            link.channel_vectors(link.paths(2)).numpy(),
        )
        found = isac.beamforming.minimize_speb(scene, watt(power_dbm), 5.0)
        beams = np.tile(found.beams, (number, 1, 1))
        point, gains = np.tile(target, (number, 1, 1)), np.full((number, 1), gain + 0j)
        y = echo(beams @ symbols, point, gains, NO)
        estimate = localizer(num_angles=128)(
            y, symbols, beams, np.tile(np.radians([-19.0, 19.0]), (number, 1))
        )
        errors.append(np.sum((estimate.position.numpy()[:, 0] - target) ** 2, -1))
        bounds.append(found.peb**2)
    ratio = np.sqrt(np.mean(errors) / np.mean(bounds))
    assert abs(ratio - 1) < 0.03, ratio
    # with 95 % confidence, from the spread of the echoes of a scene
    spread = np.sqrt(np.mean(np.var(errors, axis=1, ddof=1)) / np.size(errors))
    low, high = np.sqrt((np.mean(errors) + 1.96 * spread * np.array([-1, 1])) / np.mean(bounds))
    assert 0.97 < low < high < 1.03, (low, high)
