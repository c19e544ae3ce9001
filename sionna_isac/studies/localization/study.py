"""Localisation errors of one target over the SNR, and the bound of the same echoes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac import metrics
from sionna_isac.bound import PointTargetBound
from sionna_isac.core import reset_stream
from sionna_isac.studies._isac.sampler import NumericalError
from sionna_isac.studies.localization.trial import NearFieldTrial, OFDMTrial
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["localization_report", "localization_study"]

_TRIALS = {"ofdm": OFDMTrial, "near_field": NearFieldTrial}
_UNITS = {"angle": "rad", "range": "m", "position": "m"}


def localization_study(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Simulate every receiver at every level and add the bound.

    All receivers look at the same echoes, and the scenes and the noise but for its strength are
    the same at every level: differences between receivers and the course of a curve are seen
    better than the width of the intervals says.
    """
    trial: Any = _TRIALS[scenario.echo.kind](scenario)
    dimension, levels = scenario.echo.level
    points = _sweep(scenario, trial, levels, folder, reporter)
    truth = {name: points[0][f"true_{name}"] for name in ("angle", "range")}
    smallest = _bound(scenario, trial, truth, folder, reporter)
    return _summarise(scenario, dimension, np.array(levels), points, truth, smallest)


def _sweep(
    scenario: Any, trial: Any, levels: tuple[float, ...], folder: RunFolder, reporter: Reporter
) -> list[dict[str, np.ndarray]]:
    """Truth [sample] and estimates [receiver, sample] at each level, in stored blocks."""
    size, number = scenario.batch_size, scenario.num_samples
    dtype = tf.float64 if scenario.precision == "double" else tf.float32
    compiled = tf.function(
        lambda level: trial(size, level), autograph=False, jit_compile=scenario.compile
    )
    points = []
    with reporter.task("localisation", len(levels) * number, note="compiling") as advance:
        for i, level in enumerate(levels):
            blocks = []
            for block in range(-(-number // size)):
                name = f"point_{i:03d}_{block:05d}"
                drawn = folder.load(name)
                if drawn is None:
                    reset_stream(scenario.seed, "localization", block)
                    drawn = {k: v.numpy() for k, v in compiled(tf.constant(level, dtype)).items()}
                    _check_finite(scenario, drawn)
                    folder.save(name, **drawn)
                keep = min(size, number - block * size)
                blocks.append({k: v[..., :keep] for k, v in drawn.items()})
                advance(keep, f"{level:g} {'dB' if scenario.echo.kind == 'ofdm' else 'dBm'}")
            points.append({k: np.concatenate([b[k] for b in blocks], -1) for k in blocks[0]})
    return points


def _check_finite(scenario: Any, drawn: dict[str, np.ndarray]) -> None:
    for i, receiver in enumerate(scenario.receivers):
        if not all(np.all(np.isfinite(drawn[name][i])) for name in ("angle", "range")):
            raise NumericalError(f"receiver '{receiver.label}' gave estimates that are not finite")


def _bound(
    scenario: Any,
    trial: Any,
    truth: dict[str, np.ndarray],
    folder: RunFolder,
    reporter: Reporter,
) -> PointTargetBound:
    """Bound [sample] of every echo at a level of 0 dB, in stored blocks."""
    size, number = scenario.batch_size, scenario.num_samples
    blocks = []
    with reporter.task("bound", number) as advance:
        for block, begin in enumerate(range(0, number, size)):
            part = {k: v[begin : begin + size].astype(np.float64) for k, v in truth.items()}
            found = folder.load(f"bound_{block:05d}")
            if found is None:
                values = trial.bound(part["angle"], part["range"])
                found = {k: np.reshape(v, -1) for k, v in values._asdict().items()}
                folder.save(f"bound_{block:05d}", **found)
            blocks.append(found)
            advance(part["angle"].size)
    return PointTargetBound(**{k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]})


def _summarise(
    scenario: Any,
    dimension: str,
    levels: np.ndarray,
    points: list[dict[str, np.ndarray]],
    truth: dict[str, np.ndarray],
    smallest: PointTargetBound,
) -> xr.Dataset:
    found = {name: np.stack([p[name] for p in points], 1) for name in truth}  # [receiver, point, n]
    squared = _squared_errors(*(v.astype(np.float64) for v in (*found.values(), *truth.values())))
    units = "dB" if dimension == "snr_db" else "dBm"
    dataset = xr.Dataset(
        coords={
            "receiver": [r.label for r in scenario.receivers],
            dimension: (dimension, levels, {"units": units}),
        }
    )
    curve = ("receiver", dimension)
    for name, values in squared.items():
        ends = np.apply_along_axis(metrics.mean_interval, -1, values, scenario.confidence)
        columns = {"": values.mean(-1), "_low": ends[..., 0], "_high": ends[..., 1]}
        for end, column in columns.items():
            attributes = {"units": _UNITS[name]}
            if end:
                attributes["long_name"] = f"bound of the {scenario.confidence:.0%} interval"
            dataset[f"{name}_rmse{end}"] = (curve, np.sqrt(np.maximum(column, 0)), attributes)
        # powers and SNRs of 10 dB more make every standard deviation smaller by sqrt(10)
        least = getattr(smallest.rms, name) * 10 ** (-levels / 20)
        attributes = {"units": _UNITS[name], "long_name": "root of the mean Cramér-Rao bound"}
        dataset[f"{name}_bound"] = (dimension, least, attributes)
    for name in truth:
        attributes = {"units": _UNITS[name]}
        dataset[f"sample_{name}"] = ((*curve, "sample"), found[name], attributes)
        dataset[f"sample_true_{name}"] = ("sample", truth[name], attributes)
    for name in _UNITS:
        values, attributes = getattr(smallest, name), {"units": _UNITS[name]}
        attributes["long_name"] = f"Cramér-Rao bound at 0 {units}"
        dataset[f"sample_{name}_bound"] = ("sample", values, attributes)
    dataset.attrs["num_samples"] = scenario.num_samples
    return dataset


def _squared_errors(
    angle: np.ndarray, distance: np.ndarray, true_angle: np.ndarray, true_distance: np.ndarray
) -> dict[str, np.ndarray]:
    offset = angle - true_angle
    # of the distance between two points in polar coordinates, without cancellation
    position = (distance - true_distance) ** 2
    position = position + 4 * distance * true_distance * np.sin(offset / 2) ** 2
    return {"angle": offset**2, "range": (distance - true_distance) ** 2, "position": position}


def localization_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Errors at the highest level, and how far above the bound they are."""
    dimension, levels = scenario.echo.level
    last = dataset.isel({dimension: -1})
    units = dataset[dimension].attrs["units"]
    yield f"at {levels[-1]:g} {units}, {scenario.num_samples} samples:"
    yield (
        f"  {'bound':<28} angle {np.rad2deg(float(last.angle_bound)):.3g} deg   "
        f"range {float(last.range_bound):.3g} m   position {float(last.position_bound):.3g} m"
    )
    for label in dataset["receiver"].values:
        row = last.sel(receiver=label)
        above = 20 * np.log10(float(row.position_rmse) / float(row.position_bound))
        yield (
            f"  {label:<28} angle {np.rad2deg(float(row.angle_rmse)):.3g} deg   "
            f"range {float(row.range_rmse):.3g} m   position {float(row.position_rmse):.3g} m, "
            f"{above:.1f} dB above its bound"
        )
