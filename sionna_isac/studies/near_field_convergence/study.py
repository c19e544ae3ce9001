"""Iterations of a published method, and results of the library's method on the same draws."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.quiet import load_tensorflow

load_tensorflow()  # a worker process imports this module before anything else

from sionna_isac.studies.near_field.blocks import BeamDesign  # noqa: E402
from sionna_isac.studies.near_field.designs import OK, Draw, requirements  # noqa: E402
from sionna_isac.studies.near_field.draws import ChannelDraws  # noqa: E402
from sionna_isac.studies.near_field_convergence.scenario import (  # noqa: E402
    NearFieldConvergenceScenario,
)

__all__ = ["NearFieldConvergenceStudy", "convergence_report"]


class NearFieldConvergenceStudy(Study[NearFieldConvergenceScenario]):
    """History of every number of chains on every draw."""

    @functools.cached_property
    def _draws(self) -> ChannelDraws:
        return ChannelDraws(self.scenario)

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        for chains in scenario.num_rf_chains:
            for i in range(scenario.num_channels):
                name = f"chains{chains:03d}_draw{i:05d}"
                yield Part(name, (chains, i), scenario.algorithm, note=name, parallel=True)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Published method on a draw, and the default method, hybrid and fully digital.

        Objectives are SPEB [m^2] or sum rates [bit/s/Hz].
        """
        scenario = self.scenario
        assert scenario.array.num_antennas is not None
        chains, i = part.arguments
        scene = self._draws.scene(scenario.array.num_antennas, i)
        limits = requirements(scenario.power_dbm, scenario.min_rate, scenario.max_peb)
        drawn = Draw(scene, limits)
        sensing = scenario.algorithm == "sdr-bcd"
        objective = "speb" if sensing else "sum_rate"
        digital = BeamDesign(design="minimize_speb" if sensing else "maximize_sum_rate")
        direct = digital.model_copy(update={"num_rf_chains": chains})
        published = direct.model_copy(update={"method": scenario.algorithm})
        result: Arrays = {"history": np.zeros(0)}
        for name, design in (("published", published), ("direct", direct), ("digital", digital)):
            status, found = drawn.attempt(design)
            result[f"{name}_status"] = status
            if isinstance(found, str):
                result |= {name: np.nan, f"{name}_time": np.nan, f"{name}_message": found}
                continue
            result |= {name: getattr(found, objective), f"{name}_time": found.solve_time}
            result[f"{name}_message"] = ""
            if name == "published":
                result["history"] = found.history
        return result

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Arrays over chains and draws; objectives are PEBs [m] or sum rates [bit/s/Hz].

        Histories are NaN after the last iteration of the method.
        """
        scenario, found = self.scenario, list(results.values())
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


def convergence_report(
    scenario: NearFieldConvergenceScenario, dataset: xr.Dataset
) -> Iterator[str]:
    """Lines with the end of each history, and the library's own method beside it."""
    for chains in dataset["num_rf_chains"].values:
        row = dataset.sel(num_rf_chains=chains)
        for draw in range(row.sizes["draw"]):
            point = row.isel(draw=draw)
            if point["message"].item():
                yield f"  {chains} chains, draw {draw}: {point['message'].item()}"
                continue
            yield (
                f"  {chains} chains, draw {draw}: {float(point['published']):.6g} "
                f"{point['published'].attrs['units']} after {int(point['num_iterations'])} "
                f"iterations, {float(point['published_time']):.1f} s; the library's method "
                f"{float(point['direct']):.6g}, {float(point['direct_time']):.2f} s"
            )
