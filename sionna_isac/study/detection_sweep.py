"""Monte-Carlo evaluation of detection and localisation, in blocks that survive a kill."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac import metrics, objective
from sionna_isac.array import ImpairedArray
from sionna_isac.core import reset_stream
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder
from sionna_isac.study.system import IsacSystem, assumed_array

__all__ = ["NumericalError", "detection_sweep", "summarise_detection"]


class NumericalError(RuntimeError):
    """A simulation that gave NaN or infinity; the message is one line."""


def detection_sweep(
    scenario: Any,
    truth: ImpairedArray,
    arrays: dict[str, ImpairedArray],
    folder: RunFolder,
    reporter: Reporter,
) -> dict[str, dict[str, np.ndarray]]:
    """Estimates, truth and symbol errors of ``evaluation.num_samples`` samples for each array.

    Every method sees the same scenes, noise and users: differences between methods are paired.
    The system is compiled once; a method only sets the weights of its array.
    """
    evaluation = scenario.evaluation
    probe = assumed_array(scenario, "unknown", truth)
    system = IsacSystem(scenario, truth, probe)
    size = evaluation.batch_size

    def draw() -> dict[str, tf.Tensor]:
        seen = system.sense(size)
        targets, estimate = seen.targets, seen.estimate
        return {
            "angle": estimate.angle,
            "range": estimate.range,
            "metric": estimate.metric,
            "true_angle": targets.angle,
            "true_range": targets.range,
            "num_targets": targets.num_targets,
            "symbol_errors": system.communicate(seen.beam),
        }

    compiled = tf.function(draw, autograph=False, jit_compile=scenario.compile)
    result = {}
    for method, assumed in arrays.items():
        probe.assign_from(assumed)
        blocks = []
        with reporter.task(f"evaluating {method}", evaluation.num_samples) as advance:
            for block in range(-(-evaluation.num_samples // size)):
                name = f"{method}_{block:05d}"
                drawn = folder.load(name)
                if drawn is None:
                    reset_stream(scenario.seed, "evaluation", block)
                    drawn = {k: v.numpy() for k, v in compiled().items()}
                    _check_finite(drawn, method)
                    folder.save(name, **drawn)
                keep = min(size, evaluation.num_samples - block * size)
                blocks.append({k: v[:keep] for k, v in drawn.items()})
                advance(keep)
        result[method] = {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}
    return result


def _check_finite(drawn: dict[str, np.ndarray], method: str) -> None:
    for name in ("angle", "range", "metric"):
        if not np.all(np.isfinite(drawn[name])):
            raise NumericalError(f"method '{method}' gave estimates of {name} that are not finite")


def summarise_detection(scenario: Any, raw: dict[str, dict[str, np.ndarray]]) -> xr.Dataset:
    """Curves with confidence intervals from the samples of all methods."""
    evaluation = scenario.evaluation
    level = evaluation.confidence
    methods = list(raw)
    p_fas = np.array(sorted({*evaluation.p_fa, evaluation.operating_p_fa}))
    shape = (len(methods), p_fas.size)
    names: tuple[str, ...]
    names = ("gospa", "gospa_low", "gospa_high", "p_d", "p_d_low", "p_d_high", "p_fa_achieved")
    names += ("threshold", "angle_rmse", "range_rmse", "position_rmse")
    curve = {name: np.full(shape, np.nan) for name in names}
    ser = np.full((len(methods), 3), np.nan)
    for m, data in enumerate(raw.values()):
        truth = np.asarray(objective.positions(data["true_angle"], data["true_range"]), float)
        found = np.asarray(objective.positions(data["angle"], data["range"]), float)
        number = data["num_targets"]
        for i, p_fa in enumerate(p_fas):
            threshold = metrics.calibrate_threshold(data["metric"], number, p_fa)
            keep = data["metric"] > threshold
            count = keep.sum(-1)
            # detections first, in the order in which they were found
            order = np.argsort(~keep, axis=-1, kind="stable")
            ordered = np.take_along_axis(found, order[..., np.newaxis], 1)
            value = np.asarray(
                objective.gospa(ordered, truth, count, number, cutoff=evaluation.cutoff), float
            )
            gospa = metrics.mean_interval(value, level)
            hits = np.minimum(number, count)
            detected = metrics.ratio_interval(hits, number, level)
            error = metrics.localization_rmse(
                np.take_along_axis(data["angle"], order, 1),
                np.take_along_axis(data["range"], order, 1),
                data["true_angle"],
                data["true_range"],
                count,
                number,
                cutoff=evaluation.cutoff,
            )
            entries = (
                value.mean(),
                *gospa,
                1 - metrics.misdetection_probability(number, count),
                *detected,
                metrics.false_alarm_probability(number, count, data["metric"].shape[-1]),
                threshold,
                *error[:3],
            )
            for name, entry in zip(names, entries, strict=True):
                curve[name][m, i] = entry
        symbols = data["symbol_errors"].size * scenario.waveform.num_subcarriers
        errors = data["symbol_errors"] / scenario.waveform.num_subcarriers
        ser[m] = (data["symbol_errors"].sum() / symbols, *metrics.mean_interval(errors, level))
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
        ("approach", "sample"),
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
