"""MUSIC for several targets: separation beyond the map, coherent echoes, masks and limits."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac

C = 299792458.0
ANTENNAS, SUBCARRIERS, SPACING, WAVELENGTH = 8, 48, 1e6, 0.005
ANGLES = np.linspace(-0.8, 0.8, 161)
RANGES = np.linspace(5.0, 75.0, 141)
GRID = isac.receiver.SearchGrid(ANGLES, RANGES)
SECTOR = np.array([[-0.7, 0.7]])


def numerology(**kwargs) -> isac.waveform.Numerology:
    return isac.waveform.Numerology(SUBCARRIERS, SPACING, C / WAVELENGTH, **kwargs)


def array() -> isac.array.UniformLinearArray:
    return isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")


def music(grid=GRID, n=None, **kwargs) -> isac.receiver.FarFieldMUSIC:
    options = {"max_targets": 2, "precision": "double", **kwargs}
    return isac.receiver.FarFieldMUSIC(array(), n or numerology(), grid, **options)


def echo(angle, distance, gain, velocity=None, n=None, no=None):
    n = n or numerology()
    values = [np.array([v]) for v in (angle, distance, gain)]
    velocity = None if velocity is None else np.array([velocity])
    targets = isac.scene.PointTargets(*values[:2], values[2] + 0j, [len(angle)], velocity)
    beam = np.zeros((1, ANTENNAS)) + 0j
    beam[:, 0] = 1
    shape = (1, SUBCARRIERS) if n.num_symbols == 1 else (1, n.num_symbols, SUBCARRIERS)
    x = np.ones(shape) + 0j
    return isac.channel.MonostaticEcho(array(), n, precision="double")(x, targets, beam, no)


def assert_found(found, angle, distance, atol=(2e-3, 0.15)):
    order = np.argsort(found.angle[0])
    np.testing.assert_allclose(found.angle.numpy()[0, order], angle, atol=atol[0])
    np.testing.assert_allclose(found.range.numpy()[0, order], distance, atol=atol[1])


def test_several_targets_of_one_symbol():
    isac.set_seed(1)
    angle, distance = [-0.3, 0.1, 0.34], [20.3, 51.2, 33.7]
    y = echo(angle, distance, [1.0, 0.7j, -0.5], no=1e-3)
    found = music(max_targets=3)(y, SECTOR)
    assert_found(found, angle, distance)
    assert np.all(found.metric[0] > 0.95)
    assert np.all(np.diff(found.metric[0]) <= 0)


def test_closer_than_the_resolution_of_the_map():
    """Half a beam width and half a cell of range apart: one peak of the map, two here."""
    isac.set_seed(1)
    angle, distance = [-0.06, 0.06], [29.0, 30.5]
    y = echo(angle, distance, [1.0, 1.0], no=1e-6)  # in phase
    picture = isac.receiver.AngleDelayMap(array(), numerology(), GRID, precision="double")(y)
    assert number_of_peaks(picture[0] / np.max(picture)) == 1
    receiver = music()
    spectrum = receiver.spectrum(y)
    assert spectrum.shape == (1, receiver.angles.size, receiver.ranges.size)
    assert number_of_peaks(np.log(spectrum[0]) / np.max(np.log(spectrum))) == 2
    assert_found(receiver(y, SECTOR), angle, distance)


def number_of_peaks(picture) -> int:
    padded = np.pad(np.asarray(picture), 1)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max((-2, -1))
    return int(np.sum((picture == around) & (picture > 0.3)))


@pytest.mark.parametrize("kind", ["tones", "velocities", "subarray"])
def test_coherent_echoes(kind):
    """Equal ranges share a dimension in one symbol: velocities or subarrays separate them."""
    isac.set_seed(1)
    angle = np.array([-0.2, 0.25])
    n = numerology(num_symbols=8, symbol_duration=1e-4) if kind == "velocities" else numerology()
    velocity = [10.0, -5.0] if kind == "velocities" else None
    y = echo(angle, [30.0, 30.0], [1.0, 0.8], velocity, n, no=1e-4)
    more = {"subarray": 6, "forward_backward": True} if kind == "subarray" else {}
    receiver = music(n=n, num_windows=8, **more)
    found = receiver(y, SECTOR)
    if kind == "tones":
        assert found.metric[0, 0] < 0.9
    else:
        assert_found(found, angle, [30.0, 30.0], atol=(5e-3, 0.2))


def test_angles_only():
    isac.set_seed(1)
    angle = [-0.21, 0.27]
    y = echo(angle, [20.0, 43.0], [1.0, 0.5], no=1e-4)
    receiver = music(isac.receiver.SearchGrid(ANGLES))
    found = receiver(y, SECTOR)
    np.testing.assert_allclose(np.sort(found.angle[0]), angle, atol=2e-3)
    assert found.range is None and receiver.ranges is None
    assert receiver.spectrum(y).shape == (1, ANGLES.size)
    # the other side of the products of the snapshots
    wide = music(isac.receiver.SearchGrid(ANGLES), max_targets=2, subarray=6)(y, SECTOR)
    np.testing.assert_allclose(np.sort(wide.angle[0]), angle, atol=2e-3)


def test_masks():
    """Guards, a null carrier and pilots on every other one; what is not used does not matter."""
    isac.set_seed(1)
    angle, distance = [-0.3, 0.1], [20.3, 51.2]
    active = (np.abs(np.arange(SUBCARRIERS) - 24) < 21) & (np.arange(SUBCARRIERS) != 24)
    n = numerology(active=active)
    y = echo(angle, distance, [1.0, 0.7j], n=n, no=1e-3).numpy()
    receiver = music(n=n, num_windows=5)
    expected = receiver(y, SECTOR)
    assert_found(expected, angle, distance)
    y[..., ~active] = 7
    np.testing.assert_array_equal(receiver(y, SECTOR).angle, expected.angle)
    comb = (np.arange(SUBCARRIERS) % 2 == 0)[np.newaxis]
    y = echo(angle, distance, [1.0, 0.7j], no=1e-3).numpy()
    receiver = music(elements=comb)
    expected = receiver(y, SECTOR)
    assert_found(expected, angle, distance)
    np.testing.assert_array_equal(receiver(y * comb, SECTOR).range, expected.range)


def test_fewer_targets_than_asked_for():
    """Without noise the other dimensions are empty; silence has no subspace."""
    y = echo([0.1], [30.0], [1.0])
    for receiver in (music(max_targets=3), music(num_windows=16, max_targets=3, window=3)):
        found = receiver(y, SECTOR)
        np.testing.assert_allclose(found.metric[0, 0], 1, atol=1e-9)
        np.testing.assert_allclose(found.angle[0, 0], 0.1, atol=1e-4)
        np.testing.assert_allclose(found.range[0, 0], 30.0, atol=0.02)
        np.testing.assert_allclose(receiver.spectrum(0 * y), 1)
        assert not np.any(receiver(0 * y, SECTOR).metric)
    bad = tf.concat([y, y * float("nan")], 0)
    spectrum = tf.function(music().spectrum)(bad)
    assert np.all(np.isnan(spectrum[1])) and np.all(spectrum[0] >= 1)
