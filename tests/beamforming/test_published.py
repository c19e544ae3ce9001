"""The published iterative methods: their parts by definition, feasible and monotone histories."""

import cvxpy as cp
import numpy as np
import pytest

from sionna_isac.beamforming import (
    InfeasibleError,
    SolverError,
    _sca_bcd,
    communication_only,
    maximize_sum_rate,
    minimize_speb,
    smallest_speb,
)
from sionna_isac.beamforming._fractional import analog_quadratic, auxiliary
from sionna_isac.beamforming._hybrid import combine, seen_through
from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming.solution import subarray_analog
from tests.beamforming.cases import random_scene


def fractional_objective(users, beams, gamma, mu):
    """(42) by definition, in nat, with channels in units of the noise."""
    value = np.sum(np.log(1 + gamma)) - np.sum(gamma)
    for k in range(users.shape[1]):
        received = users[:, k].conj() @ beams
        value += 2 * np.sqrt(1 + gamma[k]) * np.real(np.conj(mu[k]) * received[k])
        value -= abs(mu[k]) ** 2 * (np.sum(np.abs(received) ** 2) + 1)
    return value


def hybrid(seed, num_antennas=12, chains=4, num_users=3):
    random = np.random.default_rng(seed)
    entries = np.exp(2j * np.pi * random.uniform(size=num_antennas))
    digital = random.normal(size=(chains, num_users, 2)) @ [1, 1j]
    users = random.normal(size=(num_antennas, num_users, 2)) @ [1, 1j]
    return users, entries, digital


@pytest.mark.parametrize("seed", range(3))
def test_fractional_objective_is_the_sum_rate(seed):
    """(43) and (44) make (42) equal to sum log(1 + SINR), its maximum over gamma and mu."""
    users, entries, digital = hybrid(seed)
    beams = combine(entries, digital)
    np.testing.assert_allclose(beams, subarray_analog(entries, 4) @ digital)
    gamma, mu = auxiliary(users, beams)
    energy = np.abs(users.conj().T @ beams) ** 2
    own = np.diagonal(energy)
    best = np.sum(np.log(1 + own / (energy.sum(1) - own + 1)))
    assert fractional_objective(users, beams, gamma, mu) == pytest.approx(best, rel=1e-12)
    random = np.random.default_rng(seed)
    for _ in range(20):
        other = gamma * np.exp(0.1 * random.normal(size=3))
        turned = mu + 0.01 * np.abs(mu) * (random.normal(size=(3, 2)) @ [1, 1j])
        assert fractional_objective(users, beams, other, turned) < best


@pytest.mark.parametrize("seed", range(3))
def test_quadratic_form_of_the_phases(seed):
    """f^H B f - 2 Re f^H c of (45) is -(42) up to what does not depend on f."""
    users, entries, digital = hybrid(seed)
    gamma, mu = auxiliary(users, combine(entries, digital))
    spread = np.repeat(digital, 3, axis=0)
    quadratic, linear = analog_quadratic(users, spread, gamma, mu)

    def rest(f):
        form = np.vdot(f, quadratic @ f).real - 2 * np.vdot(f, linear).real
        return form + fractional_objective(users, combine(f, digital), gamma, mu)

    assert rest(hybrid(seed + 10)[1]) == pytest.approx(rest(entries), rel=1e-10)


def test_vectors_seen_through_the_analog_beams():
    users, entries, digital = hybrid(0)
    through = seen_through(entries, users, 4)
    np.testing.assert_allclose(
        through.conj().T @ (digital * np.sqrt(3)), users.conj().T @ combine(entries, digital)
    )
    assert np.linalg.norm(digital) * np.sqrt(3) == pytest.approx(
        np.linalg.norm(combine(entries, digital))
    )


def check_history(solution, max_speb):
    assert np.all(np.diff(solution.history) >= 0)
    assert solution.history[-1] == pytest.approx(solution.sum_rate, rel=1e-6)
    assert solution.speb <= max_speb * (1 + 1e-6)
    assert np.sum(np.abs(solution.beams) ** 2) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("num_antennas", "chains"),
    [
        (12, None),
        (8, 2),
        pytest.param(12, 4, marks=pytest.mark.slow),
        pytest.param(16, 4, marks=pytest.mark.slow),
    ],
)
def test_sum_rate(num_antennas, chains):
    """Between where it starts and the local search, at most 10 % below the latter."""
    scene = random_scene(0, num_antennas)
    max_speb = 10 * smallest_speb(scene, 1.0)
    published = maximize_sum_rate(scene, 1.0, max_speb, chains, "sca-bcd")
    check_history(published, max_speb)
    assert "converged in" in published.status
    direct = maximize_sum_rate(scene, 1.0, max_speb, chains)
    digital = maximize_sum_rate(scene, 1.0, max_speb)
    assert published.sum_rate <= digital.sum_rate * (1 + 1e-6)
    assert 0.9 * direct.sum_rate <= published.sum_rate
    assert published.history[0] < published.history[-1]
    if chains is not None:
        assert published.margins.constant_modulus > -1e-12
    assert direct.history is None


@pytest.mark.parametrize(
    ("seed", "chains", "factor", "former"),
    [(1, 2, 10.0, 22.1010), pytest.param(2, 4, 1.5, 22.4234, marks=pytest.mark.slow)],
)
def test_penalties_go_from_weak_to_strong(monkeypatch, seed, chains, factor, former):
    """Each until it gains no more; better than with one that grew whenever a step failed."""
    charged = []

    def seen(*arguments):
        charged.append(arguments[-1])
        return step(*arguments)

    step = _sca_bcd._analog_step
    monkeypatch.setattr(_sca_bcd, "_analog_step", seen)
    scene = random_scene(seed, num_antennas=8)
    max_speb = factor * smallest_speb(scene, 1.0)
    solution = maximize_sum_rate(scene, 1.0, max_speb, chains, "sca-bcd")
    check_history(solution, max_speb)
    assert solution.margins.constant_modulus > -1e-12
    assert charged == sorted(charged) and set(charged) == set(_sca_bcd.PENALTIES)
    gains = np.diff(solution.history) / solution.history[1:]
    ends = np.append(np.diff(charged) > 0, True)  # iterations that end a penalty
    assert np.array_equal(gains < _sca_bcd.TOLERANCE, ends)
    assert solution.sum_rate > former + 0.1


@pytest.mark.slow
def test_tight_bound():
    """Stays feasible where the bound rules the design, though it may stall below the search."""
    scene = random_scene(0, num_antennas=12)
    max_speb = 1.5 * smallest_speb(scene, 1.0)
    published = maximize_sum_rate(scene, 1.0, max_speb, 4, "sca-bcd", max_iterations=20)
    check_history(published, max_speb)
    assert published.history[-1] > 1.2 * published.history[0]


def test_loose_bound_does_not_count():
    """Where SPEB hardly matters, the start is that of the users alone, and nothing gets worse."""
    scene = random_scene(1, num_antennas=8)
    published = maximize_sum_rate(scene, 1.0, 1e6, 4, "sca-bcd", max_iterations=2)
    check_history(published, 1e6)
    assert published.sum_rate == pytest.approx(communication_only(scene, 1.0, 4).sum_rate, rel=0.1)


@pytest.mark.parametrize("method", ["sdr-bcd", "sca-bcd"])
def test_number_of_iterations(method):
    scene = random_scene(2, num_antennas=8)
    if method == "sdr-bcd":
        solution = minimize_speb(scene, 1.0, 3.0, 4, method, max_iterations=1)
    else:
        allowed = 1.5 * smallest_speb(scene, 1.0)
        solution = maximize_sum_rate(scene, 1.0, allowed, 4, method, max_iterations=1)
    assert len(solution.history) == 2
    assert solution.status == "stopped after 1 iterations, not converged"


@pytest.mark.parametrize("method", ["sdr-bcd", "sca-bcd"])
def test_no_convergence_is_an_error(monkeypatch, method):
    from sionna_isac.beamforming import _sca_bcd, _sdr_bcd

    monkeypatch.setattr({"sdr-bcd": _sdr_bcd, "sca-bcd": _sca_bcd}[method], "ITERATIONS", 1)
    scene = random_scene(2, num_antennas=8)
    with pytest.raises(SolverError, match="did not converge in 1 iterations"):
        if method == "sdr-bcd":
            minimize_speb(scene, 1.0, 3.0, 4, method)
        else:
            maximize_sum_rate(scene, 1.0, 1.5 * smallest_speb(scene, 1.0), 4, method)


def test_the_bound_of_the_iterates_is_that_of_the_beams():
    scene = random_scene(3, num_antennas=8)
    model = Model.of(scene, 1.0)
    solution = minimize_speb(scene, 1.0, 3.0, 4, "sdr-bcd", max_iterations=2)
    assert solution.history[-1] == pytest.approx(solution.speb, rel=1e-9)
    assert np.all(solution.history >= model.smallest_speb)


def test_users_without_rate_target():
    scene = random_scene(3, num_antennas=8)
    solution = minimize_speb(scene, 1.0, [0.0, 3.0], 4, "sdr-bcd", max_iterations=1)
    assert np.all(solution.margins.rates > -1e-3)


@pytest.mark.parametrize(("chains", "method"), [(None, "sca-bcd"), (4, "sca-bcd"), (4, "direct")])
def test_bound_out_of_reach(monkeypatch, chains, method):
    """Seen before any solver runs, and the message names what is reachable."""
    monkeypatch.setattr(cp.Problem, "solve", lambda self, **_: pytest.fail("a solver ran"))
    scene = random_scene(0, num_antennas=8)
    smallest = smallest_speb(scene, 1.0)
    with pytest.raises(InfeasibleError, match=f"smallest SPEB at 30.00 dBm is {smallest:.4g}"):
        maximize_sum_rate(scene, 1.0, 0.9 * smallest, chains, method)


@pytest.mark.parametrize("status", ["infeasible", "user_limit", None])
@pytest.mark.parametrize("chains", [None, 4])
def test_solver_failure(monkeypatch, status, chains):
    def solve(self, **kwargs):
        if status is None:
            raise cp.error.SolverError("numbers")
        self._status = status

    monkeypatch.setattr(cp.Problem, "solve", solve)
    scene = random_scene(0, num_antennas=8)
    with pytest.raises(SolverError, match="Clarabel"):
        maximize_sum_rate(scene, 1.0, 1.0, chains, "sca-bcd")
    if chains is not None:
        with pytest.raises(SolverError, match="Clarabel"):
            minimize_speb(scene, 1.0, 1.0, chains, "sdr-bcd")
