"""Echo of moving targets: sums written out, Sionna's channel in time, and warnings."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c
from sionna.phy.channel import ApplyTimeChannel, cir_to_time_channel
from sionna.phy.ofdm import OFDMDemodulator, OFDMModulator

import sionna_isac as isac
from sionna_isac.scene import PointTargets
from sionna_isac.waveform import Numerology

BATCH, TARGETS, ANTENNAS, SYMBOLS, SUBCARRIERS, SPACING = 2, 3, 4, 3, 16, 30e3
WAVELENGTH = 0.005
FAST = 0.1 * WAVELENGTH * SPACING / 2  # m/s, a tenth of the subcarrier spacing


def numerology(**kwargs) -> Numerology:
    options = {"num_symbols": SYMBOLS, "symbol_duration": 1.2 / SPACING, **kwargs}
    return Numerology(SUBCARRIERS, SPACING, c / WAVELENGTH, **options)


def draws(rng, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def scene(rng) -> PointTargets:
    return PointTargets(
        rng.uniform(-1, 1, (BATCH, TARGETS)),
        rng.uniform(10, 900, (BATCH, TARGETS)),
        draws(rng, BATCH, TARGETS),
        np.full(BATCH, TARGETS),
        rng.uniform(-FAST, FAST, (BATCH, TARGETS)),
    )


def make_echo(numerology, **kwargs):
    array = isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")
    return isac.channel.MonostaticEcho(array, numerology, precision="double", **kwargs)


def written_out(numerology, targets, sent, migration, intercarrier):
    """Echo of antenna signals [B, K, M, S], one target and one pair of subcarriers at a time."""
    index, number = np.arange(SUBCARRIERS), SUBCARRIERS
    active = np.ones(number) if numerology.active is None else numerology.active
    y = np.zeros(sent.shape, complex)
    for b, t in np.ndindex(BATCH, TARGETS):
        theta, distance, gain, v = (
            np.asarray(getattr(targets, n))[b, t] for n in ("angle", "range", "gain", "velocity")
        )
        a = np.exp(-1j * np.pi * (np.arange(ANTENNAS) - (ANTENNAS - 1) / 2) * np.sin(theta))
        epsilon = -2 * v / WAVELENGTH / SPACING
        mixing = np.eye(number)
        if intercarrier:
            q = (index[:, None] - index)[..., None]
            mixing = np.mean(np.exp(2j * np.pi * index * (epsilon - q) / number), -1)
        for m in range(sent.shape[2]):
            frequency = c / WAVELENGTH + (index * SPACING if migration else 0 * index)
            turn = np.exp(-4j * np.pi * frequency * v * m * numerology.symbol_duration / c)
            rho = np.exp(-4j * np.pi * index * SPACING * distance / c)
            seen = mixing @ (turn * rho * (a @ sent[b, :, m]) * active) * active
            y[b, :, m] += gain * a[:, None] * seen
    return y


@pytest.mark.parametrize("active", [None, np.arange(SUBCARRIERS) % 5 > 0])
@pytest.mark.parametrize("migration", [False, True])
@pytest.mark.parametrize("intercarrier", [False, True])
def test_options_equal_the_sums(rng, active, migration, intercarrier):
    shared = numerology(active=active)
    echo = make_echo(shared, migration=migration, intercarrier=intercarrier)
    targets, beam = scene(rng), draws(rng, BATCH, ANTENNAS)
    x = draws(rng, BATCH, SYMBOLS, SUBCARRIERS)
    sent = beam[:, :, None, None] * x[:, None]
    expected = written_out(shared, targets, sent, migration, intercarrier)
    np.testing.assert_allclose(echo(x, targets, beam), expected, atol=1e-11)
    np.testing.assert_allclose(echo(sent[:, None], targets)[:, 0], expected, atol=1e-11)
    np.testing.assert_allclose(echo(x[:, 0], targets, beam), expected[:, :, 0], atol=1e-11)
    still = targets._replace(velocity=None)  # both options are for moving targets
    np.testing.assert_array_equal(echo(x, still, beam), make_echo(shared)(x, still, beam))


def test_migration_moves_the_delay(rng):
    """Each symbol is that of a target at rest where the moving one is by then."""
    targets = scene(rng)
    x = np.ones((BATCH, SYMBOLS, SUBCARRIERS)) + 0j
    shared = numerology(symbol_duration=0.05)  # some 30 m from symbol to symbol
    with pytest.warns(UserWarning, match="unambiguous"):
        y = make_echo(shared, migration=True)(x, targets, np.eye(1, 4).repeat(BATCH, 0))
    for m in range(SYMBOLS):
        path = targets.velocity * m * 0.05
        gain = targets.gain * np.exp(-4j * np.pi / WAVELENGTH * path)
        still = targets._replace(range=targets.range + path, gain=gain, velocity=None)
        expected = make_echo(shared)(x[:, m], still, np.eye(1, 4).repeat(BATCH, 0))
        np.testing.assert_allclose(y[:, :, m], expected, atol=1e-8)


@pytest.mark.parametrize(("epsilon", "ratio_db"), [(0.08, 16.8), (0.02, 28.8)])
def test_interference_between_carriers_has_the_known_power(epsilon, ratio_db):
    """One carrier of 1024 at a time: what it leaves on the others is 3 / (pi epsilon)^2 below."""
    shared = Numerology(1024, SPACING, c / WAVELENGTH)
    speed = -epsilon * WAVELENGTH * SPACING / 2  # approaching: towards higher frequencies
    targets = PointTargets([[0.0]], [[0.0]], [[1.0]], [1], [[speed]])
    x = np.eye(1, 1024, 600)
    y = make_echo(shared, intercarrier=True)(x, targets, np.eye(1, ANTENNAS))[0, 0].numpy()
    power = np.abs(y) ** 2
    assert np.argmax(power) == 600 and power[601] > power[599]
    found = 10 * np.log10(power[600] / (np.sum(power) - power[600]))
    assert found == pytest.approx(ratio_db, abs=0.1)
    assert found == pytest.approx(10 * np.log10(3 / (np.pi * epsilon) ** 2), abs=0.1)
    assert np.sum(power) == pytest.approx(1, rel=1e-12)


def test_intercarrier_equals_the_channel_of_sionna_in_time(rng):
    """Modulator, channel with delays of whole samples that turns at each of them, demodulator."""
    prefix, rate = 6, SUBCARRIERS * SPACING
    shared = numerology(symbol_duration=None, cyclic_prefix_length=prefix)
    length = SUBCARRIERS + prefix
    samples = rng.integers(1, prefix, (BATCH, TARGETS))  # of delay
    targets = scene(rng)._replace(range=samples / rate * c / 2)
    x = draws(rng, BATCH, 1, ANTENNAS, SYMBOLS, SUBCARRIERS)
    still = make_echo(Numerology(SUBCARRIERS, SPACING, c / WAVELENGTH))
    a, tau = still.paths(targets._replace(velocity=None))  # [B, 1, K, 1, K, T, 1]
    steps = SYMBOLS * length + prefix - 1
    time = (np.arange(steps) - prefix) / rate  # 0 where the first prefix ends
    doppler = np.exp(-4j * np.pi * targets.velocity[..., None] * time / WAVELENGTH)
    taps = cir_to_time_channel(
        tf.constant(rate, tf.float64), a * doppler[:, None, None, None, None], tau, 0, prefix - 1
    )
    channel = ApplyTimeChannel(SYMBOLS * length, prefix, precision="double")
    received = channel(OFDMModulator(prefix, precision="double")(tf.constant(x)), taps)
    demodulator = OFDMDemodulator(SUBCARRIERS, 0, prefix, precision="double")
    expected = demodulator(received[..., : SYMBOLS * length])
    y = make_echo(shared, intercarrier=True)(x, targets)
    np.testing.assert_allclose(y, expected, atol=2e-6)  # in single precision
    plain = make_echo(shared)(x, targets).numpy()
    assert np.max(np.abs(plain - expected)) > 0.05  # the option matters


def warned(echo, targets, num_symbols: int = 2) -> list[str]:
    x = np.ones((1, num_symbols, SUBCARRIERS)) + 0j
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        echo(x, targets, np.ones((1, ANTENNAS)))
    assert all(w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def test_warnings_of_delays_beyond_the_prefix():
    one = PointTargets([[0.1, 0.1]], [[100.0, 2000.0]], [[1.0, 1.0]], [2])
    prefixed = numerology(cyclic_prefix_length=4, symbol_duration=None)
    assert prefixed.prefix_range == pytest.approx(c / 2 * 4 / SUBCARRIERS / SPACING)
    np.testing.assert_array_equal(prefixed.within_prefix(one.range), [[True, False]])
    (text,) = warned(make_echo(prefixed), one)
    assert "2000 m, a delay of 1.334e-05 s" in text and "8.333e-06 s (1249.14 m)" in text
    assert not warned(make_echo(prefixed), one._replace(gain=[[1.0, 0.0]], num_targets=[1]))
    assert not warned(make_echo(numerology()), one)  # the model without prefix
    limit = one._replace(range=[[100.0, prefixed.prefix_range]])
    assert not warned(make_echo(prefixed), limit)


def test_warnings_of_ambiguous_velocities():
    shared = numerology()
    limit = shared.max_velocity
    assert 2 * limit == pytest.approx(WAVELENGTH / 2 / shared.symbol_duration)
    still = PointTargets([[0.1, 0.1]], [[100.0, 200.0]], [[1.0, 1.0]], [2])
    echo = make_echo(shared)
    for velocity, alias in ((1.25, -0.75), (-1.25, 0.75), (3.5, -0.5), (-2.0, 0.0)):
        fast = still._replace(velocity=[[0.1 * limit, velocity * limit]])
        (text,) = warned(echo, fast)
        assert f"{velocity * limit:g} m/s, beyond the unambiguous {limit:g} m/s" in text
        assert f"looks like {alias * limit:g} m/s" in text
        # it does
        x, beam = np.ones((1, SYMBOLS, SUBCARRIERS)), np.ones((1, ANTENNAS))
        seen = still._replace(velocity=[[0.1 * limit, alias * limit]])
        with pytest.warns(UserWarning):
            y = echo(x, fast, beam)
        np.testing.assert_allclose(y, echo(x, seen, beam), atol=1e-10)
        assert not warned(echo, fast, num_symbols=1)
        assert not warned(echo, fast._replace(gain=[[1.0, 0.0]]))
    assert not warned(echo, still._replace(velocity=[[limit, -limit]]))


def test_paths_have_neither_option(rng):
    for option in ("migration", "intercarrier"):
        echo = make_echo(numerology(), **{option: True})
        with pytest.raises(ValueError, match=r"targets must have no velocity for paths"):
            echo.paths(scene(rng))
        echo.paths(scene(rng)._replace(velocity=None))
