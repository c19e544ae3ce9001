"""Filters of known symbols against loops over elements, and what they do to noise and peaks."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.mapping import Constellation
from sionna.phy.ofdm import ResourceGrid, ResourceGridMapper

import sionna_isac as isac
from sionna_isac.receiver import ReciprocalFilter, SymbolMatchedFilter, WienerFilter
from sionna_isac.waveform import Numerology, reference_elements, shared_tone_grid

BATCH, ANTENNAS, SYMBOLS, SUBCARRIERS = 3, 4, 5, 12
NUMEROLOGY = Numerology(
    SUBCARRIERS, 1e6, 60e9, num_symbols=SYMBOLS, active=np.arange(SUBCARRIERS) != 6
)
ELEMENTS = np.random.default_rng(2).random((SYMBOLS, SUBCARRIERS)) < 0.6
FILTERS = (ReciprocalFilter, SymbolMatchedFilter, WienerFilter)
QAM = Constellation("qam", 4, precision="double").points.numpy()


def draws(rng, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def filtered(kind, numerology, y, x, no=0.3, **kwargs):
    layer = kind(numerology, precision="double", **kwargs)
    return layer(y, x, no).numpy()


def loop(kind, y, x, used, no):
    """One element after the other."""
    weight = {
        ReciprocalFilter: lambda v: 1 / v,
        SymbolMatchedFilter: lambda v: np.conj(v),
        WienerFilter: lambda v: np.conj(v) / (abs(v) ** 2 + no / 2.0),
    }[kind]
    z = np.zeros_like(y)
    for b in range(len(y)):
        passed = np.mean([x[b, m, s] * weight(x[b, m, s]) for m, s in np.argwhere(used)])
        for m, s in np.argwhere(used):
            z[b, :, m, s] = y[b, :, m, s] * weight(x[b, m, s]) / passed
    return z


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("elements", [None, ELEMENTS])
def test_filters_equal_loops_in_all_forms(rng, kind, elements):
    y, x = draws(rng, BATCH, ANTENNAS, SYMBOLS, SUBCARRIERS), draws(rng, BATCH, SYMBOLS, 12)
    used = np.ones((SYMBOLS, SUBCARRIERS), bool) & NUMEROLOGY.active
    used = used if elements is None else used & elements
    options = {"elements": elements} | ({"variance": 2.0} if kind is WienerFilter else {})
    expected = loop(kind, y, x, used, 0.3)
    x *= used  # empty elements are never divided by
    z = filtered(kind, NUMEROLOGY, y, x, **options)
    np.testing.assert_allclose(z, expected, atol=1e-12)
    np.testing.assert_array_equal(filtered(kind, NUMEROLOGY, y[:, None], x, **options), z)
    assert not np.any(z[..., ~used])
    if elements is None:  # without OFDM symbols
        one = filtered(kind, NUMEROLOGY, y[:, :, 2], x[:, 2], **options)
        np.testing.assert_allclose(
            one, loop(kind, y[:, :, 2:3], x[:, 2:3], used[:1], 0.3)[:, :, 0], atol=1e-12
        )


def test_a_mask_of_one_symbol_serves_signals_without_symbols(rng):
    numerology = Numerology(SUBCARRIERS, 1e6, 60e9)
    y, x = draws(rng, BATCH, ANTENNAS, SUBCARRIERS), draws(rng, BATCH, SUBCARRIERS)
    z = filtered(ReciprocalFilter, numerology, y, x * ELEMENTS[0], elements=ELEMENTS[:1])
    np.testing.assert_allclose(z, np.where(ELEMENTS[0], y / x[:, None], 0), atol=1e-12)


@pytest.mark.parametrize("kind", FILTERS)
def test_empty_elements_have_no_gradient_and_spoil_none(rng, kind):
    """Zeros there, which a quotient would turn into NaN."""
    used = ELEMENTS & NUMEROLOGY.active
    y = tf.constant(draws(rng, BATCH, ANTENNAS, SYMBOLS, SUBCARRIERS))
    x = tf.constant(draws(rng, BATCH, SYMBOLS, SUBCARRIERS) * used)
    layer = kind(NUMEROLOGY, elements=ELEMENTS, precision="double")
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        z = layer(y, x, 0.3)
        loss = tf.reduce_sum(tf.abs(tf.boolean_mask(z, used, 2)) ** 2)
    for gradient in tape.gradient(loss, [x, y]):
        assert np.all(np.isfinite(gradient)) and not np.any(gradient.numpy()[..., ~used])
        assert np.all(np.abs(gradient.numpy()[..., used]) > 0)


@pytest.mark.parametrize("kind", FILTERS)
def test_qpsk_makes_all_filters_equal(rng, kind):
    y = draws(rng, BATCH, ANTENNAS, SYMBOLS, SUBCARRIERS)
    x = np.exp(0.5j * np.pi * rng.integers(0, 4, (BATCH, SYMBOLS, SUBCARRIERS)))
    z = filtered(kind, NUMEROLOGY, y, x)
    np.testing.assert_allclose(z, np.where(NUMEROLOGY.active, y / x[:, None], 0), atol=1e-12)


def test_16_qam_trades_noise_for_side_lobes(rng):
    """Peaks are equal; noise is that of closed forms, and so are the side lobes.

    With the energies 1/5, 1 and 9/5 of 1/4, 1/2 and 1/4 of the points, the mean of 1/|x|^2 is
    17/9 and the variance of |x|^2 is 8/25.
    """
    numerology, batch = Numerology(256, 1e6, 60e9), 400
    x = rng.choice(QAM, (batch, 256))
    noise = draws(rng, batch, 1, 256)
    excess, lobes, noise_of = {}, {}, {}
    for kind in FILTERS:
        echo = filtered(kind, numerology, x[:, None], x)[:, 0]  # of a target at 0 m
        spectrum = np.fft.fft(echo, axis=-1) / 256
        np.testing.assert_allclose(spectrum[:, 0], 1, atol=1e-12)
        lobes[kind] = 256 * np.mean(np.abs(spectrum[:, 1:]) ** 2)
        noise_of[kind] = np.mean(np.abs(filtered(kind, numerology, noise, x)) ** 2)
        excess[kind] = lobes[kind] + noise_of[kind]
    error = 5 / np.sqrt(batch * 256)
    assert noise_of[ReciprocalFilter] == pytest.approx(17 / 9, abs=4 * error)
    assert noise_of[SymbolMatchedFilter] == pytest.approx(1, abs=2 * error)
    assert noise_of[SymbolMatchedFilter] < noise_of[WienerFilter] < noise_of[ReciprocalFilter]
    assert lobes[ReciprocalFilter] < 1e-20
    assert lobes[SymbolMatchedFilter] == pytest.approx(8 / 25, rel=0.05)
    assert lobes[ReciprocalFilter] < lobes[WienerFilter] < lobes[SymbolMatchedFilter]


def test_wiener_filter_lies_between_the_others(rng):
    y, x = draws(rng, BATCH, ANTENNAS, SYMBOLS, 12), draws(rng, BATCH, SYMBOLS, 12)
    for no, kind in ((0.0, ReciprocalFilter), (1e9, SymbolMatchedFilter)):
        z = filtered(WienerFilter, NUMEROLOGY, y, x, no)
        np.testing.assert_allclose(z, filtered(kind, NUMEROLOGY, y, x), atol=1e-7)
    each = filtered(WienerFilter, NUMEROLOGY, y, x, np.array([0.1, 1.0, 7.0]))
    for b, no in enumerate((0.1, 1.0, 7.0)):
        one = filtered(WienerFilter, NUMEROLOGY, y[b : b + 1], x[b : b + 1], no)
        np.testing.assert_allclose(each[b], one[0], atol=1e-12)


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("elements", [None, ELEMENTS])
def test_noise_power_is_that_of_filtered_noise(rng, kind, elements):
    """An echo of ones shows the weights of a filter; noise does not depend on unused symbols."""
    options = {"elements": elements} | ({"variance": 2.0} if kind is WienerFilter else {})
    layer = kind(NUMEROLOGY, precision="double", **options)
    x, no = draws(rng, BATCH, SYMBOLS, 12), np.array([0.1, 0.3, 2.0])
    used = np.ones((SYMBOLS, SUBCARRIERS), bool) & NUMEROLOGY.active
    used = used if elements is None else used & elements
    weight = layer(np.ones((BATCH, 1, SYMBOLS, 12)), x, no)[:, 0].numpy()
    expected = no * np.mean(np.abs(weight[:, used]) ** 2, -1)
    x *= used
    np.testing.assert_allclose(layer.noise_power(x, no), expected, rtol=1e-12)
    assert layer.noise_power(x, 0.3).shape == (BATCH,)
    compiled = tf.function(layer.noise_power, jit_compile=True)
    x, no = tf.constant(x), tf.constant(no)
    np.testing.assert_allclose(compiled(x, no), expected, rtol=1e-12)
    with tf.GradientTape() as tape:
        tape.watch([x, no])
        value = layer.noise_power(x, no)
    slope, over_no = tape.gradient(value, [x, no])
    assert not np.any(slope.numpy()[:, ~used])
    step = 1e-6 * draws(rng, BATCH, SYMBOLS, 12)
    change = (layer.noise_power(x + step, no) - layer.noise_power(x - step, no)) / 2
    expected = np.sum(np.real(np.conj(slope) * step), (1, 2))
    np.testing.assert_allclose(change, expected, rtol=1e-5, atol=1e-13)
    change = (layer.noise_power(x, no + 1e-6) - layer.noise_power(x, no - 1e-6)) / 2e-6
    np.testing.assert_allclose(over_no, change, rtol=1e-6)
    if elements is None:  # without OFDM symbols
        alone = layer.noise_power(x[:, 0], no)
        weight = layer(np.ones((BATCH, 1, 12)), x[:, 0], no)[:, 0]
        mean = np.mean(np.abs(weight.numpy()[:, used[0]]) ** 2, -1)
        np.testing.assert_allclose(alone, no * mean, rtol=1e-12)


def test_noise_power_of_16_qam():
    numerology = Numerology(16, 1e6, 60e9)
    power = {k: k(numerology, precision="double").noise_power(QAM[None], 0.5) for k in FILTERS}
    np.testing.assert_allclose(power[ReciprocalFilter], [0.5 * 17 / 9], rtol=1e-12)
    np.testing.assert_allclose(power[SymbolMatchedFilter], [0.5], rtol=1e-12)
    assert 0.5 < power[WienerFilter][0] < 0.5 * 17 / 9


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("jit", [False, True])
def test_a_silent_symbol_or_negative_noise_gives_nan_in_a_graph(rng, kind, jit):
    y, x = draws(rng, 2, ANTENNAS, SYMBOLS, 12), draws(rng, 2, SYMBOLS, 12)
    x[0, 1, 2] = 0
    x[1, 1, 6] = 0  # not active
    layer = kind(NUMEROLOGY, precision="double")
    no = tf.constant([0.1, 0.1], tf.float64)
    function = tf.function(lambda *args: layer(*args), jit_compile=jit)
    z = function(tf.constant(y), tf.constant(x), no).numpy()
    assert np.all(np.isnan(z[0, :, 1, 2])) and np.all(np.isfinite(z[1]))
    noise = tf.function(layer.noise_power, jit_compile=jit)
    np.testing.assert_array_equal(np.isnan(noise(tf.constant(x), 0.1)), [True, False])
    negative = tf.constant([-1.0, 0.1], tf.float64)
    np.testing.assert_array_equal(np.isnan(noise(tf.constant(x + 2), negative)), [True, False])
    if kind is WienerFilter:
        z = function(tf.constant(y), tf.constant(x + 2), tf.constant([-1.0, 0.1], tf.float64))
        assert np.all(np.isnan(z[0].numpy()[..., NUMEROLOGY.active])) and np.all(np.isfinite(z[1]))


@pytest.mark.parametrize("guards", [((0, 0), False), ((2, 3), True)])
def test_elements_of_a_grid_are_where_its_mapper_puts_them(guards):
    """Data of value 2 and pilots of value 1, sensing tones left empty."""
    grid = shared_tone_grid(
        4,
        16,
        1e6,
        sensing_tones=[1, 6],
        pilot_symbols=[1],
        num_guard_carriers=guards[0],
        dc_null=guards[1],
    )
    sent = np.abs(ResourceGridMapper(grid)(tf.fill([1, 1, 1, grid.num_data_symbols], 2 + 0j)))
    sent = np.round(sent[0, 0, 0], 3)
    np.testing.assert_array_equal(reference_elements(grid, "data"), sent == 2)
    np.testing.assert_array_equal(reference_elements(grid, "pilots"), sent == 1)
    sensing = reference_elements(grid, "sensing")
    effective = np.asarray(grid.effective_subcarrier_ind)
    np.testing.assert_array_equal(np.flatnonzero(sensing.any(0)), effective[[1, 6]])
    assert sensing.sum() == 8
    np.testing.assert_array_equal(reference_elements(grid, ("data", "pilots")), sent > 0)
    whole = reference_elements(grid)
    numerology = Numerology.from_resource_grid(grid, 60e9)
    active = np.ones(16, bool) if numerology.active is None else numerology.active
    np.testing.assert_array_equal(whole, np.tile(active, (4, 1)))
    comb = reference_elements(grid, step=3, offset=2)
    np.testing.assert_array_equal(comb, whole & (np.arange(16) % 3 == 2))
    # a filter takes them, and sees no empty element
    x = tf.constant(sent, tf.complex128)[tf.newaxis]
    reciprocal = ReciprocalFilter(numerology, elements=sent > 0, precision="double")
    np.testing.assert_array_equal(reciprocal(x[:, tf.newaxis], x)[0, 0], sent > 0)


def test_pilots_that_differ_keep_their_places():
    """Sionna fills pilots in the order that the mask of a Kronecker pattern is read."""
    grid = ResourceGrid(
        4, 16, 1e6, pilot_pattern="kronecker", pilot_ofdm_symbol_indices=[1, 3], dc_null=True
    )
    pilots = np.arange(grid.num_pilot_symbols) % 3 + 0j  # every third is 0
    grid.pilot_pattern.pilots = pilots[np.newaxis, np.newaxis]
    sent = np.abs(ResourceGridMapper(grid)(tf.fill([1, 1, 1, grid.num_data_symbols], 9 + 0j)))
    sent = sent[0, 0, 0]
    np.testing.assert_array_equal(reference_elements(grid, "pilots"), (sent > 0) & (sent < 9))
    assert isac.waveform.element_mask(Numerology(4, 1e6, 6e9), np.ones((1, 4), bool)) is None


def test_a_silent_symbol_leaves_a_sample_without_estimates_in_a_graph(rng):
    """All of them, not the metric alone; the other sample is as ever."""
    numerology = Numerology(SUBCARRIERS, 1e6, 60e9)
    array = isac.array.UniformLinearArray(ANTENNAS, numerology.wavelength)
    grid = isac.receiver.SearchGrid(np.linspace(-1.5, 1.5, 31), np.linspace(5, 70, 27))
    receiver = isac.receiver.OMP(array, numerology, grid, max_targets=2)
    reciprocal = ReciprocalFilter(numerology)
    y, x = draws(rng, 2, ANTENNAS, SUBCARRIERS), draws(rng, 2, SUBCARRIERS)
    sector = np.array([[-0.5, 0.5]] * 2)
    expected = receiver(reciprocal(y, x), sector)
    x[0, 3] = 0
    function = tf.function(lambda x: receiver(reciprocal(y, x), sector))
    found = function(tf.constant(x, tf.complex64))
    for name in ("angle", "range", "metric", "gain"):
        value, other = getattr(found, name).numpy(), getattr(expected, name).numpy()
        assert np.all(np.isnan(value[0]))
        np.testing.assert_allclose(value[1], other[1], rtol=1e-4, err_msg=name)
