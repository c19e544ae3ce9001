"""Wrong calls: each raises one error that names the argument, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import sionna_isac as isac
from sionna_isac.array import (
    GainError,
    ImpairedArray,
    MutualCoupling,
    OrderedPositions,
    PhaseError,
    SpacingError,
    UniformLinearArray,
    impair,
    uniform_positions,
)
from sionna_isac.channel import GeometricLink, MonostaticEcho, MultitapLink
from sionna_isac.receiver import (
    OMP,
    AngleDelayMap,
    DifferentiableOMP,
    ReciprocalFilter,
    SymbolDetector,
)
from sionna_isac.scene import (
    FixedSector,
    PointTargets,
    RadarEquationGain,
    RandomSector,
    RayleighGain,
    TargetScene,
)
from sionna_isac.waveform import (
    BeamformedGrid,
    LeastSquaresPrecoder,
    MultibeamPrecoder,
    SymbolSource,
    shared_tone_grid,
)

# Keras warns that it could not build a layer whose first call failed
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:keras")

ANGLES = np.linspace(-1.5, 1.5, 31)
RANGES = np.linspace(5.0, 75.0, 20)
SECTOR = np.array([[-0.3, 0.3]])
NAN = float("nan")


def array() -> UniformLinearArray:
    return UniformLinearArray(4, 0.01)


def omp(**kwargs) -> OMP:
    options = {"angle_grid": ANGLES, "range_grid": RANGES, "subcarrier_spacing": 1e6}
    return OMP(array(), **{**options, "max_targets": 2, **kwargs})


def domp(**kwargs) -> DifferentiableOMP:
    options = {"angle_grid": ANGLES, "range_grid": RANGES, "subcarrier_spacing": 1e6}
    return DifferentiableOMP(array(), **{**options, "max_targets": 2, "temperature": 1.0, **kwargs})


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
    # array
    wrong("antennas-zero", lambda: UniformLinearArray(0, 0.01), "num_antennas", "0", ">= 1"),
    wrong("antennas-float", lambda: UniformLinearArray(4.0, 0.01), "num_antennas", "4.0", "integer"),
    wrong("antennas-bool", lambda: UniformLinearArray(True, 0.01), "num_antennas", "True", "integer"),
    wrong("wavelength-zero", lambda: UniformLinearArray(4, 0), "wavelength", "0", "> 0"),
    wrong("wavelength-nan", lambda: UniformLinearArray(4, NAN), "wavelength", "nan", "finite"),
    wrong("wavelength-text", lambda: UniformLinearArray(4, "5 mm"), "wavelength", "'5 mm'", "number"),
    wrong("anchor", lambda: UniformLinearArray(4, 0.01, anchor="middle"), "anchor", "'middle'", "'centre', 'first'"),
    wrong("positions-shape", lambda: UniformLinearArray(4, 0.01, np.zeros(3)), "element_positions", "[3]", "[4]"),
    wrong("positions-nan", lambda: UniformLinearArray(2, 0.01, [0, NAN]), "element_positions", "1 NaN", "finite"),
    wrong("positions-text", lambda: UniformLinearArray(2, 0.01, "ab"), "element_positions", "'ab'", "number"),
    wrong("uniform-spacing", lambda: uniform_positions(4, -0.5), "spacing", "-0.5", "> 0"),
    wrong("constraint-anchor", lambda: OrderedPositions("last"), "anchor", "'last'", "'first'"),
    wrong("gain-negative", lambda: ImpairedArray(2, 0.01, gain=[1, -2]), "gain", "-2", "> 0"),
    wrong("gain-shape", lambda: ImpairedArray(2, 0.01, gain=[1, 1, 1]), "gain", "[3]", "[2]"),
    wrong("phase-inf", lambda: ImpairedArray(2, 0.01, phase=[0, np.inf]), "phase", "1 NaN or infinite", "finite"),
    wrong("coupling-long", lambda: ImpairedArray(2, 0.01, coupling=[0.1, 0.1]), "coupling", "[2]", "1 to 1"),
    wrong("trainable", lambda: ImpairedArray(2, 0.01, trainable=["spacing"]), "trainable", "'spacing'", "'positions'"),
    wrong("trainable-coupling", lambda: ImpairedArray(4, 0.01, trainable=["coupling"]), "coupling", "start"),
    wrong("spacing-std", lambda: SpacingError(-0.1), "std", "-0.1", ">= 0"),
    wrong("ordering", lambda: SpacingError(0.1, "random"), "ordering", "'random'", "'sorted', 'literal', 'cumulative'"),
    wrong("gain-std", lambda: GainError(None), "std_db", "None", "number"),
    wrong("phase-std", lambda: PhaseError(np.inf), "std", "inf", "finite"),
    wrong("coupling-strength", lambda: MutualCoupling(3.0), "strength_db", "3.0", "<= 0"),
    wrong("coupling-neighbours", lambda: impair(3, 0.01, [MutualCoupling(-10.0)]), "num_neighbours", "3", "< num_antennas = 3"),
    wrong("impair-twice", lambda: impair(4, 0.01, [GainError(1), GainError(2)]), "impairments", "'GainError', 'GainError'", "at most one"),
    wrong("impair-kind", lambda: impair(4, 0.01, ["gain"]), "impairments", "'gain'", "SpacingError"),
    # scene
    wrong("sector-reversed", lambda: FixedSector((0.5, 0.1)), "interval", "(0.5, 0.1)", "low <= high"),
    wrong("sector-outside", lambda: FixedSector((-2.0, 0.0)), "interval", "(-2.0, 0.0)", "-1.5708"),
    wrong("sector-number", lambda: FixedSector(0.5), "interval", "0.5", "pair"),
    wrong("sector-reach", lambda: RandomSector((-1.5, 0), (0.1, 0.4)), "span", "(0.1, 0.4)", "[-pi/2, pi/2]"),
    wrong("sector-batch", lambda: FixedSector((0, 0.1))(0), "batch_size", "0", ">= 1"),
    wrong("random-sector-batch", lambda: RandomSector((0, 0.1), (0, 0.1))(2.5), "batch_size", "2.5", "integer"),
    wrong("variance", lambda: RayleighGain(0.0), "variance", "0.0", "> 0"),
    wrong("rcs", lambda: RadarEquationGain(0.01, -1), "mean_rcs", "-1", "> 0"),
    wrong("scene-gain", lambda: TargetScene(2, (1, 2), 1.0), "gain", "1.0", "Layer"),
    wrong("scene-range", lambda: TargetScene(2, (0, 2), RayleighGain()), "range_interval", "(0, 2)", "above 0"),
    wrong("scene-number", lambda: TargetScene(2, (1, 2), RayleighGain(), 3), "num_targets", "3", "<= 2"),
    wrong("scene-sector", lambda: TargetScene(2, (1, 2), RayleighGain())(np.zeros((1, 3))), "sector", "[1, 3]", "[?, 2]"),
    # waveform
    wrong("precoder-array", lambda: LeastSquaresPrecoder("ula", ANGLES), "array", "'ula'", "Layer"),
    wrong("precoder-grid", lambda: LeastSquaresPrecoder(array(), ANGLES[::-1]), "angle_grid", "1.5", "strictly increasing"),
    wrong("precoder-degrees", lambda: LeastSquaresPrecoder(array(), np.arange(-60, 60)), "angle_grid", "[-60, 59]", "[-1.5708, 1.5708]"),
    wrong("precoder-regularization", lambda: LeastSquaresPrecoder(array(), ANGLES, -1), "regularization", "-1", ">= 0"),
    wrong("precoder-sector", lambda: LeastSquaresPrecoder(array(), ANGLES)(np.zeros(2)), "sector", "[2]", "[?, 2]"),
    wrong("precoder-empty", lambda: LeastSquaresPrecoder(array(), ANGLES)([[0.01, 0.02]] * np.ones((1, 2))), "sector", "[0.01, 0.02]", "angle of angle_grid"),
    wrong("multibeam-power", lambda: MultibeamPrecoder(0), "power", "0", "> 0"),
    wrong("multibeam-eta", lambda: MultibeamPrecoder()(y(1, 4), y(1, 4), 1.5), "eta", "1.5", "[0, 1]"),
    wrong("multibeam-shape", lambda: MultibeamPrecoder()(y(2, 4), y(2, 5), 0.5), "communication", "[2, 5]", "[2, 4]"),
    wrong("tones-repeated", lambda: shared_tone_grid(4, 16, 1e5, [1, 1]), "sensing_tones", "[1, 1]", "distinct"),
    wrong("tones-outside", lambda: shared_tone_grid(4, 16, 1e5, [16]), "sensing_tones", "[16]", "[0, 15]"),
    wrong("tones-float", lambda: shared_tone_grid(4, 16, 1e5, [0.5]), "sensing_tones", "0.5", "integers"),
    wrong("tones-all", lambda: shared_tone_grid(4, 4, 1e5, range(4)), "sensing_tones", "4 of 4", "data elements"),
    wrong("pilot-symbols", lambda: shared_tone_grid(4, 16, 1e5, [], [4]), "pilot_symbols", "[4]", "[0, 3]"),
    wrong("grid-spacing", lambda: shared_tone_grid(4, 16, -1), "subcarrier_spacing", "-1", "> 0"),
    wrong("beamformed-none", lambda: BeamformedGrid([]), "subcarriers", "none", "at least one"),
    wrong("beamformed-outside", lambda: BeamformedGrid([9])(y(1, 1, 1, 2, 8), y(1, 4), y(1, 2, 1), y(1, 4)), "subcarriers", "[9]", "[0, 7]"),
    wrong("beamformed-tones", lambda: BeamformedGrid([1])(y(1, 1, 1, 2, 8), y(1, 4), y(1, 2, 3), y(1, 4)), "tones", "[1, 2, 3]", "last dimension 1"),
    wrong("beamformed-beam", lambda: BeamformedGrid([1])(y(1, 1, 1, 2, 8), y(1, 4), y(1, 2, 1), y(1, 5)), "sensing_beam", "[1, 5]", "[1, 4]"),
    wrong("bits-odd", lambda: SymbolSource(4, 3), "num_bits_per_symbol", "3", "even"),
    wrong("symbols-batch", lambda: SymbolSource(4)(0), "batch_size", "0", ">= 1"),
    # channel
    wrong("echo-spacing", lambda: MonostaticEcho(array(), 0), "subcarrier_spacing", "0", "> 0"),
    wrong("echo-duration", lambda: MonostaticEcho(array(), 1e5, symbol_duration=-1), "symbol_duration", "-1", "> 0"),
    wrong("echo-rank", lambda: MonostaticEcho(array(), 1e5)(y(8), targets(), y(1, 4)), "x", "[8]", "2 or 3 or 5"),
    wrong("echo-no-beam", lambda: MonostaticEcho(array(), 1e5)(y(1, 8), targets()), "beam", "[1, 8]", "antenna signals"),
    wrong("echo-beam", lambda: MonostaticEcho(array(), 1e5)(y(1, 8), targets(), y(1, 3)), "beam", "[1, 3]", "[1, 4]"),
    wrong("echo-antennas", lambda: MonostaticEcho(array(), 1e5)(y(1, 1, 3, 2, 8), targets()), "x", "[1, 1, 3, 2, 8]", "4"),
    wrong("echo-batch", lambda: MonostaticEcho(array(), 1e5)(y(2, 8), targets(), y(2, 4)), "targets", "[1, 2]", "[2, "),
    wrong("echo-targets", lambda: MonostaticEcho(array(), 1e5)(y(1, 8), targets(gain=y(1, 3)), y(1, 4)), "targets.gain", "[1, 3]", "[1, 2]"),
    wrong("echo-noise", lambda: MonostaticEcho(array(), 1e5)(y(1, 8), targets(), y(1, 4), -1.0), "no", "-1", ">= 0"),
    wrong("echo-subcarriers", lambda: MonostaticEcho(array(), 1e5).paths(targets(), 0), "num_subcarriers", "0", ">= 1"),
    wrong("echo-filtered-beam", lambda: MonostaticEcho(array(), 1e5).filtered(targets(), y(1, 3), np.eye(8)), "beam", "[1, 3]", "[1, 4]"),
    wrong("link-bandwidth", lambda: MultitapLink(array(), FixedSector((0, 1)), 0), "bandwidth", "0", "> 0"),
    wrong("link-taps", lambda: MultitapLink(array(), FixedSector((0, 1)), 1e6, 0), "num_taps", "0", ">= 1"),
    wrong("link-sector", lambda: MultitapLink(array(), (0, 1), 1e6), "sector", "(0, 1)", "Layer"),
    wrong("link-range", lambda: GeometricLink(array(), FixedSector((0, 1)), (5, 1)), "range_interval", "(5, 1)", "low <= high"),
    wrong("link-scatterers", lambda: GeometricLink(array(), FixedSector((0, 1)), (1, 5), -1), "max_scatterers", "-1", ">= 0"),
    # receiver
    wrong("filter-rank", lambda: ReciprocalFilter()(y(4, 8), y(1, 8)), "y", "[4, 8]", "3 dimensions"),
    wrong("filter-shape", lambda: ReciprocalFilter()(y(), y(1, 7)), "x", "[1, 7]", "[1, 8]"),
    wrong("filter-zero", lambda: ReciprocalFilter()(y(), 0 * y(1, 8)), "x", "0", "divided"),
    wrong("map-ranges", lambda: AngleDelayMap(array(), ANGLES, -RANGES[::-1], 1e6), "range_grid", "[-75, -5]", "[0, inf]"),
    wrong("map-antennas", lambda: AngleDelayMap(array(), ANGLES, RANGES, 1e6)(y(1, 5, 8)), "y", "[1, 5, 8]", "[?, 4, ?]"),
    wrong("omp-grid", lambda: omp(angle_grid=1), "angle_grid", "1", ">= 2"),
    wrong("omp-grid-point", lambda: omp(angle_grid=[0.1]), "angle_grid", "(1,)", "at least two"),
    wrong("omp-targets", lambda: omp(max_targets=0), "max_targets", "0", ">= 1"),
    wrong("omp-antennas", lambda: omp()(y(1, 5, 8), SECTOR), "y", "[1, 5, 8]", "4"),
    wrong("omp-nan", lambda: omp()(NAN * y(), SECTOR), "y", "32 NaN", "finite"),
    wrong("omp-sector-shape", lambda: omp()(y(), np.zeros((2, 2))), "sector", "[2, 2]", "[1, 2]"),
    wrong("omp-sector-order", lambda: omp()(y(), -SECTOR), "sector", "(lower, upper)"),
    wrong("omp-sector-nan", lambda: omp()(y(), NAN * SECTOR), "sector", "2 NaN", "finite"),
    wrong("omp-subcarriers", lambda: omp(num_subcarriers=9)(y(), SECTOR), "y", "[1, 4, 8]", "[?, 4, 9]"),
    wrong("omp-projected", lambda: omp()(y(), SECTOR, projected=True), "num_subcarriers", "None", "projected"),
    wrong("omp-projected-rank", lambda: omp(num_subcarriers=64)(y(1, 4, 64), SECTOR, projected=True), "y", "[1, 4, 64]", "rank"),
    wrong("domp-window", lambda: domp(window=(3, 20)), "window", "(3, 20)", "20"),
    wrong("domp-window-negative", lambda: domp(window=(-1, 2)), "window", "-1", ">= 0"),
    wrong("domp-window-number", lambda: domp(window=5), "window", "5", "pair"),
    wrong("domp-atoms", lambda: domp(atoms="exact"), "atoms", "'exact'", "'refined', 'grid'"),
    wrong("domp-temperature", lambda: domp(temperature=0), "temperature", "0", "> 0"),
    wrong("domp-no-noise", lambda: domp(temperature=None)(y(), SECTOR), "temperature", "None", "noise_power"),
    wrong("domp-span", lambda: domp(max_span=4.0), "max_span", "4.0", "<= 3.14159"),
    wrong("domp-wide", lambda: domp(max_span=0.1)(y(), SECTOR), "sector", "0.6", "max_span 0.1"),
    wrong("domp-empty", lambda: domp()(y(), SECTOR * 0 + [0.01, 0.02]), "sector", "sample 0", "angle_grid"),
    wrong("detector-bits", lambda: SymbolDetector(0), "num_bits_per_symbol", "0", ">= 1"),
    wrong("detector-odd", lambda: SymbolDetector(3), "num_bits_per_symbol", "3", "even"),
    wrong("detector-method", lambda: SymbolDetector(demapping_method="zf"), "demapping_method", "'zf'", "'app', 'maxlog'"),
    wrong("detector-csi", lambda: SymbolDetector()(y(2, 8), y(2, 7), 0.1), "csi", "[2, 7]", "8"),
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
