"""Log-likelihood ratios against their definition and against Sionna's demapper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from sionna.phy.channel import AWGN
from sionna.phy.mapping import Constellation, Demapper

import sionna_isac as isac

SHAPE = (3, 40)


def labelled_points(num_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of QPSK or 16QAM and their bits, 3GPP TS 38.211, Sections 5.1.3 and 5.1.4."""
    bits = np.array(list(itertools.product((0, 1), repeat=num_bits)))
    sign = 1 - 2 * bits
    if num_bits == 2:
        return (sign[:, 0] + 1j * sign[:, 1]) / np.sqrt(2), bits
    re, im = (sign[:, i] * (2 - sign[:, i + 2]) for i in (0, 1))
    return (re + 1j * im) / np.sqrt(10), bits


def by_definition(y, csi, no, num_bits: int, method: str) -> np.ndarray:
    """ln P(b = 1 | y) - ln P(b = 0 | y), for points that are equally likely."""
    points, bits = labelled_points(num_bits)
    exponent = -(np.abs(y[..., None] - csi[..., None] * points) ** 2) / np.asarray(no)[..., None]
    total = logsumexp if method == "app" else np.max
    return np.stack(
        [
            total(exponent[..., bit == 1], axis=-1) - total(exponent[..., bit == 0], axis=-1)
            for bit in bits.T
        ],
        -1,
    )


def received(rng, num_bits: int, no: float) -> tuple[np.ndarray, ...]:
    points, bits = labelled_points(num_bits)
    sent = rng.integers(0, points.size, SHAPE)
    csi = rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)
    noise = np.sqrt(no / 2) * (rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE))
    return csi * points[sent] + noise, csi, bits[sent]


cases = pytest.mark.parametrize(
    ("num_bits", "method"), list(itertools.product((2, 4), ("app", "maxlog")))
)


@cases
@pytest.mark.parametrize("no", [0.02, 0.7, 5.0])
def test_llr_is_its_definition(rng, num_bits, method, no):
    y, csi, _ = received(rng, num_bits, no)
    detector = isac.receiver.SymbolDetector(
        num_bits_per_symbol=num_bits, demapping_method=method, precision="double"
    )  # fmt: skip
    expected = by_definition(y, csi, no, num_bits, method)
    np.testing.assert_allclose(detector(y, csi, no), expected, rtol=1e-9, atol=1e-9)
    single = isac.receiver.SymbolDetector(
        num_bits_per_symbol=num_bits, demapping_method=method, precision="single"
    )
    np.testing.assert_allclose(single(y, csi, no), expected, rtol=1e-3, atol=1e-3)


@cases
def test_llr_is_that_of_sionna(rng, num_bits, method):
    """Its demapper on the equalised symbol, whose noise is divided by the power of the channel."""
    y, csi, _ = received(rng, num_bits, 0.4)
    qam = Constellation("qam", num_bits, precision="double")
    demapper = Demapper(method, constellation=qam, precision="double")
    expected = demapper(tf.constant(y / csi), tf.constant(0.4 / np.abs(csi) ** 2))
    detector = isac.receiver.SymbolDetector(
        num_bits_per_symbol=num_bits, demapping_method=method, precision="double"
    )
    actual = detector(y, csi, 0.4)
    assert actual.shape == (*SHAPE, num_bits)
    np.testing.assert_allclose(tf.reshape(actual, expected.shape), expected, rtol=1e-9, atol=1e-9)


def test_noise_power_of_each_sample(rng):
    """Also where there are as many samples as symbols: it must not run along the symbols."""
    y, csi, _ = received(rng, 4, 0.4)
    y, csi = y[:, :3], csi[:, :3]
    no = np.array([0.1, 1.0, 10.0])
    expected = by_definition(y, csi, no[:, None], 4, "app")
    detector = isac.receiver.SymbolDetector(num_bits_per_symbol=4, precision="double")
    np.testing.assert_allclose(detector(y, csi, no), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("num_bits", [2, 4])
def test_hard_decisions_are_the_nearest_point(rng, num_bits):
    y, csi, _ = received(rng, num_bits, 0.5)
    points, bits = labelled_points(num_bits)
    nearest = np.argmin(np.abs(y[..., None] - csi[..., None] * points), -1)
    detector = isac.receiver.SymbolDetector(
        num_bits_per_symbol=num_bits, hard_out=True, demapping_method="maxlog", precision="double"
    )
    np.testing.assert_array_equal(detector(y, csi, 0.5), bits[nearest])


@pytest.mark.parametrize("num_bits", [2, 4, 6])
def test_llrs_say_how_often_they_are_right(num_bits):
    """P(b = 1 | LLR) is the logistic function of it: source, AWGN and detector fit together."""
    no = 0.3
    x, bits = isac.waveform.SymbolSource(2000, num_bits_per_symbol=num_bits, precision="double")(20)
    np.testing.assert_allclose(np.mean(np.abs(x) ** 2), 1, rtol=0.02)  # unit mean energy
    y = AWGN(precision="double")(x, no)
    detector = isac.receiver.SymbolDetector(num_bits_per_symbol=num_bits, precision="double")
    llr = detector(y, np.ones(y.shape, complex), no).numpy().ravel()
    sent = bits.numpy().ravel()
    for low in (-3, -2, -1, 0, 1, 2):
        inside = (llr >= low) & (llr < low + 1)
        probability = 1 / (1 + np.exp(-llr[inside]))
        error = 5 * np.sqrt(np.mean(probability * (1 - probability)) / inside.sum())
        assert abs(np.mean(sent[inside]) - np.mean(probability)) < error


def test_a_channel_of_zero_says_nothing():
    detector = isac.receiver.SymbolDetector(num_bits_per_symbol=4, precision="double")
    llr = detector(np.array([[0.3 - 2j]]), np.array([[0j]]), 0.1)
    np.testing.assert_allclose(llr, 0, atol=1e-9)


@pytest.mark.parametrize("num_bits", [2, 4])
def test_messages_are_scored_by_their_distance(rng, num_bits):
    """Its order of points is that of the labels: message m is the number that its bits make."""
    points, _ = labelled_points(num_bits)
    y, csi, _ = received(rng, num_bits, 0.1)
    detector = isac.receiver.MessageDetector(2**num_bits, precision="double")
    np.testing.assert_allclose(detector.points, points, rtol=1e-12)
    score = detector(y, csi).numpy()
    np.testing.assert_allclose(score, -(np.abs(y[..., None] - csi[..., None] * points) ** 2))
    clean = detector(csi * points[3], csi).numpy()
    assert np.all(clean.argmax(-1) == 3) and np.allclose(clean.max(-1), 0)


@pytest.mark.parametrize("number", [2, 8, 6])
def test_messages_are_points_of_a_square_qam(number):
    with pytest.raises(ValueError, match="num_messages must be"):
        isac.receiver.MessageDetector(number)
