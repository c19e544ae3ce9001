import numpy as np
import pytest
from scipy.integrate import quad

from sionna_isac import citation
from sionna_isac.metrics import ergodic_rate


def test_exact_values_of_the_published_setting():
    rates = ergodic_rate([2, 4, 8, 16], 64, 15.0)
    np.testing.assert_allclose(rates, [4.2350887, 4.1387521, 3.9422169, 3.5321862], atol=1e-7)
    # the published values are Monte-Carlo, 0.1 % higher
    np.testing.assert_allclose(rates, [4.2400, 4.1436, 3.9467, 3.5361], rtol=2e-3)


def test_against_monte_carlo():
    gain = np.random.default_rng(0).exponential(size=(20000, 48))
    snr = 10**1.5 * 64 / 48
    rate = np.log2(1 + snr * gain).sum(1) / 64
    error = rate.std() / np.sqrt(len(rate))
    assert abs(ergodic_rate(16, 64, 15.0) - rate.mean()) < 4 * error


@pytest.mark.parametrize("snr_db", [-60.0, -20.0, -17.1, -16.9, -16.0, 0.0, 15.0, 60.0, 200.0])
def test_against_quadrature(snr_db):
    snr = 10 ** (snr_db / 10) * 4 / 3
    # u = log of the gain, so that all scales of a high SNR are seen
    expected = quad(
        lambda u: np.log2(np.e) * np.log1p(snr * np.exp(u)) * np.exp(u - np.exp(u)),
        -60,
        5,
        points=[0.0],
        epsabs=0,
        epsrel=1e-12,
        limit=400,
    )[0]
    np.testing.assert_allclose(ergodic_rate(1, 4, snr_db), 0.75 * expected, rtol=1e-11)


def test_extremes():
    # log2(e) g for a small and log2(g) - gamma log2(e) for a large SNR g
    np.testing.assert_allclose(ergodic_rate(0, 1, -300.0), np.log2(np.e) * 1e-30, rtol=1e-13)
    large = np.log2(1e300) - np.euler_gamma * np.log2(np.e)
    np.testing.assert_allclose(ergodic_rate(0, 1, 3000.0), large, rtol=1e-13)
    assert np.all(ergodic_rate([64, 8], [64, 8], 15.0) == 0)
    snr_db = np.linspace(-100, 100, 4001)
    assert np.all(np.diff(ergodic_rate(4, 64, snr_db)) > 0)


def test_arguments_broadcast():
    rates = ergodic_rate(np.array([[2], [4]]), 64, [0.0, 10.0, 20.0])
    assert rates.shape == (2, 3)
    assert rates[1, 2] == ergodic_rate(4, 64, 20.0)
    assert isinstance(ergodic_rate(4, 64, 20.0), float)
    assert "Zhao26" in citation(ergodic_rate)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((65, 64, 15.0), "num_sensing_tones must be <= num_tones; got 65 of 64"),
        ((-1, 64, 15.0), "num_sensing_tones must be a whole number >= 0; got -1"),
        ((1.5, 64, 15.0), "num_sensing_tones must be a whole number >= 0; got 1.5"),
        ((0, 0, 15.0), "num_tones must be a whole number >= 1; got 0"),
        ((1, 64, np.nan), "snr_db must be finite"),
        ((1, 64, 1e4), "snr_db must be within"),
    ],
)
def test_bad_arguments_are_named(args, message):
    with pytest.raises(ValueError, match=message):
        ergodic_rate(*args)
