"""Layers at their edges: unknown batches, other types, units, noise per sample, NaN."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.core.inputs import Complex, Real, described, parameters, required
from tests.layers.registry import ANTENNAS, BATCH, CASES, SUBCARRIERS, Case, leaves, tensors
from tests.layers.test_layers import assert_equal, each

# Inputs of the other cases are batch sizes only
BATCHED = [c for c in CASES if not isinstance(c.arguments()[0], int)]
DETERMINISTIC = [c for c in BATCHED if not c.random]
ANGLES = ("angle", "sector", "user_sector")


def named(case: Case, layer: Any) -> dict[str, Any]:
    """Arguments of the call by name."""
    return dict(zip(inspect.signature(layer.call).parameters, case.arguments(), strict=False))


def has_batch(case: Case, position: int, value: Any) -> bool:
    return position not in case.shared and np.ndim(value) > 0


def samples(case: Case, index: Any) -> tuple:
    """Arguments of some samples of the batch."""

    def pick(position: int, value: Any) -> Any:
        if value is None or not has_batch(case, position, value):
            return value
        return np.asarray(value)[index]

    return tuple(
        type(v)(*(pick(i, e) for e in v)) if isinstance(v, tuple) else pick(i, v)
        for i, v in enumerate(case.arguments())
    )


def outputs(layer: Any, arguments: Any) -> list[np.ndarray]:
    isac.set_seed(3)
    given = arguments if isinstance(arguments, dict) else {}
    return leaves(layer(**given) if given else layer(*arguments))


@each(BATCHED)
def test_batch_size_may_be_unknown(case):
    layer = case.build("single")  # Keras casts the data of `predict` to single precision
    three = samples(case, [0, 1, 0])
    inputs: list[keras.KerasTensor] = []
    data: list[np.ndarray] = []

    def symbolic(position: int, value: Any) -> Any:
        if value is None or not has_batch(case, position, value):
            return value
        value = tensors((np.asarray(value),), "single")[0].numpy()
        inputs.append(keras.Input(value.shape[1:], dtype=value.dtype.name))
        data.append(value)
        return inputs[-1]

    arguments = [
        type(v)(*(symbolic(i, e) for e in v)) if isinstance(v, tuple) else symbolic(i, v)
        for i, v in enumerate(three)
    ]
    output = [v for v in tf.nest.flatten(layer(*arguments)) if v is not None]
    assert all(v.shape[0] is None for v in output)
    predicted = keras.Model(inputs, output).predict(data, verbose=0)
    expected = leaves(layer(*tensors(three, "single")))
    predicted = predicted if isinstance(predicted, list) else [predicted]
    for a, e in zip(predicted, expected, strict=True):
        assert a.shape == e.shape and a.dtype == e.dtype
        if not case.random:
            np.testing.assert_allclose(a, e, rtol=0, atol=2e-4 * max(1e-300, np.abs(e).max()))


@each(DETERMINISTIC)
def test_a_sample_alone_gives_what_it_gives_in_a_batch(case):
    layer = case.build("double")
    together = leaves(layer(*case.arguments()))
    for i in range(BATCH):
        alone = leaves(layer(*samples(case, slice(i, i + 1))))
        assert_equal(alone, [v[i : i + 1] for v in together], 1e-11)


def with_noise(case: Case, layer: Any, no: Any) -> dict[str, Any]:
    given = named(case, layer)
    if getattr(layer, "temperature", None) is not None:
        layer.temperature = None
    return {**given, "no": no}


@each([c for c in BATCHED if "no" in inspect.signature(c.build("single").call).parameters])
@pytest.mark.parametrize("mode", ["eager", "xla"])
def test_noise_power_is_that_of_each_sample(case, mode):
    if mode != "eager" and not case.compile:
        pytest.skip("compiled modes differ in numbers only")
    layer = case.build("double")
    powers = np.array([0.01, 0.7])

    def call(no: Any) -> Any:
        return layer(**with_noise(case, layer, no))

    if mode != "eager":
        call = tf.function(call, jit_compile=True)
    isac.set_seed(3)
    together = leaves(call(tf.constant(powers)))
    for i, power in enumerate(powers):
        isac.set_seed(3)  # the same draws, scaled by another power
        # a number for all is another graph, which is not worth a second compilation by XLA
        alone = leaves(call(tf.constant(power if mode == "eager" else [power] * BATCH)))
        assert_equal([v[i] for v in together], [v[i] for v in alone], 1e-10)
    for bad in (np.ones(BATCH + 1), np.ones((1,) * 9), -powers, np.array([1.0, np.nan])):
        with pytest.raises(ValueError, match=r"no must (be|not)"):
            layer(**with_noise(case, layer, bad))


def varied(case: Case, kind: Any, change: Any) -> list[tuple[str, list, list]]:
    """Calls in which one input of a kind is changed: its name, and the arguments of the call with
    the changed value as it is and in the type that the layer documents."""
    layer = case.build("double")
    exact = complex if kind is Complex else float
    calls = []
    for i, (name, value) in enumerate(named(case, layer).items()):
        wanted = parameters(type(layer).call)[name]
        before, after = list(case.arguments()), list(case.arguments())
        if wanted is kind and value is not None:
            new = change(value)
            before[i], after[i] = new, np.asarray(new, exact)
            calls.append((name, before, after))
        elif isinstance(wanted, type):
            for part, part_kind in described(wanted).items():
                if part_kind is kind and getattr(value, part) is not None:
                    new = change(getattr(value, part))
                    before[i] = value._replace(**{part: new})
                    after[i] = value._replace(**{part: np.asarray(new, exact)})
                    calls.append((f"{name}.{part}", list(before), list(after)))
    return calls


def received(layer: Any, arguments: list, monkeypatch: pytest.MonkeyPatch) -> list[tf.Tensor]:
    """Tensors that ``call`` gets from the arguments of a layer."""
    found: list[tf.Tensor] = []

    @functools.wraps(layer.call)
    def call(*args: Any, **kwargs: Any) -> tf.Tensor:
        found.extend(tf.nest.flatten([args, sorted(kwargs.items())]))
        return tf.zeros([])

    with monkeypatch.context() as patch:
        patch.setattr(layer, "call", call)
        layer(*arguments)
    assert found  # the stand-in was called
    return found


def are_identical(a: list, b: list) -> bool:
    return len(a) == len(b) and all(
        v.dtype == w.dtype and v.shape == w.shape and bool(tf.reduce_all(v == w))
        if isinstance(v, tf.Tensor) and isinstance(w, tf.Tensor)
        else type(v) is type(w) and v == w
        for v, w in zip(a, b, strict=True)
    )


def assert_same_outcome(
    layer: Any, actual: list, expected: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal results, or the same error; nothing runs where ``call`` gets equal tensors."""
    try:
        if are_identical(
            received(layer, actual, monkeypatch), received(layer, expected, monkeypatch)
        ):
            return
    except ValueError:
        pass  # below
    try:
        wanted = outputs(layer, expected)
    except ValueError as error:
        with pytest.raises(ValueError) as caught:
            outputs(layer, actual)
        text = [str(e).split("Arguments received")[0] for e in (caught.value, error)]
        assert text[0] == text[1]
        return
    for a, e in zip(outputs(layer, actual), wanted, strict=True):
        np.testing.assert_array_equal(a, e)


@each(BATCHED)
def test_real_numbers_are_complex_ones_without_an_imaginary_part(case, monkeypatch):
    layer = case.build("double")
    for _, actual, expected in varied(case, Complex, np.real):
        assert_same_outcome(layer, actual, expected, monkeypatch)


@each(BATCHED)
@pytest.mark.parametrize("kind", [Real, Complex], ids=["real", "complex"])
def test_integers_are_numbers(case, kind, monkeypatch):
    layer = case.build("double")
    for _, actual, expected in varied(case, kind, lambda v: np.round(np.real(v)).astype(int)):
        assert_same_outcome(layer, actual, expected, monkeypatch)


@each(BATCHED)
def test_complex_numbers_are_refused_where_real_ones_are_meant(case):
    layer = case.build("double")
    for name, actual, _ in varied(case, Real, np.asarray):
        position = [n for n in parameters(type(layer).call)].index(name.split(".")[0])
        value = actual[position]
        part = name.partition(".")[2]
        made = np.asarray(getattr(value, part) if part else value) * (1 + 0.1j)
        actual[position] = value._replace(**{part: made}) if part else made
        with pytest.raises(TypeError, match=rf"{name} must hold real numbers; got complex"):
            layer(*actual)


@each([c for c in BATCHED if not hasattr(c.build("single"), "steering")])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_eager_inputs_must_be_finite(case, bad):
    layer = case.build("single")

    def spoilt(value: Any) -> np.ndarray:
        new = np.array(value)
        new.flat[-1] = bad
        return new

    for kind in (Real, Complex):
        for name, actual, _ in varied(case, kind, spoilt):
            with pytest.raises(ValueError, match=rf"{name} must be finite; got 1 NaN or infinite"):
                layer(*actual)


@each([c for c in BATCHED if set(named(c, c.build("single"))) & set(ANGLES)])
def test_angles_in_degrees_are_refused(case):
    layer = case.build("double")
    given = named(case, layer)
    for name in set(given) & set(ANGLES):
        degrees = {**given, name: np.rad2deg(given[name])}
        with pytest.raises(ValueError, match=rf"{name} must .*in rad, not in degrees"):
            layer(**degrees)


def gradients(layer: Any, arguments: tuple) -> list[np.ndarray]:
    """Gradients of what the last sample gives by the weights of a layer, in a graph."""

    @tf.function
    def of_last(*arguments: Any) -> list:
        with tf.GradientTape() as tape:
            parts = [v[-1] for v in tf.nest.flatten(layer(*arguments)) if v is not None]
            parts = [tf.math.real(v) for v in parts if not v.dtype.is_integer]
            loss = tf.add_n([tf.reduce_sum(tf.where(tf.math.is_finite(v), v, 0)) for v in parts])
        return tape.gradient(loss, layer.trainable_variables, unconnected_gradients="zero")

    return [g.numpy() for g in of_last(*arguments)]


SPOILED = {
    "y": lambda y: np.concatenate([np.full_like(y[:1], np.nan), y[1:]]),
    "sector": lambda s: np.concatenate([[[1e-4, 2e-4]], s[1:]]),  # no angle of the grid
    "no": lambda no: np.concatenate([[-0.1], no[1:]]),
}
LEARNERS = (
    "LeastSquaresPrecoder",
    "AngleDelayMap",
    "AngleDelayNetwork",
    "SoftmaxAngleEstimator",
    "SoftmaxAngleEstimator-literal",
    "NeuralPresenceDetector",
    "NeuralAngleEstimator",
    "NeuralSymbolReceiver",
    "DifferentiableOMP",
    "NeuralReceiver",
    "TokenEncoder",
    "CrossTaskLocalizer",
)


@each([c for c in CASES if c.name in LEARNERS])
def test_a_sample_that_is_nan_spoils_no_gradient_of_the_others(case):
    layer = case.build("double")
    given = named(case, layer)
    if "no" in inspect.signature(layer.call).parameters:
        given = with_noise(case, layer, np.array([0.1, 0.2]))
    names = list(given)
    expected = gradients(layer, tensors(tuple(given.values())))
    for name in names:
        bad = SPOILED.get({"angle_delay_map": "y", "maps": "y", "h": "y"}.get(name, name))
        if bad is None or (name == "sector" and case.name.startswith("Neural")):
            continue
        spoiled = {**given, name: bad(np.asarray(given[name]))}
        actual = gradients(layer, tensors(tuple(spoiled.values())))
        for a, e in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, e, rtol=0, atol=1e-9 * max(1e-300, np.abs(e).max()))


BAD_SECTORS = [
    [np.nan, 0.3],
    [-0.1, np.nan],
    [0.4, 0.1],
    [-50.0, 10.0],
    [-np.inf, np.inf],
]
COMPILED = ("LeastSquaresPrecoder", "PrecoderNetwork", "MAPRatioTest", "DifferentiableOMP")
WITH_SECTOR = [c for c in BATCHED if c.compile and "sector" in named(c, c.build("single"))]


@each(WITH_SECTOR)
@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_a_sector_that_is_none_gives_nan_in_a_graph(case, jit):
    if jit and case.name not in COMPILED:
        pytest.skip("one of each kind")
    layer = case.build("double")
    given = named(case, layer)
    one = {n: np.asarray(v)[:1] for n, v in given.items()}
    many = {n: np.repeat(v, len(BAD_SECTORS) + 1, 0) for n, v in one.items()}
    many["sector"] = np.concatenate([BAD_SECTORS, one["sector"]])
    run = tf.function(layer.__call__, autograph=False, jit_compile=jit)
    output = run(*tensors(tuple(many.values())))
    for sector in BAD_SECTORS:
        with pytest.raises(ValueError, match="sector"):
            layer(**{**one, "sector": np.array([sector])})
    if case.random:  # what does not depend on the sector is drawn as ever
        output = output.angle
    else:
        alone = leaves(layer(*tensors(tuple(one.values()))))
        for a, e in zip(leaves(output), alone, strict=True):
            np.testing.assert_allclose(a[-1:], e, rtol=0, atol=1e-9 * np.abs(e).max())
    for value in leaves(output):
        assert np.all(np.isnan(value[:-1])) and np.all(np.isfinite(value[-1]))


def test_states_with_too_few_or_too_many_entries_are_refused():
    layer = next(c for c in CASES if c.name == "MonostaticEcho").build("double")
    x, beam = np.ones((1, SUBCARRIERS)), np.ones((1, ANTENNAS))
    state = [[[0.1]], [[10.0]], [[1.0]], [1], None, 3]
    for size in (2, 6):
        with pytest.raises(ValueError, match=rf"targets must have the entries .*; got {size}"):
            layer(x, tuple(state[:size]), beam)
    assert layer(x, state[:4], beam).shape == (1, ANTENNAS, SUBCARRIERS)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_networks_do_not_make_numbers_of_nan(jit):
    # rectifiers of a graph make 0 of NaN where they work on several numbers at once
    network = isac.core.MultilayerPerceptron(5, [64, 64], 3, precision="single")
    x = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
    expected = network(x).numpy()
    x[2, 1], x[4, 0] = np.nan, np.inf
    actual = tf.function(network.__call__, autograph=False, jit_compile=jit)(tf.constant(x))
    assert np.all(np.isnan(actual.numpy()[[2, 4]]))
    keep = [0, 1, 3, 5]
    np.testing.assert_allclose(actual.numpy()[keep], expected[keep], rtol=1e-5, atol=1e-6)


@each([c for c in CASES if c.name in ("DifferentiableOMP", "NeuralReceiver")])
def test_noise_power_of_receivers_is_one_for_a_sample(case):
    layer = case.build("double")
    # as many entries as the window, or the map, has angles
    for size in (ANTENNAS, 2 * 3 + 1, 61):
        with pytest.raises(ValueError, match=r"no must be a number or have shape \[batch_size\]"):
            layer(**with_noise(case, layer, np.ones((BATCH, size))))
    expected = leaves(layer(**with_noise(case, layer, np.array([0.1, 0.2]))))
    actual = leaves(layer(**with_noise(case, layer, np.array([[[0.1]], [[0.2]]]))))
    assert_equal(actual, expected, 1e-12)


def test_noise_power_of_an_unknown_shape_is_that_of_each_sample():
    y = tf.zeros([3, 3, 3], tf.complex64)
    no = tf.constant([0.0, 1.0, 0.0])
    unknown = tf.TensorSpec([None, None, None], tf.complex64)
    for shape in (None, [None]):
        noisy = tf.function(
            isac.core.add_noise, input_signature=[unknown, tf.TensorSpec(shape, tf.float32)]
        )
        silent = np.all(noisy(y, no).numpy() == 0, (1, 2))
        np.testing.assert_array_equal(silent, [True, False, True])
        with pytest.raises(tf.errors.InvalidArgumentError):  # one sample is not made three
            noisy(y[:1], no)


def test_a_silent_symbol_or_cancelling_beams_spoil_no_gradient_before_them():
    rng = np.random.default_rng(1)
    filter_ = isac.receiver.ReciprocalFilter(
        isac.waveform.Numerology(5, 1e6, 60e9), precision="double"
    )
    y = tf.constant(rng.normal(size=(BATCH, 4, 5)) + 1j)
    x = np.ones((BATCH, 5), complex)
    x[0, 2] = 0
    multibeam = isac.waveform.MultibeamPrecoder(precision="double")
    beam = tf.constant(rng.normal(size=(BATCH, 4)) + 1j)
    other = tf.constant(np.array([-1, 1])[:, None] * beam.numpy())

    @tf.function
    def of_last(scale: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(scale)
            a = filter_(tf.cast(scale, tf.complex128) * y, x)[1]
            b = multibeam(tf.cast(scale, tf.complex128) * beam, other, tf.cast(0.5, tf.float64))[1]
            loss = tf.reduce_sum(tf.math.real(a)) + tf.reduce_sum(tf.math.real(b))
        return tape.gradient(loss, scale)

    step = of_last(tf.constant(1.0, tf.float64))
    # both beams are equal up to the scale, so that the sum does not depend on it
    np.testing.assert_allclose(step, np.sum(y[1].numpy().real), rtol=1e-12)


@each(BATCHED)
def test_an_empty_batch_gives_an_empty_output(case):
    layer = case.build("double")
    for value in leaves(layer(*samples(case, slice(0, 0)))):
        assert value.shape[0] == 0


@each(BATCHED)
def test_inputs_that_are_missing_are_refused(case):
    layer = case.build("double")
    for name in required(type(layer).call):
        with pytest.raises(TypeError, match=rf"{name} must be given; got None"):
            layer(**{**named(case, layer), name: None})


@pytest.mark.parametrize(
    "value",
    [
        keras.Variable([0.1, 0.2]),
        tf.Variable([0.1, 0.2]),
        tf.IndexedSlices(tf.constant([0.1, 0.2]), tf.constant([0, 1]), tf.constant([2])),
        np.array([0.1, 0.2], np.longdouble),
        np.array([0.1, 0.2], np.float32),
        [tf.constant(0.1), 0.2],
    ],
    ids=lambda v: type(v).__name__,
)
def test_whatever_holds_numbers_is_a_tensor(value):
    array = CASES[0].build("single")
    np.testing.assert_allclose(array(value), array([0.1, 0.2]), atol=1e-6)


@pytest.mark.parametrize(
    "value",
    [
        tf.ragged.constant([[0.1, 0.2], [0.3]]),
        tf.sparse.from_dense([[0.1, 0.0]]),
        [tf.constant(0.1), tf.constant(0.1, tf.float64)],
        ["0.1"],
        {"angle": 0.1},
    ],
    ids=lambda v: type(v).__name__,
)
def test_whatever_does_not_is_refused(value):
    with pytest.raises(TypeError, match="angle must hold real numbers; got"):
        CASES[0].build("single")(value)
