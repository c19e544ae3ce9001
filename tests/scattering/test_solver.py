"""Krylov solver on dense complex-symmetric systems."""

from __future__ import annotations

import numpy as np
import pytest

from sionna_isac.scattering import NotConvergedError
from sionna_isac.scattering._krylov import solve


def system(size: int, seed: int, spread: float = 0.5) -> np.ndarray:
    """Complex symmetric matrix I - S."""
    rng = np.random.default_rng(seed)
    s = rng.normal(size=[size, size]) + 1j * rng.normal(size=[size, size])
    return np.eye(size) - spread * (s + s.T) / (2 * np.sqrt(size))


def test_solves_all_right_hand_sides_each_to_its_target():
    matrix = system(60, 0)
    rng = np.random.default_rng(1)
    rhs = rng.normal(size=[5, 60]) + 1j * rng.normal(size=[5, 60])
    targets = np.array([1e-2, 1e-4, 1e-6, 1e-8, 1e-10])
    found = solve(lambda x: x @ matrix, rhs, targets, 200)
    residuals = np.linalg.norm(rhs - found.x @ matrix, axis=1)
    assert np.all(residuals <= targets)
    np.testing.assert_allclose(found.residuals, residuals, atol=1e-13)
    assert np.all(np.diff(found.iterations) > 0)
    np.testing.assert_allclose(found.x[-1], np.linalg.solve(matrix, rhs[-1]), rtol=1e-8)


def test_a_good_guess_saves_iterations_and_a_bad_one_does_no_harm():
    matrix = system(60, 2)
    rhs = np.random.default_rng(3).normal(size=[1, 60]).astype(complex)
    exact = np.linalg.solve(matrix, rhs.T).T

    def iterations(guess):
        return solve(lambda x: x @ matrix, rhs, np.array([1e-8]), 200, guess).iterations[0]

    plain = iterations(None)
    assert iterations(exact * (1 + 1e-5)) <= 2
    assert iterations(exact + 1e-4) < plain
    assert iterations(1e6 * exact[:, ::-1]) <= plain + 3
    assert iterations(np.zeros_like(exact)) <= plain + 1


def test_vanishing_unconjugated_products_are_survived():
    """b^T b = b^T A b = 0, as of a circularly polarised wave on a symmetric body."""
    block = system(30, 4)
    zero = np.zeros_like(block)
    matrix = np.block([[block, zero], [zero, block]])
    part = np.random.default_rng(5).normal(size=30)
    rhs = np.concatenate([part, 1j * part])[np.newaxis]
    assert abs(np.sum(rhs * rhs)) < 1e-12
    found = solve(lambda x: x @ matrix, rhs, np.array([1e-9]), 300)
    np.testing.assert_allclose(found.x[0], np.linalg.solve(matrix, rhs[0]), rtol=1e-7)


@pytest.mark.parametrize("distance", [3e-5, 1e-5])
@pytest.mark.parametrize("seed", [1, 23, 25, 26, 27])
def test_nearly_vanishing_products_do_not_ruin_a_solution(seed, distance):
    """Single precision: with steps that large, the recursion went astray for good."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=[40, 40]))
    values = rng.uniform(1, 3, 40) * np.exp(1j * rng.uniform(-1.2, 1.2, 40))
    matrix = ((basis * values) @ basis.T).astype(np.complex64)
    first, second = (basis[:, i] / np.sqrt(values[i]) for i in (0, 1))
    rhs = first + 1j * (1 + distance) * second + distance * rng.normal(size=40)
    rhs = rhs[np.newaxis].astype(np.complex64)
    found = solve(lambda x: x @ matrix, rhs, np.array([1e-3 * np.linalg.norm(rhs)]), 2000)
    assert np.linalg.norm(rhs - found.x @ matrix) <= 1.01e-3 * np.linalg.norm(rhs)
    assert found.iterations[0] <= 60


def test_right_hand_side_of_zero():
    found = solve(lambda x: 2 * x, np.zeros([2, 4], complex), np.array([1e-5, 0.0]), 10)
    assert not np.any(found.x)


def test_failure_is_an_error():
    matrix = system(60, 6, spread=1.0)
    rhs = np.ones([2, 60], complex)
    with pytest.raises(NotConvergedError, match="times the residual allowed, after 3 products"):
        solve(lambda x: x @ matrix, rhs, np.array([100.0, 1e-8]), 3)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
@pytest.mark.parametrize("guessed", [False, True])
def test_the_count_stays_within_the_limit(limit, guessed):
    """Neither with a guess nor where a breakdown splits the right-hand side."""
    block = system(30, 4, spread=1.0)
    zero = np.zeros_like(block)
    matrix = np.block([[block, zero], [zero, block]])
    part = np.random.default_rng(5).normal(size=30)
    rhs = np.concatenate([part, 1j * part])[np.newaxis]
    guess = rhs[:, ::-1] if guessed else None
    with pytest.raises(NotConvergedError, match=rf"after [1-{limit}] products"):
        solve(lambda x: x @ matrix, rhs, np.array([1e-9]), limit, guess)


def test_single_precision_reports_the_true_residual():
    matrix = system(200, 7, spread=0.9).astype(np.complex64)
    rhs = np.random.default_rng(8).normal(size=[1, 200]).astype(np.complex64)
    found = solve(lambda x: x @ matrix, rhs, np.array([1e-5 * np.linalg.norm(rhs)]), 2000)
    assert found.x.dtype == np.complex64
    wide = rhs.astype(complex) - found.x.astype(complex) @ matrix.astype(complex)
    assert np.linalg.norm(wide) <= 1.1e-5 * np.linalg.norm(rhs)
