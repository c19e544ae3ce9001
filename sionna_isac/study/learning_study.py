"""Comparison of learned and model-based approaches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray, SteeringDictionary
from sionna_isac.study.approach import Approach, ArrayApproach
from sionna_isac.study.arrays import assumed_array, ideal_array, true_array
from sionna_isac.study.claims import judge
from sionna_isac.study.learn import learn
from sionna_isac.study.points import POINT, evaluate_point, symbol_error_rate
from sionna_isac.study.progress import Reporter
from sionna_isac.study.sampler import Sampler
from sionna_isac.study.store import RunFolder

__all__ = ["learning_report", "learning_study", "make_approach"]

SER = ("ser", "ser_low", "ser_high")
_UNITS = {"gospa": "m", "angle_rmse": "rad", "range_rmse": "m", "position_rmse": "m"}


def make_approach(scenario: Any, label: str, truth: ImpairedArray, draw: int = 0) -> Approach:
    """Approach of a scenario before any training."""
    config = scenario.approaches[label]
    if config.kind in ("unknown", "known"):
        assumed = assumed_array(scenario, config.kind, truth)
        return ArrayApproach(scenario, assumed, pursuit=config.pursuit)
    if config.kind == "impairments":
        return ArrayApproach(scenario, assumed_array(scenario, "learned", truth), config.training)
    if config.kind == "dictionary":
        size = config.num_angles
        columns = SteeringDictionary.from_array(
            ideal_array(scenario),
            np.linspace(-np.pi / 2, np.pi / 2, size),
            precision=scenario.precision,
        )
        return ArrayApproach(scenario, columns, config.training, num_angles=size)
    from sionna_isac.study.network_approach import NetworkApproach

    return NetworkApproach(scenario, config, (scenario.seed, "initial weights", label, draw))


def learning_study(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Learn all approaches for all draws of the impairments, then evaluate them.

    Every approach sees the same scenes, noise and users at every beam.
    """
    labels, draws = list(scenario.approaches), scenario.num_draws
    etas, phis, p_fas = scenario.etas, scenario.phis, scenario.evaluation.p_fas
    sampler = Sampler(scenario)
    beam = (draws, len(labels), len(etas), len(phis))
    curve = {name: np.full((*beam, len(p_fas)), np.nan) for name in POINT}
    ser = {name: np.full(beam, np.nan) for name in SER}
    models: dict[str, str] = {}
    trained: dict[str, list[Any]] = {}
    for draw in range(draws):
        truth = true_array(scenario, *([draw] if draw else []))
        for a, label in enumerate(labels):
            approach = make_approach(scenario, label, truth, draw)
            if approach.stages():
                model = learn(scenario, truth, approach, label, folder, reporter, draw)
                models[f"{label}_{draw}"] = f"{model.file.name}@{model.git_commit}"
                for name, values in model.history.items():
                    trained.setdefault(f"{label}_{name}", []).append(values)
            title = f"evaluating {label}" + (f", draw {draw + 1}" if draws > 1 else "")
            with reporter.task(title, len(etas) * len(phis)) as advance:
                for e, eta in enumerate(etas):
                    for p, phi in enumerate(phis):
                        name = f"point_{label}_{draw}_{e:02d}_{p:02d}"
                        point = folder.load(name)
                        if point is None:
                            point = _point(scenario, sampler, truth, approach, draw, eta, phi)
                            folder.save(name, **point)
                        for key in POINT:
                            curve[key][draw, a, e, p] = point[key]
                        for key in SER:
                            ser[key][draw, a, e, p] = point[key]
                        advance(1)
    dims = ("draw", "approach", "eta", "phi")
    dataset = xr.Dataset(
        {name: ((*dims, "p_fa"), values) for name, values in curve.items()},
        coords={"approach": labels, "eta": list(etas), "phi": list(phis), "p_fa": list(p_fas)},
    )
    for name, values in ser.items():
        dataset[name] = (dims, values)
    for variable in dataset.data_vars:
        base = str(variable).removesuffix("_low").removesuffix("_high")
        dataset[variable].attrs["units"] = _UNITS.get(base, "1")
    for name, histories in trained.items():
        dataset[f"history_{name}"] = _padded(name, histories)
    dataset.attrs |= {"num_samples": scenario.evaluation.num_samples, "models": json.dumps(models)}
    return dataset


def _point(
    scenario: Any,
    sampler: Sampler,
    truth: ImpairedArray,
    approach: Approach,
    draw: int,
    eta: float,
    phi: float,
) -> dict[str, np.ndarray]:
    """Scores of one approach and beam, over the false-alarm probabilities."""
    config = scenario.evaluation
    blocks = [
        sampler.draw(truth, approach, (scenario.seed, "evaluation", draw, block), eta, phi)
        for block in range(-(-config.num_samples // config.batch_size))
    ]
    data = {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}
    for key in data.keys() - {"symbol_errors"}:
        data[key] = data[key][: config.num_samples]
    scores = [evaluate_point(data, p, config.cutoff, config.confidence) for p in config.p_fas]
    point = {key: np.array([s[key] for s in scores]) for key in POINT}
    number = scenario.waveform.num_subcarriers
    rates = symbol_error_rate(data["symbol_errors"], number, config.confidence)
    return {**point, **{k: np.array(v) for k, v in zip(SER, rates, strict=True)}}


def _padded(name: str, histories: list[np.ndarray]) -> xr.Variable:
    """Histories of all draws, NaN where a training stopped early."""
    length = max(h.size for h in histories)
    rows = [
        np.pad(h.astype(float), (0, length - h.size), constant_values=np.nan) for h in histories
    ]
    return xr.Variable(("draw", f"step_{name}"), np.stack(rows))


def learning_report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Scores at the working point, then whether the claims of the scenario hold."""
    eta, phi = scenario.beam
    at = dataset.sel(p_fa=scenario.evaluation.operating_p_fa, eta=eta, phi=phi)
    yield (
        f"at p_fa = {float(at.p_fa):g}, eta = {float(at.eta):g}, phi = {float(at.phi):g}, "
        f"{scenario.evaluation.num_samples} samples, mean over {scenario.num_draws} draws:"
    )
    for label in dataset["approach"].values:
        row = at.sel(approach=label).mean("draw")
        yield (
            f"  {label:<20} GOSPA {float(row.gospa):6.2f} m   p_d {float(row.p_d):.3f}   "
            f"angle {np.rad2deg(float(row.angle_rmse)):.3f} deg   "
            f"range {float(row.range_rmse):.3f} m   SER {float(row.ser):.2e}"
        )
    for verdict in judge(scenario, dataset):
        yield f"  {verdict}"
