"""Matched filter in the near field and far-field periodogram: echoes of points in closed form."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c

import sionna_isac as isac
from sionna_isac.channel import point_echo
from sionna_isac.receiver import NearFieldMatchedFilter, Periodogram2D, SearchGrid

CARRIER = 4.9e9
LINE = isac.array.uniform_positions(24, c / CARRIER / 2)
ZERO = np.zeros_like(LINE)
TX, RX = np.stack([ZERO, LINE, ZERO], -1), np.stack([ZERO, ZERO, LINE], -1)
EVEN = CARRIER + 6.25e6 * (np.arange(16) - 7.5)
TONES = [0, 20, 26, 33, 36, 38, 39, 40, 41, 48, 49, 52, 54, 57, 58, 63]
PLACED = CARRIER + 1.5625e6 * (np.array(TONES) - 31.5)
GRID = SearchGrid(np.radians(np.linspace(-62, 62, 63)), np.linspace(3, 53, 68))
STEPS = GRID.angles[1] - GRID.angles[0], GRID.ranges[1] - GRID.ranges[0]


def point(distance, angle, height=0.0):
    return [distance * math.cos(angle), distance * math.sin(angle), height]


def echoes(places, frequencies, height=0.0, rx=RX):
    return np.array([point_echo(point(*p, height), frequencies, TX, rx) for p in places])


def matched(frequencies=PLACED, grid=GRID, rx=RX, **kwargs):
    options = {"precision": "double", **kwargs}
    return NearFieldMatchedFilter(frequencies, TX, rx, grid, **options)


def channels(*shape, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=shape) + 1j * random.normal(size=shape)


def direct(h, frequencies, rx, place):
    """Sums over antennas for each tone, term by term."""
    tx_way, rx_way = (np.linalg.norm(side - place, axis=-1) for side in (TX, rx))
    sums = []
    for each, frequency in zip(h, frequencies, strict=True):
        phase = 2 * np.pi * frequency / c * (rx_way[:, np.newaxis] + tx_way)
        sums.append(np.sum(each * np.exp(1j * phase)))
    return np.array(sums)


PLACES = [(6.2, 0.31), (11.7, -0.8), (23.4, 0.05), (49.1, 0.93)]


@pytest.mark.parametrize("precision", ["double", "single"])
def test_points_are_found(precision):
    """Near and far, better than the grid: the second stage is four times finer."""
    found = matched(precision=precision, height=-0.4)(echoes(PLACES, PLACED, -0.4))
    distance, angle = np.transpose(PLACES)
    assert np.all(np.abs(found.range[:, 0] - distance) < STEPS[1] / 16)
    assert np.all(np.abs(found.angle[:, 0] - angle) < STEPS[0] / 16)
    assert np.all(found.metric > 0.99) and np.all(found.metric <= 1 + 1e-6)
    assert found.range.shape == (4, 1)


def test_without_a_second_stage_it_is_the_cell():
    layer = matched(refinement=1)
    h = echoes(PLACES, PLACED)
    found, image = layer(h), layer.image(h).numpy()
    for sample, each in enumerate(image):
        row, column = np.unravel_index(np.argmax(each), each.shape)
        assert found.angle[sample, 0] == GRID.angles[row]
        assert found.range[sample, 0] == GRID.ranges[column]
        assert float(found.metric[sample, 0]) == pytest.approx(each.max(), rel=1e-9)


def test_placed_tones_have_no_alias_within_the_grid():
    """Far away evenly spaced tones see a point as well c/(2 spacing) = 24 m nearer."""
    far = [(45.0, 0.2)]
    image = {
        name: matched(tones).image(echoes(far, tones))[0].numpy()
        for name, tones in (("even", EVEN), ("placed", PLACED))
    }
    row = np.argmin(np.abs(GRID.angles - 0.2))
    alias = np.abs(GRID.ranges - (45.0 - 23.98)) < 1
    assert image["even"][row, alias].max() > 0.9
    assert image["placed"][:, np.abs(GRID.ranges - 45) > 3].max() < 0.45


def test_non_coherent_combination_knows_the_range_near_the_array_only():
    layer = matched(combining="non_coherent")
    near, far = layer.image(echoes([(4.0, 0.3), (45.0, 0.3)], PLACED)).numpy()
    row = np.argmin(np.abs(GRID.angles - 0.3))
    away = np.abs(GRID.ranges - np.array([[4.0], [45.0]])) > 10
    assert near[row, away[0]].max() < 0.9 < 0.95 < far[row, away[1]].max()
    found = layer(echoes([(4.0, 0.3)], PLACED))
    assert abs(found.range[0, 0] - 4.0) < STEPS[1] and abs(found.angle[0, 0] - 0.3) < STEPS[0] / 16
    one = EVEN[:1]  # of one tone both are the same
    h = echoes([(5.0, 0.1)], one)
    images = [matched(one, combining=m).image(h) for m in ("coherent", "non_coherent")]
    np.testing.assert_allclose(images[0], images[1], rtol=1e-12)


@pytest.mark.parametrize("rx", [RX, RX + np.array([0.0, 0.3, 0.1])], ids=["axis", "anywhere"])
@pytest.mark.parametrize("combining", ["coherent", "non_coherent"])
def test_sums_are_those_of_the_definition(rx, combining):
    grid = SearchGrid([-0.7, 0.1, 0.4], [4.0, 9.0])
    layer = matched(rx=rx, grid=grid, height=0.6, combining=combining)
    h = channels(2, 16, 24, 24)
    image = layer.image(h).numpy()
    sums = layer.focus(h, grid.angles, grid.ranges).numpy()
    own = layer.focus(h, np.stack([grid.angles, grid.angles + 0.1]), grid.ranges).numpy()
    for b, a, r in np.ndindex(2, 3, 2):
        expected = direct(h[b], PLACED, rx, point(grid.ranges[r], grid.angles[a], 0.6))
        size = np.sqrt(24 * 24) * np.linalg.norm(h[b])
        if combining == "coherent":
            expected, value = expected.sum(), abs(expected.sum()) / (4 * size)
        else:
            value = np.linalg.norm(expected) / size
        np.testing.assert_allclose(sums[b, a, r], expected, rtol=0, atol=1e-10 * size)
        assert image[b, a, r] == pytest.approx(value, abs=1e-12)
    np.testing.assert_allclose(own[0], sums[0], rtol=0, atol=1e-9)
    assert not np.allclose(own[1], sums[1])


def test_both_forms_and_all_blocks_agree(monkeypatch):
    """An antenna off the axis, by less than an atom, makes the receiver take the plain form."""
    h = channels(3, 16, 24, 24)
    beside = RX.copy()
    beside[0, 0] = 1e-13
    expected = matched().image(h)
    np.testing.assert_allclose(matched(rx=beside).image(h), expected, rtol=0, atol=1e-12)
    monkeypatch.setattr("sionna_isac.receiver._focusing.BLOCK", 5 * 16 * 63 * 24)
    np.testing.assert_allclose(matched().image(h), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tones", [PLACED, PLACED[:1]], ids=["tones", "tone"])
def test_a_sample_alone_is_enough(tones):
    """Batches of one, and one tone: TensorFlow's products have crashed on such shapes."""
    h = echoes(PLACES[:1], tones)
    expected = matched(tones).image(h)
    beside = matched(tones, rx=RX + np.array([1e-13, 0.0, 0.0])).image(h)
    np.testing.assert_allclose(beside, expected, rtol=0, atol=1e-12)
    if len(tones) > 1:
        alone = Periodogram2D(tones, TX, max_range=53.0)(h)
        both = Periodogram2D(tones, TX, max_range=53.0)(np.repeat(h, 2, 0))
        np.testing.assert_allclose(both.range[1:], alone.range, rtol=1e-5)


def test_image_is_that_of_back_projection():
    h = echoes([(8.0, 0.2)], EVEN)
    angle, distance = np.meshgrid(GRID.angles, GRID.ranges[:9], indexing="ij")
    places = np.stack([distance * np.cos(angle), distance * np.sin(angle), 0 * angle], -1)
    expected = isac.receiver.back_projection(h[0], EVEN, TX, RX, places)
    found = matched(EVEN, SearchGrid(GRID.angles, GRID.ranges[:9])).image(h)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("tones", [EVEN, PLACED], ids=["even", "placed"])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_periodogram_finds_points_far_away(tones, precision):
    places = [(80.0 + 0.37 * n, 0.4 - 0.3 * n) for n in range(4)]
    layer = Periodogram2D(tones, TX, precision=precision, max_range=None if tones is EVEN else 90)
    found = layer(echoes(places, tones))
    distance, angle = np.transpose(places)
    if tones is EVEN:
        distance = distance % (c / (2 * 6.25e6))
    assert np.all(np.abs(found.range[:, 0] - distance) < 0.15)  # of a resolution of 1.5 m
    assert np.all(np.abs(np.sin(found.angle[:, 0]) - np.sin(angle)) < 0.02 * 2 / 24)
    assert np.all(found.metric > 0.95)


def test_periodogram_is_blind_near_the_array():
    place = [(4.0, 0.3)]
    far, near = Periodogram2D(EVEN, TX)(echoes(place, EVEN)), matched()(echoes(place, PLACED))
    assert far.metric[0, 0] < 0.9 < 0.99 < near.metric[0, 0]


@pytest.mark.parametrize("tones", [EVEN, PLACED], ids=["fft", "product"])
def test_periodogram_image_is_that_of_the_definition(tones):
    limit = 20.0
    reverse = TX[::-1] + np.array([0.3, 0.1, 0.0])
    layer = Periodogram2D(tones, reverse, max_range=limit, precision="double")
    assert np.all(np.diff(layer.angles) > 0) and layer.angles[0] >= -np.pi / 2
    assert limit - np.diff(layer.ranges)[0] < layer.ranges[-1] <= limit
    h = channels(2, 16, 3, 24)
    image = layer.image(h).numpy()
    assert image.shape == (2, len(layer.angles), len(layer.ranges))
    for a, r in ((0, 0), (17, 5), (60, 13), (-1, -1)):
        wave = np.exp(-2j * np.pi * np.mean(tones) / c * reverse[:, 1] * np.sin(layer.angles[a]))
        delay = np.exp(4j * np.pi * (tones - tones[0]) * layer.ranges[r] / c)
        sums = np.einsum("bfrt,f,t->br", h, delay, wave)
        expected = np.linalg.norm(sums, axis=-1) / np.sqrt(np.sum(np.abs(h) ** 2, (1, 2, 3)))
        np.testing.assert_allclose(image[:, a, r], expected / np.sqrt(16 * 24), rtol=1e-9)


@pytest.mark.parametrize("make", [matched, functools.partial(Periodogram2D, EVEN, TX)])
def test_a_silent_sample_has_no_position_in_a_graph(make):
    layer = make()
    h = echoes(PLACES[:2], EVEN)
    h[1] = 0
    found = tf.function(layer.__call__)(tf.constant(h, layer.cdtype))
    for value in (found.angle, found.range, found.metric):
        assert np.isfinite(value[0, 0]) and np.isnan(value[1, 0])
    with pytest.raises(ValueError, match="h must hold a channel in each sample"):
        layer(h)
