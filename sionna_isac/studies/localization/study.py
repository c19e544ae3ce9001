"""Localisation errors of one target over the SNR, and the bound of the same echoes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac.bound import PointTargetBound
from sionna_isac.core import reset_stream
from sionna_isac.studies._intervals import add_rmse
from sionna_isac.studies._isac.sampler import NumericalError
from sionna_isac.studies.localization.scenario import LocalizationScenario
from sionna_isac.studies.localization.trial import make_trial
from sionna_isac.study.part import Arrays, Part, Study, block_sizes

__all__ = ["LocalizationStudy", "localization_report"]

_UNITS = {"angle": "rad", "range": "m", "position": "m"}


class LocalizationStudy(Study[LocalizationScenario]):
    """Every receiver at every level, and the bound.

    All receivers get the same echoes. Scenes and noise, up to its power, are the same at every
    level: differences between receivers and the course of a curve are more accurate than the width
    of the intervals suggests.
    """

    starting = "compiling"

    def __init__(self, scenario: LocalizationScenario) -> None:
        super().__init__(scenario)
        self._trial = make_trial(scenario)
        self._sizes = block_sizes(scenario.num_samples, scenario.batch_size)
        self._compiled = tf.function(
            lambda level: self._trial(scenario.batch_size, level),
            autograph=False,
            jit_compile=scenario.compile,
        )

    def parts(self) -> Iterator[Part]:
        """Blocks of samples at each level, then blocks of bounds."""
        _, levels = self.scenario.echo.level
        units = "dB" if self.scenario.echo.kind == "ofdm" else "dBm"
        for i, level in enumerate(levels):
            for block, keep in enumerate(self._sizes):
                yield Part(
                    f"point_{i:03d}_{block:05d}",
                    ("point", level, block),
                    task="localisation",
                    size=keep,
                    note=f"{level:g} {units}",
                )
        for block, keep in enumerate(self._sizes):
            needs = (f"point_000_{block:05d}",)  # the scenes are the same at every level
            yield Part(f"bound_{block:05d}", ("bound", keep), task="bound", size=keep, needs=needs)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Truth [sample] and estimates [receiver, sample], or bounds [sample] at 0 dB."""
        if part.arguments[0] == "point":
            _, level, block = part.arguments
            dtype = tf.float64 if self.scenario.precision == "double" else tf.float32
            reset_stream(self.scenario.seed, "localization", block)
            drawn = {k: v.numpy() for k, v in self._compiled(tf.constant(level, dtype)).items()}
            self._check_finite(drawn)
            return drawn
        (point,), keep = earlier.values(), part.arguments[1]
        angle, distance = (point[f"true_{k}"][:keep].astype(np.float64) for k in ("angle", "range"))
        values = self._trial.bound(angle, distance)
        return {k: np.reshape(v, -1) for k, v in values._asdict().items() if v is not None}

    def _check_finite(self, drawn: Arrays) -> None:
        for i, receiver in enumerate(self.scenario.receivers):
            if not all(np.all(np.isfinite(drawn[name][i])) for name in ("angle", "range")):
                raise NumericalError(
                    f"receiver '{receiver.label}' gave estimates that are not finite"
                )

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Errors of the receivers with intervals, and the bound."""
        dimension, levels = self.scenario.echo.level
        points = []
        for i in range(len(levels)):
            blocks = [
                {k: v[..., :keep] for k, v in results[f"point_{i:03d}_{block:05d}"].items()}
                for block, keep in enumerate(self._sizes)
            ]
            points.append({k: np.concatenate([b[k] for b in blocks], -1) for k in blocks[0]})
        truth = {name: points[0][f"true_{name}"] for name in ("angle", "range")}
        found = [results[f"bound_{block:05d}"] for block, _ in enumerate(self._sizes)]
        smallest = PointTargetBound(**{k: np.concatenate([b[k] for b in found]) for k in found[0]})
        return _summarise(self.scenario, dimension, np.array(levels), points, truth, smallest)


def _summarise(
    scenario: LocalizationScenario,
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
        add_rmse(dataset, f"{name}_rmse", curve, values, scenario.confidence, units=_UNITS[name])
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


def localization_report(scenario: LocalizationScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Errors at the highest level, absolute and relative to the bound."""
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
