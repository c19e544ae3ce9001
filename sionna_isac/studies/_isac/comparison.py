"""Base of studies that compare approaches over beams and draws of the impairments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
import xarray as xr

from sionna_isac.studies._isac.approach import Approach
from sionna_isac.studies._isac.claims import judge
from sionna_isac.studies._isac.compared import ComparedScenario
from sionna_isac.studies._isac.points import symbol_error_rate
from sionna_isac.studies._isac.sampler import Sampler
from sionna_isac.studies._isac.study import ApproachStudy, histories
from sionna_isac.study.part import Arrays, Part

__all__ = ["ComparisonStudy", "report"]

S = TypeVar("S", bound=ComparedScenario)
SER = ("ser", "ser_low", "ser_high")
_UNITS = {
    **{"gospa": "m", "angle_rmse": "rad", "range_rmse": "m", "position_rmse": "m"},
    "velocity_rmse": "m/s",
}


class ComparisonStudy(ApproachStudy[S]):
    """Base of comparisons, with the same scenes, noise and users for all approaches and beams."""

    def __init__(self, scenario: S) -> None:
        super().__init__(scenario)
        self._sampler = Sampler(scenario, type(self).make_system)

    def learns(self, label: str) -> bool:
        """`True` if an approach is learned."""
        return self.scenario.approaches[label].kind not in ("unknown", "known")

    def learned_per_eta(self, label: str) -> bool:
        """`True` if an approach is learned separately for each share of sensing."""
        return False

    @property
    def scores(self) -> tuple[str, ...]:
        """tuple of `str` : Scores of a beam at each false-alarm probability, without the SER"""
        raise NotImplementedError

    @property
    def num_symbols(self) -> int:
        """`int` : Number of symbols per user and sample"""
        raise NotImplementedError

    def score(self, data: dict[str, np.ndarray], p_fa: float) -> dict[str, float]:
        """Scores of samples at a false-alarm probability."""
        raise NotImplementedError

    def parts(self) -> Iterator[Part]:
        """Trainings of an approach, then its points, for each draw of the impairments."""
        scenario = self.scenario
        for draw in scenario.draws:
            for label in scenario.approaches:
                trainings = self._trainings(label, draw)
                yield from trainings
                title = f"evaluating {label}"
                title += f", draw {draw}" if scenario.num_draws > 1 else ""
                for e in range(len(scenario.etas)):
                    needs = tuple(t.name for t in (trainings[e : e + 1] or trainings[:1]))
                    for p in range(len(scenario.phis)):
                        name = _point(label, draw, e, p)
                        yield Part(name, ("point", label, draw, e, p), task=title, needs=needs)

    def _trainings(self, label: str, draw: int) -> list[Part]:
        if not self.learns(label):
            return []
        if self.learned_per_eta(label):
            return [self.training(label, draw, eta) for eta in self.scenario.etas]
        return [self.training(label, draw)]

    def evaluate(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Scores of one approach and beam, over the false-alarm probabilities."""
        _, label, draw, e, p = part.arguments
        scenario = self.scenario
        config, eta, phi = scenario.evaluation, scenario.etas[e], scenario.phis[p]
        approach = self._ready(label, draw, eta, earlier)
        blocks = [
            self._sampler.draw(
                self.truth(draw),
                approach,
                (scenario.seed, "evaluation", draw, block),
                eta,
                phi,
            )
            for block in range(-(-config.num_samples // config.batch_size))
        ]
        data = {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}
        for key in data.keys() - {"symbol_errors"}:
            data[key] = data[key][: config.num_samples]
        scores = [self.score(data, p_fa) for p_fa in config.p_fas]
        point = {key: np.array([s[key] for s in scores]) for key in self.scores}
        rates = symbol_error_rate(data["symbol_errors"], self.num_symbols, config.confidence)
        return {**point, **{k: np.array(v) for k, v in zip(SER, rates, strict=True)}}

    def _ready(self, label: str, draw: int, eta: float, earlier: Mapping[str, Arrays]) -> Approach:
        per_eta = self.learned_per_eta(label)
        return self.approach(label, draw, eta if per_eta else None, earlier)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Scores over draws, approaches, beams and false-alarm probabilities, and histories."""
        scenario = self.scenario
        labels, draws = list(scenario.approaches), scenario.draws
        etas, phis, p_fas = scenario.etas, scenario.phis, scenario.evaluation.p_fas
        beam = (len(draws), len(labels), len(etas), len(phis))
        dims = ("draw", "approach", "eta", "phi")
        dataset = xr.Dataset(
            coords={
                "draw": list(draws),
                "approach": labels,
                "eta": list(etas),
                "phi": list(phis),
                "p_fa": list(p_fas),
            }
        )
        for name in (*self.scores, *SER):
            rate = name in SER
            values = np.empty(beam if rate else (*beam, len(p_fas)))
            for d, a, e, p in np.ndindex(*beam):
                values[d, a, e, p] = results[_point(labels[a], draws[d], e, p)][name]
            base = name.removesuffix("_low").removesuffix("_high")
            dataset[name] = (
                dims if rate else (*dims, "p_fa"),
                values,
                {"units": _UNITS.get(base, "1")},
            )
        for label in labels:
            for trainings in zip(*(self._trainings(label, d) for d in draws), strict=True):
                found = [histories(results[t.name]) for t in trainings]
                name = trainings[0].name.removesuffix(f"-{draws[0]}")
                for key in found[0]:
                    step = f"{name}_{key}"
                    dataset[f"history_{step}"] = _padded(step, [h[key] for h in found])
        dataset.attrs["num_samples"] = scenario.evaluation.num_samples
        return dataset


def _point(label: str, draw: int, e: int, p: int) -> str:
    return f"point_{label}_{draw}_{e:02d}_{p:02d}"


def _padded(name: str, histories: list[np.ndarray]) -> xr.Variable:
    """Histories of all draws, NaN where a training stopped early."""
    length = max(h.size for h in histories)
    rows = [
        np.pad(h.astype(float), (0, length - h.size), constant_values=np.nan) for h in histories
    ]
    return xr.Variable(("draw", f"step_{name}"), np.stack(rows))


def report(scenario: ComparedScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Scores at the working point, then the verdicts on the claims of the scenario."""
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
        if "velocity_rmse" in row:
            parts.insert(-1, f"velocity {float(row.velocity_rmse):.3f} m/s")
        yield f"  {label:<20} " + "   ".join(parts)
    yield from _gaps(scenario, at.mean("draw"))
    for verdict in judge(scenario, dataset):
        yield f"  {verdict}"


def _gaps(scenario: ComparedScenario, at: xr.Dataset) -> Iterator[str]:
    """Share of the gap between the ideal and the true array that each learned approach closes."""
    kinds = {label: config.kind for label, config in scenario.approaches.items()}
    lower, upper = ([n for n in kinds if kinds[n] == kind] for kind in ("unknown", "known"))
    if len(lower) != 1 or len(upper) != 1 or "gospa" not in at:
        return
    start, end = (float(at.gospa.sel(approach=name)) for name in (*lower, *upper))
    for label in kinds:
        if label not in (*lower, *upper) and start > end:
            closed = (start - float(at.gospa.sel(approach=label))) / (start - end)
            yield f"  {label} closes {closed:.1%} of the GOSPA gap from {lower[0]} to {upper[0]}"
