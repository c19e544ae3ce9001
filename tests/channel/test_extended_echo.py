"""Echo of small spheres against the Mie series, the radar equation and the echo of points."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c, epsilon_0

import sionna_isac as isac
from sionna_isac.channel import ExtendedEcho, MonostaticEcho
from sionna_isac.scene import ExtendedTargets, PointTargets, VoxelTarget
from tests.scattering.voxel_bodies import relative_error, sphere

CARRIER = 28e9
WAVELENGTH = c / CARRIER
SPACING = 10e6
SUBCARRIERS = 16
ANTENNAS = 12
RADIUS = 0.06 * WAVELENGTH
PERMITTIVITY = 3.0
RANGE, ANGLE = 11.0, 0.35
OPTIONS = {"precision": "double", "tolerance": 1e-9}


def ball(cells: int = 6) -> VoxelTarget:
    positions, size, fill = sphere(RADIUS, cells)
    return VoxelTarget(positions, size, PERMITTIVITY, 0.0, fill)


def place(distance: float, angle: float) -> list[float]:
    return [distance * math.cos(angle), distance * math.sin(angle), 0.0]


def linear(**kwargs) -> isac.array.UniformLinearArray:
    return isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision="double", **kwargs)


def numerology(num_subcarriers: int = SUBCARRIERS, spacing: float = SPACING):
    return isac.waveform.Numerology(num_subcarriers, spacing, CARRIER)


def echo_of(array=None, num_subcarriers: int = SUBCARRIERS, cells: int = 4, **kwargs):
    return ExtendedEcho.from_target(
        array or linear(), ball(cells), numerology(num_subcarriers), **{**OPTIONS, **kwargs}
    )


def targets(distance: float = RANGE, angle: float = ANGLE, cells: int = 4, heading: float = 0.0):
    return ExtendedTargets.of(ball(cells).placed(place(distance, angle), heading))


def point_at(distance: float) -> PointTargets:
    values = [[ANGLE]], [[distance]], [[1.0 + 0j]], [1]
    return PointTargets(*(tf.constant(np.array(v)) for v in values))


def symbols(num_subcarriers: int = SUBCARRIERS) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.exp(2j * np.pi * rng.uniform(size=(1, num_subcarriers)))


def beam_to(angle: float) -> np.ndarray:
    return np.conj(linear().steering([angle]).numpy()) / math.sqrt(ANTENNAS)


def test_a_small_sphere_returns_the_radar_equation():
    """|h| = lambda sqrt(sigma) / ((4 pi)^1.5 r^2) with the exact cross-section of the sphere."""
    array = isac.array.SphericalWaveArray([0.0], WAVELENGTH, precision="double")
    echo = echo_of(array, 3, cells=10)
    h = np.abs(echo.channel(targets(cells=10)).numpy()[0, :, 0, 0])
    frequencies = echo.scattering.frequencies
    for n, frequency in enumerate(frequencies):
        sigma = isac.scattering.sphere_cross_sections(RADIUS, PERMITTIVITY, 0.0, [frequency])
        wavelength = c / frequency
        expected = wavelength * math.sqrt(sigma.backscattering[0]) / ((4 * np.pi) ** 1.5 * RANGE**2)
        assert h[n] == pytest.approx(expected, rel=2e-3, abs=0)


def test_whole_channel_of_a_sphere_is_that_of_the_mie_series():
    positions = isac.array.cross_positions(2, 0.4)
    array = isac.array.SphericalWaveArray(positions, WAVELENGTH, precision="double")
    echo = echo_of(array, 2, cells=10)
    center = place(1.5, ANGLE)
    h = echo.channel(targets(1.5, cells=10)).numpy()[0]
    for n, frequency in enumerate(echo.scattering.frequencies):
        k = 2 * np.pi * frequency / c
        z = np.tile([0, 0, 1.0], [4, 1])
        moment = epsilon_0 * (c / frequency) / k**2
        truth = isac.scattering.sphere_response(
            RADIUS, center, PERMITTIVITY, 0.0, [frequency], positions, moment * z, positions, z
        )[0]
        assert relative_error(h[n], truth) < 2e-3


def test_matches_the_echo_of_a_point_up_to_a_constant():
    """Phase over antennas and subcarriers is that of a point: same angle, same delay."""
    distance = 60.0  # the array's far field begins at 0.8 m
    x, beam = symbols(), beam_to(ANGLE)
    y = echo_of()(x, targets(distance), beam).numpy()
    point = point_at(distance)
    truth = MonostaticEcho(linear(), numerology(), precision="double")(x, point, beam).numpy()
    gain = np.vdot(truth, y) / np.vdot(truth, truth)
    assert relative_error(y / gain, truth) < 0.03  # beam squint, 0.5 % of band
    wrong = PointTargets(-point.angle, *point[1:])
    mirrored = MonostaticEcho(linear(), numerology(), precision="double")(x, wrong, beam).numpy()
    correlation = abs(np.vdot(mirrored, y)) / np.linalg.norm(mirrored) / np.linalg.norm(y)
    assert correlation < 0.5


@pytest.mark.parametrize("differentiable", [False, True])
@pytest.mark.parametrize("projected", [False, True])
def test_matching_pursuit_finds_the_sphere(differentiable, projected):
    kind = isac.receiver.DifferentiableOMP if differentiable else isac.receiver.OMP
    receiver = kind(
        linear(),
        numerology(),
        isac.receiver.SearchGrid(
            np.linspace(-np.pi / 2, np.pi / 2, 361), np.linspace(8.0, 14.0, 121)
        ),
        max_targets=1,
        precision="double",
        **({"temperature": 1e8} if differentiable else {}),
    )
    echo, beam = echo_of(), beam_to(0.2)
    if projected:
        y = echo.filtered(targets(), beam, receiver.basis)
    else:
        x = symbols()
        y = isac.receiver.ReciprocalFilter(numerology(), precision="double")(
            echo(x, targets(), beam), x
        )
    estimate = receiver(y, [[-1.0, 1.0]])
    assert float(estimate.angle[0, 0]) == pytest.approx(ANGLE, abs=0.01)
    assert float(estimate.range[0, 0]) == pytest.approx(RANGE, abs=0.1)


def test_three_forms_of_the_signal_agree():
    echo, state = echo_of(num_subcarriers=3), targets()
    x, beam = symbols(3), beam_to(0.1)
    y = echo(x, state, beam).numpy()
    h = echo.channel(state).numpy()
    expected = np.einsum("bskl,bl,bs->bks", h, beam, x)
    assert relative_error(y, expected) < 1e-12
    several = np.stack([x, 2j * x], axis=1)
    frames = echo(several, state, beam).numpy()
    assert frames.shape == (1, ANTENNAS, 2, 3)
    assert relative_error(frames, np.stack([y, 2j * y], axis=2)) < 1e-12
    signals = beam[:, np.newaxis, :, np.newaxis, np.newaxis] * several[:, np.newaxis, np.newaxis]
    assert relative_error(echo(signals, state).numpy()[:, 0], frames) < 1e-12
    half = echo_of(num_subcarriers=3, normalize=True)
    assert relative_error(half(x, state, beam).numpy() * math.sqrt(3), y) < 1e-12


def test_channel_is_reciprocal():
    h = echo_of(num_subcarriers=2).channel(targets()).numpy()
    assert relative_error(h, h.swapaxes(-1, -2)) < 1e-8


def test_pose_moves_the_target_and_not_the_array():
    """A target turned by its heading is one whose voxels are turned."""
    rng = np.random.default_rng(0)
    cells = np.argwhere(rng.random([4, 3, 2]) < 0.7)
    size = WAVELENGTH / 12
    turned = np.stack([-cells[:, 1], cells[:, 0], cells[:, 2]], axis=-1)
    bodies = [VoxelTarget(v * size, size, 3.0, 0.1) for v in (cells, turned)]
    state = [
        ExtendedTargets.of(body.placed([5.0, 1.0, 0.2], heading))
        for body, heading in zip(bodies, (math.pi / 2, 0.0), strict=True)
    ]
    tilted = {"polarization": (0.1, 0.5, 1.0)}
    h = [
        ExtendedEcho.from_target(linear(), body, numerology(2), **OPTIONS, **tilted).channel(s)
        for body, s in zip(bodies, state, strict=True)
    ]
    assert relative_error(h[0].numpy(), h[1].numpy()) < 1e-8


def test_impairments_act_on_both_ways():
    rng = np.random.default_rng(1)
    gain, phase = rng.uniform(0.8, 1.2, ANTENNAS), rng.normal(0, 0.3, ANTENNAS)
    impaired = isac.array.ImpairedArray(
        ANTENNAS, WAVELENGTH, gain=gain, phase=phase, coupling=[0.1 + 0.05j, 0.02j],
        precision="double",
    )  # fmt: skip
    state, beam, x = targets(300.0), beam_to(0.3), symbols(1)
    y = echo_of(impaired, 1)(x, state, beam).numpy()
    point = point_at(300.0)
    truth = MonostaticEcho(impaired, numerology(1), precision="double")(x, point, beam).numpy()
    truth *= np.vdot(truth, y) / np.vdot(truth, truth)
    assert relative_error(y, truth) < 0.01


def test_noise_has_its_power():
    isac.set_seed(1)
    echo, state = echo_of(num_subcarriers=3), targets()
    x, beam = np.tile(symbols(3)[:, np.newaxis], [1, 400, 1]), beam_to(0.1)
    clean = echo(x, state, beam).numpy()
    noise = echo(x, state, beam, no=2.0).numpy() - clean
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(2.0, rel=0.05)


def test_gradients_reach_material_and_beam():
    echo = echo_of(num_subcarriers=2, tolerance=1e-12)
    state, beam = targets(), tf.constant(beam_to(0.1))
    scale = 1e7

    def loss(permittivity, beam):
        y = echo(symbols(2), state._replace(permittivity=permittivity), beam)
        return tf.reduce_sum(tf.abs(scale * y) ** 2)

    inputs = [state.permittivity, beam]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = loss(*inputs)
    found = tape.gradient(value, inputs)
    rng = np.random.default_rng(0)
    for n, gradient in enumerate(found):
        step = 1e-4 * rng.normal(size=inputs[n].shape)
        ends = [
            float(loss(*[v + s * step if m == n else v for m, v in enumerate(inputs)]))
            for s in (1, -1)
        ]
        slope = np.sum(np.real(gradient.numpy() * step))
        assert slope == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-6, abs=0)


def test_information_on_the_position_is_that_of_a_point():
    """Bound with the Born echo by differentiation, the full one by differences, and a point's."""
    state, beam = targets(40.0), beam_to(0.3)
    mean = {}
    for name in (None, "born"):
        echo = echo_of(approximation=name, num_subcarriers=8, tolerance=1e-12, backend="scipy")

        def signal(position, echo=echo):
            return echo.channel(state._replace(position=position)) @ beam[..., np.newaxis]

        mean[name] = signal
    position = {"position": state.position.numpy()}
    amplitude = np.linalg.norm(mean[None](**position))
    fims = []
    for name, kwargs in (("born", {}), ("born", {"steps": 1e-6}), (None, {"steps": 1e-6})):
        fim = isac.bound.fisher(mean[name], position, amplitude**2, batch_dims=1, **kwargs)[0]
        fims.append(fim / np.trace(fim))
    assert relative_error(fims[1], fims[0]) < 1e-6
    assert relative_error(fims[2], fims[0]) < 1e-3
    # All phase turns with k r: twice the information of a way there and back along the ray
    ray = np.array(place(1.0, ANGLE))
    full = isac.bound.fisher(mean[None], position, amplitude**2, batch_dims=1, steps=1e-6)[0]
    assert ray @ full @ ray == pytest.approx(2 * (2 * 2 * np.pi / WAVELENGTH) ** 2, rel=1e-3)


def test_differentiation_of_the_full_echo_is_refused():
    echo, state, beam = echo_of(num_subcarriers=2), targets(), beam_to(0.3)

    def signal(position):
        return echo.channel(state._replace(position=position)) @ beam[..., np.newaxis]

    position = {"position": state.position.numpy()}
    with pytest.raises(NotImplementedError, match="steps of bound"):
        isac.bound.fisher(signal, position, 1.0, batch_dims=1)


def test_states_of_several_targets():
    first = ball().placed([1.0, 2.0, 3.0], 0.5)
    state = ExtendedTargets.of([first, first.perturbed(3).placed([4.0, 5.0, 6.0], -0.5)])
    assert state.position.shape == (2, 3) and state.permittivity.shape == (2, first.num_voxels)
    np.testing.assert_allclose(state.heading, [0.5, -0.5])
    cells = np.argwhere(np.ones([3, 3, 3]))
    cube = VoxelTarget(5e-3 * cells, 5e-3, 3.0, 0.0)
    x = np.tile([1.0, 0.0, 0.0], [27, 1])
    for name, other in (
        ("positions", VoxelTarget(5e-3 * (cells + 1), 5e-3, 3.0, 0.0)),
        ("voxel_size", VoxelTarget(5e-3 * cells, 2.5e-3, 3.0, 0.0)),
        ("fill", VoxelTarget(5e-3 * cells, 5e-3, 3.0, 0.0, 0.5)),
        ("normals", VoxelTarget(5e-3 * cells, 5e-3, 3.0, 0.0, normals=x)),
    ):
        with pytest.raises(ValueError, match=f"same voxels; got other {name} in number 1"):
            ExtendedTargets.of([cube, other])
    with pytest.raises(ValueError, match="at least one"):
        ExtendedTargets.of([])
    with pytest.raises(TypeError, match="VoxelTarget"):
        ExtendedTargets.of([1])


def test_targets_of_other_voxels_are_refused():
    cells = np.argwhere(np.ones([3, 3, 3]))
    size, fill = WAVELENGTH / 20, np.linspace(0.3, 1.0, 27)
    x = np.tile([1.0, 0.0, 0.0], [27, 1])

    def target(cells=cells, size=size, fill=fill, normals=x):
        return VoxelTarget(size * cells, size, 3.0, 0.0, fill, normals).placed([5.0, 0.0, 0.0])

    echo = ExtendedEcho.from_target(linear(), target(), numerology(1), **OPTIONS)
    line = np.arange(27)[:, np.newaxis] * [1, 0, 0]
    signal, beam = symbols(1), beam_to(0.0)
    for other, message in (
        (target(line), "other positions, by up to"),
        (target(size=2 * size), "a voxel_size of .* in place of"),
        (target(fill=fill[::-1]), "another fill, by up to 0.7"),
        (target(normals=x[:, [1, 0, 2]]), "other normals, by up to 1"),
        (target(cells[:20], fill=fill[:20], normals=x[:20]), "20 voxels in place of 27"),
    ):
        message = f"targets must be made of the voxels of the echo; got {message}"
        with pytest.raises(ValueError, match=message):
            echo.targets(other)
        state = ExtendedTargets.of(other)
        for use in (
            lambda s: echo(signal, s, beam),
            lambda s: echo(signal, targets=s._replace(heading=s.heading + 1), beam=beam),
            lambda s: echo.channel(s),
            lambda s: echo.filtered(s, beam, isac.waveform.DelayBasis(numerology(1), [5, 10])),
            lambda s: tf.function(lambda: echo.channel(s))(),
        ):
            with pytest.raises(ValueError, match=message):
                use(state)
    # Materials and places are free, normals that are not given are those of the echo
    moved = [target().placed([7.0, 1.0, 0.0], 0.3), target().perturbed(1)]
    found = echo(np.tile(signal, [2, 1]), echo.targets(moved), np.tile(beam, [2, 1]))
    assert np.all(np.isfinite(found))
    echo.targets(target(normals=None))
    plain = ExtendedEcho.from_target(linear(), target(normals=None), numerology(1), **OPTIONS)
    plain.targets(target(normals=None))


def test_bad_arguments():
    target, array = ball(4), linear()
    scattering = isac.scattering.VolumeIntegralScattering.from_target
    with pytest.raises(TypeError, match="array must be a UniformLinearArray"):
        ExtendedEcho(target, scattering(target, [CARRIER]))
    with pytest.raises(TypeError, match="scattering must be a VolumeIntegralScattering"):
        ExtendedEcho(array, array)
    with pytest.raises(ValueError, match="scattering must have the precision of the echo"):
        ExtendedEcho(array, scattering(target, [CARRIER]), precision="double")
    uneven = scattering(target, [CARRIER, 1.001 * CARRIER, 1.003 * CARRIER])
    with pytest.raises(ValueError, match="rise in equal steps"):
        ExtendedEcho(array, uneven)
    with pytest.raises(ValueError, match="polarization must not be 0"):
        echo_of(polarization=(0, 0, 0))
    with pytest.raises(ValueError, match="band must lie above 0 Hz"):
        ExtendedEcho.from_target(array, target, numerology(16, 10e9))
    echo, state, beam, x = echo_of(num_subcarriers=2), targets(), beam_to(0.0), symbols(2)
    for inputs, message in (
        ((x[:, :1], state, beam), "x must have last dimension 2"),
        ((x, state), "beam must be given exactly if"),
        ((x, state, beam[:, :3]), "beam must have shape"),
        ((x, state._replace(position=state.position[:, :2]), beam), "targets.position must have"),
        ((x, state._replace(heading=state.heading * np.nan), beam), "targets.heading must be fin"),
        ((x, state._replace(permittivity=state.permittivity / 4), beam), "permittivity must be >="),
        ((x, state._replace(position=0 * state.position), beam, -1.0), "no must be >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            echo(*inputs)
    # half of a wavelength beside an element at -0.25 wavelengths: on the voxels
    on_array = state._replace(position=tf.constant([[0.0, 0.25 * WAVELENGTH, 0.0]], tf.float64))
    with pytest.raises(ValueError, match="must lie outside the voxels"):
        echo(x, on_array, beam)
