"""The echo against Sionna's OFDM channel, and its shortcuts against the long way."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.channel import ApplyOFDMChannel, cir_to_ofdm_channel, subcarrier_frequencies

import sionna_isac as isac

BATCH, ANTENNAS, SYMBOLS, SUBCARRIERS, SPACING, WAVELENGTH = 3, 6, 4, 15, 240e3, 0.005
NUMEROLOGY = isac.waveform.Numerology(
    SUBCARRIERS, SPACING, 299792458.0 / WAVELENGTH, num_symbols=SYMBOLS
)
BASIS = isac.waveform.DelayBasis(NUMEROLOGY, [20.0, 60.0], precision="double")


def complex_draws(rng, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def scene(rng, velocity: bool = False):
    return isac.scene.PointTargets(
        angle=rng.uniform(-1.2, 1.2, (BATCH, 3)),
        range=rng.uniform(10, 300, (BATCH, 3)),
        gain=complex_draws(rng, BATCH, 3),
        num_targets=np.full(BATCH, 3),
        velocity=rng.uniform(-60, 60, (BATCH, 3)) if velocity else None,
    )


def make_echo(numerology=NUMEROLOGY, **kwargs):
    array = isac.array.impair(
        ANTENNAS,
        WAVELENGTH,
        [
            isac.array.SpacingError(0.05),
            isac.array.GainError(1.0),
            isac.array.PhaseError(0.3),
            isac.array.MutualCoupling(-10.0),
        ],
        precision="double",
    )
    return isac.channel.MonostaticEcho(array, numerology, precision="double", **kwargs)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("velocity", [False, True])
def test_echo_equals_sionna(rng, normalize, velocity):
    carrier = NUMEROLOGY.carrier_frequency
    numerology = isac.waveform.Numerology(
        SUBCARRIERS, SPACING, carrier, num_symbols=SYMBOLS, symbol_duration=1.07 / SPACING
    )
    echo = make_echo(numerology, normalize=normalize)
    targets = scene(rng, velocity)
    x = complex_draws(rng, BATCH, 1, ANTENNAS, SYMBOLS, SUBCARRIERS)
    frequencies = subcarrier_frequencies(SUBCARRIERS, SPACING, precision="double")
    paths = echo.paths(targets)
    channel = cir_to_ofdm_channel(frequencies, *paths)
    expected = ApplyOFDMChannel(precision="double")(tf.constant(x), channel)
    actual = echo(x, targets)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("velocity", [False, True])
def test_forms_of_the_signal_agree(rng, velocity):
    echo = make_echo(normalize=True)
    targets = scene(rng, velocity)
    beam = complex_draws(rng, BATCH, ANTENNAS)
    symbols = complex_draws(rng, BATCH, SYMBOLS, SUBCARRIERS)
    antennas = np.einsum("bk,bms->bkms", beam, symbols)[:, None]
    grid = echo(symbols, targets, beam)
    np.testing.assert_allclose(grid, echo(antennas, targets)[:, 0], atol=1e-12)
    # one symbol is the first of many, where nothing has moved yet
    np.testing.assert_allclose(echo(symbols[:, 0], targets, beam), grid[:, :, 0], atol=1e-12)


def test_echo_equals_the_formula(rng):
    """Eq. (1) written out, for the ideal array and one moving target."""
    array = isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")
    echo = isac.channel.MonostaticEcho(array, NUMEROLOGY, precision="double")
    targets = isac.scene.PointTargets(
        np.array([[0.4]]), np.array([[35.0]]), np.array([[1.5 - 0.5j]]), [1], np.array([[20.0]])
    )
    beam, x = complex_draws(rng, 1, ANTENNAS), complex_draws(rng, 1, 2, SUBCARRIERS)
    a = np.exp(-1j * np.pi * (np.arange(ANTENNAS) - 2.5) * np.sin(0.4))
    rho = np.exp(-2j * np.pi * np.arange(SUBCARRIERS) * SPACING * 2 * 35.0 / 299792458.0)
    turn = np.exp(-4j * np.pi * 20.0 * np.arange(2) / SPACING / WAVELENGTH)
    expected = (1.5 - 0.5j) * (a @ beam[0]) * np.einsum("k,m,ms,s->kms", a, turn, x[0], rho)
    np.testing.assert_allclose(echo(x, targets, beam)[0], expected, atol=1e-12)


def long_and_short(rng, copies: int = 1):
    """Echo, reciprocal filter and projection; and the shortcut that skips the first two."""
    echo = make_echo(normalize=True)
    targets = scene(rng)
    targets = isac.scene.PointTargets(*(np.repeat(v, copies, 0) for v in targets[:4]))
    beam = np.repeat(complex_draws(rng, BATCH, ANTENNAS), copies, 0)
    x = np.exp(0.5j * np.pi * rng.integers(0, 4, (BATCH * copies, SUBCARRIERS)))
    reciprocal = isac.receiver.ReciprocalFilter(NUMEROLOGY, precision="double")

    def long(no=None):
        return reciprocal(echo(x, targets, beam, no), x).numpy() @ BASIS.vectors.conj()

    return long, lambda no=None: echo.filtered(targets, beam, BASIS, no).numpy()


def test_filtered_equals_the_long_way_without_noise(rng):
    long, short = long_and_short(rng)
    np.testing.assert_allclose(short(), long(), atol=1e-12)


def test_filtered_noise_has_the_distribution_of_the_long_way(rng):
    no = 0.3
    for way in long_and_short(rng, copies=400):
        noise = way(no) - way()  # [samples, antennas, rank]
        for vectors in (
            noise.reshape(-1, BASIS.rank),
            np.swapaxes(noise, 1, 2).reshape(-1, ANTENNAS),
        ):
            # white and circular: both second moments, at five standard errors
            number, size = vectors.shape
            error = 5 * no / np.sqrt(number)
            covariance = vectors.conj().T @ vectors / number
            np.testing.assert_allclose(covariance, no * np.eye(size), atol=error)
            np.testing.assert_allclose(vectors.T @ vectors / number, 0, atol=2**0.5 * error)


def moving_long_and_short(rng):
    """The same over several OFDM symbols, on a basis of velocities of low rank."""
    symbols = 12
    numerology = isac.waveform.Numerology(
        SUBCARRIERS,
        SPACING,
        NUMEROLOGY.carrier_frequency,
        num_symbols=symbols,
        symbol_duration=3 / SPACING,
    )
    array = isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")
    echo = isac.channel.MonostaticEcho(array, numerology, normalize=True, precision="double")
    delays = isac.waveform.DelayBasis(numerology, BASIS.ranges, precision="double")
    velocities = np.linspace(-1, 1, 9) * numerology.max_velocity / 100
    doppler = isac.waveform.DopplerBasis(numerology, velocities, precision="single")
    assert doppler.rank < symbols
    targets = scene(rng)
    speed = rng.uniform(velocities[0], velocities[-1], targets.angle.shape)
    targets = targets._replace(velocity=speed)
    beam = complex_draws(rng, BATCH, ANTENNAS)
    x = np.exp(0.5j * np.pi * rng.integers(0, 4, (BATCH, symbols, SUBCARRIERS)))
    y = echo(x, targets, beam).numpy() / x[:, np.newaxis]
    return echo, targets, beam, y, delays, doppler


def test_filtered_of_moving_targets_equals_the_long_way(rng):
    echo, targets, beam, y, delays, doppler = moving_long_and_short(rng)
    long = np.einsum("bkms,mq,sr->bkqr", y, doppler.vectors.conj(), delays.vectors.conj())
    short = echo.filtered(targets, beam, delays, doppler=doppler)
    np.testing.assert_allclose(short, long, atol=1e-12)
    rest = targets._replace(velocity=None)
    zero = targets._replace(velocity=np.zeros_like(targets.angle))
    both = (echo.filtered(t, beam, delays, doppler=doppler) for t in (rest, zero))
    np.testing.assert_array_equal(*both)
    noise = echo.filtered(targets, beam, delays, 0.5, doppler=doppler) - short
    size = float(np.mean(np.abs(noise) ** 2))
    assert size == pytest.approx(0.5, rel=5 / np.sqrt(noise.numpy().size))


def test_filtered_is_for_targets_at_rest(rng):
    with pytest.raises(ValueError, match="targets must have no velocity"):
        make_echo().filtered(scene(rng, True), complex_draws(rng, BATCH, ANTENNAS), BASIS)


def two_arrays():
    """An ideal transmitter, and an impaired receiver with another number of antennas."""
    transmit = isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")
    receive = isac.array.impair(
        ANTENNAS + 3,
        WAVELENGTH,
        [
            isac.array.SpacingError(0.05),
            isac.array.PhaseError(0.3),
            isac.array.MutualCoupling(-9.0),
        ],
        precision="double",
    )
    return transmit, receive


@pytest.mark.parametrize("velocity", [False, True])
def test_two_arrays_equal_the_channel_matrices(rng, velocity):
    """Eq. (1) with the matrix a_rx a_tx^T of each target, in all forms of the signal."""
    transmit, receive = two_arrays()
    targets = scene(rng, velocity)
    beam = complex_draws(rng, BATCH, ANTENNAS)
    x = complex_draws(rng, BATCH, SYMBOLS, SUBCARRIERS)
    antennas = np.einsum("bk,bms->bkms", beam, x)
    expected = np.zeros((BATCH, ANTENNAS + 3, SYMBOLS, SUBCARRIERS), complex)
    for b, t in np.ndindex(BATCH, 3):
        angle, distance = targets.angle[b, t], targets.range[b, t]
        matrix = np.outer(receive(angle), transmit(angle))
        rho = np.exp(-4j * np.pi * SPACING * distance / 299792458.0 * np.arange(SUBCARRIERS))
        speed = targets.velocity[b, t] if velocity else 0.0
        turn = np.exp(-4j * np.pi * speed * np.arange(SYMBOLS) / SPACING / WAVELENGTH)
        for m, s in np.ndindex(SYMBOLS, SUBCARRIERS):
            seen = matrix @ antennas[b, :, m, s] * turn[m] * rho[s]
            expected[b, :, m, s] += targets.gain[b, t] * seen
    echo = isac.channel.MonostaticEcho(
        transmit, NUMEROLOGY, receive_array=receive, precision="double"
    )  # fmt: skip
    np.testing.assert_allclose(echo(antennas[:, None], targets)[:, 0], expected, atol=1e-11)
    np.testing.assert_allclose(echo(x, targets, beam), expected, atol=1e-11)
    first = echo(x[:, 0], targets, beam)
    np.testing.assert_allclose(first, expected[:, :, 0], atol=1e-11)
    # the path coefficients, receive antennas first
    frequencies = subcarrier_frequencies(SUBCARRIERS, SPACING, precision="double")
    channel = cir_to_ofdm_channel(frequencies, *echo.paths(targets))
    assert channel.shape == (BATCH, 1, ANTENNAS + 3, 1, ANTENNAS, SYMBOLS, SUBCARRIERS)
    sent = ApplyOFDMChannel(precision="double")(tf.constant(antennas[:, None]), channel)
    np.testing.assert_allclose(sent[:, 0], expected, atol=1e-11)
    if not velocity:  # the shortcut after the reciprocal filter
        filtered = expected[:, :, 0] / x[:, None, 0]
        short = echo.filtered(targets, beam, BASIS)
        np.testing.assert_allclose(short, filtered @ BASIS.vectors.conj(), atol=1e-10)
        noisy = echo.filtered(targets, beam, BASIS, no=0.1)
        assert noisy.shape == short.shape and np.all(np.abs(noisy - short) > 0)


def test_the_same_array_twice_changes_nothing(rng):
    echo = make_echo()
    twin = isac.channel.MonostaticEcho(
        echo.array, NUMEROLOGY, receive_array=echo.array, precision="double"
    )  # fmt: skip
    arguments = (
        complex_draws(rng, BATCH, SUBCARRIERS),
        scene(rng),
        complex_draws(rng, BATCH, ANTENNAS),
    )
    np.testing.assert_array_equal(twin(*arguments), echo(*arguments))
    assert twin.get_config()["receive_array"] and echo.get_config()["receive_array"] is None
