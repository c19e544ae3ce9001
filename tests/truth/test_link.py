"""Links against Sionna's channel functions and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from sionna.phy.channel import (
    GenerateOFDMChannel,
    cir_to_ofdm_channel,
    subcarrier_frequencies,
)
from sionna.phy.ofdm import ResourceGrid

import sionna_isac as isac

ANTENNAS, SUBCARRIERS, SPACING, WAVELENGTH = 8, 16, 120e3, 0.005
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, 299792458.0 / WAVELENGTH)


def array():
    return isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")


def sector():
    return isac.scene.RandomSector((0.4, 0.8), (0.1, 0.3), precision="double")


def multitap(**kwargs):
    return isac.channel.MultitapLink(
        array(), sector(), bandwidth=SUBCARRIERS * SPACING, precision="double", **kwargs
    )


def geometric(**kwargs):
    return isac.channel.GeometricLink(
        array(), sector(), range_interval=(10, 200), precision="double", **kwargs
    )


def saleh_valenzuela():
    points = isac.array.SphericalWaveArray(
        isac.array.uniform_positions(ANTENNAS, WAVELENGTH / 2), WAVELENGTH, precision="double"
    )
    return isac.channel.SalehValenzuelaLink(points, sector(), precision="double")


links = pytest.mark.parametrize("make", [multitap, geometric, saleh_valenzuela])


@links
@pytest.mark.parametrize("subcarriers", [1, 2, 15, 16])
def test_csi_equals_sionna(make, subcarriers, rng, monkeypatch):
    link = make()
    paths = link.paths(5)
    monkeypatch.setattr(link, "paths", lambda batch_size: paths)
    beam = rng.normal(size=(5, ANTENNAS)) + 1j * rng.normal(size=(5, ANTENNAS))
    numerology = isac.waveform.Numerology(subcarriers, SPACING, 299792458.0 / WAVELENGTH)
    csi = link.csi(paths, beam, numerology).numpy()

    grid = ResourceGrid(3, subcarriers, SPACING, precision="double")
    generated = GenerateOFDMChannel(link, grid, precision="double")(5)
    frequencies = subcarrier_frequencies(subcarriers, SPACING, precision="double")
    a, tau = link(5, 3, 1 / grid.ofdm_symbol_duration)
    assert a.shape == (5, 1, 1, 1, ANTENNAS, paths.delay.shape[1], 3)
    assert tau.shape == (5, 1, 1, paths.delay.shape[1])
    plain = cir_to_ofdm_channel(frequencies, a, tau)
    for symbol in range(3):
        seen = np.einsum("bks,bk->bs", plain[:, 0, 0, 0, :, symbol], beam)
        np.testing.assert_allclose(csi, seen, rtol=0, atol=1e-11 * np.abs(csi).max())
    np.testing.assert_allclose(generated, plain, atol=1e-12 * np.abs(plain).max())


def test_multitap_power():
    link = multitap(num_taps=4, power=2.5)
    paths = link.paths(20000)
    profile = np.exp(-np.arange(4))
    expected = 2.5 * profile / profile.sum()
    power = np.abs(paths.gain.numpy()) ** 2
    # exponentially distributed powers: the standard deviation is the mean
    np.testing.assert_array_less(np.abs(power.mean(0) - expected), 4 * expected / np.sqrt(20000))
    np.testing.assert_allclose(paths.delay[0], np.arange(4) / (SUBCARRIERS * SPACING))
    assert np.all(np.ptp(paths.angle, axis=1) == 0)
    # a beam that feeds one antenna sees the power of the link on each subcarrier
    csi = link.csi(paths, np.eye(1, ANTENNAS).repeat(20000, 0) + 0j, NUMEROLOGY)
    mean = np.mean(np.abs(csi) ** 2, 0)
    np.testing.assert_array_less(np.abs(mean - 2.5), 4.5 * 2.5 / np.sqrt(20000))


def test_geometric_link_of_line_of_sight_only():
    link = geometric(max_scatterers=0)
    paths = link.paths(100)
    distance = paths.delay.numpy() * 299792458.0
    assert distance.shape == (100, 1) and np.all((distance > 10) & (distance < 200))
    friis = WAVELENGTH / (4 * np.pi * distance)
    np.testing.assert_allclose(np.abs(paths.gain), friis, rtol=1e-12)


def test_geometric_link_scatterers():
    link = geometric(max_scatterers=5)
    paths = link.paths(4000)
    present = np.abs(paths.gain.numpy()[:, 1:]) > 0
    count = present.sum(1)
    frequency = np.bincount(count, minlength=6) / 4000
    np.testing.assert_allclose(frequency, 1 / 6, atol=4.5 * np.sqrt(5 / 36 / 4000))
    delay = paths.delay.numpy()
    assert np.all(delay[:, 1:] >= delay[:, :1])  # a bounce is never shorter than the direct way
    assert np.all(np.abs(paths.angle) <= np.pi / 2)


def rayleigh_qpsk_ser(mean_snr: float) -> float:
    """Symbol error rate of QPSK at exponentially distributed SNR, by quadrature."""

    def given(snr):
        tail = stats.norm.sf(np.sqrt(snr))  # error of one of the two bits
        return (2 * tail - tail**2) * np.exp(-snr / mean_snr) / mean_snr

    return integrate.quad(given, 0, np.inf, epsabs=1e-12)[0]


@pytest.mark.parametrize("snr_db", [5.0, 15.0])
def test_symbol_errors_of_the_multitap_link(snr_db):
    """Uncoded QPSK: independent fading of every sample, one subcarrier counted of each."""
    samples, snr = 40000, 10 ** (snr_db / 10)
    link = multitap()
    source = isac.waveform.SymbolSource(SUBCARRIERS, precision="double")
    detector = isac.receiver.SymbolDetector(hard_out=True, precision="double")
    x, bits = source(samples)
    beam = np.eye(1, ANTENNAS).repeat(samples, 0) + 0j
    csi = link.csi(link.paths(samples), beam, NUMEROLOGY)
    noise = isac.core.complex_normal(x.shape, 1 / snr, "double")
    decided = detector(csi * x + noise, csi, 1 / snr)
    wrong = np.any(decided.numpy() != bits.numpy(), -1)[:, 5]
    interval = stats.binomtest(int(wrong.sum()), samples).proportion_ci(0.999)
    assert interval.low < rayleigh_qpsk_ser(snr) < interval.high
