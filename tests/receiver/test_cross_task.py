"""Networks that classify and localise: their equations, their variants, and that they learn."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import erf

import sionna_isac as isac
from sionna_isac.receiver import (
    ChannelMaps,
    CrossStitch,
    CrossTaskAttention,
    CrossTaskLocalizer,
    LocalizationHeads,
    LocalizerOutput,
    TaskTrunk,
    TokenEncoder,
    TransformerBlock,
)
from sionna_isac.receiver.nn import _patches
from sionna_isac.receiver.nn._patches import PatchMoments

VARIANTS = ("cta", "decoupled", "shared", "cross_stitch")


def normal(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def randomize(layer, rng):
    for weight in layer.weights:
        if "variance" not in weight.path:
            weight.assign(weight + rng.normal(0, 0.3, weight.shape))


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normalized(x, layer):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * layer.gamma.numpy() + layer.beta.numpy()


def perceptron(x, hidden, output):
    x = x @ hidden.kernel.numpy() + hidden.bias.numpy()
    x = x * (1 + erf(x / np.sqrt(2))) / 2
    return x @ output.kernel.numpy() + output.bias.numpy()


def test_maps_have_unit_power_at_any_scale(rng):
    h = normal(rng, 3, 2, 4, 5) * np.array([1e-30, 1.0, 1e18])[:, None, None, None]
    h = h.astype(np.complex64)
    maps = ChannelMaps(precision="single")(h).numpy().astype(float)
    np.testing.assert_allclose(np.mean(maps**2, (1, 2, 3, 4)), 1, rtol=1e-5)
    double = ChannelMaps(precision="double")(h.astype(complex)).numpy()
    scale = np.sqrt(2) / np.sqrt(np.mean(np.abs(h.astype(complex)) ** 2, (1, 2, 3), keepdims=True))
    expected = h.astype(complex) * scale
    np.testing.assert_allclose(double[..., 0] + 1j * double[..., 1], expected, rtol=1e-12)
    np.testing.assert_array_equal(ChannelMaps()(0 * h), np.zeros([3, 2, 4, 5, 2]))


def test_cross_task_attention_is_that_of_the_equations(rng):
    d = 6
    layer = CrossTaskAttention(d, mixing=0.3, refine=False, precision="double")
    np.testing.assert_array_equal(CrossTaskAttention(d).mixing_coefficients, np.float32([0.1, 0.1]))
    layer.mixing_coefficients.assign([0.3, -0.7])
    f = {"cls": rng.normal(size=(2, 5, d)), "loc": rng.normal(size=(2, 3, d))}
    q, k, v = ({}, {}, {})
    for task, matrix in zip(f, layer.projections, strict=True):
        for i, part in enumerate((q, k, v)):
            part[task] = f[task] @ matrix.kernel.numpy()[:, i * d : (i + 1) * d]  # (29), (30)
    expected = [
        f[own] + a * softmax(q[own] @ k[other].swapaxes(1, 2) / np.sqrt(d)) @ v[other]
        for own, other, a in (("cls", "loc", 0.3), ("loc", "cls", -0.7))  # (31), (32)
    ]
    for actual, value in zip(layer(f["cls"], f["loc"]), expected, strict=True):
        np.testing.assert_allclose(actual, value, rtol=1e-12)
    refined = CrossTaskAttention(d, precision="double")
    for own, given in zip(refined.projections, layer.projections, strict=True):
        own.kernel.assign(given.kernel)
    refined.mixing_coefficients.assign(layer.mixing_coefficients)
    for i, (actual, value) in enumerate(zip(refined(f["cls"], f["loc"]), expected, strict=True)):
        normalize, hidden, output = refined.refinements[i]
        value = value + perceptron(normalized(value, normalize), hidden, output)
        np.testing.assert_allclose(actual, value, rtol=1e-10)


def test_transformer_block_is_its_formula(rng):
    d, heads = 8, 4
    block = TransformerBlock(d, num_heads=heads, precision="double")
    randomize(block, rng)
    x = rng.normal(size=(2, 5, d))
    parts = normalized(x, block.before_attention) @ block.query_key_value.kernel.numpy()
    q, k, v = np.split(parts, 3, -1)
    mixed = []
    for i in range(heads):
        one = np.s_[..., 2 * i : 2 * i + 2]
        mixed.append(softmax(q[one] @ k[one].swapaxes(1, 2) / np.sqrt(2)) @ v[one])
    y = x + np.concatenate(mixed, -1) @ block.mix.kernel.numpy() + block.mix.bias.numpy()
    y = y + perceptron(normalized(y, block.before_network), *block.network)
    np.testing.assert_allclose(block(x), y, rtol=1e-10)
    assert block.network[0].units == 2 * d


def test_cross_stitch_mixes_from_nine_to_one(rng):
    a, b = rng.normal(size=(2, 3, 4))
    first, second = CrossStitch(precision="double")(a, b)
    np.testing.assert_allclose(first, 0.9 * a + 0.1 * b)
    np.testing.assert_allclose(second, 0.1 * a + 0.9 * b)


def plain_encoder(encoder, maps, training):
    """Tokens of one encoder, tone after tone, with Keras' own operations."""
    number = maps.shape[1]
    images = tf.reshape(maps, [-1, *maps.shape[2:]])
    if encoder.tones == "stacked":
        images = tf.concat([maps[:, f] for f in range(number)], -1)
    for i, (conv, norm) in enumerate(
        zip(encoder.convolutions, encoder.normalizations, strict=True)
    ):
        images = tf.nn.relu(norm(conv(images), training=training))
        if i < 2:
            images = keras.ops.max_pool(images, 2)
    rows, columns = encoder._grid
    size = images.shape[1] // rows, images.shape[2] // columns
    cells = [
        tf.reduce_mean(images[:, r : r + size[0], c : c + size[1]], (1, 2))
        for r in range(0, rows * size[0], size[0])
        for c in range(0, columns * size[1], size[1])
    ]
    tokens = tf.stack(cells, 1)
    if encoder.tones == "shared":
        tokens = tf.reshape(tokens, [-1, number, rows * columns, tokens.shape[-1]])
        tokens += encoder.tone_vectors.value[:number, None]
        tokens = tf.reshape(tokens, [-1, number * rows * columns, tokens.shape[-1]])
    for block in encoder.blocks:
        tokens = block(tokens)
    return tokens


@pytest.mark.parametrize("tones", ["shared", "stacked"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("precision", ["single", "double"])
def test_encoder_is_what_keras_makes_of_the_same_weights(rng, tones, training, precision):
    """The operation of single precision has the results, moments and gradients of Keras."""
    encoder = TokenEncoder(
        2, 8, tones=tones, num_tones=2, token_grid=(2, 3), num_blocks=1, precision=precision
    )
    randomize(encoder, rng)
    maps = encoder.cast(rng.normal(size=(3, 2, 8, 12, 2)))
    weight = encoder.cast(rng.normal(size=encoder(maps).shape))
    start = encoder.get_weights()
    found = []
    for make in (encoder, lambda m, training: plain_encoder(encoder, m, training)):
        encoder.set_weights(start)
        with tf.GradientTape() as tape:
            tokens = make(maps, training=training)
            loss = tf.reduce_sum(weight * tokens)
        gradients = tape.gradient(loss, encoder.trainable_variables)
        found.append([tokens, *gradients, *encoder.get_weights()])
    tolerance = 2e-4 if precision == "single" else 1e-10
    for a, b in zip(*found, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(np.abs(b).max(), 0.1))


@pytest.mark.parametrize("height", [3, 6])
def test_moments_of_patches_are_those_of_the_outputs(rng, height):
    images = tf.constant(rng.normal(0.5, 1, size=(3, height, 5, 2)))
    kernel = rng.normal(size=(3, 3, 2, 7))
    outputs = tf.nn.conv2d(images, kernel, 1, "SAME")
    expected = tf.nn.moments(outputs, (0, 1, 2))
    for found, value in zip(PatchMoments(images).of_outputs(kernel), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_pooling_first_is_pooling_last(rng, precision, monkeypatch):
    """Of filters with either sign of the scale, with the gradient of the input, in parts."""
    monkeypatch.setattr(_patches, "PART", 1500)  # of one or two images
    encoder = TokenEncoder(2, 8, num_tones=2, token_grid=(1, 1), num_blocks=0, precision=precision)
    randomize(encoder, rng)
    encoder.normalizations[0].gamma.assign([1.0, -0.7, 0.4, -2.0])
    maps = encoder.cast(rng.normal(size=(3, 2, 8, 8, 2)))
    assert encoder.moments(encoder.images(maps), True) is not None
    found = []
    for make in (encoder, lambda m, training: plain_encoder(encoder, m, training)):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            tokens = make(maps, training=True)
            loss = tf.reduce_sum(tokens**3)
        found.append([tokens, tape.gradient(loss, maps)])
    tolerance = 2e-4 if precision == "single" else 1e-10
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())


def test_any_number_of_tones_passes_one_network(rng):
    network = CrossTaskLocalizer(feature_dim=8, num_tones=16, token_grid=(1, 2), num_blocks=1)
    for number in (1, 2, 4, 8, 16):
        assert network(normal(rng, 2, number, 8, 8)).range.shape == (2,)
    encoder = network.trunk.encoders[0]
    assert encoder(np.ones((2, 4, 8, 8, 2))).shape == (2, 4 * 2, 8)


@pytest.mark.parametrize("number", [1, 2, 4, 8, 16])
def test_a_nested_set_of_tones_has_the_vectors_of_its_subcarriers(rng, number):
    placement = isac.waveform.place_tones(64, 16, 0.2, "uniform")
    encoder = TokenEncoder(
        2, 8, subcarriers=placement.indices, token_grid=(1, 2), num_blocks=0, precision="double"
    )
    maps = rng.normal(size=(2, 16, 4, 8, 2))
    whole = tf.reshape(encoder(maps), [2, 16, 2, 8]).numpy()
    subset = placement.nested(number).indices
    places = np.flatnonzero(np.isin(placement.indices, subset))[::-1]  # in any order
    tokens = encoder(maps[:, places], subcarriers=placement.indices[places])
    found = tf.reshape(tokens, [2, number, 2, 8])
    np.testing.assert_allclose(found, whole[:, places], rtol=1e-12, atol=1e-14)
    first = tf.reshape(encoder(maps[:, :number]), [2, number, 2, 8])
    np.testing.assert_allclose(first, whole[:, :number], rtol=1e-12, atol=1e-14)


def test_subcarriers_reach_the_encoders_in_graphs_and_twins(rng):
    known = (3, 9, 20)
    network = CrossTaskLocalizer(
        feature_dim=8, variant="shared", num_tones=3, subcarriers=known, precision="double"
    )
    randomize(network, rng)
    h = normal(rng, 2, 3, 8, 8)
    expected = network(h)
    turned = tf.function(network)(h[:, ::-1], subcarriers=known[::-1])  # attention knows no order
    np.testing.assert_allclose(turned.range, expected.range, rtol=1e-9)
    twin = CrossTaskLocalizer.from_config(network.get_config())
    twin.set_weights(network.get_weights())
    last = network(h[:, 2:], subcarriers=[20])
    np.testing.assert_allclose(twin(h[:, 2:], subcarriers=[20]).range, last.range, rtol=1e-12)
    assert np.all(np.abs(network(h[:, 2:]).range - last.range) > 1e-6)

    @tf.function(input_signature=[tf.TensorSpec([3], tf.int32)])
    def unknown(subcarriers):
        return network(h, subcarriers=subcarriers).range

    with pytest.raises(ValueError, match="subcarriers must be known outside of a graph"):
        unknown.get_concrete_function()


def test_heads_are_their_formulas(rng):
    heads = LocalizationHeads(
        8, range_offset=20.0, range_scale=5.0, log_variance_interval=(-6, 4), precision="double"
    )
    start = heads(np.zeros((1, 8)))
    np.testing.assert_allclose(start.range, [20.0])
    np.testing.assert_allclose(start.azimuth, [0.0])
    np.testing.assert_allclose(start.log_var_range, [2 * np.log(5.0)])
    np.testing.assert_allclose(start.log_var_azimuth, [2 * np.log(1 / 6)])
    randomize(heads, rng)
    heads.heads.kernel.assign(20 * heads.heads.kernel)
    x = rng.normal(size=(40, 8))
    z = perceptron(x, heads.hidden, heads.heads)
    out = heads(x)
    np.testing.assert_allclose(out.range, 20 + 5 * z[:, 0])
    vector = z[:, 2:4] / np.linalg.norm(z[:, 2:4], axis=1, keepdims=True)
    np.testing.assert_allclose(out.direction, vector, rtol=1e-12)
    np.testing.assert_allclose(out.azimuth, np.arctan2(z[:, 2], z[:, 3]), rtol=1e-12)
    np.testing.assert_allclose(out.log_var_range, -1 + 5 * np.tanh((z[:, 1] + 1) / 5))
    np.testing.assert_allclose(out.log_var_azimuth, -1 + 5 * np.tanh((z[:, 4] + 1) / 5))
    np.testing.assert_allclose(out.peak, 1 / (1 + np.exp(-z[:, 5:])))
    assert np.any(np.abs(z[:, 1] + 1) > 5) and out.logits is None


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_share_what_they_say(rng, variant):
    """Which task reaches which weights."""
    trunk = TaskTrunk(
        2, 8, variant=variant, num_tones=2, filters=(4, 8), token_grid=(1, 1), num_blocks=1
    )
    maps = tf.constant(rng.normal(size=(2, 2, 4, 4, 2)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        losses = [tf.reduce_sum(h**2) for h in trunk(maps)]
    reached = [
        {
            i
            for i, w in enumerate(trunk.trainable_variables)
            if tape.gradient(loss, w.value) is not None
        }
        for loss in losses
    ]
    assert reached[0] | reached[1] == set(range(len(trunk.trainable_variables)))
    assert bool(reached[0] & reached[1]) == (variant != "decoupled")
    assert len(trunk.encoders) == (1 if variant == "shared" else 2)


@pytest.mark.parametrize("task", ["classification", "localization"])
def test_a_single_task_has_its_outputs(rng, task):
    network = CrossTaskLocalizer(variant="single", task=task, feature_dim=8, num_blocks=0)
    out = network(normal(rng, 2, 2, 8, 8))
    there = {n for n, v in out._asdict().items() if v is not None}
    of_place = set(LocalizerOutput._fields) - {"logits"}
    assert there == ({"logits"} if task == "classification" else of_place)


def test_sizes():
    network = CrossTaskLocalizer(2)
    assert network.count_params() == 267851
    assert "267,851" in CrossTaskLocalizer.__doc__


@keras.saving.register_keras_serializable(package="tests")
class Magnitude(isac.core.Layer):
    """A front end of a user."""

    out_channels = 1

    def call(self, h: isac.core.Complex) -> tf.Tensor:
        return tf.abs(h)[..., tf.newaxis]


def test_front_ends_of_users(rng):
    network = CrossTaskLocalizer(feature_dim=8, front_end=Magnitude(), num_blocks=0)
    h = normal(rng, 2, 2, 8, 8).astype(np.complex64)
    expected = network(h)
    np.testing.assert_allclose(network(np.abs(h)).range, expected.range, rtol=1e-5)
    twin = CrossTaskLocalizer.from_config(network.get_config())
    twin.set_weights(network.get_weights())
    np.testing.assert_allclose(twin(h).range, expected.range, rtol=1e-6)


class Localizer(isac.objective.MultitaskTraining, keras.Model):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def call(self, h, training=False):
        return self.network(h, training=training)

    def task_losses(self, x, y, training):
        terms = isac.objective.multitask_terms(self(x, training=training), y)
        return {"class": terms.pop("classification"), "place": tf.add_n(list(terms.values()))}


@pytest.fixture(scope="module")
def echoes():
    """Echoes of one scatterer, with an amplitude pattern that tells the class."""
    rng = np.random.default_rng(3)
    line = (np.arange(8) - 3.5) * 0.03
    tx, rx = np.zeros([2, 8, 3])
    tx[:, 1], rx[:, 2] = line, line
    frequencies = 4.9e9 + 5e6 * np.arange(4)
    number = 96
    category, distance = rng.integers(0, 2, number), rng.uniform(5, 14, number)
    azimuth = rng.uniform(-1, 1, number)
    h = []
    for c, r, theta in zip(category, distance, azimuth, strict=True):
        ahead = np.array([np.cos(theta), np.sin(theta), 0])
        h.append(isac.channel.point_echo(r * ahead, frequencies, tx, rx))
        h[-1][:, 4 * c :] *= 1 - 0.9 * c  # the second class is dark from below
    h = tf.constant(np.array(h), tf.complex64)
    place = (tf.constant(v, tf.float32) for v in (distance, azimuth))
    labels = isac.objective.MultitaskLabels(
        tf.constant(category), *place, isac.objective.peak_target(h)
    )
    return h, labels


@pytest.mark.parametrize("surgery", [False, True], ids=["plain", "pcgrad"])
def test_a_small_network_learns(echoes, surgery):
    h, labels = echoes
    isac.set_seed(1)
    model = Localizer(
        CrossTaskLocalizer(
            feature_dim=8,
            num_tones=4,
            num_blocks=0,
            variant="shared" if surgery else "cta",
            range_offset=9.5,
            range_scale=3.0,
        )
    )
    if surgery:
        model.surgery = isac.objective.PCGrad()
    model.compile(optimizer=keras.optimizers.AdamW(5e-3), jit_compile=False)
    history = model.fit(h, labels, batch_size=32, epochs=25, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] - 0.7
    assert history["class"][-1] < 0.95 * history["class"][0]
    assert history["place"][-1] < history["place"][0] - 0.5
