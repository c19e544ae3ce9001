"""Averages and draws of a near-field study, and the printed report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from sionna_isac import metrics
from sionna_isac.studies._intervals import add_interval
from sionna_isac.studies.near_field.designs import FAILED, INFEASIBLE, MEASURES, OK
from sionna_isac.studies.near_field.scenario import NearFieldScenario
from sionna_isac.study.part import Arrays

__all__ = ["Block", "summarise", "sweep_report"]

SPEB_TOLERANCE = 1e-6  # relative
BAND = (10, 90)  # percent
# names of the receivers in results, and in words
RECEIVERS = {"": "MUSIC", "_known_symbols": "maximum likelihood, symbols known,"}
UNITS = {"power_dbm": "dBm", "num_antennas": "1", "min_rate": "bit/s/Hz", "max_peb": "m"}


class Block(NamedTuple):
    """Designs on a block of draws at a value of the sweep, values and designs by their number."""

    value: int
    designs: tuple[int, ...]
    start: int
    stop: int

    @property
    def name(self) -> str:
        """`str` : Name for files"""
        return f"value{self.value:02d}_design{self.designs[0]:02d}_draw{self.start:05d}"

    def overlaps(self, other: Block) -> bool:
        """`True` if both have a draw in common."""
        return self.start < other.stop and other.start < self.stop


def summarise(scenario: NearFieldScenario, found: Iterable[tuple[Block, Arrays]]) -> xr.Dataset:
    """Averages over the draws on which all designs with all draws succeeded, and every draw."""
    raw = _collect(scenario, found)
    parameter = scenario.sweep.parameter
    dataset = xr.Dataset(
        coords={
            "design": [d.text for d in scenario.designs],
            parameter: (parameter, np.array(scenario.sweep.values), {"units": UNITS[parameter]}),
        }
    )
    cell, draw = ("design", parameter), ("design", parameter, "draw")
    status = raw["status"]
    full = [d.num_channels is None for d in scenario.designs]
    used = np.all(status[full] == OK, axis=0)[np.newaxis] & (status == OK)
    dataset["status"] = (draw, status, {"long_name": "0: done, 1: infeasible, 2: failed, -1: none"})
    dataset["averaged"] = (draw, used, {"long_name": "1 if the draw counts for averages"})
    for name, number, text in (
        ("num_draws", status >= 0, "draws that were tried"),
        ("num_infeasible", status == INFEASIBLE, "draws without a solution"),
        ("num_failed", status == FAILED, "draws on which a solver failed"),
        ("num_averaged", used, "draws that count for averages"),
    ):
        dataset[name] = (cell, number.sum(-1), {"long_name": text, "units": "1"})
    for name, units in MEASURES.items():
        dataset[name] = (draw, raw[name], {"units": units})
    dataset["rate"] = ((*draw, "user"), raw["rate"], {"units": "bit/s/Hz"})
    dataset["sum_rate"] = (draw, raw["rate"].sum(-1), {"units": "bit/s/Hz"})
    for name in ("peb", "sum_rate"):
        for end, value in _average(dataset[name].values, used).items():
            dataset[f"{name}_{end}"] = (cell, value, {"units": dataset[name].attrs["units"]})
    for name in ("peb", "peb_blind"):
        squared = _average(raw[name] ** 2, used)["mean"]
        described = {"units": "m", "long_name": "root of the mean squared bound"}
        dataset[f"{name}_rms"] = (cell, np.sqrt(squared), described)
    dataset["peb_blind"].attrs["long_name"] = "bound if the receiver does not know the symbols"
    limits = [(scenario.at("max_peb", v) or math.inf) ** 2 for v in scenario.sweep.values]
    beyond = raw["peb"] ** 2 > np.array(limits)[:, np.newaxis] * (1 + SPEB_TOLERANCE)
    share = _average(beyond.astype(float), used)["mean"]
    dataset["share_beyond_peb"] = (cell, share, {"long_name": "draws with a PEB above max_peb"})
    dataset["first_problem"] = (cell, _first_problems(raw["message"]))
    if scenario.music is not None:
        for name in RECEIVERS:
            if f"error{name}" in raw:
                errors = raw[f"error{name}"]
                _add_errors(dataset, name, parameter, errors, scenario.music.confidence)
    return dataset


def _collect(
    scenario: NearFieldScenario, found: Iterable[tuple[Block, Arrays]]
) -> dict[str, np.ndarray]:
    """Arrays [designs, values, draws, ...] of all results except the beams."""
    shape = (len(scenario.designs), len(scenario.sweep.values), scenario.num_channels)
    raw = {
        "status": np.full(shape, -1, np.int8),  # not computed
        "message": np.full(shape, "", "U300"),
        "rate": np.full((*shape, scenario.users.number), np.nan),
        **{name: np.full(shape, np.nan) for name in MEASURES},
    }
    if scenario.music is not None:
        names = ["error"] if scenario.known_symbols is None else [f"error{r}" for r in RECEIVERS]
        for name in names:
            raw[name] = np.full((*shape, scenario.music.num_trials), np.nan)
    for block, arrays in found:
        for name in arrays.keys() & raw.keys():
            raw[name][list(block.designs), block.value, block.start : block.stop] = arrays[name]
    return raw


def _average(values: np.ndarray, used: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and band over the used draws of [designs, values, draws]; NaN without any."""
    ends: dict[str, Callable[[np.ndarray], float]] = {
        "mean": np.mean,
        "low": lambda values: np.percentile(values, BAND[0]),
        "high": lambda values: np.percentile(values, BAND[1]),
    }
    result = {end: np.full(values.shape[:2], np.nan) for end in ends}
    for index in np.ndindex(*values.shape[:2]):
        chosen = values[index][used[index]]
        if chosen.size:
            for end, function in ends.items():
                result[end][index] = function(chosen)
    return result


def _first_problems(messages: np.ndarray) -> np.ndarray:
    """First message of each design and value, empty if there is none."""
    first = np.full(messages.shape[:2], "", object)
    for index in np.ndindex(*messages.shape[:2]):
        texts = messages[index][messages[index] != ""]
        if texts.size:
            first[index] = str(texts[0])
    return first


def _add_errors(
    dataset: xr.Dataset, receiver: str, parameter: str, errors: np.ndarray, confidence: float
) -> None:
    """Position errors [designs, values, draws, trials], and their RMSE with an interval.

    Trials of a draw share its channel and beams: the interval is that of a mean over draws.
    """
    cell = ("design", parameter)
    dataset[f"position_error{receiver}"] = ((*cell, "draw", "trial"), errors, {"units": "m"})
    rmse = np.full((*errors.shape[:2], 3), np.nan)
    used = dataset["averaged"].values
    for index in np.ndindex(*errors.shape[:2]):
        squares = np.mean(errors[index][used[index]] ** 2, axis=-1)
        if squares.size:
            rmse[index][0] = squares.mean()
        if squares.size > 1:
            rmse[index][1:] = metrics.mean_interval(squares, confidence)
    rmse = np.sqrt(np.maximum(rmse, 0))
    add_interval(dataset, f"rmse{receiver}", cell, rmse[..., 0], rmse[..., 1:], units="m")


def sweep_report(scenario: NearFieldScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Lines with the averages of each design, and all failures."""
    parameter = scenario.sweep.parameter
    yield f"{parameter}: " + _row(dataset[parameter].values)
    rows = [("peb", "mean PEB in cm", 100)]
    if scenario.metric == "sum_rate":
        rows = [("sum_rate", "mean sum rate in bit/s/Hz", 1)]
    for design in dataset["design"].values:
        for name, text, scale in rows:
            values = scale * dataset[f"{name}_mean"].sel(design=design).values
            yield f"  {design}: {text}: {_row(values)}"
        for name, text in RECEIVERS.items():
            if f"rmse{name}" in dataset:
                errors = 100 * dataset[f"rmse{name}"].sel(design=design).values
                yield f"    RMSE of {text} in cm: {_row(errors)}"
        yield from _problems(dataset.sel(design=design), parameter)


def _problems(row: xr.Dataset, parameter: str) -> Iterator[str]:
    for i, value in enumerate(row[parameter].values):
        point = row.isel({parameter: i})
        infeasible, failed = int(point["num_infeasible"]), int(point["num_failed"])
        if infeasible or failed:
            yield (
                f"    {parameter} {value:g}: of {int(point['num_draws'])} draws {infeasible} "
                f"infeasible, {failed} failed; the first: {point['first_problem'].item()}"
            )
        if not int(point["num_averaged"]):
            yield f"    {parameter} {value:g}: no draw on which all designs succeeded: no average"


def _row(values: np.ndarray) -> str:
    return "  ".join(f"{v:.4g}" for v in values)
