"""Verdicts on the claims of a scenario: orderings of approaches, with confidence intervals."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from sionna_isac.studies._isac.compared import Claim, ComparedScenario
from sionna_isac.studies._isac.flatness import flat_draws
from sionna_isac.studies._isac.trade_off import bounds_at

__all__ = ["Verdict", "judge"]


class Verdict(NamedTuple):
    """Verdict on a claim: draws in which an approach is better than another, or as good as it.

    Attributes
    ----------
    better, worse : `str`
        Approaches of the claim
    metric : `str`
        Metric; smaller is better
    eta : `None` | `float`
        Share of the sensing beam, if the claim names one
    met, refuted, draws : `int`
        Number of draws of the impairments in which the claim is met, in which its opposite is met,
        and of all draws. "Better" and "worse" mean intervals without overlap, "alike" intervals
        with overlap; its opposite is either order
    alike : `bool`
        `True` if the claim is that both are equally good
    ser : `None` | `float`
        Symbol error rate of both approaches, if the claim names one
    undecided : `int`
        Number of draws that allow no verdict; they count neither as met nor as refuted
    reasons : tuple of `str`
        Reasons for that: trainings that are not flat, symbol error rates out of reach
    """

    better: str
    worse: str
    metric: str
    eta: float | None
    met: int
    refuted: int
    draws: int
    alike: bool = False
    ser: float | None = None
    undecided: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """`bool` : `True` if the claim is met in every draw"""
        return self.met == self.draws

    @property
    def outcome(self) -> Literal["holds", "refuted", "undecided", "open"]:
        """`str` : Met or refuted in every draw, undecided in some, or none of these"""
        if self.undecided:
            return "undecided"
        if self.holds:
            return "holds"
        return "refuted" if self.refuted == self.draws else "open"

    def __str__(self) -> str:
        where = self.metric
        if self.ser is not None:
            where += f" at SER = {self.ser:g}"
        elif self.eta is not None:
            where += f" at eta = {self.eta:g}"
        sign, opposite = ("~", "apart") if self.alike else ("<", "reversed")
        text = f"{self.better} {sign} {self.worse} in {where}: {self.met} of {self.draws} draws"
        text += f", {opposite} in {self.refuted}" if self.refuted else ""
        if self.undecided:
            text += f", undecided in {self.undecided} ({'; '.join(self.reasons)})"
        return text


class _Judged(NamedTuple):
    """Interval of a metric of an approach for each draw, and reasons against a verdict."""

    low: np.ndarray
    high: np.ndarray
    reached: np.ndarray
    flat: np.ndarray


def judge(scenario: ComparedScenario, dataset: xr.Dataset) -> list[Verdict]:
    """Verdicts on all claims, at the working point of the scenario or the one that they name.

    A draw allows no verdict if the approach that is behind, or either if none is, has a training
    that is not flat (:func:`~sionna_isac.studies._isac.flatness.is_flat`): more of it might change
    the order. Neither does a symbol error rate that the sweep of an approach does not reach.
    """
    return [
        _verdict(scenario, dataset, claim, metric)
        for claim in scenario.claims
        for metric in claim.metrics
    ]


def _verdict(scenario: ComparedScenario, dataset: xr.Dataset, claim: Claim, metric: str) -> Verdict:
    names = (claim.better, claim.worse)
    a, b = (_judged(scenario, dataset, claim, name, metric) for name in names)
    wins, loses = a.high < b.low, b.high < a.low
    # an approach that is ahead stays so with more training
    flat = (a.flat | wins, b.flat | loses)
    decided = flat[0] & flat[1] & a.reached & b.reached
    better, worse = int((decided & wins).sum()), int((decided & loses).sum())
    seen = int((decided & ~np.isnan(a.high + b.low)).sum())
    met, refuted = (seen - better - worse, better + worse) if claim.alike else (better, worse)
    reasons = [
        f"{name}: {text}"
        for name, *conditions in zip(names, (a.reached, b.reached), flat, strict=True)
        for text, fine in zip(
            ("symbol error rate out of reach", "training not flat"), conditions, strict=True
        )
        if not fine.all()
    ]
    draws = dataset.sizes["draw"]
    return Verdict(
        *names,
        metric,
        claim.eta,
        met,
        refuted,
        draws,
        claim.alike,
        claim.ser,
        int((~decided).sum()),
        tuple(reasons),
    )


def _judged(
    scenario: ComparedScenario, dataset: xr.Dataset, claim: Claim, label: str, metric: str
) -> _Judged:
    eta, phi = scenario.beam
    row = dataset.sel(approach=label, p_fa=scenario.evaluation.operating_p_fa, phi=phi)
    if claim.ser is None:
        eta = eta if claim.eta is None else claim.eta
        low, high = (bound.values for bound in _interval(row.sel(eta=eta), metric))
        used = [{eta}] * low.size
    else:
        ends = [bound.values for bound in _interval(row, metric)]
        rates = [row[name].values for name in ("ser", "ser_low", "ser_high")]
        found = [
            bounds_at(claim.ser, tuple(r[d] for r in rates), *(e[d] for e in ends))
            for d in range(row.sizes["draw"])
        ]
        low, high = (np.array(bound) for bound in ([f.low for f in found], [f.high for f in found]))
        used = [{float(row["eta"][i]) for i in f.points} for f in found]
    reached, flat = np.array([bool(u) for u in used]), np.ones(low.size, bool)
    config = scenario.approaches[label]
    if config.kind not in ("unknown", "known"):
        widening = _widening(config)
        for d in np.flatnonzero(reached):
            flat[d] = flat_draws(dataset.isel(draw=[d]), label, metric, used[d], widening)[0]
    return _Judged(low, high, reached, flat)


def _widening(config: Any) -> float:
    """Largest share of a training in which sectors widen."""
    return max(0.0, *(getattr(value, "sector_growth", 0.0) for _, value in config))


def _interval(row: xr.Dataset, metric: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Bounds of a metric that is to be small."""
    if metric == "p_md":
        return 1 - row["p_d_high"], 1 - row["p_d_low"]
    return row[f"{metric}_low"], row[f"{metric}_high"]
