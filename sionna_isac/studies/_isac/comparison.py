"""The loop of studies that compare approaches: learn, then evaluate at every beam."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray
from sionna_isac.studies._isac.approach import Approach
from sionna_isac.studies._isac.arrays import true_array
from sionna_isac.studies._isac.claims import judge
from sionna_isac.studies._isac.learn import learn
from sionna_isac.studies._isac.points import symbol_error_rate
from sionna_isac.studies._isac.sampler import Sampler
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["Comparison", "compare", "report"]

SER = ("ser", "ser_low", "ser_high")
_UNITS = {"gospa": "m", "angle_rmse": "rad", "range_rmse": "m", "position_rmse": "m"}


class Comparison:
    """Interface between the loop and a kind of scenario.

    Attributes
    ----------
    scores : tuple of `str`
        Scores of a beam, beside the symbol error rate, at each false-alarm probability
    make_system : callable
        Makes a system, from scenario, truth, approach and whether it is for training
    num_symbols : `int`
        Number of symbols that a user receives in a sample
    """

    scores: tuple[str, ...]
    make_system: Any
    num_symbols: int

    def __init__(self, scenario: Any) -> None:
        self.scenario = scenario

    def approach(self, label: str, truth: ImpairedArray, draw: int, eta: float) -> Approach:
        """Approach before any training."""
        raise NotImplementedError

    def learned_per_eta(self, label: str) -> bool:
        """`True` if an approach is learned anew for each share of sensing."""
        return False

    def evaluate(self, data: dict[str, np.ndarray], p_fa: float) -> dict[str, float]:
        """Scores of samples at a false-alarm probability."""
        raise NotImplementedError


def compare(comparison: Comparison, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Learn all approaches for all draws of the impairments, then evaluate them.

    Every approach sees the same scenes, noise and users at every beam.
    """
    scenario = comparison.scenario
    labels, draws = list(scenario.approaches), scenario.num_draws
    etas, phis, p_fas = scenario.etas, scenario.phis, scenario.evaluation.p_fas
    sampler = Sampler(scenario, comparison.make_system)
    beam = (draws, len(labels), len(etas), len(phis))
    curve = {name: np.full((*beam, len(p_fas)), np.nan) for name in comparison.scores}
    ser = {name: np.full(beam, np.nan) for name in SER}
    models: dict[str, str] = {}
    trained: dict[str, list[Any]] = {}
    for draw in range(draws):
        truth = true_array(scenario, *([draw] if draw else []))
        for a, label in enumerate(labels):
            each = comparison.learned_per_eta(label)
            approaches = []
            for eta in etas if each else etas[:1]:
                approach = comparison.approach(label, truth, draw, eta)
                approaches.append(approach)
                if not approach.stages():
                    continue
                name = f"{label}-{eta!r}" if each else label  # no label has a dash
                make = comparison.make_system
                model = learn(scenario, truth, approach, name, folder, reporter, draw, make)
                models[f"{name}-{draw}"] = f"{model.file.name}@{model.git_commit}"
                for key, values in model.history.items():
                    trained.setdefault(f"{name}_{key}", []).append(values)
            title = f"evaluating {label}" + (f", draw {draw + 1}" if draws > 1 else "")
            with reporter.task(title, len(etas) * len(phis), note="compiling") as advance:
                for e, eta in enumerate(etas):
                    approach = approaches[e if each else 0]
                    for p, phi in enumerate(phis):
                        name = f"point_{label}_{draw}_{e:02d}_{p:02d}"
                        point = folder.load(name)
                        if point is None:
                            point = _point(comparison, sampler, truth, approach, draw, eta, phi)
                            folder.save(name, **point)
                        for key in curve:
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
    comparison: Comparison,
    sampler: Sampler,
    truth: ImpairedArray,
    approach: Approach,
    draw: int,
    eta: float,
    phi: float,
) -> dict[str, np.ndarray]:
    """Scores of one approach and beam, over the false-alarm probabilities."""
    scenario = comparison.scenario
    config = scenario.evaluation
    blocks = [
        sampler.draw(truth, approach, (scenario.seed, "evaluation", draw, block), eta, phi)
        for block in range(-(-config.num_samples // config.batch_size))
    ]
    data = {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}
    for key in data.keys() - {"symbol_errors"}:
        data[key] = data[key][: config.num_samples]
    scores = [comparison.evaluate(data, p) for p in config.p_fas]
    point = {key: np.array([s[key] for s in scores]) for key in comparison.scores}
    rates = symbol_error_rate(data["symbol_errors"], comparison.num_symbols, config.confidence)
    return {**point, **{k: np.array(v) for k, v in zip(SER, rates, strict=True)}}


def _padded(name: str, histories: list[np.ndarray]) -> xr.Variable:
    """Histories of all draws, NaN where a training stopped early."""
    length = max(h.size for h in histories)
    rows = [
        np.pad(h.astype(float), (0, length - h.size), constant_values=np.nan) for h in histories
    ]
    return xr.Variable(("draw", f"step_{name}"), np.stack(rows))


def report(scenario: Any, dataset: xr.Dataset) -> Iterator[str]:
    """Scores at the working point, then whether the claims of the scenario hold."""
    eta, phi = scenario.beam
    at = dataset.sel(p_fa=scenario.evaluation.operating_p_fa, eta=eta, phi=phi)
    yield (
        f"at p_fa = {float(at.p_fa):g}, eta = {float(at.eta):g}, phi = {float(at.phi):g}, "
        f"{scenario.evaluation.num_samples} samples, mean over {scenario.num_draws} draws:"
    )
    for label in dataset["approach"].values:
        row = at.sel(approach=label).mean("draw")
        parts = [
            f"p_d {float(row.p_d):.3f}",
            f"angle {np.rad2deg(float(row.angle_rmse)):.3f} deg",
            f"SER {float(row.ser):.2e}",
        ]
        if "gospa" in row:
            parts.insert(0, f"GOSPA {float(row.gospa):6.2f} m")
            parts.insert(-1, f"range {float(row.range_rmse):.3f} m")
        yield f"  {label:<20} " + "   ".join(parts)
    for verdict in judge(scenario, dataset):
        yield f"  {verdict}"
