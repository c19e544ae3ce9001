"""Range-Doppler map against its definition: noise, masks, ambiguities; estimates of its peaks."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c
from scipy.signal import get_window

import sionna_isac as isac
from sionna_isac.receiver import CFAR, RangeDopplerMap
from sionna_isac.waveform import Numerology

SYMBOLS, TONES, SPACING, CARRIER = 12, 40, 2e6, 60e9
GUARDS = np.isin(np.arange(TONES), [*range(4, 20), *range(21, 36)])


def numerology(**kwargs) -> Numerology:
    return Numerology(
        TONES, SPACING, CARRIER, **{"num_symbols": SYMBOLS, "cyclic_prefix_length": 8, **kwargs}
    )


def echo(shared: Numerology, places, array=None, beam=None) -> np.ndarray:
    """Observation [1, num_rx, num_symbols, num_subcarriers] of targets (angle, range, velocity)."""
    array = array or isac.array.UniformLinearArray(1, shared.wavelength, precision="double")
    angle, distance, velocity = np.array(places).T
    targets = isac.scene.PointTargets(
        angle[None], distance[None], np.ones((1, len(places))) + 0j, [len(places)], velocity[None]
    )
    rng = np.random.default_rng(1)
    shape = (1, shared.num_symbols, shared.num_subcarriers)
    x = np.exp(2j * np.pi * rng.integers(0, 4, shape) / 4)
    beam = np.ones((1, array.num_antennas)) if beam is None else beam
    y = isac.channel.MonostaticEcho(array, shared, precision="double")(x, targets, beam)
    return y.numpy() / x[:, np.newaxis]


@pytest.mark.parametrize("active", [None, GUARDS], ids=["all", "guards"])
@pytest.mark.parametrize("window", [("hann", "hann"), (None, ("kaiser", 5.0))])
def test_map_is_that_of_the_definition(active, window):
    shared = numerology(active=active)
    rng = np.random.default_rng(2)
    z = rng.normal(size=(2, SYMBOLS, TONES)) + 1j * rng.normal(size=(2, SYMBOLS, TONES))
    rd = RangeDopplerMap(shared, window, (3, 2), fill_gaps=False, precision="double")
    first, last = shared.subcarriers[[0, -1]]
    number = last - first + 1
    assert (rd.velocities.size, rd.ranges.size) == (3 * SYMBOLS, 2 * number)
    w = np.ones(SYMBOLS) if window[0] is None else get_window(window[0], SYMBOLS)
    u = np.zeros(TONES)
    u[first : last + 1] = get_window(window[1], number)
    weights = np.outer(w, u * (1 if active is None else active))
    turns = np.arange(SYMBOLS) * shared.symbol_duration / shared.wavelength
    doppler = np.exp(4j * np.pi * np.outer(rd.velocities, turns))
    delay = np.exp(4j * np.pi * np.outer(np.arange(TONES) * SPACING / c, rd.ranges))
    wanted = np.abs(doppler @ (weights * z) @ delay) ** 2 / np.sum(weights**2)
    np.testing.assert_allclose(rd(z), wanted, atol=1e-10 * wanted.max())
    np.testing.assert_array_equal(rd.spectrum(z), rd(z))
    assert rd.velocities[3 * SYMBOLS // 2] == 0 and np.all(np.diff(rd.velocities) > 0)
    assert rd.velocities[0] == pytest.approx(-shared.max_velocity)
    assert rd.ranges[0] == 0 and rd.ranges[1] * rd.ranges.size == pytest.approx(shared.max_range)
    cut = RangeDopplerMap(
        shared, window, (3, 2), max_range=30.0, fill_gaps=False, precision="double"
    )
    kept = rd.ranges <= 30
    np.testing.assert_array_equal(cut.ranges, rd.ranges[kept])
    np.testing.assert_allclose(cut(z), wanted[..., kept], atol=1e-10 * wanted.max())


def test_noise_keeps_its_power():
    rng = np.random.default_rng(3)
    elements = rng.uniform(size=(SYMBOLS, TONES)) < 0.4
    array = isac.array.UniformLinearArray(4, c / CARRIER, precision="double")
    z = (rng.normal(size=(2, 300, 4, SYMBOLS, TONES)) / np.sqrt(2)).transpose(1, 2, 3, 4, 0)
    z = z[..., 0] + 1j * z[..., 1]
    for options in ({}, {"array": array, "angles": [-0.3, 0.4]}):
        rd = RangeDopplerMap(numerology(active=GUARDS), elements=elements, **options)
        mean = rd(z).numpy().mean((0, 2, 3))
        assert mean == pytest.approx(np.ones(mean.size), abs=0.02)


def test_a_filled_gap_raises_no_floor_and_keeps_the_noise():
    """The DC null of a band: no more ghosts than without it, and the mean noise in each range."""
    tones, symbols = 128, 14
    guards = (np.arange(tones) > 10) & (np.arange(tones) < 118)
    nulled = guards & (np.arange(tones) != 64)
    rng = np.random.default_rng(6)
    shape = (20, symbols, tones)
    noise = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)
    grids = [
        Numerology(tones, SPACING, CARRIER, num_symbols=symbols, active=active)
        for active in (guards, nulled)
    ]
    top = 0.2 * grids[0].max_velocity
    places = zip(rng.uniform(-top, top, 20), rng.uniform(6, 9, 20), strict=True)
    turns = 4j * np.pi * np.arange(symbols)[:, None] * grids[0].symbol_duration * CARRIER / c
    z = [np.exp(-turns * v - 4j * np.pi * SPACING / c * r * np.arange(tones)) for v, r in places]
    z = np.array(z) + 0.1 * noise
    detect = CFAR("os", (4, 8), (3, 4), 1e-6, precision="double")
    number = {}
    for name, shared, fill in (
        ("band", grids[0], True),
        ("empty", grids[1], False),
        ("filled", grids[1], True),
    ):
        rd = RangeDopplerMap(shared, max_range=40.0, fill_gaps=fill, precision="double")
        found = detect(rd(z))
        assert np.all(found.mask[:, 0])
        number[name] = int(np.sum(found.mask)) - 20
        if name == "band":  # no gap inside, nothing filled
            plain = RangeDopplerMap(shared, max_range=40.0, fill_gaps=False, precision="double")
            np.testing.assert_array_equal(rd(z), plain(z))
    assert number["filled"] <= number["band"] < number["empty"]
    # exact noise: impulses in all elements sum up to N0 = 1 in each cell
    impulses = np.eye(2 * tones).reshape(-1, 2, tones)
    two = Numerology(tones, SPACING, CARRIER, num_symbols=2, active=nulled)
    for limit in (40.0, 0.8 * two.max_range, None):
        power = RangeDopplerMap(two, (None, "hann"), max_range=limit, precision="double")(impulses)
        np.testing.assert_allclose(np.sum(power, 0), 1, rtol=1e-9)
    # gaps that differ between symbols, or are too wide, hold zeros
    uneven = np.tile(nulled, (symbols, 1))
    uneven[3, 20] = False
    wide = np.tile(guards & (np.abs(np.arange(tones) - 30) > 8), (symbols, 1))
    for elements in (uneven, wide):
        options = {"elements": elements, "precision": "double"}
        filled, empty = (RangeDopplerMap(grids[0], fill_gaps=f, **options) for f in (True, False))
        np.testing.assert_array_equal(filled(z), empty(z))


def test_window_over_antennas_lowers_side_lobes_of_beams():
    shared = numerology(num_symbols=1)
    array = isac.array.UniformLinearArray(16, shared.wavelength, precision="double")
    angles = np.arcsin(np.linspace(-0.9, 0.9, 73))
    z = array.steering(np.array([0.0])).numpy()[..., None, None] * np.ones((1, 1, TONES))
    z = z.reshape(1, 16, 1, TONES)
    lobe = {}
    for window in (("hann", "hann"), ("hann", "hann", "hann")):
        rd = RangeDopplerMap(shared, window, array=array, angles=angles, precision="double")
        beams = rd(z)[0, :, 0, 0].numpy()
        lobe[len(window)] = np.max(beams[np.abs(np.sin(angles)) > 0.3]) / beams.max()
    assert lobe[2] > 3e-3 and lobe[3] < 0.1 * lobe[2]


@pytest.mark.parametrize("sign", [1, -1])
def test_receding_targets_have_positive_velocities(sign):
    shared = numerology()
    velocity = sign * 0.4 * shared.max_velocity
    rd = RangeDopplerMap(shared)
    power = rd(echo(shared, [(0.0, 21.0, velocity)]))[0, 0].numpy()
    i, j = np.unravel_index(np.argmax(power), power.shape)
    assert abs(rd.velocities[i] - velocity) <= shared.velocity_resolution / 2
    assert abs(rd.ranges[j] - 21) <= shared.range_resolution / 2


def test_combs_of_elements_see_what_they_can_tell_apart():
    """Every third subcarrier, every other symbol: a third of the range, half of the velocities."""
    elements = np.zeros((SYMBOLS, TONES), bool)
    elements[1::2, 2::3] = True
    shared = numerology()
    rd = RangeDopplerMap(shared, padding=(2, 4), elements=elements, precision="double")
    assert rd.ranges.size * rd.ranges[1] == pytest.approx(shared.max_range / 3)
    assert rd.velocities[0] == pytest.approx(-shared.max_velocity / 2)
    z = echo(shared, [(0.0, 17.0, 20.0)])
    z[..., ~elements] = 7.0  # what is not used does not count
    power = rd(z)[0].numpy()
    _, i, j = np.unravel_index(np.argmax(power), power.shape)
    assert abs(rd.velocities[i] - 20) < np.diff(rd.velocities)[0]
    assert abs(rd.ranges[j] - 17) < rd.ranges[1]
    # the energy of the elements, up to the loss of the windows and between cells
    assert 0.4 * elements.sum() < power.max() < elements.sum()


def test_one_symbol_has_ranges_only():
    shared = numerology(num_symbols=1)
    rd = RangeDopplerMap(shared, ("hann", None))
    z = echo(shared, [(0.0, 21.0, 0.0)])
    power = rd(z[:, :, 0])
    assert power.shape == (1, 1, 1, 2 * TONES) and rd.velocities.tolist() == [0]
    np.testing.assert_array_equal(power, rd(z))
    found = CFAR("os", (0, 6), (0, 2), 1e-3)(power[:, 0])
    assert float(rd.estimate(power[:, 0], found).range[0, 0]) == pytest.approx(21, abs=0.2)


@pytest.mark.parametrize("active", [None, GUARDS], ids=["all", "guards"])
def test_estimates_are_close_to_the_truth(active):
    shared = numerology(active=active, num_symbols=24)
    array = isac.array.UniformLinearArray(16, shared.wavelength, precision="double")
    beam = np.zeros((1, 16))
    beam[0, 0] = 1  # a wide one
    places = [(0.2, 22.3, 41.0), (-0.4, 48.1, -200.0), (0.5, 60.6, 10.0)]
    z = echo(shared, places, array, beam)
    rng = np.random.default_rng(4)
    z = z + 0.01 * (rng.normal(size=z.shape) + 1j * rng.normal(size=z.shape))
    angles = np.arcsin(np.linspace(-0.95, 0.95, 31))
    rd = RangeDopplerMap(shared, ("hann", "hann"), (2, 2), array, angles, precision="double")
    power = rd(z)
    found = CFAR("os", (3, 4), (2, 2), 1e-6, max_detections=6, precision="double")(power)
    estimate = rd.estimate(power, found)
    assert estimate.angle.shape == (1, 6) and np.all(found.mask[0, :3])
    for place in places:
        off = np.abs(estimate.range[0, :3] - place[1])
        n = int(np.argmin(off))
        assert off[n] < 0.1 * shared.range_resolution
        assert abs(estimate.velocity[0, n] - place[2]) < 0.1 * shared.velocity_resolution
        assert abs(estimate.angle[0, n] - place[0]) < 0.02
        assert estimate.metric[0, n] > 1
    empty = ~found.mask[0].numpy()
    for value in (estimate.angle, estimate.range, estimate.velocity, estimate.metric):
        assert not np.any(value[0].numpy()[empty])


def test_estimates_beyond_the_ends_of_velocities_wrap():
    """A target between the last velocity and the first one; one at the first range."""
    shared = numerology()
    top = shared.max_velocity
    rd = RangeDopplerMap(shared, padding=(2, 2), precision="double")
    step = np.diff(rd.velocities)[0]
    power = rd(echo(shared, [(0.0, 30.0, top - 0.2 * step)])[:, 0])
    found = CFAR("ca", (3, 4), (2, 2), 1e-6, precision="double")(power)
    velocity = float(rd.estimate(power, found).velocity[0, 0])
    assert min(abs(velocity - s * top + 0.2 * step) for s in (1, -1)) < 0.05 * step


def test_estimates_can_be_differentiated():
    shared = numerology()
    rd = RangeDopplerMap(shared, precision="double")
    detect = CFAR("ca", (2, 4), (2, 2), 1e-6, max_detections=2, precision="double")

    x = tf.constant(21.3, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        phase = -4 * np.pi * SPACING / c * x * np.arange(TONES)
        z = tf.tile(tf.complex(tf.cos(phase), tf.sin(phase))[None, None], [1, SYMBOLS, 1])
        power = rd(z)
        estimate = rd.estimate(power, detect(power)).range[0, 0]
    assert float(estimate) == pytest.approx(21.3, abs=0.1)
    assert float(tape.gradient(estimate, x)) == pytest.approx(1, abs=0.1)


def test_samples_with_nan_are_nan():
    z = np.ones((2, SYMBOLS, TONES), complex)
    z[0, 3, 4] = np.nan
    power = tf.function(RangeDopplerMap(numerology()).__call__, jit_compile=True)(tf.constant(z))
    assert np.all(np.isnan(power[0])) and np.all(np.isfinite(power[1]))
    spared = np.ones((SYMBOLS, TONES), bool)
    spared[3, 4] = False
    rd = RangeDopplerMap(numerology(), elements=spared)
    assert np.all(np.isfinite(tf.function(rd.__call__)(tf.constant(z))))


def test_false_alarms_of_a_calibrated_detector():
    """Windows and zero padding correlate cells; the multiplier of the formula is too small."""
    shared = Numerology(128, SPACING, CARRIER, num_symbols=32)
    rd = RangeDopplerMap(shared)
    detect = CFAR("os", (2, 4), (2, 2), 1e-3)
    calibrated = detect.calibrated(rd, [32, 128], 20)
    rng = np.random.default_rng(12)
    z = rng.normal(size=(2, 60, 32, 128)) / np.sqrt(2)
    power = rd(z[0] + 1j * z[1])
    rates = {
        kind: d.mask(power).numpy().mean((1, 2))
        for kind, d in (("plain", detect), ("calibrated", calibrated))
    }
    spread = rates["calibrated"].std() / np.sqrt(60)
    assert abs(rates["calibrated"].mean() - 1e-3) < 4 * np.hypot(spread, spread * np.sqrt(3))
    assert rates["plain"].mean() > 1.5e-3


@pytest.mark.parametrize("kind", ["map", "gaps", "comb", "cube"])
def test_side_lobes_of_a_strong_target_are_rejected(kind):
    """A strong target is one detection; one far below it, but above its side lobes, is kept."""
    rng = np.random.default_rng(21)
    tones, symbols, number = 64, 24, 3
    active = np.arange(tones) != 32 if kind == "gaps" else None
    shared = Numerology(
        tones, SPACING, CARRIER, num_symbols=symbols, cyclic_prefix_length=32, active=active
    )
    comb = np.add.outer(np.arange(symbols), np.arange(tones)) % 3 == 0  # with aliases
    options, array = {"elements": comb if kind == "comb" else None, "precision": "double"}, None
    if kind == "cube":
        array = isac.array.UniformLinearArray(8, shared.wavelength, precision="double")
        options |= {"array": array, "angles": np.arcsin(np.linspace(-0.9, 0.9, 9))}
    rd = RangeDopplerMap(shared, ("hann", "hann"), **options)
    beam = None if array is None else np.eye(1, 8)
    alone, both = [], []
    for _ in range(number):
        place = [rng.uniform(-0.8, 0.8), rng.uniform(5, 20), rng.uniform(-0.7, 0.3)]
        place[2] *= shared.max_velocity
        step = [0, 7.2 * shared.range_resolution, 6.3 * shared.velocity_resolution]
        strong, weak = (echo(shared, [p], array, beam)[0] for p in (place, np.add(place, step)))
        noise = rng.normal(size=(2, *strong.shape)) / np.sqrt(2)
        alone.append(100 * strong + noise[0] + 1j * noise[1])
        both.append(alone[-1] + weak)
    z = np.array(alone + both)
    detect = CFAR("os", (6, 6), (3, 3), 1e-9, max_detections=100, precision="double")
    found = detect(rd(z if kind == "cube" else z[:, 0]))
    kept = tf.function(rd.reject_sidelobes, jit_compile=True)(found)
    wanted = np.repeat([1, 2], number)
    assert kept.mask.shape == found.mask.shape and np.sum(found.mask) > 2 * np.sum(wanted)
    np.testing.assert_array_equal(kept.mask, np.arange(100) < wanted[:, np.newaxis])
    for before, after in zip(found, kept, strict=True):
        if before is not None:
            np.testing.assert_array_equal(after[:, 0], before[:, 0])
            assert not np.any(after[:number, 1:])
    offset = (kept.range_index[number:, 1] - kept.range_index[number:, 0]).numpy()
    period = 2 * tones / (3 if kind == "comb" else 1)
    assert np.all(np.abs((offset - 14.4 + period / 2) % period - period / 2) < 1.5)
    assert np.all(kept.power[number:, 1] < 1e-3 * kept.power[number:, 0])
    if kind == "cube":  # one cell, beams far from each other: -5 dB and -25 dB
        index, ones = np.array([[5, 5]], np.int32), tf.ones([1, 2], tf.float64)
        beams = np.array([[1, 6]], np.int32)
        for weaker, mask in ((300.0, [True, True]), (3.0, [True, False])):
            power = tf.constant([[1000.0, weaker]], tf.float64)
            pair = isac.receiver.Detections(index, index, power, ones, ones > 0, beams)
            assert rd.reject_sidelobes(pair).mask[0].numpy().tolist() == mask
            pair = pair._replace(power=tf.cast(power, tf.float32))  # of a detector in single
            assert rd.reject_sidelobes(pair).mask[0].numpy().tolist() == mask


@pytest.mark.parametrize("kind", ["mean", "eca", "canceller"])
def test_ghosts_of_a_clutter_filter_are_rejected(kind):
    """A clutter filter leaves them in its notch or beside it; a slow target above them is kept."""
    rng = np.random.default_rng(22)
    tones, symbols, number = 64, 24, 3
    shared = Numerology(tones, SPACING, CARRIER, num_symbols=symbols, cyclic_prefix_length=32)
    slow_one = 4.0 if kind == "eca" else 2.6  # outside of the notch
    step, elements = shared.velocity_resolution, np.ones((symbols, tones), bool)
    elements[:2] = False
    elements[9] = kind != "canceller"  # this one loses the next symbol, too
    options = {"elements": elements, "precision": "double"}
    notch = {"max_velocity": 1.5 * step} if kind == "eca" else {}
    remove = isac.receiver.ClutterFilter(kind, shared, **notch, **options)
    alone, both = [], []
    for _ in range(number):
        distance, sign = rng.uniform(10, 20), rng.choice([-1, 1])
        strong = echo(shared, [(0.0, distance, sign * rng.uniform(5.3, 5.7) * step)])[0, 0]
        slow = echo(shared, [(0.0, distance, -sign * slow_one * step)])[0, 0]
        noise = rng.normal(size=(2, *strong.shape)) / np.sqrt(2)
        alone.append(30 * strong + noise[0] + 1j * noise[1])
        both.append(alone[-1] + 25 * slow)
    z = remove(np.array(alone + both))
    # a window of lower side lobes than what the filter makes
    window = (("chebwin", 60), ("chebwin", 60))
    maps = [
        RangeDopplerMap(shared, window, projection=p, **options) for p in (None, remove.projection)
    ]
    power = maps[0](z)
    np.testing.assert_array_equal(maps[1](z), power)
    detect = CFAR("os", (4, 6), (4, 4), 1e-9, max_detections=60, precision="double")
    found = detect(power)
    windows_only = maps[0].reject_sidelobes(found).mask
    kept = tf.function(maps[1].reject_sidelobes, jit_compile=True)(found).mask
    wanted = np.arange(60) < np.repeat([1, 2], number)[:, np.newaxis]
    np.testing.assert_array_equal(kept, wanted)
    assert np.all(np.sum(windows_only[:number], 1) > 1)


def test_one_look_direction_is_that_of_several():
    shared = numerology()
    array = isac.array.UniformLinearArray(8, shared.wavelength, precision="double")
    z = echo(shared, [(0.3, 12.0, 50.0)], array, np.eye(1, 8))
    one, three = (
        RangeDopplerMap(shared, array=array, angles=a, precision="double")
        for a in ([0.3], [0.1, 0.3, 0.4])
    )
    power = one(z)
    assert power.shape == (1, 1, 2 * SYMBOLS, 2 * TONES)
    np.testing.assert_allclose(power[:, 0], three(z)[:, 1])
    row, column = np.unravel_index(np.argmax(power[0, 0]), power.shape[2:])
    index, ones = (np.array([[n]], np.int32) for n in (row, column)), tf.ones([1, 1], tf.float64)
    first = np.zeros((1, 1), np.int32)
    peak = isac.receiver.Detections(*index, power[:, 0, row, column, None], ones, ones > 0, first)
    estimate = one.estimate(power, one.reject_sidelobes(peak))
    assert estimate.angle.numpy() == [[pytest.approx(0.3)]]
    assert float(estimate.range[0, 0]) == pytest.approx(12.0, abs=0.2)
