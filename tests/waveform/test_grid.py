"""The grid shared by data, pilots and sensing tones, and a whole link over it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.channel import OFDMChannel
from sionna.phy.mapping import BinarySource, Demapper, Mapper
from sionna.phy.mimo import StreamManagement
from sionna.phy.ofdm import (
    LMMSEEqualizer,
    LSChannelEstimator,
    ResourceGridMapper,
)

import sionna_isac as isac

SYMBOLS, FFT, SPACING, ANTENNAS = 14, 64, 120e3, 16
TONES = (3, 17, 30, 44)
PILOT_SYMBOLS = (2, 11)


def make_grid(tones=TONES, **kwargs):
    return isac.waveform.shared_tone_grid(
        SYMBOLS,
        FFT,
        SPACING,
        sensing_tones=tones,
        pilot_symbols=PILOT_SYMBOLS,
        cyclic_prefix_length=6,
        num_guard_carriers=(5, 6),
        dc_null=True,
        **kwargs,
    )


@pytest.fixture(scope="module")
def grid():
    return make_grid()


def subcarriers(grid) -> np.ndarray:
    """Sensing subcarriers among all of them."""
    return np.asarray(grid.effective_subcarrier_ind)[list(TONES)]


def mapped(grid, batch_size: int = 3) -> np.ndarray:
    source, mapper = BinarySource(), Mapper("qam", 2)
    symbols = mapper(source([batch_size, 1, 1, grid.num_data_symbols * 2]))
    return ResourceGridMapper(grid)(symbols).numpy()


def test_mapper_leaves_sensing_tones_empty(grid):
    x = mapped(grid)[:, 0, 0]
    effective = np.asarray(grid.effective_subcarrier_ind)
    assert effective.size == FFT - 12
    assert not np.any(x[..., subcarriers(grid)])
    assert not np.any(x[..., np.setdiff1d(np.arange(FFT), effective)])  # guards and DC
    used = np.setdiff1d(effective, subcarriers(grid))
    np.testing.assert_allclose(np.abs(x[..., used]), 1, atol=1e-6)


def test_pilots_are_known_qpsk(grid):
    used = np.setdiff1d(np.asarray(grid.effective_subcarrier_ind), subcarriers(grid))
    first, second = mapped(grid), mapped(make_grid())
    pilots = first[:, 0, 0][:, PILOT_SYMBOLS][..., used]
    np.testing.assert_array_equal(pilots, second[:, 0, 0][:, PILOT_SYMBOLS][..., used])
    np.testing.assert_array_equal(pilots, np.broadcast_to(pilots[:1], pilots.shape))
    quadrant = (np.angle(pilots) - np.pi / 4) / (np.pi / 2)
    np.testing.assert_allclose(quadrant, np.round(quadrant), atol=1e-6)
    assert np.unique(np.round(quadrant)).size == 4


def test_number_of_data_symbols(grid):
    effective = FFT - 12 - len(TONES)
    assert grid.num_data_symbols == effective * (SYMBOLS - len(PILOT_SYMBOLS))


def test_beamformed_grid_fills_the_tones(grid, rng):
    layer = isac.waveform.BeamformedGrid(subcarriers(grid), precision="double")
    data = mapped(grid)
    tones = rng.normal(size=(3, SYMBOLS, len(TONES))) + 0j
    beams = rng.normal(size=(2, 3, ANTENNAS)) + 1j * rng.normal(size=(2, 3, ANTENNAS))
    x = layer(data, beams[0], tones, beams[1]).numpy()
    assert x.shape == (3, 1, ANTENNAS, SYMBOLS, FFT)
    expected = np.einsum("bk,bms->bkms", beams[0], data[:, 0, 0])
    expected[..., subcarriers(grid)] += np.einsum("bk,bmt->bkmt", beams[1], tones)
    np.testing.assert_allclose(x[:, 0], expected, atol=1e-12)
    # the same tones for all samples and symbols
    same = layer(data, beams[0], np.ones((1, 1, len(TONES))) + 0j, beams[1]).numpy()
    filled = same[:, 0, :, 5][..., subcarriers(grid)]
    np.testing.assert_allclose(filled, np.repeat(beams[1][..., None], len(TONES), -1), atol=1e-12)


def bit_error_rate(tones, snr_db: float = 15.0, batch_size: int = 400) -> float:
    """Uncoded QPSK over the Rayleigh link with LS channel estimation.

    The beam feeds one antenna, so that the mean SNR of a subcarrier is ``snr_db``.
    """
    grid = make_grid(tones)
    array = isac.array.UniformLinearArray(ANTENNAS, 0.005)
    sector = isac.scene.FixedSector((0.5, 0.9))
    link = isac.channel.MultitapLink(array, sector, bandwidth=FFT * SPACING)
    no = 10 ** (-snr_db / 10)

    bits = BinarySource()([batch_size, 1, 1, grid.num_data_symbols * 2])
    data = ResourceGridMapper(grid)(Mapper("qam", 2)(bits))
    beam = tf.one_hot(tf.zeros([batch_size], tf.int32), ANTENNAS, dtype=tf.complex64)
    if tones:
        # strong tones on another antenna: nothing of them may reach the data
        other = tf.one_hot(tf.ones([batch_size], tf.int32), ANTENNAS, dtype=tf.complex64)
        layer = isac.waveform.BeamformedGrid(subcarriers(grid))
        x = layer(data, beam, 3 * tf.ones([1, 1, len(tones)], tf.complex64), other)
    else:
        x = beam[:, tf.newaxis, :, tf.newaxis, tf.newaxis] * data
    y = OFDMChannel(link, grid)(x, no)
    estimate, variance = LSChannelEstimator(grid, interpolation_type="lin")(y, no)
    equalizer = LMMSEEqualizer(grid, StreamManagement(np.ones([1, 1]), 1))
    symbols, noise = equalizer(y, estimate, variance, no)
    decided = Demapper("app", "qam", 2, hard_out=True)(symbols, noise)
    return float(np.mean(decided.numpy() != bits.numpy()))


def test_sensing_tones_do_not_spoil_the_link():
    snr = 10 ** (15.0 / 10)
    perfect = 0.5 * (1 - np.sqrt(snr / 2 / (1 + snr / 2)))  # bit errors with the channel known
    isac.set_seed(3)
    without = bit_error_rate(())
    isac.set_seed(3)
    with_tones = bit_error_rate(TONES)
    assert perfect < without < 2.2 * perfect
    assert abs(with_tones / without - 1) < 0.1


def test_tones_stay_where_the_caller_puts_them():
    """Tone a on subcarrier 10 and b on 2, also after a round trip of the configuration."""
    layer = isac.waveform.BeamformedGrid([10, 2])
    values = [2.0 + 0j, 3.0 + 0j]
    beam, empty = np.ones([1, 1], complex), np.zeros([1, 1, 1, 1, 16], complex)
    for each in (layer, type(layer).from_config(layer.get_config())):
        x = each(empty, beam, np.reshape(values, [1, 1, 2]), beam).numpy()[0, 0, 0, 0]
        assert each.subcarriers == [10, 2]
        assert x[10] == 2 and x[2] == 3 and np.count_nonzero(x) == 2


def test_order_of_tones_with_guards():
    """Indices among the effective subcarriers in any order: each tone has the one it names."""
    tones = (44, 3, 30)
    grid = make_grid(tones)
    places = np.asarray(grid.effective_subcarrier_ind)[list(tones)]
    layer = isac.waveform.BeamformedGrid(places)
    beam, values = np.ones([1, 1], complex), np.arange(1, 4).reshape(1, 1, 3) + 0j
    x = layer(np.zeros([1, 1, 1, SYMBOLS, FFT], complex), beam, values, beam).numpy()
    np.testing.assert_array_equal(x[0, 0, 0, :, places], np.tile([[1], [2], [3]], [1, SYMBOLS]))
    same = make_grid(sorted(tones))
    np.testing.assert_array_equal(grid.pilot_pattern.mask, same.pilot_pattern.mask)
    np.testing.assert_array_equal(grid.pilot_pattern.pilots, same.pilot_pattern.pilots)


def test_orthogonal_symbols():
    symbols = isac.waveform.orthogonal_symbols(3, 100)
    np.testing.assert_allclose(symbols @ symbols.conj().T, 100 * np.eye(3), atol=1e-9)
    np.testing.assert_allclose(np.abs(symbols), 1, rtol=1e-12)
    with pytest.raises(ValueError, match=r"num_streams must be an integer >= 1 and <= 2; got 3"):
        isac.waveform.orthogonal_symbols(3, 2)
