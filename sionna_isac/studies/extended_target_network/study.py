"""Training of networks of beams, and their tests against the certified optimum."""

from __future__ import annotations

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
from sionna_isac.studies._extended.targets import body_surface
from sionna_isac.studies.extended_target_network.scenario import ExtendedTargetNetworkScenario
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.learner import Stage
from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.store import RunFolder
from sionna_isac.study.training import train

__all__ = ["ExtendedTargetNetworkStudy", "network_report"]

TOLERANCE = 1e-3  # of SINR and coverage in single precision, relative


class ExtendedTargetNetworkStudy(Study[ExtendedTargetNetworkScenario]):
    """Trainings, optima of the test scenes for each number of users, and tests."""

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        for n, network in enumerate(scenario.networks):
            yield Part(f"train_{n}", ("train", n, 0), note=network.name)
        for number in scenario.test_users:
            note = f"{number} users"
            yield Part(f"optimum_{number}", ("optimum", 0, number), task="optima", note=note)
        for n, network in enumerate(scenario.networks):
            for number in scenario.test_users:
                yield Part(
                    f"test_{n}_{number}",
                    ("test", n, number),
                    task="tests",
                    note=f"{network.name}, {number} users",
                    needs=(f"train_{n}",),
                )

    def _scenes(self, num_users: Any, stream: str) -> BeamScenes:
        """Source of scenes with poses of their own."""
        reset_stream(self.scenario.seed, "extended_target_network", stream)
        try:
            return self._source(num_users)
        except ValueError as error:
            raise ScenarioError(f"surroundings: {error}") from None

    def _source(self, num_users: Any) -> BeamScenes:
        scenario, around = self.scenario, self.scenario.surroundings
        return BeamScenes(
            [body_surface(body) for body in scenario.bodies],
            scenario.arrays.tx_shape,
            num_poses=around.num_poses,
            range_interval=around.range_interval,
            azimuth=math.radians(around.azimuth_deg),
            elevation=math.radians(around.elevation_deg),
            num_users=num_users,
            num_paths=around.num_paths,
            path_level_db=around.path_gain_db,
            snr_db=around.snr_db,
        )

    def _test(self, number: int) -> BeamScene:
        """Test scenes, whose first users are the same for all numbers of users."""
        scenes = self._scenes((max(self.scenario.test_users),), "test")
        return scenes(self.scenario.num_test).with_users(number)

    def _network(self, n: int) -> beamforming.ISACBeamNetwork:
        settings = self.scenario.networks[n]
        reset_stream(self.scenario.seed, "extended_target_network", "weights")
        return beamforming.ISACBeamNetwork(
            self.scenario.arrays.tx_shape,
            settings.head,
            min_sinr=self._min_sinr,
            width=settings.width,
            num_steps=settings.num_steps,
            precision="single",
        )

    @property
    def _min_sinr(self) -> float:
        return 10 ** (self.scenario.min_sinr_db / 10)

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
        what, n, number = part.arguments
        if what == "train":
            return self._train(n)
        scene = self._test(number)
        if what == "optimum":
            return self._optimum(scene)
        network = self._network(n)
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

    def _train(self, n: int) -> Arrays:
        scenario, settings = self.scenario, self.scenario.networks[n]
        network = self._network(n)
        learner = BeamLearner(
            network,
            self._scenes(scenario.train_users, "train"),
            self._quality,
            coverage=scenario.coverage,
            penalties={"sinr_weight": settings.sinr_weight},
        )
        assert isinstance(self.folder, RunFolder)
        stages = [Stage("fit", scenario.training)]
        name = f"network{n}"
        history = train(
            learner, stages, self.folder, self.reporter, name, scenario.seed, jit_compile=False
        )
        weights = {f"weight_{i}": v.numpy() for i, v in enumerate(network.weights)}
        return weights | {"loss": history["fit_loss"]}

    def _optimum(self, scene: BeamScene) -> Arrays:
        """Certified optima; NaN where SINR or coverage are out of reach."""
        scenario, sounding = self.scenario, self.scenario.sounding
        points, weights, pose = (v.numpy().astype(float) for v in scene[:3])
        channels = scene.channels.numpy().astype(complex)
        found = np.full((4, scenario.num_test), np.nan)
        for i in range(scenario.num_test):
            there = weights[i] > 0
            names = ("range", "azimuth", "elevation", "orientation")
            place = dict(zip(names, pose[i], strict=True))
            begin = time.perf_counter()
            try:
                solution = beamforming.minimize_crb(
                    ExtendedTarget(points[i][there], weights[i][there], **place),
                    scenario.arrays.tx_shape,
                    scenario.arrays.rx_shape,
                    channels[i],
                    1.0,
                    self._min_sinr,
                    scenario.coverage,
                    user_noise=1.0,
                    path_gain=1.0,
                    noise_power=1.0,
                    rms_bandwidth=sounding.rms_bandwidth,
                    num_samples=sounding.num_samples,
                )
            except beamforming.InfeasibleError:
                continue
            seconds = time.perf_counter() - begin
            bound = solution.lower_bound if solution.lower_bound is not None else np.nan
            found[:, i] = solution.objective, bound, solution.coverage, seconds
        return dict(zip(("optimum", "lower_bound", "coverage", "seconds"), found, strict=True))

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Ratios to the optimum, SINR and coverage [network, num_users, scene]."""
        scenario = self.scenario
        users, most = scenario.test_users, max(scenario.test_users)
        shape = len(scenario.networks), len(users), scenario.num_test
        dataset = xr.Dataset(
            coords={
                "network": [network.name for network in scenario.networks],
                "num_users": list(users),
            }
        )
        dims = ("network", "num_users", "scene")
        values = {name: np.full(shape, np.nan) for name in ("crb", "coverage")}
        sinr, seconds = np.full((*shape, most), np.nan), np.full(shape[:2], np.nan)
        for n, u in np.ndindex(*shape[:2]):
            found = results[f"test_{n}_{users[u]}"]
            for name, table in values.items():
                table[n, u] = found[name]
            sinr[n, u, :, : users[u]] = found["sinr"]
            seconds[n, u] = found["seconds"]
        optima = [results[f"optimum_{number}"] for number in users]
        for name, unit in (("optimum", "m^2 + rad^2"), ("lower_bound", "m^2 + rad^2")):
            table = np.array([part[name] for part in optima])
            dataset[name] = (dims[1:], table, {"units": unit})
        dataset["ratio"] = (dims, values["crb"] / dataset["optimum"].values)
        dataset["ratio"].attrs["long_name"] = "trace of the CRB over the certified optimum"
        dataset["sinr_db"] = ((*dims, "user"), 10 * np.log10(sinr), {"units": "dB"})
        dataset["coverage"] = (dims, values["coverage"])
        served = sinr >= (1 - TOLERANCE) * self._min_sinr
        # a user that is not there is served
        dataset["served"] = (dims, np.all(served | np.isnan(sinr), -1))
        dataset["covered"] = (dims, values["coverage"] <= (1 + TOLERANCE) * scenario.coverage)
        dataset["seconds"] = (dims[:2], seconds, {"units": "s", "long_name": "time per scene"})
        times = np.array([np.nanmedian(part["seconds"]) for part in optima])
        dataset["optimum_seconds"] = ("num_users", times, {"units": "s"})
        dataset["loss"] = (
            ("network", "iteration"),
            np.array([results[f"train_{n}"]["loss"] for n in range(shape[0])]),
        )
        dataset.attrs |= {"num_test": shape[2], "min_sinr_db": scenario.min_sinr_db}
        dataset.attrs["train_users"] = list(scenario.train_users)
        return dataset


def network_report(scenario: ExtendedTargetNetworkScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Ratios to the optimum, shares of scenes and times."""
    for number in scenario.test_users:
        row = dataset.sel(num_users=number)
        known = np.isfinite(row["optimum"].values)
        gap = (row["optimum"] / row["lower_bound"] - 1).max().item()
        yield (
            f"{number} users: optimum of {known.sum()} of {known.size} scenes within reach, gap at "
            f"most {gap:.1g}, {1e3 * row['optimum_seconds'].item():.3g} ms a scene"
        )
        for name in dataset["network"].values:
            one = row.sel(network=name)
            ratio = one["ratio"].values[known]
            mean = np.exp(np.log(ratio).mean()) if known.any() else np.nan
            yield (
                f"  {name}: bound {mean:.4f} times the optimum (geometric mean), all SINRs in "
                f"{100 * one['served'].values[known].mean():.1f} %, coverage in "
                f"{100 * one['covered'].values[known].mean():.1f} %, "
                f"{1e3 * one['seconds'].item():.3g} ms a scene"
            )
