"""Tones of a block, and views of a set: fewer tones or samples, noise, a turned phase."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sionna_isac as isac
from sionna_isac.study import ScenarioError, load_scenario

TINY = Path(__file__).with_name("tiny_dataset.yaml")
TONES = "waveform={num_subcarriers: 3, bandwidth: 20e6, block_size: 16, placement: [1, 6, 14]}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("view") / "set"
    scenario = load_scenario(TINY, [TONES])
    isac.dataset.generate_dataset(scenario, out, workers=0, quiet=True)
    with isac.dataset.open_dataset(out) as dataset:
        yield dataset


def test_placed_tones_are_subcarriers_of_the_block(whole):
    spacing = 20e6 / 16
    offset = (np.array([1, 6, 14]) - 7.5) * spacing
    np.testing.assert_allclose(whole.frequencies, 4.9e9 + offset, rtol=1e-15)
    uniform = load_scenario(TINY, ["waveform={num_subcarriers: 4, bandwidth: 20e6}"])
    every_fourth = "waveform={num_subcarriers: 4, bandwidth: 20e6, block_size: 16, placement: "
    placed = load_scenario(TINY, [every_fourth + "[0, 4, 8, 12]}"])
    np.testing.assert_allclose(np.diff(placed.frequencies), np.diff(uniform.frequencies))


def test_a_view_of_tones_is_the_whole_at_these_tones(whole):
    view = whole.view(tones=[14, 1])
    np.testing.assert_array_equal(view.frequencies, whole.frequencies[[2, 0]])
    np.testing.assert_array_equal(view.channel([3, 0]), whole.channel([3, 0])[:, [2, 0]])
    rms = np.sqrt(np.mean(np.abs(view.channel(5)) ** 2))
    assert view.labels["rms"][5] == pytest.approx(rms, rel=1e-6)
    assert len(view) == len(whole) and view.channel(slice(2, 4)).shape == (2, 2, 3, 4)
    channel, labels = next(iter(view.as_tf(batch_size=12)))
    assert channel.shape == (12, 2, 3, 4)
    np.testing.assert_allclose(np.mean(np.abs(channel) ** 2, (1, 2, 3)), 1, rtol=1e-5)
    np.testing.assert_allclose(labels["rms"], view.labels["rms"], rtol=1e-6)


def test_a_fraction_keeps_the_share_of_each_category(whole):
    half = whole.view(fraction=0.5, seed=3)
    assert len(half) == 6
    assert np.bincount(half.labels["category"]).tolist() == [3, 3]
    np.testing.assert_array_equal(half.channel(2), whole.channel(int(half.samples[2])))
    np.testing.assert_array_equal(half.samples, whole.view(fraction=0.5, seed=3).samples)
    assert half.samples.tolist() != whole.view(fraction=0.5, seed=4).samples.tolist()


def test_noise_has_its_level_and_comes_again(whole):
    view = whole.view(noise=0.5, seed=2)
    difference = view.channel(range(12)) - whole.channel(range(12))
    level = np.sqrt(np.mean(np.abs(difference) ** 2, (1, 2, 3))) / whole.labels["rms"]
    assert np.mean(level**2) == pytest.approx(0.25, rel=0.15)
    np.testing.assert_array_equal(view.channel(7), view.channel(7))
    # the noise of a sample does not depend on which others are seen
    few = whole.view(noise=0.5, seed=2, fraction=0.5)
    np.testing.assert_array_equal(few.channel(1), view.channel(int(few.samples[1])))
    other = whole.view(noise=0.5, seed=3).channel(7)
    assert not np.allclose(other, view.channel(7))


def test_a_view_of_antennas_is_the_middle_of_the_array(whole):
    view = whole.view(tones=[6], num_tx=2, num_rx=1)
    np.testing.assert_array_equal(view.tx_positions, whole.tx_positions[1:3])
    np.testing.assert_array_equal(view.rx_positions, whole.rx_positions[1:2])
    np.testing.assert_allclose(view.tx_positions.mean(0), 0, atol=1e-12)
    assert view.shape == (1, 1, 2)
    np.testing.assert_array_equal(view.channel([4]), whole.channel([4])[:, 1:2, 1:2, 1:3])
    rms = np.sqrt(np.mean(np.abs(view.channel(4)) ** 2))
    assert view.labels["rms"][4] == pytest.approx(rms, rel=1e-6)
    np.testing.assert_array_equal(whole.view().tx_positions, whole.tx_positions)


def test_gains_are_those_of_tones_and_antennas(whole):
    view = whole.view(amplitude=0.1, seed=4)
    gains = np.log(view.channel(range(12)) / whole.channel(range(12)))
    np.testing.assert_allclose(gains.imag, 0, atol=1e-5)
    assert np.std(gains.real) == pytest.approx(0.1 * np.sqrt(3), rel=0.2)
    # a sum over axes: no mixed differences
    mixed = np.diff(np.diff(gains.real, axis=2), axis=3)
    np.testing.assert_allclose(mixed, 0, atol=1e-5)
    np.testing.assert_array_equal(view.channel(7), view.channel(7))
    assert np.ptp(gains.real[:, 0, 0, 0]) > 0.05


def test_a_turned_phase_is_one_factor(whole):
    turned = whole.view(phase_offset=0.3).channel(4)
    np.testing.assert_allclose(turned, np.exp(0.3j) * whole.channel(4), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tones": [1, 2]}, r"tones must be .* \[1, 6, 14\]; got \[1, 2\]"),
        ({"tones": [1, 1]}, r"distinct .*; got \[1, 1\]"),
        ({"fraction": 1.5}, "fraction"),
        ({"fraction": 0.01}, "fraction must leave a sample of 12; got 0.01"),
        ({"noise": -1}, "noise"),
        ({"amplitude": 2}, "amplitude"),
        ({"num_tx": 3}, "num_tx must be 4 less an even number, .*; got 3"),
        ({"num_rx": 5}, "num_rx must be 3 less .*; got 5"),
        ({"num_tx": 0}, "num_tx"),
        ({"phase_offset": 30}, "phase_offset .* rad"),
    ],
)
def test_views_that_are_not_possible_are_refused(whole, arguments, message):
    with pytest.raises(ValueError, match=message):
        whole.view(**arguments)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        ("block_size: 16", "block_size has no effect with placement 'uniform'"),
        ("placement: [0, 1]", "block_size is required by a placement of subcarriers"),
        ("block_size: 8, placement: [0, 8]", "numbers below block_size = 8; got 8"),
        ("block_size: 8, placement: [1, 0]", "increasing"),
        ("block_size: 8, placement: [0, 1, 2]", "number of placed tones, 3; got 2"),
        ("block_size: 8, placement: best", "placement"),
    ],
)
def test_wrong_tones_are_one_line(waveform, message):
    with pytest.raises(ScenarioError, match=message) as error:
        load_scenario(TINY, [f"waveform={{num_subcarriers: 2, bandwidth: 20e6, {waveform}}}"])
    assert "\n" not in str(error.value)
