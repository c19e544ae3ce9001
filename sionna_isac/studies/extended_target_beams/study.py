"""Beams for an extended target, scene by scene."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import xarray as xr
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac import beamforming
from sionna_isac.array.planar import planar_wave
from sionna_isac.beamforming import InfeasibleError, SolverError
from sionna_isac.bound import ExtendedTarget
from sionna_isac.studies._extended.blocks import PARAMETERS, Division, PlanarArrays, Pose, Sounding
from sionna_isac.studies._extended.targets import body_target
from sionna_isac.studies.extended_target_beams.scenario import (
    DESIGNS,
    WEIGHTED,
    ExtendedTargetBeamsScenario,
    Users,
)
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.part import Arrays, Part, Study

__all__ = [
    "ExtendedTargetBeamsStudy",
    "beams_report",
    "design_error",
    "designed_beams",
    "scenario_target",
    "user_channels",
]

DEGREES = 1.5  # step of the beampatterns


class BeamSetting(Protocol):
    """Fields of a scenario for its target, the users' channels and the beams."""

    @property
    def seed(self) -> int: ...
    @property
    def body(self) -> Any: ...
    @property
    def division(self) -> Division: ...
    @property
    def pose(self) -> Pose: ...
    @property
    def users(self) -> Users: ...
    @property
    def arrays(self) -> PlanarArrays: ...
    @property
    def sounding(self) -> Sounding: ...
    @property
    def power_dbm(self) -> float: ...
    @property
    def coverage(self) -> float: ...
    @property
    def level(self) -> str: ...


def user_channels(scenario: BeamSetting, scene: int) -> np.ndarray:
    """Channels [num_users, num_tx] of a scene; user k receives the conjugate times the beam.

    The line of sight has power 1 at each antenna. Scattered paths come from uniform directions in
    front of the array, with independent Gaussian gains.
    """
    users = scenario.users
    rng = np.random.default_rng([scenario.seed, scene])
    number = len(users.directions_deg)
    gain = rng.normal(size=(number, users.num_paths, 2)) @ [1, 1j] / math.sqrt(2)
    gain *= 10 ** (users.path_gain_db / 20)
    phase = np.exp(2j * np.pi * rng.uniform(size=(number, 1)))
    angles = np.radians(users.directions_deg)[:, np.newaxis]
    others = rng.uniform(np.radians([-60, -30]), np.radians([60, 30]), (number, users.num_paths, 2))
    angles = np.concatenate([angles, others], 1)
    waves = _waves(scenario, angles[..., 0], angles[..., 1])
    return np.einsum("kp,kpn->kn", np.concatenate([phase, gain], 1), np.conj(waves))


def _waves(scenario: BeamSetting, azimuth: Any, elevation: Any) -> np.ndarray:
    angles = (tf.constant(v, tf.float64) for v in (azimuth, elevation))
    return planar_wave(scenario.arrays.tx_shape, *angles).numpy()


def scenario_target(scenario: BeamSetting) -> ExtendedTarget:
    """Target of a scenario."""
    pose = {"range": scenario.pose.range, **scenario.pose.angles}
    try:
        return body_target(scenario.body, scenario.division, **pose)
    except ValueError as error:
        raise ScenarioError(f"pose: {error}") from None


def designed_beams(
    scenario: BeamSetting,
    target: ExtendedTarget,
    channels: np.ndarray,
    name: str,
    value: float,
    method: str = "certified",
) -> beamforming.ExtendedBeamSolution:
    """Beams of a design, for an SINR target [dB] or, with "weighted", a weight of the sum rate.

    ``method`` is that of the weighted metric; other designs are named after theirs.

    Raises
    ------
    InfeasibleError
        If the target is out of reach
    SolverError
        If a solver stops without a solution
    """
    power = 10 ** (scenario.power_dbm / 10 - 3)
    wavelength = SPEED_OF_LIGHT / scenario.arrays.carrier_frequency
    sounding = scenario.sounding
    common: dict[str, Any] = {
        "user_noise": power / 10 ** (scenario.users.snr_db / 10),
        "path_gain": float(target.path_gain(wavelength)),
        "noise_power": 10 ** (sounding.noise_power_dbm / 10 - 3),
        "rms_bandwidth": sounding.rms_bandwidth,
        "num_samples": sounding.num_samples,
        "level": scenario.level,
    }
    given = target, scenario.arrays.tx_shape, scenario.arrays.rx_shape, channels, power
    if name == "weighted":
        common |= {"weight": value, "method": method}
        return beamforming.weighted_isac(*given, scenario.coverage, **common)
    sinr = 10 ** (value / 10)
    if name in ("centre", "region"):
        call = {
            "centre": beamforming.illuminate_centre,
            "region": beamforming.illuminate_region,
        }[name]
        return call(*given, sinr, **common)
    return beamforming.minimize_crb(*given, sinr, scenario.coverage, method=name, **common)


def design_error(where: str, error: Exception) -> Exception:
    """Error of a design that says which; those of arguments are errors of the scenario."""
    kind = SolverError if isinstance(error, SolverError) else ScenarioError
    return kind(f"{where}: {error}")


class ExtendedTargetBeamsStudy(Study[ExtendedTargetBeamsScenario]):
    """All targets of a design in one scene, one per part."""

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        for scene in range(scenario.num_scenes):
            for name in (*scenario.designs, *(("weighted",) if scenario.rate_weights else ())):
                note = f"scene {scene}, {DESIGNS.get(name, WEIGHTED)}"
                yield Part(f"{name}_{scene}", (name, scene), task="beams", note=note)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Bounds [value, 4], SINR and so on of the designs; NaN for targets out of reach."""
        name, scene = part.arguments
        scenario, target = self.scenario, scenario_target(self.scenario)
        channels = user_channels(scenario, scene)
        values = scenario.rate_weights if name == "weighted" else scenario.min_sinr_db
        num_users = len(scenario.users.directions_deg)
        found = {
            "crb": np.full((len(values), len(PARAMETERS)), np.nan),
            "sinr": np.full((len(values), num_users), np.nan),
            "coverage": np.full(len(values), np.nan),
            "relative_gap": np.full(len(values), np.nan),
            "solve_time": np.full(len(values), np.nan),
        }
        pattern = None
        for i, value in enumerate(values):
            try:
                solution = designed_beams(scenario, target, channels, name, value)
            except InfeasibleError:
                continue
            except (SolverError, ValueError) as error:
                where = f"scene {scene}, {DESIGNS.get(name, WEIGHTED)}, {value:g}"
                raise design_error(where, error) from None
            for field, row in found.items():
                row[i] = getattr(solution, field)
            if pattern is None and scene == 0:
                pattern = self._pattern(solution.beams)
        if scene == 0:
            shape = len(_axis(60)), len(_axis(45))
            found["pattern"] = np.full(shape, np.nan) if pattern is None else pattern
        return found

    def _pattern(self, beams: np.ndarray) -> np.ndarray:
        """Power [azimuth, elevation] of the beams over the angles."""
        azimuth, elevation = np.meshgrid(_axis(60), _axis(45), indexing="ij")
        waves = _waves(self.scenario, np.radians(azimuth), np.radians(elevation))
        return np.sum(np.abs(waves @ beams) ** 2, -1)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Bounds, SINR and rates [design, target, scene]; mean powers of the first scene."""
        scenario, target = self.scenario, scenario_target(self.scenario)
        dataset = xr.Dataset(
            coords={
                "design": [DESIGNS[name] for name in scenario.designs],
                "min_sinr_db": ("min_sinr_db", list(scenario.min_sinr_db), {"units": "dB"}),
                "pose": list(PARAMETERS),
                "azimuth_deg": _axis(60),
                "elevation_deg": _axis(45),
            }
        )
        _add(dataset, results, scenario.designs, scenario.num_scenes, "")
        names: list[str] = list(scenario.designs)
        if scenario.rate_weights:
            dataset.coords["rate_weight"] = list(scenario.rate_weights)
            _add(dataset, results, ("weighted",), scenario.num_scenes, "weighted_")
            names.append("weighted")
        patterns = np.array([results[f"{name}_0"]["pattern"] for name in names])
        dataset.coords["beams"] = [DESIGNS.get(name, WEIGHTED) for name in names]
        about = {"units": "W", "long_name": "power times gain of the array"}
        dataset["pattern"] = (("beams", "azimuth_deg", "elevation_deg"), patterns, about)
        for name in ("azimuth", "elevation"):
            angles = np.degrees(getattr(target, f"{name}s"))
            dataset[f"scatterer_{name}_deg"] = ("scatterer", angles)
        dataset["user_direction_deg"] = (("user", "angle"), np.array(scenario.users.directions_deg))
        dataset.attrs |= {"figure": scenario.figure, "num_scenes": scenario.num_scenes}
        return dataset


def _axis(limit: float) -> np.ndarray:
    return np.arange(-limit, limit + DEGREES / 2, DEGREES)


def _add(
    dataset: xr.Dataset, results: Mapping[str, Arrays], names: Any, num_scenes: int, prefix: str
) -> None:
    """Values of designs."""
    table = [[results[f"{name}_{scene}"] for scene in range(num_scenes)] for name in names]
    dims = ("rate_weight", "scene") if prefix else ("design", "min_sinr_db", "scene")

    def stacked(field: str) -> np.ndarray:
        """[design, value, scene, ...], without the first axis for the weighted metric."""
        value = np.array([[part[field] for part in row] for row in table]).swapaxes(1, 2)
        return value[0] if prefix else value

    crb = stacked("crb")
    dataset[f"{prefix}crb"] = ((*dims, "pose"), crb, {"units": "m^2, rad^2"})
    about = {"units": "m^2 + rad^2", "long_name": "trace of the CRB"}
    dataset[f"{prefix}trace"] = (dims, crb.sum(-1), about)
    sinr = stacked("sinr")
    dataset[f"{prefix}sinr_db"] = ((*dims, "user"), 10 * np.log10(sinr), {"units": "dB"})
    rate = np.log2(1 + sinr).sum(-1)
    dataset[f"{prefix}sum_rate"] = (dims, rate, {"units": "bit/s/Hz"})
    for field in ("coverage", "relative_gap", "solve_time"):
        dataset[f"{prefix}{field}"] = (dims, stacked(field))
    dataset[f"{prefix}solve_time"].attrs["units"] = "s"


def beams_report(scenario: ExtendedTargetBeamsScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Bounds, feasible scenes, gaps and times of each design."""
    for design in dataset["design"].values:
        for value in dataset["min_sinr_db"].values:
            row = dataset.sel(design=design, min_sinr_db=value)
            yield f"{design}, SINR target {value:g} dB: {_line(row, '')}"
    for weight in dataset["rate_weight"].values if "rate_weight" in dataset else ():
        row = dataset.sel(rate_weight=weight)
        yield f"{WEIGHTED}, rate weight {weight:g}: {_line(row, 'weighted_')}"


def _line(row: xr.Dataset, prefix: str) -> str:
    trace = row[f"{prefix}trace"].values
    met = np.isfinite(trace)
    if not met.any():
        return f"out of reach in all {met.size} scenes"
    gap, rate, seconds = (
        row[f"{prefix}{n}"].values[met] for n in ("relative_gap", "sum_rate", "solve_time")
    )
    return (
        f"trace of the CRB {trace[met].mean():.4g}, sum rate {rate.mean():.3f} bit/s/Hz, in "
        f"{met.sum()} of {met.size} scenes; gap at most {np.nanmax(gap, initial=0):.1g}, "
        f"{np.median(seconds):.3g} s a design"
    )
