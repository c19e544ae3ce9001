import numpy as np
import pytest
from scipy.stats import binomtest, norm, t

from sionna_isac.metrics import mean_interval, proportion_interval, ratio_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (1, 10**6)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_proportion_is_wilsons(successes, trials, level):
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")
    interval = proportion_interval(successes, trials, level)
    np.testing.assert_allclose(interval, [expected.low, expected.high], rtol=1e-10, atol=1e-15)
    assert interval.low <= successes / trials <= interval.high
    assert interval.high > interval.low


def test_mean_is_students():
    values = np.random.default_rng(0).normal(size=12)
    half = t.ppf(0.95, 11) * values.std(ddof=1) / np.sqrt(12)
    np.testing.assert_allclose(
        mean_interval(values, 0.9), [values.mean() - half, values.mean() + half], rtol=1e-12
    )


def clustered(rng, repeats, samples, probability):
    """Numerators and denominators [repeats, samples] of dependent trials within samples."""
    denominators = rng.integers(0, 6, (repeats, samples))
    common = rng.uniform(size=(repeats, samples)) < 0.4  # all trials of a sample agree
    alike = denominators * (rng.uniform(size=(repeats, samples)) < probability)
    apart = rng.binomial(denominators, probability)
    return np.where(common, alike, apart), denominators


@pytest.mark.parametrize("probability", [0.02, 0.3])
def test_ratio_covers_the_truth(probability):
    numerators, denominators = clustered(np.random.default_rng(1), 800, 200, probability)
    inside = [
        low <= probability <= high for low, high in map(ratio_interval, numerators, denominators)
    ]
    assert 0.92 < np.mean(inside) < 0.985


def test_ratio_of_other_than_proportions_covers_the_truth():
    rng = np.random.default_rng(2)
    denominators = rng.uniform(1, 3, (800, 60))
    numerators = 2.5 * denominators + rng.normal(size=(800, 60)) * denominators
    inside = [low <= 2.5 <= high for low, high in map(ratio_interval, numerators, denominators)]
    assert 0.92 < np.mean(inside) < 0.98


def test_ratio_with_denominators_of_one_is_a_mean():
    """The delta method is exact then: Student's interval of the numerators."""
    values = np.random.default_rng(1).normal(2.0, 3.0, size=9)
    for scale in (1.0, 4.0):
        interval = ratio_interval(scale * values, np.full(9, scale))
        np.testing.assert_allclose(interval, mean_interval(values), rtol=1e-12)


def test_ratio_of_independent_trials_is_a_proportion():
    successes = np.random.default_rng(3).binomial(1, 0.3, 2000)
    interval = ratio_interval(successes, np.ones(2000))
    expected = proportion_interval(int(successes.sum()), 2000)
    np.testing.assert_allclose(interval, expected, rtol=1e-3)


def test_ratio_without_events_still_has_a_width():
    ones, five = np.zeros(30), np.full(30, 5)
    assert ratio_interval(ones, five) == proportion_interval(0, 30)
    assert ratio_interval(five, five) == proportion_interval(30, 30)
    low, high = ratio_interval(np.ones(30), np.full(30, 2))
    np.testing.assert_allclose([low, high], proportion_interval(30, 60))


def test_samples_without_denominator_do_not_count():
    numerators, denominators = [0, 1, 0, 2, 0, 0], [0, 2, 1, 3, 0, 0]
    assert ratio_interval(numerators, denominators) == ratio_interval([1, 0, 2], [2, 1, 3])


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: proportion_interval(0, 0), "zero trials"),
        (lambda: mean_interval([1.0]), "fewer than two values"),
        (lambda: mean_interval([]), "fewer than two values"),
        (lambda: ratio_interval([1.0, 0.0], [2.0, 0.0]), "fewer than two samples"),
    ],
)
def test_too_few_samples_are_not_a_number_and_say_so(call, reason):
    with pytest.warns(UserWarning, match=reason):
        interval = call()
    assert np.isnan(interval).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: proportion_interval(3, 2), ValueError, "successes must be .* <= 2; got 3"),
        (lambda: proportion_interval(0, -1), ValueError, "trials must be .* got -1"),
        (lambda: proportion_interval(0.5, 2), TypeError, "successes must be an integer"),
        (lambda: mean_interval([1.0, 2.0], 1.0), ValueError, "level must be .* got 1.0"),
        (lambda: mean_interval([[1.0, 2.0]]), ValueError, "values must have 1 dimensions"),
        (lambda: ratio_interval([1.0], [1.0, 2.0]), ValueError, "denominators must have the shape"),
        (
            lambda: ratio_interval([1, 1], [1, -2]),
            ValueError,
            "denominators must be >= 0; got .* -2",
        ),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_values_whose_squares_are_out_of_range(scale):
    values, others = np.array([-1.0, 2.5, 4.0, 3.0]), np.array([2.0, 1.0, 5.0, 4.0])
    np.testing.assert_allclose(
        mean_interval(scale * values), scale * np.array(mean_interval(values)), rtol=1e-12
    )
    np.testing.assert_allclose(
        ratio_interval(scale * values, scale * others), ratio_interval(values, others), rtol=1e-12
    )
    np.testing.assert_allclose(
        ratio_interval(scale * values, others),
        scale * np.array(ratio_interval(values, others)),
        rtol=1e-12,
    )


@pytest.mark.parametrize("level", [np.nan, 0, 1, 95, "95 %", 0.95 + 0j, None, [0.9]])
def test_levels_are_checked(level):
    for call in (
        lambda: proportion_interval(1, 2, level),
        lambda: mean_interval([1, 2, 4], level),
        lambda: ratio_interval([1, 2], [2, 3], level),
    ):
        with pytest.raises((ValueError, TypeError), match=r"level must be a .*number > 0 and < 1"):
            call()


@pytest.mark.parametrize("denominators", [[2, 5, 3, 0, 4], [2.0, 1.0, 3.0, 0.0, 4.0]])
def test_ratio_by_its_definition(denominators):
    """The delta method as the docstring states it, with a sample that has no denominator."""
    n, d = np.array([1.0, 2.0, 2.0, 0.0, 3.0]), np.array(denominators, float)
    ratio, total, size = n.sum() / d.sum(), d.sum(), 4
    variance = np.sum((n - ratio * d) ** 2) * size / (size - 1) / total**2
    if np.any(n > d):
        expected = t.interval(0.9, size - 1, ratio, np.sqrt(variance))
    else:  # Wilson: |p - r| = z sqrt(p (1 - p) / trials), solved for p
        z, trials = norm.ppf(0.95), min(ratio * (1 - ratio) / variance, total)
        expected = np.sort(np.roots([1 + z**2 / trials, -2 * ratio - z**2 / trials, ratio**2]).real)
    np.testing.assert_allclose(ratio_interval(n, d, 0.9), expected, rtol=1e-10)
