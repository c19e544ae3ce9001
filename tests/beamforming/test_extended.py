"""Designs for an extended target: reference numbers, proofs, and agreement of the methods."""

import re

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac import bound
from sionna_isac import scene as scene_module
from sionna_isac.array import planar_wave
from sionna_isac.beamforming import (
    InfeasibleError,
    VerificationError,
    illuminate_centre,
    illuminate_region,
    minimize_crb,
    weighted_isac,
)
from sionna_isac.beamforming._extended_beams import certify, relaxed, span_of
from sionna_isac.beamforming._extended_model import reduced_basis
from sionna_isac.beamforming._extended_search import Goal, _Evaluation
from sionna_isac.beamforming._randomization import _Allocation, randomized
from sionna_isac.beamforming.extended_solution import measured
from tests.beamforming.extended_cases import CASES, reference, scene, setup

ANGLES = {"azimuth": 20.0, "elevation": -10.0, "orientation": 50.0}  # degrees

cases = pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
levels = pytest.mark.parametrize("level", ["energy", "resolved"])


@cases
@pytest.mark.parametrize("method", ["certified", "sdr", "published"])
def test_reference_optimum(case, method):
    found = minimize_crb(
        **reference(case), min_sinr=case["Gamma"], coverage=case["eta"], method=method
    )
    assert found.objective == pytest.approx(case["sdr_optimum"], rel=1e-5)
    assert found.lower_bound <= case["rank_one_nlp_value"] * (1 + 1e-9)
    assert found.relative_gap < 1e-4
    np.testing.assert_allclose(found.crb.sum(), found.objective)
    if method == "certified":
        np.testing.assert_allclose(found.crb, case["crb_diag"], rtol=1e-3)
        assert found.objective == pytest.approx(case["rank_one_nlp_value"], rel=1e-6)
    assert np.all(found.sinr >= case["Gamma"] * (1 - 1e-6))
    assert found.coverage <= case["eta"]
    assert found.power == pytest.approx(case["P"], rel=1e-9)


@cases
def test_reference_benchmarks(case):
    for design, name in ((illuminate_centre, "benchmark1"), (illuminate_region, "benchmark2")):
        found = design(**reference(case), min_sinr=case["Gamma"])
        assert found.objective == pytest.approx(case[name]["optimum"], rel=1e-5)
        assert found.relative_gap < 1e-5
        assert found.crb.sum() == pytest.approx(case[name]["trCRB_of_one_optimal_R"], rel=1e-3)
        assert found.crb.sum() > case["sdr_optimum"]


@cases
@pytest.mark.parametrize("method", ["certified", "sdr", "published"])
def test_reference_weighted_metric(case, method):
    expected = case["wim"]
    found = weighted_isac(
        **reference(case),
        coverage=case["eta"],
        weight=expected["omega_comm"],
        balance=expected["rho"],
        method=method,
        num_draws=20,
    )
    assert found.objective == pytest.approx(expected["best_rank_one_value"], rel=1e-5)
    assert found.sum_rate == pytest.approx(expected["sum_rate"], rel=1e-2)
    half = 0.5 * (expected["rho"] * found.crb.sum() - found.sum_rate)
    assert found.objective == pytest.approx(half, rel=1e-9)
    assert found.lower_bound <= found.objective + 1e-9
    assert found.relative_gap < 1e-3
    if method == "certified":
        assert found.history is None
    else:
        assert np.all(np.diff(found.history) < 0)
        assert found.history[-1] == pytest.approx(found.objective, rel=1e-4)


@levels
@pytest.mark.parametrize("seed", range(3))
def test_methods_agree_and_the_certificate_bounds_the_relaxation(level, seed):
    """On a 3 x 3 array, where the relaxation can be solved without a subspace, too."""
    arguments = scene(seed, (3, 3), level=level, weights=[2.0, 1.0, 0.5, 0.1])
    found = {
        method: minimize_crb(**arguments, min_sinr=5.0, coverage=2.0, method=method)
        for method in ("certified", "sdr")
    }
    model = setup(arguments, 5.0, 2.0).model
    whole = relaxed(model, Goal("bound", np.full(2, 5.0), 2.0))
    optimum = whole.value * model.scale
    for solution in found.values():
        assert solution.objective == pytest.approx(optimum, rel=1e-5)
        assert solution.lower_bound <= optimum * (1 + 1e-6)
        weighted = np.dot([2.0, 1.0, 0.5, 0.1], solution.crb)
        assert solution.objective == pytest.approx(weighted, rel=1e-12)


@pytest.mark.parametrize("coverage", [None, 4.0])
def test_smallest_sinr_targets_are_certified(coverage):
    arguments = scene(1, (3, 3))
    found = minimize_crb(**arguments, min_sinr=1e-9, coverage=coverage)
    free = minimize_crb(**arguments, min_sinr=0, coverage=coverage)
    assert found.relative_gap < 1e-5
    assert found.objective == pytest.approx(free.objective, rel=1e-4)


@pytest.mark.parametrize("min_sinr", [0.0, 3.0])
def test_more_users_than_antennas(min_sinr):
    """Without targets or with one user that has one; others share the rest of a relaxation."""
    arguments = scene(1, (3, 3))
    arguments["channels"] = np.random.default_rng(5).normal(size=(12, 9, 2)) @ [1, 1j]
    targets = np.zeros(12)
    targets[3] = min_sinr
    found = [
        minimize_crb(**arguments, min_sinr=targets, coverage=2.0, method=method)
        for method in ("certified", "sdr")
    ]
    for solution in found:
        assert solution.relative_gap < 1e-4


def test_any_beams_give_a_bound():
    given = setup(scene(3))
    goal = Goal("bound", given.sinr, given.coverage)
    optimum = minimize_crb(**scene(3), min_sinr=10.0, coverage=4.0).objective / given.model.scale
    model, _ = span_of(given.model)
    random = np.random.default_rng(0)
    for _ in range(10):
        factors = [random.normal(size=(len(model.users), 2, 2)) @ [1, 1j] for _ in range(2)]
        assert certify(model, goal, factors)[1] <= optimum
        multipliers = random.uniform(0, 1e-4, size=2)
        assert certify(model, goal, factors, multipliers)[1] <= optimum


def test_published_weighted_metric_in_the_subspace():
    """Both approximations and the search end at the same value on a small array."""
    arguments = scene(4, (3, 3))
    values = [
        weighted_isac(**arguments, coverage=3.0, weight=0.3, method=method).objective
        for method in ("certified", "sdr", "published")
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-4)


@pytest.mark.parametrize("seed", range(20))
@levels
def test_random_scenes_are_certified(level, seed):
    coverage = (1.5, 2.0, 4.0, None)[seed % 4]
    arguments = scene(seed, (5, 4), num_users=1 + seed % 3, level=level)
    found = minimize_crb(**arguments, min_sinr=8.0, coverage=coverage)
    assert found.relative_gap < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
@levels
def test_random_scenes_of_64_antennas_are_certified(level, seed):
    arguments = scene(seed, (8, 8), num_users=4, level=level)
    found = minimize_crb(**arguments, min_sinr=10.0, coverage=2.0)
    assert found.relative_gap < 1e-4


def test_target_close_to_a_large_array_is_certified():
    """A body of several beamwidths, where the first starts may not lead to the optimum."""
    arguments = scene(3, (12, 6), distance=(8.0, 8.0))
    found = minimize_crb(**arguments, min_sinr=10.0, coverage=4.0)
    assert found.relative_gap < 1e-4


def test_one_user_where_no_draw_is_feasible():
    """The relaxation has rank two: randomisation finds nothing, the search the optimum."""
    arguments = scene(1, (8, 8), num_users=1, distance=(8.0, 8.0))
    given = setup(arguments, 10.0, 2.0)
    model = given.model.within(reduced_basis(given.model, 1e-3))
    goal = Goal("bound", given.sinr, given.coverage)
    solved = relaxed(model, goal)
    assert np.linalg.eigvalsh(solved.covariances[0])[-2] > 0.2
    assert randomized(model, goal, solved.factors, 10, 0) is None
    assert minimize_crb(**arguments, min_sinr=10.0, coverage=2.0).relative_gap < 1e-4


def test_relaxation_that_is_not_tight():
    """Its bound is that of the solution, which one beam does not reach."""
    arguments = scene(0, (8, 8), num_users=1, distance=(6.0, 6.0))
    given = setup(arguments, 10.0, 2.0)
    model = given.model.within(reduced_basis(given.model, 1e-3))
    optimum = relaxed(model, Goal("bound", given.sinr, 2.0)).value * given.model.scale
    found = minimize_crb(**arguments, min_sinr=10.0, coverage=2.0)
    assert found.lower_bound == pytest.approx(optimum, rel=1e-4)
    assert optimum * 1.005 < found.objective < optimum * 1.02


def test_published_beams_without_a_feasible_draw():
    arguments = scene(1, (4, 4), num_users=1, distance=(4.0, 4.0))
    found = minimize_crb(**arguments, min_sinr=10.0, coverage=1.3, method="published", num_draws=3)
    assert "none of 3 draws feasible" in found.status
    assert found.coverage <= 1.3 * (1 + 1e-6)


@pytest.mark.parametrize("objective", ["bound", "weighted", "level", "coverage"])
@levels
def test_gradients_of_the_search(objective, level):
    given = setup(scene(0, (3, 3), level=level))
    model, _ = span_of(given.model)
    goal = Goal(objective, np.array([3.0, 0.0]), 2.0, bound_price=0.1, rate_price=0.7)
    evaluation = _Evaluation(model, goal, np.arange(4), np.arange(2, 6))
    random = np.random.default_rng(1)
    beams = random.normal(size=(len(model.users), 2, 2)) @ [1, 1j]
    x = evaluation.pack(beams)
    np.testing.assert_allclose(evaluation.unpack(x), beams)
    values, gradient = evaluation(x)
    step = 1e-6
    numeric = [
        (evaluation(x + e)[0] - evaluation(x - e)[0]) / (2 * step) for e in step * np.eye(len(x))
    ]
    scale = np.abs(gradient).max(1, keepdims=True)
    np.testing.assert_allclose(gradient / scale, np.transpose(numeric) / scale, atol=1e-7)
    # scale changes nothing: all is a function of beams of unit power
    np.testing.assert_allclose(
        evaluation(evaluation.normalized(x))[0], values, rtol=1e-9, atol=1e-13
    )


@pytest.mark.parametrize("objective", ["bound", "weighted"])
def test_gradients_of_the_powers(objective):
    given = setup(scene(0, (3, 3)))
    goal = Goal(objective, np.array([3.0, 0.0]), 2.0, bound_price=0.1, rate_price=0.7)
    random = np.random.default_rng(1)
    directions = random.normal(size=(9, 2, 2)) @ [1, 1j]
    allocation = _Allocation(given.model, goal, directions / np.linalg.norm(directions, axis=0))
    x = random.normal(size=3)
    values, gradient = allocation(x)
    step = 1e-6
    numeric = [(allocation(x + e)[0] - allocation(x - e)[0]) / (2 * step) for e in step * np.eye(3)]
    np.testing.assert_allclose(gradient, np.transpose(numeric), atol=1e-7)
    np.testing.assert_allclose(
        allocation(allocation.normalized(x))[0], values, rtol=1e-9, atol=1e-13
    )


@levels
def test_model_is_the_bound(level):
    """The dimensionless objective is that of the bound module, its gradient that of numbers."""
    arguments = scene(5, (4, 3), level=level, weights=[1.0, 3.0, 0.0, 2.0])
    given = setup(arguments, 0.0, np.inf)
    random = np.random.default_rng(2)
    beams = random.normal(size=(12, 2, 2)) @ [1, 1j]
    beams /= np.linalg.norm(beams)
    value, gradient = given.model.tangent(beams)
    found = measured(given, beams, "given")
    assert value * given.model.scale == pytest.approx(given.weights @ found["crb"], rel=1e-9)
    # of degree -1, and no other direction
    covariance = beams @ beams.conj().T
    assert np.vdot(gradient, covariance).real == pytest.approx(-value, rel=1e-9)
    forms = np.einsum("pij,ji->p", given.model.forms(), covariance).real
    information = given.model.information(
        np.ascontiguousarray(given.model.sensing.conj().T @ beams)
    )
    np.testing.assert_allclose(forms, information[np.triu_indices(5)], atol=1e-12)


def test_relaxation_gives_covariances_that_meet_the_requirements():
    given = setup(scene(6, (4, 4), num_users=3))
    model = given.model.within(reduced_basis(given.model, 1e-3))
    solved = relaxed(model, Goal("bound", given.sinr, given.coverage))
    received = np.einsum("ik,mij,jk->km", model.users.conj(), solved.covariances, model.users).real
    own = np.diagonal(received)
    assert np.all(own / (received.sum(1) - own + 1) >= given.sinr * (1 - 1e-3))
    assert np.trace(solved.covariances, axis1=1, axis2=2).real.sum() <= 1 + 1e-6
    assert np.linalg.eigvalsh(solved.covariances).min() > -1e-6


def test_randomization_is_feasible_and_no_better_than_the_optimum():
    given = setup(scene(7, (4, 4), num_users=2))
    goal = Goal("bound", given.sinr, given.coverage)
    solved = relaxed(given.model, goal)
    beams = randomized(given.model, goal, solved.factors, 30, 0)
    found = measured(given, beams, "given")  # raises if it violates anything
    assert found["crb"].sum() == pytest.approx(solved.value * given.model.scale, rel=1e-3)
    assert found["crb"].sum() >= solved.value * given.model.scale * (1 - 1e-5)
    again = randomized(given.model, goal, solved.factors, 30, 0)
    np.testing.assert_array_equal(beams, again)


def test_point_target():
    """Three parameters, one scatterer: the smallest bound of a beam at it."""
    target = bound.ExtendedTarget.point(20.0, 0.3, -0.1)
    arguments = {**scene(0), "target": target}
    found = minimize_crb(**arguments, min_sinr=0.0, coverage=4.0)
    assert found.crb.shape == (3,)
    assert found.coverage == 1
    assert found.relative_gap < 1e-6
    lit = illuminate_centre(**arguments, min_sinr=0.0)
    assert lit.objective == pytest.approx(16.0, rel=1e-6)
    np.testing.assert_allclose(lit.crb.sum(), found.objective, rtol=1e-6)


def test_scatterers_of_weight_zero_are_not_there():
    arguments = scene(2)
    target = arguments["target"]
    pose = {
        name: getattr(target, name) for name in ("range", "azimuth", "elevation", "orientation")
    }
    far = np.concatenate([target.points, [[0.0, 5.0, 0.0]]])
    more = bound.ExtendedTarget(far, np.append(target.weights, 0.0), **pose)
    found = [
        minimize_crb(**{**arguments, "target": t}, min_sinr=10.0, coverage=2.0)
        for t in (target, more)
    ]
    assert found[0].objective == pytest.approx(found[1].objective, rel=1e-8)
    assert found[0].coverage == pytest.approx(found[1].coverage, rel=1e-4)


def test_sinr_out_of_reach():
    with pytest.raises(InfeasibleError, match=r"min_sinr .*50\.00.* dB needs .* largest common"):
        minimize_crb(**scene(0), min_sinr=1e5)
    arguments = scene(0)
    arguments["channels"] = np.repeat(arguments["channels"][:1], 2, axis=0)
    with pytest.raises(InfeasibleError, match="more than any power"):
        minimize_crb(**arguments, min_sinr=2.0)


@pytest.mark.parametrize("method", ["certified", "sdr"])
def test_coverage_out_of_reach(method):
    arguments = scene(1, (4, 4), num_users=1, distance=(5.0, 5.0), method=method)
    with pytest.raises(InfeasibleError, match=r"coverage 1\.01 .* smallest found .*is 2\.504\. "):
        minimize_crb(**arguments, min_sinr=1200.0, coverage=1.01)


def test_the_smallest_coverage_is_reached():
    arguments = scene(1, (4, 4), num_users=1, distance=(5.0, 5.0))
    with pytest.raises(InfeasibleError) as error:
        minimize_crb(**arguments, min_sinr=1200.0, coverage=1.01)
    smallest = float(re.search(r"targets is (\S+)\. ", str(error.value))[1])
    found = minimize_crb(**arguments, min_sinr=1200.0, coverage=smallest * 1.01)
    assert found.coverage <= smallest * 1.01 * (1 + 1e-6)


def test_tampered_beams_are_refused():
    given = setup(scene(0))
    beams = minimize_crb(**scene(0), min_sinr=10.0, coverage=4.0).beams
    assert measured(given, beams, "given")["power"] == pytest.approx(1)
    with pytest.raises(VerificationError, match="power exceeds the budget"):
        measured(given, beams * 1.001, "given")
    with pytest.raises(VerificationError, match=r"SINR .* of user"):
        measured(given, beams * 0.99, "given")
    with pytest.raises(VerificationError, match="must be finite"):
        measured(given, beams * np.nan, "given")
    tight = setup(scene(0), coverage=1.01)
    with pytest.raises(VerificationError, match="coverage"):
        measured(tight, beams, "given")


@pytest.mark.parametrize(("design", "sinr_db"), [(illuminate_centre, 10), (illuminate_region, 6)])
def test_most_power_is_found_where_users_are_easily_served(design, sinr_db):
    """The search alone stops next to beams that serve: users hear far more than they need."""
    pose = {"range": 8.0, **{n: np.radians(v) for n, v in ANGLES.items()}}
    body = scene_module.FourierSurface.fit_cuboid(4.5, 1.8, 1.5)
    target = bound.ExtendedTarget(*body.scatterers(**pose), **pose)
    where = (tf.constant(np.radians(v)) for v in ([-40.0, -5, 35], [-2.0, -3, -2]))
    gain = SPEED_OF_LIGHT / 28e9 / (4 * np.pi * np.array([100, 120, 80]))
    channels = planar_wave((8, 8), *where).numpy() * gain[:, None]
    wanted = 10 ** (sinr_db / 10)
    system = {"path_gain": 1e-7, "noise_power": 1e-12, "rms_bandwidth": 28.9e6, "num_samples": 1024}
    found = design(target, (8, 8), (8, 8), channels, 1.0, wanted, user_noise=1e-12, **system)
    assert found.relative_gap < 3e-3
    assert np.all(found.sinr >= wanted * (1 - 1e-6))
