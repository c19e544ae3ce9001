from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from sionna_isac import citation
from sionna_isac.objective import gospa, gospa_loss, gospa_parts, positions

REFERENCE = Path(__file__).parents[1] / "data" / "multi_target" / "gospa.npz"


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as file:
        return dict(file)


def test_parts_of_a_keras_model_are_told_apart_from_tensors():
    angle = keras.Input((3,))
    with pytest.raises(TypeError, match=r"angle must be a tensor, not .* Keras model"):
        positions(angle, angle)


def by_definition(estimate, truth, cutoff, p, alpha):
    """Eq. (17) as printed, for one sample without padding."""
    if len(truth) > len(estimate):
        estimate, truth = truth, estimate
    distance = np.linalg.norm(truth[:, None] - estimate[None], axis=-1)
    cost = np.minimum(distance, cutoff) ** p
    pairs = cost[linear_sum_assignment(cost)].sum()
    return (pairs + cutoff**p / alpha * (len(estimate) - len(truth))) ** (1 / p)


def scenes(seed, batch, max_estimated, max_true, dtype=np.float64, spread=30.0):
    rng = np.random.default_rng(seed)
    return (
        (spread * rng.normal(size=(batch, max_estimated, 2))).astype(dtype),
        (spread * rng.normal(size=(batch, max_true, 2))).astype(dtype),
        rng.integers(0, max_estimated + 1, batch),
        rng.integers(0, max_true + 1, batch),
    )


def gradient(function, *args):
    args = [tf.constant(a) for a in args]
    with tf.GradientTape() as tape:
        tape.watch(args)
        value = function(*args)
    return [g.numpy() for g in tape.gradient(value, args)]


def test_agrees_with_the_released_implementation(reference):
    d = reference
    settings = np.stack([d["gamma"], d["p"], d["mu"]], 1)
    checked = 0
    for setting in np.unique(settings, axis=0):
        rows = np.all(settings == setting, 1)
        value = gospa(
            d["est"][rows], d["true"][rows], d["n_est"][rows], d["n_true"][rows], *setting
        )
        np.testing.assert_allclose(value, d["gospa"][rows], rtol=1e-12, atol=1e-9)
        checked += rows.sum()
    assert checked == 180


@pytest.mark.parametrize("size", [1, 3, 5])
def test_gradient_agrees_with_the_released_implementation(reference, size):
    estimate, truth = reference[f"batch{size}_est"], reference[f"batch{size}_true"]
    value = gospa(estimate, truth, size, size, 90.0)
    np.testing.assert_allclose(value, reference[f"batch{size}_gospa"], atol=1e-9)
    value = gospa(estimate, truth, size, size, 30.0)
    np.testing.assert_allclose(value, reference[f"batch{size}_gospa_gamma30"], atol=1e-9)
    grad = gradient(lambda e: gospa_loss(e, truth, size, 90.0), estimate)[0]
    np.testing.assert_allclose(grad, reference[f"batch{size}_grad_est_of_mean"], atol=1e-12)


@pytest.mark.parametrize(
    ("max_estimated", "max_true"), [(1, 1), (4, 7), (10, 3), (11, 9), (12, 12)]
)
@pytest.mark.parametrize(("p", "alpha"), [(2, 2), (1, 1), (3.5, 0.3)])
def test_agrees_with_the_definition(max_estimated, max_true, p, alpha):
    estimate, truth, n, m = scenes(max_estimated, 40, max_estimated, max_true)
    expected = [
        by_definition(e[:i], t[:j], 25.0, p, alpha)
        for e, t, i, j in zip(estimate, truth, n, m, strict=True)
    ]
    np.testing.assert_allclose(gospa(estimate, truth, n, m, 25.0, p, alpha), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_eager_graph_and_xla_agree(dtype):
    estimate, truth, n, m = scenes(0, 30, 5, 4, dtype)

    def value_and_gradient(estimate, truth, n, m):
        with tf.GradientTape() as tape:
            tape.watch(estimate)
            value = gospa(estimate, truth, n, m, 40.0)
        return value, tape.gradient(value, estimate)

    args = [tf.constant(a) for a in (estimate, truth, n, m)]
    eager = value_and_gradient(*args)
    assert eager[0].dtype == dtype
    tolerance = 1e-5 if dtype is np.float32 else 1e-13
    for jit in (False, True):
        compiled = tf.function(value_and_gradient, jit_compile=jit)(*args)
        for a, b in zip(eager, compiled, strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_large_sets_run_in_a_graph():
    estimate, truth, n, m = scenes(3, 6, 12, 12)
    eager = gospa(estimate, truth, n, m, 40.0)
    graph = tf.function(lambda e, t: gospa(e, t, n, m, 40.0))(tf.constant(estimate), truth)
    np.testing.assert_allclose(eager, graph, rtol=1e-13)


def test_padding_is_ignored_even_if_not_a_number():
    estimate, truth, n, m = scenes(4, 30, 5, 5)
    clean = gospa(estimate, truth, n, m, 40.0)
    clean_gradient = gradient(lambda e, t: gospa(e, t, n, m, 40.0), estimate, truth)
    for filler in (np.nan, np.inf, 1e300):
        for array, count in ((estimate, n), (truth, m)):
            array[np.arange(5) >= count[:, None]] = filler
        assert np.array_equal(gospa(estimate, truth, n, m, 40.0), clean)
        grads = gradient(lambda e, t: gospa(e, t, n, m, 40.0), estimate, truth)
        for a, b in zip(grads, clean_gradient, strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
@pytest.mark.parametrize("alpha", [2, 1])
def test_gradient_is_that_of_differences(p, alpha):
    estimate, truth, n, m = scenes(5, 20, 3, 4)
    grads = gradient(lambda e, t: gospa(e, t, n, m, 35.0, p, alpha), estimate, truth)
    for which, array in enumerate((estimate, truth)):
        numeric = np.zeros_like(array)
        for index in np.ndindex(array.shape[1:]):  # of all samples at once
            shifted = [estimate.copy(), truth.copy()]
            values = []
            for step in (1e-5, -2e-5):
                shifted[which][:, *index] += step
                values.append(gospa(*shifted, n, m, 35.0, p, alpha).numpy())
            numeric[:, *index] = (values[0] - values[1]) / 2e-5
        np.testing.assert_allclose(grads[which], numeric, atol=2e-8)


@pytest.mark.parametrize("p", [1, 1.5, 2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_is_finite_everywhere(p, dtype):
    truth = np.array([[[10.0, 5.0], [20.0, -5.0], [0.0, 0.0]]], dtype)
    tiny = np.finfo(dtype).tiny
    for estimate in (
        truth,
        truth + tiny,
        truth + np.sqrt(tiny),
        truth + np.array([90.0, 0.0], dtype),
        truth * dtype(1e30),
        np.zeros_like(truth),
    ):
        for counts in ((3, 3), (2, 3), (3, 0), (0, 0)):
            # a cut-off of 90 meets the pairs moved by 90 exactly
            grads = gradient(lambda e, t, c=counts: gospa(e, t, *c, 90.0, p), estimate, truth)
            assert np.all(np.isfinite(grads))
    value = gospa(truth, truth, 3, 3, 90.0, p)
    assert value.numpy() == 0
    for grad in gradient(lambda e, t: gospa(e, t, 3, 3, 90.0, p), truth, truth):
        assert np.all(grad == 0)


def test_shapes_and_types():
    estimate, truth, n, m = scenes(6, 12, 3, 5)
    flat = gospa(estimate, truth, n, m, 40.0).numpy()
    shaped = gospa(
        estimate.reshape(2, 3, 2, 3, 2),
        truth.reshape(2, 3, 2, 5, 2),
        n.reshape(2, 3, 2),
        m.reshape(2, 3, 2),
        40.0,
    )
    assert np.array_equal(shaped, flat.reshape(2, 3, 2))
    single = gospa(estimate[0], truth[0], n[0], m[0], 40.0)
    assert single.shape == () and single.numpy() == flat[0]
    assert gospa(estimate, truth.astype(np.float32), n, m, 40.0).dtype == tf.float64
    assert gospa(estimate.astype(np.float32), truth.astype(np.float32), n, m, 40.0).dtype == (
        tf.float32
    )
    assert gospa(estimate[:0], truth[:0], n[:0], m[:0], 40.0).shape == (0,)
    empty = gospa(np.zeros((2, 0, 2)), np.zeros((2, 0, 2)), 0, 0, 40.0)
    assert np.array_equal(empty, [0, 0])
    no_estimate = gospa(np.zeros((2, 0, 2)), truth[:2], 0, 4, 40.0)
    np.testing.assert_allclose(no_estimate, 40 * np.sqrt(4 / 2))


def test_unknown_batch_size():
    estimate, truth, n, m = scenes(7, 9, 3, 5)
    function = tf.function(
        lambda e, t, n, m: gospa(e, t, n, m, 40.0),
        input_signature=[
            tf.TensorSpec([None, 3, 2], tf.float64),
            tf.TensorSpec([None, 5, 2], tf.float64),
            tf.TensorSpec([None], tf.int64),
            tf.TensorSpec([None], tf.int64),
        ],
    )
    expected = gospa(estimate, truth, n, m, 40.0)
    np.testing.assert_allclose(function(estimate, truth, n, m), expected, rtol=1e-13)


def test_not_a_number_is_an_error_in_eager_mode_and_the_result_in_a_graph():
    for bad in (np.nan, np.inf):
        estimate, truth = np.zeros((2, 3, 2)), np.ones((2, 2, 2))
        estimate[1, 1, 0] = bad
        with pytest.raises(ValueError, match="estimate must be finite; got 1 NaN"):
            gospa(estimate, truth, 3, 2, 40.0)
        value = tf.function(lambda e, t: gospa(e, t, 3, 2, 40.0))(tf.constant(estimate), truth)
        assert np.array_equal(np.isnan(value), [False, True])


@pytest.mark.parametrize("p", [1, 2])
def test_parts_sum_to_the_power_of_the_metric(p):
    estimate, truth, n, m = scenes(8, 60, 5, 4)
    cutoff = 30.0
    parts = gospa_parts(estimate, truth, n, m, cutoff, p)
    value = gospa(estimate, truth, n, m, cutoff, p).numpy()
    np.testing.assert_allclose(sum(np.asarray(x) for x in parts), value**p, rtol=1e-12)
    missed, false = (np.asarray(x) / (cutoff**p / 2) for x in (parts.missed, parts.false))
    np.testing.assert_allclose(missed, np.round(missed), atol=1e-12)
    np.testing.assert_allclose(false - missed, n - m, atol=1e-12)
    assert np.all(np.asarray(parts.localization) >= 0)


def test_parts_of_a_scene_known_by_hand():
    estimate = np.array([[0.0, 3.0], [50.0, 0.0], [0.0, 4.0]])
    truth = np.array([[0.0, 0.0], [0.0, 9.0]])
    parts = gospa_parts(estimate, truth, 2, 2, 10.0)  # the first at distance 3, the second far
    np.testing.assert_allclose(parts, [9.0, 50.0, 50.0])
    parts = gospa_parts(estimate, truth, 3, 2, 10.0)  # the third at distance 5 of the second
    np.testing.assert_allclose(parts, [9.0 + 25.0, 0.0, 50.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [1, 2, 50, 400, 1e30])
def test_one_pair_costs_its_distance_for_every_order(p, dtype):
    """10 m apart with a cut-off of 90 m: (1/9)**50 is 0 in single precision."""
    estimate, truth = np.array([[6.0, 8.0]], dtype), np.zeros((1, 2), dtype)

    def value_and_gradient(estimate):
        with tf.GradientTape() as tape:
            tape.watch(estimate)
            value = gospa_loss(estimate, truth, 1, 90.0, p)
        return value, tape.gradient(value, estimate)

    modes = [value_and_gradient, tf.function(value_and_gradient)]
    if p in (2, 50):
        modes.append(tf.function(value_and_gradient, jit_compile=True))
    for function in modes:
        value, grad = function(tf.constant(estimate))
        np.testing.assert_allclose(value, 10, rtol=4 * np.finfo(dtype).eps)
        np.testing.assert_allclose(grad, [[0.6, 0.8]], rtol=1e-6)


def test_orders_far_beyond_the_range_of_powers():
    """In exact arithmetic (Python integers), for sets whose powers span thousands of decades."""
    near, far = [[3.0, 4.0], [0.0, 7.0]], [[0.0, 0.0], [0.0, 0.0]]
    truth = np.array([[100.0, 0.0], [200.0, 0.0]])
    for p, unit in ((3, 1.0), (60, 1.0), (60, 1e-150), (500, 1e150)):
        estimate = unit * (truth + np.array(near))
        value = gospa(estimate, unit * truth, 2, 2, 90 * unit, p).numpy()
        expected = unit * float((5**p + 7**p) ** (1 / p) if p < 300 else 7.0)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        # a false one costs 90 / 2**(1/p); the rest does not change that
        estimate = unit * np.array([*(truth + np.array(far)), [0.0, 500.0]])
        value = gospa(estimate, unit * truth, 3, 2, 90 * unit, p).numpy()
        np.testing.assert_allclose(value, unit * 90 * 0.5 ** (1 / p), rtol=1e-12)


@pytest.mark.parametrize("size", [4, 12])
def test_the_assignment_is_exact_for_large_orders(size):
    """Of all permutations that keep the largest term least, as SciPy finds it in long steps."""
    estimate, truth, _, _ = scenes(11, 6, size, size, np.float32)
    value = gospa(estimate, truth, size, size, 1000.0, 60).numpy()
    distance = np.linalg.norm(estimate[:, :, None] - truth[:, None].astype(float), axis=-1)
    for matrix, actual in zip(distance, value, strict=True):
        cost = (matrix / 1000) ** 60  # down to 1e-180: within double precision
        row, column = linear_sum_assignment(cost)
        expected = 1000 * cost[row, column].sum() ** (1 / 60)
        np.testing.assert_allclose(actual, expected, rtol=2e-6)


def test_pairs_at_the_cutoff_are_missed_and_false():
    truth = np.zeros((1, 2))
    for dtype in (np.float32, np.float64):
        below = np.nextafter(dtype(10), dtype(0))
        for distance, pairs in ((dtype(10), 0), (below, 1)):
            estimate = np.array([[0, distance]], dtype)
            value = gospa(estimate, truth.astype(dtype), 1, 1, 10.0).numpy()
            np.testing.assert_allclose(value, 10, rtol=1e-6)
            parts = gospa_parts(estimate, truth.astype(dtype), 1, 1, 10.0)
            lost = 50.0 * (1 - pairs)
            np.testing.assert_allclose(parts, [100.0 * pairs, lost, lost], rtol=1e-6)
            grad = gradient(
                lambda e: gospa(e, np.zeros((1, 2), e.dtype.name), 1, 1, 10.0), estimate
            )
            np.testing.assert_allclose(grad[0], [[0, pairs]], rtol=1e-6)


def test_parts_of_a_large_order_are_right_or_refused():
    estimate, truth = np.array([[6.0, 8.0]]), np.zeros((1, 2))
    np.testing.assert_allclose(gospa_parts(estimate, truth, 1, 1, 90.0, 50).localization, 1e50)
    single = estimate.astype(np.float32), truth.astype(np.float32)
    np.testing.assert_allclose(gospa_parts(*single, 1, 1, 90.0, 19).localization, 1e19, rtol=1e-5)
    for cutoff, p in ((90.0, 50), (0.1, 50)):
        with pytest.raises(ValueError, match=r"cutoff\*\*p must be within .* float32"):
            gospa_parts(*single, 1, 1, cutoff, p)


def test_numbers_beyond_the_positions_are_not_a_number_in_a_graph():
    estimate, truth = tf.zeros([3, 2, 2]), tf.ones([3, 2, 2])
    graph = tf.function(lambda n: gospa(estimate, truth, n, 2, 40.0))
    assert np.array_equal(np.isnan(graph(tf.constant([3, -1, 1]))), [True, True, False])


def test_loss_counts_empty_scenes_as_zero():
    estimate, truth, _, _ = scenes(9, 4, 5, 5)
    counts = np.array([0, 2, 0, 5])
    triples = zip(estimate, truth, counts, strict=True)
    expected = [by_definition(e[:k], t[:k], 200.0, 2, 2) for e, t, k in triples]
    loss = gospa_loss(estimate, truth, counts, 200.0)
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-12)
    grad = gradient(lambda e: gospa_loss(e, truth, counts, 200.0), estimate)[0]
    assert np.all(grad[[0, 2]] == 0) and np.all(grad[1, 2:] == 0) and np.any(grad[1, :2] != 0)


def test_positions():
    angle, range_ = np.array([0.0, np.pi / 6]), np.array([3.0, 2.0])
    np.testing.assert_allclose(positions(angle, range_), [[3, 0], [np.sqrt(3), 1]], atol=1e-15)
    assert positions(np.float32(0.1), np.float32(2.0)).dtype == tf.float32
    with pytest.raises(
        ValueError, match=r"angle must hold azimuths in rad, not in degrees.* to 30"
    ):
        positions([0.1, 30.0], [5.0, 5.0])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"cutoff": 0.0}, ValueError, "cutoff must be a finite number > 0; got 0.0"),
        ({"cutoff": np.inf}, ValueError, "cutoff .* got inf"),
        ({"p": 0.5}, ValueError, "p must be a finite number >= 1; got 0.5"),
        ({"cutoff": 90 + 0j}, TypeError, r"cutoff must be a number > 0; got \(90\+0j\)"),
        ({"cutoff": [10.0, 20.0]}, TypeError, "cutoff must be a number > 0"),
        ({"p": np.nan}, ValueError, "p must be a finite number >= 1; got nan"),
        (
            {
                "alpha": 1e-300,
                "p": 1,
                "estimate": np.zeros((2, 2, 2), np.float32),
                "truth": np.zeros((2, 3, 2), np.float32),
            },
            ValueError,
            "alpha.* range of float32",
        ),
        ({"estimate": np.zeros((2, 2, 2), complex)}, TypeError, "estimate must hold real"),
        ({"estimate": [["a", "b"]]}, TypeError, "estimate must hold real"),
        ({"p": np.inf}, ValueError, "p must be a finite .* got inf"),
        ({"alpha": 0}, ValueError, "alpha must be > 0 and <= 2; got 0"),
        ({"alpha": 2.1}, ValueError, "alpha must be a finite number >= 0 and <= 2; got 2.1"),
        ({"num_estimated": [3, 0]}, ValueError, r"num_estimated must be within 0 \.\.\. 2; got 3"),
        ({"num_true": [0, -1]}, ValueError, r"num_true must be within 0 \.\.\. 3; got -1"),
        ({"num_true": [1.0, 2.0]}, TypeError, "num_true must hold integers; got float32"),
        ({"num_true": [1, 2, 3]}, ValueError, r"num_true must have shape \[2\].*got shape \[3\]"),
        ({"estimate": np.zeros((2, 2, 3))}, ValueError, "estimate must have last dimension 2"),
        ({"estimate": np.zeros(2)}, ValueError, "estimate must have a static shape"),
        ({"truth": np.zeros((4, 3, 2))}, ValueError, r"truth must have shape \[2, 3, 2\]"),
        ({"estimate": np.zeros((2, 2, 2), int)}, TypeError, "estimate must hold real floating"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    good = {
        "estimate": np.zeros((2, 2, 2)),
        "truth": np.zeros((2, 3, 2)),
        "num_estimated": [1, 2],
        "num_true": [3, 0],
        "cutoff": 10.0,
    }
    gospa(**good)
    with pytest.raises(error, match=message):
        gospa(**(good | change))


def test_cites_its_sources():
    assert "Rahmathullah17" in citation(gospa) and "MateosRamos25" in citation(gospa_loss)


def test_single_precision_bears_a_very_large_cutoff():
    estimate, truth, n, _ = scenes(10, 30, 5, 5)
    double = gradient(lambda e: gospa_loss(e, truth, n, 1e5), estimate)[0]
    truth = truth.astype(np.float32)
    single = gradient(lambda e: gospa_loss(e, truth, n, 1e5), estimate.astype(np.float32))[0]
    np.testing.assert_allclose(single, double, atol=1e-6)
