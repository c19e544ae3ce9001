"""Curves with intervals of detection, estimation and block errors, and the report."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac import metrics
from sionna_isac.receiver import cfar_detection_probability
from sionna_isac.studies.range_doppler.scenario import RangeDopplerScenario
from sionna_isac.study.part import Arrays

__all__ = ["range_doppler_report", "summarise"]

ESTIMATORS = ("map, interpolated", "maximum likelihood")
UNITS = {"angle": "rad", "range": "m", "velocity": "m/s"}
ENDS = ("", "_low", "_high")


def summarise(
    scenario: RangeDopplerScenario,
    results: Mapping[str, Arrays],
    counted: Mapping[str, int],
    gains: Mapping[str, float],
) -> xr.Dataset:
    """Result of a study.

    Parameters
    ----------
    scenario
        Scenario
    results
        Results of all parts
    counted
        Numbers of ``cells`` in which false alarms are counted, of such cells at the ``edge`` of
        clutter, and of ``reference`` cells of a detector
    gains
        Gain of the beam towards ``targets`` and ``user`` [dB]
    """
    config = scenario.detection
    dataset = xr.Dataset(
        coords={
            "snr_db": ("snr_db", list(config.snr_db), {"units": "dB"}),
            "case": list(config.cases),
            "detector": list(config.kinds),
            "estimation_snr_db": (
                "estimation_snr_db",
                list(scenario.estimation.snr_db),
                {"units": "dB"},
            ),
            "estimator": list(ESTIMATORS),
            "user_snr_db": ("user_snr_db", list(scenario.user.snr_db), {"units": "dB"}),
        }
    )
    _add_detection(dataset, scenario, results, counted)
    _add_estimation(dataset, scenario, results)
    errors = np.stack(
        [results[f"user_{i:03d}"]["errors"] for i in range(len(scenario.user.snr_db))]
    )
    words = np.full(errors.shape[1], scenario.grid.num_code_words)
    rows = [metrics.ratio_interval(e, words, scenario.confidence) for e in errors]
    _add(dataset, "bler", ("user_snr_db",), errors.sum(-1) / words.sum(), np.array(rows))
    dataset["block_errors"] = ("user_snr_db", errors.sum(-1))
    _add_picture(dataset, results["picture"])
    dataset.attrs["num_scenes"] = config.num_scenes
    dataset.attrs["num_targets"] = scenario.estimation.num_targets
    dataset.attrs["num_blocks"] = int(words.sum())
    for name, value in gains.items():
        dataset.attrs[f"beam_gain_{name}_db"] = value
    return dataset


def _add(
    dataset: xr.Dataset,
    name: str,
    dims: tuple[str, ...],
    value: np.ndarray,
    ends: np.ndarray,
    **attributes: Any,
) -> None:
    """Add a value with the ends [..., 2] of its interval."""
    for end, column in zip(ENDS, (value, ends[..., 0], ends[..., 1]), strict=True):
        dataset[f"{name}{end}"] = (dims, column, attributes)


def _joined(results: Mapping[str, Arrays], prefix: str, name: str) -> np.ndarray:
    """Array of all blocks, along its last dimension."""
    blocks = [v for k, v in results.items() if k.rpartition("_")[0] == prefix]
    return np.concatenate([b[name] for b in blocks], -1)


def _add_detection(
    dataset: xr.Dataset,
    scenario: RangeDopplerScenario,
    results: Mapping[str, Arrays],
    counted: Mapping[str, int],
) -> None:
    config, level = scenario.detection, scenario.confidence
    found = np.stack([_joined(results, case, "detected") for case in config.cases])
    number = found.shape[-1]
    interval = functools.partial(metrics.proportion_interval, trials=number, level=level)
    hits = found.sum(-1)
    ends = np.array([interval(int(h)) for h in hits.flat]).reshape(*hits.shape, 2)
    about = {"long_name": "share of targets that are detected"}
    _add(dataset, "p_d", ("case", "detector", "snr_db"), hits / number, ends, **about)
    if not config.calibrated:
        ratio = 10 ** (np.array(config.snr_db) / 10)
        curves = []
        for kind in config.kinds:
            rank = config.rank if kind == "os" else None
            size = counted["reference"]
            curves.append(cfar_detection_probability(kind, ratio, config.p_fa, size, rank))
        about = {"long_name": "closed form in homogeneous noise, Swerling 1"}
        dataset["p_d_formula"] = (("detector", "snr_db"), np.array(curves), about)
    # the verdict is on all kinds together
    joint = 1 - (1 - level) / len(config.kinds)
    for case, name, cells, share in (
        ("homogeneous", "p_fa", counted["cells"], joint),
        ("clutter_edge", "p_fa_edge", counted["edge"], level),
    ):
        if case not in config.cases:
            continue
        alarms = _joined(results, case, "alarms" if name == "p_fa" else "edge_alarms")
        per = np.full(number, cells)
        ends = np.array([metrics.ratio_interval(a, per, share) for a in alarms])
        _add(dataset, name, ("detector",), alarms.sum(-1) / per.sum(), ends)
        dataset[f"num_{name}"] = ("detector", alarms.sum(-1))
        dataset.attrs[f"num_cells_{name}"] = int(per.sum())
    dataset.attrs["p_fa"] = config.p_fa


def _add_estimation(
    dataset: xr.Dataset, scenario: RangeDopplerScenario, results: Mapping[str, Arrays]
) -> None:
    truth, found, least = (_joined(results, "targets", n) for n in ("truth", "estimates", "bound"))
    error = found.astype(np.float64) - truth.astype(np.float64)[:, np.newaxis]
    dims = ("estimator", "estimation_snr_db")
    scale = 10 ** (-np.array(scenario.estimation.snr_db) / 20)
    for i, (name, units) in enumerate(UNITS.items()):
        squared = error[:, i] ** 2
        ends = np.apply_along_axis(metrics.mean_interval, -1, squared, scenario.confidence)
        ends = np.sqrt(np.maximum(ends, 0))
        _add(dataset, f"{name}_rmse", dims, np.sqrt(squared.mean(-1)), ends, units=units)
        bound = np.sqrt(np.mean(least[i] ** 2)) * scale
        about = {"units": units, "long_name": "root of the mean Cramér-Rao bound"}
        dataset[f"{name}_bound"] = ("estimation_snr_db", bound, about)


def _add_picture(dataset: xr.Dataset, picture: Arrays) -> None:
    axes = {"map_velocity": ("velocities", "m/s"), "map_range": ("ranges", "m")}
    for name, (key, units) in axes.items():
        dataset.coords[name] = (name, picture[key], {"units": units})
    about = {"units": "1", "long_name": "power over the mean of the noise"}
    for stage in ("received", "cleaned"):
        dataset[f"map_{stage}"] = (tuple(axes), picture[stage].astype(np.float32), about)
    for name, units in (("velocity", "m/s"), ("range", "m")):
        dataset[f"map_true_{name}"] = ("map_target", picture[f"true_{name}"], {"units": units})
        dataset[f"map_found_{name}"] = ("map_detection", picture[name], {"units": units})


def range_doppler_report(scenario: RangeDopplerScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Verdict on false alarms, detection, errors over the bound, block errors."""
    yield (
        f"beam: {dataset.attrs['beam_gain_targets_db']:.1f} dB towards the targets, "
        f"{dataset.attrs['beam_gain_user_db']:.1f} dB towards the user"
    )
    if "p_fa" in dataset:
        yield from _false_alarms(dataset)
    yield from _detection(dataset)
    last = dataset.isel(estimation_snr_db=-1)
    yield f"errors at {float(last['estimation_snr_db']):g} dB, over the bound:"
    for estimator in dataset["estimator"].values:
        row = last.sel(estimator=estimator)
        parts = []
        for name in UNITS:
            ends = (float(row[f"{name}_rmse{end}"]) / float(row[f"{name}_bound"]) for end in ENDS)
            value, low, high = (20 * np.log10(max(e, 1e-9)) for e in ends)
            parts.append(f"{name} {value:+.2f} dB [{low:+.2f}, {high:+.2f}]")
        yield f"  {estimator:<20} {'   '.join(parts)}"
    rates = [
        f"{float(r):.2g} at {s:g} dB"
        for s, r in zip(dataset["user_snr_db"].values, dataset["bler"].values, strict=True)
    ]
    yield f"block error rate of the user: {', '.join(rates)}"


def _false_alarms(dataset: xr.Dataset) -> Iterator[str]:
    wanted = dataset.attrs["p_fa"]
    yield f"false alarms of {wanted:g} in {dataset.attrs['num_cells_p_fa']} cells without targets:"
    inside = []
    for kind in dataset["detector"].values:
        value, low, high = (float(dataset[f"p_fa{end}"].sel(detector=kind)) for end in ENDS)
        inside.append(low <= wanted <= high)
        line = f"  {kind}: {value:.3g} [{low:.3g}, {high:.3g}]"
        if "p_fa_edge" in dataset:
            line += f"; at the clutter's edge {float(dataset['p_fa_edge'].sel(detector=kind)):.2g}"
        yield line
    yield (
        f"  {sum(inside)} of {len(inside)} intervals hold the requested probability"
        f" ({'as requested' if all(inside) else 'NOT as requested'})"
    )


def _detection(dataset: xr.Dataset) -> Iterator[str]:
    snr_db = dataset["snr_db"].values
    middle = int(np.argmin(np.abs(snr_db - np.median(snr_db))))
    for case in dataset["case"].values:
        row = dataset.sel(case=case).isel(snr_db=middle)
        texts = [f"{k} {float(row['p_d'].sel(detector=k)):.3f}" for k in dataset["detector"].values]
        yield f"detection at {snr_db[middle]:g} dB, {case.replace('_', ' ')}: {', '.join(texts)}"
    if "homogeneous" in dataset["case"].values and "p_d_formula" in dataset:
        row = dataset.sel(case="homogeneous")
        inside = (row["p_d_low"] <= row["p_d_formula"]) & (row["p_d_formula"] <= row["p_d_high"])
        number = int(inside.sum())
        yield f"  the closed form lies in {number} of {inside.size} homogeneous intervals"
