"""CFAR: thresholds against reference numbers, false alarms everywhere, detections by definition."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.receiver import CFAR, cfar_detection_probability, cfar_threshold

DATA = Path(__file__).parents[1] / "data" / "moving_targets" / "cfar_cases.json"
CASES = json.loads(DATA.read_text())["cfar"]
KINDS = ("ca", "go", "so", "os")


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['num_reference']}-{c['p_fa']}")
def test_thresholds_and_detection_are_those_of_the_reference(case):
    number, p_fa, rank = case["num_reference"], case["p_fa"], case["rank"]
    for kind in KINDS:
        found = cfar_threshold(kind, p_fa, number, rank if kind == "os" else None)
        assert found == pytest.approx(case[kind], rel=1e-9)
    assert cfar_threshold("os", p_fa, number) == cfar_threshold("os", p_fa, number, rank)
    for snr_db, wanted in case["p_d_swerling1"].items():
        for kind, value in wanted.items():
            found = cfar_detection_probability(kind, 10 ** (float(snr_db) / 10), p_fa, number)
            assert found == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_drawn_cells(kind):
    """Thresholds of many and few cells; a target detected as often as predicted."""
    rng = np.random.default_rng(1)
    draws, number, p_fa, snr = 400_000, 8, 0.02, 6.0
    cells = rng.exponential(size=(draws, number))
    first, second = cells[:, : number // 2].mean(1), cells[:, number // 2 :].mean(1)
    level = {
        "ca": cells.mean(1),
        "go": np.maximum(first, second),
        "so": np.minimum(first, second),
        "os": np.sort(cells, 1)[:, 5],
    }[kind]
    level *= cfar_threshold(kind, p_fa, number)
    noise, target = rng.exponential(size=(2, draws)) * [[1], [1 + snr]]
    for rate, wanted in (
        (np.mean(noise > level), p_fa),
        (np.mean(target > level), cfar_detection_probability(kind, snr, p_fa, number)),
    ):
        assert abs(rate - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / draws)
    extreme = [cfar_threshold(kind, 1e-12, n) for n in (2, 64, 5000)]
    assert extreme == sorted(extreme, reverse=True) and extreme[-1] > 20


def plain_mask(power, kind, num_reference, num_guard, p_fa, rank, circular):
    """Mask of one map by the definition, a cell at a time."""
    rows, columns = power.shape
    reach = np.add(num_reference, num_guard)
    axis = 1 if num_reference[1] else 0
    spans = [range(-n, n + 1) for n in reach]
    total = np.prod(2 * reach + 1) - np.prod(2 * np.array(num_guard) + 1)
    mask = np.zeros(power.shape, bool)
    for i, j in np.ndindex(rows, columns):
        cells = []
        for di in spans[0]:
            for dj in spans[1]:
                place = [i + di, j + dj]
                inside = [
                    w or 0 <= p < n for p, n, w in zip(place, power.shape, circular, strict=True)
                ]
                if (abs(di) > num_guard[0] or abs(dj) > num_guard[1]) and all(inside):
                    cells.append(((di, dj)[axis], power[place[0] % rows, place[1] % columns]))
        side, value = np.array(cells).T
        if kind == "ca":
            level = cfar_threshold("ca", p_fa, value.size) * value.mean()
        elif kind == "os":
            k = int(np.ceil(rank * value.size / total))
            level = cfar_threshold("os", p_fa, value.size, k) * np.sort(value)[k - 1]
        else:
            halves = [value[side < 0], value[side > 0]]
            means = [h.mean() for h in halves if h.size]
            if halves[0].size == halves[1].size:
                alpha = cfar_threshold(kind, p_fa, 2 * halves[0].size)
            elif len(means) == 1:
                alpha = cfar_threshold("ca", p_fa, max(h.size for h in halves))
            else:
                continue  # unequal halves: the rate of false alarms tells
            level = alpha * (max(means) if kind == "go" else min(means))
        mask[i, j] = power[i, j] > level
    return mask


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("num_reference", "num_guard", "circular"),
    [
        ((2, 3), (1, 2), (True, False)),
        ((0, 4), (0, 1), (False, True)),
        ((3, 0), (1, 0), (False, False)),
    ],
)
def test_masks_are_those_of_the_definition(kind, num_reference, num_guard, circular):
    rng = np.random.default_rng(3)
    power = rng.exponential(size=(2, 9, 14)) ** 2
    detect = CFAR(kind, num_reference, num_guard, 0.1, circular=circular, precision="double")
    rank = int(np.ceil(0.75 * detect.num_cells))
    found = detect.mask(power).numpy()
    assert found.any()
    for one, mask in zip(power, found, strict=True):
        wanted = plain_mask(one, kind, num_reference, num_guard, 0.1, rank, circular)
        if kind in ("go", "so"):
            checked = np.ones(one.shape, bool)
            if not all(circular):  # cells whose halves differ
                reach = np.add(num_reference, num_guard)
                axis = 1 if num_reference[1] else 0
                if not circular[axis]:
                    place = np.indices(one.shape)[axis]
                    n = one.shape[axis]
                    low, high = (
                        np.minimum(place, reach[axis]),
                        np.minimum(n - 1 - place, reach[axis]),
                    )
                    checked = (low == high) | (low <= num_guard[axis]) & (num_reference[0] == 0)
            assert np.array_equal(mask[checked], wanted[checked])
        else:
            assert np.array_equal(mask, wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("circular", [(True, True), (True, False), (False, False)])
def test_false_alarms_are_as_frequent_as_requested_at_edges_too(kind, circular):
    rng = np.random.default_rng(5)
    p_fa, shape = 0.01, (4000, 12, 16)
    detect = CFAR(kind, (2, 4), (1, 1), p_fa, circular=circular)
    found = detect.mask(rng.exponential(size=shape)).numpy()
    places = {
        "all": found,
        "first range": found[..., 0],
        "last range": found[..., -1],
        "second range": found[..., 1],
        "third range": found[..., 2],
        "first velocity": found[:, 0],
        "last velocity": found[:, -1],
        "corner": found[:, 0, 0],
    }
    for name, mask in places.items():
        spread = np.std(mask.reshape(shape[0], -1).mean(1)) / np.sqrt(shape[0])
        assert abs(mask.mean() - p_fa) < 4 * spread, name


def peaks(power, mask):
    """Cells of a map that are above threshold and neighbours, by power; velocities are circular."""
    rows, columns = power.shape
    found = []
    for i, j in np.argwhere(mask):
        near = [
            power[(i + di) % rows, j + dj]
            for di in (-1, 0, 1)
            for dj in (-1, 0, 1)
            if (di or dj) and 0 <= j + dj < columns
        ]
        if power[i, j] > max(near):
            found.append((power[i, j], i, j))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_detections_are_the_strongest_maxima(kind):
    rng = np.random.default_rng(7)
    power = rng.exponential(size=(3, 16, 24))
    for b, i, j, p in ((0, 0, 0, 90.0), (0, 0, 1, 80.0), (0, 15, 3, 70.0), (1, 7, 23, 60.0)):
        power[b, i, j] = p
    detect = CFAR(kind, (2, 4), (1, 1), 0.02, max_detections=9, precision="double")
    found, mask = detect(power), detect.mask(power).numpy()
    assert found.angle_index is None and found.power.shape == (3, 9)
    for b in range(3):
        wanted = peaks(power[b], mask[b])[:9]
        number = len(wanted)
        assert number and found.mask[b].numpy().tolist() == [True] * number + [False] * (9 - number)
        values = np.stack([found.power[b], found.velocity_index[b], found.range_index[b]], 1)
        np.testing.assert_array_equal(values[:number], wanted)
        assert not values[number:].any()
        assert np.all(found.power[b][:number] > found.threshold[b][:number])
        # a cell just above its threshold is detected, one just below is not
        for n in range(number):
            i, j = (int(v) for v in wanted[n][1:])
            for change, expected in ((1 + 1e-9, True), (1 - 1e-9, False)):
                near = power.copy()
                near[b, i, j] = change * found.threshold[b, n]
                assert detect.mask(near).numpy()[b, i, j] == expected


def test_search_finds_what_all_cells_have():
    """Steps of the noise, where the level that spares cells is too high or too low for many."""
    rng = np.random.default_rng(11)
    power = rng.exponential(size=(60, 12, 24))
    power[:20, :, 9:] *= 30
    power[20:40, 5:] *= 1e-3
    power[40:50, 3:8, 10:16] *= 20
    detect = CFAR("os", (2, 4), (2, 2), 0.05, max_detections=20, precision="double")
    found, mask = detect(power), detect.mask(power).numpy()
    numbers = []
    for b in range(60):
        wanted = peaks(power[b], mask[b])[:20]
        numbers.append(len(wanted))
        values = np.stack([found.power[b], found.velocity_index[b], found.range_index[b]], 1)
        np.testing.assert_array_equal(values[: len(wanted)], wanted)
        assert not found.power[b, len(wanted) :].numpy().any()
    assert min(numbers) < 6 and max(numbers) > 8


def test_cubes_have_one_list_of_detections():
    rng = np.random.default_rng(8)
    power = rng.exponential(size=(2, 5, 8, 20))
    power[0, 1, 3, 10], power[0, 2, 3, 11], power[0, 4, 7, 2] = 900.0, 500.0, 700.0
    detect = CFAR("os", (1, 4), (1, 1), 1e-6, max_detections=4)
    found = detect(power)
    where = np.stack([found.angle_index, found.velocity_index, found.range_index], -1)
    assert where[0, :2].tolist() == [[1, 3, 10], [4, 7, 2]] and not found.mask[0, 2:].numpy().any()
    assert not found.mask[1].numpy().any() and not found.power[1].numpy().any()
    mask = detect.mask(power).numpy()
    assert mask.shape == power.shape and mask[0, 2, 3, 11] and mask.sum() == 3


def test_equal_neighbours_are_one_detection():
    power = np.ones((1, 12, 20))
    power[0, 5, 7:9] = power[0, 6, 8] = 400.0
    power[0, 0, 0] = power[0, 11, 0] = 300.0  # velocities are circular
    found = CFAR("ca", (2, 3), (2, 2), 1e-3)(power)
    assert int(tf.reduce_sum(tf.cast(found.mask, tf.int32))) == 2
    assert found.power[0, :2].numpy().tolist() == [400.0, 300.0]
    power = np.ones((1, 12, 20))
    power[0, :, 5] = 400.0  # all around the velocities: the first one
    found = CFAR("ca", (2, 3), (2, 2), 1e-3)(power)
    assert np.sum(found.mask) == 1
    assert (int(found.velocity_index[0, 0]), int(found.range_index[0, 0])) == (0, 5)


def test_weak_cells_beside_a_strong_target_are_seen_in_single_precision():
    """Sums by differences would lose the noise of the reference cells."""
    rng = np.random.default_rng(9)
    power = rng.exponential(size=(1, 40, 60))
    power[0, 20, 30] = 1e9  # within the guard cells of its neighbours
    for kind in KINDS:
        single, double = (
            CFAR(kind, (4, 6), (2, 2), 0.05, precision=p).mask(power).numpy()
            for p in ("single", "double")
        )
        near = np.s_[0, 18:23, 28:33]
        np.testing.assert_array_equal(single[near], double[near])
        assert np.mean(single == double) > 0.999


def test_samples_with_nan_have_no_detections():
    power = np.random.default_rng(1).exponential(size=(2, 9, 12))
    power[:, 4, 6] = 500.0
    power[0, 0, 0] = np.nan
    detect = CFAR("ca", (1, 3), (1, 1), 1e-4)
    for jit in (False, True):
        both = tf.function(lambda x: (detect(x), detect.mask(x)), jit_compile=jit)
        found, mask = both(tf.constant(power))
        assert not found.mask[0].numpy().any() and np.all(np.isnan(found.power[0]))
        assert found.mask[1].numpy().tolist() == [True] + 15 * [False]
        assert found.power[1, 0] == 500
        mask = mask.numpy()
        assert not mask[0].any() and mask[1].sum() == 1
    with pytest.raises(ValueError, match="finite"):
        detect(power)


def test_more_places_than_cells():
    found = CFAR("ca", (0, 1), (0, 0), 0.3, max_detections=50)(np.eye(1, 4)[None] + 0.01)
    assert found.power.shape == (1, 50) and found.mask[0].numpy().sum() == 1


def test_calibration_finds_the_multiplier_of_correlated_cells():
    """For independent cells it is that of the formula; smoothed ones need another."""
    kwargs = {"num_reference": (2, 4), "num_guard": (1, 1), "p_fa": 0.02}
    for kind in KINDS:
        detect = CFAR(kind, **kwargs)
        calibrated = detect.calibrated(lambda z: tf.abs(z) ** 2, [60, 300], 4)
        assert calibrated.alpha == pytest.approx(detect.alpha, rel=0.02)
    again = CFAR("ca", **kwargs, multiplier=1e6).calibrated(lambda z: tf.abs(z) ** 2, [60, 300], 4)
    wanted = CFAR("ca", **kwargs).calibrated(lambda z: tf.abs(z) ** 2, [60, 300], 4)
    assert again.alpha == pytest.approx(wanted.alpha, rel=1e-6)  # from any multiplier at the start

    def smooth(z):
        return tf.abs(z + tf.roll(z, 1, 2)) ** 2 / 2

    detect = CFAR("ca", **kwargs)
    calibrated = detect.calibrated(smooth, [60, 300], 8)
    alpha = calibrated.multiplier
    assert alpha == detect.calibrated(smooth, [60, 300], 8).alpha
    assert detect.multiplier is None
    rng = np.random.default_rng(99)
    z = rng.normal(size=(2, 10, 60, 300)) / np.sqrt(2)
    power = smooth(z[0] + 1j * z[1])
    mask = calibrated.mask(power).numpy()
    again = CFAR("ca", **kwargs, multiplier=alpha)
    np.testing.assert_array_equal(again.mask(power), mask)
    rates = mask.mean((1, 2))
    assert abs(rates.mean() - 0.02) < 4 * rates.std() / np.sqrt(10) + 4 * 0.02 * 0.03
    with pytest.raises(ValueError, match="num_draws must be >= 3 for 100 false alarms"):
        detect.calibrated(smooth, [40, 50], 1)
    three, enough = (detect.calibrated(smooth, [40, 50], *n).alpha for n in ([3], []))
    assert enough == three


def test_a_calibrated_detector_keeps_the_other_arguments():
    options = {"num_guard": (0, 1), "rank": 3, "max_detections": 5, "circular": (False, True)}
    detect = CFAR("os", (0, 2), p_fa=0.2, precision="double", **options)
    config = detect.calibrated(lambda z: tf.abs(z) ** 2, [20, 60], 1).get_config()
    for name, value in detect.get_config().items():
        assert config[name] == value or name in ("name", "multiplier")


def test_detection_can_be_differentiated():
    power = np.random.default_rng(1).exponential(size=(3, 16, 24))
    power[0, 4, 6] = 50.0
    for kind in KINDS:  # detectors and shape of the strongest maxima, which are compiled already
        detect = CFAR(kind, (2, 4), (1, 1), 0.02, max_detections=9, precision="double")
        x = tf.constant(power)
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = detect(x)
            value = found.power[0, 0] / found.threshold[0, 0]
        gradient, *others = tape.gradient(value, x).numpy()
        assert not np.any(others)
        assert gradient[4, 6] == pytest.approx(1 / float(found.threshold[0, 0]))
        # the ratio does not depend on the scale of the map
        assert abs(np.sum(gradient * power[0])) < 1e-12
        assert np.count_nonzero(gradient) > 1


def test_numbers_of_reference_cells():
    assert CFAR("ca").num_cells == 23**2 - 7**2
    assert CFAR("ca", (0, 8), (0, 2)).num_cells == 16
    assert CFAR("go", (3, 8), (1, 2)).num_cells == 2 * (9 * 10 - 3 * 2)
    assert CFAR("so", (3, 0), (1, 2)).num_cells == 2 * 3 * 5
    assert CFAR("os", (1, 2), (0, 1), rank=12).alpha == cfar_threshold("os", 1e-4, 18, 12)
    assert isac.receiver.Detections._fields[-1] == "angle_index"
