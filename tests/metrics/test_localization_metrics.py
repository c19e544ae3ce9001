import itertools

import numpy as np
import pytest

from sionna_isac.metrics import localization_rmse, matched_errors, rmse
from sionna_isac.objective import gospa_parts, positions


def draw(seed, samples=40, slots=4, error=0.2):
    rng = np.random.default_rng(seed)
    true_angle = rng.uniform(-1, 1, (samples, slots))
    true_range = rng.uniform(10, 40, (samples, slots))
    order = rng.permuted(np.tile(np.arange(slots), (samples, 1)), axis=1)
    shift = rng.normal(size=(2, samples, slots)) * error
    est_angle = np.take_along_axis(true_angle, order, 1) + 0.03 * shift[0]
    est_range = np.take_along_axis(true_range, order, 1) + shift[1]
    counts = rng.integers(0, slots + 1, (2, samples))
    return est_angle, est_range, true_angle, true_range, *counts


def test_rmse():
    assert rmse([1.0, 2.0], [1.0, 4.0]) == np.sqrt(2)
    assert rmse([[1.0, np.nan]], [[4.0, np.nan]], [[True, False]]) == 3
    with pytest.warns(UserWarning, match="zero values"):
        assert np.isnan(rmse([1.0], [2.0], [False]))
    with pytest.raises(ValueError, match="estimate must be finite"):
        rmse([np.nan], [1.0])
    with pytest.raises(ValueError, match="estimate must have the shape of truth"):
        rmse([1.0], [1.0, 2.0])
    with pytest.raises(TypeError, match="mask must hold booleans"):
        rmse([1.0], [1.0], [1])


def test_rmse_of_positions_and_of_angles():
    estimate, truth = np.array([[3.0, 4.0], [0.0, 1.0]]), np.zeros((2, 2))
    positions = estimate[:, 0] + 1j * estimate[:, 1]
    expected = np.sqrt(np.mean(np.sum(estimate**2, -1)))
    assert rmse(positions, [0, 0]) == pytest.approx(expected, rel=1e-15)
    assert rmse(truth[0], positions, [True, False]) == 5
    angles = np.deg2rad([[179.0, -1.0], [-179.0, 1.0]])
    assert rmse(*angles, period=2 * np.pi) == pytest.approx(np.deg2rad(2), rel=1e-12)
    assert rmse(*np.rad2deg(angles), period=360) == pytest.approx(2, rel=1e-12)
    assert rmse(*angles) > 4  # plain numbers, unless a period is given
    for scale in (1e-200, 1e300):  # the squares of which are 0 and infinite
        assert rmse([3 * scale, 4 * scale], [0, 0]) == pytest.approx(
            scale * 12.5**0.5, rel=1e-12, abs=0
        )
    assert rmse([1, 2], [1, 2]) == 0


@pytest.mark.parametrize("error", [2.0, 30.0])  # near the targets, and anywhere
@pytest.mark.parametrize("cutoff", [3.0, 30.0, None])
def test_matching_is_the_best_of_all(cutoff, error):
    args = draw(0, error=error)
    errors = matched_errors(*args, cutoff)
    limit = cutoff or np.inf
    for b, (ea, er, ta, tr, n, m) in enumerate(zip(*args, strict=True)):
        distance = np.abs(er[:n, None] * np.exp(1j * ea[:n, None]) - tr[:m] * np.exp(1j * ta[:m]))
        if n > m:
            distance = distance.T
        rows = np.arange(len(distance))
        orders = itertools.permutations(range(int(max(n, m))), int(min(n, m)))
        cost = np.minimum(distance, limit) ** 2
        best = min(np.sum(cost[rows, list(order)]) for order in orders)
        mine = errors.position[errors.sample == b]
        surplus = min(n, m) - mine.size
        lost = surplus * limit**2 if surplus else 0
        np.testing.assert_allclose(np.sum(mine**2) + lost, best, atol=1e-9)
        assert np.all(mine < limit)


def test_agrees_with_the_parts_of_gospa():
    args = draw(1, error=2.0)
    est_angle, est_range, true_angle, true_range, n, m = args
    errors = matched_errors(*args, 4.0)
    parts = gospa_parts(
        positions(est_angle, est_range), positions(true_angle, true_range), n, m, 4.0
    )
    per_sample = np.bincount(errors.sample, errors.position**2, len(n))
    np.testing.assert_allclose(parts.localization, per_sample, atol=1e-9)


def test_errors_by_hand():
    errors = matched_errors(
        [[0.2, 0.0, np.nan]], [[9.0, 21.0, np.nan]], [[0.0, 0.1]], [[20.0, 10.0]], [2], [2], 5.0
    )
    np.testing.assert_allclose(errors.angle, [0.1, 0.0], atol=1e-15)
    np.testing.assert_allclose(errors.range, [-1.0, 1.0], atol=1e-15)
    np.testing.assert_allclose(errors.position[1], 1.0)
    assert (errors.estimate.tolist(), errors.target.tolist()) == ([0, 1], [1, 0])
    result = localization_rmse(
        [[0.2, 0.0, np.nan]], [[9.0, 21.0, np.nan]], [[0.0, 0.1]], [[20.0, 10.0]], [2], [2], 5.0
    )
    np.testing.assert_allclose(result.angle, np.sqrt(0.01 / 2))
    np.testing.assert_allclose(result.range, 1.0)
    assert result.num_matched == 2


def test_angles_are_compared_on_the_circle():
    errors = matched_errors([[np.pi - 0.1]], [[5.0]], [[-np.pi + 0.1]], [[5.0]], [1], [1])
    np.testing.assert_allclose(errors.angle, [-0.2], atol=1e-14)


def test_no_match_is_not_a_number_and_says_so():
    with pytest.warns(UserWarning, match="without any matched target"):
        result = localization_rmse([[0.0]], [[5.0]], [[0.0]], [[50.0]], [1], [1], 10.0)
    assert np.isnan(result[:3]).all() and result.num_matched == 0
    assert matched_errors(*np.zeros((4, 0, 3)), [], []).sample.shape == (0,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rmse(["a"], [1.0]), TypeError, "estimate must hold real numbers"),
        (lambda: rmse([[1.0], [1.0, 2.0]], [1.0]), TypeError, "estimate must hold real numbers"),
        (lambda: rmse([1j], [1.0], period=1), TypeError, "with a period must hold real"),
        (lambda: rmse([1.0], [1.0], period=0), ValueError, "period must be .* > 0; got 0"),
        (lambda: rmse([1.0], [1.0], period=np.nan), ValueError, "period .* got nan"),
        (
            lambda: matched_errors([[179.0]], [[5.0]], [[0.1]], [[5.0]], [1], [1]),
            ValueError,
            r"est_angle must .* not in degrees.* to 179",
        ),
        (
            lambda: matched_errors([[0.1]], [[5.0]], [[0.1j]], [[5.0]], [1], [1]),
            TypeError,
            "true_angle must hold real",
        ),
        (
            lambda: matched_errors([[0.1]], [[5.0]], [[0.1]], [[5.0]], [1], [1], np.nan),
            ValueError,
            "cutoff .* got nan",
        ),
        (
            lambda: matched_errors([[0.1]], [[5.0]], [[0.1]], [[5.0]], [1.0], [1]),
            TypeError,
            "num_estimated must hold integers",
        ),
    ],
)
def test_bad_values_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_bad_arguments_are_named():
    good = draw(2)
    bad = [a.copy() for a in good]
    bad[4][0], bad[1][0, 0] = 1, np.nan
    with pytest.raises(ValueError, match="est_range must be finite"):
        matched_errors(*bad)
    with pytest.raises(ValueError, match="cutoff must be a finite number > 0; got -1"):
        matched_errors(*good, -1)
    with pytest.raises(ValueError, match="num_true must be >= 0 and <= 4; got 5"):
        matched_errors(*good[:5], np.full(40, 5))
    with pytest.raises(ValueError, match=r"num_estimated must have shape \[40\]"):
        matched_errors(*good[:4], good[4][:3], good[5])
    with pytest.raises(ValueError, match="true_range must have the shape of true_angle"):
        matched_errors(*good[:3], good[3][:, :2], *good[4:])
    with pytest.raises(ValueError, match="as many samples as true_angle, 2; got 40"):
        matched_errors(*good[:2], good[2][:2], good[3][:2], good[4], good[5][:2])


def test_matched_errors_at_the_cutoff():
    """At it, a pair is a missed and a false target, whatever the direction; as in GOSPA."""
    for angle in np.linspace(-1.5, 1.5, 101):
        for distance, number in ((44.999, 1), (45.0, 0), (45.001, 0)):
            errors = matched_errors(
                [[angle]], [[100 + distance]], [[angle]], [[100.0]], [1], [1], 45.0
            )
            assert errors.sample.size == number
