"""Beams against NumPy, and what a beam must do."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac

ANTENNAS = 12
GRID = np.linspace(-np.pi / 2, np.pi / 2, 91)
SECTORS = np.array([[-0.5, -0.2], [0.1, 0.5], [1.3, np.pi / 2]])


@pytest.fixture
def array():
    return isac.array.impair(
        ANTENNAS, 0.005, [isac.array.SpacingError(0.04), isac.array.PhaseError(0.4)],
        precision="double",
    )  # fmt: skip


@pytest.mark.parametrize("regularization", [0.0, 1e-2, 1.0])
def test_least_squares_beam_equals_numpy(array, regularization):
    precoder = isac.waveform.LeastSquaresPrecoder(
        array, GRID, regularization=regularization, precision="double"
    )
    a = array(GRID).numpy().T  # [K, num_angles]
    normal = a.conj() @ a.T
    normal += regularization * np.mean(np.diag(normal).real) * np.eye(ANTENNAS)
    beams = precoder(SECTORS).numpy()
    for beam, (low, high) in zip(beams, SECTORS, strict=True):
        b = ((low <= GRID) & (high >= GRID)).astype(float)
        expected = np.linalg.solve(normal, a.conj() @ b)
        np.testing.assert_allclose(beam, expected / np.linalg.norm(expected), atol=1e-9)
    assert precoder.condition_number() == pytest.approx(np.linalg.cond(normal), rel=1e-9)


def test_beam_points_to_its_sector(array):
    precoder = isac.waveform.LeastSquaresPrecoder(array, GRID, precision="double")
    pattern = np.abs(array(GRID).numpy() @ precoder(SECTORS).numpy().T) ** 2  # [angles, sectors]
    for gain, (low, high) in zip(pattern.T, SECTORS, strict=True):
        inside = (low <= GRID) & (high >= GRID)
        assert gain[inside].mean() > 3 * gain[~inside].mean()


def test_empty_sector_is_an_error_in_eager_mode(array):
    precoder = isac.waveform.LeastSquaresPrecoder(array, GRID, precision="double")
    with pytest.raises(ValueError, match=r"sector must contain an angle of angle_grid; got \["):
        precoder([[GRID[3] + 0.001, GRID[3] + 0.002]] * np.ones((2, 1)))


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_multibeam(rng, eta):
    beams = rng.normal(size=(2, 4, ANTENNAS)) + 1j * rng.normal(size=(2, 4, ANTENNAS))
    phi = rng.uniform(0, 6, 4)
    mixed = isac.waveform.MultibeamPrecoder(2.5, precision="double")(*beams, eta, phi).numpy()
    np.testing.assert_allclose(np.linalg.norm(mixed, axis=-1) ** 2, 2.5, rtol=1e-12)
    expected = np.sqrt(eta) * beams[0] + np.sqrt(1 - eta) * np.exp(1j * phi)[:, None] * beams[1]
    expected *= np.sqrt(2.5) / np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(mixed, expected, atol=1e-12)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_beams_that_cancel_are_not_a_number_in_a_graph(precision, rng):
    """Of f and f e^{j (pi + d)}, |d| of the amplitude is left: noise when d is rounding."""
    beam = rng.normal(size=(1, ANTENNAS)) + 1j * rng.normal(size=(1, ANTENNAS))
    layer = isac.waveform.MultibeamPrecoder(precision=precision)
    phi = np.pi + np.array([0, 1e-3])
    for scale in (1, 1e-30):  # the energy of weak beams is 0 in single precision
        for jit in (False, True):
            graph = tf.function(lambda b: layer(b, b, [0.5, 0.5], phi), jit_compile=jit)
            mixed = graph(tf.constant(scale * beam)).numpy()
            assert np.all(np.isnan(mixed[0]))
            expected = -1j * beam[0] / np.linalg.norm(beam)  # 1 - e^{jd} = -jd
            np.testing.assert_allclose(mixed[1], expected, atol=1e-3)


@pytest.mark.parametrize("regularization", [0.0, 1e-2])
@pytest.mark.parametrize("precision", ["single", "double"])
def test_singular_fits_are_not_a_number_in_a_graph(regularization, precision):
    """Two elements at one place: a beam exists with a regularisation only."""
    twice = isac.array.UniformLinearArray(
        3, 0.005, element_positions=[0, 0, 0.0025], precision=precision
    )
    precoder = isac.waveform.LeastSquaresPrecoder(
        twice, GRID, regularization=regularization, precision=precision
    )
    for jit in (False, True):
        beams = tf.function(precoder, jit_compile=jit)(tf.constant(SECTORS)).numpy()
        if regularization:
            np.testing.assert_allclose(np.linalg.norm(beams, axis=-1), 1, rtol=1e-6)
            np.testing.assert_allclose(beams[:, 0], beams[:, 1], atol=1e-4)
        else:
            assert np.all(np.isnan(beams))


def test_symbols_carry_their_bits():
    x, bits = isac.waveform.SymbolSource(2000, precision="double")(10)
    assert x.shape == (10, 2000) and bits.shape == (10, 2000, 2)
    np.testing.assert_allclose(np.abs(x), 1, atol=1e-12)
    # Sionna's QPSK labels: the bits are the signs of real and imaginary part
    np.testing.assert_allclose(np.real(x), (1 - 2 * bits[..., 0].numpy()) / np.sqrt(2))
    np.testing.assert_allclose(np.imag(x), (1 - 2 * bits[..., 1].numpy()) / np.sqrt(2))
    np.testing.assert_allclose(np.mean(bits, (0, 1)), 0.5, atol=0.02)


def test_network_equals_numpy(rng):
    network = isac.waveform.PrecoderNetwork(5, hidden=(7, 6), precision="double")
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape))
    value = SECTORS / (np.pi / 2)
    weights = network.perceptron.get_weights()
    for i, (kernel, bias) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
        value = value @ kernel + bias
        value = np.maximum(value, 0) if i < 2 else value
    expected = value[:, :5] + 1j * value[:, 5:]
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(network(SECTORS), expected, atol=1e-12)
    assert isac.waveform.PrecoderNetwork(3).hidden == (24, 24, 24)
