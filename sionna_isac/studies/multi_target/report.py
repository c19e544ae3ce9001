"""Printed report of a study of several targets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from sionna_isac.studies.multi_target.scenario import MultiTargetScenario

__all__ = ["detection_report", "gap_closed"]


def detection_report(scenario: MultiTargetScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Main numbers at the working point."""
    p_fa = scenario.evaluation.operating_p_fa
    yield f"at p_fa = {p_fa:g}, {dataset.attrs['num_samples']} samples:"
    point = dataset.sel(p_fa=p_fa)
    for method in dataset["approach"].values:
        row = point.sel(approach=method)
        yield (
            f"  {method:<8} GOSPA {float(row.gospa):6.2f} m "
            f"[{float(row.gospa_low):.2f}, {float(row.gospa_high):.2f}]   "
            f"p_d {float(row.p_d):.3f}   SER {float(row.ser):.2e} "
            f"[{float(row.ser_low):.2e}, {float(row.ser_high):.2e}]"
        )
    if {"unknown", "learned", "known"} <= set(dataset["approach"].values):
        yield _gap(dataset, p_fa)


def _gap(dataset: xr.Dataset, p_fa: float) -> str:
    """Line about the gap that learning closes, or the reason why there is none."""
    closed = gap_closed(dataset, p_fa)
    if np.isfinite(closed):
        return f"learning closes {closed:.1%} of the GOSPA gap"
    point = dataset.sel(p_fa=p_fa)
    reason = "the impairments cost nothing that these samples show"
    if not np.any(point["p_d"].values > 0):
        reason = "no target was detected: check the gains, the noise and p_fa"
    gospa = float(point["gospa"].sel(approach="known"))
    return (
        f"learning has no GOSPA gap to close: unknown and known are both at {gospa:.2f} m; {reason}"
    )


def gap_closed(dataset: xr.Dataset, p_fa: float) -> float:
    """Share of the GOSPA gap between "unknown" and "known" that "learned" closes.

    NaN without a gap.
    """
    gospa = dataset["gospa"].sel(p_fa=p_fa)
    unknown, learned, known = (
        float(gospa.sel(approach=m)) for m in ("unknown", "learned", "known")
    )
    return (unknown - learned) / (unknown - known) if unknown != known else float("nan")
