"""One case for every public layer: how to make it and what to feed it.

A new layer needs a case here, and is then covered by all tests of this folder.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.scene import PointTargets

DOMAINS = ("array", "scene", "scattering", "waveform", "channel", "receiver", "objective")
DOMAINS += ("beamforming",)

ANTENNAS = 8
SUBCARRIERS = 12
BATCH = 2
WAVELENGTH = 0.005
SPACING = 1e6
ANGLES = np.linspace(-np.pi / 2, np.pi / 2, 61)
RANGES = np.linspace(5.0, 70.0, 27)
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, 299792458.0 / WAVELENGTH)
PREFIXED = isac.waveform.Numerology(
    SUBCARRIERS, SPACING, 299792458.0 / WAVELENGTH, num_symbols=2, symbol_duration=1.1e-6
)
MOVING = isac.waveform.Numerology(
    SUBCARRIERS,
    SPACING / 10,  # targets move fast, in this spacing
    299792458.0 / WAVELENGTH,
    num_symbols=2,
    active=np.arange(SUBCARRIERS) % 6 > 0,
)
MASKED = isac.waveform.Numerology(
    SUBCARRIERS, SPACING, 299792458.0 / WAVELENGTH, active=np.arange(SUBCARRIERS) % 6 > 0
)
ELEMENTS = np.arange(2 * SUBCARRIERS).reshape(2, SUBCARRIERS) % 5 > 0
GRID = isac.receiver.SearchGrid(ANGLES, RANGES)
OWN_GRID = isac.receiver.SearchGrid(30, RANGES)
MOVING_GRID = isac.receiver.SearchGrid(
    ANGLES, RANGES, velocities=np.linspace(-0.9, 0.9, 7) * PREFIXED.max_velocity
)
SECTOR = np.array([[-0.9, 0.2], [-0.1, 0.8]])
SEED = 2  # of the start values of networks


@dataclass(frozen=True)
class Case:
    """A layer and valid arguments of its call (NumPy in double precision, integers as they are)."""

    name: str
    build: Callable[[str], keras.layers.Layer]
    inputs: Callable[[np.random.Generator], tuple]
    compile: bool = True
    """Whether compiled modes are tried (some variants differ in numbers only)"""
    random: bool = False
    """Whether the output is drawn"""
    trainable: tuple[str, ...] = ()
    """Names of the trainable weights"""
    gradients: tuple[int, ...] = ()
    """Positions of the inputs that the output can be differentiated by"""
    select: Callable[[Any], Any] = lambda output: output
    """The part of the output that gradients are defined for"""
    shared: tuple[int, ...] = ()
    """Positions of the inputs that all samples share"""

    def arguments(self) -> tuple:
        return self.inputs(np.random.default_rng(3))


def complex_draws(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def targets(rng: np.random.Generator, velocity: bool = False) -> PointTargets:
    return PointTargets(
        angle=rng.uniform(-1, 1, (BATCH, 3)),
        range=rng.uniform(10, 60, (BATCH, 3)),
        gain=complex_draws(rng, BATCH, 3),
        num_targets=np.full(BATCH, 3, np.int32),
        velocity=rng.uniform(-50, 50, (BATCH, 3)) if velocity else None,
    )


def observation(rng: np.random.Generator) -> np.ndarray:
    """Two targets near the middle of both sectors, and noise."""
    index = np.arange(SUBCARRIERS)
    y = 0.05 * complex_draws(rng, BATCH, ANTENNAS, SUBCARRIERS)
    for angle, distance, gain in ((-0.05, 24.3, 1.0), (0.12, 52.1, 0.6j)):
        a = np.exp(-1j * np.pi * (np.arange(ANTENNAS) - (ANTENNAS - 1) / 2) * np.sin(angle))
        rho = np.exp(-4j * np.pi * index * SPACING * distance / 299792458.0)
        y = y + gain * np.outer(a, rho)
    return y


def moving_observation(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The targets of an observation in two symbols, one of them moving."""
    first, second = observation(rng), observation(rng)
    return np.stack([first, np.exp(0.7j) * second], 2), SECTOR


def rough_estimates(rng: np.random.Generator) -> tuple[np.ndarray, Any]:
    """A moving observation, estimates near its targets, and an empty place."""
    z = moving_observation(rng)[0]
    places = np.tile([[-0.03, 0.1, 0.0], [23.0, 53.0, 0.0], [90.0, 80.0, 0.0]], (BATCH, 1, 1))
    angle, distance, velocity = np.moveaxis(places, 1, 0)
    metric = np.tile([2.0, 1.5, 0.0], (BATCH, 1))
    estimate = isac.receiver.TargetEstimate(angle, distance, metric, velocity=velocity)
    return z, estimate


def array(precision: str, trainable: bool = False) -> keras.layers.Layer:
    return isac.array.UniformLinearArray(
        ANTENNAS, WAVELENGTH, trainable=trainable, precision=precision
    )


def impaired(precision: str, trainable: Any = True, coupled: bool = True) -> keras.layers.Layer:
    rng = np.random.default_rng(11)
    positions = np.sort((np.arange(ANTENNAS) - 3.5) * rng.normal(0.5, 0.03, ANTENNAS)) * WAVELENGTH
    return isac.array.ImpairedArray(
        ANTENNAS,
        WAVELENGTH,
        element_positions=positions,
        gain=rng.uniform(0.8, 1.2, ANTENNAS),
        phase=rng.normal(0, 0.2, ANTENNAS),
        coupling=[0.1 + 0.05j, 0.02j] if coupled else None,
        trainable=trainable,
        precision=precision,
    )


def dictionary(precision: str, **kwargs: Any) -> keras.layers.Layer:
    columns = impaired("double", False).steering(ANGLES).numpy().T
    return isac.array.SteeringDictionary(
        ANTENNAS, WAVELENGTH, ANGLES, columns=columns, precision=precision, **kwargs
    )


def spherical(precision: str, spacing: float = 1.5) -> keras.layers.Layer:
    positions = isac.array.uniform_positions(ANTENNAS, spacing * WAVELENGTH)
    return isac.array.SphericalWaveArray(positions, WAVELENGTH, precision=precision)


def planar(precision: str, shape: tuple[int, int] = (2, 2)) -> keras.layers.Layer:
    return isac.array.UniformPlanarArray(shape, WAVELENGTH, precision=precision)


def bodies(rng: np.random.Generator) -> isac.scene.RigidTargets:
    """Bodies of three scatterers."""
    return isac.scene.RigidTargets(
        points=rng.uniform(-1, 1, (BATCH, 3, 3)),
        gain=complex_draws(rng, BATCH, 3),
        range=rng.uniform(10, 60, BATCH),
        azimuth=rng.uniform(-1, 1, BATCH),
        elevation=rng.uniform(-0.5, 0.5, BATCH),
        orientation=rng.uniform(-3, 3, BATCH),
    )


def points(rng: np.random.Generator, number: int = 2) -> np.ndarray:
    return np.stack(
        [rng.uniform(0.5, 3, (BATCH, number)), rng.uniform(-0.5, 0.5, (BATCH, number))], -1
    )


def near_steering() -> np.ndarray:
    """Steering vectors of targets 0.2 m before the array at -0.1 and 0.15 rad."""
    angle, distance = np.array([-0.1, 0.15]), np.array([0.2, 0.25])
    point = distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    return spherical("double").steering(point).numpy()[:, :, None]


def near_echo(rng: np.random.Generator) -> np.ndarray:
    """A target, and little noise."""
    y = near_steering() * complex_draws(rng, BATCH, 1, 6)
    return y + 0.05 * complex_draws(rng, BATCH, ANTENNAS, 6)


def near_streams(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Echo of a target, with the symbols and beams that were sent, and little noise."""
    a, symbols = near_steering(), complex_draws(rng, BATCH, 2, 6)
    beams = a * [0.3, -0.2j] + 0.1 * complex_draws(rng, BATCH, ANTENNAS, 2)
    y = a @ (a.conj().swapaxes(1, 2) @ beams @ symbols)
    return y + 0.05 * complex_draws(rng, BATCH, ANTENNAS, 6), symbols, beams


NEAR_SECTOR = np.array([[-0.3, 0.1], [0.0, 0.3]])


TONES = 299792458.0 / WAVELENGTH + 50e6 * np.arange(6)
PLACED = TONES[[0, 1, 3, 5]]


def cross(num_tx: int = ANTENNAS, num_rx: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Transmitters along y and receivers along z."""
    tx, rx = np.zeros([num_tx, 3]), np.zeros([num_rx, 3])
    tx[:, 1] = isac.array.uniform_positions(num_tx, WAVELENGTH / 2)
    rx[:, 2] = isac.array.uniform_positions(num_rx, WAVELENGTH / 2)
    return tx, rx


def matched_filter(precision: str, tilt: float = 0.0, **kwargs: Any) -> keras.layers.Layer:
    tx, rx = cross()
    rx[:, 1] = tilt * rx[:, 2]
    grid = isac.receiver.SearchGrid(np.linspace(-0.9, 0.9, 19), np.linspace(0.5, 2.5, 11))
    return isac.receiver.NearFieldMatchedFilter(
        TONES, tx, rx, grid, height=0.1, refinement=3, precision=precision, **kwargs
    )


def cross_channel(frequencies: np.ndarray = TONES) -> Callable[[np.random.Generator], tuple]:
    """Channels of a point each, and little noise."""

    def inputs(rng: np.random.Generator) -> tuple:
        points = [[1.31, 0.2, 0.1], [1.62, -0.53, 0.1]]
        h = np.array([isac.channel.point_echo(p, frequencies, *cross()) for p in points])
        return (h + 0.1 * np.abs(h).mean() * complex_draws(rng, *h.shape),)

    return inputs


BURST = isac.waveform.Numerology(
    SUBCARRIERS,
    SPACING,
    299792458.0 / WAVELENGTH,
    num_symbols=6,
    active=np.arange(SUBCARRIERS) < 10,
)
BURST_ELEMENTS = np.add.outer(np.arange(6), np.arange(SUBCARRIERS)) % 4 > 0


def symbols_of(rng: np.random.Generator) -> tuple:
    """Observation of several symbols."""
    return (complex_draws(rng, BATCH, ANTENNAS, 6, SUBCARRIERS),)


def power_maps(*shape: int) -> Callable[[np.random.Generator], tuple]:
    """Noise with two targets."""

    def inputs(rng: np.random.Generator) -> tuple:
        power = rng.exponential(size=(BATCH, *shape))
        power[..., 4, 6] += 300.0
        power[..., 1, 2] += 90.0
        return (power,)

    return inputs


def cfar(kind: str, **kwargs: Any) -> Callable[[str], keras.layers.Layer]:
    options = {"num_reference": (2, 3), "num_guard": (1, 1), "p_fa": 1e-2, **kwargs}
    return lambda p: isac.receiver.CFAR(kind, max_detections=3, precision=p, **options)


def detected(found: Any) -> Any:
    """Powers and thresholds, which can be differentiated."""
    return found.power, found.threshold


def angles(rng: np.random.Generator) -> tuple:
    return (rng.uniform(-1.2, 1.2, (BATCH, 3)),)


def batch_size(rng: np.random.Generator) -> tuple:
    return (BATCH,)


def distances(rng: np.random.Generator) -> tuple:
    return (rng.uniform(10, 100, (BATCH, 3)),)


def sector(rng: np.random.Generator) -> tuple:
    return (SECTOR,)


def clutter(precision: str, **kwargs: Any) -> keras.layers.Layer:
    return isac.scene.ClutterScene(5, [10, 60], cnr_db=20.0, precision=precision, **kwargs)


def clutter_inputs(rng: np.random.Generator) -> tuple:
    return SECTOR, np.array([0.5, 2.0])


def receiver_inputs(rng: np.random.Generator) -> tuple:
    return observation(rng), SECTOR


def filter_inputs(rng: np.random.Generator) -> tuple:
    """Echo of two OFDM symbols, in Sionna's form, and symbols of different magnitudes."""
    x = complex_draws(rng, BATCH, 2, SUBCARRIERS)
    return complex_draws(rng, BATCH, 1, ANTENNAS, 2, SUBCARRIERS), x + np.exp(1j * np.angle(x))


def single_carrier_inputs(rng: np.random.Generator) -> tuple:
    return observation(rng)[..., 0], SECTOR


def perceptron_weights(layers: int) -> tuple[str, ...]:
    """Names of the weights of a perceptron."""
    return tuple(f"{kind}_{i}" for kind in ("kernel", "bias") for i in range(layers))


def beam_weights(num_updates: int) -> tuple[str, ...]:
    """Names of the weights that both heads of the network of beams have."""
    return (
        4 * perceptron_weights(2) + perceptron_weights(3) + 6 * num_updates * perceptron_weights(1)
    )


def beam_scene(masked: bool = False) -> Callable[[np.random.Generator], tuple]:
    """Five scatterers and three users, of which one each is not there in the first sample."""

    def draw(rng: np.random.Generator) -> tuple:
        spread = rng.normal(size=(BATCH, 5, 4)) * [1.0, 0.05, 0.02, 0.1]
        centre = np.array([[20.0, 0.3, -0.1, 0.9], [12.0, -0.4, 0.1, 2.0]])
        scatterers = spread + np.append(centre[:, :3], [[1.0], [1.0]], 1)[:, None]
        channels = 5 * complex_draws(rng, BATCH, 3, 4)
        lit, present = np.ones((BATCH, 5), bool), np.ones((BATCH, 3), bool)
        lit[0, 1], present[0, 2] = False, False
        masks = isac.beamforming.NodeMasks(lit, present)
        return scatterers, centre, channels, masks if masked else None

    return draw


def differentiable_omp(
    precision: str,
    numerology: isac.waveform.Numerology = NUMEROLOGY,
    grid: isac.receiver.SearchGrid = GRID,
    trainable: bool = True,
    **kwargs: Any,
) -> Any:
    options = {"max_targets": 2, "window": (3, 2), "temperature": 0.2, **kwargs}
    return isac.receiver.DifferentiableOMP(
        impaired(precision, trainable, coupled=False),
        numerology,
        grid,
        precision=precision,
        **options,
    )


VOXEL = 0.08 * WAVELENGTH
VOXELS = VOXEL * np.argwhere(np.arange(8).reshape(2, 2, 2) < 6)


def material(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.uniform(2, 4, (BATCH, len(VOXELS))), rng.uniform(0.1, 0.5, (BATCH, len(VOXELS)))


def volume_integral(precision: str, **kwargs: Any) -> keras.layers.Layer:
    frequencies = 299792458.0 / WAVELENGTH + SPACING * np.arange(2)
    options = {"tolerance": 1e-13 if precision == "double" else 1e-6, "backend": "tf", **kwargs}
    return isac.scattering.VolumeIntegralScattering(
        VOXELS, VOXEL, frequencies, precision=precision, **options
    )


def scattering_inputs(rng: np.random.Generator) -> tuple:
    """Two transmitters for all samples, three receivers for each, of centimetre dipoles."""
    tx, rx = rng.normal(size=(2, 3)), rng.normal(size=(BATCH, 3, 3))
    sides = [10 * WAVELENGTH * v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (tx, rx)]
    vectors = complex_draws(rng, 2, 3), complex_draws(rng, BATCH, 3, 3)
    return *material(rng), sides[0], 1e-16 * vectors[0], sides[1], vectors[1]


def extended_echo(precision: str, **kwargs: Any) -> keras.layers.Layer:
    return isac.channel.ExtendedEcho(
        impaired(precision, False),
        volume_integral(precision, **kwargs),
        normalize=True,
        precision=precision,
    )


def extended_inputs(rng: np.random.Generator) -> tuple:
    position = [20 * WAVELENGTH, 0, 0] + WAVELENGTH * rng.normal(size=(BATCH, 3))
    state = isac.scene.ExtendedTargets(position, rng.uniform(-1, 1, BATCH), *material(rng))
    return complex_draws(rng, BATCH, 2), state, complex_draws(rng, BATCH, ANTENNAS)


def seeded(build: Callable[[str], Any]) -> Callable[[str], Any]:
    """A network in both precisions, and made again, has the same start values."""

    def build_network(precision: str) -> Any:
        isac.set_seed(SEED)
        return build(precision)

    return build_network


def network_weights(num_blocks: int, num_dense: int) -> tuple[str, ...]:
    """Names of the weights of an angle-delay network, or of blocks only (no dense layer)."""
    ends = 2 if num_dense else 0  # convolutions without bias, each with a normalisation
    return (
        *(ends + 7 * num_blocks + num_dense) * ("kernel",),
        *(5 * num_blocks + num_dense) * ("bias",),
        *(ends + 3 * num_blocks) * ("gamma", "beta"),
    )


def encoder_weights(*embeddings: str, num_blocks: int = 0) -> tuple[str, ...]:
    """Names of the weights of a token encoder with two convolutions."""
    return (
        *2 * ("kernel", "gamma", "beta"),
        *num_blocks * BLOCK_WEIGHTS,
        *embeddings,
    )


BLOCK_WEIGHTS = (*4 * ("kernel",), *3 * ("bias",), *2 * ("gamma", "beta"))
ATTENTION_WEIGHTS = ("mixing", *6 * ("kernel",), *4 * ("bias",), *2 * ("gamma", "beta"))
DENSE = ("kernel", "bias")
FEATURES = 8
# small, as each weight is varied; transformer blocks have a case of their own
ENCODER = {"num_tones": 2, "filters": (3, FEATURES), "token_grid": (1, 2), "num_blocks": 0}


def localizer(front_end: Any = None, **options: Any) -> Callable[[str], keras.layers.Layer]:
    def build(precision: str) -> keras.layers.Layer:
        more = {} if front_end is None else {"front_end": front_end(precision)}
        return isac.receiver.CrossTaskLocalizer(
            3, feature_dim=FEATURES, **{**ENCODER, **options, **more}, precision=precision
        )

    return seeded(build)


PATCH = {"num_candidates": 2, "separation": 0.5, "patch_size": 5, "cell": 0.1}


def focused(precision: str) -> keras.layers.Layer:
    grid = isac.receiver.SearchGrid(np.linspace(-0.9, 0.9, 19), np.linspace(0.5, 2.5, 11))
    return isac.receiver.FocusedLocalizer(
        TONES,
        *cross(),
        grid,
        height=0.1,
        **PATCH,
        margin=0,
        filters=(3, 4),
        hidden_size=12,
        symmetric=True,
        precision=precision,
    )


def focused_maps(precision: str, **kwargs: Any) -> keras.layers.Layer:
    grid = isac.receiver.SearchGrid(np.linspace(-0.9, 0.9, 19), np.linspace(0.5, 2.5, 11))
    options = {"height": 0.1, **PATCH, **kwargs}
    return isac.receiver.FocusedMaps(TONES, *cross(), grid, **options, precision=precision)


def channels(rng: np.random.Generator) -> tuple:
    return (complex_draws(rng, BATCH, 2, 5, 8),)


def tokens(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(BATCH, 3, FEATURES)), rng.normal(size=(BATCH, 5, FEATURES))


CASES = [
    Case("UniformLinearArray", array, angles, gradients=(0,)),
    Case(
        "UniformLinearArray-trainable",
        lambda p: array(p, True),
        angles,
        compile=False,
        trainable=("positions",),
        gradients=(0,),
    ),
    Case(
        "ImpairedArray",
        lambda p: impaired(p, ["positions", "gain", "phase", "coupling"]),
        angles,
        trainable=("positions", "gain", "phase", "coupling"),
        gradients=(0,),
    ),
    Case("SteeringDictionary", dictionary, angles, trainable=("real", "imag")),
    Case(
        "SteeringDictionary-fixed-ideal",
        lambda p: isac.array.SteeringDictionary(
            ANTENNAS, WAVELENGTH, ANGLES, trainable=False, precision=p
        ),
        angles,
        compile=False,
    ),
    Case("SphericalWaveArray", spherical, lambda rng: (points(rng),), gradients=(0,)),
    Case(
        "SphericalWaveArray-cross",
        lambda p: isac.array.SphericalWaveArray(
            isac.array.cross_positions(5, 0.01), WAVELENGTH, precision=p
        ),
        lambda rng: (rng.uniform(1, 2, (BATCH, 3)),),
        gradients=(0,),
    ),
    Case("FixedSector", lambda p: isac.scene.FixedSector([-0.3, 0.5], precision=p), batch_size),
    Case(
        "RandomSector",
        lambda p: isac.scene.RandomSector([-1.0, 1.0], [0.1, 0.3], precision=p),
        batch_size,
        random=True,
    ),
    Case(
        "RayleighGain",
        lambda p: isac.scene.RayleighGain(2.0, precision=p),
        distances,
        random=True,
    ),
    Case(
        "RadarEquationGain",
        lambda p: isac.scene.RadarEquationGain(WAVELENGTH, mean_rcs=0.5, precision=p),
        distances,
        random=True,
    ),
    Case(
        "TargetScene",
        lambda p: isac.scene.TargetScene(
            3, [10, 60], isac.scene.RayleighGain(precision=p), precision=p
        ),
        sector,
        random=True,
    ),
    Case(
        "TargetScene-moving",
        lambda p: isac.scene.TargetScene(
            3,
            [10, 60],
            isac.scene.RayleighGain(precision=p),
            velocity_interval=[-5, 20],
            precision=p,
        ),
        sector,
        random=True,
    ),
    Case("ClutterScene", clutter, clutter_inputs, random=True),
    Case(
        "ClutterScene-weibull",
        lambda p: clutter(p, amplitude="weibull", shape_parameter=1.2),
        clutter_inputs,
        random=True,
    ),
    Case(
        "ClutterScene-k-moving",
        lambda p: clutter(p, amplitude="k", shape_parameter=0.6, velocity_std=0.2),
        clutter_inputs,
        random=True,
    ),
    Case(
        "LeastSquaresPrecoder",
        lambda p: isac.waveform.LeastSquaresPrecoder(
            impaired(p, coupled=False), ANGLES, precision=p
        ),
        sector,
        trainable=("positions", "gain", "phase"),
    ),
    Case(
        "LeastSquaresPrecoder-dictionary",
        lambda p: isac.waveform.LeastSquaresPrecoder(dictionary(p), ANGLES, precision=p),
        sector,
        trainable=("real", "imag"),
    ),
    Case(
        "PrecoderNetwork",
        seeded(lambda p: isac.waveform.PrecoderNetwork(ANTENNAS, hidden=(9, 7), precision=p)),
        sector,
        trainable=perceptron_weights(3),
        gradients=(0,),
    ),
    Case(
        "MultibeamPrecoder",
        lambda p: isac.waveform.MultibeamPrecoder(2.0, precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, ANTENNAS),
            complex_draws(rng, BATCH, ANTENNAS),
            rng.uniform(0.2, 0.8, BATCH),
            rng.uniform(0, 6, BATCH),
        ),
        gradients=(0, 1, 2, 3),
    ),
    Case(
        "BeamformedGrid",
        lambda p: isac.waveform.BeamformedGrid([2, 7], precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, 1, 1, 3, SUBCARRIERS),
            complex_draws(rng, BATCH, ANTENNAS),
            complex_draws(rng, BATCH, 3, 2),
            complex_draws(rng, BATCH, ANTENNAS),
        ),
        gradients=(0, 1, 2, 3),
    ),
    Case(
        "SymbolSource",
        lambda p: isac.waveform.SymbolSource(SUBCARRIERS, precision=p),
        batch_size,
        random=True,
    ),
    Case(
        "NeuralEncoder",
        lambda p: isac.waveform.NeuralEncoder(num_messages=4, hidden_size=6, precision=p),
        lambda rng: (np.array([[0, 3, 1], [2, 2, 0]]),),
        trainable=perceptron_weights(4),
    ),
    Case(
        "NeuralBeamformer",
        lambda p: isac.waveform.NeuralBeamformer(ANTENNAS, hidden_size=9, power=2.0, precision=p),
        lambda rng: (SECTOR, SECTOR[::-1] - 0.1),
        trainable=perceptron_weights(4),
        gradients=(0, 1),
    ),
    Case(
        "MonostaticEcho",
        lambda p: isac.channel.MonostaticEcho(
            impaired(p, coupled=False), NUMEROLOGY, normalize=True, precision=p
        ),
        lambda rng: (
            complex_draws(rng, BATCH, SUBCARRIERS),
            targets(rng),
            complex_draws(rng, BATCH, ANTENNAS),
        ),
        trainable=("positions", "gain", "phase"),
        gradients=(0, 1, 2),
    ),
    Case(
        "MonostaticEcho-antennas",
        lambda p: isac.channel.MonostaticEcho(impaired(p, False), PREFIXED, precision=p),
        lambda rng: (complex_draws(rng, BATCH, 1, ANTENNAS, 2, SUBCARRIERS), targets(rng, True)),
        gradients=(0, 1),
    ),
    Case(
        "MonostaticEcho-moving",
        lambda p: isac.channel.MonostaticEcho(
            impaired(p, False), MOVING, migration=True, intercarrier=True, precision=p
        ),
        lambda rng: (
            complex_draws(rng, BATCH, 2, SUBCARRIERS),
            targets(rng, True),
            complex_draws(rng, BATCH, ANTENNAS),
        ),
        gradients=(0, 1, 2),
    ),
    Case(
        "MonostaticEcho-receive-array",
        lambda p: isac.channel.MonostaticEcho(
            isac.array.UniformLinearArray(ANTENNAS - 3, WAVELENGTH, precision=p),
            NUMEROLOGY,
            receive_array=impaired(p),
            precision=p,
        ),
        lambda rng: (
            complex_draws(rng, BATCH, SUBCARRIERS),
            targets(rng),
            complex_draws(rng, BATCH, ANTENNAS - 3),
        ),
        trainable=("positions", "gain", "phase", "coupling"),
        gradients=(0, 1, 2),
    ),
    Case(
        "NearFieldEcho",
        lambda p: isac.channel.NearFieldEcho(spherical(p), precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, ANTENNAS, 5),
            points(rng),
            complex_draws(rng, BATCH, 2),
        ),
        gradients=(0, 1, 2),
    ),
    Case(
        "VolumeIntegralScattering",
        volume_integral,
        scattering_inputs,
        gradients=(0, 1),
        shared=(2, 3),
    ),
    Case(
        "VolumeIntegralScattering-scipy",
        lambda p: volume_integral(p, backend="scipy"),
        scattering_inputs,
        compile=False,
        gradients=(0, 1),
        shared=(2, 3),
    ),
    Case(
        "VolumeIntegralScattering-born",
        lambda p: volume_integral(p, approximation="born", fill=[1, 0.6, 0.8, 1, 1, 0.5]),
        scattering_inputs,
        gradients=(0, 1, 2, 3, 4, 5),
        shared=(2, 3),
    ),
    Case(
        "UniformPlanarArray",
        planar,
        lambda rng: (rng.uniform(1, 2, (BATCH, 3)),),
        gradients=(0,),
    ),
    Case(
        "ScattererEcho",
        lambda p: isac.channel.ScattererEcho(
            planar(p), MASKED, normalize=True, receive_array=planar(p, (3, 2)), precision=p
        ),
        lambda rng: (complex_draws(rng, BATCH, 1, 4, 2, SUBCARRIERS), bodies(rng)),
        gradients=(0, 1),
    ),
    Case(
        "ScattererEcho-linear",
        lambda p: isac.channel.ScattererEcho(array(p), NUMEROLOGY, precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, SUBCARRIERS),
            bodies(rng),
            complex_draws(rng, BATCH, ANTENNAS),
        ),
        compile=False,
        gradients=(0, 1, 2),
    ),
    Case(
        "ScattererEcho-random-phases",
        lambda p: isac.channel.ScattererEcho(
            planar(p), NUMEROLOGY, random_phases=True, precision=p
        ),
        lambda rng: (complex_draws(rng, BATCH, 1, 4, 2, SUBCARRIERS), bodies(rng)),
        compile=False,
        random=True,
    ),
    Case("ExtendedEcho", extended_echo, extended_inputs, gradients=(0, 2)),
    Case(
        "ExtendedEcho-born",
        lambda p: extended_echo(p, approximation="born"),
        extended_inputs,
        compile=False,
        gradients=(0, 1, 2),
    ),
    Case(
        "ReciprocalFilter",
        lambda p: isac.receiver.ReciprocalFilter(NUMEROLOGY, precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, ANTENNAS, SUBCARRIERS),
            np.exp(2j * np.pi * rng.uniform(size=(BATCH, SUBCARRIERS))),
        ),
        gradients=(0, 1),
    ),
    Case(
        "ReciprocalFilter-elements",
        lambda p: isac.receiver.ReciprocalFilter(PREFIXED, elements=ELEMENTS, precision=p),
        filter_inputs,
        compile=False,
        gradients=(0, 1),
    ),
    Case(
        "SymbolMatchedFilter",
        lambda p: isac.receiver.SymbolMatchedFilter(PREFIXED, elements=ELEMENTS, precision=p),
        filter_inputs,
        gradients=(0, 1),
    ),
    Case(
        "WienerFilter",
        lambda p: isac.receiver.WienerFilter(MASKED, variance=2.0, precision=p),
        lambda rng: (*filter_inputs(rng), np.array([0.3, 0.8])),
        gradients=(0, 1, 2),
    ),
    Case(
        "AngleDelayMap",
        lambda p: isac.receiver.AngleDelayMap(
            impaired(p, coupled=False), NUMEROLOGY, GRID, precision=p
        ),
        lambda rng: (observation(rng),),
        trainable=("positions", "gain", "phase"),
        gradients=(0,),
    ),
    Case(
        "AngleDelayMap-moving",
        lambda p: isac.receiver.AngleDelayMap(
            impaired(p, coupled=False), PREFIXED, MOVING_GRID, precision=p
        ),
        lambda rng: moving_observation(rng)[:1],
        compile=False,
        trainable=("positions", "gain", "phase"),
        gradients=(0,),
    ),
    Case(
        "OMP",
        lambda p: isac.receiver.OMP(
            impaired(p, False), NUMEROLOGY, GRID, max_targets=3, precision=p
        ),
        receiver_inputs,
    ),
    Case(
        "OMP-own-grid",
        lambda p: isac.receiver.OMP(
            impaired(p, False), MASKED, OWN_GRID, max_targets=2, precision=p
        ),
        receiver_inputs,
    ),
    Case(
        "OMP-moving",
        lambda p: isac.receiver.OMP(
            impaired(p, False),
            PREFIXED,
            isac.receiver.SearchGrid(30, RANGES, velocities=MOVING_GRID.velocities),
            max_targets=2,
            elements=ELEMENTS,
            precision=p,
        ),
        moving_observation,
    ),
    Case(
        "FarFieldMUSIC",
        lambda p: isac.receiver.FarFieldMUSIC(
            array(p), NUMEROLOGY, GRID, max_targets=2, num_windows=4, precision=p
        ),
        receiver_inputs,
    ),
    Case(
        "FarFieldMUSIC-smoothed",
        lambda p: isac.receiver.FarFieldMUSIC(
            array(p),
            MASKED,
            isac.receiver.SearchGrid(ANGLES),
            max_targets=2,
            forward_backward=True,
            subarray=6,
            precision=p,
        ),
        receiver_inputs,
    ),
    Case(
        # few zooms: in single precision the last ones would choose among equal values
        "MUSIC",
        lambda p: isac.receiver.MUSIC(
            spherical(p),
            [0.1, 1.0],
            num_zooms=1,
            num_refinements=1,
            precision=p,
        ),
        lambda rng: (near_echo(rng), NEAR_SECTOR),
    ),
    Case(
        "LikelihoodRefinement",
        lambda p: isac.receiver.LikelihoodRefinement(
            impaired(p), PREFIXED, projection=np.eye(2), num_steps=3, precision=p
        ),
        rough_estimates,
        trainable=("positions", "gain", "phase", "coupling"),
        gradients=(0,),
        select=lambda estimate: estimate.angle,
    ),
    Case(
        "KnownSymbolLocalizer",
        lambda p: isac.receiver.KnownSymbolLocalizer(
            spherical(p), [0.1, 1.0], num_angles=12, num_ranges=8, precision=p
        ),
        lambda rng: (*near_streams(rng), NEAR_SECTOR),
    ),
    Case(
        "FocusedLocalizer",
        seeded(focused),
        cross_channel(),
        trainable=(*2 * DENSE, "kernel", *2 * DENSE),
        gradients=(0,),
    ),
    Case("FocusedMaps", focused_maps, cross_channel(), gradients=(0,)),
    Case("NearFieldMatchedFilter", matched_filter, cross_channel(), gradients=(0,)),
    Case(
        "NearFieldMatchedFilter-non-coherent-tilted",
        lambda p: matched_filter(p, 0.1, combining="non_coherent"),
        cross_channel(),
        gradients=(0,),
    ),
    Case(
        "Periodogram2D",
        lambda p: isac.receiver.Periodogram2D(TONES, cross()[0], precision=p),
        cross_channel(),
        gradients=(0,),
    ),
    Case(
        "Periodogram2D-placed",
        lambda p: isac.receiver.Periodogram2D(PLACED, cross()[0], max_range=2.5, precision=p),
        cross_channel(PLACED),
        gradients=(0,),
    ),
    Case("CFAR", cfar("os"), power_maps(9, 12), gradients=(0,), select=detected),
    Case("CFAR-cube", cfar("go"), power_maps(2, 9, 12), gradients=(0,), select=detected),
    Case("CFAR-ca", cfar("ca"), power_maps(9, 12), compile=False, gradients=(0,), select=detected),
    Case(
        "CFAR-so",
        cfar("so", num_reference=(0, 3), num_guard=(0, 1), circular=(False, True)),
        power_maps(9, 12),
        compile=False,
        gradients=(0,),
        select=detected,
    ),
    Case(
        "RangeDopplerMap",
        lambda p: isac.receiver.RangeDopplerMap(
            BURST, ("hann", ("kaiser", 4.0)), (1, 2), elements=BURST_ELEMENTS, precision=p
        ),
        symbols_of,
        gradients=(0,),
    ),
    Case(
        "RangeDopplerMap-beams",
        lambda p: isac.receiver.RangeDopplerMap(
            BURST,
            ("hann", "hann", "hamming"),
            array=impaired(p),
            angles=[-0.3, 0.1, 0.4],
            elements=np.arange(BURST.num_subcarriers)
            != BURST.num_subcarriers // 2 | np.zeros((BURST.num_symbols, 1), bool),
            max_range=60.0,
            projection=np.eye(BURST.num_symbols) - 1 / BURST.num_symbols,
            precision=p,
        ),
        symbols_of,
        trainable=("positions", "gain", "phase", "coupling"),
        gradients=(0,),
    ),
    Case(
        "ClutterFilter",
        lambda p: isac.receiver.ClutterFilter(
            "eca",
            BURST,
            max_velocity=50.0,
            ranges=(5.0, 30.0),
            elements=BURST_ELEMENTS,
            precision=p,
        ),
        symbols_of,
        gradients=(0,),
    ),
    Case(
        "ClutterFilter-region",
        lambda p: isac.receiver.ClutterFilter("eca", BURST, ranges=(5.0, 30.0), precision=p),
        symbols_of,
        compile=False,
        gradients=(0,),
    ),
    Case(
        "ClutterFilter-mean",
        lambda p: isac.receiver.ClutterFilter("mean", BURST, elements=BURST_ELEMENTS, precision=p),
        symbols_of,
        gradients=(0,),
    ),
    Case(
        "ClutterFilter-canceller",
        lambda p: isac.receiver.ClutterFilter("canceller", BURST, num_pulses=3, precision=p),
        symbols_of,
        gradients=(0,),
    ),
    Case(
        "ClutterFilter-background",
        lambda p: isac.receiver.ClutterFilter("background", BURST, precision=p),
        lambda rng: (*symbols_of(rng), *symbols_of(rng)),
        compile=False,
        gradients=(0, 1),
    ),
    Case(
        "MAPRatioTest",
        lambda p: isac.receiver.MAPRatioTest(impaired(p, False), ANGLES, precision=p),
        single_carrier_inputs,
    ),
    Case(
        "MAPRatioTest-own-grid",
        lambda p: isac.receiver.MAPRatioTest(impaired(p, False), 30, precision=p),
        single_carrier_inputs,
    ),
    Case(
        "SoftmaxAngleEstimator",
        lambda p: isac.receiver.SoftmaxAngleEstimator(
            impaired(p, coupled=False), ANGLES, temperature=0.5, precision=p
        ),
        single_carrier_inputs,
        trainable=("positions", "gain", "phase"),
        gradients=(0,),
    ),
    Case(
        "SoftmaxAngleEstimator-literal",
        lambda p: isac.receiver.SoftmaxAngleEstimator(
            impaired(p, coupled=False), ANGLES, outside="literal", precision=p
        ),
        lambda rng: (0.05 * observation(rng)[..., :1], SECTOR),
        compile=False,
        trainable=("positions", "gain", "phase"),
        gradients=(0,),
    ),
    Case(
        "NeuralPresenceDetector",
        lambda p: isac.receiver.NeuralPresenceDetector(
            ANTENNAS, hidden_size=9, input_scale=0.7, precision=p
        ),
        single_carrier_inputs,
        trainable=perceptron_weights(4),
        gradients=(0, 1),
    ),
    Case(
        "NeuralAngleEstimator",
        lambda p: isac.receiver.NeuralAngleEstimator(
            ANTENNAS, hidden_size=9, input_scale=0.7, precision=p
        ),
        single_carrier_inputs,
        trainable=perceptron_weights(4),
        gradients=(0, 1),
    ),
    Case(
        "NeuralSymbolReceiver",
        lambda p: isac.receiver.NeuralSymbolReceiver(
            num_messages=4, hidden_size=6, input_scale=2.0, precision=p
        ),
        lambda rng: (complex_draws(rng, BATCH, 5), complex_draws(rng, BATCH, 5)),
        trainable=perceptron_weights(4),
        gradients=(0, 1),
    ),
    Case(
        "DifferentiableOMP",
        differentiable_omp,
        receiver_inputs,
        trainable=("positions", "gain", "phase"),
    ),
    Case(
        "DifferentiableOMP-grid-span",
        lambda p: differentiable_omp(p, atoms="grid", max_span=1.1),
        receiver_inputs,
        trainable=("positions", "gain", "phase"),
    ),
    Case(
        "DifferentiableOMP-moving",
        lambda p: differentiable_omp(p, PREFIXED, MOVING_GRID, window=(3, 2, 1)),
        moving_observation,
        trainable=("positions", "gain", "phase"),
    ),
    Case(
        "DifferentiableOMP-dictionary",
        lambda p: isac.receiver.DifferentiableOMP(
            dictionary(p),
            NUMEROLOGY,
            GRID,
            max_targets=2,
            window=(3, 2),
            atoms="grid",
            temperature=0.2,
            precision=p,
        ),
        receiver_inputs,
        trainable=("real", "imag"),
    ),
    Case(
        # gains, and what follows the first target, have their gradients cut by design
        "DifferentiableOMP-one-target",
        lambda p: differentiable_omp(p, max_targets=1),
        receiver_inputs,
        compile=False,
        trainable=("positions", "gain", "phase"),
        gradients=(0,),
        select=lambda estimate: estimate[:3],
    ),
    Case(
        "ResidualBottleneck",
        seeded(lambda p: isac.receiver.ResidualBottleneck(3, 8, stride=2, precision=p)),
        lambda rng: (rng.normal(size=(BATCH, 9, 6, 3)),),
        trainable=network_weights(1, 0),
        gradients=(0,),
    ),
    Case(
        "AngleDelayNetwork",
        seeded(
            lambda p: isac.receiver.AngleDelayNetwork(
                (21, 14),
                num_priors=3,
                hidden=(16,),
                num_outputs=2,
                filters=(4, 8, 8),
                output_bias=0.3,
                precision=p,
            )
        ),
        lambda rng: (rng.exponential(size=(BATCH, 21, 14)), rng.normal(size=(BATCH, 3))),
        trainable=network_weights(2, 2),
        gradients=(0, 1),
    ),
    Case(
        "NeuralReceiver",
        seeded(
            lambda p: isac.receiver.NeuralReceiver(
                array(p),
                NUMEROLOGY,
                GRID,
                max_targets=2,
                filters=(4, 8),
                pool_size=4,
                no=0.05,
                precision=p,
            )
        ),
        receiver_inputs,
        trainable=3 * network_weights(1, 3),
        gradients=(0, 1),
        select=lambda estimate: estimate[:3],
    ),
    Case(
        "NeuralReceiver-own-grid",
        seeded(
            lambda p: isac.receiver.NeuralReceiver(
                array(p),
                NUMEROLOGY,
                isac.receiver.SearchGrid(18, RANGES),
                max_targets=2,
                filters=(4, 8),
                hidden=(16,),
                no=0.05,
                precision=p,
            )
        ),
        receiver_inputs,
        compile=False,
        trainable=3 * network_weights(1, 2),
        gradients=(0, 1),
        select=lambda estimate: estimate[:3],
    ),
    Case(
        "MessageDetector",
        lambda p: isac.receiver.MessageDetector(16, precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, SUBCARRIERS),
            complex_draws(rng, BATCH, SUBCARRIERS),
        ),
        gradients=(0, 1),
    ),
    Case(
        "SymbolDetector",
        lambda p: isac.receiver.SymbolDetector(precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, SUBCARRIERS),
            complex_draws(rng, BATCH, SUBCARRIERS),
            np.float64(0.3),
        ),
        gradients=(0, 1, 2),
    ),
    Case(
        "SymbolDetector-hard-16QAM",
        lambda p: isac.receiver.SymbolDetector(num_bits_per_symbol=4, hard_out=True, precision=p),
        lambda rng: (
            complex_draws(rng, BATCH, SUBCARRIERS),
            complex_draws(rng, BATCH, SUBCARRIERS),
            np.float64(0.3),
        ),
    ),
    Case(
        "ChannelMaps",
        lambda p: isac.receiver.ChannelMaps(precision=p),
        lambda rng: (complex_draws(rng, BATCH, 2, 3, 4),),
        gradients=(0,),
    ),
    Case(
        "TransformerBlock",
        seeded(lambda p: isac.receiver.TransformerBlock(FEATURES, num_heads=2, precision=p)),
        lambda rng: tokens(rng)[:1],
        trainable=BLOCK_WEIGHTS,
        gradients=(0,),
    ),
    Case(
        "CrossTaskAttention",
        seeded(lambda p: isac.receiver.CrossTaskAttention(FEATURES, precision=p)),
        tokens,
        trainable=ATTENTION_WEIGHTS,
        gradients=(0, 1),
    ),
    Case(
        "CrossStitch",
        lambda p: isac.receiver.CrossStitch(precision=p),
        lambda rng: (tokens(rng)[0], tokens(rng)[0]),
        trainable=("mixture",),
        gradients=(0, 1),
    ),
    Case(
        "TokenEncoder",
        seeded(
            lambda p: isac.receiver.TokenEncoder(
                2,
                FEATURES,
                **{**ENCODER, "token_grid": (2, 2), "num_blocks": 1},
                spatial_embedding=True,
                precision=p,
            )
        ),
        lambda rng: (rng.normal(size=(BATCH, 2, 12, 8, 2)),),
        trainable=encoder_weights("tones", "cells", num_blocks=1),
        gradients=(0,),
    ),
    Case(
        "TokenEncoder-stacked",
        seeded(
            lambda p: isac.receiver.TokenEncoder(
                2, FEATURES, **{**ENCODER, "token_grid": (2, 3)}, tones="stacked", precision=p
            )
        ),
        lambda rng: (rng.normal(size=(BATCH, 2, 7, 8, 2)),),
        compile=False,
        trainable=encoder_weights(),
        gradients=(0,),
    ),
    Case(
        "TaskTrunk",
        seeded(
            lambda p: isac.receiver.TaskTrunk(
                2, FEATURES, variant="cross_stitch", **ENCODER, precision=p
            )
        ),
        lambda rng: (rng.normal(size=(BATCH, 2, 5, 8, 2)),),
        trainable=(*2 * encoder_weights("tones"), *2 * ("mixture",), *2 * DENSE),
        gradients=(0,),
    ),
    Case(
        "LocalizationHeads",
        seeded(lambda p: isac.receiver.LocalizationHeads(FEATURES, precision=p)),
        lambda rng: (rng.normal(size=(BATCH, FEATURES)),),
        trainable=2 * DENSE,
        gradients=(0,),
    ),
    Case(
        "CrossTaskLocalizer",
        localizer(),
        channels,
        trainable=(*2 * encoder_weights("tones"), *ATTENTION_WEIGHTS, *6 * DENSE),
        gradients=(0,),
    ),
    Case(
        "CrossTaskLocalizer-focused",
        localizer(focused_maps, variant="shared", num_tones=2),
        cross_channel(),
        trainable=(*encoder_weights("tones"), *6 * DENSE),
    ),
    Case(
        "CrossTaskLocalizer-single",
        localizer(variant="single", task="localization"),
        channels,
        compile=False,
        trainable=(*encoder_weights("tones"), *3 * DENSE),
    ),
    Case(
        "ISACBeamNetwork",
        seeded(
            lambda p: isac.beamforming.ISACBeamNetwork(
                (2, 2), width=6, num_updates=1, num_steps=1, precision=p
            )
        ),
        beam_scene(masked=True),
        compile=False,  # a slow test of the network compiles it
        trainable=("strides", *beam_weights(1), *perceptron_weights(2)),
        gradients=(0, 1, 2),
    ),
    Case(
        "ISACBeamNetwork-direct",
        seeded(
            lambda p: isac.beamforming.ISACBeamNetwork(
                (2, 2), "direct", width=6, num_updates=1, precision=p
            )
        ),
        beam_scene(),
        trainable=beam_weights(1),
        gradients=(0, 1, 2),
    ),
]

# The gradient of these is not that of their output, by design (stop-gradients after the first
# target), so that central differences do not apply.
PARTIAL_GRADIENT = (
    "DifferentiableOMP",
    "DifferentiableOMP-grid-span",
    "DifferentiableOMP-moving",
    "DifferentiableOMP-dictionary",
)


def public_layers() -> dict[str, type]:
    """Every layer class that a domain of the library exports, by name."""
    found = {}
    for domain in DOMAINS:
        module = getattr(isac, domain)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, keras.layers.Layer):
                found[name] = value
    return found


def tensors(arguments: tuple, precision: str = "double") -> tuple:
    """Tensors of the arguments in a precision; integers stay."""
    real, cplx = {
        "single": (tf.float32, tf.complex64),
        "double": (tf.float64, tf.complex128),
    }[precision]

    def convert(value: Any) -> Any:
        if value is None or isinstance(value, int):
            return value
        value = tf.convert_to_tensor(value)
        if value.dtype.is_complex:
            return tf.cast(value, cplx)
        return tf.cast(value, real) if value.dtype.is_floating else value

    return tf.nest.map_structure(convert, arguments)


def leaves(output: Any) -> list[np.ndarray]:
    """All tensors of an output as NumPy arrays."""
    return [np.asarray(v) for v in tf.nest.flatten(output) if v is not None]
