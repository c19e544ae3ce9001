"""Steering vectors, impairments and constraints against direct formulas."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.array import (
    GainError,
    ImpairedArray,
    MutualCoupling,
    OrderedPositions,
    OrderedSpacings,
    PhaseError,
    SpacingError,
    UniformLinearArray,
    impair,
    plane_wave,
    uniform_positions,
)

WAVELENGTH = 0.005


def direct(positions, angle) -> np.ndarray:
    """e^{-jkr}: a wave from azimuth theta reaches an element at y later by y sin(theta)."""
    wavenumber = 2 * np.pi / WAVELENGTH
    return np.exp(-1j * wavenumber * np.sin(np.asarray(angle))[..., None] * positions)


@pytest.mark.parametrize("anchor", ["centre", "first"])
@pytest.mark.parametrize("num_antennas", [1, 2, 7])
def test_uniform_array(anchor, num_antennas, rng):
    array = UniformLinearArray(num_antennas, WAVELENGTH, anchor=anchor, precision="double")
    positions = np.arange(num_antennas) * WAVELENGTH / 2
    if anchor == "centre":
        positions = positions - positions.mean()
    np.testing.assert_allclose(array.element_positions, positions, atol=1e-15)
    angle = rng.uniform(-np.pi / 2, np.pi / 2, (3, 4))
    np.testing.assert_allclose(array(angle), direct(positions, angle), atol=1e-12)
    np.testing.assert_array_equal(array.steering(angle), array(angle))


def test_uniform_positions():
    np.testing.assert_allclose(uniform_positions(4, 0.5), [-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(uniform_positions(3, 2.0, "first"), [0, 2, 4])


def test_plane_wave_of_given_positions(rng):
    positions, angle = rng.normal(size=5), rng.uniform(-1, 1, 6)
    actual = plane_wave(tf.constant(positions), tf.constant(angle))
    np.testing.assert_allclose(actual, direct(positions * WAVELENGTH, angle), atol=1e-12)


def test_impaired_array_equals_explicit_matrices(rng):
    size = 6
    positions = np.sort(rng.normal(size=size)) * WAVELENGTH
    gain, phase = rng.uniform(0.5, 1.5, size), rng.uniform(-1, 1, size)
    coupling = np.array([0.2 - 0.1j, 0.05j])
    array = ImpairedArray(
        size,
        WAVELENGTH,
        element_positions=positions,
        gain=gain,
        phase=phase,
        coupling=coupling,
        precision="double",
    )
    matrix = np.eye(size, dtype=complex)
    for distance, value in enumerate(coupling, start=1):
        matrix += value * (np.eye(size, k=distance) + np.eye(size, k=-distance))
    angle = rng.uniform(-1.5, 1.5, (2, 3))
    ideal = direct(positions, angle)
    expected = (matrix @ np.diag(gain * np.exp(1j * phase)) @ ideal[..., None])[..., 0]
    np.testing.assert_allclose(array(angle), expected, atol=1e-12)
    for name, value in (("gain", gain), ("phase", phase), ("coupling", coupling)):
        np.testing.assert_allclose(getattr(array, name), value)
    np.testing.assert_allclose(array.element_positions, positions)


def test_without_errors_the_impaired_array_is_ideal(rng):
    angle = rng.uniform(-1.5, 1.5, 5)
    ideal = UniformLinearArray(8, WAVELENGTH, precision="double")
    np.testing.assert_array_equal(
        ImpairedArray(8, WAVELENGTH, precision="double")(angle), ideal(angle)
    )
    np.testing.assert_array_equal(
        impair(8, WAVELENGTH, [], precision="double")(angle), ideal(angle)
    )


@pytest.mark.parametrize(
    ("trainable", "expected"),
    [
        (False, set()),
        (True, {"positions", "gain", "phase", "coupling"}),
        (["phase"], {"phase"}),
        (["gain", "coupling"], {"gain", "coupling"}),
    ],
)
def test_what_is_trainable(trainable, expected):
    array = ImpairedArray(5, WAVELENGTH, coupling=[0.1], trainable=trainable)
    assert {w.path.rsplit("/", 1)[-1] for w in array.trainable_weights} == expected


@pytest.mark.parametrize("anchor", ["centre", "first"])
def test_constraint_sorts_and_anchors(anchor):
    value = OrderedPositions(anchor)(tf.constant([0.4, -0.1, 1.2]))
    np.testing.assert_allclose(np.diff(value), [0.5, 0.8], rtol=1e-6)
    origin = np.mean(value) if anchor == "centre" else float(value[0])
    assert origin == pytest.approx(0, abs=1e-7)


def test_optimizer_keeps_positions_ordered():
    import keras

    array = UniformLinearArray(4, WAVELENGTH, trainable=True, precision="double")
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.apply_gradients(
        [(tf.constant([-3.0, 0.0, 0.0, 2.5], tf.float64), array.trainable_weights[0])]
    )
    positions = array.element_positions / WAVELENGTH
    assert np.all(np.diff(positions) > 0) and positions.mean() == pytest.approx(0, abs=1e-12)


def draws(impairment, key: str, size: int = 9, number: int = 4000) -> np.ndarray:
    return np.array([impairment.sample(size)[key] for _ in range(number)])


def test_literal_spacing_errors():
    index = np.arange(9) - 4
    positions = draws(SpacingError(0.05, ordering="literal"), "positions")
    np.testing.assert_allclose(positions.mean(0), 0.5 * index, atol=5 * 0.05 * 4 / np.sqrt(4000))
    expected = 0.05 * np.abs(index)  # position k is (k - centre) times a draw of its own
    np.testing.assert_allclose(positions.std(0), expected, atol=1e-12 + 0.06 * expected.max())
    correlation = np.corrcoef(positions[:, 0], positions[:, 8])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(4000)


def test_sorted_spacing_errors_are_the_literal_ones_in_order():
    isac.set_seed(2)
    literal = draws(SpacingError(0.15, ordering="literal"), "positions", number=200)
    isac.set_seed(2)
    ordered = draws(SpacingError(0.15, ordering="sorted"), "positions", number=200)
    assert np.any(np.diff(literal) < 0)  # elements do cross
    np.testing.assert_array_equal(ordered, np.sort(literal))


def spacing_statistics(ordering: str) -> tuple[float, ...]:
    """Medians over 60 draws of 64 elements with a standard deviation of 0.04 wavelengths.

    Condition of the Gram matrix [decades], largest displacement and smallest gap [wavelengths],
    and mean gain of the unloaded beam of the known array within -40 to -20 degrees [dB].
    """
    index = np.arange(64) - 31.5
    grow = np.argsort(np.abs(index), kind="stable")
    angle = np.linspace(-np.pi / 2, np.pi / 2, 720)
    inside = (angle >= np.deg2rad(-40)) & (angle <= np.deg2rad(-20))
    found = []
    for _ in range(60):
        positions = SpacingError(0.04, ordering=ordering).sample(64)["positions"]
        if ordering == "graded":  # spacings grow from the centre
            assert np.all(np.diff((positions / index)[grow]) >= 0)
        steering = np.exp(-2j * np.pi * np.outer(positions, np.sin(angle)))
        gram = steering.conj() @ steering.T
        beam = np.linalg.solve(gram, steering.conj() @ inside)
        pattern = np.abs(steering.T[inside] @ beam / np.linalg.norm(beam)) ** 2
        found.append(
            (
                np.log10(np.linalg.cond(gram)),
                np.abs(positions - 0.5 * index).max(),
                np.diff(np.sort(positions)).min(),
                10 * np.log10(pattern.mean()),
            )
        )
    return tuple(np.median(found, axis=0))


def test_graded_spacing_errors_keep_the_array_useful():
    condition, displacement, gap, gain = spacing_statistics("graded")
    assert condition == pytest.approx(1.4, abs=0.1)
    assert displacement == pytest.approx(2.9, abs=0.2)
    assert gap == pytest.approx(0.42, abs=0.02)
    assert gain == pytest.approx(8.5, abs=0.1)


def test_sorted_spacing_errors_spoil_beams_of_the_known_array():
    condition, displacement, gap, gain = spacing_statistics("sorted")
    assert condition == pytest.approx(7.5, abs=0.7)
    assert displacement == pytest.approx(1.4, abs=0.2)
    assert gap == pytest.approx(0.01, abs=0.006)
    assert gain < -15


def test_spacings_are_a_parametrisation_of_positions():
    import keras

    truth = impair(7, WAVELENGTH, [SpacingError(0.05)], precision="double")
    array = ImpairedArray.from_config(truth.get_config() | {"trainable": ["spacings"]})
    np.testing.assert_allclose(array.element_positions, truth.element_positions, atol=1e-15)
    again = ImpairedArray.from_config(array.get_config())
    np.testing.assert_allclose(again.element_positions, truth.element_positions, atol=1e-15)
    (spacings,) = array.trainable_weights
    before = array.element_positions / WAVELENGTH
    keras.optimizers.SGD(1.0).apply_gradients(
        [(tf.fill([7], tf.constant(0.01, tf.float64)), spacings)]
    )
    moved = before - array.element_positions / WAVELENGTH
    np.testing.assert_allclose(moved, 0.01 * (np.arange(7) - 3), atol=1e-12)  # outer ones farther


@pytest.mark.parametrize("anchor", ["centre", "first"])
@pytest.mark.parametrize("size", [5, 6])
def test_constraint_of_spacings_keeps_the_order(anchor, size):
    index = np.arange(size) - ((size - 1) / 2 if anchor == "centre" else 0)
    wild = (
        np.linspace(1.0, -0.2, size)
        if anchor == "first"
        else np.array([1, 0.1, 2, -3, 0.3, 0.1])[:size]
    )
    spacings = OrderedSpacings(anchor)(tf.constant(wild)).numpy()
    positions = index * spacings
    assert np.all(np.diff(positions) >= 0)
    np.testing.assert_allclose(np.sort(positions), np.sort(index * np.maximum(wild, 0)))
    assert np.array_equal(
        OrderedSpacings(anchor, ordered=False)(tf.constant(wild)), np.maximum(wild, 0)
    )


def test_cumulative_spacing_errors():
    positions = draws(SpacingError(0.05, ordering="cumulative"), "positions")
    assert np.all(positions[:, 0] == 0)
    steps = np.diff(positions)
    assert steps.mean() == pytest.approx(0.5, abs=5 * 0.05 / np.sqrt(steps.size))
    assert steps.std() == pytest.approx(0.05, rel=0.05)
    np.testing.assert_allclose(positions[:, 8].std(), 0.05 * np.sqrt(8), rtol=0.06)
    wide = np.diff(draws(SpacingError(0.5, ordering="cumulative"), "positions"))
    assert wide.min() == 0  # negative spacings are clipped
    assert np.mean(wide == 0) == pytest.approx(0.1587, abs=0.01)  # the normal tail beyond 1 sigma
    assert SpacingError(0.1, ordering="cumulative").sample(3)["anchor"] == "first"


def test_gain_and_phase_errors():
    level = 20 * np.log10(draws(GainError(1.5), "gain"))
    assert level.mean() == pytest.approx(0, abs=5 * 1.5 / np.sqrt(level.size))
    assert level.std() == pytest.approx(1.5, rel=0.03)
    phase = draws(PhaseError(0.3), "phase")
    assert phase.std() == pytest.approx(0.3, rel=0.03)


def test_mutual_coupling():
    coupling = draws(MutualCoupling(-8.0, decay_db=5.0, num_neighbours=3), "coupling", number=2000)
    level = 20 * np.log10(np.abs(coupling))
    np.testing.assert_allclose(level, np.broadcast_to([-8, -13, -18], level.shape))
    assert np.all(np.abs(np.mean(coupling / np.abs(coupling), 0)) < 5 / np.sqrt(2000))


def test_impair_combines_the_draws():
    kinds = [
        SpacingError(0.05, ordering="cumulative"),
        GainError(1.0),
        PhaseError(0.2),
        MutualCoupling(-12),
    ]
    isac.set_seed(9)
    array = impair(6, WAVELENGTH, kinds, precision="double")
    isac.set_seed(9)
    drawn: dict = {}
    for kind in kinds:
        drawn.update(kind.sample(6))
    np.testing.assert_allclose(array.element_positions, drawn["positions"] * WAVELENGTH)
    for name in ("gain", "phase", "coupling"):
        np.testing.assert_allclose(getattr(array, name), drawn[name])
    assert array.anchor == "first" and not array.trainable_weights
