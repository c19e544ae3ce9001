"""The layer against the NumPy solver, its gradients against differences, and its errors."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.scattering import (
    NotConvergedError,
    VolumeIntegralScattering,
    volume_response,
)
from sionna_isac.scattering._inputs import _inside
from sionna_isac.scattering._target import find_grid
from tests.scattering.voxel_bodies import WAVELENGTH, antennas, blob, relative_error, sphere

SIZE = WAVELENGTH / 12
FREQUENCIES = [4.8e9, 4.9e9]
BACKENDS = ("scipy", "tf")


def layer(backend: str | None = "tf", body: dict | None = None, **kwargs):
    body = body or blob(SIZE)
    options = {"tolerance": 1e-11, "precision": "double", **kwargs}
    return VolumeIntegralScattering(
        body["positions"], body["voxel_size"], FREQUENCIES, backend=backend, **options
    )


def arguments(body: dict | None = None, **kwargs) -> tuple:
    body, around = body or blob(SIZE), antennas(**kwargs)
    return (body["permittivity"], body["conductivity"], *around.values())


def tensors(values: tuple) -> tuple:
    return tuple(tf.constant(v) for v in values)


def partial_body() -> tuple[dict, dict]:
    """A coarse ball with partly filled voxels, and its fill."""
    positions, size, fill = sphere(0.2 * WAVELENGTH, 4)
    rng = np.random.default_rng(4)
    body = {
        "positions": positions,
        "voxel_size": size,
        "permittivity": rng.uniform(2, 4, len(fill)),
        "conductivity": rng.uniform(0, 0.2, len(fill)),
    }
    return body, {"fill": fill}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("sides", [(3, 2), (2, 3)])
def test_equals_the_function(backend, precision, sides):
    tolerance = {"single": 1e-5, "double": 1e-11}[precision]
    around = dict(zip(("num_tx", "num_rx"), sides, strict=True))
    truth = volume_response(
        **blob(SIZE), frequencies=FREQUENCIES, **antennas(**around), tolerance=1e-12,
        precision="double",
    )  # fmt: skip
    h = layer(backend, precision=precision, tolerance=tolerance)(*arguments(**around))
    assert h.shape == (2, sides[1], sides[0])
    assert relative_error(h.numpy(), truth) < 2 * tolerance


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kernel", ["filtered", "galerkin", "point"])
def test_partly_filled_voxels_and_kernels(backend, kernel):
    body, fill = partial_body()
    kwargs = {**fill, "kernel": kernel, "tolerance": 1e-11}
    truth = volume_response(
        **body, frequencies=FREQUENCIES, **antennas(), **kwargs, precision="double"
    )
    h = layer(backend, body, **kwargs)(*arguments(body))
    assert relative_error(h.numpy(), truth) < 1e-10


@pytest.mark.parametrize("options", [{}, {"approximation": "born"}])
def test_metal_may_be_effective(options):
    body = blob(SIZE)
    body["conductivity"] = np.full_like(body["conductivity"], 1e4)
    kwargs = {"metal": "effective", "tolerance": 1e-10, **options}
    truth = volume_response(
        **body, frequencies=FREQUENCIES, **antennas(), **kwargs, precision="double"
    )
    for backend in BACKENDS:
        h = layer(backend, **kwargs)(*arguments(body))
        assert relative_error(h.numpy(), truth) < 1e-9


def test_born_equals_the_function_with_tensors():
    body, fill = partial_body()
    kwargs = {**fill, "approximation": "born"}
    truth = volume_response(
        **body, frequencies=FREQUENCIES, **antennas(), **kwargs, precision="double"
    )
    h = layer(None, body, **kwargs)(*arguments(body))
    assert relative_error(h.numpy(), truth) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_batches_are_samples(backend):
    rng = np.random.default_rng(3)
    solve = layer(backend)
    permittivity, conductivity, tx, p, rx, q = arguments()
    factor = rng.uniform(0.5, 1.5, [2, 1, 1])
    many = 1 + (permittivity - 1) * factor
    turned = rx[:, ::-1] * np.array([1.0, 1.1, 1.2])[:, np.newaxis, np.newaxis]
    h = solve(many, conductivity, tx, p, turned, q)
    assert h.shape == (2, 3, 2, 2, 3)
    for a, b in itertools.product(range(2), range(3)):
        one = solve(many[a, 0], conductivity, tx, p, turned[b], q)
        assert relative_error(h[a, b].numpy(), one.numpy()) < 1e-10


def test_batch_size_may_be_unknown():
    inputs = arguments()
    batch = [np.repeat(v[np.newaxis], 2, 0) for v in inputs]
    for backend in BACKENDS:
        solve = layer(backend)
        signature = [tf.TensorSpec([None, *v.shape], v.dtype) for v in inputs]
        graph = tf.function(lambda *args: solve(*args), input_signature=signature)  # noqa: B023
        h = graph(*batch)
        assert relative_error(h[1].numpy(), solve(*inputs).numpy()) < 1e-10


def test_rank_is_cut_where_the_tolerance_allows():
    inputs = arguments(num_tx=6, num_rx=6)
    close = (*inputs[:2], *(v[:1] + 1e-4 * WAVELENGTH * np.ones([6, 1]) for v in inputs[2:3]))
    close += (np.repeat(inputs[3][:1], 6, 0), *inputs[4:])  # six times the same transmitter
    full = layer(tolerance=1e-8)(*close)
    assert relative_error(layer(tolerance=1e-8, max_rank=1)(*close).numpy(), full.numpy()) < 1e-7
    with pytest.raises(NotConvergedError, match="max_rank above 1"):
        layer(tolerance=1e-8, max_rank=1)(*inputs)


def directional(solve, inputs: tuple, function=None):
    """Gradients with respect to the material along random directions, and central differences."""
    rng = np.random.default_rng(0)
    shape = solve(*inputs).shape
    weight = tf.constant(rng.normal(size=shape) + 1j * rng.normal(size=shape), solve.cdtype)

    def loss(*args):
        h = solve(*args) * 1e-18
        return tf.reduce_sum(tf.math.real(h * weight)) + tf.reduce_sum(tf.abs(h) ** 2)

    def gradients(*args):
        with tf.GradientTape() as tape:
            tape.watch(args[:2])
            value = loss(*args)
        return tape.gradient(value, args[:2])

    found = (function or (lambda g: g))(gradients)(*tensors(inputs))
    step = 1e-4
    for n, gradient in enumerate(found):
        ray = rng.normal(size=inputs[n].shape)
        ends = []
        for sign in (1, -1):
            moved = list(inputs)
            moved[n] = inputs[n] + sign * step * ray
            ends.append(float(loss(*moved)))
        yield float(np.sum(gradient.numpy() * ray)), (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize(
    ("backend", "mode"),
    [("scipy", mode) for mode in ("eager", "graph", "partial", "sides")]
    + [("tf", mode) for mode in ("graph", "xla", "partial", "sides")],
)
def test_gradients_match_differences(backend, mode):
    body, kwargs = partial_body() if mode == "partial" else (blob(SIZE), {})
    inputs = arguments(body, num_tx=2, num_rx=3) if mode == "sides" else arguments(body)
    wrap = {
        "graph": lambda g: tf.function(g),
        "xla": lambda g: tf.function(g, jit_compile=True),
    }.get(mode)
    solve = layer(backend, body, **{**kwargs, "tolerance": 1e-12})
    for slope, difference in directional(solve, inputs, wrap):
        assert slope == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_reaches_voxels_of_free_space(backend):
    # one-sided: below 1 is not allowed
    body = blob(SIZE)
    permittivity, conductivity, *rest = arguments(body)
    permittivity[::2], conductivity[::2] = 1, 0
    solve = layer(backend, tolerance=1e-12)
    value = tf.constant(permittivity)
    with tf.GradientTape() as tape:
        tape.watch(value)
        h = solve(value, conductivity, *rest)
        loss = tf.reduce_sum(tf.math.real(h)) / 1e18
    gradient = tape.gradient(loss, value).numpy()
    step = np.zeros_like(permittivity)
    step[0] = 1e-4
    ends = [
        float(tf.reduce_sum(tf.math.real(solve(permittivity + n * step, conductivity, *rest))))
        for n in (0, 1, 2)
    ]
    difference = (-3 * ends[0] + 4 * ends[1] - ends[2]) / (2 * step[0]) / 1e18
    assert gradient[0] == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("index", [3, 5])
def test_silent_antennas_spoil_no_gradient(backend, index):
    inputs, solve = arguments(), layer(backend, tolerance=1e-12)
    silent = inputs[index].copy()
    silent[0] = 0
    sole = [v[1:] if n in (index - 1, index) else v for n, v in enumerate(inputs)]

    def gradient(values):
        permittivity = tf.constant(values[0])
        with tf.GradientTape() as tape:
            tape.watch(permittivity)
            loss = tf.reduce_sum(tf.abs(solve(permittivity, *values[1:]) * 1e-18) ** 2)
        return tape.gradient(loss, permittivity).numpy()

    found = gradient([silent if n == index else v for n, v in enumerate(inputs)])
    assert relative_error(found, gradient(sole)) < 1e-8


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_is_the_product_of_both_fields(backend):
    """dH/dchi = V/eps_0 E_r . E_t, with fields from the polarisation of a single voxel."""
    position, size = np.zeros([1, 3]), SIZE
    solve = VolumeIntegralScattering(position, size, FREQUENCIES[:1], backend=backend,
                                     precision="double", tolerance=1e-12)  # fmt: skip
    around = antennas(1, 1)
    permittivity = tf.constant([3.0], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(permittivity)
        h = tf.math.real(solve(permittivity, [0.0], *around.values()))
    wave = [
        isac.scattering.dipole_field(position, around[f"{side}_positions"], vector, FREQUENCIES[0])
        for side, vector in (
            ("tx", around["tx_moments"]),
            ("rx", around["rx_polarizations"].conj()),
        )
    ]
    m = isac.scattering.self_term(size, FREQUENCIES[0])
    inside = [e[0, 0] / (1 + 2 * (1 / 3 - m)) for e in wave]
    expected = size**3 * 8.8541878128e-12 * np.sum(inside[0] * inside[1])
    assert tape.gradient(h, permittivity).numpy()[0] == pytest.approx(expected.real, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_antennas_have_no_gradient(backend, wrap):
    inputs, solve = tensors(arguments()), layer(backend, tolerance=1e-5)

    def gradient(n, *args):
        with tf.GradientTape() as tape:
            tape.watch(args[n])
            h = tf.abs(solve(*args))
        return tape.gradient(h, args[n])

    for n in range(2, 6):
        with pytest.raises(NotImplementedError, match="no derivative with respect to the antennas"):
            wrap(lambda *args: gradient(n, *args))(*inputs)  # noqa: B023


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_other_derivatives(backend):
    inputs, solve = tensors(arguments()), layer(backend, tolerance=1e-5)
    once = pytest.raises(NotImplementedError, match="once and backwards only")
    with once, tf.autodiff.ForwardAccumulator(inputs[0], tf.ones_like(inputs[0])):
        solve(*inputs)
    with tf.GradientTape() as outer:
        outer.watch(inputs[0])
        with tf.GradientTape() as tape:
            tape.watch(inputs[0])
            h = tf.reduce_sum(tf.abs(solve(*inputs)))
        slope = tape.gradient(h, inputs[0])
    with once:
        outer.gradient(slope, inputs[0])


def test_born_has_gradients_with_respect_to_the_antennas():
    inputs = tensors(arguments())
    solve = layer(approximation="born")
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        h = tf.reduce_sum(tf.abs(solve(*inputs)))
    position = tape.gradient(h, inputs)[2].numpy()
    step = np.zeros_like(position)
    step[1, 2] = 1e-6
    ends = [
        float(tf.reduce_sum(tf.abs(solve(*inputs[:2], inputs[2] + s, *inputs[3:]))))
        for s in (step, -step)
    ]
    assert position[1, 2] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_circular_polarisation_on_a_symmetric_target():
    """Unconjugated products vanish: right-hand sides are split into real and imaginary parts."""
    positions, size, fill = sphere(0.15 * WAVELENGTH, 4)
    positions = positions[fill > 0.5]
    number = len(positions)
    axis = np.array([[0, 0, 2 * WAVELENGTH]])
    circular = np.array([[1, 1j, 0]])
    inputs = (np.full(number, 3.0), np.zeros(number), axis, circular, -axis, circular)
    h = []
    for backend in BACKENDS:
        solve = VolumeIntegralScattering(
            positions, size, FREQUENCIES, backend=backend, precision="double", tolerance=1e-10
        )
        h.append(solve(*inputs).numpy())
    assert relative_error(h[1], h[0]) < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
def test_not_converged_is_an_error_or_nan(backend):
    solve = layer(backend, max_iterations=2)
    inputs = tensors(arguments())
    with pytest.raises(NotConvergedError, match="max_iterations above 2"):
        solve(*inputs)
    with pytest.raises(tf.errors.OpError, match="max_iterations above 2"):
        tf.function(lambda *args: solve(*args))(*inputs)
    if backend == "tf":
        h = tf.function(lambda *args: solve(*args), jit_compile=True)(*inputs)
        assert np.all(np.isnan(h))


@pytest.mark.parametrize("options", [{}, {"approximation": "born"}])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("index", "value", "message"),
    [
        (0, 0.9, r"permittivity must be >= 1 .*0\.9"),
        (1, -0.1, r"conductivity must be >= 0 .*-0\.1"),
        (1, np.nan, r"conductivity must be finite; got.*1.*NaN or infinite of"),
        (2, np.nan, "tx_positions must be finite"),
        (3, np.inf, "tx_moments must be finite"),
        (2, "inside", "tx_positions must lie outside the voxels; got.*1.*of.*3.*first one at"),
        (4, "inside", "rx_positions must lie outside the voxels; got.*1.*of.*2.*first one at"),
    ],
)
def test_bad_values_in_a_graph_are_named(backend, options, index, value, message):
    inputs = [v.copy() for v in arguments()]
    if value == "inside":
        inputs[index][1] = blob(SIZE)["positions"][3] + SIZE / 3
    else:
        inputs[index].flat[0] = value
    inputs = tensors(tuple(inputs))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        graph_of(backend, *options.items())(*inputs)
    if options and backend == "tf":
        h = graph_of(backend, *options.items(), jit_compile=True)(*inputs)
        assert np.any(np.isnan(h))


@functools.cache
def graph_of(backend, *options, jit_compile=False):
    """Graph of a layer, traced once for all values."""
    solve = layer(backend, **dict(options))
    return tf.function(lambda *args: solve(*args), jit_compile=jit_compile)


@pytest.mark.parametrize("holes", [False, True])
def test_antennas_in_voxels_are_those_that_the_grid_holds(holes):
    """The check of the layer and that of the function agree, on faces and edges too."""
    body = blob(SIZE)
    keep = np.random.default_rng(1).random(len(body["positions"])) < (0.4 if holes else 1)
    grid = find_grid(body["positions"][keep], SIZE)
    low, high = grid.positions.min(0) - 2 * SIZE, grid.positions.max(0) + 2 * SIZE
    points = np.random.default_rng(2).uniform(low, high, [4000, 3])
    on_faces = grid.positions[0] + SIZE / 2 * np.random.default_rng(3).integers(-9, 9, [4000, 3])
    for some in (points, on_faces):
        expected = grid.holds(some)
        assert 0 < expected.sum() < len(some)
        np.testing.assert_array_equal(_inside(grid, tf.constant(some)), expected)


def test_bad_values_are_named():
    solve = layer()
    good = arguments()

    def change(index, value):
        inputs = [v.copy() for v in good]
        inputs[index].flat[0] = value
        return inputs

    for index, value, message in (
        (0, 0.5, r"permittivity must be >= 1.*got 0.5"),
        (1, -0.2, r"conductivity must be >= 0.*got -0.2"),
        (0, np.nan, "permittivity must be finite"),
        (2, np.inf, "tx_positions must be finite"),
        (3, np.nan, "tx_moments must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            solve(*change(index, value))
    inside = [v.copy() for v in good]
    inside[4][1] = blob(SIZE)["positions"][0]
    with pytest.raises(ValueError, match="rx_positions must lie outside the voxels; got 1 of 2"):
        solve(*inside)


@pytest.mark.parametrize(
    ("index", "shape", "message"),
    [
        (0, [5], r"permittivity must have last dimension 42"),
        (2, [3, 2], r"tx_positions must have last dimension 3"),
        (2, [3], r"tx_positions must have shape \[batch..., num_antennas, 3\]"),
        (3, [4, 3], r"tx_moments must have shape \[batch..., 3, 3\], a row for each"),
        (5, [2, 2, 1, 3], r"rx_polarizations must have shape \[batch..., 2, 3\]"),
    ],
)
def test_bad_shapes_are_named(index, shape, message):
    inputs = list(arguments())
    inputs[index] = np.ones(shape)
    with pytest.raises(ValueError, match=message):
        layer()(*inputs)


def test_batches_that_do_not_match():
    inputs = list(arguments())
    inputs[0] = np.ones([2, 42])
    inputs[2] = np.ones([3, 3, 3])
    with pytest.raises(ValueError, match="batch dimensions of the inputs must match"):
        layer()(*inputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "jax"}, "backend must be one of"),
        ({"approximation": "rytov"}, "approximation must be one of"),
        ({"kernel": "exact"}, "kernel must be one of"),
        ({"metal": "perfect"}, "metal must be one of"),
        ({"tolerance": 0.5}, "tolerance must be a finite number"),
        ({"tolerance": 1e-8, "precision": "single"}, "tolerance must be a finite number >= 1e-06"),
        ({"max_iterations": 0}, "max_iterations must be an integer >= 1"),
        ({"max_rank": 0}, "max_rank must be an integer >= 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        layer(**options)


def test_coarse_grids_need_leave():
    body = blob(WAVELENGTH / 3)
    with pytest.raises(ValueError, match="voxel_size must be at most 1/4 wavelength"):
        layer(body=body)
    with pytest.warns(isac.scattering.CoarseGridWarning):
        layer(body=body, allow_coarse=True)


def test_config_keeps_the_geometry():
    body, fill = partial_body()
    solve = layer(None, body, **fill, max_rank=4, name="ball")
    twin = VolumeIntegralScattering.from_config(solve.get_config())
    assert twin.name == "ball" and twin.max_rank == 4 and twin.backend is None
    for name in ("positions", "fill", "normals", "frequencies"):
        np.testing.assert_array_equal(getattr(twin, name), getattr(solve, name))
    assert not solve.weights


def test_from_a_voxelised_car():
    car = isac.scene.ParametricCar(seed=2).voxelize(0.4)
    frequency = 0.9e9
    tx = car.to_body([[12.0, 0.0, 1.0]]), car.direction_to_body([[0.0, 0.0, 1.0]])
    options = {"allow_coarse": True, "tolerance": 1e-4, "precision": "double"}
    with pytest.warns(isac.scattering.CoarseGridWarning):
        solve = VolumeIntegralScattering.from_target(car, [frequency], **options)
    h = solve(car.permittivity, car.conductivity, *tx, *tx)
    assert np.all(np.isfinite(h)) and solve.num_voxels == car.num_voxels
    assert np.array_equal(solve.fill, car.fill)
