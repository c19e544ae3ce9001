"""Lines about networks of beams against the optimum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from sionna_isac.studies.extended_target_network.scenario import ExtendedTargetNetworkScenario

__all__ = ["network_report"]


def network_report(scenario: ExtendedTargetNetworkScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Ratios to the optimum, shares of scenes and times."""
    several = [d for d in ("min_sinr_db", "cells") if d in dataset.dims]
    cases = dataset.stack(case=(*several, "num_users"))
    for i in range(cases.sizes["case"]):
        row = cases.isel(case=i)
        known = np.isfinite(row["optimum"].values)
        gap = (row["optimum"] / row["lower_bound"] - 1).max().item()
        where = f"{row['num_users'].item()} users"
        if "cells" in several:
            where += f", {row['cells'].item()} cells"
        if "min_sinr_db" in several:
            where += f", {row['min_sinr_db'].item():g} dB"
        yield (
            f"{where}: optimum of {known.sum()} of {known.size} scenes within reach, gap at "
            f"most {gap:.1g}, {1e3 * row['optimum_seconds'].item():.3g} ms a scene"
        )
        for name in dataset["network"].values:
            one = row.sel(network=name)
            ratio = one["ratio"].values[known]
            mean = np.exp(np.log(ratio).mean()) if known.any() else np.nan
            line = f"  {name}: bound {mean:.4f} times the optimum (geometric mean), "
            if "served" in one:
                line += f"all SINRs in {100 * one['served'].values[known].mean():.1f} %, "
            else:
                rate = (one["sum_rate"] - one["optimum_sum_rate"]).values[known].mean()
                gap = one["metric_gap"].values[known].mean()
                line += f"sum rate {rate:+.3f} bit/s/Hz, metric {gap:+.4f}, "
            yield (
                f"{line}coverage in {100 * one['covered'].values[known].mean():.1f} %, "
                f"{1e3 * one['seconds'].item():.3g} ms a scene"
            )
