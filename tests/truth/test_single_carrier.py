"""Echo, scene and link of the library are the single-carrier models (1) and (2) of [MateosRamos23].

One subcarrier, at most one target, one tap: nothing else is needed.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

import sionna_isac as isac

ANTENNAS, SAMPLES, WAVELENGTH = 16, 20000, 0.005
NUMEROLOGY = isac.waveform.Numerology(1, 1e6, 299792458.0 / WAVELENGTH)
SECTOR = np.array([-0.7, -0.35])
POSITIONS = np.cumsum(np.random.default_rng(3).normal(0.5, 1 / 30, ANTENNAS))


def array():
    return isac.array.UniformLinearArray(
        ANTENNAS, WAVELENGTH, element_positions=POSITIONS * WAVELENGTH, precision="double"
    )


def steering(angle):
    return np.exp(-2j * np.pi * np.sin(angle)[..., np.newaxis] * POSITIONS)


def beams(rng):
    draw = rng.normal(size=(SAMPLES, ANTENNAS)) + 1j * rng.normal(size=(SAMPLES, ANTENNAS))
    return draw / np.linalg.norm(draw, axis=-1, keepdims=True)


def scene(variance: float):
    gain = isac.scene.RayleighGain(variance, precision="double")
    draw = isac.scene.TargetScene(1, (10, 60), gain, precision="double")
    return draw(np.tile(SECTOR, (SAMPLES, 1)))


def assert_circular_normal(values: np.ndarray, variance: float) -> None:
    """Real and imaginary parts against the normal distribution, and uncorrelated."""
    scale = np.sqrt(variance / 2)
    for part in (values.real, values.imag):
        assert stats.kstest(part, "norm", (0, scale)).pvalue > 1e-3
    error = 5 * scale**2 / np.sqrt(values.size)
    assert abs(np.mean(values.real * values.imag)) < error


def test_echo_is_model_1(rng):
    """y = alpha a a^T v s + n with alpha ~ CN(0, sigma_r^2), n ~ CN(0, N0 I), at any range."""
    variance, no = 2.0, 0.5
    targets = scene(variance)
    present = targets.num_targets.numpy()
    angle, alpha = targets.angle[:, 0].numpy(), targets.gain[:, 0].numpy()
    assert stats.binomtest(int(present.sum()), SAMPLES, 0.5).pvalue > 1e-3
    assert set(np.unique(present)) == {0, 1} and np.all((alpha != 0) == (present == 1))
    assert stats.kstest(angle, "uniform", (SECTOR[0], np.ptp(SECTOR))).pvalue > 1e-3
    assert_circular_normal(alpha[present == 1], variance)

    beam, symbol = beams(rng), np.exp(0.5j * np.pi * rng.integers(0, 4, (SAMPLES, 1)))
    x = beam * symbol
    a = steering(angle)
    expected = (alpha * np.sum(a * x, -1))[:, np.newaxis] * a
    for normalize in (False, True):  # over one subcarrier there is nothing to normalise
        echo = isac.channel.MonostaticEcho(
            array(), NUMEROLOGY, normalize=normalize, precision="double"
        )
        y = echo(symbol, targets, beam)
        assert y.shape == (SAMPLES, ANTENNAS, 1)
        np.testing.assert_allclose(y[..., 0], expected, atol=1e-11)
    noise = echo(symbol, targets, beam, no).numpy()[..., 0] - expected
    assert_circular_normal(noise.ravel(), no)
    covariance = noise.conj().T @ noise / SAMPLES
    np.testing.assert_allclose(covariance, no * np.eye(ANTENNAS), atol=5 * no / SAMPLES**0.5)


def test_link_is_model_2(rng):
    """kappa = beta a^T(vartheta) v with beta ~ CN(0, sigma_c^2)."""
    power = 3.0
    sector = isac.scene.FixedSector(np.deg2rad([30, 50]), precision="double")
    link = isac.channel.MultitapLink(
        array(), sector, bandwidth=1e6, num_taps=1, power=power, precision="double"
    )
    paths = link.paths(SAMPLES)
    angle, beta = paths.angle[:, 0].numpy(), paths.gain[:, 0].numpy()
    assert paths.gain.shape == (SAMPLES, 1)
    assert stats.kstest(np.rad2deg(angle), "uniform", (30, 20)).pvalue > 1e-3
    assert_circular_normal(beta, power)
    beam = beams(rng)
    csi = link.csi(paths, beam, NUMEROLOGY)
    assert csi.shape == (SAMPLES, 1)
    np.testing.assert_allclose(csi[:, 0], beta * np.sum(steering(angle) * beam, -1), atol=1e-11)


def test_signal_to_noise_ratios_are_those_of_the_paper(rng):
    """A beam that feeds one antenna has no gain: the mean SNR of an entry is sigma^2 / N0."""
    variance, power, no = 2.0, 3.0, 0.5
    targets = scene(variance)
    one = np.eye(1, ANTENNAS).repeat(SAMPLES, 0) + 0j
    echo = isac.channel.MonostaticEcho(array(), NUMEROLOGY, precision="double")
    present = targets.num_targets.numpy() == 1
    y = echo(np.ones((SAMPLES, 1), complex), targets, one).numpy()[present, 0, 0]
    link = isac.channel.MultitapLink(
        array(), isac.scene.FixedSector((0.5, 0.9)), bandwidth=1e6, num_taps=1, power=power,
        precision="double",
    )  # fmt: skip
    csi = link.csi(link.paths(SAMPLES), one, NUMEROLOGY).numpy()
    for signal, snr in ((y, variance / no), (csi, power / no)):
        # exponentially distributed powers: the standard deviation is the mean
        error = 4.5 * snr / np.sqrt(signal.size)
        assert abs(np.mean(np.abs(signal) ** 2) / no - snr) < error
