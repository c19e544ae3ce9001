"""Verdicts on the claims of a scenario: orderings of approaches, with confidence intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

__all__ = ["Verdict", "judge"]


class Verdict(NamedTuple):
    """Number of times that one approach was better than another, or as good as it, in one metric.

    Attributes
    ----------
    better, worse : `str`
        Approaches of the claim
    metric : `str`
        Metric, to be small
    eta : `None` | `float`
        Share of the sensing beam, if the claim names one
    met, refuted, draws : `int`
        Draws of the impairments in which the claim is met and in which its opposite is; and all.
        Better or worse are intervals that do not overlap. Alike are those that do: then the
        opposite is any order
    alike : `bool`
        Whether the claim is that both are as good
    """

    better: str
    worse: str
    metric: str
    eta: float | None
    met: int
    refuted: int
    draws: int
    alike: bool = False

    @property
    def holds(self) -> bool:
        """`bool` : Whether the claim is met in every draw"""
        return self.met == self.draws

    def __str__(self) -> str:
        where = self.metric if self.eta is None else f"{self.metric} at eta = {self.eta:g}"
        sign, opposite = ("~", "apart") if self.alike else ("<", "reversed")
        text = f"{self.better} {sign} {self.worse} in {where}: {self.met} of {self.draws} draws"
        return text + (f", {opposite} in {self.refuted}" if self.refuted else "")


def judge(scenario: Any, dataset: xr.Dataset) -> list[Verdict]:
    """Verdicts on all claims, at the working point of the scenario or the share they name."""
    if not scenario.claims:
        return []
    eta, phi = scenario.beam
    verdicts = []
    for claim in scenario.claims:
        at = dataset.sel(
            p_fa=scenario.evaluation.operating_p_fa,
            eta=eta if claim.eta is None else claim.eta,
            phi=phi,
        )
        for metric in claim.metrics:
            (low_a, high_a), (low_b, high_b) = (
                _interval(at.sel(approach=name), metric) for name in (claim.better, claim.worse)
            )
            better, worse = int((high_a < low_b).sum()), int((high_b < low_a).sum())
            seen = int((~np.isnan(high_a + low_b)).sum())
            met, refuted = (
                (seen - better - worse, better + worse) if claim.alike else (better, worse)
            )
            names = (claim.better, claim.worse, metric, claim.eta)
            verdicts.append(Verdict(*names, met, refuted, at.sizes["draw"], claim.alike))
    return verdicts


def _interval(row: xr.Dataset, metric: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Bounds of a metric that is to be small."""
    if metric == "p_md":
        return 1 - row["p_d_high"], 1 - row["p_d_low"]
    return row[f"{metric}_low"], row[f"{metric}_high"]
