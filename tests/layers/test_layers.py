"""What every layer must do, for all layers at once."""

from __future__ import annotations

import copy
import json
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from sionna.phy import Object as SionnaObject

import sionna_isac as isac
from tests.layers.registry import (
    CASES,
    PARTIAL_GRADIENT,
    SEED,
    Case,
    leaves,
    public_layers,
    tensors,
)

DETERMINISTIC = [c for c in CASES if not c.random]
RANDOM = [c for c in CASES if c.random]
DIFFERENTIABLE = [c for c in CASES if c.gradients or c.trainable]


def each(cases: list[Case]):
    return pytest.mark.parametrize("case", cases, ids=lambda c: c.name)


def compiled(layer: keras.layers.Layer, arguments: tuple, jit: bool):
    """The layer as a compiled function of its tensors; integers (batch sizes) are constants."""
    if all(isinstance(a, int) for a in arguments):
        return tf.function(lambda: layer(*arguments), jit_compile=jit)
    return tf.function(lambda *args: layer(*args), jit_compile=jit)


def run(layer: keras.layers.Layer, arguments: tuple, mode: str):
    if mode == "eager":
        return layer(*arguments)
    function = compiled(layer, arguments, jit=mode == "xla")
    return function() if all(isinstance(a, int) for a in arguments) else function(*arguments)


def assert_equal(actual, expected, tolerance: float) -> None:
    """Equal up to ``tolerance`` of the largest magnitude of each tensor."""
    actual, expected = leaves(actual), leaves(expected)
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        assert np.all(np.isfinite(a))
        np.testing.assert_allclose(a, e, rtol=0, atol=tolerance * max(1e-300, np.max(np.abs(e))))


def test_every_public_layer_has_a_case():
    covered = {type(case.build("single")) for case in CASES}
    missing = [name for name, layer in public_layers().items() if layer not in covered]
    assert not missing, f"add cases to tests/layers/registry.py for {missing}"


@each(CASES)
def test_trainable_weights_are_those_declared(case):
    layer = case.build("double")
    layer(*case.arguments())
    names = tuple(w.path.rsplit("/", 1)[-1] for w in layer.trainable_weights)
    assert sorted(names) == sorted(case.trainable)


@each([c for c in DETERMINISTIC if c.compile])
def test_eager_graph_and_xla_agree(case):
    """And no estimate of a graph hides a NaN: one compilation serves both checks."""
    layer = case.build("double")
    arguments = tensors(case.arguments())
    expected = layer(*arguments)
    for jit, tolerance in ((False, 1e-12), (True, 1e-10)):
        if isinstance(arguments[0], int):
            assert_equal(compiled(layer, arguments, jit)(), expected, tolerance)
            continue
        function = compiled(layer, arguments, jit)
        assert_equal(function(*arguments), expected, tolerance)
        if hasattr(isac.receiver, case.name.split("-")[0]):
            observed = np.array(arguments[0])
            observed[0].flat[1] = np.nan
            assert_nan_remains(function(tf.constant(observed), *arguments[1:]), expected)


def assert_nan_remains(actual, expected) -> None:
    """NaN in the first sample; the second is what it is without."""
    for a, e in zip(leaves(actual), leaves(expected), strict=True):
        at = np.isnan(a[0])
        if a.dtype.kind in "ib":  # of detections, which such a sample has none of
            at = ~np.any(a[0])
        # maps and decisions keep what does not depend on the entry
        assert np.all(at) or (np.ndim(at) > 1 and np.any(at))
        np.testing.assert_allclose(a[1], e[1], rtol=0, atol=1e-9 * np.abs(e[1]).max())


@each(RANDOM)
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_random_layers_are_reproducible(case, mode):
    layer = case.build("double")
    arguments = tensors(case.arguments())
    run(layer, arguments, mode)  # weights and generators exist after this
    draws = []
    for seed in (5, 5, 6):
        isac.set_seed(seed)
        draws.append(leaves(run(layer, arguments, mode)))
    assert all(np.array_equal(a, b) for a, b in zip(draws[0], draws[1], strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(draws[0], draws[2], strict=True))
    assert all(np.all(np.isfinite(v)) for v in draws[0])


@each(RANDOM)
def test_random_layers_have_static_shapes(case):
    layer = case.build("single")
    arguments = tensors(case.arguments(), "single")
    expected = [v.shape for v in leaves(layer(*arguments))]
    signature = () if isinstance(arguments[0], int) else arguments
    graph = compiled(layer, arguments, jit=False).get_concrete_function(*signature)
    outputs = [v for v in tf.nest.flatten(graph.structured_outputs) if v is not None]
    shapes = [tuple(v.shape) for v in outputs]
    assert shapes == expected


@each(CASES)
def test_precision_sets_the_types(case):
    double, single = case.build("double"), case.build("single")
    types = [v.dtype for v in leaves(double(*tensors(case.arguments())))]
    narrow = {np.dtype("float64"): np.dtype("float32"), np.dtype("complex128"): np.dtype("c8")}
    assert not {np.dtype("float32"), np.dtype("complex64")} & set(types)
    # double-precision inputs are cast to the precision of the layer
    outputs = leaves(single(*tensors(case.arguments())))
    assert [v.dtype for v in outputs] == [narrow.get(t, t) for t in types]
    assert single.dtype == "float32" and double.dtype == "float64"


@each(DETERMINISTIC)
def test_single_precision_is_close_to_double(case):
    isac.set_seed(2)  # weights that are drawn are drawn alike
    expected = case.build("double")(*tensors(case.arguments()))
    isac.set_seed(2)
    single = case.build("single")
    narrow = single(*tensors(case.arguments(), "single"))
    assert_equal(narrow, expected, 2e-4)
    for a, b in zip(leaves(narrow), leaves(single(*tensors(case.arguments()))), strict=True):
        np.testing.assert_array_equal(a, b)


@each(DETERMINISTIC)
def test_numpy_arrays_are_accepted(case):
    layer = case.build("double")
    assert_equal(layer(*case.arguments()), layer(*tensors(case.arguments())), 0)


@each(CASES)
def test_config_round_trip(case):
    isac.set_seed(2)
    layer = case.build("double")
    arguments = tensors(case.arguments())
    isac.set_seed(1)
    expected = layer(*arguments)
    config = json.loads(json.dumps(layer.get_config()))  # nothing but plain values
    isac.set_seed(SEED)  # a configuration does not hold the weights of networks
    twin = type(layer).from_config(config)
    isac.set_seed(1)
    assert_equal(twin(*arguments), expected, 1e-13)
    assert twin.precision == layer.precision and twin.name == layer.name
    assert [w.shape for w in twin.trainable_weights] == [w.shape for w in layer.trainable_weights]


@each(CASES)
@pytest.mark.parametrize("copying", ["deepcopy", "pickle"])
def test_copies_compute_the_same(case, copying):
    layer = case.build("double")
    arguments = tensors(case.arguments())
    isac.set_seed(1)
    expected = layer(*arguments)
    twin = copy.deepcopy(layer) if copying == "deepcopy" else pickle.loads(pickle.dumps(layer))
    isac.set_seed(1)
    assert_equal(twin(*arguments), expected, 0)
    for own, others in zip(twin.weights, layer.weights, strict=True):
        assert own is not others


@each(CASES)
def test_sionna_blocks_have_the_precision_of_the_layer(case):
    def blocks(owner, seen):
        for value in vars(owner).values():
            for item in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(item, SionnaObject) and id(item) not in seen:
                    seen[id(item)] = item
                    blocks(item, seen)
        return seen.values()

    for precision in ("single", "double"):
        layer = case.build(precision)
        layer(*case.arguments())
        found = blocks(layer, {})
        assert all(b.precision == precision for b in found)
        if type(layer).__name__ in ("SymbolSource", "SymbolDetector"):
            assert found  # the walk sees them


class ScalarLoss:
    """Random real linear combination of the outputs, each scaled to the order of 1."""

    def __init__(self, case: Case, layer, arguments: tuple) -> None:
        rng = np.random.default_rng(0)
        self.select = case.select
        self.layer = layer
        self.weights = []
        for value in leaves(case.select(layer(*arguments))):
            weight = rng.normal(size=value.shape) + 1j * rng.normal(size=value.shape)
            self.weights.append(weight / np.max(np.abs(value)))

    def __call__(self, arguments: tuple) -> tf.Tensor:
        outputs = tf.nest.flatten(self.select(self.layer(*arguments)))
        outputs = [v for v in outputs if v is not None]
        return sum(
            tf.reduce_sum(tf.math.real(v) * w.real)
            + (tf.reduce_sum(tf.math.imag(v) * w.imag) if v.dtype.is_complex else 0)
            for v, w in zip(outputs, self.weights, strict=True)
        )


def direction(like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random direction of the size of a value, complex where the value is."""
    draw = rng.normal(size=like.shape)
    if np.iscomplexobj(like):
        draw = draw + 1j * rng.normal(size=like.shape)
    return draw * max(np.max(np.abs(like)), 1e-2) / max(np.linalg.norm(draw), 1e-300)


def assert_directional(gradient, step: np.ndarray, plus, minus, width: float) -> None:
    """Gradient along ``step`` (dL/dRe + j dL/dIm for complex values) against the difference."""
    gradient = np.asarray(gradient)
    slope = np.sum(np.real(np.conj(gradient) * step))
    scale = np.linalg.norm(gradient) * np.linalg.norm(step)
    assert scale > 0
    rounding = 4 * np.finfo(float).eps * abs(float(plus)) / width
    assert abs((float(plus) - float(minus)) / (2 * width) - slope) < 1e-6 * scale + rounding


@each([c for c in DIFFERENTIABLE if c.gradients])
def test_gradients_of_inputs_match_differences(case, rng):
    layer = case.build("double")
    arguments = tensors(case.arguments())
    loss = ScalarLoss(case, layer, arguments)
    flat = tf.nest.flatten(arguments)
    owners = [n for n, a in enumerate(arguments) for _ in tf.nest.flatten(a)]
    chosen = [
        i
        for i, value in enumerate(flat)
        if owners[i] in case.gradients and value is not None and not value.dtype.is_integer
    ]
    with tf.GradientTape() as tape:
        tape.watch([flat[i] for i in chosen])
        value = loss(arguments)
    gradients = tape.gradient(value, [flat[i] for i in chosen])
    width = 1e-6
    for i, gradient in zip(chosen, gradients, strict=True):
        step = direction(flat[i].numpy(), rng)
        shifted = [
            loss(
                tf.nest.pack_sequence_as(arguments, [*flat[:i], flat[i] + s * step, *flat[i + 1 :]])
            )
            for s in (width, -width)
        ]
        assert_directional(gradient, step, *shifted, width)


@each([c for c in DIFFERENTIABLE if c.trainable and c.name not in PARTIAL_GRADIENT])
def test_gradients_of_weights_match_differences(case, rng):
    layer = case.build("double")
    arguments = tensors(case.arguments())
    loss = ScalarLoss(case, layer, arguments)
    with tf.GradientTape() as tape:
        value = loss(arguments)
    gradients = tape.gradient(value, layer.trainable_variables)
    width = 1e-6
    for weight, gradient in zip(layer.trainable_variables, gradients, strict=True):
        start = weight.numpy()
        step = direction(start, rng)
        shifted = []
        for s in (width, -width):
            weight.assign(start + s * step)
            shifted.append(loss(arguments))
        weight.assign(start)
        assert_directional(gradient, step, *shifted, width)


@each([c for c in DIFFERENTIABLE if c.name in PARTIAL_GRADIENT])
def test_partial_gradients_are_finite(case):
    layer = case.build("double")
    arguments = tensors(case.arguments())
    loss = ScalarLoss(case, layer, arguments)
    with tf.GradientTape() as tape:
        value = loss(arguments)
    for gradient in tape.gradient(value, layer.trainable_variables):
        assert np.all(np.isfinite(gradient)) and np.any(np.asarray(gradient) != 0)


def test_python_numbers_are_accepted():
    array = isac.array.UniformLinearArray(4, 0.01, precision="double")
    assert_equal(array(0.3), array(tf.constant(0.3, tf.float64)), 0)
    beams = np.eye(2, 4) + 0j
    mix = isac.waveform.MultibeamPrecoder(precision="double")
    assert_equal(
        mix(beams, beams[::-1], 0.25, 1), mix(beams, beams[::-1], np.float64(0.25), 1.0), 0
    )
    detector = isac.receiver.SymbolDetector(precision="double")
    symbols = np.full([1, 3], 0.6 - 0.8j)
    assert_equal(detector(symbols, symbols, 1), detector(symbols, symbols, tf.constant(1.0)), 0)
    scene = isac.scene.FixedSector((-0.1, 0.2), precision="double")
    assert scene(np.int64(3)).shape == (3, 2)


def test_keywords_work_and_duplicates_do_not():
    array = isac.array.UniformLinearArray(4, 0.01)
    assert_equal(array(angle=0.3), array(0.3), 0)
    with pytest.raises(TypeError, match=r"(multiple|two) values.*angle"):
        array(0.3, angle=0.3)
