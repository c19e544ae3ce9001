"""Training of networks of beams, and their tests against the certified optimum."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac import beamforming
from sionna_isac.bound import ExtendedTarget
from sionna_isac.core import reset_stream
from sionna_isac.studies._beams.learner import BeamLearner, BeamQuality
from sionna_isac.studies._beams.scenes import BeamScene, BeamScenes
from sionna_isac.studies._extended.blocks import PARAMETERS
from sionna_isac.studies._extended.targets import body_surface
from sionna_isac.studies.extended_target_network.scenario import (
    ExtendedTargetNetworkScenario,
    Training,
)
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.learner import Stage
from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.store import RunFolder
from sionna_isac.study.training import train

__all__ = ["ExtendedTargetNetworkStudy"]

TOLERANCE = 1e-3  # of SINR and coverage in single precision, relative
TRACE = {"units": "m^2 + rad^2"}


class ExtendedTargetNetworkStudy(Study[ExtendedTargetNetworkScenario]):
    """Trainings, optima of the test scenes, and tests, for each SINR target, division and number of
    users.
    """

    @property
    def _tests(self) -> list[tuple[int, int, int]]:
        """SINR target, division and number of users of each test, as indices"""
        scenario = self.scenario
        lists: Any = scenario.min_sinr_db, scenario.test_cells, scenario.test_users
        targets, cells, users = (range(len(values)) for values in lists)
        return list(itertools.product(targets, cells, users))

    def _note(self, target: int, cells: int, users: int) -> str:
        scenario = self.scenario
        note = [f"{scenario.test_users[users]} users"]
        if len(scenario.test_cells) > 1:
            note.append("{} x {} cells".format(*scenario.test_cells[cells]))
        if len(scenario.min_sinr_db) > 1:
            note.append(f"{scenario.min_sinr_db[target]:g} dB")
        return ", ".join(note)

    def parts(self) -> Iterator[Part]:
        trainings = self.scenario.trainings
        for n, row in enumerate(trainings):
            for t, training in enumerate(row):
                yield Part(f"train_{n}_{t}", ("train", n, (t,)), note=training.name)
        for test in self._tests:
            name = "optimum_{}_{}_{}".format(*test)
            yield Part(name, ("optimum", 0, test), task="optima", note=self._note(*test))
        for n, row in enumerate(trainings):
            for test in self._tests:
                yield Part(
                    "test_{}_{}_{}_{}".format(n, *test),
                    ("test", n, test),
                    task="tests",
                    note=f"{row[0].name}, {self._note(*test)}",
                    needs=(f"train_{n}_{test[0]}",),
                )

    def _scenes(self, num_users: Any, stream: str, cells: tuple[int, int] = (6, 4)) -> BeamScenes:
        """Source of scenes with poses of their own."""
        reset_stream(self.scenario.seed, "extended_target_network", stream)
        try:
            return self._source(num_users, cells)
        except ValueError as error:
            raise ScenarioError(f"surroundings: {error}") from None

    def _source(self, num_users: Any, cells: tuple[int, int]) -> BeamScenes:
        scenario, around = self.scenario, self.scenario.surroundings
        return BeamScenes(
            [body_surface(body) for body in scenario.bodies],
            scenario.arrays.tx_shape,
            cells=cells,
            num_poses=around.num_poses,
            range_interval=around.range_interval,
            azimuth=math.radians(around.azimuth_deg),
            elevation=math.radians(around.elevation_deg),
            num_users=num_users,
            num_paths=around.num_paths,
            path_level_db=around.path_gain_db,
            snr_db=around.snr_db,
        )

    def _test(self, cells: int, users: int) -> BeamScene:
        """Test scenes, with the same poses and first users for all divisions and numbers."""
        scenario = self.scenario
        scenes = self._scenes((max(scenario.test_users),), "test", scenario.test_cells[cells])
        return scenes(scenario.num_test).with_users(scenario.test_users[users])

    def _network(self, training: Training) -> beamforming.ISACBeamNetwork:
        reset_stream(self.scenario.seed, "extended_target_network", "weights")
        return beamforming.ISACBeamNetwork(
            self.scenario.arrays.tx_shape,
            training.graph.head,
            min_sinr=training.min_sinr if self.scenario.rate_weight is None else None,
            width=training.graph.width,
            num_steps=training.graph.num_steps,
            precision="single",
        )

    @property
    def _quality(self) -> BeamQuality:
        arrays, sounding = self.scenario.arrays, self.scenario.sounding
        return BeamQuality(
            arrays.tx_shape,
            arrays.rx_shape,
            rms_bandwidth=sounding.rms_bandwidth,
            num_samples=sounding.num_samples,
        )

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Weights and losses; optima; or bounds, SINR and coverage of the beams of a network."""
        what, n, test = part.arguments
        training = self.scenario.trainings[n][test[0]]
        if what == "train":
            return self._train(training, f"network{n}_{test[0]}")
        scene = self._test(*test[1:])
        if what == "optimum":
            return self._optimum(scene, training.min_sinr)
        network = self._network(training)
        (found,) = earlier.values()
        for i, variable in enumerate(network.weights):
            variable.assign(found[f"weight_{i}"])
        call = tf.function(network, autograph=False)
        call(*scene.inputs)
        begin = time.perf_counter()
        beams = call(*scene.inputs)
        seconds = (time.perf_counter() - begin) / self.scenario.num_test
        values = self._quality(scene, beams)
        there = scene.masks.scatterers.numpy()
        energy = values["energy"].numpy()
        least = np.where(there, energy, np.inf).min(-1)
        return {
            "crb": values["crb"],
            "sinr": values["sinr"],
            "coverage": np.where(there, energy, 0).max(-1) / least,
            "seconds": seconds,
        }

    def _train(self, training: Training, name: str) -> Arrays:
        scenario = self.scenario
        network = self._network(training)
        share = scenario.rate_weight
        learner = BeamLearner(
            network,
            self._scenes(scenario.train_users, "train"),
            self._quality,
            coverage=scenario.coverage,
            rate=None if share is None else {"weight": share},
            penalties={"sinr_weight": training.sinr_weight} if share is None else {},
        )
        assert isinstance(self.folder, RunFolder)
        stages = [Stage("fit", scenario.training)]
        history = train(
            learner, stages, self.folder, self.reporter, name, scenario.seed, jit_compile=False
        )
        weights = {f"weight_{i}": v.numpy() for i, v in enumerate(network.weights)}
        return weights | {"loss": history.get("fit_loss", np.zeros(0))}

    def _optimum(self, scene: BeamScene, min_sinr: float) -> Arrays:
        """Certified optima; NaN where SINR or coverage are out of reach."""
        scenario, sounding = self.scenario, self.scenario.sounding
        points, weights, pose = (v.numpy().astype(float) for v in scene[:3])
        channels = scene.channels.numpy().astype(complex)
        found = np.full((5, scenario.num_test), np.nan)
        common: dict[str, Any] = {
            "coverage": scenario.coverage,
            "user_noise": 1.0,
            "path_gain": 1.0,
            "noise_power": 1.0,
            "rms_bandwidth": sounding.rms_bandwidth,
            "num_samples": sounding.num_samples,
        }
        for i in range(scenario.num_test):
            there = weights[i] > 0
            place = dict(zip(PARAMETERS, pose[i], strict=True))
            target = ExtendedTarget(points[i][there], weights[i][there], **place)
            given = (
                target,
                scenario.arrays.tx_shape,
                scenario.arrays.rx_shape,
                channels[i],
                1.0,
            )
            begin = time.perf_counter()
            try:
                if scenario.rate_weight is None:
                    solution = beamforming.minimize_crb(*given, min_sinr, **common)
                else:
                    solution = beamforming.weighted_isac(
                        *given, weight=scenario.rate_weight, **common
                    )
            except beamforming.InfeasibleError:
                continue
            seconds = time.perf_counter() - begin
            gap = np.nan if solution.relative_gap is None else solution.relative_gap
            trace, rate = solution.crb.sum(), np.log2(1 + solution.sinr).sum()
            found[:, i] = trace, trace / (1 + gap), rate, solution.coverage, seconds
        values = ("optimum", "lower_bound", "sum_rate", "coverage", "seconds")
        return {
            **dict(zip(values, found, strict=True)),
            "isotropic": self._quality.isotropic(scene).numpy(),
            "scatterers": np.sum(weights > 0, -1).mean(),
        }

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Ratios to the optimum, SINR, rates and coverage [network, target, cells, users, scene].

        Dimensions of SINR targets and cells are there if they have several values.
        """
        scenario = self.scenario
        rows, most = scenario.trainings, max(scenario.test_users)
        shape = len(scenario.min_sinr_db), len(scenario.test_cells), len(scenario.test_users)
        dims = ("min_sinr_db", "cells", "num_users", "scene")
        dataset = xr.Dataset(
            coords={
                "network": [row[0].name for row in rows],
                "sinr_weight": ("network", [row[0].sinr_weight for row in rows]),
                "min_sinr_db": ("min_sinr_db", list(scenario.min_sinr_db), {"units": "dB"}),
                "cells": ["{} x {}".format(*value) for value in scenario.test_cells],
                "num_users": list(scenario.test_users),
            }
        )
        optima = [results["optimum_{}_{}_{}".format(*test)] for test in self._tests]

        def table(parts: list[Arrays], name: str, *front: int) -> np.ndarray:
            values = np.array([part[name] for part in parts])
            return values.reshape(*front, *shape, *values.shape[1:])

        for name in ("optimum", "lower_bound", "isotropic"):
            dataset[name] = (dims, table(optima, name), TRACE)
        rate = {"units": "bit/s/Hz"}
        dataset["optimum_sum_rate"] = (dims, table(optima, "sum_rate"), rate)
        tests = [
            results["test_{}_{}_{}_{}".format(n, *test)]
            for n, test in itertools.product(range(len(rows)), self._tests)
        ]
        everywhere = ("network", *dims)
        trace = table(tests, "crb", len(rows))
        dataset["ratio"] = (everywhere, trace / dataset["optimum"].values)
        dataset["ratio"].attrs["long_name"] = "trace of the CRB over that of the optimum"
        found = [np.pad(t["sinr"], ((0, 0), (0, most - t["sinr"].shape[1])),
                        constant_values=np.nan) for t in tests]  # fmt: skip
        sinr = np.reshape(found, (len(rows), *shape, scenario.num_test, most))
        dataset["sinr_db"] = ((*everywhere, "user"), 10 * np.log10(sinr), {"units": "dB"})
        dataset["sum_rate"] = (everywhere, np.nansum(np.log2(1 + sinr), -1), rate)
        dataset["coverage"] = (everywhere, table(tests, "coverage", len(rows)))
        dataset["covered"] = dataset["coverage"] <= (1 + TOLERANCE) * scenario.coverage
        _add_requirements(dataset, scenario, sinr)
        about = {"units": "s", "long_name": "time per scene"}
        dataset["seconds"] = (everywhere[:-1], table(tests, "seconds", len(rows)), about)
        times = np.nanmedian(table(optima, "seconds"), -1)
        dataset["optimum_seconds"] = (dims[:-1], times, {"units": "s"})
        if scenario.training.iterations:
            trained = [
                [results[f"train_{n}_{t}"]["loss"] for t in range(shape[0])]
                for n in range(len(rows))
            ]
            dataset["loss"] = (("network", "min_sinr_db", "iteration"), np.array(trained))
        seen = table(optima, "scatterers")[0, :, 0]
        dataset["scatterers"] = ("cells", seen, {"long_name": "mean number of visible scatterers"})
        dataset.attrs |= {"num_test": scenario.num_test, "figure": scenario.figure}
        dataset.attrs["train_users"] = list(scenario.train_users)
        dataset.attrs["min_sinr_db"] = scenario.min_sinr_db[0]
        return dataset.squeeze([d for d in ("min_sinr_db", "cells") if dataset.sizes[d] == 1])


def _add_requirements(
    dataset: xr.Dataset, scenario: ExtendedTargetNetworkScenario, sinr: np.ndarray
) -> None:
    """Users below their SINR target, or the gap of the weighted metric to that of the optimum."""
    if scenario.rate_weight is None:
        target = 10 ** (np.array(scenario.min_sinr_db)[:, None, None, None, None] / 10)
        met = sinr >= (1 - TOLERANCE) * target
        # a user that is not there is served
        scenes = dataset["sum_rate"].dims
        dataset["num_unserved"] = (scenes, np.sum(~met & np.isfinite(sinr), -1))
        dataset["served"] = dataset["num_unserved"] == 0
    else:
        share = scenario.rate_weight
        excess = (dataset["ratio"] - 1) * dataset["optimum"] / dataset["isotropic"]
        lost = dataset["optimum_sum_rate"] - dataset["sum_rate"]
        dataset["metric_gap"] = (1 - share) * excess + share * lost
        dataset["metric_gap"].attrs["long_name"] = "weighted metric above that of the optimum"
        dataset.attrs["rate_weight"] = share
