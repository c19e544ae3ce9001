"""SPEB minimisation against reference numbers, other methods and its own certificate."""

from dataclasses import replace

import numpy as np
import pytest

from sionna_isac.beamforming import (
    InfeasibleError,
    SolverError,
    largest_common_rate,
    maximize_snr,
    minimize_speb,
    sensing_only,
    smallest_speb,
    two_stage,
)
from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming._published_sdr import published_relaxation
from sionna_isac.beamforming.sensing import start_beams
from sionna_isac.beamforming.solution import beam_rates
from tests.beamforming.cases import load, random_scene, reference_scene


@pytest.mark.parametrize("case", load("fdbf"), ids=lambda c: c["name"])
def test_fully_digital_reference(case):
    solution = minimize_speb(reference_scene(case), case["P"], case["R_min_bpsHz"])
    assert solution.speb == pytest.approx(case["SPEB_sdr"], rel=1e-6)
    assert 0 <= solution.relaxation_gap < 1e-6
    # no better than the bound that is proven
    assert solution.speb / (1 + solution.relaxation_gap) <= case["SPEB_sdr"] * (1 + 1e-6)


@pytest.mark.parametrize("case", load("hbf"), ids=lambda c: c["name"])
def test_hybrid_reference(case):
    scene = reference_scene(case)
    solution = minimize_speb(scene, case["P"], case["R_min_bpsHz"], num_rf_chains=case["N_RF"])
    assert solution.peb <= case["PEB_hbf_best_known"] * (1 + 1e-6)
    assert solution.peb >= case["PEB_fdbf"] * (1 - 1e-6)
    np.testing.assert_allclose(solution.beams, solution.analog @ solution.digital)
    assert solution.margins.constant_modulus > -1e-12
    simple = maximize_snr(scene, case["P"], case["R_min_bpsHz"], num_rf_chains=case["N_RF"])
    staged = two_stage(scene, case["P"], case["R_min_bpsHz"], num_rf_chains=case["N_RF"])
    assert solution.peb <= simple.peb <= staged.peb
    lit = [np.linalg.norm(steering(scene).conj() @ s.beams) for s in (simple, solution, staged)]
    assert lit[0] >= max(lit) * (1 - 1e-6)


def steering(scene):
    distance = np.hypot(scene.target[0], scene.target[1] - scene.element_positions)
    return np.exp(-2j * np.pi / scene.wavelength * distance)


@pytest.mark.parametrize(("num_users", "tolerance"), [(1, 2e-5), (2, 1e-6)])
def test_subspace_and_published_relaxation_agree(num_users, tolerance):
    scene = random_scene(num_users, num_antennas=6, num_users=num_users)
    rate = 0.7 * largest_common_rate(scene, 1.0)
    ours = minimize_speb(scene, 1.0, rate)
    published = minimize_speb(scene, 1.0, rate, method="sdr")
    bounds = [s.speb / (1 + s.relaxation_gap) for s in (ours, published)]
    assert bounds[0] == pytest.approx(bounds[1], rel=tolerance)
    model = Model.of(scene, 1.0)
    value = published_relaxation(model, np.full(num_users, 2**rate - 1))[1]
    assert bounds[0] == pytest.approx(value * model.smallest_speb, rel=tolerance)


def test_direct_search_reaches_the_certified_optimum():
    scene = random_scene(5)
    best = minimize_speb(scene, 0.5, 3.0)
    local = minimize_speb(scene, 0.5, 3.0, method="direct")
    assert best.relaxation_gap < 1e-6
    assert local.relaxation_gap is None
    assert local.speb == pytest.approx(best.speb, rel=1e-6)


def test_published_hybrid_is_no_better():
    scene = random_scene(3, num_antennas=8)
    ours = minimize_speb(scene, 1.0, 3.0, num_rf_chains=4)
    published = minimize_speb(scene, 1.0, 3.0, num_rf_chains=4, method="sdr-bcd")
    assert ours.peb <= published.peb * (1 + 1e-5)
    assert published.peb <= 1.02 * ours.peb
    assert published.margins.constant_modulus > -1e-12
    assert ours.history is None
    assert np.all(np.diff(published.history) <= 0)
    assert published.history[-1] == pytest.approx(published.speb, rel=1e-6)


@pytest.mark.parametrize("chains", [None, 1, 4])
def test_sensing_only_reaches_the_smallest_bound(chains):
    scene = random_scene(1)
    solution = sensing_only(scene, 0.1, chains)
    assert solution.speb == pytest.approx(smallest_speb(scene, 0.1), rel=1e-9)


@pytest.mark.parametrize("chains", [None, 4])
def test_without_rate_targets_the_smallest_bound_is_reached(chains):
    scene = random_scene(2)
    solution = minimize_speb(scene, 0.1, 0.0, chains)
    assert solution.speb == pytest.approx(smallest_speb(scene, 0.1), rel=1e-6)


def test_relaxation_is_tight_with_as_many_users_as_antennas():
    scene = random_scene(4, num_antennas=4, num_users=4)
    solution = minimize_speb(scene, 1.0, 0.5 * largest_common_rate(scene, 1.0))
    assert solution.relaxation_gap < 1e-4


def test_collinear_channels():
    scene = random_scene(6)
    twice = replace(scene, channels=np.stack([scene.channels[0], 2j * scene.channels[0]]))
    solution = minimize_speb(twice, 1.0, 0.4)
    assert np.all(solution.margins.rates > -1e-6)


@pytest.mark.parametrize("num_users, share", [(2, 0.5), (2, 0.9), (4, 0.9), (2, 0.99)])
def test_the_first_start_meets_the_rates(num_users, share):
    for seed in range(5):
        scene = random_scene(seed, num_users=num_users)
        rates = np.full(num_users, share * largest_common_rate(scene, 1.0))
        first, _ = start_beams(scene, Model.of(scene, 1.0), rates)
        assert np.all(beam_rates(scene, first) >= rates - 1e-6)
        assert np.linalg.norm(first) == pytest.approx(1)


@pytest.mark.parametrize("share", [0.9, 0.99])
def test_near_the_largest_rate_there_are_beams(share):
    for seed in range(5):
        scene = random_scene(seed, num_antennas=32)
        rate = share * largest_common_rate(scene, 1.0)
        assert minimize_speb(scene, 1.0, rate).relaxation_gap < 1e-3
        assert np.all(maximize_snr(scene, 1.0, rate).margins.rates >= -1e-6)


def test_strong_users_do_not_stall_the_search():
    """Users at an SNR beyond 50 dB, with rates far below what they could get."""
    for seed in range(3):
        scene = random_scene(seed, num_antennas=32)
        strong = replace(scene, channels=3 * scene.channels)
        solution = minimize_speb(strong, 1.0, 9.0)
        assert solution.relaxation_gap < 1e-5
        assert minimize_speb(strong, 1.0, 9.0, method="direct").speb == pytest.approx(
            solution.speb, rel=1e-5
        )


def test_more_users_than_chains_can_serve_are_refused_at_once():
    scene = random_scene(0)
    for design in (minimize_speb, maximize_snr):
        with pytest.raises(InfeasibleError, match=r"need more than 1.75 chains.*num_rf_chains 1"):
            design(scene, 1.0, 3.0, num_rf_chains=1)


@pytest.mark.parametrize("method, chains", [("subspace", None), ("sdr", None), ("direct", 4)])
def test_at_the_largest_rates_there_are_beams_or_our_own_error(method, chains):
    """No message of an inner solver: it has no interior there, and gives up in words of its own."""
    scene = random_scene(0, num_antennas=8)
    fewer = {} if chains is None else {"num_starts": 1}
    limit = largest_common_rate(scene, 0.1)
    for below in (1e-5, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 0):
        rate = limit * (1 - below)
        try:
            solution = minimize_speb(scene, 0.1, rate, chains, method, **fewer)
        except SolverError as error:
            assert method != "subspace"
            assert f"is {limit:.9f} bit/s/Hz" in str(error) and "min_rates" in str(error)
            for word in ("Clarabel", "CLARABEL", "verbose", "SLSQP", "Iteration", "\n"):
                assert word not in str(error)
        else:
            assert np.all(beam_rates(scene, solution.beams) >= rate - 1e-6)
            assert np.sum(np.abs(solution.beams) ** 2) <= 0.1 * (1 + 1e-9)
    for above in (1e-7, 1e-5):
        with pytest.raises(InfeasibleError, match=f"is {limit:.9f} bit/s/Hz"):
            minimize_speb(scene, 0.1, limit * (1 + above), chains, method, **fewer)
    for below in (1e-9, 1e-12, 0):
        beams = maximize_snr(scene, 0.1, limit * (1 - below)).beams
        assert np.all(beam_rates(scene, beams) >= limit * (1 - below) - 1e-6)
