"""Beam designs over a sweep on common channel draws, in parts that survive a kill."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac import metrics
from sionna_isac.core.units import watt
from sionna_isac.studies.near_field.designs import FAILED, INFEASIBLE, MEASURES, OK, design_block
from sionna_isac.studies.near_field.draws import ChannelDraws
from sionna_isac.studies.near_field.music import music_errors
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder
from sionna_isac.study.workers import default_workers, run_tasks

__all__ = ["near_field_study"]

BLOCK = 10  # draws of a part; published methods take a minute a draw: one
SPEB_TOLERANCE = 1e-6  # relative
BAND = (10, 90)  # percent
UNITS = {"power_dbm": "dBm", "num_antennas": "1", "min_rate": "bit/s/Hz", "max_peb": "m"}


@dataclass(frozen=True)
class Part:
    """Unit of computation and storage: designs on a block of draws at a value."""

    name: str
    value: int
    designs: tuple[int, ...]
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of designs times draws."""
        return len(self.designs) * (self.stop - self.start)


def near_field_study(
    scenario: Any, folder: RunFolder, reporter: Reporter, workers: int | None
) -> xr.Dataset:
    """Design beams, estimate positions if asked for, and summarise."""
    draws = ChannelDraws.of(scenario)
    raw = _designs(scenario, draws, folder, reporter, workers or default_workers())
    dataset = _summary(scenario, raw)
    if scenario.music is not None:
        errors = music_errors(scenario, raw["beams"], folder, reporter)
        _add_music(scenario, dataset, errors)
    return dataset


def parts(scenario: Any) -> list[Part]:
    """All parts of a study; designs with as many draws share theirs."""
    groups: dict[int, list[int]] = {}
    for d, design in enumerate(scenario.designs):
        groups.setdefault(scenario.channels_of(design), []).append(d)
    found = []
    for value in range(len(scenario.sweep.values)):
        for number, designs in groups.items():
            step = BLOCK if number == scenario.num_channels else 1
            for start in range(0, number, step):
                name = f"value{value:02d}_design{designs[0]:02d}_draw{start:05d}"
                stop = min(start + step, number)
                found.append(Part(name, value, tuple(designs), start, stop))
    return found


def limits_at(scenario: Any, value: float) -> dict[str, float]:
    """Requirements on designs at a value of the sweep."""
    limits = {"power": watt(scenario.at("power_dbm", value))}
    min_rate, max_peb = scenario.at("min_rate", value), scenario.at("max_peb", value)
    if min_rate is not None:
        limits["min_rate"] = min_rate
    if max_peb is not None:
        limits["max_speb"] = max_peb**2
    return limits


def _designs(
    scenario: Any, draws: ChannelDraws, folder: RunFolder, reporter: Reporter, workers: int
) -> dict[str, Any]:
    """Results of all designs: arrays [designs, values, draws, ...], beams a list over values."""
    everything = parts(scenario)
    known = {part.name: folder.load(part.name) for part in everything}
    todo = [part for part in everything if known[part.name] is None]
    values = scenario.sweep.values
    sizes = {scenario.antennas(values[part.value]) for part in todo}
    scenes = {n: (draws.scene(n), draws.channels(n)) for n in sizes}
    tasks = []
    for part in todo:
        value = values[part.value]
        scene, channels = scenes[scenario.antennas(value)]
        designs = [scenario.designs[d].model_dump() for d in part.designs]
        block = channels[part.start : part.stop]
        keep = scenario.music is not None
        tasks.append((scene, block, limits_at(scenario, value), designs, keep))
    total = sum(part.size for part in everything)
    done = total - sum(part.size for part in todo)
    results = run_tasks(design_block, tasks, workers, design_block.__module__)
    with closing(results), reporter.task("designing beams", total, done) as advance:
        for index, found in results:
            part = todo[index]
            folder.save(part.name, **found)
            known[part.name] = found
            advance(part.size, f"{scenario.sweep.parameter} {values[part.value]:g}")
    return _collect(scenario, everything, known)


def _collect(scenario: Any, everything: list[Part], known: dict[str, Any]) -> dict[str, Any]:
    num_values = len(scenario.sweep.values)
    shape = (len(scenario.designs), num_values, scenario.num_channels)
    users = scenario.users.number
    raw: dict[str, Any] = {
        "status": np.full(shape, -1, np.int8),  # not computed
        "message": np.full(shape, "", "U300"),
        "rate": np.full((*shape, users), np.nan),
    }
    raw |= {name: np.full(shape, np.nan) for name in MEASURES}
    if scenario.music is not None:
        raw["beams"] = [
            np.full((shape[0], shape[2], scenario.antennas(v), users), np.nan, np.complex128)
            for v in scenario.sweep.values
        ]
    for part in everything:
        block = slice(part.start, part.stop)
        for row, d in enumerate(part.designs):
            for name, array in known[part.name].items():
                if name == "beams":
                    raw[name][part.value][d, block] = array[row]
                else:
                    raw[name][d, part.value, block] = array[row]
    return raw


def _summary(scenario: Any, raw: dict[str, Any]) -> xr.Dataset:
    """Averages over the draws on which all designs of full length succeeded, and every draw."""
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
    dataset["averaged"] = (draw, used, {"long_name": "whether the draw counts for averages"})
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
    limits = [limits_at(scenario, v).get("max_speb", math.inf) for v in scenario.sweep.values]
    beyond = raw["peb"] ** 2 > np.array(limits)[:, np.newaxis] * (1 + SPEB_TOLERANCE)
    share = _average(beyond.astype(float), used)["mean"]
    dataset["share_beyond_peb"] = (cell, share, {"long_name": "draws with a PEB above max_peb"})
    dataset["first_problem"] = (cell, _first_problems(raw["message"]))
    return dataset


def _average(values: np.ndarray, used: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and band over the used draws of [designs, values, draws]; NaN where there are none."""
    ends = {"mean": np.mean, "low": _percentile(BAND[0]), "high": _percentile(BAND[1])}
    result = {end: np.full(values.shape[:2], np.nan) for end in ends}
    for index in np.ndindex(*values.shape[:2]):
        chosen = values[index][used[index]]
        if chosen.size:
            for end, function in ends.items():
                result[end][index] = function(chosen)
    return result


def _percentile(percent: float) -> Any:
    return lambda values: np.percentile(values, percent)


def _first_problems(messages: np.ndarray) -> np.ndarray:
    """First message of each design and value, empty if there is none."""
    first = np.full(messages.shape[:2], "", object)
    for index in np.ndindex(*messages.shape[:2]):
        texts = messages[index][messages[index] != ""]
        if texts.size:
            first[index] = str(texts[0])
    return first


def _add_music(scenario: Any, dataset: xr.Dataset, errors: np.ndarray) -> None:
    """Position errors [designs, values, draws, trials], and their RMSE with an interval.

    Trials of a draw share its channel and beams: the interval is that of a mean over draws.
    """
    parameter = scenario.sweep.parameter
    cell = ("design", parameter)
    dataset["position_error"] = ((*cell, "draw", "trial"), errors, {"units": "m"})
    rmse = np.full((*errors.shape[:2], 3), np.nan)
    used = dataset["averaged"].values
    for index in np.ndindex(*errors.shape[:2]):
        squares = np.mean(errors[index][used[index]] ** 2, axis=-1)
        if squares.size:
            rmse[index][0] = squares.mean()
        if squares.size > 1:
            rmse[index][1:] = metrics.mean_interval(squares, scenario.music.confidence)
    rmse = np.sqrt(np.maximum(rmse, 0))
    for i, name in enumerate(("rmse", "rmse_low", "rmse_high")):
        dataset[name] = (cell, rmse[..., i], {"units": "m"})
