"""Bound of moving targets: references, a closed form, central differences and a receiver."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sionna_isac as isac

DATA = Path(__file__).parents[1] / "data" / "moving_targets"
CASES = json.loads((DATA / "bound_cases.json").read_text(encoding="utf-8"))["cases"]
C = 299792458.0
CARRIER, SPACING, DURATION = 28e9, 120e3, 8.9e-6
ANTENNAS, SYMBOLS, SUBCARRIERS = 5, 6, 12
NAMES = ("angle", "range", "velocity")


def numerology(
    symbols: int = SYMBOLS, spacing: float = SPACING, **kwargs
) -> isac.waveform.Numerology:
    return isac.waveform.Numerology(
        SUBCARRIERS, spacing, CARRIER, num_symbols=symbols, symbol_duration=DURATION, **kwargs
    )


def array() -> isac.array.UniformLinearArray:
    return isac.array.UniformLinearArray(ANTENNAS, C / CARRIER, precision="double")


def scene(rng, batch_size: int = 2, number: int = 2) -> isac.scene.PointTargets:
    shape = (batch_size, number)
    return isac.scene.PointTargets(
        rng.uniform(-0.9, 0.9, shape),
        rng.uniform(50, 900, shape),
        rng.normal(size=shape) + 1j * rng.normal(size=shape),
        np.full(batch_size, number),
        rng.uniform(-100, 100, shape),
    )


def complex_array(value: dict) -> np.ndarray:
    return np.asarray(value["re"]) + 1j * np.asarray(value["im"])


@pytest.mark.parametrize("case", CASES)
def test_reference(case):
    active = np.isin(np.arange(case["num_subcarriers"]), case["active"])
    grid = isac.waveform.Numerology(
        case["num_subcarriers"],
        case["subcarrier_spacing"],
        case["carrier_frequency"],
        num_symbols=case["num_symbols"],
        symbol_duration=case["symbol_duration"],
        active=active,
    )
    line = isac.array.UniformLinearArray(
        case["num_antennas"],
        grid.wavelength,
        element_positions=case["element_positions"],
        precision="double",
    )
    angle, distance, velocity = (np.array([case[name]]) for name in NAMES)
    gain = complex_array(case["gain"])[np.newaxis]
    targets = isac.scene.PointTargets(angle, distance, gain, [angle.size], velocity)
    beam, x = complex_array(case["beam"]), complex_array(case["symbols"])
    found = isac.bound.point_target_bound(line, grid, targets, beam, x, case["no"])
    for name in NAMES:
        np.testing.assert_allclose(getattr(found, name)[0] ** 2, case[f"crb_{name}"], rtol=1e-6)


def test_closed_form_of_one_target(rng):
    targets, no = scene(rng, 3, 1), np.array([0.1, 0.2, 0.3])
    beam = rng.normal(size=(3, ANTENNAS)) + 0j
    found = isac.bound.point_target_bound(array(), numerology(), targets, beam, None, no)
    pattern = np.sum(array().steering(targets.angle).numpy()[:, 0] * beam, -1)
    energy = np.abs(targets.gain[:, 0] * pattern) ** 2 * ANTENNAS * SUBCARRIERS * SYMBOLS
    wavelength = C / CARRIER
    along = (C / (4 * np.pi * SPACING)) ** 2 * 6 * no / (energy * (SUBCARRIERS**2 - 1))
    speed = (wavelength / (4 * np.pi * DURATION)) ** 2 * 6 * no / (energy * (SYMBOLS**2 - 1))
    np.testing.assert_allclose(found.range[:, 0] ** 2, along, rtol=1e-9)
    np.testing.assert_allclose(found.velocity[:, 0] ** 2, speed, rtol=1e-9)
    np.testing.assert_allclose(found.rms.velocity, np.sqrt(np.mean(speed)), rtol=1e-9)


def central_differences(targets, beam, weights, no, grid, migration=False, project=None):
    """Standard deviations by the Jacobian of the whole observation of the first sample."""
    symbol = np.arange(grid.num_symbols)[:, None]
    tone = np.arange(SUBCARRIERS)

    def mean(values: np.ndarray) -> np.ndarray:
        angle, distance, velocity, re, im = values
        steering = array().steering(angle).numpy()
        frequency = CARRIER + migration * tone * grid.subcarrier_spacing
        phase = tone * grid.subcarrier_spacing * distance[:, None, None]
        phase = phase + frequency * velocity[:, None, None] * symbol * DURATION
        wave = np.exp(-4j * np.pi / C * phase)
        amplitude = (re + 1j * im) * (steering @ beam[0])
        y = np.einsum("t,tk,tms->kms", amplitude, steering, wave)
        if project is None:
            return (y * np.sqrt(weights)).ravel()
        return project(y).ravel()  # filtered and whitened

    gain = targets.gain[0]
    origin = np.stack([*(getattr(targets, n)[0] for n in NAMES), gain.real, gain.imag])
    steps = np.array([1e-5, 1e-3, 1e-2, 1e-4, 1e-4])
    columns = []
    for row, step in enumerate(steps):
        for column in range(origin.shape[1]):
            move = np.zeros_like(origin)
            move[row, column] = step
            ends = [mean(origin + k * move) for k in (-2, -1, 1, 2)]
            columns.append((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step))
    jacobian = np.stack(columns, -1)
    fim = 2 / no * (jacobian.conj().T @ jacobian).real
    scale = np.sqrt(np.diag(fim))
    variance = np.diag(np.linalg.inv(fim / np.outer(scale, scale))) / scale**2
    return np.sqrt(variance).reshape(5, -1)[:3]


def assert_equal(found, expected, rtol=1e-6):
    for name, value in zip(NAMES, expected, strict=True):
        np.testing.assert_allclose(getattr(found, name)[0], value, rtol=rtol, err_msg=name)


@pytest.mark.parametrize("migration", [False, True])
def test_masks_and_migration(rng, monkeypatch, migration):
    """An irregular mask of elements, inactive subcarriers and symbols of random magnitude."""
    active = np.arange(SUBCARRIERS) != 6
    grid = numerology(spacing=2e6 if migration else SPACING, active=active)
    targets, no = scene(rng), 0.2
    beam = rng.normal(size=(2, ANTENNAS)) + 1j * rng.normal(size=(2, ANTENNAS))
    x = rng.normal(size=(2, SYMBOLS, SUBCARRIERS)) + 0j
    x[:, 2, 3] = 0
    elements = rng.uniform(size=(SYMBOLS, SUBCARRIERS)) < 0.7
    options = {"migration": migration, "elements": elements}
    found = isac.bound.point_target_bound(array(), grid, targets, beam, x, no, **options)
    weights = np.abs(x[0]) ** 2 * elements * active
    assert_equal(found, central_differences(targets, beam, weights, no, grid, migration))
    monkeypatch.setattr(isac.bound.point_target, "_CHUNK", 200)
    again = isac.bound.point_target_bound(array(), grid, targets, beam, x, no, **options)
    np.testing.assert_allclose(again.velocity, found.velocity, rtol=1e-9)
    if migration:
        still = isac.bound.point_target_bound(array(), grid, targets, beam, x, no)
        assert not np.allclose(still.range, found.range, rtol=1e-3)


def test_both_ways_of_summing_are_equal(rng):
    """Weights that are a product are summed by factors; a filter that removes nothing is not."""
    targets, beam = scene(rng, 3, 3), rng.normal(size=(3, ANTENNAS)) + 0j
    x = rng.uniform(0.5, 2, (3, SYMBOLS, 1)) * rng.uniform(0.5, 2, (3, 1, SUBCARRIERS))
    elements = np.outer(np.arange(SYMBOLS) != 1, np.arange(SUBCARRIERS) % 2 == 0)
    given = (array(), numerology(), targets, beam)
    for symbols in (None, x):
        fast = isac.bound.point_target_bound(*given, symbols, 0.2, elements=elements)
        weights = isac.bound.point_target._weights(symbols, elements, numerology(), 3)
        motion = isac.bound.point_target.Motion(targets.range, targets.velocity)
        sums = [
            isac.bound._echo_information.signal_products(
                motion, isac.bound.point_target.SentSignal(weights, removed, False), given[1], 999
            )[0]
            for removed in (None, np.zeros((SYMBOLS, 0)))
        ]
        np.testing.assert_allclose(*sums, rtol=1e-9, atol=1e-9 * np.max(np.abs(sums[0])))
        assert np.all(fast.velocity > 0)


@pytest.mark.parametrize("kind", ["mean", "canceller"])
def test_clutter_filter(rng, kind):
    """Filtered observations with their coloured noise, whitened."""
    mean = np.eye(SYMBOLS) - 1 / SYMBOLS
    canceller = np.diff(np.eye(SYMBOLS), axis=0)
    matrix = mean if kind == "mean" else canceller
    targets, no = scene(rng), 0.2
    beam = rng.normal(size=(2, ANTENNAS)) + 0j
    x = rng.uniform(0.5, 2, (SYMBOLS, SUBCARRIERS))
    given = (array(), numerology(), targets, beam)
    for symbols in (None, x):
        noise = np.ones_like(x) if symbols is None else 1 / x**2

        def whiten(y, noise=noise):
            z = np.einsum("nm,kms->skn", canceller, y)  # the mean has the same row space
            colour = np.einsum("nm,ms,lm->snl", canceller, noise, canceller)
            return np.linalg.solve(np.linalg.cholesky(colour), z.swapaxes(-1, -2))

        found = isac.bound.point_target_bound(*given, symbols, no, projection=matrix)
        assert_equal(found, central_differences(targets, beam, None, no, given[1], project=whiten))


def test_notch_of_the_clutter_filter(rng):
    """Slow targets lose most, those at a zero of the sidelobes nothing; lost ones are named."""
    grid = numerology()
    mean = np.eye(SYMBOLS) - 1 / SYMBOLS
    lost = []
    for velocity in (0.01 * grid.velocity_resolution, grid.velocity_resolution):
        targets = scene(rng, 1, 1)._replace(velocity=np.full((1, 1), velocity))
        given = (array(), grid, targets, np.ones(ANTENNAS) / 2, None, 0.1)
        plain, filtered = (
            isac.bound.point_target_bound(*given, projection=p) for p in (None, mean)
        )
        lost.append(float((filtered.range / plain.range)[0, 0]))
    assert lost[0] > 10
    np.testing.assert_allclose(lost[1], 1, rtol=1e-9)
    still = scene(rng, 2, 2)
    still = still._replace(velocity=np.array([[40.0, 30.0], [20.0, 0.0]]))
    with pytest.raises(ValueError, match=r"projection must leave .* removes target 1 of sample 1"):
        isac.bound.point_target_bound(
            array(), grid, still, np.ones(ANTENNAS), None, 1, projection=mean
        )


def test_unused_elements_hide_no_clutter(rng):
    """A removed mean is unknown on the used elements, also where others are left out."""
    targets = scene(rng, 1, 1)
    elements = np.arange(SYMBOLS)[:, None] % 3 > 0
    elements = np.repeat(elements, SUBCARRIERS, 1)
    used = np.flatnonzero(elements[:, 0])
    beam = np.ones(ANTENNAS)
    found = isac.bound.point_target_bound(
        array(),
        numerology(),
        targets,
        beam,
        None,
        0.1,
        elements=elements,
        projection=np.eye(SYMBOLS) - 1 / SYMBOLS,
    )

    def remove(y):
        z = y[:, used]
        return z - z.mean(1, keepdims=True)

    expected = central_differences(targets, beam[None], None, 0.1, numerology(), project=remove)
    assert_equal(found, expected)


def test_maximum_likelihood_reaches_it(rng):
    """The peak of the matched filter, for which one target needs no gain, at high SNR."""
    number, grid, no = 300, numerology(), 1e-3
    targets = isac.scene.PointTargets(
        np.zeros((number, 1)),
        np.full((number, 1), 300.0),
        np.ones((number, 1)) + 0j,
        np.ones(number),
        np.full((number, 1), 30.0),
    )
    beam = np.full((number, ANTENNAS), ANTENNAS**-0.5) + 0j
    echo = isac.channel.MonostaticEcho(array(), grid, precision="double")
    y = echo(np.ones((number, SYMBOLS, SUBCARRIERS)) + 0j, targets, beam, no).numpy().sum(1)
    least = isac.bound.point_target_bound(array(), grid, targets, beam, None, no).rms
    offsets = np.linspace(-4, 4, 17)
    tone, symbol = np.arange(SUBCARRIERS), np.arange(SYMBOLS)
    delay = np.exp(4j * np.pi * SPACING / C * np.outer(300 + offsets * float(least.range), tone))
    doppler = np.exp(
        4j * np.pi * DURATION * CARRIER / C * np.outer(30 + offsets * float(least.velocity), symbol)
    )
    power = np.abs(np.einsum("vm,bms,rs->bvr", doppler, y, delay)) ** 2
    for axis, name in ((2, "velocity"), (1, "range")):
        profile = power.max(axis)
        peak = np.clip(profile.argmax(-1), 1, 15)[:, None] + np.array([-1, 0, 1])
        low, mid, high = np.take_along_axis(profile, peak, 1).T
        error = offsets[peak[:, 1]] + 0.25 * (high - low) / (2 * mid - low - high)
        assert abs(np.mean(error**2) - 1) < 4 * np.sqrt(2 / number), name
