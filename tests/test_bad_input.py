"""Wrong calls: each raises one error that names the argument, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.ofdm import ResourceGrid

import sionna_isac as isac
from sionna_isac import bound
from sionna_isac.array import (
    GainError,
    ImpairedArray,
    MutualCoupling,
    OrderedPositions,
    PhaseError,
    SpacingError,
    SphericalWaveArray,
    SteeringDictionary,
    UniformLinearArray,
    UniformPlanarArray,
    impair,
    planar_positions,
    uniform_positions,
)
from sionna_isac.beamforming import ISACBeamNetwork
from sionna_isac.channel import (
    GeometricLink,
    MonostaticEcho,
    MultitapLink,
    NearFieldEcho,
    Paths,
    SalehValenzuelaLink,
    new_york_path_loss,
    reflection_coefficient,
)
from sionna_isac.receiver import (
    CFAR,
    MUSIC,
    OMP,
    AngleDelayMap,
    AngleDelayNetwork,
    ChannelMaps,
    ClutterFilter,
    CrossStitch,
    CrossTaskAttention,
    CrossTaskLocalizer,
    DifferentiableOMP,
    FarFieldMUSIC,
    FocusedLocalizer,
    KnownSymbolLocalizer,
    LikelihoodRefinement,
    LocalizationHeads,
    MAPRatioTest,
    NearFieldMatchedFilter,
    NeuralAngleEstimator,
    NeuralPresenceDetector,
    NeuralReceiver,
    NeuralSymbolReceiver,
    Periodogram2D,
    RangeDopplerMap,
    ReciprocalFilter,
    ResidualBottleneck,
    SearchGrid,
    SoftmaxAngleEstimator,
    SymbolDetector,
    SymbolMatchedFilter,
    TargetEstimate,
    TaskTrunk,
    TokenEncoder,
    TransformerBlock,
    WienerFilter,
    cfar_detection_probability,
    cfar_threshold,
)
from sionna_isac.scene import (
    ClutterScene,
    FixedSector,
    FourierSurface,
    PointTargets,
    RadarEquationGain,
    RandomSector,
    RayleighGain,
    TargetScene,
)
from sionna_isac.waveform import (
    BeamformedGrid,
    DelayBasis,
    DopplerBasis,
    LeastSquaresPrecoder,
    MultibeamPrecoder,
    NeuralBeamformer,
    NeuralEncoder,
    Numerology,
    PrecoderNetwork,
    SymbolSource,
    TonePlacement,
    ambiguity_function,
    place_tones,
    reference_elements,
    shared_tone_grid,
)

# Keras warns that it could not build a layer whose first call failed
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:keras")

ANGLES = np.linspace(-1.5, 1.5, 31)
RANGES = np.linspace(5.0, 75.0, 20)
SECTOR = np.array([[-0.3, 0.3]])
MOVING = SearchGrid(ANGLES, RANGES, velocities=np.linspace(-200.0, 200.0, 5))
CUBOID = FourierSurface.fit_cuboid(4.5, 1.8, 1.5, 2)
NAN = float("nan")


def array() -> UniformLinearArray:
    return UniformLinearArray(4, 0.01)


def numerology(num_subcarriers: int = 8, spacing: float = 1e6, **kwargs) -> Numerology:
    return Numerology(num_subcarriers, spacing, 299792458.0 / 0.01, **kwargs)


def basis(num_subcarriers: int = 8) -> DelayBasis:
    return DelayBasis(numerology(num_subcarriers), RANGES, precision="double")


def far_music(grid=None, **kwargs) -> FarFieldMUSIC:
    grid = grid or SearchGrid(ANGLES, RANGES)
    options = {"array": array(), "numerology": numerology(), "max_targets": 2}
    return FarFieldMUSIC(**{"grid": grid, **options, **kwargs})


def omp(angles=ANGLES, num_subcarriers=8, **kwargs) -> OMP:
    grid = SearchGrid(angles, RANGES)
    return OMP(array(), numerology(num_subcarriers), grid, **{"max_targets": 2, **kwargs})


def moving(num_symbols=3, **kwargs) -> OMP:
    given = numerology(8, num_symbols=num_symbols)
    return OMP(array(), given, MOVING, **{"max_targets": 2, **kwargs})


def neural(angles=ANGLES, **kwargs) -> NeuralReceiver:
    options = {"filters": (4, 4), "hidden": (4,), **kwargs}
    return NeuralReceiver(array(), numerology(), SearchGrid(angles, RANGES), **options)


def domp(angles=ANGLES, **kwargs) -> DifferentiableOMP:
    options = {"max_targets": 2, "temperature": 1.0, **kwargs}
    return DifferentiableOMP(array(), numerology(), SearchGrid(angles, RANGES), **options)


def y(*shape: int) -> np.ndarray:
    return np.ones(shape or (1, 4, 8), complex)


def targets(**kwargs) -> PointTargets:
    values = {
        "angle": np.zeros((1, 2)),
        "range": np.full((1, 2), 20.0),
        "gain": y(1, 2),
        "num_targets": [2],
    }
    return PointTargets(**{**values, **kwargs})


def link_paths() -> Paths:
    return MultitapLink(array(), FixedSector((0, 1)), bandwidth=1e6).paths(1)


def near(**kwargs) -> SphericalWaveArray:
    return SphericalWaveArray(
        **{"element_positions": [-0.03, -0.01, 0.01, 0.03], "wavelength": 0.01, **kwargs}
    )


def music(**kwargs) -> MUSIC:
    return MUSIC(**{"array": near(), "range_interval": (0.1, 2.0), **kwargs})


def located(y=None, symbols=None, beams=None, sector=None, **kwargs) -> object:
    """Call of the localiser with known symbols: two streams, eight snapshots."""
    receiver = KnownSymbolLocalizer(**{"array": near(), "range_interval": (0.1, 2.0), **kwargs})
    given = (y, symbols, beams, sector)
    usual = (np.ones((1, 4, 8)), np.ones((1, 2, 8)), np.ones((1, 4, 2)), SECTOR)
    return receiver(*(u if v is None else v for v, u in zip(given, usual, strict=True)))


TX = np.array([[0.0, -0.01, 0.0], [0.0, 0.0, 0.0], [0.0, 0.01, 0.0]])
TONES = 5e9 + 1e6 * np.arange(2)


def focused(**kwargs) -> FocusedLocalizer:
    grid = SearchGrid(ANGLES, RANGES)
    options = {"patch_size": 5, "margin": 0, "filters": (2,), "hidden_size": 3}
    options = {"grid": grid, **options, **kwargs}
    tx = options.pop("tx_positions", TX)
    return FocusedLocalizer(TONES, tx, tx[:, [1, 0, 2]], options.pop("grid"), **options)


def rough(**kwargs) -> TargetEstimate:
    values = {"angle": np.zeros((1, 2)), "range": np.full((1, 2), 20.0), "metric": np.ones((1, 2))}
    return TargetEstimate(**{**values, **kwargs})


def matched(**kwargs) -> NearFieldMatchedFilter:
    options = {"frequencies": TONES, "tx_positions": TX, "rx_positions": TX[:, [1, 0, 2]]}
    return NearFieldMatchedFilter(**{**options, "grid": SearchGrid(ANGLES, RANGES), **kwargs})


def periodogram(**kwargs) -> Periodogram2D:
    return Periodogram2D(**{"frequencies": TONES, "tx_positions": TX, **kwargs})


def rd_map(*args, num_symbols: int = 4, **kwargs) -> RangeDopplerMap:
    return RangeDopplerMap(numerology(num_symbols=num_symbols), *args, **kwargs)


def clutter(kind="mean", num_symbols: int = 4, **kwargs) -> ClutterFilter:
    return ClutterFilter(kind, numerology(num_symbols=num_symbols), **kwargs)


def fim(**kwargs) -> np.ndarray:
    options = {
        "element_positions": [-0.03, -0.01, 0.01, 0.03],
        "wavelength": 0.01,
        "target": (1.0, 0.2),
        "beams": y(4, 2),
        "reflection": 1e-6,
        "no": 1e-12,
        "num_snapshots": 100,
    }
    return bound.near_field_position_fim(**{**options, **kwargs})


def fisher(mean=lambda angle: y(3) * angle, **kwargs) -> np.ndarray:
    options = {"parameters": {"angle": 0.3}, "no": 1.0}
    return bound.fisher(mean, **{**options, **kwargs})


def body(**kwargs) -> bound.ExtendedTarget:
    options = {"points": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], "weights": [1.0, 0.5]}
    options |= {"range": 20.0, "azimuth": 0.1, "elevation": 0.2, "orientation": 0.3}
    return bound.ExtendedTarget(**{**options, **kwargs})


def body_fim(**kwargs) -> np.ndarray:
    options = {"target": body(), "tx_shape": (2, 2), "rx_shape": (2, 2), "covariance": np.eye(4)}
    options |= {"path_gain": 1e-3, "noise_power": 1.0, "rms_bandwidth": 1e7, "num_samples": 8}
    return bound.extended_target_fim(**{**options, **kwargs})


def body_beams(design="minimize_crb", **kwargs) -> object:
    options = {"target": body(), "tx_shape": (2, 2), "rx_shape": (2, 2), "power": 1.0}
    options |= {"channels": np.eye(4)[:2], "user_noise": 1e-3, "path_gain": 1.0}
    options |= {"noise_power": 1.0, "rms_bandwidth": 1e7, "num_samples": 8}
    if design == "minimize_crb":
        options["min_sinr"] = 1.0
    return getattr(isac.beamforming, design)(**{**options, **kwargs})


def body_network(scatterers=(2, 3, 4), centre=(2, 4), channels=(2, 2, 4), masks=None) -> tf.Tensor:
    given = tf.ones(scatterers), tf.ones(centre), tf.cast(tf.ones(channels), tf.complex64)
    return ISACBeamNetwork((2, 2), precision="single")(*given, masks)


def body_echo(targets) -> tf.Tensor:
    array = UniformPlanarArray((2, 2), numerology().wavelength)
    x = y(1, numerology().num_subcarriers)
    return isac.channel.ScattererEcho(array, numerology())(x, targets, y(1, 4))


def likelihood(
    mean=lambda angle: tf.constant(y(3)) * tf.complex(angle, 0 * angle), observed=None, **kwargs
) -> object:
    options = {"start": {"angle": 0.3}}
    observed = y(3) if observed is None else observed
    return bound.maximum_likelihood(observed, mean, **{**options, **kwargs})


def target_bound(**kwargs) -> bound.PointTargetBound:
    scene = targets(angle=np.array([[-0.3, 0.2]]))
    options = {"array": array(), "beam": y(1, 4), "targets": scene}
    options |= {"numerology": numerology(), "x": None, "no": 1.0}
    return bound.point_target_bound(**{**options, **kwargs})


def surface_at(**kwargs):
    pose = {"range": 20.0, "azimuth": 0.3, "elevation": -0.1, "orientation": 0.9}
    return CUBOID.scatterers(**{**pose, **kwargs})


def multitask(weights=None, labels=None, **kwargs) -> tf.Tensor:
    out = {"logits": [[0.1, 0.2]], "range": [10.0], "azimuth": [0.1], "peak": [[0.5, 0.5]]}
    out |= {"log_var_range": [0.0], "log_var_azimuth": [0.0]}
    labels = labels or isac.objective.MultitaskLabels([1], [12.0], [0.2], [[0.5, 0.4]])
    return isac.objective.multitask_loss(out, labels, weights=weights, **kwargs)


@dataclass(frozen=True)
class Wrong:
    """A call, and what its message must contain: the argument, the value, what is allowed."""

    name: str
    call: Callable[[], object]
    contains: tuple[str, ...]


def wrong(name: str, call: Callable[[], object], *contains: str) -> Wrong:
    return Wrong(name, call, contains)


# one call a line
# ruff: noqa: E501
# fmt: off
CALLS = [
    # core
    wrong("seed-float", lambda: isac.set_seed(1.5), "seed", "1.5", "integer >= 0"),
    wrong("seed-negative", lambda: isac.set_seed(-1), "seed", "-1", ">= 0"),
    wrong("seed-large", lambda: isac.set_seed(2**31), "seed", str(2**31), "<= 2147483647"),
    wrong("precision", lambda: UniformLinearArray(4, 1.0, precision="half"), "precision", "'half'", "'single' or 'double'"),
    wrong("dtype", lambda: RayleighGain(dtype="float16"), "dtype", "precision"),
    wrong("perceptron-hidden", lambda: isac.core.MultilayerPerceptron(2, [3, 0], 1), "hidden_sizes", "0", ">= 1"),
    wrong("perceptron-input", lambda: isac.core.MultilayerPerceptron(2, [3], 1)(np.ones((4, 3))), "x", "[4, 3]", "last dimension 2"),
    wrong("floats-complex", lambda: isac.core.checks.floats("x", y(2)), "x", "1.+0.j", "real numbers"),
    wrong("floats-text", lambda: isac.core.checks.floats("x", ["1", "2"]), "x", "['1', '2']", "real numbers"),
    wrong("floats-none", lambda: isac.core.checks.floats("x", [1.0, None]), "x", "None", "real numbers"),
    wrong("floats-ragged", lambda: isac.core.checks.floats("x", [[1.0], [1.0, 2.0]]), "x", "[[1.0], [1.0, 2.0]]", "real numbers"),
    wrong("floats-graph", lambda: tf.function(lambda x: isac.core.checks.floats("x", x), autograph=False)(tf.constant(1.0)), "x", "outside of a graph"),
    wrong("complexes-text", lambda: isac.core.checks.complexes("x", "1+2j"), "x", "'1+2j'", "complex numbers"),
    wrong("points-shape", lambda: isac.core.checks.points("x", [1.0, 2.0, 3.0]), "x", "[3]", "[number, 3]"),
    wrong("real-complex", lambda: isac.core.checks.real("x", np.complex128(1 + 2j)), "x", "(1+2j)", "number"),
    wrong("real-complex-tensor", lambda: isac.core.checks.real("x", tf.constant(1 + 2j)), "x", "(1+2j)", "number"),
    wrong("interval-complex", lambda: isac.core.checks.interval("x", np.array([0, 1j])), "x", "0.+1.j", "low <= high"),
    wrong("interval-text", lambda: isac.core.checks.interval("x", "12"), "x", "'12'", "low <= high"),
    wrong("wavelength-frequency", lambda: isac.core.checks.wavelength("wavelength", 28e9), "wavelength", "28000000000.0", "in m"),
    wrong("wavelength-pm", lambda: isac.core.checks.wavelength("wavelength", 1e-12), "wavelength", "1e-12", "[1e-07, 1000]"),
    wrong("wavelength-complex", lambda: isac.core.checks.wavelength("wavelength", 0.1 + 0j), "wavelength", "(0.1+0j)", "number"),
    # array
    wrong("spacings-origin", lambda: UniformLinearArray(3, 1.0, element_positions=[-0.5, 0.2, 0.6], trainable="spacings"), "element_positions", "0.2", "at 0"),
    wrong("spacings-side", lambda: UniformLinearArray(4, 1.0, element_positions=[0.1, 0.5, 1.0, 1.5], trainable="spacings"), "element_positions", "0.1", "side"),
    wrong("antennas-zero", lambda: UniformLinearArray(0, 0.01), "num_antennas", "0", ">= 1"),
    wrong("antennas-float", lambda: UniformLinearArray(4.0, 0.01), "num_antennas", "4.0", "integer"),
    wrong("antennas-bool", lambda: UniformLinearArray(True, 0.01), "num_antennas", "True", "integer"),
    wrong("wavelength-zero", lambda: UniformLinearArray(4, 0), "wavelength", "0", "> 0"),
    wrong("wavelength-nan", lambda: UniformLinearArray(4, NAN), "wavelength", "nan", "finite"),
    wrong("wavelength-text", lambda: UniformLinearArray(4, "5 mm"), "wavelength", "'5 mm'", "number"),
    wrong("anchor", lambda: UniformLinearArray(4, 0.01, anchor="middle"), "anchor", "'middle'", "'centre', 'first'"),
    wrong("positions-shape", lambda: UniformLinearArray(4, 0.01, element_positions=np.zeros(3)), "element_positions", "[3]", "[4]"),
    wrong("positions-nan", lambda: UniformLinearArray(2, 0.01, element_positions=[0, NAN]), "element_positions", "1 NaN", "finite"),
    wrong("positions-text", lambda: UniformLinearArray(2, 0.01, element_positions="ab"), "element_positions", "'ab'", "number"),
    wrong("uniform-spacing", lambda: uniform_positions(4, -0.5), "spacing", "-0.5", "> 0"),
    wrong("constraint-anchor", lambda: OrderedPositions("last"), "anchor", "'last'", "'first'"),
    wrong("gain-negative", lambda: ImpairedArray(2, 0.01, gain=[1, -2]), "gain", "-2", "> 0"),
    wrong("gain-shape", lambda: ImpairedArray(2, 0.01, gain=[1, 1, 1]), "gain", "[3]", "[2]"),
    wrong("phase-inf", lambda: ImpairedArray(2, 0.01, phase=[0, np.inf]), "phase", "1 NaN or infinite", "finite"),
    wrong("coupling-long", lambda: ImpairedArray(2, 0.01, coupling=[0.1, 0.1]), "coupling", "[2]", "1 to 1"),
    wrong("trainable", lambda: ImpairedArray(2, 0.01, trainable=["spacing"]), "trainable", "'spacing'", "'positions'"),
    wrong("trainable-coupling", lambda: ImpairedArray(4, 0.01, trainable=["coupling"]), "coupling", "start"),
    wrong("spacing-std", lambda: SpacingError(-0.1), "std", "-0.1", ">= 0"),
    wrong("ordering", lambda: SpacingError(0.1, ordering="random"), "ordering", "'random'", "'graded', 'sorted', 'literal', 'cumulative'"),
    wrong("gain-std", lambda: GainError(None), "std_db", "None", "number"),
    wrong("phase-std", lambda: PhaseError(np.inf), "std", "inf", "finite"),
    wrong("coupling-strength", lambda: MutualCoupling(3.0), "strength_db", "3.0", "<= 0"),
    wrong("coupling-neighbours", lambda: impair(3, 0.01, [MutualCoupling(-10.0)]), "num_neighbours", "3", "< num_antennas = 3"),
    wrong("impair-twice", lambda: impair(4, 0.01, [GainError(1), GainError(2)]), "impairments", "'GainError', 'GainError'", "at most one"),
    wrong("impair-kind", lambda: impair(4, 0.01, ["gain"]), "impairments", "'gain'", "SpacingError"),
    wrong("near-positions", lambda: near(element_positions=np.zeros((3, 4))), "element_positions", "[3, 4]", "[num_antennas, 2]"),
    wrong("near-none", lambda: near(element_positions=[]), "element_positions", "[0]", "[num_antennas]"),
    wrong("near-nan", lambda: near(element_positions=[0, NAN]), "element_positions", "1 NaN", "finite"),
    wrong("near-text", lambda: near(element_positions="ab"), "element_positions", "'ab'", "real numbers"),
    wrong("near-wavelength", lambda: near(wavelength=-1), "wavelength", "-1", "> 0"),
    wrong("near-point", lambda: near()(np.ones((2, 3))), "point", "[2, 3]", "last dimension 2"),
    wrong("near-far-field", lambda: near(element_positions=np.ones((2, 3))).far_field(0.1), "element_positions", "[2, 3]", "[num_antennas, 2]"),
    wrong("planar-size", lambda: planar_positions(0, 2, 1.0), "num_antennas", "0", ">= 1"),
    wrong("dictionary-grid", lambda: SteeringDictionary(4, 0.01, [0.3, 0.1]), "angle_grid", "0.3", "strictly increasing"),
    wrong("dictionary-degrees", lambda: SteeringDictionary(4, 0.01, [-60, 60]), "angle_grid", "[-60, 60]", "[-1.5708, 1.5708]"),
    wrong("dictionary-columns", lambda: SteeringDictionary(4, 0.01, ANGLES, columns=y(31, 4)), "columns", "[31, 4]", "[4, 31]"),
    wrong("dictionary-nan", lambda: SteeringDictionary(4, 0.01, ANGLES, columns=NAN * y(4, 31)), "columns", "124 NaN", "finite"),
    wrong("dictionary-array", lambda: SteeringDictionary.from_array("ula", ANGLES), "array", "'ula'", "Array"),
    wrong("dictionary-perturbation", lambda: SteeringDictionary.from_array(array(), ANGLES, perturbation=-0.1), "perturbation", "-0.1", ">= 0"),
    wrong("dictionary-gain", lambda: SteeringDictionary.from_array(RayleighGain(), ANGLES), "array", "RayleighGain", "an Array"),
    wrong("dictionary-points", lambda: SteeringDictionary.from_array(near(), ANGLES), "array", "SphericalWaveArray", "plane waves", "UniformLinearArray"),
    wrong("array-degrees", lambda: array()(np.array([-60.0, 60.0])), "angle", "-60 to 60", "rad, not in degrees"),
    wrong("array-frequency", lambda: UniformLinearArray(4, 28e9), "wavelength", "28000000000.0", "in m"),
    wrong("array-complex", lambda: array()(0.1j), "angle", "complex128", "real numbers"),
    wrong("array-words", lambda: array()("broadside"), "angle", "'broadside'", "real numbers"),
    wrong("array-complex-positions", lambda: UniformLinearArray(2, 0.01, element_positions=[0, 1j]), "element_positions", "1j", "real"),
    wrong("near-complex-positions", lambda: near(element_positions=[0, 1j, 1.0]), "element_positions", "1j", "real"),
    wrong("near-frequency", lambda: near(wavelength=28e9), "wavelength", "28000000000.0", "in m"),
    wrong("near-far-degrees", lambda: near().far_field(30.0), "angle", "30", "rad, not in degrees"),
    wrong("dictionary-angle-degrees", lambda: SteeringDictionary(4, 0.01, ANGLES)(45.0), "angle", "45", "rad, not in degrees"),
    wrong("coupling-text", lambda: ImpairedArray(4, 0.01, coupling="strong"), "coupling", "'strong'", "complex numbers"),
    # waveform: what several layers share
    wrong("numerology-carrier", lambda: Numerology(8, 1e6, 0.01), "carrier_frequency", "0.01", "[1000, 1e+16]"),
    wrong("numerology-prefix", lambda: numerology(cyclic_prefix_length=9), "cyclic_prefix_length", "9", "<= 8"),
    wrong("numerology-symbols", lambda: numerology(num_symbols=0), "num_symbols", "0", ">= 1"),
    wrong("numerology-active", lambda: numerology(active=np.ones(7, bool)), "active", "[7]", "[8]"),
    wrong("numerology-active-indices", lambda: numerology(active=np.arange(8)), "active", "0, 1", "booleans"),
    wrong("numerology-active-none", lambda: numerology(active=np.zeros(8, bool)), "active", "none", "at least one"),
    wrong("numerology-grid", lambda: Numerology.from_resource_grid(8, 60e9), "grid", "8", "ResourceGrid"),
    wrong("basis-numerology", lambda: DelayBasis(8, RANGES), "numerology", "8", "Numerology"),
    wrong("basis-ranges", lambda: DelayBasis(numerology(), [-5, 5]), "ranges", "-5", "[0, inf]"),
    wrong("echo-wavelength", lambda: MonostaticEcho(array(), Numerology(8, 1e6, 60e9)), "array", "0.01 m", "0.00499654 m"),
    wrong("echo-numerology", lambda: MonostaticEcho(array(), 1e6), "numerology", "1000000.0", "Numerology"),
    wrong("echo-tones", lambda: MonostaticEcho(array(), numerology())(y(1, 7), targets(), y(1, 4)), "x", "[1, 7]", "8 (num_subcarriers)"),
    wrong("echo-velocity", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets(velocity=np.zeros((1, 3))), y(1, 4)), "targets.velocity", "[1, 3]", "[1, 2]"),
    wrong("echo-basis", lambda: MonostaticEcho(array(), numerology()).filtered(targets(), y(1, 4), basis(9)), "basis", "num_subcarriers=9", "numerology of the echo"),
    wrong("echo-basis-matrix", lambda: MonostaticEcho(array(), numerology()).filtered(targets(), y(1, 4), np.eye(8)), "basis", "1.", "DelayBasis"),
    wrong("search-velocities", lambda: SearchGrid(ANGLES, RANGES, velocities=[3.0, 1.0]), "velocities", "3. 1.", "strictly increasing"),
    wrong("grid-no-ranges", lambda: OMP(array(), numerology(), SearchGrid(ANGLES), max_targets=1), "grid", "SearchGrid(", "ranges for OMP"),
    wrong("grid-velocities", lambda: OMP(array(), numerology(), SearchGrid(ANGLES, RANGES, velocities=[0, 1.0]), max_targets=1), "grid", "SearchGrid(", "no velocities"),
    wrong("moving-one-symbol", lambda: moving(num_symbols=1), "grid", "SearchGrid(", "one OFDM symbol"),
    wrong("moving-symbols", lambda: moving()(y(1, 4, 2, 8), SECTOR), "y", "[1, 4, 2, 8]", "[3, 8] (num_symbols, num_subcarriers)"),
    wrong("moving-rank", lambda: moving()(y(1, 4, 8), SECTOR), "y", "[1, 4, 8]", "num_symbols, num_subcarriers"),
    wrong("moving-static", lambda: omp()(y(1, 4, 3, 8), SECTOR), "y", "[1, 4, 3, 8]", "[batch_size, num_antennas, num_subcarriers"),
    wrong("moving-elements", lambda: moving(elements=np.ones((2, 8), bool)), "elements", "[2, 8]", "[3, 8]"),
    wrong("moving-elements-none", lambda: moving(elements=np.zeros((3, 8), bool)), "elements", "none of 24", "at least one"),
    wrong("moving-elements-kind", lambda: moving(elements=np.ones((3, 8))), "elements", "1.", "booleans"),
    wrong("moving-window", lambda: DifferentiableOMP(array(), numerology(8, num_symbols=3), MOVING, max_targets=1, window=(1, 1, 5), temperature=1.0), "window", "(1, 1, 5)", "5 velocities"),
    wrong("moving-window-static", lambda: domp(window=(1, 1, 1)), "window", "(1, 1, 1)", "a pair"),
    wrong("moving-elements-static", lambda: OMP(array(), numerology(8, num_symbols=3), SearchGrid(ANGLES, RANGES), max_targets=1, elements=np.eye(3, 8) > 0), "elements", "[3, 8]", "without velocities"),
    wrong("doppler-velocities", lambda: DopplerBasis(numerology(), [1.0]), "velocities", "(1,)", "two points"),
    wrong("doppler-numerology", lambda: DopplerBasis(8, [0.0, 1.0]), "numerology", "8", "Numerology"),
    wrong("grid-kind", lambda: OMP(array(), numerology(), ANGLES, max_targets=1), "grid", "-1.5", "SearchGrid"),
    wrong("map-number", lambda: AngleDelayMap(array(), numerology(), SearchGrid(9, RANGES)), "grid.angles", "()", "at least two"),
    wrong("domp-number", lambda: domp(angles=9), "grid.angles", "()", "at least two"),
    wrong("receiver-wavelength", lambda: OMP(array(), Numerology(8, 1e6, 60e9), SearchGrid(9, RANGES), max_targets=1), "array", "0.01 m", "0.00499654 m"),
    # scene
    wrong("sector-scale", lambda: RandomSector((0.2, 0.4), (0.1, 0.2))(2, 1.5), "scale", "1.5", "[0, 1]"),
    wrong("sector-scale-negative", lambda: RandomSector((0.2, 0.4), (0.1, 0.2))(2, -0.5), "scale", "-0.5", "[0, 1]"),
    wrong("sector-scale-batch", lambda: RandomSector((0.2, 0.4), (0.1, 0.2))(2, [0.1, 0.2]), "scale", "[2]", "a number"),
    wrong("scene-degrees", lambda: TargetScene(2, (1, 5), RayleighGain())(100 * SECTOR), "sector", "-30 to 30", "rad, not in degrees"),
    wrong("scene-sector-order", lambda: TargetScene(2, (1, 5), RayleighGain())(-SECTOR), "sector", "(lower, upper)"),
    wrong("gain-frequency", lambda: RadarEquationGain(28e9), "wavelength", "28000000000.0", "in m"),
    wrong("gain-distance-complex", lambda: RayleighGain()(y(1, 2)), "distance", "complex128", "real numbers"),
    # bound
    wrong("fim-positions", lambda: fim(element_positions=np.zeros((2, 3))), "element_positions", "[2, 3]", "[num_antennas, 2]"),
    wrong("fim-wavelength", lambda: fim(wavelength=0), "wavelength", "0", "> 0"),
    wrong("fim-frequency", lambda: fim(wavelength=28e9), "wavelength", "28000000000.0", "in m"),
    wrong("fim-positions-complex", lambda: fim(element_positions=y(4)), "element_positions", "real numbers"),
    wrong("fim-target-complex", lambda: fim(target=(1.0 + 0.2j, 0.0)), "target", "(1+0.2j)", "real numbers"),
    wrong("fim-noise-complex", lambda: fim(no=1j), "no", "1j", "real numbers"),
    wrong("near-bound-frequency", lambda: bound.near_field_target_bound([0.0, 0.1, 0.2], 28e9, (1.0, 0.0), y(3, 2), 1e-6, 1, 1), "wavelength", "28000000000.0", "in m"),
    wrong("fim-target", lambda: fim(target=(1.0, 2.0, 3.0)), "target", "[3]", "[..., 2]"),
    wrong("fim-target-nan", lambda: fim(target=(1.0, NAN)), "target", "1 NaN", "finite"),
    wrong("fim-on-array", lambda: fim(target=(0.0, 0.01)), "target", "0 m", "element of the array"),
    wrong("target-bound-points", lambda: target_bound(array=near()), "array", "SphericalWaveArray", "plane waves"),
    wrong("fim-beams", lambda: fim(beams=y(3, 2)), "beams", "[3, 2]", "[..., 4, num_streams]"),
    wrong("fim-beams-none", lambda: fim(beams=np.zeros((4, 0))), "beams", "[4, 0]", "num_streams"),
    wrong("fim-beams-nan", lambda: fim(beams=NAN * y(4, 2)), "beams", "8 NaN", "finite"),
    wrong("fim-reflection", lambda: fim(reflection="one"), "reflection", "'one'", "complex"),
    wrong("fim-noise", lambda: fim(no=0.0), "no", "0", "> 0"),
    wrong("fim-snapshots", lambda: fim(num_snapshots=-3), "num_snapshots", "-3", "> 0"),
    wrong("speb-power", lambda: bound.minimum_speb([0.0, 0.1, 0.2], 0.01, (1.0, 0.0), -1, 1e-6, 1, 1), "power", "-1", "> 0"),
    wrong("speb-reflection", lambda: bound.minimum_speb([0.0, 0.1, 0.2], 0.01, (1.0, 0.0), 1, 0, 1, 1), "reflection", "0", "echo"),
    wrong("efim-square", lambda: bound.effective_fim(np.ones((2, 3)), 1), "fim", "[2, 3]", "square"),
    wrong("efim-complex", lambda: bound.effective_fim(y(2, 2), 1), "fim", "complex", "real"),
    wrong("efim-symmetric", lambda: bound.effective_fim([[1.0, 0.5], [0.0, 1.0]], 1), "fim", "0.5", "symmetric"),
    wrong("efim-number", lambda: bound.effective_fim(np.eye(2), 3), "num_interest", "3", "<= 2"),
    wrong("efim-dark", lambda: bound.effective_fim(fim(beams=0 * y(4, 2)), 2), "nuisance", "not observed"),
    wrong("crb-singular", lambda: bound.cramer_rao_bound(np.ones((2, 2))), "fim", "singular", "exceed 1e-12"),
    wrong("crb-symmetric", lambda: bound.cramer_rao_bound([[1.0, 0.5], [0.0, 1.0]]), "fim", "0.5", "symmetric"),
    wrong("crb-complex", lambda: bound.cramer_rao_bound(y(2, 2)), "fim", "complex", "real"),
    wrong("peb-symmetric", lambda: bound.position_error_bound([[1.0, 0.5], [0.0, 1.0]]), "fim", "0.5", "symmetric"),
    wrong("crb-nan", lambda: bound.cramer_rao_bound(NAN * np.eye(2)), "fim", "NaN", "finite"),
    wrong("fisher-mean", lambda: fisher(3.0), "mean", "3.0", "function or a layer"),
    wrong("fisher-real", lambda: fisher(lambda angle: angle), "mean", "float64", "complex128"),
    wrong("fisher-single", lambda: fisher(lambda angle: near().steering(angle), parameters={"angle": (1.0, 0.2)}), "mean", "complex64", "precision='double'"),
    wrong("fisher-batch", lambda: fisher(lambda angle: near(precision="double").steering((1.0, 0.2)), parameters={"angle": np.ones(3)}, batch_dims=1), "mean", "[4]", "[3, "),
    wrong("fisher-parameters", lambda: fisher(parameters=[1.0]), "parameters", "[1.0]", "dictionary"),
    wrong("fisher-shapes", lambda: fisher(parameters={"a": np.ones(2), "b": np.ones(3)}, batch_dims=1), "parameters", "[3]", "batch_dims"),
    wrong("fisher-nan", lambda: fisher(parameters={"angle": NAN}), "angle", "1 NaN", "finite"),
    wrong("fisher-noise", lambda: fisher(no=0), "no", "0", "> 0"),
    wrong("fisher-noise-complex", lambda: fisher(no=1j), "no", "1j", "real numbers"),
    wrong("fisher-noise-nan", lambda: fisher(no=NAN), "no", "1 NaN", "finite"),
    wrong("fisher-noise-shape", lambda: fisher(no=[1.0, 2.0]), "no", "[2]", "[]"),
    wrong("fisher-text", lambda: fisher(parameters={"angle": "0.3"}), "angle", "'0.3'", "real numbers"),
    wrong("fisher-step", lambda: fisher(steps=NAN), "steps['angle']", "nan", "> 0"),
    wrong("crb-text", lambda: bound.cramer_rao_bound([["1"]]), "fim", "'1'", "real numbers"),
    wrong("fisher-nuisance", lambda: fisher(nuisance=["gain"]), "nuisance", "['gain']", "['angle']"),
    wrong("fisher-all-nuisance", lambda: fisher(nuisance=["angle"]), "nuisance", "['angle']", "not all"),
    wrong("body-points", lambda: body(points=np.ones((2, 2))), "points", "[2, 2]", "[..., num_scatterers, 3]"),
    wrong("body-points-none", lambda: body(points=np.ones((0, 3)), weights=[]), "points", "[0, 3]", "num_scatterers"),
    wrong("body-points-nan", lambda: body(points=NAN * np.ones((2, 3))), "points", "6 NaN", "finite"),
    wrong("body-weights", lambda: body(weights=[1.0]), "weights", "[1]", "[2]"),
    wrong("body-weights-negative", lambda: body(weights=[1.0, -0.5]), "weights", "-0.5", ">= 0"),
    wrong("body-weights-zero", lambda: body(weights=[0.0, 0.0]), "weights", "0 alone", "> 0"),
    wrong("body-range", lambda: body(range=-1.0), "range", "-1", "> 0"),
    wrong("body-azimuth", lambda: body(azimuth=[0.1, 0.2]), "azimuth", "[2]", "[]"),
    wrong("body-orientation", lambda: body(orientation="north"), "orientation", "'north'", "real numbers"),
    wrong("body-behind", lambda: body(azimuth=3.0), "azimuth", "-19.7", "in front of the array"),
    wrong("body-around", lambda: body(range=0.5, orientation=3.0), "range", "x = -", "x > 0"),
    wrong("body-point-weight", lambda: bound.ExtendedTarget.point(20.0, 0.1, 0.2, 0.0), "weight", "0.0", "> 0"),
    wrong("body-stack", lambda: bound.ExtendedTarget.stack([body(), bound.ExtendedTarget.point(20.0, 0.1, 0.2)]), "targets", "orientation"),
    wrong("body-stack-none", lambda: bound.ExtendedTarget.stack([]), "targets", "0", "one or more"),
    wrong("body-stack-one", lambda: bound.ExtendedTarget.stack(body()), "targets", "ExtendedTarget", "sequence"),
    wrong("body-network-centre", lambda: body_network(centre=(3, 4)), "centre", "[3, 4]", "[2, 4]"),
    wrong("body-network-channels", lambda: body_network(channels=(3, 2, 4)), "channels", "[3, 2, 4]", "[2, ?, 4]"),
    wrong("body-network-mask", lambda: body_network(masks=isac.beamforming.NodeMasks(tf.ones((2, 5), tf.bool), tf.ones((2, 2), tf.bool))), "masks.scatterers", "[2, 5]", "[2, 3]"),
    wrong("body-network-mask-numbers", lambda: body_network(masks=isac.beamforming.NodeMasks(np.ones((2, 3)), tf.ones((2, 2), tf.bool))), "masks.scatterers", "float", "boolean"),
    wrong("body-network-mask-users", lambda: body_network(masks=isac.beamforming.NodeMasks(tf.ones((2, 3), tf.bool), tf.ones((1, 2), tf.bool))), "masks.users", "[1, 2]", "[2, 2]"),
    wrong("body-beams-target", lambda: body_beams(target=1), "target", "1", "ExtendedTarget"),
    wrong("body-beams-batch", lambda: body_beams(target=bound.ExtendedTarget.stack([body(), body()])), "target", "[2]", "one target"),
    wrong("body-beams-single", lambda: body_beams(target=bound.ExtendedTarget([[1.0, 0.0, 0.0]], [1.0], range=20.0, azimuth=0.1, elevation=0.2, orientation=0.3)), "target", "1", "scatterers"),
    wrong("body-beams-channels", lambda: body_beams(channels=np.ones((2, 3))), "channels", "[2, 3]", "[num_users, 4]"),
    wrong("body-beams-channels-none", lambda: body_beams(channels=np.ones((0, 4))), "channels", "[0, 4]", "at least one user"),
    wrong("body-beams-channels-zero", lambda: body_beams(channels=np.zeros((1, 4))), "channels", "0 alone", "other than 0"),
    wrong("body-beams-power", lambda: body_beams(power=0.0), "power", "0.0", "> 0"),
    wrong("body-beams-sinr", lambda: body_beams(min_sinr=-1.0), "min_sinr", "-1.0", ">= 0"),
    wrong("body-beams-sinr-size", lambda: body_beams(min_sinr=[1.0, 2.0, 3.0]), "min_sinr", "3", "2"),
    wrong("body-beams-sinr-negative", lambda: body_beams(min_sinr=[1.0, -2.0]), "min_sinr", "-2.0", ">= 0"),
    wrong("body-beams-sinr-high", lambda: body_beams(min_sinr=1e9), "min_sinr", "90.00", "largest common SINR"),
    wrong("body-beams-sinr-tiny", lambda: body_beams(min_sinr=1e-320), "min_sinr", "e-321", "1e-09"),
    wrong("body-beams-noise-tiny", lambda: body_beams(user_noise=1e-300), "user_noise", "3000 dB", "[-180, 180]"),
    wrong("body-beams-channels-huge", lambda: body_beams(channels=1e200 * np.eye(4)[:2]), "channels", "4030 dB", "[-180, 180]"),
    wrong("body-beams-power-huge", lambda: body_beams(power=1e200), "power", "1e+200", "< 1e+40"),
    wrong("body-beams-coverage", lambda: body_beams(coverage=1), "coverage", "1", ">= 1.01"),
    wrong("body-beams-noise", lambda: body_beams(user_noise=0.0), "user_noise", "0.0", "> 0"),
    wrong("body-beams-weights", lambda: body_beams(weights=[0.0, 0.0, 0.0, 0.0]), "weights", "0.0", "not all 0"),
    wrong("body-beams-weights-size", lambda: body_beams(weights=[1.0]), "weights", "1", "4"),
    wrong("body-beams-level", lambda: body_beams(level="coherent"), "level", "'coherent'", "'energy', 'resolved'"),
    wrong("body-beams-method", lambda: body_beams(method="sdp"), "method", "'sdp'", "'certified', 'sdr', 'published'"),
    wrong("body-beams-draws", lambda: body_beams(num_draws=0), "num_draws", "0", ">= 1"),
    wrong("body-metric-weight", lambda: body_beams("weighted_isac", weight=1.0), "weight", "1", "[0, 1)"),
    wrong("body-metric-balance", lambda: body_beams("weighted_isac", balance=0.0), "balance", "0.0", "> 0"),
    wrong("body-metric-balance-huge", lambda: body_beams("weighted_isac", balance=1e300), "balance", "1e+300", "1e+12"),
    wrong("body-metric-iterations", lambda: body_beams("weighted_isac", max_iterations=0), "max_iterations", "0", ">= 1"),
    wrong("body-region-directions", lambda: body_beams("illuminate_region", min_sinr=1.0, num_directions=0), "num_directions", "0", ">= 1"),
    wrong("body-fim-target", lambda: body_fim(target=1), "target", "1", "ExtendedTarget"),
    wrong("body-fim-shape", lambda: body_fim(rx_shape=(2,)), "rx_shape", "(2,)", "(num_y, num_z)"),
    wrong("body-fim-shape-zero", lambda: body_fim(tx_shape=(2, 0)), "tx_shape", "0", ">= 1"),
    wrong("body-fim-level", lambda: body_fim(level="full"), "level", "'full'", "'energy', 'resolved', 'coherent'"),
    wrong("body-fim-covariance", lambda: body_fim(covariance=np.eye(3)), "covariance", "[3, 3]", "[..., 4, 4]"),
    wrong("body-fim-hermitian", lambda: body_fim(covariance=np.eye(4) + 1j * np.eye(4)), "covariance", "2", "Hermitian"),
    wrong("body-fim-indefinite", lambda: body_fim(covariance=np.diag([1.0, 1.0, 1.0, -0.1])), "covariance", "-0.1", "no negative eigenvalue"),
    wrong("body-fim-covariance-nan", lambda: body_fim(covariance=NAN * np.eye(4)), "covariance", "NaN", "finite"),
    wrong("body-fim-gain", lambda: body_fim(path_gain=0.0), "path_gain", "0", "> 0"),
    wrong("body-fim-noise", lambda: body_fim(noise_power=[1.0, 1.0]), "noise_power", "[2]", "[]"),
    wrong("body-fim-gain-huge", lambda: body_fim(path_gain=1e200), "path_gain", "1e+200", "1e+40"),
    wrong("body-fim-noise-tiny", lambda: body_fim(noise_power=1e-300), "noise_power", "1e-300", "1e-40"),
    wrong("body-fim-bandwidth-huge", lambda: body_fim(rms_bandwidth=1e200), "rms_bandwidth", "1e+200", "1e+40"),
    wrong("body-fim-batch", lambda: body_fim(target=bound.ExtendedTarget.stack([body(), body()]), covariance=np.ones((3, 1, 1)) * np.eye(4)), "covariance", "[3, 4, 4]", "[2]"),
    wrong("body-fim-bandwidth", lambda: body_fim(rms_bandwidth=None), "rms_bandwidth", "None", "> 0"),
    wrong("body-fim-samples", lambda: body_fim(num_samples=0), "num_samples", "0", ">= 1"),
    wrong("body-fim-phases", lambda: body_fim(phases=[0.0, 0.0]), "phases", "'energy'", "None"),
    wrong("body-fim-coherent", lambda: body_fim(level="coherent", phases=[0.0, 0.0]), "frequencies", "None", "coherent"),
    wrong("body-fim-coherent-empty", lambda: body_fim(level="coherent", frequencies=[], phases=[0.0, 0.0]), "frequencies", "[0]", "at least one"),
    wrong("body-fim-coherent-phases", lambda: body_fim(level="coherent", frequencies=[0.0, 1e6], phases=[0.0]), "phases", "[1]", "[2]"),
    wrong("body-gain", lambda: body().path_gain(0.0), "wavelength", "0", "> 0"),
    wrong("body-scatterers", lambda: body().scatterers(1e-3, [0.0, 0.0, 0.0]), "phases", "[3]", "[2]"),
    wrong("ml-mean", lambda: likelihood(mean=3.0), "mean", "3.0", "function or a layer"),
    wrong("ml-start", lambda: likelihood(start=[0.1]), "start", "[0.1]", "dictionary"),
    wrong("ml-complex", lambda: likelihood(start={"angle": 0.1j}), "start['angle']", "real"),
    wrong("ml-shape", lambda: likelihood(observed=y(4)), "y", "[4]", "[3]"),
    wrong("ml-nan", lambda: likelihood(observed=NAN * y(3)), "y", "3 NaN", "finite"),
    wrong("ml-iterations", lambda: likelihood(max_iterations=0), "max_iterations", "0", ">= 1"),
    wrong("planar-array-shape", lambda: UniformPlanarArray((4, 4, 2), 0.01), "shape", "(4, 4, 2)", "(num_y, num_z)"),
    wrong("planar-array-point", lambda: UniformPlanarArray((2, 2), 0.01)(np.ones((1, 2))), "point", "[1, 2]", "3"),
    wrong("planar-fastest", lambda: planar_positions(2, 2, 1.0, "x"), "fastest", "'x'", "'z'"),
    wrong("body-echo-array", lambda: isac.channel.ScattererEcho(SphericalWaveArray([[0.0, 0.0], [0.0, 0.1]], 0.01), numerology()), "array", "2 axes", "3 axes"),
    wrong("body-echo-targets", lambda: body_echo(targets()), "targets", "5 entries", "orientation"),
    wrong("body-echo-gain", lambda: body_echo(body().scatterers(1.0)._replace(gain=y(1, 3))), "targets.gain", "[1, 3]", "[1, 2]"),
    wrong("body-echo-pose", lambda: body_echo(body().scatterers(1.0)._replace(range=[1.0, 2.0])), "targets.range", "[2]", "[1]"),
    wrong("target-bound-beam", lambda: target_bound(beam=y(1, 3)), "beam", "[1, 3]", "[1, 4]"),
    wrong("target-bound-targets", lambda: target_bound(targets=targets(angle=np.zeros(2))), "targets", "[2]", "[batch_size, max_targets]"),
    wrong("target-bound-number", lambda: target_bound(targets=targets(num_targets=[3])), "num_targets", "3", "0 ... 2"),
    wrong("target-bound-number-shape", lambda: target_bound(targets=targets(num_targets=2)), "num_targets", "[]", "[1]"),
    wrong("target-bound-number-float", lambda: target_bound(targets=targets(num_targets=[1.5])), "num_targets", "1.5", "whole numbers"),
    wrong("target-bound-degrees", lambda: target_bound(targets=targets(angle=np.array([[-30.0, 20.0]]))), "angle", "-30", "not in degrees"),
    wrong("target-bound-complex", lambda: target_bound(targets=targets(angle=y(1, 2))), "angle", "real numbers"),
    wrong("target-bound-nan", lambda: target_bound(targets=targets(angle=np.array([[NAN, 0.2]]))), "angle", "1 NaN", "finite"),
    wrong("target-bound-range", lambda: target_bound(targets=targets(range=np.array([[-5.0, 5.0]]))), "range", "-5", ">= 0"),
    wrong("target-bound-noise", lambda: target_bound(no=0.0), "no", "0", "> 0"),
    wrong("target-bound-noise-shape", lambda: target_bound(no=[1.0, 2.0]), "no", "[2]", "[1]"),
    wrong("target-bound-tuple", lambda: target_bound(targets=(0.1, 5.0, 1.0, 1)), "targets", "(0.1, 5.0, 1.0, 1)", "PointTargets"),
    wrong("target-bound-beam-nan", lambda: target_bound(beam=NAN * y(1, 4)), "beam", "4 NaN", "finite"),
    wrong("target-bound-same", lambda: target_bound(targets=targets()), "singular", "all parameters"),
    wrong("far-music-number", lambda: far_music(grid=SearchGrid(8, RANGES)), "grid.angles", "()", "at least two points"),
    wrong("far-music-velocities", lambda: far_music(grid=SearchGrid(ANGLES, RANGES, velocities=[0.0, 1.0])), "grid", "velocities", "no velocities"),
    wrong("far-music-targets", lambda: far_music(grid=SearchGrid(ANGLES), max_targets=4), "max_targets", "4", "below"),
    wrong("far-music-snapshots", lambda: far_music(num_windows=1)(y(1, 4, 8), SECTOR), "max_targets", "2", "snapshots, 1"),
    wrong("far-music-window", lambda: far_music(window=8), "window", "8", "below the 8"),
    wrong("far-music-irregular", lambda: far_music(elements=np.array([[1, 1, 0, 0, 1, 0, 0, 1]], bool), window=5, num_windows=4), "num_windows", "4 windows", "small enough"),
    wrong("far-music-few", lambda: far_music(elements=np.array([[1, 1, 0, 0, 0, 0, 0, 0]], bool)), "elements", "2", "at least three"),
    wrong("far-music-elements", lambda: far_music(elements=np.ones((1, 7), bool)), "elements", "[1, 7]", "[1, 8]"),
    wrong("far-music-elements-kind", lambda: far_music(elements=[[1.0] * 8]), "elements", "1.0", "booleans"),
    wrong("far-music-elements-empty", lambda: far_music(elements=np.zeros((1, 8), bool)), "elements", "none", "at least one"),
    wrong("far-music-symbols", lambda: far_music(elements=np.ones((1, 8), bool))(y(1, 4, 3, 8), SECTOR), "y", "[1, 4, 3, 8]", "1"),
    wrong("far-music-subarray", lambda: far_music(subarray=5), "subarray", "5", "<= 4"),
    wrong("far-music-layout", lambda: far_music(array=UniformLinearArray(4, 0.01, element_positions=[0.0, 0.005, 0.02, 0.03]), forward_backward=True), "forward_backward", "uniform"),
    wrong("far-music-gaps", lambda: far_music(numerology=numerology(active=np.arange(8) != 3), num_windows=1, forward_backward=True), "forward_backward", "gaps"),
    wrong("far-music-y", lambda: far_music()(y(1, 3, 8), SECTOR), "y", "[1, 3, 8]", "4"),
    wrong("target-bound-x", lambda: target_bound(x=y(1, 3)), "x", "[1, 3]", "as the numerology"),
    wrong("target-bound-x-nan", lambda: target_bound(x=NAN * y(numerology().num_subcarriers)), "x", "NaN", "finite"),
    wrong("target-bound-x-zero", lambda: target_bound(x=0 * y(numerology().num_subcarriers)), "x", "none", "active element"),
    wrong("target-bound-elements", lambda: target_bound(elements=np.ones(3, bool)), "elements", "[3]", "[1, "),
    wrong("target-bound-elements-kind", lambda: target_bound(elements=[[0, 1]]), "elements", "[[0, 1]]", "booleans"),
    wrong("target-bound-elements-empty", lambda: target_bound(elements=np.zeros((1, numerology().num_subcarriers), bool)), "elements", "none", "active element"),
    wrong("target-bound-projection", lambda: target_bound(projection=np.ones((2, 3))), "projection", "[2, 3]", "[n, 1]"),
    wrong("target-bound-removed", lambda: target_bound(projection=np.zeros((1, 1))), "projection", "target 0 of sample 0", "leave something"),
    wrong("target-bound-velocity-symbol", lambda: target_bound(targets=targets(velocity=np.ones((1, 2)))), "num_symbols=1", "two OFDM symbols"),
    wrong("target-bound-velocity", lambda: target_bound(targets=targets(velocity=np.ones(2))), "velocity", "[2]", "[1, 2]"),
    wrong("target-bound-velocity-nan", lambda: target_bound(numerology=numerology(num_symbols=2), targets=targets(velocity=np.array([[NAN, 1.0]]))), "velocity", "1 NaN", "finite"),
    wrong("target-bound-one-tone", lambda: target_bound(numerology=numerology(1)), "numerology", "num_subcarriers=1", "at least two"),
    # scene
    wrong("sector-reversed", lambda: FixedSector((0.5, 0.1)), "interval", "(0.5, 0.1)", "low <= high"),
    wrong("sector-outside", lambda: FixedSector((-2.0, 0.0)), "interval", "(-2.0, 0.0)", "-1.5708"),
    wrong("sector-number", lambda: FixedSector(0.5), "interval", "0.5", "pair"),
    wrong("sector-reach", lambda: RandomSector((-1.5, 0), (0.1, 0.4)), "span", "(0.1, 0.4)", "[-pi/2, pi/2]"),
    wrong("sector-batch", lambda: FixedSector((0, 0.1))(0), "batch_size", "0", ">= 1"),
    wrong("random-sector-batch", lambda: RandomSector((0, 0.1), (0, 0.1))(2.5), "batch_size", "2.5", "integer"),
    wrong("variance", lambda: RayleighGain(0.0), "variance", "0.0", "> 0"),
    wrong("rcs", lambda: RadarEquationGain(0.01, mean_rcs=-1), "mean_rcs", "-1", "> 0"),
    wrong("scene-gain", lambda: TargetScene(2, (1, 2), 1.0), "gain", "1.0", "Gain"),
    wrong("scene-gain-array", lambda: TargetScene(2, (1, 2), array()), "gain", "UniformLinearArray", "a Gain"),
    wrong("scene-range", lambda: TargetScene(2, (0, 2), RayleighGain()), "range_interval", "(0, 2)", "above 0"),
    wrong("scene-number", lambda: TargetScene(2, (1, 2), RayleighGain(), num_targets=3), "num_targets", "3", "<= 2"),
    wrong("scene-velocity", lambda: TargetScene(2, (1, 2), RayleighGain(), velocity_interval=(3, -3)), "velocity_interval", "(3, -3)", "low <= high"),
    wrong("clutter-number", lambda: ClutterScene(0, (1, 2), cnr_db=0), "num_scatterers", "0", ">= 1"),
    wrong("clutter-range", lambda: ClutterScene(2, (0, 2), cnr_db=0), "range_interval", "(0, 2)", "above 0"),
    wrong("clutter-cnr", lambda: ClutterScene(2, (1, 2), cnr_db=np.inf), "cnr_db", "inf", "finite number"),
    wrong("clutter-law", lambda: ClutterScene(2, (1, 2), cnr_db=0, amplitude="rice"), "amplitude", "'rice'", "'weibull'"),
    wrong("clutter-no-shape", lambda: ClutterScene(2, (1, 2), cnr_db=0, amplitude="k"), "shape_parameter", "None", "'k'"),
    wrong("clutter-shape", lambda: ClutterScene(2, (1, 2), cnr_db=0, shape_parameter=2), "shape_parameter", "2", "'rayleigh'"),
    wrong("clutter-shape-zero", lambda: ClutterScene(2, (1, 2), cnr_db=0, amplitude="k", shape_parameter=0), "shape_parameter", "0", "> 0"),
    wrong("clutter-spread", lambda: ClutterScene(2, (1, 2), cnr_db=0, velocity_std=-1), "velocity_std", "-1", ">= 0"),
    wrong("clutter-noise", lambda: ClutterScene(2, (1, 2), cnr_db=0)(SECTOR, 0.0), "no", "0", "> 0"),
    wrong("clutter-noise-shape", lambda: ClutterScene(2, (1, 2), cnr_db=0)(SECTOR, np.ones(2)), "no", "[2]", "[1]"),
    wrong("clutter-sector", lambda: ClutterScene(2, (1, 2), cnr_db=0)(np.zeros((1, 3)), 1.0), "sector", "[1, 3]", "[?, 2]"),
    wrong("scene-sector", lambda: TargetScene(2, (1, 2), RayleighGain())(np.zeros((1, 3))), "sector", "[1, 3]", "[?, 2]"),
    # scene: surfaces
    wrong("surface-shape", lambda: FourierSurface(np.ones((3, 3)), 1), "coefficients", "[3, 3]", "[4, 3]"),
    wrong("surface-open", lambda: FourierSurface(np.ones((8, 3)), (2, 1)), "coefficients", "m in u at a pole", "one point at each pole"),
    wrong("surface-inward", lambda: FourierSurface(-FourierSurface.fit_ellipsoid(1, 1, 1).coefficients, 1), "coefficients", "volume of -0.5", "outwards"),
    wrong("surface-nan", lambda: FourierSurface(np.full((4, 3), NAN), 1), "coefficients", "NaN", "finite"),
    wrong("surface-order", lambda: FourierSurface.fit_cuboid(4, 2, 1, 0), "order", "0", ">= 1"),
    wrong("surface-orders", lambda: FourierSurface.fit_cuboid(4, 2, 1, (1, 2, 3)), "order", "(1, 2, 3)", "of u and of v"),
    wrong("surface-family", lambda: FourierSurface.fit_cuboid(4, 2, 1, family="cube"), "family", "'cube'", "'sphere', 'full'"),
    wrong("surface-mapping", lambda: FourierSurface.fit_cuboid(4, 2, 1, mapping="polar"), "mapping", "'polar'", "'affine'"),
    wrong("surface-width", lambda: FourierSurface.fit_cuboid(4, 0, 1), "width", "0", "> 0"),
    wrong("surface-axis", lambda: FourierSurface.fit_ellipsoid(4, 2, -1), "height", "-1", "> 0"),
    wrong("surface-depth", lambda: FourierSurface.fit_drone(depth=1), "depth", "1", "<= 0.99"),
    wrong("surface-points", lambda: FourierSurface.fit(np.ones((9, 3)), np.ones(9), np.ones(9)), "points", "9", "free coefficients"),
    wrong("surface-angles", lambda: FourierSurface.fit(np.ones((9, 3)), np.ones(8), np.ones(9)), "u", "[8]", "[9]"),
    wrong("surface-mesh", lambda: FourierSurface.fit_mesh("car.ply"), "target", "'car.ply'", "MeshTarget"),
    wrong("surface-v", lambda: CUBOID.points(0.0, 45.0), "v", "45", "[-pi/2, pi/2]"),
    wrong("surface-u", lambda: CUBOID.points(45.0, 0.0), "u", "45", "rad"),
    wrong("surface-uv", lambda: CUBOID.normals(np.ones(3), np.ones(4)), "u and v", "[3] and [4]", "broadcast"),
    wrong("surface-num-u", lambda: CUBOID.mesh(2), "num_u", "2", ">= 3"),
    wrong("surface-inside", lambda: surface_at(range=0.3), "range", "0.3", "outside of the surface"),
    wrong("surface-range", lambda: surface_at(range=0.0), "range", "0", "> 0"),
    wrong("surface-behind", lambda: surface_at(azimuth=2.8), "azimuth", "2.8", "in front of the array"),
    wrong("surface-beside", lambda: surface_at(azimuth=1.5), "azimuth", "1.5", "x > 0"),
    wrong("surface-azimuth", lambda: surface_at(azimuth=20.0), "azimuth", "20", "rad"),
    wrong("surface-elevation", lambda: surface_at(elevation=-1.6), "elevation", "-1.6", "(-pi/2, pi/2)"),
    wrong("surface-pose", lambda: surface_at(range=[20.0, 30.0], azimuth=[0.1, 0.2, 0.3]), "range, azimuth", "[2], [3]", "broadcast"),
    wrong("surface-visible", lambda: CUBOID.visible(0.0, 0.0, range=[20.0], azimuth=0.0, elevation=0.0, orientation=0.0), "range, azimuth", "[1]", "numbers"),
    wrong("surface-dark", lambda: surface_at(range=2.0, azimuth=0.0, elevation=0.0, orientation=1.5, cells=(1, 1), subdivision=1), "cells", "1 x 1", "higher subdivision"),
    wrong("surface-cells", lambda: surface_at(cells=(6, 4, 2)), "cells", "(6, 4, 2)", "along u and along v"),
    wrong("surface-area", lambda: surface_at(area="whole"), "area", "'whole'", "'projected', 'surface'"),
    wrong("surface-reflectivity", lambda: surface_at(reflectivity=np.ones((4, 6))), "reflectivity", "[4, 6]", "[6, 4]"),
    wrong("surface-reflects", lambda: surface_at(reflectivity=-1.0), "reflectivity", "-1", ">= 0"),
    wrong("mesh-pair", lambda: isac.scene.MeshTarget((np.eye(3), [[0, 1, 0.5]]), 1.0, 1e7), "faces", "whole numbers"),
    # beamforming networks
    wrong("beam-network-shape", lambda: ISACBeamNetwork((4,)), "tx_shape", "(4,)", "two numbers"),
    wrong("beam-network-head", lambda: ISACBeamNetwork((2, 2), "linear"), "head", "'linear'", "subspace"),
    wrong("beam-network-sinr", lambda: ISACBeamNetwork((2, 2), min_sinr=-1), "min_sinr", "-1", "> 0"),
    wrong("beam-network-channels", lambda: ISACBeamNetwork((2, 2))(np.ones((1, 3, 4)), np.ones((1, 4)), y(1, 2, 5)), "channels", "[1, 2, 5]", "[?, ?, 4]"),
    wrong("beam-network-scatterers", lambda: ISACBeamNetwork((2, 2))(np.ones((1, 3, 3)), np.ones((1, 4)), y(1, 2, 4)), "scatterers", "[1, 3, 3]", "[?, ?, 4]"),
    wrong("beam-network-weights", lambda: ISACBeamNetwork((2, 2))(-np.ones((1, 3, 4)), np.ones((1, 4)), y(1, 2, 4)), "scatterers", "-1", ">= 0"),
    wrong("beam-network-dark", lambda: ISACBeamNetwork((2, 2))(np.zeros((1, 3, 4)), np.ones((1, 4)), y(1, 2, 4)), "scatterers", "each sample", "> 0"),
    # waveform
    wrong("precoder-array", lambda: LeastSquaresPrecoder("ula", ANGLES), "array", "'ula'", "Array"),
    wrong("precoder-points", lambda: LeastSquaresPrecoder(near(), ANGLES), "array", "SphericalWaveArray", "plane waves"),
    wrong("precoder-grid", lambda: LeastSquaresPrecoder(array(), ANGLES[::-1]), "angle_grid", "1.5", "strictly increasing"),
    wrong("precoder-degrees", lambda: LeastSquaresPrecoder(array(), np.arange(-60, 60)), "angle_grid", "[-60, 59]", "[-1.5708, 1.5708]"),
    wrong("precoder-regularization", lambda: LeastSquaresPrecoder(array(), ANGLES, regularization=-1), "regularization", "-1", ">= 0"),
    wrong("precoder-few-angles", lambda: LeastSquaresPrecoder(array(), [-0.2, 0.0, 0.2], regularization=0), "angle_grid", "3 angles", "at least 4"),
    wrong("precoder-singular", lambda: LeastSquaresPrecoder(UniformLinearArray(2, 0.01, element_positions=[0, 0]), ANGLES, regularization=0)(SECTOR), "regularization", "got 0", "singular", "exceed"),
    wrong("precoder-nearly-singular", lambda: LeastSquaresPrecoder(UniformLinearArray(2, 0.01, element_positions=[0, 1e-10]), ANGLES, regularization=0, precision="double")(SECTOR), "regularization", "got 0", "singular"),
    wrong("precoder-narrow", lambda: LeastSquaresPrecoder(array(), np.linspace(-1e-3, 1e-3, 9), regularization=0)(0 * SECTOR), "regularization", "got 0", "singular"),
    wrong("precoder-sector", lambda: LeastSquaresPrecoder(array(), ANGLES)(np.zeros(2)), "sector", "[2]", "[?, 2]"),
    wrong("precoder-empty", lambda: LeastSquaresPrecoder(array(), ANGLES)([[0.01, 0.02]] * np.ones((1, 2))), "sector", "[0.01, 0.02]", "angle of angle_grid"),
    wrong("precoder-network-antennas", lambda: PrecoderNetwork(0), "num_antennas", "0", ">= 1"),
    wrong("precoder-network-hidden", lambda: PrecoderNetwork(4, hidden=8), "hidden", "8", "sequence"),
    wrong("precoder-network-none", lambda: PrecoderNetwork(4, hidden=(8, 0)), "hidden", "0", ">= 1"),
    wrong("precoder-network-sector", lambda: PrecoderNetwork(4)(np.zeros(2)), "sector", "[2]", "[?, 2]"),
    wrong("precoder-network-nan", lambda: PrecoderNetwork(4)([[NAN, 0.0]]), "sector", "1 NaN", "finite"),
    wrong("multibeam-power", lambda: MultibeamPrecoder(0), "power", "0", "> 0"),
    wrong("multibeam-eta", lambda: MultibeamPrecoder()(y(1, 4), y(1, 4), 1.5), "eta", "1.5", "[0, 1]"),
    wrong("multibeam-cancels", lambda: MultibeamPrecoder()(y(2, 4), y(1, 4), 0.5, [0, np.pi]), "sensing", "communication", "sample 1", "must not cancel"),
    wrong("multibeam-opposite", lambda: MultibeamPrecoder(precision="double")(y(1, 4), -y(1, 4), 0.5), "communication", "sample 0", "must not cancel"),
    wrong("multibeam-zero", lambda: MultibeamPrecoder()(0 * y(1, 4), y(1, 4), 1), "sensing", "sample 0", "be 0"),
    wrong("multibeam-nan", lambda: MultibeamPrecoder()(NAN * y(1, 4), y(1, 4), 0.5), "sensing", "4 NaN", "finite"),
    wrong("multibeam-phi", lambda: MultibeamPrecoder()(y(1, 4), y(1, 4), 0.5, NAN), "phi", "1 NaN", "finite"),
    wrong("multibeam-eta-nan", lambda: MultibeamPrecoder()(y(1, 4), y(1, 4), NAN), "eta", "1 NaN", "finite"),
    wrong("multibeam-eta-complex", lambda: MultibeamPrecoder()(y(1, 4), y(1, 4), 0.5 + 0j), "eta", "complex", "real"),
    wrong("multibeam-eta-batch", lambda: MultibeamPrecoder()(y(2, 4), y(1, 4), [0.1, 0.2, 0.3]), "eta", "[3]", "[2]"),
    wrong("multibeam-shape", lambda: MultibeamPrecoder()(y(2, 4), y(2, 5), 0.5), "communication", "[2, 5]", "[2, 4]"),
    wrong("tones-repeated", lambda: shared_tone_grid(4, 16, 1e5, sensing_tones=[1, 1]), "sensing_tones", "[1, 1]", "distinct"),
    wrong("tones-outside", lambda: shared_tone_grid(4, 16, 1e5, sensing_tones=[16]), "sensing_tones", "[16]", "[0, 15]"),
    wrong("tones-float", lambda: shared_tone_grid(4, 16, 1e5, sensing_tones=[0.5]), "sensing_tones", "0.5", "integers"),
    wrong("tones-all", lambda: shared_tone_grid(4, 4, 1e5, sensing_tones=range(4)), "sensing_tones", "4 of 4", "data elements"),
    wrong("pilot-symbols", lambda: shared_tone_grid(4, 16, 1e5, sensing_tones=[], pilot_symbols=[4]), "pilot_symbols", "[4]", "[0, 3]"),
    wrong("grid-spacing", lambda: shared_tone_grid(4, 16, -1), "subcarrier_spacing", "-1", "> 0"),
    wrong("grid-guards", lambda: shared_tone_grid(4, 16, 1e5, num_guard_carriers=(5, 20)), "num_guard_carriers", "(5, 20)", "fft_size 16"),
    wrong("grid-guards-all", lambda: shared_tone_grid(4, 16, 1e5, num_guard_carriers=(8, 8)), "num_guard_carriers", "(8, 8)", "leave subcarriers"),
    wrong("grid-guards-dc", lambda: shared_tone_grid(4, 1, 1e5, dc_null=True), "num_guard_carriers", "(0, 0)", "dc_null"),
    wrong("grid-guards-over-dc", lambda: shared_tone_grid(4, 16, 1e5, num_guard_carriers=(9, 0), dc_null=True), "num_guard_carriers", "(9, 0)", "dc_null within them"),
    wrong("grid-guards-under-dc", lambda: shared_tone_grid(4, 16, 1e5, num_guard_carriers=(0, 8), dc_null=True), "num_guard_carriers", "(0, 8)", "dc_null within them"),
    wrong("grid-guards-negative", lambda: shared_tone_grid(4, 16, 1e5, num_guard_carriers=(-1, 0)), "num_guard_carriers", "-1", ">= 0"),
    wrong("grid-guards-number", lambda: shared_tone_grid(4, 16, 1e5, num_guard_carriers=5), "num_guard_carriers", "5", "pair"),
    wrong("grid-prefix", lambda: shared_tone_grid(4, 16, 1e5, cyclic_prefix_length=17), "cyclic_prefix_length", "17", "<= 16"),
    wrong("grid-tones-in-guards", lambda: shared_tone_grid(4, 16, 1e5, sensing_tones=[10], num_guard_carriers=(3, 3)), "sensing_tones", "[10]", "[0, 9]"),
    wrong("grid-fft", lambda: shared_tone_grid(4, 16.0, 1e5), "fft_size", "16.0", "integer"),
    wrong("grid-tones-text", lambda: shared_tone_grid(4, 16, 1e5, sensing_tones="12"), "sensing_tones", "12", "integers"),
    wrong("grid-tones-mixed", lambda: shared_tone_grid(4, 16, 1e5, sensing_tones=[[1], [2, 3]]), "sensing_tones", "[[1], [2, 3]]", "integers"),
    wrong("ambiguity-shape", lambda: ambiguity_function(1e6, 0.1), "frequencies", "[]", "[num_tones]"),
    wrong("ambiguity-nan", lambda: ambiguity_function([0, 1], NAN), "delays", "1 NaN", "finite"),
    wrong("placed-tones", lambda: place_tones(8, 9, 0.4), "num_sensing_tones", "9", "<= 8"),
    wrong("placed-block", lambda: place_tones(0, 1, 0.4), "num_tones", "0", ">= 1"),
    wrong("placed-method", lambda: place_tones(8, 2, 0.4, "random"), "method", "'random'", "'low_sidelobe', 'uniform'"),
    wrong("placed-delay", lambda: place_tones(8, 2, 0.1), "max_delay", "0.1", "> 0.125"),
    wrong("placed-alias", lambda: place_tones(8, 2, 0.9), "max_delay", "0.9", "< 0.875"),
    wrong("placed-lobe", lambda: place_tones(8, 2, 0.4, main_lobe=0.5), "main_lobe", "0.5", "< 0.5"),
    wrong("placed-spacing", lambda: place_tones(8, 2, 0.4, subcarrier_spacing=0), "subcarrier_spacing", "0", "> 0"),
    wrong("placed-seed", lambda: place_tones(8, 2, 0.4, seed=-1), "seed", "-1", ">= 0"),
    wrong("placement-order", lambda: TonePlacement([3, 1], 8, 0.4), "indices", "[3, 1]", "strictly increasing"),
    wrong("placement-outside", lambda: TonePlacement([3, 8], 8, 0.4), "indices", "[3, 8]", "[0, 7]"),
    wrong("placement-float", lambda: TonePlacement([0.5], 8, 0.4), "indices", "[0.5]", "integers"),
    wrong("placement-nested", lambda: TonePlacement([1, 2], 8, 0.4).nested(3), "num_sensing_tones", "3", "<= 2"),
    wrong("beamformed-negative", lambda: BeamformedGrid([-1]), "subcarriers", "[-1]", "distinct"),
    wrong("beamformed-none", lambda: BeamformedGrid([]), "subcarriers", "none", "at least one"),
    wrong("beamformed-outside", lambda: BeamformedGrid([9])(y(1, 1, 1, 2, 8), y(1, 4), y(1, 2, 1), y(1, 4)), "subcarriers", "[9]", "[0, 7]"),
    wrong("beamformed-tones", lambda: BeamformedGrid([1])(y(1, 1, 1, 2, 8), y(1, 4), y(1, 2, 3), y(1, 4)), "tones", "[1, 2, 3]", "last dimension 1"),
    wrong("beamformed-beam", lambda: BeamformedGrid([1])(y(1, 1, 1, 2, 8), y(1, 4), y(1, 2, 1), y(1, 5)), "sensing_beam", "[1, 5]", "[1, 4]"),
    wrong("bits-odd", lambda: SymbolSource(4, num_bits_per_symbol=3), "num_bits_per_symbol", "3", "even"),
    wrong("symbols-batch", lambda: SymbolSource(4)(0), "batch_size", "0", ">= 1"),
    wrong("encoder-messages", lambda: NeuralEncoder(num_messages=1), "num_messages", "1", ">= 2"),
    wrong("encoder-large", lambda: NeuralEncoder(num_messages=4)(np.array([0, 4])), "message", "4", "< num_messages"),
    wrong("encoder-negative", lambda: NeuralEncoder(num_messages=4)(np.array([0, -1])), "message", "-1", ">= 0"),
    wrong("encoder-float", lambda: NeuralEncoder(num_messages=4)(np.array([0.5])), "message", "float32", "integers"),
    wrong("beamformer-hidden", lambda: NeuralBeamformer(4, hidden_size=0), "hidden_size", "0", ">= 1"),
    wrong("beamformer-power", lambda: NeuralBeamformer(4, hidden_size=3, power=-1), "power", "-1", "> 0"),
    wrong("beamformer-sector", lambda: NeuralBeamformer(4, hidden_size=3)(SECTOR, np.zeros((2, 2))), "user_sector", "[2, 2]", "[1, 2]"),
    # channel
    wrong("echo-spacing", lambda: numerology(8, 0), "subcarrier_spacing", "0", "> 0"),
    wrong("echo-duration", lambda: numerology(symbol_duration=-1), "symbol_duration", "-1", "> 0"),
    wrong("echo-receive-array", lambda: MonostaticEcho(array(), numerology(), receive_array="ula"), "receive_array", "'ula'", "Array"),
    wrong("echo-receive-wavelength", lambda: MonostaticEcho(array(), numerology(), receive_array=UniformLinearArray(4, 0.02)), "receive_array", "0.02", "0.01"),
    wrong("echo-rank", lambda: MonostaticEcho(array(), numerology())(y(8), targets(), y(1, 4)), "x", "[8]", "2 or 3 or 5"),
    wrong("echo-no-beam", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets()), "beam", "[1, 8]", "antenna signals"),
    wrong("echo-beam", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets(), y(1, 3)), "beam", "[1, 3]", "[1, 4]"),
    wrong("echo-antennas", lambda: MonostaticEcho(array(), numerology())(y(1, 1, 3, 2, 8), targets()), "x", "[1, 1, 3, 2, 8]", "4"),
    wrong("echo-batch", lambda: MonostaticEcho(array(), numerology())(y(2, 8), targets(), y(2, 4)), "targets", "[1, 2]", "[2, "),
    wrong("echo-targets", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets(gain=y(1, 3)), y(1, 4)), "targets.gain", "[1, 3]", "[1, 2]"),
    wrong("echo-noise", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets(), y(1, 4), -1.0), "no", "-1", ">= 0"),
    wrong("echo-noise-shape", lambda: MonostaticEcho(array(), numerology())(y(2, 8), targets(**{k: np.repeat(v, 2, 0) for k, v in targets()._asdict().items() if v is not None}), y(2, 4), np.ones(8)), "no", "[8]", "[2, 4, 8]"),
    wrong("echo-noise-complex", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets(), y(1, 4), 1j), "no", "complex128", "real numbers"),
    wrong("echo-range-complex", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets(range=y(1, 2)), y(1, 4)), "targets.range", "complex128", "real numbers"),
    wrong("echo-not-targets", lambda: MonostaticEcho(array(), numerology())(y(1, 8), np.ones(2), y(1, 4)), "targets", "array([1., 1.])", "PointTargets"),
    wrong("echo-target-degrees", lambda: MonostaticEcho(array(), numerology())(y(1, 8), targets(angle=np.full((1, 2), 30.0)), y(1, 4)), "angle", "30", "rad, not in degrees"),
    wrong("echo-filtered-noise", lambda: MonostaticEcho(array(), numerology()).filtered(targets(), y(1, 4), basis(), np.ones(3)), "no", "[3]", f"[1, 4, {basis().rank}]"),
    wrong("echo-ragged", lambda: MonostaticEcho(array(), numerology())([[1.0, 2.0], [1.0]], targets(), y(1, 4)), "x", "rows of different length", "regular"),
    wrong("echo-subcarriers", lambda: numerology(0), "num_subcarriers", "0", ">= 1"),
    wrong("echo-filtered-doppler", lambda: MonostaticEcho(array(), numerology()).filtered(targets(), y(1, 4), basis(), doppler=basis()), "doppler", "DelayBasis", "DopplerBasis"),
    wrong("echo-filtered-beam", lambda: MonostaticEcho(array(), numerology()).filtered(targets(), y(1, 3), basis()), "beam", "[1, 3]", "[1, 4]"),
    wrong("link-bandwidth", lambda: MultitapLink(array(), FixedSector((0, 1)), bandwidth=0), "bandwidth", "0", "> 0"),
    wrong("link-taps", lambda: MultitapLink(array(), FixedSector((0, 1)), bandwidth=1e6, num_taps=0), "num_taps", "0", ">= 1"),
    wrong("link-csi-tones", lambda: MultitapLink(array(), FixedSector((0, 1)), bandwidth=1e6).csi(link_paths(), y(1, 4), numerology(0)), "num_subcarriers", "0", ">= 1"),
    wrong("link-csi-spacing", lambda: MultitapLink(array(), FixedSector((0, 1)), bandwidth=1e6).csi(link_paths(), y(1, 4), numerology(8, 0)), "subcarrier_spacing", "0", "> 0"),
    wrong("link-csi-beam", lambda: MultitapLink(array(), FixedSector((0, 1)), bandwidth=1e6).csi(link_paths(), y(1, 3), numerology()), "beam", "[1, 3]", "last dimension 4"),
    wrong("link-csi-one-beam", lambda: MultitapLink(array(), FixedSector((0, 1)), bandwidth=1e6).csi(link_paths(), y(4), numerology()), "beam", "[4]", "2 dimensions"),
    wrong("link-sector", lambda: MultitapLink(array(), (0, 1), bandwidth=1e6), "sector", "(0, 1)", "Sector"),
    wrong("link-range", lambda: GeometricLink(array(), FixedSector((0, 1)), range_interval=(5, 1)), "range_interval", "(5, 1)", "low <= high"),
    wrong("link-scatterers", lambda: GeometricLink(array(), FixedSector((0, 1)), range_interval=(1, 5), max_scatterers=-1), "max_scatterers", "-1", ">= 0"),
    wrong("near-echo-array", lambda: NearFieldEcho("ula"), "array", "'ula'", "Array"),
    wrong("echo-gain", lambda: MonostaticEcho(RayleighGain(), numerology()), "array", "RayleighGain", "an Array"),
    wrong("echo-points", lambda: MonostaticEcho(near(), numerology()), "array", "SphericalWaveArray", "plane waves"),
    wrong("echo-receive-points", lambda: MonostaticEcho(array(), numerology(), receive_array=near()), "receive_array", "SphericalWaveArray", "plane waves"),
    wrong("link-sector-array", lambda: MultitapLink(array(), array(), bandwidth=1e6), "sector", "UniformLinearArray", "a Sector"),
    wrong("link-gain", lambda: MultitapLink(RayleighGain(), FixedSector((0, 1)), bandwidth=1e6), "array", "RayleighGain", "an Array"),
    wrong("link-points", lambda: GeometricLink(near(), FixedSector((0, 1)), range_interval=(1, 5)), "array", "SphericalWaveArray", "plane waves"),
    wrong("near-echo-angles", lambda: NearFieldEcho(array()), "array", "UniformLinearArray", "spherical waves", "azimuths"),
    wrong("near-echo-x", lambda: NearFieldEcho(near())(y(1, 3, 5), np.ones((1, 1, 2)), y(1, 1)), "x", "[1, 3, 5]", "[?, 4, ?]"),
    wrong("near-echo-point", lambda: NearFieldEcho(near())(y(1, 4, 5), np.ones((1, 2)), y(1, 1)), "point", "[1, 2]", "[1, ?, 2]"),
    wrong("near-echo-reflection", lambda: NearFieldEcho(near())(y(1, 4, 5), np.ones((1, 1, 2)), y(1, 2)), "reflection", "[1, 2]", "[1, 1]"),
    wrong("near-echo-noise", lambda: NearFieldEcho(near())(y(1, 4, 5), np.ones((1, 1, 2)), y(1, 1), -1.0), "no", "-1", ">= 0"),
    wrong("near-echo-noise-infinite", lambda: NearFieldEcho(near())(y(1, 4, 5), np.ones((1, 1, 2)), y(1, 1), np.inf), "no", "1 NaN", "finite"),
    wrong("near-echo-x-nan", lambda: NearFieldEcho(near())(NAN * y(1, 4, 5), np.ones((1, 1, 2)), y(1, 1)), "x", "20 NaN", "finite"),
    wrong("near-echo-point-nan", lambda: NearFieldEcho(near())(y(1, 4, 5), np.array([[[NAN, 1.0]]]), y(1, 1)), "point", "1 NaN", "finite"),
    wrong("near-echo-reflection-nan", lambda: NearFieldEcho(near())(y(1, 4, 5), np.ones((1, 1, 2)), NAN * y(1, 1)), "reflection", "1 NaN", "finite"),
    wrong("near-echo-on-array", lambda: NearFieldEcho(near())(y(1, 4, 5), np.array([[[0.0, 0.01]]]), y(1, 1)), "point", "0 m", "element of the array"),
    wrong("valenzuela-array", lambda: SalehValenzuelaLink(array(), FixedSector((0, 1))), "array", "UniformLinearArray", "SphericalWaveArray"),
    wrong("valenzuela-range", lambda: SalehValenzuelaLink(near(), FixedSector((0, 1)), user_range=0), "user_range", "0", "> 0"),
    wrong("valenzuela-space", lambda: SalehValenzuelaLink(near(element_positions=np.eye(3)), FixedSector((0, 1))), "array", "points of 2 axes", "points of 3 axes"),
    wrong("valenzuela-scatterers", lambda: SalehValenzuelaLink(near(), FixedSector((0, 1)), num_scatterers=-1), "num_scatterers", "-1", ">= 0"),
    wrong("path-loss", lambda: new_york_path_loss(0.0, True), "distance", "0", "> 0"),
    wrong("reflection-distance", lambda: reflection_coefficient(-2.0, 0.01), "distance", "-2", "> 0"),
    wrong("reflection-rcs", lambda: reflection_coefficient(2.0, 0.01, 0), "rcs", "0", "> 0"),
    # receiver
    wrong("bottleneck-channels", lambda: ResidualBottleneck(4, 6), "out_channels", "6", "multiple of 4"),
    wrong("bottleneck-stride", lambda: ResidualBottleneck(4, 8, stride=0), "stride", "0", ">= 1"),
    wrong("bottleneck-inputs", lambda: ResidualBottleneck(4, 8)(np.zeros((1, 8, 8, 3))), "inputs", "[1, 8, 8, 3]", "[?, ?, ?, 4]"),
    wrong("network-map", lambda: AngleDelayNetwork((8, 8, 1), num_priors=2, hidden=(4,)), "map_shape", "(8, 8, 1)", "pair"),
    wrong("network-pool", lambda: AngleDelayNetwork((8, 3), num_priors=2, hidden=(4,), pool_size=4), "pool_size", "4", "(8, 3)"),
    wrong("network-priors", lambda: AngleDelayNetwork((8, 8), num_priors=2, hidden=(4,), filters=(4, 4))(np.zeros((1, 8, 8)), np.zeros((1, 3))), "priors", "[1, 3]", "[1, 2]"),
    wrong("network-input", lambda: AngleDelayNetwork((8, 8), num_priors=2, hidden=(4,), filters=(4, 4))(np.zeros((1, 8, 9)), np.zeros((1, 2))), "angle_delay_map", "[1, 8, 9]", "[?, 8, 8]"),
    wrong("neural-grid", lambda: neural(1), "angles", "1", ">= 2"),
    wrong("neural-noise", lambda: neural(no=0), "no", "0", "> 0"),
    wrong("neural-no-noise", lambda: neural()(y(), SECTOR), "noise", "None", "give no to the constructor"),
    wrong("neural-filters", lambda: neural(filters=(4, 6)), "out_channels", "6", "multiple of 4"),
    wrong("neural-y", lambda: neural(no=1)(y(1, 5, 8), SECTOR), "y", "[1, 5, 8]", "[?, 4, ?]"),
    wrong("neural-projected", lambda: neural(no=1)(y(1, 4, 2), SECTOR), "y", "[1, 4, 2]", "8 (num_subcarriers)", "(rank"),
    wrong("music-array", lambda: music(array=array()), "array", "UniformLinearArray", "SphericalWaveArray"),
    wrong("music-gain", lambda: music(array=RayleighGain()), "array", "RayleighGain", "an Array"),
    wrong("music-space", lambda: music(array=near(element_positions=np.eye(3))), "array", "points of 2 axes", "points of 3 axes"),
    wrong("music-range", lambda: music(range_interval=(0, 2)), "range_interval", "(0, 2)", "above 0"),
    wrong("music-angles", lambda: music(num_angles=2), "num_angles", "2", ">= 3"),
    wrong("music-antennas", lambda: music()(y(1, 5, 8), SECTOR), "y", "[1, 5, 8]", "[?, 4, ?]"),
    wrong("music-nan", lambda: music()(NAN * y(), SECTOR), "y", "32 NaN", "finite"),
    wrong("music-two-antennas", lambda: music(array=near(element_positions=[-0.01, 0.01])), "array", "2", "at least three"),
    wrong("music-one-antenna", lambda: music(array=near(element_positions=[0.01])), "array", "1", "at least three"),
    wrong("music-degrees", lambda: music()(y(), 30 * SECTOR), "sector", "rad, not in degrees", "pi/2"),
    wrong("music-degrees-plane", lambda: music(array=near(element_positions=0.01 * np.eye(4)[:, :2]))(y(), 30 * SECTOR), "sector", "rad, not in degrees", "2 pi"),
    wrong("music-zero", lambda: music()(np.stack([y(4, 8), 0 * y(4, 8)]), np.tile(SECTOR, (2, 1))), "y", "1 of 2", "echo"),
    wrong("music-sector", lambda: music()(y(), -SECTOR), "sector", "(lower, upper)"),
    wrong("known-symbols-array", lambda: located(array=array()), "array", "UniformLinearArray", "SphericalWaveArray"),
    wrong("known-symbols-two-antennas", lambda: located(array=near(element_positions=[-0.01, 0.01])), "array", "2", "at least three"),
    wrong("known-symbols-range", lambda: located(range_interval=(0, 2)), "range_interval", "(0, 2)", "above 0"),
    wrong("known-symbols-angles", lambda: located(num_angles=2), "num_angles", "2", ">= 3"),
    wrong("known-symbols-ranges", lambda: located(num_ranges=2), "num_ranges", "2", ">= 3"),
    wrong("known-symbols-steps", lambda: located(num_iterations=-1), "num_iterations", "-1", ">= 0"),
    wrong("known-symbols-antennas", lambda: located(y=np.ones((1, 5, 8))), "y", "[1, 5, 8]", "[?, 4, ?]"),
    wrong("known-symbols-snapshots", lambda: located(symbols=np.ones((1, 2, 7))), "symbols", "[1, 2, 7]", "[1, ?, 8]"),
    wrong("known-symbols-streams", lambda: located(beams=np.ones((1, 4, 3))), "beams", "[1, 4, 3]", "[1, 4, 2]"),
    wrong("known-symbols-batch", lambda: located(sector=np.tile(SECTOR, (2, 1))), "sector", "[2, 2]", "[1, 2]"),
    wrong("known-symbols-nan", lambda: located(symbols=np.full((1, 2, 8), np.nan)), "symbols", "16 NaN", "finite"),
    wrong("known-symbols-silent", lambda: located(y=np.zeros((1, 4, 8))), "y", "1 of 1", "echo"),
    wrong("known-symbols-no-symbols", lambda: located(symbols=np.zeros((1, 2, 8))), "symbols", "1 of 1", "zeros only"),
    wrong("known-symbols-no-beams", lambda: located(beams=np.zeros((1, 4, 2))), "beams", "1 of 1", "zeros only"),
    wrong("known-symbols-degrees", lambda: located(sector=30 * SECTOR), "sector", "rad, not in degrees", "pi/2"),
    wrong("known-symbols-sector", lambda: located(sector=-SECTOR), "sector", "(lower, upper)"),
    wrong("filter-rank", lambda: ReciprocalFilter(numerology())(y(4, 8), y(1, 8)), "y", "[4, 8]", "3 dimensions"),
    wrong("filter-shape", lambda: ReciprocalFilter(numerology())(y(), y(1, 7)), "x", "[1, 7]", "[1, 8]"),
    wrong("filter-zero", lambda: ReciprocalFilter(numerology())(y(), 0 * y(1, 8)), "x", "0", "divided"),
    wrong("filter-symbols", lambda: ReciprocalFilter(numerology())(y(1, 4, 2, 8), y(1, 8)), "x", "[1, 8]", "[1, 2, 8]"),
    wrong("filter-sionna", lambda: ReciprocalFilter(numerology())(y(1, 2, 4, 2, 8), y(1, 2, 8)), "y", "[1, 2, 4, 2, 8]", "[?, 1, ?, ?, ?]"),
    wrong("filter-subcarriers", lambda: SymbolMatchedFilter(numerology())(y(1, 4, 7), y(1, 7)), "y", "[1, 4, 7]", "8 (num_subcarriers)"),
    wrong("filter-matched-zero", lambda: SymbolMatchedFilter(numerology())(y(), np.arange(8.0)[None]), "x", "got 1", "value 0"),
    wrong("filter-element-zero", lambda: WienerFilter(numerology(), elements=np.arange(8)[None] < 4)(y(), np.arange(8.0)[None], 1.0), "x", "got 1", "elements that are used"),
    wrong("filter-elements-size", lambda: ReciprocalFilter(numerology(), elements=np.ones((2, 8), bool)), "elements", "[2, 8]", "[1, 8]"),
    wrong("filter-elements-type", lambda: ReciprocalFilter(numerology(), elements=[[3, 4]]), "elements", "[[3, 4]]", "booleans"),
    wrong("filter-elements-empty", lambda: WienerFilter(numerology(), elements=np.zeros((1, 8), bool)), "elements", "none of 8", "at least one"),
    wrong("filter-elements-inactive", lambda: SymbolMatchedFilter(numerology(active=np.arange(8) > 1), elements=np.arange(8)[None] < 2), "elements", "2 of 8", "inactive"),
    wrong("filter-elements-symbols", lambda: ReciprocalFilter(numerology(num_symbols=2), elements=np.eye(2, 8) > 0)(y(1, 4, 3, 8), y(1, 3, 8)), "y", "[1, 4, 3, 8]", "as elements, 2"),
    wrong("filter-elements-one", lambda: ReciprocalFilter(numerology(num_symbols=2), elements=np.eye(2, 8) > 0)(y(), y(1, 8)), "y", "[1, 4, 8]", "as elements, 2"),
    wrong("filter-numerology", lambda: WienerFilter(8), "numerology", "8", "a Numerology"),
    wrong("filter-variance", lambda: WienerFilter(numerology(), variance=0), "variance", "0", "> 0"),
    wrong("filter-noise", lambda: WienerFilter(numerology())(y(), y(1, 8), -1.0), "no", "-1", ">= 0"),
    wrong("filter-noise-missing", lambda: WienerFilter(numerology())(y(), y(1, 8)), "no", "None", "must be given"),
    wrong("filter-noise-shape", lambda: WienerFilter(numerology())(y(), y(1, 8), np.ones(8)), "no", "[8]", "[1]"),
    wrong("filter-power-rank", lambda: ReciprocalFilter(numerology()).noise_power(np.ones(8), 1.0), "x", "[8]", "2 or 3 dimensions"),
    wrong("filter-power-subcarriers", lambda: WienerFilter(numerology()).noise_power(y(1, 7), 1.0), "x", "[1, 7]", "8 (num_subcarriers)"),
    wrong("filter-power-zero", lambda: SymbolMatchedFilter(numerology()).noise_power(np.zeros((1, 8)), 1.0), "x", "0", "divided"),
    wrong("filter-power-noise", lambda: ReciprocalFilter(numerology()).noise_power(y(1, 8), -1.0), "no", "-1", ">= 0"),
    wrong("filter-power-none", lambda: WienerFilter(numerology()).noise_power(y(1, 8), None), "no", "None", "noise power [W]"),
    wrong("filter-power-elements", lambda: ReciprocalFilter(numerology(num_symbols=2), elements=np.eye(2, 8) > 0).noise_power(y(1, 8), 1.0), "x", "[1, 8]", "as elements, 2"),
    wrong("elements-grid", lambda: reference_elements(numerology()), "grid", "Numerology", "a ResourceGrid"),
    wrong("elements-kind", lambda: reference_elements(shared_tone_grid(2, 8, 1e6), "pilot"), "kind", "'pilot'", "'pilots'"),
    wrong("elements-none", lambda: reference_elements(shared_tone_grid(2, 8, 1e6), "sensing"), "kind", "'sensing'", "leave elements"),
    wrong("elements-offset", lambda: reference_elements(shared_tone_grid(2, 8, 1e6), step=3, offset=3), "offset", "3", "<= 2"),
    wrong("elements-streams", lambda: reference_elements(ResourceGrid(2, 8, 1e6, num_tx=2, num_streams_per_tx=3)), "grid", "2 and 3", "one stream"),
    wrong("map-ranges", lambda: SearchGrid(ANGLES, -RANGES[::-1]), "ranges", "[-75, -5]", "[0, inf]"),
    wrong("map-antennas", lambda: AngleDelayMap(array(), numerology(), SearchGrid(ANGLES, RANGES))(y(1, 5, 8)), "y", "[1, 5, 8]", "[?, 4, ?]"),
    wrong("threshold-kind", lambda: cfar_threshold("cfar", 0.1, 8), "kind", "'cfar'", "'ca', 'go', 'so', 'os'"),
    wrong("threshold-probability", lambda: cfar_threshold("ca", 1.0, 8), "p_fa", "1", "> 0 and < 1"),
    wrong("threshold-cells", lambda: cfar_threshold("ca", 0.1, 0), "num_reference", "0", ">= 1"),
    wrong("threshold-odd", lambda: cfar_threshold("go", 0.1, 7), "num_reference", "7", "even"),
    wrong("threshold-rank", lambda: cfar_threshold("os", 0.1, 8, 9), "rank", "9", "<= 8"),
    wrong("threshold-no-rank", lambda: cfar_threshold("ca", 0.1, 8, 4), "rank", "4", "None for kind 'ca'"),
    wrong("threshold-snr", lambda: cfar_detection_probability("ca", -1.0, 0.1, 8), "snr", "-1", ">= 0"),
    wrong("cfar-kind", lambda: CFAR("mean"), "kind", "'mean'", "'ca', 'go', 'so', 'os'"),
    wrong("cfar-probability", lambda: CFAR("os", p_fa=0), "p_fa", "0", "> 0 and < 1"),
    wrong("cfar-no-cells", lambda: CFAR("os", (0, 0)), "num_reference", "(0, 0)", ">= 1"),
    wrong("cfar-number", lambda: CFAR("os", 8), "num_reference", "8", "sequence of integers"),
    wrong("cfar-guard", lambda: CFAR("os", num_guard=(1, 1, 1)), "num_guard", "(1, 1, 1)", "pair"),
    wrong("cfar-rank", lambda: CFAR("os", (0, 4), (0, 1), rank=9), "rank", "9", "<= 8"),
    wrong("cfar-rank-kind", lambda: CFAR("ca", rank=9), "rank", "9", "None for kind 'ca'"),
    wrong("cfar-multiplier", lambda: CFAR("ca", multiplier=0), "multiplier", "0", "> 0"),
    wrong("cfar-circular", lambda: CFAR("ca", circular=(1, 0)), "circular", "(1, 0)", "pair of booleans"),
    wrong("cfar-circular-one", lambda: CFAR("ca", circular=True), "circular", "True", "pair of booleans"),
    wrong("cfar-chain-batch", lambda: CFAR("ca", (1, 1), (0, 0), 0.1).calibrated(lambda z: tf.ones([2, 9, 9]), [9, 9], 20), "chain", "2", "one observation"),
    wrong("cfar-chain-zero", lambda: CFAR("ca", (1, 1), (0, 0), 0.1).calibrated(lambda z: tf.zeros([1, 9, 9]), [9, 9], 20), "chain", "0", "above 0"),
    wrong("cfar-window", lambda: CFAR("ca", (4, 4), (1, 1))(np.ones((1, 8, 20))), "num_reference", "8 velocities", "4 and 1, which need 11"),
    wrong("cfar-guard-map", lambda: CFAR("ca", (1, 4), (1, 4))(np.ones((1, 8, 9))), "num_guard", "9 ranges", "4 and 4, which need 10"),
    wrong("cfar-rank-map", lambda: CFAR("ca")(np.ones((40, 40))), "power", "[40, 40]", "3 or 4 dimensions"),
    wrong("cfar-negative", lambda: CFAR("ca", (1, 1), (0, 0))(-np.ones((1, 9, 9))), "power", "-1", ">= 0"),
    wrong("cfar-draws", lambda: CFAR("ca", (1, 1), (0, 0), 0.1).calibrated(lambda z: tf.abs(z), [9, 9], 2), "num_draws", "2", "100 false alarms"),
    wrong("refinement-array", lambda: LikelihoodRefinement(None, numerology()), "array", "None", "Array"),
    wrong("refinement-elements", lambda: LikelihoodRefinement(array(), numerology(num_symbols=2), elements=np.eye(2, 8) > 0), "elements", "2 patterns", "same subcarriers"),
    wrong("refinement-projection", lambda: LikelihoodRefinement(array(), numerology(num_symbols=2), projection=np.eye(3)), "projection", "[3, 3]", "[2, 2]"),
    wrong("refinement-canceller", lambda: LikelihoodRefinement(array(), numerology(num_symbols=2), projection=np.eye(2) - np.eye(2, k=-1)), "projection", "none", "orthogonal"),
    wrong("refinement-nothing", lambda: LikelihoodRefinement(array(), numerology(num_symbols=2), projection=np.zeros((2, 2))), "projection", "got 0", "leave a part"),
    wrong("refinement-steps", lambda: LikelihoodRefinement(array(), numerology(), num_steps=0), "num_steps", "0", ">= 1"),
    wrong("refinement-shape", lambda: LikelihoodRefinement(array(), numerology())(y(1, 3, 8), rough()), "z", "[1, 3, 1, 8]", "[?, 4, 1, 8]"),
    wrong("refinement-targets", lambda: LikelihoodRefinement(array(), numerology())(y(), PointTargets([[0.1]], [[9.0]], [[1.0]], [1])), "estimate", "PointTargets", "a TargetEstimate"),
    wrong("refinement-angle", lambda: LikelihoodRefinement(array(), numerology())(y(), rough(angle=None)), "estimate.angle", "None", "must be given"),
    wrong("refinement-velocity", lambda: LikelihoodRefinement(array(), numerology(num_symbols=2))(y(1, 4, 2, 8), rough()), "estimate.velocity", "None", "must be given"),
    wrong("refinement-size", lambda: LikelihoodRefinement(array(), numerology())(y(), rough(range=np.ones((1, 3)))), "estimate.range", "[1, 3]", "[1, 2]"),
    wrong("rd-numerology", lambda: RangeDopplerMap("ofdm"), "numerology", "'ofdm'", "a Numerology"),
    wrong("rd-window", lambda: rd_map("hann"), "window", "'hann'", "pair"),
    wrong("rd-window-name", lambda: rd_map(("hann", "round")), "window", "'round'", "get_window"),
    wrong("rd-padding", lambda: rd_map(padding=(2,)), "padding", "(2,)", "pair"),
    wrong("rd-padding-zero", lambda: rd_map(padding=(0, 1)), "padding", "0", ">= 1"),
    wrong("rd-angles", lambda: rd_map(angles=ANGLES), "angles", "None", "together"),
    wrong("rd-array", lambda: rd_map(array=UniformLinearArray(4, 0.02), angles=ANGLES), "array", "0.02", "wavelength"),
    wrong("rd-elements", lambda: rd_map(elements=np.ones((4, 9), bool)), "elements", "[4, 9]", "[4, 8]"),
    wrong("rd-elements-numbers", lambda: rd_map(elements=np.ones((4, 8))), "elements", "1.", "booleans"),
    wrong("rd-elements-none", lambda: rd_map(elements=np.zeros((4, 8), bool)), "elements", "none", "at least one"),
    wrong("rd-range", lambda: rd_map(max_range=0), "max_range", "0", "> 0"),
    wrong("rd-subcarriers", lambda: rd_map()(y(1, 4, 9)), "z", "[1, 4, 9]", "8 (num_subcarriers)"),
    wrong("rd-symbols", lambda: rd_map()(y(1, 3, 8)), "z", "[1, 3, 8]", "[?, 4, 8]"),
    wrong("rd-antennas", lambda: rd_map(array=array(), angles=ANGLES)(y(1, 4, 8)), "z", "[1, 4, 8]", "antennas for beams"),
    wrong("rd-nan", lambda: rd_map()(NAN * y(1, 4, 8)), "z", "32 NaN", "finite"),
    wrong("rd-estimate", lambda: rd_map().estimate(np.ones((1, 8, 9)), CFAR("ca", (1, 1), (0, 0))(np.ones((1, 8, 9)))), "power", "[1, 1, 8, 9]", "[?, ?, 8, 16]"),
    wrong("rd-margin", lambda: rd_map().reject_sidelobes(CFAR("ca", (1, 1), (0, 0))(np.ones((1, 8, 16))), -1.0), "margin_db", "-1", ">= 0"),
    wrong("rd-detections", lambda: rd_map().reject_sidelobes(np.ones((1, 8, 16))), "detections", "[[[1.", "a Detections"),
    wrong("rd-cube", lambda: rd_map().reject_sidelobes(CFAR("ca", (1, 1), (0, 0))(np.ones((1, 2, 8, 16)))), "detections", "those of a cube", "a map"),
    wrong("rd-detections", lambda: rd_map().reject_sidelobes(rd_map()(y(1, 4, 8))), "detections", "tf.Tensor", "a Detections"),
    wrong("rd-estimate-detections", lambda: rd_map().estimate(np.ones((1, 8, 16)), np.ones((1, 3))), "detections", "array", "a Detections"),
    wrong("rd-angle", lambda: rd_map(array=array(), angles=0.3), "angles", "()", "at least one point"),
    wrong("rd-projection", lambda: rd_map(projection=np.eye(3)), "projection", "[3, 3]", "[4, 4]"),
    wrong("rd-projection-elements", lambda: rd_map(projection=np.eye(4), elements=np.eye(4, 8) > 0), "elements", "4 patterns", "same subcarriers"),
    wrong("clutter-kind", lambda: clutter("notch"), "kind", "'notch'", "'mean', 'canceller', 'eca'"),
    wrong("clutter-symbols", lambda: clutter(num_symbols=1), "numerology", "1", "at least 2 symbols"),
    wrong("clutter-pulses", lambda: clutter("canceller", num_pulses=4), "num_pulses", "4", "2, 3"),
    wrong("clutter-pulses-mean", lambda: clutter(num_pulses=3), "num_pulses", "3", "kind 'canceller'"),
    wrong("clutter-velocity", lambda: clutter("eca", max_velocity=1e5), "max_velocity", "100000", "<= 2500"),
    wrong("clutter-pulses-float", lambda: clutter("canceller", num_pulses=2.0), "num_pulses", "2.0", "integer"),
    wrong("clutter-velocity-all", lambda: clutter("eca", max_velocity=1800.0), "max_velocity", "1800", "or less"),
    wrong("clutter-all", lambda: clutter("eca", max_velocity=2400.0, ranges=(0, 1e4)), "max_velocity", "2400", "or less"),
    wrong("clutter-all-irregular", lambda: clutter("eca", max_velocity=2400.0, ranges=(0, 5), elements=np.eye(4, 8) > 0), "ranges", "(0.0, 5.0)", "nothing would remain"),
    wrong("clutter-one-symbol", lambda: clutter(elements=np.arange(4)[:, None] == np.zeros(8)), "elements", "at most 1", "2 symbols"),
    wrong("clutter-no-succession", lambda: clutter("canceller", elements=np.arange(4)[:, None] % 2 == np.zeros(8)), "elements", "none", "2 successive symbols"),
    wrong("clutter-velocity-mean", lambda: clutter(max_velocity=1.0), "max_velocity", "1.0", "kind 'eca'"),
    wrong("clutter-ranges", lambda: clutter("eca", ranges=(9, 3)), "ranges", "(9, 3)", "low <= high"),
    wrong("clutter-elements", lambda: clutter(elements=[[True]]), "elements", "[1, 1]", "[4, 8]"),
    wrong("clutter-shape", lambda: clutter()(y(1, 3, 8)), "z", "[1, 3, 8]", "[?, 4, 8]"),
    wrong("clutter-no-background", lambda: clutter("background")(y(1, 4, 8)), "background", "None", "must be given"),
    wrong("clutter-background", lambda: clutter()(y(1, 4, 8), y(1, 4, 8)), "background", "a tensor", "'background' only"),
    wrong("clutter-background-shape", lambda: clutter("background")(y(1, 4, 8), y(2, 4, 8)), "background", "[2, 4, 8]", "[1, 4, 8]"),
    wrong("omp-grid", lambda: omp(angles=1), "angles", "1", ">= 2"),
    wrong("omp-grid-point", lambda: omp(angles=[0.1]), "angles", "(1,)", "at least two"),
    wrong("omp-targets", lambda: omp(max_targets=0), "max_targets", "0", ">= 1"),
    wrong("omp-antennas", lambda: omp()(y(1, 5, 8), SECTOR), "y", "[1, 5, 8]", "4"),
    wrong("omp-degrees", lambda: omp()(y(), 100 * SECTOR), "sector", "-30 to 30", "rad, not in degrees"),
    wrong("omp-sector-complex", lambda: omp()(y(), 1j * SECTOR), "sector", "complex128", "real numbers"),
    wrong("omp-y-text", lambda: omp()("echo", SECTOR), "y", "'echo'", "complex numbers"),
    wrong("domp-noise-zero", lambda: domp(temperature=None)(y(), SECTOR, 0.0), "no", "0", "> 0"),
    wrong("domp-noise-negative", lambda: domp(temperature=None)(y(), SECTOR, [-1.0]), "no", "-1", ">= 0"),
    wrong("domp-noise-shape", lambda: domp(temperature=None)(y(), SECTOR, np.ones(8)), "no", "[8]", "[batch_size], [1]"),
    wrong("domp-degrees", lambda: domp()(y(), 100 * SECTOR), "sector", "-30 to 30", "rad, not in degrees"),
    wrong("ratio-degrees-sector", lambda: MAPRatioTest(array(), ANGLES)(y(1, 4), 100 * SECTOR), "sector", "-30 to 30", "rad, not in degrees"),
    wrong("neural-noise-negative", lambda: neural()(y(), SECTOR, -1.0), "no", "-1", ">= 0"),
    wrong("neural-noise-shape", lambda: neural()(y(), SECTOR, np.ones((1, 4, 8, 1))), "no", "[1, 4, 8, 1]", "[batch_size], [1]"),
    wrong("precoder-degrees", lambda: LeastSquaresPrecoder(array(), ANGLES)(100 * SECTOR), "sector", "-30 to 30", "rad, not in degrees"),
    wrong("precoder-network-degrees", lambda: PrecoderNetwork(4)(100 * SECTOR), "sector", "-30 to 30", "rad, not in degrees"),
    wrong("beamformer-degrees", lambda: NeuralBeamformer(4, hidden_size=3)(SECTOR, 100 * SECTOR), "user_sector", "-30 to 30", "rad, not in degrees"),
    wrong("omp-nan", lambda: omp()(NAN * y(), SECTOR), "y", "32 NaN", "finite"),
    wrong("omp-sector-shape", lambda: omp()(y(), np.zeros((2, 2))), "sector", "[2, 2]", "[1, 2]"),
    wrong("omp-sector-order", lambda: omp()(y(), -SECTOR), "sector", "(lower, upper)"),
    wrong("omp-sector-nan", lambda: omp()(y(), NAN * SECTOR), "sector", "2 NaN", "finite"),
    wrong("omp-subcarriers", lambda: omp(num_subcarriers=9)(y(), SECTOR), "y", "[1, 4, 8]", "dimension 9"),
    wrong("omp-projected", lambda: omp()(y(1, 4, 2), SECTOR), "y", "[1, 4, 2]", "8 (num_subcarriers)", "projected"),
    wrong("omp-projected-rank", lambda: omp(num_subcarriers=65)(y(1, 4, 64), SECTOR), "y", "[1, 4, 64]", "rank"),
    wrong("domp-window", lambda: domp(window=(3, 20)), "window", "(3, 20)", "20"),
    wrong("domp-window-negative", lambda: domp(window=(-1, 2)), "window", "-1", ">= 0"),
    wrong("domp-window-number", lambda: domp(window=5), "window", "5", "pair"),
    wrong("domp-atoms", lambda: domp(atoms="exact"), "atoms", "'exact'", "'refined', 'grid'"),
    wrong("domp-temperature", lambda: domp(temperature=0), "temperature", "0", "> 0"),
    wrong("domp-no-noise", lambda: domp(temperature=None)(y(), SECTOR), "temperature", "None", "give no to the constructor"),
    wrong("domp-span", lambda: domp(max_span=4.0), "max_span", "4.0", "<= 3.14159"),
    wrong("domp-wide", lambda: domp(max_span=0.1)(y(), SECTOR), "sector", "0.6", "max_span 0.1"),
    wrong("domp-empty", lambda: domp()(y(), SECTOR * 0 + [0.01, 0.02]), "sector", "sample 0", "angle_grid"),
    wrong("ratio-array", lambda: MAPRatioTest("ula", ANGLES), "array", "'ula'", "Array"),
    wrong("ratio-points", lambda: MAPRatioTest(near(), ANGLES), "array", "SphericalWaveArray", "plane waves"),
    wrong("ratio-grid", lambda: MAPRatioTest(array(), 1), "angle_grid", "1", ">= 2"),
    wrong("ratio-degrees", lambda: MAPRatioTest(array(), np.arange(-60, 60)), "angle_grid", "[-60, 59]", "[-1.5708, 1.5708]"),
    wrong("ratio-antennas", lambda: MAPRatioTest(array(), ANGLES)(y(1, 5), SECTOR), "y", "[1, 5]", "[?, 4]"),
    wrong("ratio-subcarriers", lambda: MAPRatioTest(array(), ANGLES)(y(1, 4, 8), SECTOR), "y", "[1, 4, 8]", "[?, 4, 1]"),
    wrong("ratio-nan", lambda: MAPRatioTest(array(), ANGLES)(NAN * y(1, 4), SECTOR), "y", "4 NaN", "finite"),
    wrong("ratio-sector-order", lambda: MAPRatioTest(array(), ANGLES)(y(1, 4), -SECTOR), "sector", "(lower, upper)"),
    wrong("ratio-empty", lambda: MAPRatioTest(array(), ANGLES)(y(1, 4), SECTOR * 0 + [0.01, 0.02]), "sector", "sample 0", "angle_grid"),
    wrong("softmax-temperature", lambda: SoftmaxAngleEstimator(array(), ANGLES, temperature=0), "temperature", "0", "> 0"),
    wrong("softmax-outside", lambda: SoftmaxAngleEstimator(array(), ANGLES, outside="zero"), "outside", "'zero'", "'excluded', 'literal'"),
    wrong("softmax-receiver", lambda: SoftmaxAngleEstimator(MAPRatioTest(array(), ANGLES), ANGLES), "array", "MAPRatioTest", "an Array"),
    wrong("softmax-grid", lambda: SoftmaxAngleEstimator(array(), 30), "angle_grid", "()", "at least two"),
    wrong("softmax-sector", lambda: SoftmaxAngleEstimator(array(), ANGLES)(y(2, 4), SECTOR), "sector", "[1, 2]", "[2, 2]"),
    wrong("focused-even", lambda: focused(patch_size=4), "patch_size", "4", "odd"),
    wrong("focused-candidates", lambda: focused(num_candidates=0), "num_candidates", "0", ">= 1"),
    wrong("focused-separation", lambda: focused(separation=0), "separation", "0", "> 0"),
    wrong("beams-loss-sinr", lambda: isac.objective.crb_min_loss([1.0], [2.0], [[1.0]], min_sinr=1, coverage=4), "sinr", "[1, ?]", "got shape [1]"),
    wrong("beams-loss-batch", lambda: isac.objective.crb_min_loss([1.0], [[2.0]], np.ones((2, 1)), min_sinr=1, coverage=4), "energy", "[2, 1]", "[1, ?]"),
    wrong("beams-loss-wanted", lambda: isac.objective.crb_min_loss([1.0], [[2.0]], [[1.0]], min_sinr=0, coverage=4), "min_sinr", "0", "> 0"),
    wrong("beams-loss-coverage", lambda: isac.objective.crb_min_loss([1.0], [[2.0]], [[1.0]], min_sinr=1, coverage=0.5), "coverage", "0.5", ">= 1"),
    wrong("beams-loss-form", lambda: isac.objective.crb_min_loss([1.0], [[2.0]], [[1.0]], min_sinr=1, coverage=4, form="square"), "form", "'square'", "linear"),
    wrong("beams-loss-mask", lambda: isac.objective.crb_min_loss([1.0], [[2.0]], [[1.0]], min_sinr=1, coverage=4, users=[True]), "users", "[1]", "[1, 1]"),
    wrong("beams-loss-weight", lambda: isac.objective.weighted_isac_loss([1.0], [[2.0]], [[1.0]], weight=2, balance=1, coverage=4), "weight", "2", "<= 1"),
    wrong("crb-trace-shape", lambda: isac.objective.crb_trace(np.ones((4, 3))), "fim", "[4, 3]", "[3, 3]"),
    wrong("crb-trace-number", lambda: isac.objective.crb_trace(np.eye(3), 4), "num_interest", "4", "<= 3"),
    wrong("candidates-reach", lambda: isac.objective.candidate_loss(None, None, reach=0), "reach", "0", "> 0"),
    wrong("candidates-score", lambda: isac.objective.candidate_loss({"score": np.zeros(3)}, None), "candidates.score", "[3]", "2 dimensions"),
    wrong("focused-symmetric", lambda: focused(symmetric=True, tx_positions=np.add(TX, [0, 0.002, 0])), "tx_positions", "0.004", "symmetric in y"),
    wrong("focused-cell", lambda: focused(cell=0), "cell", "0", "> 0"),
    wrong("focused-classes", lambda: focused(num_classes=1), "num_classes", "1", ">= 2"),
    wrong("focused-interval", lambda: focused(log_variance_interval=(0, 1)), "log_variance_interval", "(0, 1)", "hold"),
    wrong("focused-grid", lambda: focused(grid=SearchGrid(5, RANGES)), "grid.angles", "()", "at least two points"),
    wrong("focused-shape", lambda: focused()(y(1, 2, 3, 5)), "h", "[1, 2, 3, 5]", "[?, 2, 3, 3]"),
    wrong("focused-zero", lambda: focused()(0 * y(1, 2, 3, 3)), "h", "zeros", "channel in each sample"),
    wrong("focused-patch", lambda: focused().estimate(np.zeros((1, 4, 4, 5, 4)), *np.ones((3, 1, 4))), "features", "[1, 4, 4, 5, 4]", "[?, 4, 5, 5, 4]"),
    wrong("focused-middle", lambda: focused().estimate(np.zeros((2, 4, 5, 5, 4)), *np.ones((3, 1, 4))), "angle", "[1, 4]", "[2, 4]"),
    wrong("matched-frequencies", lambda: matched(frequencies=[TONES]), "frequencies", "[1, 2]", "[num_frequencies]"),
    wrong("matched-positions", lambda: matched(rx_positions=TX[0]), "rx_positions", "[3]", "[number, 3]"),
    wrong("matched-grid", lambda: matched(grid=ANGLES), "grid", "-1.5", "SearchGrid"),
    wrong("matched-angles", lambda: matched(grid=SearchGrid(30, RANGES)), "grid.angles", "()", "at least two"),
    wrong("matched-ranges", lambda: matched(grid=SearchGrid(ANGLES)), "grid", "SearchGrid(", "ranges and no velocities"),
    wrong("matched-combining", lambda: matched(combining="power"), "combining", "'power'", "'coherent', 'non_coherent'"),
    wrong("matched-refinement", lambda: matched(refinement=0), "refinement", "0", ">= 1"),
    wrong("matched-height", lambda: matched(height=NAN), "height", "nan", "finite"),
    wrong("matched-shape", lambda: matched()(y(1, 2, 3, 4)), "h", "[1, 2, 3, 4]", "[?, 2, 3, 3]"),
    wrong("matched-nan", lambda: matched()(NAN * y(1, 2, 3, 3)), "h", "18 NaN", "finite"),
    wrong("matched-zero", lambda: matched()(0 * y(1, 2, 3, 3)), "h", "zeros", "each sample"),
    wrong("matched-focus", lambda: matched().focus(y(1, 2, 3, 3), 0.1, RANGES), "angles", "[]", "[num_angles]"),
    wrong("matched-focus-degrees", lambda: matched().focus(y(1, 2, 3, 3), [30.0], RANGES), "angles", "30", "rad, not in degrees"),
    wrong("periodogram-order", lambda: periodogram(frequencies=TONES[::-1]), "frequencies", "strictly increasing"),
    wrong("periodogram-line", lambda: periodogram(tx_positions=TX[:, [1, 0, 2]]), "tx_positions", "0.01, 0.0, 0.0", "equal distances along y"),
    wrong("periodogram-one", lambda: periodogram(tx_positions=TX[:1]), "tx_positions", "none", "at least two"),
    wrong("periodogram-range", lambda: periodogram(max_range=150.0), "max_range", "150.0", "< 149.896"),
    wrong("periodogram-uneven", lambda: periodogram(frequencies=5e9 + 1e6 * np.array([0, 1, 3])), "max_range", "None", "equal distances"),
    wrong("periodogram-shape", lambda: periodogram()(y(1, 3, 3, 3)), "h", "[1, 3, 3, 3]", "[?, 2, ?, 3]"),
    wrong("periodogram-zero", lambda: periodogram()(0 * y(1, 2, 3, 3)), "h", "zeros", "each sample"),
    wrong("neural-presence-hidden", lambda: NeuralPresenceDetector(4, hidden_size=2.5), "hidden_size", "2.5", "integer"),
    wrong("neural-presence-antennas", lambda: NeuralPresenceDetector(4, hidden_size=3)(y(1, 5), SECTOR), "y", "[1, 5]", "[?, 4]"),
    wrong("neural-angle-scale", lambda: NeuralAngleEstimator(4, hidden_size=3, input_scale=0), "input_scale", "0", "> 0"),
    wrong("neural-symbol-csi", lambda: NeuralSymbolReceiver()(y(2, 8), y(2, 7)), "csi", "[2, 7]", "[2, 8]"),
    wrong("maps-rank", lambda: ChannelMaps()(y(4, 4)), "h", "[4, 4]", "4 dimensions"),
    wrong("block-heads", lambda: TransformerBlock(6), "feature_dim", "6", "multiple of num_heads = 4"),
    wrong("block-tokens", lambda: TransformerBlock(8)(np.ones((1, 3, 6))), "tokens", "[1, 3, 6]", "[?, ?, 8]"),
    wrong("attention-mixing", lambda: CrossTaskAttention(8, mixing=NAN), "mixing", "nan", "finite"),
    wrong("attention-tokens", lambda: CrossTaskAttention(8)(np.ones((1, 3, 8)), np.ones((1, 3, 4))), "localization", "[1, 3, 4]", "[1, ?, 8]"),
    wrong("stitch-shapes", lambda: CrossStitch()(np.ones((1, 3)), np.ones((1, 4))), "localization", "[1, 4]", "[1, 3]"),
    wrong("encoder-tones", lambda: TokenEncoder(2, 8, tones="both"), "tones", "'both'", "'shared', 'stacked'"),
    wrong("encoder-filters", lambda: TokenEncoder(2, 8, filters=(4, 4)), "filters", "(4, 4)", "end with feature_dim = 8"),
    wrong("encoder-grid", lambda: TokenEncoder(2, 8, token_grid=(2, 2, 2)), "token_grid", "(2, 2, 2)", "pair"),
    wrong("encoder-channels", lambda: TokenEncoder(2, 8)(np.ones((1, 4, 8, 8, 3))), "maps", "[1, 4, 8, 8, 3]", "[?, ?, ?, ?, 2]"),
    wrong("encoder-many-tones", lambda: TokenEncoder(2, 8, num_tones=4)(np.ones((1, 5, 8, 8, 2))), "maps", "5", "1 to 4 tones (num_tones)"),
    wrong("encoder-stacked-tones", lambda: TokenEncoder(2, 8, num_tones=4, tones="stacked")(np.ones((1, 2, 8, 8, 2))), "maps", "2", "4 tones (num_tones)"),
    wrong("encoder-subcarriers", lambda: TokenEncoder(2, 8, num_tones=3, subcarriers=(0, 4, 4)), "subcarriers", "(0, 4, 4)", "num_tones = 3 distinct"),
    wrong("encoder-stacked-subcarriers", lambda: TokenEncoder(2, 8, num_tones=2, tones="stacked", subcarriers=(0, 1)), "subcarriers", "(0, 1)", "None with tones='stacked'"),
    wrong("encoder-stacked-subset", lambda: TokenEncoder(2, 8, num_tones=1, tones="stacked")(np.ones((1, 1, 32, 32, 2)), subcarriers=[0]), "subcarriers", "[0]", "None with tones='stacked'"),
    wrong("encoder-unknown-subcarrier", lambda: TokenEncoder(2, 8, num_tones=2, subcarriers=(3, 9))(np.ones((1, 1, 8, 8, 2)), subcarriers=[4]), "subcarriers", "[4]", "[3, 9]"),
    wrong("encoder-few-subcarriers", lambda: TokenEncoder(2, 8)(np.ones((1, 4, 8, 8, 2)), subcarriers=[0, 1]), "subcarriers", "[0, 1]", "4 numbers, one per tone"),
    wrong("encoder-twice-a-subcarrier", lambda: TokenEncoder(2, 8)(np.ones((1, 2, 8, 8, 2)), subcarriers=[1, 1]), "subcarriers", "[1, 1]", "distinct"),
    wrong("encoder-small", lambda: TokenEncoder(2, 8)(np.ones((1, 4, 8, 7, 2))), "maps", "width", "at least 8", "token_grid (2, 2)", "[1, 4, 8, 7, 2]"),
    wrong("trunk-variant", lambda: TaskTrunk(2, 8, variant="mtan"), "variant", "'mtan'", "'cross_stitch'"),
    wrong("trunk-task", lambda: TaskTrunk(2, 8, variant="single"), "task", "None", "'classification' or 'localization'"),
    wrong("trunk-task-of-two", lambda: TaskTrunk(2, 8, task="localization"), "task", "'localization' with 'cta'", "None"),
    wrong("heads-scale", lambda: LocalizationHeads(8, range_scale=0), "range_scale", "0", "> 0"),
    wrong("heads-interval", lambda: LocalizationHeads(8, log_variance_interval=(-3, 3)), "log_variance_interval", "(-3, 3)", "start values"),
    wrong("heads-embedding", lambda: LocalizationHeads(8)(np.ones((1, 4))), "embedding", "[1, 4]", "[?, 8]"),
    wrong("localizer-classes", lambda: CrossTaskLocalizer(1), "num_classes", "1", ">= 2"),
    wrong("localizer-front-end", lambda: CrossTaskLocalizer(front_end="range"), "front_end", "'range'", "'channel'"),
    wrong("localizer-focused", lambda: CrossTaskLocalizer(front_end="focused"), "front_end", "'focused'", "FocusedMaps("),
    wrong("localizer-front-end-channels", lambda: CrossTaskLocalizer(front_end=CrossStitch()), "front_end", "CrossStitch", "out_channels"),
    wrong("localizer-real", lambda: CrossTaskLocalizer(feature_dim=8)(y(2, 4, 8)), "h", "[2, 4, 8]", "4 dimensions"),
    wrong("localizer-nan", lambda: CrossTaskLocalizer(feature_dim=8)(NAN * y(1, 2, 8, 8)), "h", "128 NaN", "finite"),
    # objective
    wrong("multitask-weight", lambda: multitask({"planer": 1.0}), "weights", "'planer'", "'planar'"),
    wrong("multitask-negative", lambda: multitask({"planar": -1}), "weights['planar']", "-1", ">= 0"),
    wrong("multitask-weights", lambda: multitask([1.0]), "weights", "[1.0]", "mapping"),
    wrong("multitask-nothing", lambda: multitask(dict.fromkeys(isac.objective.MULTITASK_WEIGHTS, 0)), "weights", "leave a term"),
    wrong("multitask-physics", lambda: multitask(physics=("plane",)), "physics", "'plane'", "'planar', 'peak', 'coupling'"),
    wrong("multitask-physics-text", lambda: multitask(physics="planar"), "physics", "'planar'", "collection"),
    wrong("multitask-no-peak", lambda: multitask(labels={"category": [0], "range": [9.0], "azimuth": [0.1]}), "labels", "peak", "which a term needs"),
    wrong("multitask-degrees", lambda: multitask(labels={"category": [0], "range": [9.0], "azimuth": [30.0]}), "true azimuth", "30", "not in degrees"),
    wrong("range-loss-shape", lambda: isac.objective.range_loss([1.0], [1.0, 2.0]), "true range", "[2]", "[1]"),
    wrong("range-loss-rank", lambda: isac.objective.range_loss([[1.0]], [[1.0]]), "estimated range", "[1, 1]", "1 dimensions"),
    wrong("azimuth-loss-nan", lambda: isac.objective.azimuth_loss([NAN], [0.1]), "estimated azimuth", "1 NaN", "finite"),
    wrong("azimuth-loss-variance", lambda: isac.objective.azimuth_loss([0.1], [0.1], [0.0, 0.0]), "log_variance of azimuth", "[2]", "[1]"),
    wrong("planar-epsilon", lambda: isac.objective.planar_loss([1.0], [0.1], [1.0], [0.1], epsilon=-1), "epsilon", "-1", ">= 0"),
    wrong("peak-loss-range", lambda: isac.objective.peak_loss([[0.1, 0.2]], [[3.0, 0.2]]), "target", "3.0", "[0, 1]"),
    wrong("peak-loss-size", lambda: isac.objective.peak_loss([[0.1]], [[0.2]]), "estimate", "[1, 1]", "(receive, transmit)"),
    wrong("peak-target-real", lambda: isac.objective.peak_target(np.ones((1, 2, 3, 4))), "h", "float64", "complex"),
    wrong("peak-target-rank", lambda: isac.objective.peak_target(y(2, 3, 4)), "h", "[2, 3, 4]", "4 dimensions"),
    wrong("surgery-reduction", lambda: isac.objective.PCGrad("max"), "reduction", "'max'", "'sum', 'mean'"),
    wrong("surgery-losses", lambda: isac.objective.PCGrad().gradients(3.0, [], tf.GradientTape(persistent=True)), "losses", "3.0", "sequence or mapping"),
    wrong("surgery-one-loss", lambda: isac.objective.PCGrad().gradients([tf.constant(1.0)], [], tf.GradientTape(persistent=True)), "losses", "1", "at least 2"),
    wrong("detector-bits", lambda: SymbolDetector(num_bits_per_symbol=0), "num_bits_per_symbol", "0", ">= 1"),
    wrong("detector-odd", lambda: SymbolDetector(num_bits_per_symbol=3), "num_bits_per_symbol", "3", "even"),
    wrong("detector-method", lambda: SymbolDetector(demapping_method="zf"), "demapping_method", "'zf'", "'app', 'maxlog'"),
    wrong("detector-csi", lambda: SymbolDetector()(y(2, 8), y(2, 7), 0.1), "csi", "[2, 7]", "8"),
    wrong("detector-noise-zero", lambda: SymbolDetector()(y(2, 8), y(2, 8), 0), "no", "0", "> 0"),
    wrong("detector-noise-nan", lambda: SymbolDetector()(y(2, 8), y(2, 8), NAN), "no", "1 NaN", "finite"),
    wrong("detector-noise-shape", lambda: SymbolDetector()(y(2, 8), y(2, 8), np.ones(8)), "no", "[8]", "[2, 8]"),
    wrong("detector-noise", lambda: SymbolDetector()(y(2, 8), y(2, 8), -0.1), "no", "-0.1", ">= 0"),
]
# fmt: on


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.name)
def test_wrong_call_is_explained(case):
    with pytest.raises((ValueError, TypeError)) as caught:
        case.call()
    message = str(caught.value).split("Arguments received by")[0]  # what Keras adds
    for text in case.contains:
        assert text in message, f"{text!r} is missing in: {message}"
    assert len(message) < 300 and "NodeDef" not in message  # a sentence, not a graph
