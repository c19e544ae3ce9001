"""Networks on angle-delay maps against NumPy, the published sizes, and what training must do."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.receiver.nn._parts import MOMENTUM

ANTENNAS = 8
SUBCARRIERS = 12
SPACING = 1e6
WAVELENGTH = 0.005
ANGLES = np.linspace(-1.2, 1.2, 24)
RANGES = np.linspace(10.0, 70.0, 16)
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, 299792458.0 / WAVELENGTH)
SECTOR = np.array([[-0.6, 0.2], [-0.1, 0.8], [0.0, 0.3]])
NO = 0.3


def array() -> isac.array.UniformLinearArray:
    return isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double")


def receiver(angle_grid=ANGLES, max_targets=2, **kwargs) -> isac.receiver.NeuralReceiver:
    options = {
        "filters": (4, 4, 8),
        "pool_size": 2,
        "no": NO,
        "precision": "double",
        **kwargs,
    }
    return isac.receiver.NeuralReceiver(
        array(),
        NUMEROLOGY,
        isac.receiver.SearchGrid(angle_grid, RANGES),
        max_targets=max_targets,
        **options,
    )


def observation(rng: np.random.Generator) -> np.ndarray:
    shape = (2, len(SECTOR), ANTENNAS, SUBCARRIERS)
    return np.tensordot([1, 1j], rng.normal(size=shape), 1)


def randomize(layer: keras.layers.Layer, rng: np.random.Generator) -> None:
    """Give every weight a value of its own: a swapped or forgotten one is then seen."""
    for weight in layer.weights:
        start = weight.numpy()
        positive = "variance" in weight.path or "gamma" in weight.path
        weight.assign(
            rng.uniform(0.5, 2, start.shape)
            if positive
            else rng.normal(scale=0.5, size=start.shape)
        )


def convolve(x: np.ndarray, layer: keras.layers.Conv2D, stride: int = 1) -> np.ndarray:
    """Zero-padded convolution [B, H, W, C] by its definition, every output pixel by itself."""
    kernel = layer.kernel.numpy()
    size = kernel.shape[0]
    outputs = [-(-n // stride) for n in x.shape[1:3]]
    pads = [max((o - 1) * stride + size - n, 0) for o, n in zip(outputs, x.shape[1:3], strict=True)]
    padded = np.pad(x, [(0, 0), *((p // 2, p - p // 2) for p in pads), (0, 0)])
    result = np.zeros((len(x), *outputs, kernel.shape[-1]))
    for i in range(outputs[0]):
        for j in range(outputs[1]):
            patch = padded[:, i * stride : i * stride + size, j * stride : j * stride + size]
            result[:, i, j] = np.einsum("bhwc,hwco->bo", patch, kernel)
    return result + (layer.bias.numpy() if layer.use_bias else 0)


def normalize(x: np.ndarray, layer: keras.layers.BatchNormalization) -> np.ndarray:
    deviation = np.sqrt(layer.moving_variance.numpy() + 1e-5)
    return (x - layer.moving_mean.numpy()) / deviation * layer.gamma.numpy() + layer.beta.numpy()


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def bottleneck(x: np.ndarray, block: isac.receiver.ResidualBottleneck) -> np.ndarray:
    """Fig. 10."""
    first = value = convolve(x, block.entry, block.stride)
    for narrow, middle, normalization, widen in block.bottlenecks:
        inner = relu(normalize(convolve(convolve(value, narrow), middle), normalization))
        value = value + convolve(inner, widen)
    return relu(normalize(value + first, block.exit))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_residual_bottleneck_equals_numpy(rng, stride):
    block = isac.receiver.ResidualBottleneck(3, 8, stride=stride, precision="double")
    randomize(block, rng)
    x = rng.normal(size=(2, 9, 6, 3))
    expected = bottleneck(x, block)
    np.testing.assert_allclose(block(x), expected, rtol=0, atol=1e-12 * np.max(expected))


def test_network_equals_numpy(rng):
    network = isac.receiver.AngleDelayNetwork(
        (22, 13),
        num_priors=3,
        hidden=(6, 5),
        num_outputs=2,
        filters=(2, 4, 8, 4),
        pool_size=3,
        precision="double",
    )
    randomize(network, rng)
    x, priors = rng.exponential(size=(2, 22, 13)), rng.normal(size=(2, 3))
    value = relu(
        normalize(convolve(x[..., np.newaxis], network.entry), network.entry_normalization)
    )
    value = value[:, :21, :12].reshape(2, 7, 3, 4, 3, 2).max((2, 4))
    for block, stride in zip(network.blocks, (1, 2, 2), strict=True):
        assert block.stride == stride
        value = bottleneck(value, block)
    value = relu(normalize(convolve(value, network.exit), network.exit_normalization))
    assert value.shape == (2, 2, 1, 1) and network.num_features == 2
    value = np.concatenate([value.reshape(2, -1), priors], -1)
    for i, layer in enumerate(network.perceptron):
        value = value @ layer.kernel.numpy() + layer.bias.numpy()
        value = relu(value) if i < 2 else value
    np.testing.assert_allclose(network(x, priors), value, rtol=0, atol=1e-11 * np.max(abs(value)))


def count(layer: keras.layers.Layer) -> int:
    return sum(int(np.prod(w.shape)) for w in layer.trainable_weights)


@pytest.mark.parametrize(
    ("hidden", "options", "parts", "total"),
    [
        (None, {}, (592_512, 2_395_795, 2_395_795, 2_396_307), 7_780_409),
        (
            (4, 4, 4),
            {"filters": (2, 4, 8, 16), "pool_size": 4, "hidden": (4, 4)},
            (692, 3_285, 3_285, 3_293),
            10_555,
        ),
    ],
    ids=["full", "limited"],
)
def test_numbers_of_parameters_are_those_published(hidden, options, parts, total):
    """Section V-C of [MateosRamos25]: 7.78 million and 10,555."""
    precoder = isac.waveform.PrecoderNetwork(64, hidden=hidden, precision="single")
    ula = isac.array.UniformLinearArray(64, WAVELENGTH, precision="single")
    networks = isac.receiver.NeuralReceiver(
        ula,
        isac.waveform.Numerology(256, 120e3, 299792458.0 / WAVELENGTH),
        isac.receiver.SearchGrid(320, np.linspace(10, 190, 128)),
        precision="single",
        **options,
    )
    found = (
        precoder,
        networks.angle_network,
        networks.range_network,
        networks.detection_network,
    )
    assert tuple(count(n) for n in found) == parts
    assert count(precoder) + count(networks) == total
    assert networks.angle_network.num_features == (160 if hidden else 10)


@pytest.mark.parametrize("grid", [ANGLES, 24], ids=["one grid", "own grids"])
def test_features_are_the_scaled_map(rng, grid):
    y = observation(rng)
    layer = receiver(grid)
    features = layer.features(y, SECTOR).numpy()
    rho = np.exp(-4j * np.pi * np.outer(np.arange(SUBCARRIERS) * SPACING, RANGES) / 299792458.0)
    index = np.arange(ANTENNAS) - (ANTENNAS - 1) / 2
    for sample, (low, high) in enumerate(SECTOR):
        angles = ANGLES if grid is ANGLES else np.linspace(low, high, 24)
        a = np.exp(-1j * np.pi * np.outer(index, np.sin(angles)))
        magnitude = np.abs(a.conj().T @ y[sample] @ rho.conj())
        scaled = np.log(1 + magnitude / np.sqrt(ANTENNAS * SUBCARRIERS * NO))
        np.testing.assert_allclose(features[sample], scaled, atol=1e-9)
    projected = y @ layer.basis.vectors.conj()
    np.testing.assert_allclose(layer.features(projected, SECTOR), features, atol=1e-9)
    # the noise power of the call goes before that of the constructor
    louder = layer.features(y, SECTOR, no=4 * NO)
    np.testing.assert_allclose(np.expm1(louder), np.expm1(features) / 2, atol=1e-9)


def test_noise_has_magnitude_one_in_the_map():
    """E|a^H N rho*|^2 = K S N_0, hence 1 after scaling."""
    layer = receiver()
    noise = isac.core.complex_normal([4000, ANTENNAS, SUBCARRIERS], NO, "double")
    sector = np.tile(SECTOR[:1], [4000, 1])
    power = np.mean(np.expm1(layer.features(noise, sector)) ** 2, 0)
    np.testing.assert_allclose(power, 1, atol=0.1)  # 1/sqrt(4000), times 6


def test_heads_and_priors(rng):
    layer = receiver()
    randomize(layer, rng)
    y = observation(rng)
    features = layer.features(y, SECTOR)
    angles = 2 / np.pi * SECTOR
    ranges = np.tile([1 / 7, 1.0], [len(SECTOR), 1])
    estimate = layer(y, SECTOR)
    z = layer.angle_network(features, angles).numpy()
    np.testing.assert_allclose(estimate.angle, np.pi / 2 * np.tanh(z), atol=1e-12)
    z = layer.range_network(features, ranges).numpy()
    np.testing.assert_allclose(estimate.range, 70 * relu(z), atol=1e-10)
    z = layer.detection_network(features, np.concatenate([angles, ranges], -1)).numpy()
    np.testing.assert_allclose(estimate.metric, 1 / (1 + np.exp(-z)), atol=1e-12)
    np.testing.assert_allclose(layer.detection_logits(features, SECTOR), z, atol=1e-12)
    assert estimate.gain is None
    assert all(v.shape == (len(SECTOR), 2) for v in estimate[:3])


def test_ranges_start_in_the_middle(rng):
    """No output begins where its ReLU is flat."""
    layer = receiver(max_targets=3)
    y = np.tile(observation(rng), [20, 1, 1]) + np.tensordot(
        [1, 1j], rng.normal(size=(2, 60, ANTENNAS, SUBCARRIERS)), 1
    )
    _, distance = layer.locate(
        layer.features(y, np.tile(SECTOR, [20, 1])), np.tile(SECTOR, [20, 1]), True
    )
    assert abs(np.mean(distance) - 40) < 25
    assert np.all(np.any(distance.numpy() > 0, 0))


def test_batch_statistics_are_kept_for_inference(rng, tmp_path):
    inputs = keras.Input(batch_shape=(6, 8, 8, 3), dtype="float64")
    block = isac.receiver.ResidualBottleneck(3, 4, precision="double")
    model = keras.Model(inputs, block(inputs))
    x = 1 + 3 * rng.normal(size=(6, 8, 8, 3))
    inference = model(x).numpy()
    np.testing.assert_array_equal(model(x), inference)  # inference changes nothing
    training = model(x, training=True).numpy()
    assert np.max(np.abs(training - inference)) > 0.1
    inner = convolve(
        convolve(convolve(x, block.entry), block.bottlenecks[0][0]), block.bottlenecks[0][1]
    )
    statistics = block.bottlenecks[0][2]
    np.testing.assert_allclose(
        statistics.moving_mean, (1 - MOMENTUM) * inner.mean((0, 1, 2)), atol=1e-12
    )
    np.testing.assert_allclose(
        statistics.moving_variance,
        MOMENTUM + (1 - MOMENTUM) * inner.var((0, 1, 2)),
        rtol=1e-10,
    )
    # they are saved; after many steps inference is what training was
    for _ in range(200):
        model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-12)
    np.testing.assert_allclose(loaded(x), training, atol=1e-6)


def test_receiver_in_training_mode_updates_what_it_uses_only(rng):
    layer = receiver()
    features = layer.features(observation(rng), SECTOR)

    def moved(network: isac.receiver.AngleDelayNetwork) -> bool:
        return bool(np.any(network.entry_normalization.moving_mean.numpy() != 0))

    layer(observation(rng), SECTOR)
    networks = layer.angle_network, layer.range_network, layer.detection_network
    assert [moved(n) for n in networks] == [False, False, False]
    layer.locate(features, SECTOR, training=True)
    assert [moved(n) for n in networks] == [True, True, False]
    layer.detection_logits(features, SECTOR, training=True)
    assert [moved(n) for n in networks] == [True, True, True]


def test_parts_are_trained_separately(rng):
    """The two steps of Section IV-C; gradients of both reach the transmitter."""
    layer = receiver()
    y = tf.constant(observation(rng))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(y)
        features = layer.features(y, SECTOR)
        position = sum(tf.reduce_sum(v) for v in layer.locate(features, SECTOR, True))
        detection = tf.reduce_sum(layer.detection_logits(features, SECTOR, True) ** 2)
    first = [*layer.angle_network.trainable_variables, *layer.range_network.trainable_variables]
    second = layer.detection_network.trainable_variables
    assert all(g is not None for g in tape.gradient(position, first))
    assert all(g is None for g in tape.gradient(position, second))
    assert all(g is not None for g in tape.gradient(detection, second))
    assert all(g is None for g in tape.gradient(detection, first))
    for loss in (position, detection):
        assert np.any(np.abs(tape.gradient(loss, y)) > 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: isac.waveform.PrecoderNetwork(4, hidden=(5,), precision=p),
        lambda p: isac.receiver.AngleDelayNetwork(
            (8, 8), num_priors=2, hidden=(4,), filters=(4, 4), precision=p
        ),
    ],
    ids=["precoder", "receiver"],
)
def test_start_values_follow_the_seed(make):
    weights = []
    for seed, precision in ((1, "double"), (1, "double"), (2, "double"), (1, "single")):
        isac.set_seed(seed)
        weights.append(np.concatenate([w.numpy().ravel() for w in make(precision).weights]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.any(weights[0] != weights[2])
    np.testing.assert_array_equal(weights[0].astype(np.float32), weights[3])


def test_he_uniform_keeps_the_variance(rng):
    """Half of the second moment passes a ReLU, 2/n per weight restores it."""
    kernel = isac.core.HeUniform()((300, 400), "float64").numpy()
    assert np.max(np.abs(kernel)) <= np.sqrt(6 / 300)
    x = relu(rng.normal(size=(500, 300)))  # mean square 1/2
    assert np.mean((x @ kernel) ** 2) == pytest.approx(1, rel=0.05)
    convolution = isac.core.HeUniform(0.5)((3, 3, 50, 60), "float64").numpy()
    assert np.var(convolution) == pytest.approx(0.25 * 2 / 450, rel=0.03)


def test_learns_to_locate_a_target(rng):
    """A few steps on strong targets bring angle and range well below their spread."""
    layer = receiver(20, 1, filters=(4, 8), hidden=(16, 16), no=0.01)
    echo = isac.channel.MonostaticEcho(array(), NUMEROLOGY, precision="double")
    scene = isac.scene.TargetScene(
        1,
        [10, 70],
        isac.scene.RayleighGain(1.0, precision="double"),
        num_targets=1,
        precision="double",
    )
    sectors = isac.scene.RandomSector([-0.6, 0.6], [0.5, 0.6], precision="double")
    optimizer = keras.optimizers.Adam(1e-2)
    weights = [*layer.angle_network.trainable_weights, *layer.range_network.trainable_weights]

    def errors(number: int, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        sector = sectors(number)
        targets = scene(sector)
        beam = tf.ones([number, ANTENNAS], tf.complex128) / ANTENNAS**0.5
        beam *= tf.math.conj(layer.array.steering(tf.reduce_mean(sector, -1)))
        z = echo.filtered(targets, beam, layer.basis, 0.01)
        angle, distance = layer.locate(layer.features(z, sector), sector, training)
        spread = (sector[:, 1:] - sector[:, :1]) / 12**0.5
        return (
            tf.reduce_mean(((angle - targets.angle) / spread) ** 2),
            tf.reduce_mean(((distance - targets.range) / (60 / 12**0.5)) ** 2),
        )

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = sum(errors(32, True))
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    optimizer.build(weights)
    for _ in range(150):
        step()
    angle, distance = errors(1000, False)
    assert angle < 0.3 and distance < 0.3, (float(angle), float(distance))
