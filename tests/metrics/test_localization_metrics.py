import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import sionna_isac as isac
from sionna_isac.metrics import localization_rmse, matched_errors, rmse
from sionna_isac.objective import gospa_parts, positions


def pairs_of(function, est_angle, est_range, true_angle, true_range, number, num_true, cutoff=None):
    """Call with estimates of which the first ``number`` of each sample are detected."""
    estimate = SimpleNamespace(angle=est_angle, range=est_range, velocity=None)
    truth = SimpleNamespace(angle=true_angle, range=true_range, velocity=None, num_targets=num_true)
    detected = np.arange(np.shape(est_angle)[-1]) < np.reshape(number, (-1, 1))
    return function(estimate, truth, detected=detected, cutoff=cutoff)


def match(*args):
    return pairs_of(matched_errors, *args)


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
    errors = match(*args, cutoff)
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
    errors = match(*args, 4.0)
    parts = gospa_parts(
        positions(est_angle, est_range), positions(true_angle, true_range), n, m, 4.0
    )
    per_sample = np.bincount(errors.sample, errors.position**2, len(n))
    np.testing.assert_allclose(parts.localization, per_sample, atol=1e-9)


def test_errors_by_hand():
    errors = match(
        [[0.2, 0.0, np.nan]], [[9.0, 21.0, np.nan]], [[0.0, 0.1]], [[20.0, 10.0]], [2], [2], 5.0
    )
    np.testing.assert_allclose(errors.angle, [0.1, 0.0], atol=1e-15)
    np.testing.assert_allclose(errors.range, [-1.0, 1.0], atol=1e-15)
    np.testing.assert_allclose(errors.position[1], 1.0)
    assert (errors.estimate.tolist(), errors.target.tolist()) == ([0, 1], [1, 0])
    result = pairs_of(
        localization_rmse,
        [[0.2, 0.0, np.nan]],
        [[9.0, 21.0, np.nan]],
        [[0.0, 0.1]],
        [[20.0, 10.0]],
        [2],
        [2],
        5.0,
    )
    np.testing.assert_allclose(result.angle, np.sqrt(0.01 / 2))
    np.testing.assert_allclose(result.range, 1.0)
    assert result.num_matched == 2


def test_angles_are_compared_on_the_circle():
    errors = match([[np.pi - 0.1]], [[5.0]], [[-np.pi + 0.1]], [[5.0]], [1], [1])
    np.testing.assert_allclose(errors.angle, [-0.2], atol=1e-14)


def test_no_match_is_not_a_number_and_says_so():
    with pytest.warns(UserWarning, match="without any matched target"):
        result = pairs_of(localization_rmse, [[0.0]], [[5.0]], [[0.0]], [[50.0]], [1], [1], 10.0)
    assert np.isnan(result[:3]).all() and result.num_matched == 0
    assert match(*np.zeros((4, 0, 3)), [], []).sample.shape == (0,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rmse(["a"], [1.0]), TypeError, "estimate must hold real numbers"),
        (lambda: rmse([[1.0], [1.0, 2.0]], [1.0]), TypeError, "estimate must hold real numbers"),
        (lambda: rmse([1j], [1.0], period=1), TypeError, "with a period must hold real"),
        (lambda: rmse([1.0], [1.0], period=0), ValueError, "period must be .* > 0; got 0"),
        (lambda: rmse([1.0], [1.0], period=np.nan), ValueError, "period .* got nan"),
        (
            lambda: match([[179.0]], [[5.0]], [[0.1]], [[5.0]], [1], [1]),
            ValueError,
            r"estimate.angle must .* not in degrees.* to 179",
        ),
        (
            lambda: match([[0.1]], [[5.0]], [[0.1j]], [[5.0]], [1], [1]),
            TypeError,
            "truth.angle must hold real",
        ),
        (
            lambda: match([[0.1]], [[5.0]], [[0.1]], [[5.0]], [1], [1], np.nan),
            ValueError,
            "cutoff .* got nan",
        ),
        (
            lambda: matched_errors(*moving(2, 1, 1)[:2], detected=[[True], []]),
            TypeError,
            "detected must hold booleans",
        ),
        (
            lambda: match([[0.1]], [[5.0]], [[0.1]], [[5.0]], [1], [1.0]),
            TypeError,
            "truth.num_targets must hold integers",
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
    with pytest.raises(ValueError, match=r"estimate\.range must be finite"):
        match(*bad)
    with pytest.raises(ValueError, match="cutoff must be a finite number > 0; got -1"):
        match(*good, -1)
    with pytest.raises(ValueError, match=r"truth\.num_targets must be >= 0 and <= 4; got 5"):
        match(*good[:5], np.full(40, 5))
    with pytest.raises(ValueError, match=r"truth.num_targets must have shape \[40\]"):
        match(*good[:5], good[5][:3])
    with pytest.raises(ValueError, match=r"truth\.range must have the shape of truth.angle"):
        match(*good[:3], good[3][:, :2], *good[4:])
    with pytest.raises(ValueError, match="as many samples as truth, 2; got 40"):
        match(*good[:2], good[2][:2], good[3][:2], good[4], good[5][:2])


def test_matched_errors_at_the_cutoff():
    """At it, a pair is a missed and a false target, whatever the direction; as in GOSPA."""
    for angle in np.linspace(-1.5, 1.5, 101):
        for distance, number in ((44.999, 1), (45.0, 0), (45.001, 0)):
            errors = match([[angle]], [[100 + distance]], [[angle]], [[100.0]], [1], [1], 45.0)
            assert errors.sample.size == number
    # an estimate far beyond all others takes no digits from them
    errors = match([[0.0] * 3], [[1e300, 3.0, 5.0]], [[0.0] * 3], [[1.0, 5.1, 3.1]], [3], [3], 1.0)
    np.testing.assert_array_equal([errors.estimate, errors.target], [[1, 2], [2, 1]])


def moving(samples, number, seed, slots=3):
    """Estimates and truth with velocities, some of them not detected or absent."""
    rng = np.random.default_rng(seed)
    truth = SimpleNamespace(
        angle=rng.uniform(-1, 1, (samples, slots)),
        range=rng.uniform(10, 30, (samples, slots)),
        velocity=rng.uniform(-9, 9, (samples, slots)),
        num_targets=rng.integers(0, slots + 1, samples),
    )
    values = [rng.uniform(*span, (samples, number)) for span in ((-1, 1), (10, 30), (-9, 9))]
    estimate = isac.receiver.TargetEstimate(*values[:2], None, velocity=values[2])
    return estimate, truth, rng.random((samples, number)) < 0.7


SCALES = [
    {"angle": 0.3, "range": 4.0, "velocity": 3.0},
    {"range": 4.0, "velocity": 3.0},
    {"velocity": 1.0},
    None,
]


@pytest.mark.parametrize("scale", SCALES, ids=str)
@pytest.mark.parametrize("cutoff", [None, 1.5])
def test_matching_in_units_of_the_resolution_is_the_best_of_all(scale, cutoff):
    estimate, truth, detected = moving(30, 4, 3)
    errors = matched_errors(estimate, truth, detected=detected, scale=scale, cutoff=cutoff)
    limit = cutoff or np.inf
    for b in range(30):
        rows, columns = np.flatnonzero(detected[b]), range(truth.num_targets[b])
        cost = np.zeros((len(rows), len(columns)))
        for i, j in itertools.product(range(len(rows)), columns):
            places = [
                v.range[b, n] * np.exp(1j * v.angle[b, n])
                for v, n in ((estimate, rows[i]), (truth, j))
            ]
            cost[i, j] = abs(places[0] - places[1])
            if scale:
                cost[i, j] = np.sqrt(
                    sum(
                        ((getattr(estimate, k)[b, rows[i]] - getattr(truth, k)[b, j]) / s) ** 2
                        for k, s in scale.items()
                    )
                )
        cost = np.minimum(cost, limit) ** 2
        wide = cost if len(rows) <= len(columns) else cost.T
        best = min(
            sum(wide[i, j] for i, j in enumerate(order))
            for order in itertools.permutations(range(wide.shape[1]), wide.shape[0])
        )
        mine = errors.sample == b
        pairs = list(zip(errors.estimate[mine], errors.target[mine], strict=True))
        total = sum(cost[list(rows).index(i), j] for i, j in pairs)
        lost = min(wide.shape) - len(pairs)
        assert total + (lost * limit**2 if lost else 0) == pytest.approx(best)
        for n, (i, j) in zip(np.flatnonzero(mine), pairs, strict=True):
            for k in ("angle", "range", "velocity"):
                offset = getattr(estimate, k)[b, i] - getattr(truth, k)[b, j]
                assert getattr(errors, k)[n] == pytest.approx(offset)


def test_quantities_that_one_side_lacks_have_no_error():
    """A map without an array has no angles; targets at rest have no velocities."""
    estimate, truth, detected = moving(20, 3, 4)
    scale = {"range": 4.0, "velocity": 3.0}
    whole = matched_errors(estimate, truth, detected=detected, scale=scale)
    part = matched_errors(estimate._replace(angle=None), truth, detected=detected, scale=scale)
    assert part.angle is None and part.position is None
    np.testing.assert_array_equal(part.velocity, whole.velocity)
    rmse = localization_rmse(estimate._replace(angle=None), truth, detected=detected, scale=scale)
    assert rmse.angle is None and rmse.num_matched == whole.sample.size
    assert rmse.velocity == pytest.approx(np.sqrt(np.mean(whole.velocity**2)))
    truth.velocity = None
    assert matched_errors(estimate, truth).velocity is None
    for change, options, message in (
        ({"range": None}, {}, "scale must be given .* both have angle"),
        ({}, {"scale": scale}, "scale must be .* that estimate and truth have, angle, range; got"),
        ({}, {"scale": {}}, "scale must be a dictionary .* got {}"),
        ({}, {"scale": {"range": 0}}, r"scale\['range'\] must be .* > 0; got 0"),
        ({}, {"detected": detected[:2]}, r"detected must .* \[20, 3\]; got shape \[2, 3\]"),
        (dict.fromkeys(("angle", "range", "velocity")), {}, "estimate must have an angle"),
    ):
        with pytest.raises(ValueError, match=message):
            matched_errors(estimate._replace(**change), truth, **options)
    with pytest.raises(TypeError, match="detected must hold booleans; got int64"):
        matched_errors(estimate, truth, detected=np.ones((20, 3), int))
    with pytest.raises(TypeError, match=r"estimate must have the attributes .* got ndarray"):
        matched_errors(np.ones((20, 3)), truth)
    with pytest.raises(TypeError, match="num_targets; got TargetEstimate"):
        matched_errors(estimate, estimate)
