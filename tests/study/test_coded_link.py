"""The coded link: Sionna's tools work with it, and its shortcuts are exact."""

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.utils import PlotBER

from sionna_isac.core import set_seed
from sionna_isac.studies import CodedLink, make_link, true_array
from sionna_isac.study import load_scenario, run_scenario

SMALL = [
    "compile=false",  # to compile takes longer than to run
    "array.num_antennas=4",
    "training.iterations=0",
    "coding.fft_size=16",
    "coding.num_ofdm_symbols=6",
    "coding.pilot_symbols=[1, 4]",
    "coding.num_sensing_tones=2",
    "coding.batch_size=32",
    "coding.max_batches=3",
    "coding.target_block_errors=1000",
]


@pytest.fixture(scope="module")
def parts():
    scenario = load_scenario("coded_ber", [*SMALL, "precision=double"])
    truth = true_array(scenario)
    link = make_link(scenario, truth, scenario.coding.fft_size)
    beam = tf.constant(np.array([0.5, 0.5j, -0.5, 0.5]), tf.complex128)
    return scenario, link, beam


@pytest.mark.parametrize("csi", ["perfect", "estimated"])
def test_bits_survive_at_high_snr_and_not_at_low(parts, csi):
    scenario, link, beam = parts
    coding = scenario.coding.model_copy(update={"csi": csi})
    coded = CodedLink(coding, link, beam, 120e3)
    bits, decoded = coded(64, 40.0)
    assert bits.shape == decoded.shape == (64, coded.num_information_bits)
    high = float(tf.reduce_mean(tf.abs(bits - decoded)))
    bits, decoded = coded(64, -10.0)
    low = float(tf.reduce_mean(tf.abs(bits - decoded)))
    assert high < 1e-3 and low > 0.2


def test_snr_per_resource_element_is_what_the_ebno_says(parts):
    scenario, link, beam = parts
    coded = CodedLink(scenario.coding, link, beam, 120e3)
    # half rate and two bits a symbol: Eb/N0 equals Es/N0 per element
    assert coded.ebno_db(3.0) == pytest.approx(3.0, abs=0.05)


def test_plot_ber_takes_the_link(parts):
    scenario, link, beam = parts
    coded = CodedLink(scenario.coding, link, beam, 120e3)
    ber, bler = PlotBER("link").simulate(
        tf.function(coded, autograph=False),
        ebno_dbs=[-5.0, 30.0],
        batch_size=32,
        max_mc_iter=2,
        early_stop=False,
        show_fig=False,
        verbose=False,
    )
    assert ber[0] > ber[1] and bler[0] > bler[1]


def test_scenario_gives_a_curve_that_falls(tmp_path):
    changes = [*SMALL, "coding.snr_db=[-10, 5, 20]", "methods=[unknown, known]"]
    dataset = run_scenario(load_scenario("coded_ber", changes), tmp_path / "run", quiet=True)
    assert np.all(dataset.blocks.values == 96)
    bler = dataset.bler.values
    assert np.all(np.diff(bler, axis=1) < 0) and np.all(bler[:, 0] > 0.9)
    assert np.all(dataset.bler_low <= dataset.bler) and np.all(dataset.bler <= dataset.bler_high)
    again = run_scenario(load_scenario("coded_ber", changes), tmp_path / "run", quiet=True)
    assert np.array_equal(again.bit_errors, dataset.bit_errors)


class Recorded:
    """A block whose inputs and outputs are kept."""

    def __init__(self, block):
        self.block, self.calls = block, []

    def __call__(self, *arguments):
        found = self.block(*arguments)
        self.calls.append((arguments, found))
        return found

    def __getattr__(self, name):
        return getattr(self.block, name)


def observed(parts, csi, snr_db, batch_size):
    """What the link sends and receives: inputs and outputs of its blocks."""
    scenario, link, beam = parts
    coded = CodedLink(scenario.coding.model_copy(update={"csi": csi}), link, beam, 120e3)
    names = ("encoder", "channel", "detector")
    for name in names:
        setattr(coded, f"_{name}", Recorded(getattr(coded, f"_{name}")))
    coded(batch_size, coded.ebno_db(snr_db))
    return {name: getattr(coded, f"_{name}").calls[0] for name in names}


@pytest.mark.parametrize("snr_db", [-3.0, 5.0])
def test_noise_and_llrs_are_what_the_snr_says(parts, snr_db):
    """Noise measured behind the channel; LLRs of QPSK are 2 sqrt(2) Re or Im of h* y over N0."""
    set_seed(3)
    seen = observed(parts, "perfect", snr_db, 400)
    noise_power = 10 ** (-snr_db / 10)
    (x, no), (y, h) = seen["channel"]
    assert float(no) == pytest.approx(noise_power, rel=1e-6)
    noise = (y - h[:, :, :, 0, 0] * x).numpy().ravel()
    for part in (noise.real, noise.imag):
        assert np.mean(part**2) == pytest.approx(noise_power / 2, rel=5 * np.sqrt(2 / noise.size))
    (y, h, _), llr = seen["detector"]
    matched = (np.conj(h) * y).numpy() * 2 * np.sqrt(2) / noise_power
    # bits of Sionna's QPSK: 0 is the positive half axis
    expected = np.stack([-matched.real, -matched.imag], -1)
    np.testing.assert_allclose(llr, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("snr_db", [-2.0, 6.0])
def test_uncoded_errors_are_those_of_qpsk_over_rayleigh_fading(parts, snr_db):
    """Mean over the sector of 1/2 (1 - sqrt(g / (1 + g))), g = SNR |a^T f|^2 / 2, closed form."""
    scenario, link, beam = parts
    set_seed(4)
    seen = observed(parts, "perfect", snr_db, 6000)
    sent = seen["encoder"][1].numpy().reshape(6000, -1)
    decided = seen["detector"][1].numpy().reshape(6000, -1) > 0
    rates = np.mean(sent.astype(bool) != decided, axis=1)
    angle = np.deg2rad(np.linspace(*scenario.link.sector_deg, 2001))
    positions = link.array.element_positions / scenario.array.wavelength
    steering = np.exp(-2j * np.pi * np.outer(np.sin(angle), positions))
    snr = 10 ** (snr_db / 10) * np.abs(steering @ beam.numpy()) ** 2 / 2
    expected = np.mean((1 - np.sqrt(snr / (1 + snr))) / 2)
    # blocks have a channel each: they are what is independent
    assert rates.mean() == pytest.approx(expected, abs=4.5 * rates.std() / np.sqrt(len(rates)))
    # three decibels of noise would be seen ten times over
    worse = np.mean((1 - np.sqrt(snr / (2 + snr))) / 2)
    assert worse - expected > 10 * rates.std() / np.sqrt(len(rates))


def test_estimated_channels_have_the_variance_of_their_pilots(parts):
    """What the detector is told of the noise is what is there: noise, and error of the estimate."""
    set_seed(5)
    seen = observed(parts, "estimated", 5.0, 2000)
    (y, h, noise), _ = seen["detector"]
    sent = seen["encoder"][1].numpy().reshape(2000, -1, 2)
    x = (1 - 2 * sent) @ [1, 1j] / np.sqrt(2)
    rest = np.abs(y.numpy() - h.numpy() * x) ** 2
    # Sionna interpolates variances linearly, which is not exact between and beyond pilots
    assert rest.mean() == pytest.approx(float(tf.reduce_mean(noise)), rel=0.2)
    assert float(tf.reduce_mean(noise)) > 1.2 * 10**-0.5


def test_motion_of_targets_is_nothing_to_the_user(tmp_path):
    """Arrays that are known send the same words whether targets move, and make the same errors.

    A learned one sees other echoes, and its words come through, too.
    """
    changes = [*SMALL, "coding.snr_db=[2]", "coding.max_batches=2"]
    motion = "motion={velocity_interval: [-100, 100], num_symbols: 4, num_velocities: 16}"
    learned = ["methods=[known, learned]", "training.iterations=1", "training.batch_size=8"]
    rest, moving = (
        run_scenario(load_scenario("coded_ber", [*changes, *more]), tmp_path / name, quiet=True)
        for name, more in (("rest", ["methods=[known]"]), ("motion", [motion, *learned]))
    )
    for name in ("bit_errors", "block_errors"):
        errors = rest[name].sel(approach="known")
        assert errors > 0 and np.array_equal(errors, moving[name].sel(approach="known"))
    assert 0 < moving.bler.sel(approach="learned") < 1 and np.all(np.isfinite(moving.loss))
    places = moving.element_positions
    assert not np.array_equal(places.sel(approach="learned"), places.sel(approach="known"))
