import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import quad
from scipy.stats import norm

from sionna_isac.metrics import (
    bit_error_rate,
    block_error_rate,
    qpsk_symbol_error_rate,
    rayleigh_qpsk_symbol_error_rate,
    symbol_error_rate,
)

SNRS = [1e-3, 0.1, 1.0, 10.0, 100.0, 1e4, 1e8]


def test_rates_by_hand():
    sent = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]])
    estimated = np.array([[0, 1, 1], [1, 1, 1], [0, 0, 1], [1, 1, 1]])
    assert symbol_error_rate(estimated, sent) == 3 / 12
    assert bit_error_rate(tf.constant(estimated, tf.float32), tf.constant(sent, tf.float32)) == 0.25
    assert block_error_rate(estimated, sent) == 2 / 4
    assert block_error_rate(estimated.reshape(2, 2, 3), sent.reshape(2, 2, 3)) == 2 / 4


@pytest.mark.parametrize(
    ("metric", "unit"),
    [(symbol_error_rate, "symbols"), (bit_error_rate, "bits"), (block_error_rate, "blocks")],
)
def test_zero_samples_and_bad_shapes(metric, unit):
    with pytest.warns(UserWarning, match=f"zero {unit}"):
        assert np.isnan(metric(np.zeros((0, 3)), np.zeros((0, 3))))
    with pytest.raises(ValueError, match=r"estimated must have the shape of sent, \[2, 3\]"):
        metric(np.zeros((2, 1)), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: bit_error_rate([0.3, -4.0], [0, 1]),
            ValueError,
            r"estimated must hold bits.*0\.3",
        ),
        (lambda: block_error_rate([0, 2], [0, 1]), ValueError, "estimated must hold bits .*got 2"),
        (lambda: bit_error_rate([0, 1], [0, np.nan]), ValueError, "sent must be finite"),
        (lambda: symbol_error_rate([0, 1.1], [0, 1]), ValueError, "estimated must hold whole"),
        (lambda: symbol_error_rate([0, -1], [0, 1]), ValueError, "estimated must hold whole"),
        (lambda: symbol_error_rate([1j], [1j]), TypeError, "sent must hold real"),
        (lambda: symbol_error_rate(["a"], ["a"]), TypeError, "sent must hold real"),
        (lambda: qpsk_symbol_error_rate(1j), TypeError, "snr must hold real"),
    ],
)
def test_bad_values_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_booleans_and_lists_are_bits():
    assert bit_error_rate([1, 1], [True, False]) == 0.5
    assert symbol_error_rate(np.array([0.0, 2.0]), [0, 3]) == 0.5


def test_block_error_rate_needs_blocks():
    with pytest.raises(ValueError, match="sent must have shape"):
        block_error_rate(1, 1)


def test_awgn_against_quadrature():
    def error(snr):  # minus the probability that both components keep their sign
        stay = quad(lambda x: norm.pdf(x - np.sqrt(snr)), 0, np.sqrt(snr) + 40)[0]
        return 1 - stay**2

    for snr in (0.01, 0.5, 3.0, 12.0):
        np.testing.assert_allclose(qpsk_symbol_error_rate(snr), error(snr), rtol=1e-9)
    assert qpsk_symbol_error_rate(0) == 0.75
    tail = norm.sf(np.sqrt(300.0))
    np.testing.assert_allclose(qpsk_symbol_error_rate(300.0), 2 * tail, rtol=1e-12)


@pytest.mark.parametrize("mean_snr", SNRS)
def test_rayleigh_against_quadrature(mean_snr):
    def integrand(t):  # snr = t**2: the integrand is smooth, and sits where snr is of order 1
        weight = 2 * t / mean_snr * np.exp(-(t**2) / mean_snr)
        return weight * qpsk_symbol_error_rate(t**2)

    top = min(40.0, 30 * np.sqrt(mean_snr))
    expected = quad(integrand, 0, top, epsabs=0, epsrel=1e-11, limit=400)[0]
    np.testing.assert_allclose(rayleigh_qpsk_symbol_error_rate(mean_snr), expected, rtol=1e-9)


def test_rayleigh_limits_and_shapes():
    assert rayleigh_qpsk_symbol_error_rate(0) == 0.75
    # first order in 1/snr: integral of the error rate over the SNR
    slope = quad(qpsk_symbol_error_rate, 0, 200, limit=200)[0]
    np.testing.assert_allclose(rayleigh_qpsk_symbol_error_rate(1e12) * 1e12, slope, rtol=1e-8)
    assert rayleigh_qpsk_symbol_error_rate(np.ones((2, 3))).shape == (2, 3)
    assert np.all(np.diff(rayleigh_qpsk_symbol_error_rate(np.logspace(-5, 10, 200))) < 0)


def test_snr_is_linear():
    with pytest.raises(ValueError, match=r"snr must be >= 0 \(linear, not dB\); got .* -3"):
        qpsk_symbol_error_rate([1.0, -3.0])
    with pytest.raises(ValueError, match="mean_snr must be finite"):
        rayleigh_qpsk_symbol_error_rate(np.nan)
