"""What is reachable, and the errors that say so before a solver runs."""

from dataclasses import replace

import numpy as np
import pytest

from sionna_isac import bound
from sionna_isac.beamforming import (
    InfeasibleError,
    _semidefinite,
    blind_speb,
    largest_common_rate,
    maximize_sum_rate,
    minimize_speb,
    smallest_power,
    smallest_speb,
    two_stage,
)
from sionna_isac.beamforming.closed_form import least_power_beams
from sionna_isac.beamforming.solution import beam_rates, beam_speb
from tests.beamforming.cases import load, random_scene, reference_scene


@pytest.mark.parametrize("case", load("fdbf"), ids=lambda c: c["name"])
def test_smallest_power_reference(case):
    scene = reference_scene(case)
    needed = smallest_power(scene, case["R_min_bpsHz"])
    assert needed == pytest.approx(case["min_power_W_for_rates"], rel=1e-6)


def test_largest_common_rate_reference():
    (case,) = load("infeasible")
    rate = largest_common_rate(reference_scene(case), case["P"])
    assert rate == pytest.approx(case["max_common_rate"], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_smallest_power_is_reached_and_inverts_the_rate(seed):
    scene = random_scene(seed, num_users=1 + seed)
    rate = largest_common_rate(scene, 0.02)
    rates = np.full(scene.num_users, rate)
    assert smallest_power(scene, rate) == pytest.approx(0.02, rel=1e-8)
    beams = least_power_beams(scene.channels.T / np.sqrt(scene.no), rates)
    assert np.sum(np.abs(beams) ** 2) == pytest.approx(0.02, rel=1e-8)
    np.testing.assert_allclose(beam_rates(scene, beams), rates, rtol=1e-8)
    # never less than without interference
    alone = (2**rate - 1) * scene.no / np.sum(np.abs(scene.channels) ** 2, axis=1)
    assert alone.sum() <= 0.02 * (1 + 1e-9)


def test_smallest_speb_is_that_of_the_bound():
    scene = random_scene(0)
    expected = bound.minimum_speb(
        scene.element_positions,
        scene.wavelength,
        scene.target,
        0.3,
        scene.reflection,
        scene.no,
        scene.num_snapshots,
    )
    assert smallest_speb(scene, 0.3) == pytest.approx(float(expected), rel=1e-10)


def test_blind_bound():
    """That of one source of the power at the target; never below the bound of known symbols."""
    scene = random_scene(0)
    distance = np.hypot(scene.target[0], scene.target[1] - scene.element_positions)
    steering = np.exp(-2j * np.pi / scene.wavelength * distance)
    best = np.sqrt(0.3 / scene.num_antennas) * steering[:, np.newaxis]
    assert blind_speb(scene, best) == pytest.approx(smallest_speb(scene, 0.3), rel=1e-10)
    assert beam_speb(scene, best) == pytest.approx(smallest_speb(scene, 0.3), rel=1e-8)
    rng = np.random.default_rng(3)
    beams = rng.normal(size=(scene.num_antennas, 3)) + 1j * rng.normal(size=(scene.num_antennas, 3))
    assert blind_speb(scene, beams) >= beam_speb(scene, beams)
    assert blind_speb(scene, 2 * beams) == pytest.approx(blind_speb(scene, beams) / 4)
    assert blind_speb(scene, 0 * beams) == np.inf
    with pytest.raises(ValueError, match="beams must have shape"):
        blind_speb(scene, beams.T)


@pytest.fixture
def no_solver(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("a solver was started")

    monkeypatch.setattr(_semidefinite.SemidefiniteProblem, "solve", fail)
    monkeypatch.setattr("sionna_isac.beamforming._direct.minimize", fail)


@pytest.mark.usefixtures("no_solver")
@pytest.mark.parametrize("chains", [None, 4])
def test_rates_out_of_reach(chains):
    (case,) = load("infeasible")
    scene = reference_scene(case)
    with pytest.raises(InfeasibleError, match="need at least") as error:
        minimize_speb(scene, case["P"], case["R_min_bpsHz"], chains)
    text = str(error.value)
    needed = smallest_power(scene, case["R_min_bpsHz"])
    assert "rate targets [12, 12] bit/s/Hz" in text
    assert f"{10 * np.log10(needed) + 30:.2f} dBm ({needed:.3g} W)" in text
    assert "given 10.00 dBm" in text
    assert f"{case['max_common_rate']:.2f} bit/s/Hz" in text
    # what the message names is enough
    assert smallest_power(scene, case["max_common_rate"] - 1e-3) < case["P"]


@pytest.mark.usefixtures("no_solver")
def test_rates_out_of_reach_at_any_power():
    scene = random_scene(0)
    same = replace(scene, channels=np.repeat(scene.channels[:1], 2, axis=0))
    assert smallest_power(same, 2.0) == np.inf
    with pytest.raises(InfeasibleError, match="more than any power"):
        minimize_speb(same, 1.0, 2.0)
    with pytest.raises(InfeasibleError, match="more than any power"):
        minimize_speb(same, 1.0, 5000.0)


@pytest.mark.usefixtures("no_solver")
def test_bound_out_of_reach():
    scene = random_scene(0)
    smallest = smallest_speb(scene, 1.0)
    with pytest.raises(InfeasibleError, match=r"smallest SPEB at 30\.00 dBm is") as error:
        maximize_sum_rate(scene, 1.0, 0.5 * smallest)
    assert f"{smallest:.4g} m^2" in str(error.value)
    assert "33.01 dBm" in str(error.value)


def test_first_stage_that_cannot_meet_the_rates():
    scene = random_scene(1, num_antennas=8)
    rate = 0.999 * largest_common_rate(scene, 0.01)
    with pytest.raises(InfeasibleError, match="first stage"):
        two_stage(scene, 0.01, rate, 4)


def test_bound_that_is_just_in_reach():
    scene = random_scene(0)
    solution = maximize_sum_rate(scene, 1.0, 1.0001 * smallest_speb(scene, 1.0))
    assert solution.margins.speb > 0


def test_rates_that_are_just_in_reach():
    scene = random_scene(0)
    solution = minimize_speb(scene, 1.0, 0.98 * largest_common_rate(scene, 1.0))
    assert np.all(solution.margins.rates > -1e-6)


@pytest.mark.parametrize("loss", [1e-8, 1e-14, 1e-22])
def test_hardly_any_signal(loss):
    scene = random_scene(0)
    weak = replace(scene, no=scene.no / loss)
    rate = largest_common_rate(weak, 1.0)
    # rates add up linearly: powers gain_k p_k = rate ln 2
    gains = np.sum(np.abs(weak.channels) ** 2, axis=1) / weak.no
    assert rate == pytest.approx(1 / np.sum(1 / gains) / np.log(2), rel=1e-3)
    assert smallest_power(weak, rate) == pytest.approx(1.0, rel=1e-6)
    with pytest.raises(InfeasibleError, match=f"is {rate:.3g} bit/s/Hz"):
        minimize_speb(weak, 1.0, 2.0)
