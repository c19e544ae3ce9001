"""The partition of (19) on a simulated link: rate, power, known symbols, and a link without it."""

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.channel import AWGN
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import BinarySource, Demapper, Mapper

from sionna_isac import metrics
from sionna_isac.core import set_seed
from sionna_isac.studies import PartitionedLink, rayleigh_fades
from sionna_isac.study import ScenarioError, load_scenario, run_scenario
from sionna_isac.waveform import place_tones

CODE = {"num_ofdm_symbols": 4, "coderate": 0.5, "num_bits_per_symbol": 4, "precision": "double"}
SMALL = [
    "precision=double",
    "num_tones=16",
    "num_sensing_tones=[0, 4]",
    "num_ofdm_symbols=4",
    "schemes=[{modulation: 16qam, coderate: 0.4}, {modulation: 16qam, coderate: 0.8}]",
    "num_blocks=128",
    "batch_size=64",
    "num_iterations=6",
    "published=[{num_sensing_tones: 4, snr_db: 15, rate: 3.5}]",
]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    scenario = load_scenario("sensing_rate", SMALL)
    return run_scenario(scenario, tmp_path_factory.mktemp("rate") / "run", quiet=True)


def test_sensing_tones_are_known_and_the_others_have_all_the_power():
    tones = place_tones(16, 4)
    link = PartitionedLink(16, tones, **CODE)
    first, second = (link.transmit(50)[1].numpy()[:, 0, 0] for _ in range(2))
    np.testing.assert_array_equal(first[..., tones.mask], second[..., tones.mask])
    np.testing.assert_allclose(first[:, :, tones.mask], np.tile(link.known, [50, 1, 1]))
    np.testing.assert_allclose(np.abs(link.known), 1)
    data = first[..., ~tones.mask]
    assert np.mean(data == second[..., ~tones.mask]) < 0.1  # 16 points, one of them by chance
    # points of Sionna's 16-QAM, at the power of 16 tones on 12 of them
    levels = np.unique(np.round(np.abs(data) ** 2, 9))
    np.testing.assert_allclose(levels, np.array([0.2, 1.0, 1.8]) * 16 / 12, atol=1e-9)
    power = np.sum(np.abs(data) ** 2, -1)
    assert power.mean() == pytest.approx(16, rel=5 * power.std() / 16 / np.sqrt(power.size))
    assert link.num_information_bits == 4 * 12 * 4 * 0.5


def test_without_sensing_tones_it_is_a_plain_link():
    """Sionna's blocks in a row, without any grid: the same bits, decisions and errors."""
    no = 0.15
    h = rayleigh_fades(40, 4, 16, precision="double")
    set_seed(7)
    bits, decoded, rate = PartitionedLink(16, (), num_iterations=6, **CODE)(h, no)
    flat = tf.reshape(h, [40, 64])
    encoder = LDPC5GEncoder(128, 256, 4, precision="double")
    decoder = LDPC5GDecoder(encoder, num_iter=6, hard_out=True, precision="double")
    set_seed(7)
    plain = BinarySource(precision="double")([40, 128])
    x = Mapper("qam", 4, precision="double")(encoder(plain))
    y = AWGN(precision="double")(flat * x, tf.constant(no, tf.float64)) / flat
    llr = Demapper("app", "qam", 4, precision="double")(y, no / tf.abs(flat) ** 2)
    np.testing.assert_array_equal(bits, plain)
    np.testing.assert_array_equal(decoded, decoder(llr))
    errors = np.any(bits.numpy() != decoded.numpy(), -1)
    assert 0 < errors.sum() < 40  # blocks of both kinds were compared
    mean = np.mean(np.log2(1 + np.abs(flat.numpy()) ** 2 / no), -1)
    np.testing.assert_allclose(rate, mean, rtol=1e-12)


def test_fades():
    set_seed(2)
    new, kept = (rayleigh_fades(400, 4, 16, block=b, precision="double").numpy() for b in (0, 1))
    assert np.all(kept == kept[:, :1]) and not np.any(new[:, 0] == new[:, 1])
    for h in (new, kept[:, 0]):
        assert np.mean(np.abs(h) ** 2) == pytest.approx(1, abs=5 / np.sqrt(h.size))
        assert abs(np.mean(h[..., :-1] * h[..., 1:].conj())) < 5 / np.sqrt(h.size)


def test_mutual_information_is_the_formula(result):
    np.testing.assert_allclose(
        result.formula.values[:, 0], metrics.ergodic_rate([0, 4], 16, 15.0), rtol=1e-12
    )
    low, high = result.mutual_information_low, result.mutual_information_high
    centre = result.mutual_information
    # 95 % intervals of eight numbers: a bit wider, lest one of 20 fails
    wide = 1.5 * (high - low) / 2
    assert np.all(np.abs(centre - result.formula) < wide) and np.all(wide < 0.15)
    narrow = (high - low).sel(fading="ergodic") < 0.7 * (high - low).sel(fading="block")
    assert np.all(narrow)  # four times the fades


def test_coded_rate_is_the_best_of_the_schemes(result):
    rate = result.throughput.values
    bits = np.array([[102, 204], [76, 153]])  # 64 and 48 symbols of 4 bits, rates 0.4 and 0.8
    np.testing.assert_array_equal(result.num_information_bits, bits)
    bler = result.block_errors.values / 128
    np.testing.assert_allclose(rate, (1 - bler) * (bits / 64)[:, :, np.newaxis, np.newaxis])
    np.testing.assert_allclose(result.coded_rate.values, rate.max(2))
    assert np.all(result.coded_rate < result.formula)
    assert np.all(result.coded_rate_low <= result.coded_rate)
    assert np.all(result.coded_rate <= result.coded_rate_high)
    robust, fast = (result.bler.isel(scheme=i) for i in (0, 1))
    assert np.all(robust < 0.1) and np.all(robust < fast)
    tones = result.is_sensing.values[0]
    assert tones.sum(-1).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("num_sensing_tones=[0, 64]", "num_sensing_tones must be below num_tones = 64"),
        ("num_sensing_tones=[4, 2]", "strictly increasing"),
        (
            "schemes=[{modulation: 256qam, coderate: 0.5}, {modulation: 8psk, coderate: 0.5}]",
            "8psk",
        ),
        ("schemes=[]", "distinct entries, at least one"),
        ("num_ofdm_symbols=56", "64-QAM, rate 0.55 puts 11827 into 56 OFDM symbols of 64 tones"),
        ("schemes=[{modulation: qpsk, coderate: 0.15}]", "QPSK, rate 0.15 puts 268 into 14 OFDM"),
        (
            "schemes=[{modulation: 256qam, coderate: 0.3}]; num_ofdm_symbols=28",
            "rate 0.3 puts 4300",
        ),
        ("batch_size=100", "batch_size must be a divisor of num_blocks"),
        ("published=[{num_sensing_tones: 3, snr_db: 15, rate: 4}]", "published.0 must be a point"),
        ("num_tone=3", "num_tone"),
    ],
)
def test_errors_are_one_line(change, message):
    with pytest.raises(ScenarioError, match=message) as found:
        load_scenario("sensing_rate", change.split("; "))
    assert "\n" not in str(found.value).strip()
