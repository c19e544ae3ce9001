"""The coded link: Sionna's tools work with it, and its shortcuts are exact."""

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.channel import GenerateOFDMChannel
from sionna.phy.utils import PlotBER

from sionna_isac.core import set_seed
from sionna_isac.study import (
    BeamformedLink,
    CodedLink,
    load_scenario,
    make_link,
    run_scenario,
    true_array,
)

SMALL = [
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


def test_beam_on_the_paths_equals_beam_on_the_antennas(parts):
    scenario, link, beam = parts
    grid = CodedLink(scenario.coding, link, beam, 120e3).grid
    set_seed(5)
    full = GenerateOFDMChannel(link, grid, precision="double")(3)
    set_seed(5)
    short = GenerateOFDMChannel(BeamformedLink(link, beam), grid, precision="double")(3)
    expected = tf.einsum("bijklmn,l->bijkmn", full, beam)
    np.testing.assert_allclose(short[:, :, :, :, 0], expected, atol=1e-12)


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
