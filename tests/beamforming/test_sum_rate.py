"""Sum rates against reference numbers and limits."""

from dataclasses import replace

import numpy as np
import pytest

from sionna_isac.beamforming import (
    _hybrid,
    communication_only,
    matrix_approximation,
    maximize_sum_rate,
    reference,
    sensing_only,
    smallest_speb,
)
from sionna_isac.beamforming._direct import LocalOptimum, search
from sionna_isac.beamforming._fractional import fractional_digital
from sionna_isac.beamforming._model import Model
from tests.beamforming.cases import load, random_scene, reference_scene

CASES = [(case, limit) for case in load("hbf") for limit in case["comm"]]


@pytest.mark.parametrize(
    ("case", "limit"), CASES, ids=[f"{c['name']}-{x['Gamma_s']}" for c, x in CASES]
)
def test_reference(case, limit):
    scene, power, allowed = reference_scene(case), case["P"], limit["Gamma_s"]
    digital = maximize_sum_rate(scene, power, allowed)
    assert digital.sum_rate >= limit["rate_fd_isac"] - 1e-4
    hybrid = maximize_sum_rate(scene, power, allowed, case["N_RF"])
    assert hybrid.sum_rate >= limit["rate_hbf_best_known"] - 0.1
    assert hybrid.speb <= allowed
    assert digital.speb <= allowed
    unlimited = communication_only(scene, power)
    assert unlimited.sum_rate >= limit["rate_fd_comm_only"] - 1e-4
    assert unlimited.sum_rate >= digital.sum_rate - 1e-6 >= hybrid.sum_rate - 2e-6
    near = matrix_approximation(scene, power, digital, case["N_RF"], allowed)
    assert near.margins.speb == pytest.approx(allowed - near.speb)
    assert near.sum_rate < hybrid.sum_rate


def test_hybrid_without_bound_approaches_the_unlimited_one():
    scene = random_scene(0)
    unlimited = communication_only(scene, 1.0, 4)
    limited = maximize_sum_rate(scene, 1.0, 1e6, 4)
    assert limited.sum_rate == pytest.approx(unlimited.sum_rate, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_fractional_programming_climbs(seed):
    """Never below matched beams, and optimal for one user."""
    scene = random_scene(seed, num_users=1 + seed)
    users = Model.of(scene, 1.0).users
    beams = fractional_digital(users)
    assert np.sum(np.abs(beams) ** 2) == pytest.approx(1)

    def rate(beams):
        energy = np.abs(users.conj().T @ beams) ** 2
        own = np.diagonal(energy)
        return np.sum(np.log2(1 + own / (energy.sum(1) - own + 1)))

    assert rate(beams) >= rate(users / np.linalg.norm(users))
    if scene.num_users == 1:
        assert rate(beams) == pytest.approx(np.log2(1 + np.sum(np.abs(users) ** 2)))


def test_further_starts_begin_where_the_bound_is_met(monkeypatch):
    """If no promising start leads anywhere, the search begins at beams for the target."""
    scene = random_scene(3)
    limit = 1.05 * smallest_speb(scene, 1.0)
    searches = []

    def unlucky(form, task, start, **options):
        found = search(form, task, start, **options)
        searches.append(task.objective)
        return found if len(searches) > 1 else replace(found, converged=False)

    monkeypatch.setattr(_hybrid, "search", unlucky)
    solution = maximize_sum_rate(scene, 1.0, limit, num_rf_chains=4, num_starts=1)
    assert searches[:3] == ["sum_rate", "speb", "sum_rate"]
    assert solution.speb <= limit * (1 + 1e-6) and solution.sum_rate > 1


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-9, 1 + 1e-7, 1 + 1e-5])
@pytest.mark.parametrize("chains", [None, 4])
def test_at_the_smallest_bound_the_rest_is_as_good_as_for_sensing_alone(factor, chains):
    for seed in range(3):
        scene = random_scene(seed)
        limited = maximize_sum_rate(scene, 1.0, factor * smallest_speb(scene, 1.0), chains)
        assert limited.sum_rate >= sensing_only(scene, 1.0, chains).sum_rate * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_bound_on_the_error_never_raises_the_hybrid_rate(seed):
    scene = random_scene(seed)
    unlimited = communication_only(scene, 1.0, num_rf_chains=4)
    limited = maximize_sum_rate(scene, 1.0, 20 * smallest_speb(scene, 1.0), num_rf_chains=4)
    assert limited.sum_rate <= unlimited.sum_rate * (1 + 1e-6)


@pytest.mark.parametrize("chains", [None, 4])
def test_beams_for_the_users_alone_are_no_worse_than_those_they_start_from(monkeypatch, chains):
    """Even if every search fails to climb: the best start itself is left."""
    scene = random_scene(0)
    starts = [maximize_sum_rate(scene, 1.0, f * smallest_speb(scene, 1.0), chains) for f in (5, 50)]
    climbed = communication_only(scene, 2.0, chains, starts)
    assert climbed.sum_rate > max(s.sum_rate for s in starts)
    poor = sensing_only(scene, 1.0, chains)

    def digital(task, vectors, basis, start):
        return LocalOptimum(start, 0.0, -np.inf, True, "poor"), poor.beams

    def hybrid(model, task, beams, num_rf_chains, num_starts, first):
        return poor.analog.sum(1), poor.digital, LocalOptimum(beams, 0.0, -np.inf, True, "poor")

    monkeypatch.setattr(reference, "local_beams", digital)
    monkeypatch.setattr(reference, "hybrid_beams", hybrid)
    assert communication_only(scene, 1.0, chains).sum_rate == pytest.approx(poor.sum_rate)
    kept = communication_only(scene, 1.0, chains, starts)
    assert kept.sum_rate == pytest.approx(max(s.sum_rate for s in starts), rel=1e-9)
    assert kept.status == "one of the given starts" and (kept.analog is None) == (chains is None)
