"""Gradients, and invariances of what they belong to."""

from dataclasses import replace

import numpy as np
import pytest

from sionna_isac.beamforming import maximize_sum_rate, minimize_speb
from sionna_isac.beamforming._direct import DigitalForm, HybridForm, Task
from sionna_isac.beamforming._model import Model, log_sensing
from sionna_isac.beamforming.solution import beam_speb
from tests.beamforming.cases import random_scene

TASKS = [("speb", np.inf), ("snr", np.inf), ("sum_rate", 3.0), ("feasible", np.inf)]


@pytest.mark.parametrize("objective, max_ratio", TASKS)
@pytest.mark.parametrize("chains", [None, 2, 4])
def test_gradients(objective, max_ratio, chains):
    scene = random_scene(0, num_antennas=8)
    model = Model.of(scene, 0.3)
    size = 32 if chains is None else 8 + 4 * chains
    form = (
        DigitalForm(model.vectors, 2)
        if chains is None
        else HybridForm(model.vectors, 2, chains, np.exp(1j * np.arange(8)))
    )
    task = Task(objective, model.weight, np.array([3.0, 5.0]), max_ratio)
    x = np.random.default_rng(1).normal(size=size)

    def values(x):
        z, p, _ = form.products(x)
        return task(z, p)[0]

    z, p, pull = form.products(x)
    gradient = pull(*task(z, p)[1:])
    step = 1e-6
    numeric = [(values(x + e) - values(x - e)) / (2 * step) for e in step * np.eye(size)]
    np.testing.assert_allclose(gradient.T, numeric, atol=1e-8 * np.abs(gradient).max(), rtol=1e-6)
    # scale changes nothing: all is a function of beams of unit power
    np.testing.assert_allclose(values(form.normalized(x)), values(x), rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_model_is_the_bound(seed):
    random = np.random.default_rng(seed)
    scene = random_scene(seed, target=tuple(random.uniform([1, -5], [20, 5])))
    model = Model.of(scene, 0.3)
    beams = random.normal(size=(16, 3)) + 1j * random.normal(size=(16, 3))
    beams /= np.linalg.norm(beams)
    value, _ = log_sensing(model.sensing.conj().T @ beams, model.weight)
    speb = np.exp(value) * model.smallest_speb
    assert speb == pytest.approx(beam_speb(scene, beams * np.sqrt(0.3)), rel=1e-8)


def test_beams_that_miss_the_target():
    model = Model.of(random_scene(0), 1.0)
    value, gradient = log_sensing(np.zeros([3, 2], complex), model.weight)
    assert value == np.inf
    assert not np.any(gradient)


@pytest.mark.parametrize("chains", [None, 4])
def test_invariance(chains):
    """Common phases and units change nothing; power and noise trade off."""
    scene = random_scene(0)
    reference = minimize_speb(scene, 1.0, [2.0, 3.0], chains)
    phases = np.exp(1j * np.array([[0.3], [2.0]]))
    for other, power in (
        (replace(scene, channels=scene.channels * phases), 1.0),
        (replace(scene, reflection=scene.reflection * 1j), 1.0),
        (replace(scene, no=4 * scene.no), 4.0),
    ):
        solution = minimize_speb(other, power, [2.0, 3.0], chains)
        assert solution.speb == pytest.approx(reference.speb, rel=1e-5)
    swapped = replace(scene, channels=scene.channels[::-1])
    assert minimize_speb(swapped, 1.0, [3.0, 2.0], chains).speb == pytest.approx(
        reference.speb, rel=1e-5
    )
    # lengths in another unit
    far = replace(
        scene,
        element_positions=2 * scene.element_positions,
        wavelength=2 * scene.wavelength,
        target=2 * scene.target,
    )
    assert minimize_speb(far, 1.0, [2.0, 3.0], chains).peb == pytest.approx(
        2 * reference.peb, rel=1e-5
    )


def test_more_power_and_lower_rates_help():
    scene = random_scene(3)
    by_power = [minimize_speb(scene, p, 3.0).speb * p for p in (0.2, 0.5, 2.0)]
    assert by_power[0] >= by_power[1] * (1 - 1e-7) >= by_power[2] * (1 - 2e-7)
    by_rate = [minimize_speb(scene, 0.2, r).speb for r in (4.0, 3.0, 1.0)]
    assert by_rate[0] >= by_rate[1] * (1 - 1e-7) >= by_rate[2] * (1 - 2e-7)


def test_looser_bounds_help():
    scene = random_scene(3)
    best = minimize_speb(scene, 0.2, 3.0)
    rates = [maximize_sum_rate(scene, 0.2, f * best.speb).sum_rate for f in (1.0001, 1.1, 2.0)]
    assert 6 - 1e-3 <= rates[0] <= rates[1] + 1e-6 <= rates[2] + 2e-6
