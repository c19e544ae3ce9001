"""Focused patches of point echoes, and a network that learns from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.objective import MultitaskLabels, multitask_loss
from sionna_isac.receiver import FocusedLocalizer, SearchGrid

FREQUENCIES = 5e9 + 12.5e6 * np.arange(8)
OFFSETS = (np.arange(16) - 7.5) * 0.03
TX = np.stack([0 * OFFSETS, OFFSETS, 0 * OFFSETS], -1)
RX = TX[:, [0, 2, 1]]
GRID = SearchGrid(np.radians(np.arange(-60, 61, 2.0)), np.arange(3.0, 11.5, 0.5))
OPTIONS = {"patch_size": 15, "cell": 0.4, "filters": (6, 8), "hidden_size": 16}


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
    image = net._filter.image(h).numpy()[0]
    row, column = np.unravel_index(np.argmax(image), image.shape)
    assert patch.angle[0] == GRID.angles[row] and patch.range[0] == GRID.ranges[column]
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
    np.testing.assert_allclose(patch.features[0], expected, atol=1e-9)


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
    mirrored = net.mirrored(net.focus(h))
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
    net = receiver("single")
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
