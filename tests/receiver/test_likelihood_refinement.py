"""Refined estimates against a general search, exact echoes, and the bound."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.receiver import LikelihoodRefinement, TargetEstimate

NUMEROLOGY = isac.waveform.Numerology(
    24, 1e6, 60e9, num_symbols=12, cyclic_prefix_length=24, active=np.arange(24) != 12
)
ARRAY = isac.array.UniformLinearArray(5, NUMEROLOGY.wavelength, precision="double")
REMOVE = isac.receiver.ClutterFilter("mean", NUMEROLOGY, precision="double")
FORM = {"precision": "double"}
CELL = {
    "angle": 2 / 5,
    "range": NUMEROLOGY.range_resolution,
    "velocity": NUMEROLOGY.velocity_resolution,
}
TARGETS = isac.scene.PointTargets(
    angle=np.array([[0.1, -0.4, 0.5]]),
    range=np.array([[30.3, 75.1, 56.2]]),
    gain=np.array([[1.0, 0.2j, -0.4]]),
    num_targets=np.array([3]),
    velocity=np.array([[250.0, -210.0, 420.0]]),
)
BEAM = np.eye(1, 5) + 0j


def echo(targets, array=ARRAY, numerology=NUMEROLOGY):
    size, number = len(targets.angle), numerology.num_symbols
    x = np.ones((size, number, numerology.num_subcarriers), complex)
    x *= 1 if numerology.active is None else numerology.active
    layer = isac.channel.MonostaticEcho(array, numerology, **FORM)
    return layer(x, targets, np.repeat(BEAM[:, : array.num_antennas], size, 0)).numpy()


def off(targets, share, rng, extra=0):
    """Estimates a share of a cell away from the targets, and empty places at the last one."""
    places = {
        name: np.pad(
            getattr(targets, name) + share * cell * rng.uniform(-1, 1, targets.angle.shape),
            [[0, 0], [0, extra]],
            mode="edge",
        )
        for name, cell in CELL.items()
    }
    metric = np.pad(np.ones_like(targets.angle), [[0, 0], [0, extra]])
    return TargetEstimate(places["angle"], places["range"], metric, velocity=places["velocity"])


@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize(
    "elements", [None, np.outer(np.arange(12) % 5 != 2, np.arange(24) % 12 != 0)]
)
def test_several_targets_without_noise_are_found_exactly(rng, removed, elements):
    used = {"numerology": NUMEROLOGY, "elements": elements, **FORM}
    z = np.where(True if elements is None else elements, echo(TARGETS), 0)
    remove = isac.receiver.ClutterFilter("eca", max_velocity=40.0, **used)
    options = {"projection": remove.projection} if removed else {}
    refine = LikelihoodRefinement(ARRAY, num_steps=12, **options, **used)
    estimate = off(TARGETS, 0.25, rng, extra=2)
    found = refine(remove(z) if removed else z, estimate)
    for name, cell in CELL.items():
        value = getattr(found, name).numpy()
        np.testing.assert_allclose(value[:, :3], getattr(TARGETS, name), atol=1e-6 * cell)
        np.testing.assert_array_equal(value[:, 3:], getattr(estimate, name)[:, 3:])
    # gains of the unit echo: beam and phase of the first antenna
    beam = ARRAY.steering(TARGETS.angle).numpy()[..., 0]
    np.testing.assert_allclose(found.gain[:, :3], TARGETS.gain * beam, atol=1e-5)
    assert not np.any(found.gain[:, 3:]) and found.metric.numpy().tolist() == [[1, 1, 1, 0, 0]]


def test_maximum_is_that_of_a_general_search(rng):
    """Of Gauss-Newton steps on the whole observation by automatic differentiation."""
    noise = rng.normal(size=(2, 1, 5, 12, 24)) * NUMEROLOGY.active
    z = echo(TARGETS) + 0.1 * (noise[0] + 1j * noise[1])
    z = REMOVE(z).numpy()
    refine = LikelihoodRefinement(
        ARRAY, NUMEROLOGY, projection=REMOVE.projection, num_steps=15, **FORM
    )
    found = refine(z, off(TARGETS, 0.1, rng))
    x = tf.ones([1, 12, 24], tf.complex128) * NUMEROLOGY.active
    layer = isac.channel.MonostaticEcho(ARRAY, NUMEROLOGY, **FORM)

    def mean(angle, range, velocity, real, imag):
        moving = isac.scene.PointTargets(angle, range, tf.complex(real, imag), [3], velocity)
        return REMOVE(layer(x, moving, BEAM))

    start = {name: getattr(TARGETS, name) for name in CELL}
    start |= {"real": TARGETS.gain.real, "imag": TARGETS.gain.imag}
    best = isac.bound.maximum_likelihood(z, mean, start, batch_dims=1)
    assert best.converged.all()
    for name, cell in CELL.items():
        value = np.asarray(best.parameters[name])
        np.testing.assert_allclose(getattr(found, name), value, atol=1e-4 * cell)


def test_errors_are_those_of_the_bound(rng):
    """From the peaks of a map, whose own errors are larger."""
    size, no = 200, 0.3
    targets = isac.scene.PointTargets(
        **{n: np.repeat(getattr(TARGETS, n)[:, :2], size, 0) for n in CELL},
        gain=np.repeat([[1.0, 0.7j]], size, 0),
        num_targets=np.full(size, 2),
    )
    noise = rng.normal(size=(2, size, 5, 12, 24)) * np.sqrt(no / 2) * NUMEROLOGY.active
    z = REMOVE(echo(targets) + noise[0] + 1j * noise[1])
    angles = np.linspace(-0.8, 0.8, 9)
    rd = isac.receiver.RangeDopplerMap(
        NUMEROLOGY, array=ARRAY, angles=angles, max_range=100.0, **FORM
    )
    power = rd(z)
    detect = isac.receiver.CFAR("os", (4, 3), (3, 3), 1e-4, max_detections=6, **FORM)
    found = detect(power)
    rough = rd.estimate(power, found)
    refine = LikelihoodRefinement(ARRAY, NUMEROLOGY, projection=REMOVE.projection, **FORM)
    least = isac.bound.point_target_bound(
        ARRAY,
        NUMEROLOGY,
        isac.scene.PointTargets(*(None if v is None else v[:1] for v in targets)),
        BEAM,
        None,
        no,
        projection=REMOVE.projection,
    )
    ratios = {}
    for kind, estimate in (("rough", rough), ("refined", refine(z, rough))):
        errors = isac.metrics.matched_errors(
            estimate, targets, detected=found.mask, scale=CELL, cutoff=1.0
        )
        for name in CELL:
            for n in range(2):
                error = getattr(errors, name)[errors.target == n]
                assert error.size > 0.98 * size
                ratios[kind, name, n] = np.mean(error**2) / getattr(least, name)[0, n] ** 2
    for (kind, name, n), ratio in ratios.items():
        if kind == "refined":
            assert abs(ratio - 1) < 5 * np.sqrt(2 / size), (name, n)
            assert ratio < 0.8 * ratios["rough", name, n] or name == "angle"


def test_one_symbol_has_no_velocity(rng):
    numerology = isac.waveform.Numerology(24, 1e6, 60e9, cyclic_prefix_length=24)
    still = TARGETS._replace(velocity=None)
    z = echo(still, numerology=numerology)
    refine = LikelihoodRefinement(ARRAY, numerology, num_steps=20, **FORM)
    estimate = off(TARGETS, 0.1, rng)._replace(velocity=None)
    for form in (z, z[:, :, 0]):
        found = refine(form, estimate)
        assert found.velocity is None
        np.testing.assert_allclose(found.range, TARGETS.range, atol=1e-4)
        np.testing.assert_allclose(found.angle, TARGETS.angle, atol=1e-6)


def test_false_alarms_and_removed_targets_leave_the_others_alone(rng):
    """Ghosts lose their gain, and a target in the notch has none."""
    z = REMOVE(echo(TARGETS))
    estimate = off(TARGETS, 0.1, rng, extra=2)
    ghost = {"angle": 0.3, "range": 100.0, "velocity": 100.0, "metric": 1.0}
    for name, value in ghost.items():
        getattr(estimate, name)[:, 3:] = value
    estimate.velocity[:, 4] = 0.0
    refine = LikelihoodRefinement(
        ARRAY, NUMEROLOGY, projection=REMOVE.projection, num_steps=20, **FORM
    )
    found = refine(z, estimate)
    for name, cell in CELL.items():
        value = getattr(found, name).numpy()[:, :3]
        np.testing.assert_allclose(value, getattr(TARGETS, name), atol=1e-3 * cell)
    assert np.all(np.abs(found.gain[:, 3:]) < 1e-3) and found.gain[0, 4] == 0


def test_estimates_come_back_from_the_ends_of_the_array():
    """Main lobes are wide in angle there, and a step in angle would leave them."""
    for angle, start in ((1.2, 1.55), (1.3, np.pi / 2), (-1.2, -1.5), (np.pi / 2, 1.45)):
        target = isac.scene.PointTargets(
            angle=np.array([[angle]]),
            range=np.array([[30.3]]),
            gain=np.ones((1, 1)),
            num_targets=np.array([1]),
            velocity=np.array([[250.0]]),
        )
        found = LikelihoodRefinement(ARRAY, NUMEROLOGY, **FORM)(
            echo(target), TargetEstimate([[start]], [[30.3]], [[1.0]], velocity=[[250.0]])
        )
        assert abs(np.sin(found.angle[0, 0]) - np.sin(angle)) < 1e-6
