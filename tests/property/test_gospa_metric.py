"""GOSPA is a metric on finite sets: [Rahmathullah17], Section II."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sionna_isac.objective import gospa

SLOTS = 4

coordinate = st.floats(-50, 50, allow_nan=False, width=32)
# few values, so that points coincide and distances tie
point = st.one_of(
    st.tuples(coordinate, coordinate), st.tuples(*[st.sampled_from([0.0, 3, 10])] * 2)
)
point_set = st.lists(point, max_size=SLOTS)
parameters = st.fixed_dictionaries(
    {
        "cutoff": st.floats(0.5, 100),
        "p": st.sampled_from([1, 1.5, 2, 4]),
        "alpha": st.sampled_from([0.25, 1, 2]),
    }
)
few = settings(max_examples=50, deadline=None)


def distance(first, second, **kwargs):
    padded = np.full((2, SLOTS, 2), np.nan)
    for row, points in zip(padded, (first, second), strict=True):
        row[: len(points)] = np.reshape(points, (-1, 2))
    return float(gospa(padded[0], padded[1], len(first), len(second), **kwargs))


@few
@given(point_set, st.randoms(use_true_random=False), parameters)
def test_identity(points, random, kwargs):
    shuffled = random.sample(points, len(points))
    assert distance(points, shuffled, **kwargs) == 0


@few
@given(point_set, point_set, parameters)
def test_positive_and_symmetric(first, second, kwargs):
    forth = distance(first, second, **kwargs)
    np.testing.assert_allclose(forth, distance(second, first, **kwargs), rtol=1e-12)
    assert forth >= 0
    if sorted(map(tuple, first)) != sorted(map(tuple, second)):
        scale = kwargs["cutoff"]
        apart = np.array(first)[:, None] - np.array(second) if first and second else np.array([])
        if not np.any((np.abs(apart) > 0) & (np.abs(apart) < 1e-6 * scale)):
            assert forth > 0
    most = max(len(first), len(second)) / min(kwargs["alpha"], 1)
    assert forth <= kwargs["cutoff"] * most ** (1 / kwargs["p"]) * (1 + 1e-12)


@few
@given(point_set, point_set, point_set, parameters)
def test_triangle_inequality(first, second, third, kwargs):
    direct = distance(first, third, **kwargs)
    detour = distance(first, second, **kwargs) + distance(second, third, **kwargs)
    assert direct <= detour * (1 + 1e-10) + 1e-12


@few
@given(point_set, point_set, st.tuples(coordinate, coordinate), parameters)
def test_translation_invariance(first, second, shift, kwargs):
    moved = [[(x + shift[0], y + shift[1]) for x, y in points] for points in (first, second)]
    np.testing.assert_allclose(
        distance(*moved, **kwargs), distance(first, second, **kwargs), atol=1e-9
    )


@few
@given(point_set, point_set, parameters, st.integers(-120, 120))
def test_scaling(first, second, kwargs, exponent):
    """Metres or any other unit: the same sets, whatever their powers do."""
    unit = 2.0**exponent
    kwargs["p"] = 40 * kwargs["p"]  # up to 160: powers far outside of double precision
    scaled = [[(unit * x, unit * y) for x, y in points] for points in (first, second)]
    expected = unit * distance(first, second, **kwargs)
    kwargs["cutoff"] *= unit
    np.testing.assert_allclose(distance(*scaled, **kwargs), expected, rtol=1e-12)


@few
@given(point, point, st.floats(1, 1e6), st.sampled_from([np.float32, np.float64]))
def test_one_pair_costs_its_distance(first, second, p, dtype):
    value = gospa(np.array([first], dtype), np.array([second], dtype), 1, 1, 200.0, p)
    apart = np.hypot(*np.subtract(np.array(first, dtype), np.array(second, dtype)))
    np.testing.assert_allclose(value, apart, rtol=1e-6, atol=1e-30)
