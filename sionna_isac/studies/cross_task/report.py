"""Lines to print after a study of receivers of vehicles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from sionna_isac import metrics
from sionna_isac.studies.cross_task.scenario import CrossTaskScenario

__all__ = ["COLUMNS", "allocations", "cross_task_report"]

COLUMNS = {
    "accuracy": ("accuracy", 100, "%", 2),
    "range_mae": ("range MAE", 1, "m", 3),
    "azimuth_mae": ("azimuth MAE", 1, "deg", 3),
    "planar_mae": ("planar MAE", 1, "m", 3),
    "success_rate": ("Succ@1m", 100, "%", 1),
}
"""Heading, factor, unit and decimals of each metric"""
_SMALLER = ("range_mae", "azimuth_mae", "planar_mae")


def _formatted(values: np.ndarray, metric: str, trained: bool) -> str:
    """Mean over the seeds, with the standard deviation where there are several."""
    _, factor, _, digits = COLUMNS[metric]
    if np.all(np.isnan(values)):
        return "-"
    text = f"{factor * values.mean():.{digits}f}"
    if trained and values.size > 1:
        text += f" ± {factor * values.std(ddof=1):.{digits}f}"
    return text


def cross_task_report(scenario: CrossTaskScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Metrics of each receiver, the smallest numbers of tones, and the verdicts on claims."""
    over = scenario.sweep.over if scenario.sweep else "value"
    yield f"{dataset.attrs['num_samples']} test samples, {scenario.num_seeds} seeds:"
    heads = "  ".join(f"{f'{text} [{unit}]':<18}" for text, _, unit, _ in COLUMNS.values())
    yield f"  {'':<32}  {heads}"
    for placement in scenario.placements:
        for level in scenario.levels:
            where = placement if scenario.sweep is None else f"{placement}, {over} = {level:g}"
            yield f"  {where}"
            for label in dataset["receiver"].values:
                row = dataset.sel({"receiver": label, "placement": placement, over: level})
                cells = "  ".join(
                    f"{_formatted(row[m].values, m, bool(row['trained'])):<18}" for m in COLUMNS
                )
                yield f"    {label:<30}  {cells}"
    for (requirement, placement, label), found in allocations(scenario, dataset).items():
        yield f"  {requirement}, {placement}, {label}: {found}"
    yield from _verdicts(scenario, dataset)


def allocations(
    scenario: CrossTaskScenario, dataset: xr.Dataset
) -> dict[tuple[str, str, str], metrics.SensingAllocation]:
    """Smallest number of tones by requirement, placement and receiver, for means over seeds."""
    found = {}
    for requirement in scenario.requirements:
        for placement in scenario.placements:
            for label in dataset["receiver"].values:
                row = dataset.sel(receiver=label, placement=placement).mean("seed")
                found[requirement.label, placement, str(label)] = metrics.sensing_allocation(
                    row["num_tones"].values,
                    row["accuracy"].values,
                    row["planar_mae"].values,
                    min_accuracy=requirement.min_accuracy,
                    max_planar_error=requirement.max_planar_error,
                    num_tones=scenario.rate.num_tones,
                    snr_db=scenario.rate.snr_db,
                )
    return found


def _verdicts(scenario: CrossTaskScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Claims, with the number of seeds in which the better receiver is better."""
    over = scenario.sweep.over if scenario.sweep else "value"
    for claim in scenario.claims:
        levels = scenario.levels if claim.value is None else (claim.value,)
        for placement in scenario.placements:
            for metric in claim.metrics:
                at = dataset[metric].sel({"placement": placement, over: list(levels)})
                first, second = (at.sel(receiver=n).values for n in (claim.better, claim.worse))
                better = first < second if metric in _SMALLER else first > second
                yield (
                    f"  claim: {claim.better} better than {claim.worse} in {metric}, {placement}: "
                    f"in {int(better.sum())} of {better.size} trainings"
                )
