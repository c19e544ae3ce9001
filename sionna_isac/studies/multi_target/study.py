"""Detection and localisation of several targets by impaired arrays, one of which is learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from sionna_isac.studies._isac.array_study import LearnedArrayStudy
from sionna_isac.studies._isac.points import POINT, VELOCITY, evaluate_point, symbol_error_rate
from sionna_isac.studies._isac.sampler import Sampler
from sionna_isac.studies.multi_target.scenario import MultiTargetScenario
from sionna_isac.study.part import Arrays, Part, block_sizes

__all__ = ["MultiTargetStudy"]


class MultiTargetStudy(LearnedArrayStudy[MultiTargetScenario]):
    """Samples in blocks, with the same scenes, noise and users for every method."""

    def __init__(self, scenario: MultiTargetScenario) -> None:
        super().__init__(scenario)
        self._sampler = Sampler(scenario)
        config = scenario.evaluation
        self._sizes = block_sizes(config.num_samples, config.batch_size)

    def parts(self) -> Iterator[Part]:
        """Training, then blocks of samples of each method."""
        for method in self.scenario.compared():
            yield from self.trainings(method)
        for method in self.scenario.compared():
            needs = tuple(t.name for t in self.trainings(method))
            for block, keep in enumerate(self._sizes):
                name = f"{method}_{block:05d}"
                task = f"evaluating {method}"
                yield Part(name, ("sample", method, block), task=task, size=keep, needs=needs)

    def evaluate(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Estimates, truth and symbol errors of a block."""
        _, method, block = part.arguments
        stream = (self.scenario.seed, "evaluation", block)
        return self._sampler.draw(self.truth(), self.ready(method, earlier), stream)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Curves with confidence intervals, all samples, and the arrays."""
        raw: dict[str, dict[str, np.ndarray]] = {}
        for method in self.scenario.compared():
            blocks = []
            for block, keep in enumerate(self._sizes):
                sizes = {"symbol_errors": keep * self.scenario.evaluation.users_per_sample}
                drawn = results[f"{method}_{block:05d}"]
                blocks.append({k: v[: sizes.get(k, keep)] for k, v in drawn.items()})
            raw[method] = {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}
        dataset = _summary(self.scenario, raw)
        self.add_arrays(dataset, results)
        return dataset


def _summary(scenario: MultiTargetScenario, raw: dict[str, dict[str, np.ndarray]]) -> xr.Dataset:
    """Curves with confidence intervals from the samples of all methods."""
    evaluation = scenario.evaluation
    level = evaluation.confidence
    methods = list(raw)
    p_fas = np.array(evaluation.p_fas)
    names = POINT if scenario.motion is None else (*POINT, *VELOCITY)
    curve = {name: np.full((len(methods), p_fas.size), np.nan) for name in names}
    ser = np.full((len(methods), 3), np.nan)
    for m, data in enumerate(raw.values()):
        for i, p_fa in enumerate(p_fas):
            for name, value in evaluate_point(data, p_fa, evaluation.cutoff, level).items():
                curve[name][m, i] = value
        ser[m] = symbol_error_rate(data["symbol_errors"], scenario.waveform.num_subcarriers, level)
    dataset = xr.Dataset(
        {name: (("approach", "p_fa"), values) for name, values in curve.items()},
        coords={"approach": methods, "p_fa": p_fas},
    )
    for j, name in enumerate(("ser", "ser_low", "ser_high")):
        dataset[name] = ("approach", ser[:, j])
    sample = ("approach", "sample", "target")
    velocity = [] if scenario.motion is None else ["velocity"]
    for name in ("angle", "range", *velocity, "metric"):
        dataset[f"sample_{name}"] = (sample, np.stack([d[name] for d in raw.values()]))
    first = next(iter(raw.values()))
    for name in ("true_angle", "true_range", *(f"true_{name}" for name in velocity)):
        dataset[f"sample_{name}"] = (sample[1:], first[name])
    dataset["sample_num_targets"] = ("sample", first["num_targets"])
    dataset["sample_symbol_errors"] = (
        ("approach", "user"),
        np.stack([d["symbol_errors"] for d in raw.values()]),
    )
    _describe(dataset, level)
    dataset.attrs["num_samples"] = first["num_targets"].size
    return dataset


def _describe(dataset: xr.Dataset, level: float) -> None:
    units = {"gospa": "m", "angle_rmse": "rad", "range_rmse": "m", "position_rmse": "m"}
    units |= {"sample_angle": "rad", "sample_range": "m"}
    units |= {"sample_true_angle": "rad", "sample_true_range": "m"}
    units |= dict.fromkeys(("velocity_rmse", "sample_velocity", "sample_true_velocity"), "m/s")
    for name in dataset.data_vars:
        base = str(name).removesuffix("_low").removesuffix("_high")
        dataset[name].attrs["units"] = units.get(base, "1")
        if base != name:
            dataset[name].attrs["long_name"] = f"bound of the {level:.0%} confidence interval"
