"""Iterations of a published method, and what the library's own method reaches on the same draws."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.core.units import watt
from sionna_isac.studies.near_field.designs import OK, history_of_draw
from sionna_isac.studies.near_field.draws import ChannelDraws
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder
from sionna_isac.study.workers import default_workers, run_tasks

__all__ = ["near_field_convergence"]

DESIGNS = {"sdr-bcd": "minimize_speb", "sca-bcd": "maximize_sum_rate"}


def near_field_convergence(
    scenario: Any, folder: RunFolder, reporter: Reporter, workers: int | None
) -> xr.Dataset:
    """History of every number of chains on every draw, one stored part each."""
    draws = ChannelDraws.of(scenario)
    antennas = scenario.array.num_antennas
    scene, channels = draws.scene(antennas), draws.channels(antennas)
    limits = {"power": watt(scenario.power_dbm)}
    if scenario.min_rate is not None:
        limits["min_rate"] = scenario.min_rate
    if scenario.max_peb is not None:
        limits["max_speb"] = scenario.max_peb**2
    keys = [(c, i) for c in scenario.num_rf_chains for i in range(scenario.num_channels)]
    names = [f"chains{chains:03d}_draw{i:05d}" for chains, i in keys]
    known = [folder.load(name) for name in names]
    todo = [i for i, part in enumerate(known) if part is None]
    design = {"design": DESIGNS[scenario.algorithm], "method": scenario.algorithm}
    tasks = [
        (scene, channels[draw], limits, {**design, "num_rf_chains": chains})
        for chains, draw in (keys[i] for i in todo)
    ]
    workers = workers or default_workers()
    results = run_tasks(history_of_draw, tasks, workers, history_of_draw.__module__)
    done = len(keys) - len(todo)
    with closing(results), reporter.task(scenario.algorithm, len(keys), done) as advance:
        for index, part in results:
            folder.save(names[todo[index]], **part)
            known[todo[index]] = part
            advance(1, names[todo[index]])
    return _summary(scenario, [part for part in known if part is not None])


def _summary(scenario: Any, found: list[dict[str, np.ndarray]]) -> xr.Dataset:
    """Arrays over chains and draws; objectives are PEBs [m] or sum rates [bit/s/Hz].

    Histories end where the method stopped: what follows is NaN.
    """
    shape = (len(scenario.num_rf_chains), scenario.num_channels)
    cell = ("num_rf_chains", "draw")
    peb = scenario.algorithm == "sdr-bcd"
    attributes = {"units": "m"} if peb else {"units": "bit/s/Hz"}
    scale = np.sqrt if peb else np.asarray
    length = max(1, *(part["history"].size for part in found))
    history = np.full((len(found), length), np.nan)
    for row, part in zip(history, found, strict=True):
        row[: part["history"].size] = scale(part["history"])
    dataset = xr.Dataset(coords={"num_rf_chains": np.array(scenario.num_rf_chains)})
    dataset["history"] = ((*cell, "iteration"), history.reshape(*shape, length), attributes)
    iterations = np.array([part["history"].size - 1 for part in found]).reshape(shape)
    dataset["num_iterations"] = (cell, iterations, {"long_name": "-1 where the method failed"})
    for name in ("published", "direct", "digital"):
        values = np.array([scale(part[name]) for part in found]).reshape(shape)
        dataset[name] = (cell, values, attributes)
        for field, units in (("time", "s"), ("status", "1")):
            values = np.array([part[f"{name}_{field}"] for part in found]).reshape(shape)
            dataset[f"{name}_{field}"] = (cell, values, {"units": units})
    messages = [str(part["published_message"]) for part in found]
    dataset["message"] = (cell, np.array(messages, object).reshape(shape))
    dataset.attrs["num_failed"] = int(np.sum(dataset["published_status"].values != OK))
    return dataset
