"""Verdicts on the claims of a scenario: orderings of approaches, with confidence intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from sionna_isac.studies._isac.compared import ComparedScenario

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
        """`bool` : `True` if the claim is met in every draw"""
        return self.met == self.draws

    def __str__(self) -> str:
        where = self.metric if self.eta is None else f"{self.metric} at eta = {self.eta:g}"
        sign, opposite = ("~", "apart") if self.alike else ("<", "reversed")
        text = f"{self.better} {sign} {self.worse} in {where}: {self.met} of {self.draws} draws"
        return text + (f", {opposite} in {self.refuted}" if self.refuted else "")


def judge(scenario: ComparedScenario, dataset: xr.Dataset) -> list[Verdict]:
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
