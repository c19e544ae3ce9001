"""Focused patches of point echoes, and a network that learns from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.objective import MultitaskLabels, candidate_loss, multitask_loss
from sionna_isac.receiver import CrossTaskLocalizer, FocusedLocalizer, FocusedMaps, SearchGrid

FREQUENCIES = 5e9 + 12.5e6 * np.arange(8)
OFFSETS = (np.arange(16) - 7.5) * 0.03
TX = np.stack([0 * OFFSETS, OFFSETS, 0 * OFFSETS], -1)
RX = TX[:, [0, 2, 1]]
GRID = SearchGrid(np.radians(np.arange(-60, 61, 2.0)), np.arange(3.0, 11.5, 0.5))
OPTIONS = {"margin": 0, "patch_size": 15, "cell": 0.4, "filters": (6, 8), "hidden_size": 16}

SHIFTED = {**OPTIONS, "num_candidates": 1, "patch_size": 9, "margin": 3}


def receiver(precision="double", **kwargs):
    isac.set_seed(3)
    return FocusedLocalizer(FREQUENCIES, TX, RX, GRID, precision=precision, **OPTIONS, **kwargs)


def echo(*places, gains=None):
    """Channels of points at (range, azimuth), added."""
    points = [(r * np.cos(a), r * np.sin(a), 0.0) for r, a in places]
    parts = [isac.channel.point_echo(p, FREQUENCIES, TX, RX) for p in points]
    return sum(g * h for g, h in zip(gains or [1.0] * len(parts), parts, strict=True))[np.newaxis]


def test_the_patch_is_that_of_the_matched_filter():
    net = receiver()
    h = echo((7.1, 0.35), (6.2, 0.3), gains=[1, 0.4j])
    patch = net.focus(h)
    # around the strongest cell of the image on the grid
    image = net._maps._filter.image(h).numpy()[0]
    row, column = np.unravel_index(np.argmax(image), image.shape)
    assert patch.angle[0, 0] == GRID.angles[row] and patch.range[0, 0] == GRID.ranges[column]
    # each cell is the plain sum over tones and antennas, over that of the largest cell
    offset = 0.4 * (np.arange(15) - 7)
    sums = np.empty((15, 15), complex)
    k = 2 * np.pi * FREQUENCIES / 299792458.0
    for i, angle in enumerate(GRID.angles[row] + offset / GRID.ranges[column]):
        for j, distance in enumerate(GRID.ranges[column] + offset):
            place = distance * np.array([np.cos(angle), np.sin(angle), 0])
            way = np.linalg.norm(place - RX, axis=1)[:, np.newaxis] + np.linalg.norm(
                place - TX, axis=1
            )
            sums[i, j] = np.sum(h[0] * np.exp(1j * k[:, np.newaxis, np.newaxis] * way))
    ratio = sums / sums.flat[np.argmax(np.abs(sums))]
    magnitude = np.sqrt(np.abs(ratio) ** 2 + 1e-6)
    expected = np.stack([magnitude, np.log(magnitude), ratio.real, ratio.imag], -1)
    np.testing.assert_allclose(patch.features[0, 0], expected, atol=1e-9)


def test_symmetric_estimates_turn_with_a_mirrored_scene():
    h = echo((7.1, 0.35), (6.2, 0.3), gains=[1, 0.4j])
    plain, mean = receiver(), receiver(symmetric=True)
    for net in (plain, mean):
        for w in net.trainable_weights:
            w.assign(w + 0.3 * np.random.default_rng(w.shape[0]).normal(size=w.shape))
    seen, turned = (mean(v) for v in (h, h[..., ::-1]))
    np.testing.assert_allclose(turned.azimuth, -seen.azimuth, rtol=1e-9)
    for name in ("range", "logits", "log_var_range"):
        np.testing.assert_allclose(getattr(turned, name), getattr(seen, name), rtol=1e-9)
    assert abs(plain(h).azimuth[0] + plain(h[..., ::-1]).azimuth[0]) > 1e-3
    both = [plain.candidates(*p).estimates for p in (plain.focus(h), plain.focus(h).mirrored())]
    found = mean.candidates(*mean.focus(h)).estimates
    np.testing.assert_allclose(found.range, (both[0].range + both[1].range) / 2, rtol=1e-9)
    np.testing.assert_allclose(found.azimuth, (both[0].azimuth - both[1].azimuth) / 2, rtol=1e-9)


def test_estimates_begin_at_the_peak_and_scale_does_not_matter():
    net = receiver()
    h = echo((6.0, -0.5))
    out = net(h)
    assert abs(float(out.range[0]) - 6.0) < 1 and abs(float(out.azimuth[0]) + 0.5) < 0.2
    for value, again in zip(out, net(1e-7j * h), strict=True):
        if value is not None:
            np.testing.assert_allclose(value, again, atol=1e-9)
    np.testing.assert_allclose(
        out.direction[0], [np.sin(out.azimuth[0]), np.cos(out.azimuth[0])], atol=1e-12
    )
    assert out.peak is None


def test_a_mirrored_scene_has_the_mirrored_patch():
    net = receiver()
    h = echo((7.1, 0.35), (6.2, 0.3), gains=[1, 0.4j])
    mirrored = net.focus(h).mirrored()
    other = net.focus(h[..., ::-1])  # transmitters are symmetric about y = 0
    for value, expected in zip(other, mirrored, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-9)


def test_patches_near_the_array_stay_in_front_of_it():
    patch = receiver().focus(echo((3.0, 1.0)))
    assert np.all(np.isfinite(patch.features))


def test_it_learns_class_and_offset_from_patches():
    """Targets of two points: the class is their distance, the centre lies between them.

    Across the range the array resolves about a wavelength times the range over its length, 0.9 m at
    7 m: the points of a class are resolved, those of the other are not.
    """
    rng = np.random.default_rng(5)
    number = 160
    category = np.arange(number) % 2
    distance, azimuth = rng.uniform(4.5, 10, number), rng.uniform(-0.8, 0.8, number)
    h = np.concatenate(
        [
            # one point is stronger: the peak is not the centre
            echo((r, a - half / r), (r, a + half / r), gains=[1, 0.6 * np.exp(1j * p)])
            for r, a, half, p in zip(
                distance,
                azimuth,
                np.where(category, 1.2, 0.2),
                rng.uniform(0, 2 * np.pi, number),
                strict=True,
            )
        ]
    )
    net = receiver("single", num_candidates=1)
    patch = net.focus(h)
    labels = MultitaskLabels(
        category.astype(np.int32), distance.astype(np.float32), azimuth.astype(np.float32)
    )
    optimizer = keras.optimizers.Adam(5e-3)
    variables = net.trainable_weights
    optimizer.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            out = net.estimate(*patch)
            loss = multitask_loss(out, labels, physics=("planar", "coupling"))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss, out

    first, before = step()
    for _ in range(150):
        last, after = step()
    error = [
        isac.metrics.planar_errors(o.azimuth, o.range, azimuth, distance).mean()
        for o in (before, after)
    ]
    right = np.mean(np.argmax(after.logits, -1) == category)
    assert last < first - 2
    assert error[1] < 0.6 * error[0]
    assert right > 0.85


def test_a_sample_that_is_not_finite_is_nan_in_a_graph_alone():
    net = receiver()
    h = np.concatenate([echo((6.0, 0.2)), echo((8.0, -0.2))])
    h[0, 0, 0, 0] = np.nan
    out = tf.function(net)(tf.constant(h))
    for name in ("range", "azimuth", "log_var_range"):
        value = getattr(out, name).numpy()
        assert np.isnan(value[0]) and np.isfinite(value[1])
    with pytest.raises(ValueError, match="h must be finite"):
        net(h)


def test_a_target_whose_alias_is_stronger_is_the_second_candidate():
    tones = 5e9 + 50e6 * np.arange(4)  # repeat after 3 m
    rng = np.random.default_rng(0)
    h = 0
    for distance, azimuth, turn in rng.uniform([7.3, 0.15, 0], [8.7, 0.25, 1], (3, 3)):
        place = distance * np.array([np.cos(azimuth), np.sin(azimuth), 0])
        h = h + np.exp(2j * np.pi * turn) * isac.channel.point_echo(place, tones, TX, RX)
    options = {"num_candidates": 2, "separation": 1.5, "precision": "double", **OPTIONS}
    net = FocusedLocalizer(tones, TX, RX, GRID, **options)
    patch = net.focus(h[np.newaxis])
    assert abs(patch.range[0, 0] - 8) > 2 and patch.strength[0, 0] > patch.strength[0, 1]
    assert abs(patch.range[0, 1] - 8) < 1 and abs(patch.angle[0, 1] - 0.2) < 0.05
    # the strongest place is taken until a training moves the scores
    assert abs(net.estimate(*patch).range[0] - patch.range[0, 0]) < 1
    net.heads.kernel.assign(0 * net.heads.kernel)
    out = net.candidates(*patch)
    chosen = out._replace(score=out.score[:, ::-1]).best()
    assert abs(chosen.range[0] - 8) < 1


def test_candidates_are_the_strongest_places_that_are_apart():
    net = receiver(num_candidates=3, separation=1.5)
    h = echo((7.1, 0.35), (6.2, -0.3), (4.5, 0.1), gains=[1, 0.7j, 0.8])
    patch = net.focus(h)
    image = net._maps._filter.image(h).numpy()[0]
    r, a = np.array(GRID.ranges), np.array(GRID.angles)[:, np.newaxis]
    place = r * np.exp(1j * a)
    for i in range(3):
        row, column = np.unravel_index(np.argmax(image), image.shape)
        assert patch.angle[0, i] == a[row, 0] and patch.range[0, i] == r[column]
        np.testing.assert_allclose(patch.strength[0, i], image[row, column], rtol=1e-12)
        image[np.abs(place - place[row, column]) < 1.5] = -1
    # each patch is that of its own place
    other = receiver(num_candidates=1).focus(h)
    np.testing.assert_allclose(patch.features[:, :1], other.features, atol=1e-12)
    assert np.ptp(patch.features[0, 1:], 0).max() > 0.1
    # a separation that leaves no place
    far = receiver(num_candidates=2, separation=100.0).focus(h)
    assert far.strength[0, 0] > 0 and far.strength[0, 1] == 0


def test_a_training_shifts_patches_within_their_margin():
    """What is seen moves, where it is does not: a shifted patch is another view of one place."""
    h = echo((7.0, 0.35))
    wide = FocusedLocalizer(FREQUENCIES, TX, RX, GRID, precision="double", **SHIFTED)
    patch = wide.focus(h)
    assert patch.features.shape[2:4] == (15, 15)
    net = receiver(num_candidates=1)
    np.testing.assert_allclose(  # the margin is no part of an estimate
        wide._middle(patch).features, net.focus(h).features[:, :, 3:12, 3:12], atol=1e-12
    )
    isac.set_seed(1)
    seen = set()
    for _ in range(20):
        shifted = wide._shifted(patch)
        rows = (shifted.angle - patch.angle) * patch.range / 0.4
        columns = (shifted.range - patch.range) / 0.4
        row, column = (round(float(v[0, 0])) + 3 for v in (rows, columns))
        seen |= {row, column}
        expected = patch.features[0, 0, row : row + 9, column : column + 9]
        np.testing.assert_array_equal(shifted.features[0, 0], expected)
    assert seen == set(range(7))
    first, second = (wide.candidates(*patch, training=True).estimates.range for _ in range(2))
    assert abs(first - second) > 1e-3
    np.testing.assert_array_equal(wide.estimate(*patch).range, wide(h).range)


def test_scores_learn_which_candidate_is_the_target():
    """The target has two equal points across the range; a decoy, a single point, is stronger."""
    rng = np.random.default_rng(6)
    number = 32
    distance, azimuth = rng.uniform(4, 6, number), rng.uniform(-0.6, 0.6, number)
    h = np.concatenate(
        [
            echo((r, a - 1 / r), (r, a + 1 / r), (r + 4, -a), gains=[1, 1, 1.8 * (1 + 4 / r) ** 2])
            for r, a in zip(distance, azimuth, strict=True)
        ]
    )
    net = receiver("single", num_candidates=2, separation=2.5)
    patch = net.focus(h)
    labels = MultitaskLabels(
        np.zeros(number, np.int32), distance.astype(np.float32), azimuth.astype(np.float32)
    )
    optimizer = keras.optimizers.Adam(1e-2)
    variables = net.trainable_weights
    optimizer.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = candidate_loss(net.candidates(*patch), labels, reach=3)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def far(out):
        return np.mean(isac.metrics.planar_errors(out.azimuth, out.range, azimuth, distance) > 2)

    assert far(net.estimate(*patch)) > 0.9
    for _ in range(40):
        step()
    assert far(net.estimate(*patch)) < 0.1


def test_a_cross_task_network_learns_from_focused_maps():
    rng = np.random.default_rng(7)
    number = 24
    distance, azimuth = rng.uniform(4.5, 10, number), rng.uniform(-0.8, 0.8, number)
    # 0.4 m behind a point stands nothing: the label is not where the echo comes from
    h = np.concatenate([echo((r - 0.4, a)) for r, a in zip(distance, azimuth, strict=True)])
    category = np.arange(number) % 2
    isac.set_seed(3)
    maps = FocusedMaps(FREQUENCIES, TX, RX, GRID, num_candidates=1, patch_size=15, cell=0.4)
    options = {"variant": "shared", "feature_dim": 8, "num_tones": 1, "num_blocks": 0}
    net = CrossTaskLocalizer(2, front_end=maps, range_offset=0, range_scale=0.5, **options)
    labels = MultitaskLabels(
        category.astype(np.int32), distance.astype(np.float32), azimuth.astype(np.float32)
    )
    patch = net.maps(h)
    optimizer = keras.optimizers.Adam(1e-2)
    optimizer.build(net.trainable_weights)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            out = net.estimate(patch, training=True)
            loss = multitask_loss(out, labels, physics=("planar", "coupling"))
        gradients = tape.gradient(loss, net.trainable_weights)
        optimizer.apply_gradients(zip(gradients, net.trainable_weights, strict=True))
        return loss

    first = step()
    for _ in range(60):
        last = step()
    assert last < first - 1
    out = net(h)
    assert out.peak is None
    error = isac.metrics.planar_errors(out.azimuth, out.range, azimuth, distance)
    assert np.mean(error) < 0.35
    # made again from its configuration, the network is the same
    again = CrossTaskLocalizer.from_config(net.get_config())
    again.set_weights(net.get_weights())
    for value, expected in zip(again(h), out, strict=True):
        if expected is not None:
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
