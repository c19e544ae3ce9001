"""Flat trainings, scores at equal symbol error rate, and verdicts that need both."""

import numpy as np
import pytest
import xarray as xr

from sionna_isac.studies._isac.claims import judge
from sionna_isac.studies._isac.flatness import flat_draws, is_flat
from sionna_isac.studies._isac.trade_off import bounds_at
from sionna_isac.study import ScenarioError, load_scenario

RNG = np.random.default_rng(5)
NOISE = 1 + 0.2 * RNG.standard_normal(4000)
SHARE = np.linspace(0, 1, 4000)
HEAVY = RNG.pareto(3.5, 64000)


@pytest.mark.parametrize(
    ("losses", "flat"),
    [
        pytest.param(NOISE, True, id="noise"),
        pytest.param(NOISE * (0.5 + np.exp(-12 * SHARE)), True, id="fell-before"),
        pytest.param(NOISE * np.exp(-SHARE), False, id="decaying"),
        pytest.param(NOISE * np.where(SHARE < 0.75, 1, 0.94), False, id="fell-by-six-per-cent"),
        pytest.param(NOISE * np.exp(SHARE), False, id="rising"),
        pytest.param(NOISE[:63], False, id="too-short"),
        pytest.param(NOISE[:0], False, id="empty"),
        pytest.param(HEAVY, True, id="heavy-tails"),
        pytest.param(HEAVY[:400], False, id="heavy-tails-too-few"),
        pytest.param(np.pad(NOISE, (0, 500), constant_values=np.nan), True, id="stopped-early"),
        pytest.param(0.1 * NOISE - 1.1 + np.exp(-12 * SHARE), True, id="negative-fell-before"),
        pytest.param(0.1 * NOISE - 1.1 + 0.3 * (1 - SHARE), False, id="negative-falling"),
        pytest.param(0.1 * NOISE - 1.1, False, id="negative-without-a-fall"),
    ],
)
def test_flat_is_a_loss_that_neither_falls_nor_hides_a_fall(losses, flat):
    assert is_flat(losses) is flat


def test_flat_histories_are_rarely_missed_and_falling_ones_hardly_ever_taken():
    """One block has an error of 2 %, a mean of 16 of 0.5 %; 8 % apart is 4 times the margin."""
    found = []
    for last in (1, 0.92):
        losses = RNG.gamma(25, 1 / 25, (200, 3200))
        losses[:, 2400:] *= last
        found.append(np.mean([is_flat(row) for row in losses]))
    assert found[0] > 0.95 and found[1] == 0


def test_losses_during_the_widening_of_sectors_do_not_count():
    losses = NOISE * np.minimum(1, 0.2 + SHARE / 0.75)
    assert is_flat(losses, widening=0.7) and not is_flat(losses)


@pytest.mark.parametrize(
    ("learned", "flat"),
    [
        pytest.param(0.3 * np.exp(-20 * np.clip(SHARE - 0.3, 0, 1)), True, id="fell-before"),
        pytest.param(0.3 * np.minimum(1, 1.3 - SHARE), False, id="falling"),
        pytest.param(0.0 * SHARE, False, id="nothing-learned-at-full-width"),
    ],
)
@pytest.mark.parametrize("narrow", [2.0, -2.0])
def test_the_scale_of_a_negative_loss_is_not_its_change_with_the_sector(learned, flat, narrow):
    """While sectors widen, the loss goes from another level to that of sectors of full width."""
    losses = 0.05 * (NOISE - 1) - 3 + learned + narrow * np.maximum(0, 1 - SHARE / 0.3)
    assert is_flat(losses, widening=0.3) is flat


def test_scores_of_a_validation_decide_instead_of_losses():
    scores = np.stack([8 + np.exp(-10 * SHARE[::40]), 12 - 4 * SHARE[::40]])
    losses = np.stack([NOISE * np.exp(-SHARE), NOISE])
    dataset = xr.Dataset(
        {
            "history_deep_array_loss": (("draw", "step"), losses),
            "history_deep_array_score": (("draw", "step_score"), scores),
        },
        coords={"approach": ["deep"]},
    )
    assert flat_draws(dataset, "deep", "p_md", {1.0}).tolist() == [True, False]
    few = dataset.isel(step_score=slice(0, 63))
    assert flat_draws(few, "deep", "p_md", {1.0}).tolist() == [False, False]


def test_a_metric_is_judged_by_the_trainings_that_it_depends_on():
    falling, flat = NOISE * np.exp(-SHARE), NOISE
    histories = {
        "deep_angle": (flat, flat),
        "deep_wide-0.3_detection": (flat, falling),
        "deep_wide-0.3_angle_alone": (falling, flat),
        "deep_wide-1.0_detection": (falling, falling),
    }
    dataset = xr.Dataset(
        {
            f"history_{name}_loss": (("draw", f"step_{name}"), np.stack(rows))
            for name, rows in histories.items()
        },
        coords={"approach": ["deep", "deep_wide", "other"]},
    )

    def judged(*arguments):
        return flat_draws(dataset, *arguments).tolist()

    assert judged("deep", "p_md", {1.0}) == [True, True]
    assert judged("deep_wide", "p_md", {0.3}) == [True, False]
    assert judged("deep_wide", "angle_rmse", {0.3}) == [False, False]
    assert judged("deep_wide", "p_md", {0.3, 1.0}) == [False, False]
    assert judged("other", "p_md", {1.0}) == [False, False]  # no history


def test_scores_between_points_are_linear_in_the_logarithm_of_the_error_rate():
    rates = np.array([1e-3, 1e-2, 1e-1])
    low, high = np.array([0.4, 0.2, 0.1]), np.array([0.5, 0.3, 0.2])
    exact = (rates, rates, rates)
    assert bounds_at(10**-2.5, exact, low, high)[:2] == pytest.approx((0.3, 0.4))
    assert bounds_at(10**-2.5, exact, low, high).points == (0, 1)
    assert bounds_at(1e-2, exact, low, high)[:2] == pytest.approx((0.2, 0.3))
    for i, gap in ((0, [0, 1, 1]), (1, [1, 0, 1]), (2, [1, 1, 0])):  # at a point, it alone counts
        alone = np.where(gap, np.nan, low), np.where(gap, np.nan, high)
        assert bounds_at(rates[i], exact, *alone) == (low[i], high[i], (i,))
    # the uncertainty of the error rates widens the interval
    wide = bounds_at(10**-2.5, (rates, rates / 10**0.25, rates * 10**0.25), low, high)
    assert wide[:2] == pytest.approx((0.25, 0.45))
    assert np.isnan(bounds_at(0.2, exact, low, high).low)
    assert bounds_at(0.09, (rates, rates / 2, rates), low, high).points == ()
    none = np.where(rates == rates.min(), 0.0, rates)  # a point without errors has no place
    assert bounds_at(1.1 * rates.min(), (none, none, none), low, high).points == ()
    # a curve that comes back: all passages
    back = np.array([1e-2, 1e-3, 1e-1])
    assert bounds_at(10**-2.5, (back, back, back), low, high).points == (0, 1, 2)


APPROACHES = (
    "approaches={a: {kind: known}, b: {kind: unknown}, "
    "c: {kind: networks, detection: {iterations: 1}, angle: {iterations: 0}}}"
)


def result(claim, second=NOISE, missed=(0.45, 0.25)):
    """Two draws of a trade-off; ``second`` are the losses of the networks, c, in the second one."""
    scenario = load_scenario(
        "single_carrier_fig3",
        [APPROACHES, f"claims=[{claim}]", "eta=[0.1, 0.5]", "waveform.eta=0.5"],
        profile="quick",
    )
    missed = np.array([[0.5, 0.3], [0.4, 0.2], missed])
    rate = np.array([[1e-3, 1e-2], [1e-2, 1e-1], [4e-3, 4e-2]])
    dims = ("draw", "approach", "eta", "phi")
    data = {}
    for name, base, more in (("p_d", 1 - missed, ("p_fa",)), ("ser", rate, ())):
        values = np.tile(base, (2, 1, 1)).reshape(2, 3, 2, 1, *(1 for _ in more))
        for end, factor in (("", 1), ("_low", 0.99), ("_high", 1.01)):
            data[name + end] = ((*dims, *more), factor * values)
    for eta in (0.1, 0.5):
        losses = np.stack([NOISE, second])
        data[f"history_c-{eta}_detection_loss"] = (("draw", f"step_{eta}"), losses)
    coordinates = {"approach": list("abc"), "eta": [0.1, 0.5], "phi": [0], "p_fa": [0.01]}
    return judge(scenario, xr.Dataset(data, coords=coordinates))[0]


def test_claims_at_equal_error_rate_may_reverse_those_at_equal_weight():
    same_weight = result("{better: a, worse: c, metrics: [p_md]}")
    assert (same_weight.outcome, same_weight.refuted) == ("refuted", 2)
    same_rate = result("{better: a, worse: c, metrics: [p_md], ser: 5.0e-3}")
    assert same_rate.outcome == "holds" and "SER = 0.005" in str(same_rate)
    beyond = result("{better: a, worse: b, metrics: [p_md], ser: 1.0e-2}")
    assert (beyond.outcome, beyond.met, beyond.refuted, beyond.undecided) == ("undecided", 0, 0, 2)
    assert "out of reach" in str(beyond) and "flat" not in str(beyond)


@pytest.mark.parametrize(
    ("claim", "outcome", "unfinished"),
    [
        ("better: b, worse: c", "holds", "undecided"),
        ("better: c, worse: b", "refuted", "undecided"),
        ("better: c, worse: b, alike: true", "refuted", "undecided"),
        ("better: c, worse: c, alike: true", "holds", "undecided"),
        ("better: c, worse: a", "holds", "holds"),
        ("better: a, worse: c", "refuted", "refuted"),
    ],
)
def test_training_that_is_not_flat_allows_no_verdict_where_more_of_it_may_help(
    claim, outcome, unfinished
):
    text = f"{{{claim}, metrics: [p_md]}}"
    flat, falling = result(text), result(text, NOISE * np.exp(-SHARE))
    assert (flat.outcome, flat.undecided) == (outcome, 0)
    assert falling.outcome == unfinished and falling.met + falling.refuted + falling.undecided == 2
    if unfinished == "undecided":
        assert not falling.holds and falling.undecided == 1
        assert "undecided in 1 (c: training not flat" in str(falling)


def test_reasons_name_only_trainings_that_matter():
    falling = NOISE * np.exp(-SHARE)
    ahead = result("{better: c, worse: b, metrics: [p_md]}", falling, missed=(0.3, 0.1))
    assert (ahead.outcome, ahead.reasons) == ("holds", ())


@pytest.mark.parametrize(
    ("claim", "named"),
    [
        ("{better: a, worse: b, ser: 0.01, eta: 0.5}", "eta"),
        ("{better: a, worse: b, ser: 0.01, metrics: [ser]}", "metrics"),
        ("{better: a, worse: b, ser: 0}", "ser"),
    ],
)
def test_wrong_claims_are_refused(claim, named):
    with pytest.raises(ScenarioError, match=named):
        result(claim)
