"""Monte-Carlo evaluation of detection and localisation, in blocks that survive a kill."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray
from sionna_isac.studies._isac.approach import ArrayApproach
from sionna_isac.studies._isac.points import POINT, evaluate_point, symbol_error_rate
from sionna_isac.studies._isac.sampler import Sampler
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["detection_sweep", "summarise_detection"]


def detection_sweep(
    scenario: Any,
    truth: ImpairedArray,
    arrays: dict[str, ImpairedArray],
    folder: RunFolder,
    reporter: Reporter,
) -> dict[str, dict[str, np.ndarray]]:
    """Estimates, truth and symbol errors of ``evaluation.num_samples`` samples for each array.

    Every method sees the same scenes, noise and users: differences between methods are paired.
    """
    evaluation = scenario.evaluation
    sampler = Sampler(scenario)
    result = {}
    for method, assumed in arrays.items():
        approach = ArrayApproach(scenario, assumed)
        blocks = []
        with reporter.task(
            f"evaluating {method}", evaluation.num_samples, note="compiling"
        ) as advance:
            for block in range(-(-evaluation.num_samples // evaluation.batch_size)):
                name = f"{method}_{block:05d}"
                drawn = folder.load(name)
                if drawn is None:
                    drawn = sampler.draw(truth, approach, (scenario.seed, "evaluation", block))
                    folder.save(name, **drawn)
                keep = min(
                    evaluation.batch_size, evaluation.num_samples - block * evaluation.batch_size
                )
                sizes = {"symbol_errors": keep * evaluation.users_per_sample}
                blocks.append({k: v[: sizes.get(k, keep)] for k, v in drawn.items()})
                advance(keep)
        result[method] = {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}
    return result


def summarise_detection(scenario: Any, raw: dict[str, dict[str, np.ndarray]]) -> xr.Dataset:
    """Curves with confidence intervals from the samples of all methods."""
    evaluation = scenario.evaluation
    level = evaluation.confidence
    methods = list(raw)
    p_fas = np.array(evaluation.p_fas)
    curve = {name: np.full((len(methods), p_fas.size), np.nan) for name in POINT}
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
    for name in ("angle", "range", "metric"):
        dataset[f"sample_{name}"] = (sample, np.stack([d[name] for d in raw.values()]))
    first = next(iter(raw.values()))
    for name in ("true_angle", "true_range"):
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
    for name in dataset.data_vars:
        base = str(name).removesuffix("_low").removesuffix("_high")
        dataset[name].attrs["units"] = units.get(base, "1")
        if base != name:
            dataset[name].attrs["long_name"] = f"bound of the {level:.0%} confidence interval"
