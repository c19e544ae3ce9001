"""Clutter filters: clutter goes, targets stay, and the notch is the one that is predicted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import c

from sionna_isac.receiver import ClutterFilter, RangeDopplerMap
from sionna_isac.waveform import Numerology

SYMBOLS, TONES, SPACING, CARRIER = 16, 24, 2e6, 60e9
RNG = np.random.default_rng(1)
ROWS = np.arange(SYMBOLS) % 4 > 0
PATTERNS = {
    "all": None,
    "some symbols": np.outer(ROWS, np.arange(TONES) > 2),
    "irregular": RNG.uniform(size=(SYMBOLS, TONES)) < 0.7,
}


def numerology(**kwargs) -> Numerology:
    return Numerology(
        TONES, SPACING, CARRIER, **{"num_symbols": SYMBOLS, "cyclic_prefix_length": 4, **kwargs}
    )


def waves(velocities, ranges, used=None) -> np.ndarray:
    """Observations [number, num_symbols, num_subcarriers] of single targets."""
    shared = numerology()
    time = np.arange(SYMBOLS) * shared.symbol_duration
    doppler = np.exp(-4j * np.pi / shared.wavelength * np.outer(velocities, time))
    delay = np.exp(-4j * np.pi * SPACING / c * np.outer(ranges, np.arange(TONES)))
    z = doppler[:, :, None] * delay[:, None]
    return z if used is None else z * used


def energy(z) -> np.ndarray:
    return np.sum(np.abs(z) ** 2, (-2, -1))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    ("kind", "options", "velocity", "interval"),
    [
        ("mean", {}, 0, (0, 70)),
        ("canceller", {}, 0, (0, 70)),
        ("canceller", {"num_pulses": 3}, 0, (0, 70)),
        ("eca", {"max_velocity": 8.0}, 8, (0, 70)),
        ("eca", {"max_velocity": 8.0, "ranges": (10.0, 25.0)}, 8, (10, 25)),
    ],
)
def test_clutter_is_removed_and_the_rest_is_predicted(pattern, kind, options, velocity, interval):
    elements = PATTERNS[pattern]
    used = np.ones((SYMBOLS, TONES), bool) if elements is None else elements
    remove = ClutterFilter(kind, numerology(), elements=elements, precision="double", **options)
    number = 40
    clutter = waves(RNG.uniform(-velocity, velocity, number), RNG.uniform(*interval, number), used)
    assert np.all(energy(remove(clutter)) < 1e-7 * energy(clutter))
    # linear, and 0 on elements that are not used, whatever these hold
    z = waves([100.0, -40.0], [20.0, 17.0])
    output = remove(np.where(used, z + 5 * clutter[:2], 3.0)).numpy()
    np.testing.assert_allclose(output, remove(z), atol=1e-2)
    assert not output[..., ~remove.remaining].any()
    antennas = remove(np.stack([z, 2 * z], 1)).numpy()
    np.testing.assert_allclose(antennas[:, 1], 2 * remove(z).numpy(), atol=1e-12)
    # the notch
    velocities = np.array([0.0, 3.0, 20.0, 80.0, -300.0])
    targets = waves(velocities, np.full(5, 18.0), used)
    kept = energy(remove(targets)) / energy(targets)
    tolerance = 1e-10 if "ranges" not in options else 5e-2
    np.testing.assert_allclose(remove.response(velocities), kept, atol=tolerance)
    if "ranges" in options:  # little happens to what lies elsewhere
        far = waves([0.0], [60.0], used)
        assert 0.85 < energy(remove(far))[0] / energy(far)[0] <= 1
    if kind != "canceller":  # a projection
        np.testing.assert_allclose(remove(output), output, atol=1e-10)
        assert np.all(kept <= 1 + 1e-12)


def test_matrices_over_symbols():
    z = waves([30.0, 200.0], [20.0, 50.0])
    for kind, options in (
        ("mean", {}),
        ("canceller", {"num_pulses": 3}),
        ("eca", {"max_velocity": 15.0}),
    ):
        for elements in (None, PATTERNS["some symbols"]):
            remove = ClutterFilter(
                kind, numerology(), elements=elements, precision="double", **options
            )
            seen = z if elements is None else z * elements
            np.testing.assert_allclose(remove(z), remove.projection @ seen, atol=1e-10)
    mean = ClutterFilter("mean", numerology()).projection
    np.testing.assert_allclose(mean, np.eye(SYMBOLS) - 1 / SYMBOLS, atol=1e-12)
    with pytest.raises(ValueError, match="elements must be the same symbols"):
        _ = ClutterFilter("mean", numerology(), elements=PATTERNS["irregular"]).projection


def test_noise_keeps_its_power_where_elements_remain():
    noise = (RNG.normal(size=(2, 3000, SYMBOLS, TONES)) / np.sqrt(2)).transpose(1, 2, 3, 0)
    noise = noise[..., 0] + 1j * noise[..., 1]
    for number in (2, 3):
        remove = ClutterFilter("canceller", numerology(), num_pulses=number)
        power = np.mean(np.abs(remove(noise)) ** 2, 0)
        assert not power[: number - 1].any()
        np.testing.assert_allclose(power[number - 1 :].mean(), 1, atol=0.01)
        assert remove.remaining.sum() == (SYMBOLS - number + 1) * TONES


def test_cancellers_have_the_response_of_their_pulses():
    shared = numerology()
    quarter = shared.max_velocity / 2  # a quarter of the unambiguous span
    lost = 1 - 1 / SYMBOLS
    two = ClutterFilter("canceller", shared)
    phase = np.pi * np.array([0, 0.5, 1])
    wanted = (1 - np.cos(phase)) * lost
    np.testing.assert_allclose(two.response([0, quarter, 2 * quarter]), wanted, atol=1e-12)
    three = ClutterFilter("canceller", shared, num_pulses=3)
    wanted = (2 - 2 * np.cos(phase)) ** 2 / 6 * (1 - 2 / SYMBOLS)
    np.testing.assert_allclose(three.response([0, quarter, 2 * quarter]), wanted, atol=1e-12)


def test_background_is_subtracted():
    remove = ClutterFilter("background", numerology(), precision="double")
    z, scene = waves([10.0], [20.0]), 50 * waves([0.0], [30.0])
    np.testing.assert_allclose(remove(z + scene, scene), z, atol=1e-10)
    np.testing.assert_array_equal(remove.response([0.0, 5.0]), [1, 1])
    np.testing.assert_array_equal(remove.projection, np.eye(SYMBOLS))


def test_a_slow_target_appears_beside_removed_clutter():
    """The map of a target 40 dB below static clutter of its range."""
    shared = numerology(num_symbols=SYMBOLS)
    rd = RangeDopplerMap(shared)
    z = waves([150.0], [30.0]) + 100 * waves([0.0], [30.0])
    for kind, options in (("mean", {}), ("canceller", {}), ("eca", {"max_velocity": 2.0})):
        power = rd(ClutterFilter(kind, shared, **options)(z))[0].numpy()
        i, j = np.unravel_index(np.argmax(power), power.shape)
        assert abs(rd.velocities[i] - 150) < shared.velocity_resolution
        assert abs(rd.ranges[j] - 30) < shared.range_resolution


def test_velocities_that_an_error_names_are_allowed():
    few = Numerology(12, 240e3, 28e9, num_symbols=5)
    with pytest.raises(ValueError, match="or less for these symbols") as error:
        ClutterFilter("eca", few, max_velocity=few.max_velocity)
    top = float(str(error.value).split("about ")[1].split()[0])
    assert 0.2 < top / few.velocity_resolution < 0.5
    assert ClutterFilter("eca", few, max_velocity=top).response([few.max_velocity]) > 0.5
