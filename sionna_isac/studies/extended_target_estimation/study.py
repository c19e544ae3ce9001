"""Errors of the estimated pose of an extended target over the SNR, and the bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from sionna_isac.beamforming import InfeasibleError, SolverError
from sionna_isac.bound import (
    ExtendedTarget,
    cramer_rao_bound,
    effective_fim,
    extended_target_fim,
)
from sionna_isac.studies._extended.blocks import PARAMETERS
from sionna_isac.studies._intervals import add_rmse
from sionna_isac.studies._isac.sampler import NumericalError
from sionna_isac.studies.extended_target_beams.scenario import DESIGNS
from sionna_isac.studies.extended_target_beams.study import (
    design_error,
    designed_beams,
    scenario_target,
    user_channels,
)
from sionna_isac.studies.extended_target_estimation.scenario import (
    ESTIMATORS,
    ExtendedTargetEstimationScenario,
)
from sionna_isac.studies.extended_target_estimation.trial import Trial
from sionna_isac.study.part import Arrays, Part, Study, block_sizes

__all__ = ["ExtendedTargetEstimationStudy", "estimation_report"]


class ExtendedTargetEstimationStudy(Study[ExtendedTargetEstimationScenario]):
    """All estimators at an SNR with one design of the beams, a batch of echoes per part.

    Phases, bits and noise, up to its power, are the same for all designs at every SNR: ratios of
    curves are more accurate than the width of the intervals suggests.
    """

    starting = "tracing"

    def __init__(self, scenario: ExtendedTargetEstimationScenario) -> None:
        super().__init__(scenario)
        self._target = scenario_target(scenario)
        self._trial = Trial(scenario, self._target)
        self._sizes = block_sizes(scenario.num_samples, scenario.batch_size)

    def parts(self) -> Iterator[Part]:
        """Beams of all designs with their bounds, then the estimates."""
        scenario = self.scenario
        for name in scenario.designs:
            yield Part(f"beams_{name}", (name,), task="beams", note=DESIGNS[name])
        for name in scenario.designs:
            for i, snr_db in enumerate(scenario.snr_db):
                for block, size in enumerate(self._sizes):
                    yield Part(
                        f"{name}_{i:03d}_{block:05d}",
                        (name, snr_db, block),
                        task="estimates",
                        size=size,
                        note=f"{DESIGNS[name]}, {snr_db:g} dB",
                        needs=(f"beams_{name}",),
                    )

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Beams and bounds, or estimates [estimator, parameter, sample]."""
        if not earlier:
            return self._beams(part.arguments[0])
        name, snr_db, block = part.arguments
        trial = self._trial
        draws = trial.draw(earlier[f"beams_{name}"]["beams"], block)
        y = trial.observe(draws, snr_db)
        point = trial.point(draws, y)
        found = {
            "search": trial.search(draws, y, point),
            "local": trial.local(draws, y),
            "point": {**point, "orientation": np.full_like(point["range"], np.nan)},
        }
        table = np.array([[found[e][n] for n in PARAMETERS] for e in ESTIMATORS])
        if not np.all(np.isfinite(table[:, :-1])) or not np.all(np.isfinite(table[:2])):
            where = f"{DESIGNS[name]}, {snr_db:g} dB, batch {block}"
            raise NumericalError(f"estimates of the pose are not finite: {where}")
        return {"estimates": table}

    def _beams(self, name: str) -> Arrays:
        """Beams, SINR of the users [user], and CRBs at 0 dB: of each sample, and "resolved"."""
        scenario, target = self.scenario, self._target
        try:
            channels = user_channels(scenario, 0)
            solution = designed_beams(scenario, target, channels, name, scenario.min_sinr_db)
        except (InfeasibleError, SolverError, ValueError) as error:
            raise design_error(f"{DESIGNS[name]}, {scenario.min_sinr_db:g} dB", error) from None
        blocks = range(len(self._sizes))
        drawn = [self._trial.draw(solution.beams, block).phases for block in blocks]
        phases = np.concatenate(drawn)[: scenario.num_samples]
        beams = solution.beams / np.linalg.norm(solution.beams)
        covariance, numerology = beams @ beams.conj().T, self._trial.numerology
        shapes = scenario.arrays.tx_shape, scenario.arrays.rx_shape
        same = ExtendedTarget.stack([target] * len(phases))
        coherent = extended_target_fim(
            same,
            *shapes,
            np.broadcast_to(covariance, (len(phases), *covariance.shape)),
            1.0,
            1.0,
            None,
            numerology.num_subcarriers,
            "coherent",
            frequencies=numerology.frequency_offsets,
            phases=phases,
        )
        resolved = extended_target_fim(
            target,
            *shapes,
            covariance,
            1.0,
            1.0,
            numerology.rms_bandwidth,
            numerology.num_subcarriers,
            "resolved",
        )
        return {
            "beams": solution.beams,
            "sinr": solution.sinr,
            "coherent": _crb(coherent),
            "resolved": _crb(resolved),
        }

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Errors [design, estimator, SNR] with intervals, and bounds [design, SNR]."""
        scenario = self.scenario
        curve = ("design", "estimator", "snr_db")
        snr_db = np.array(scenario.snr_db)
        dataset = xr.Dataset(
            coords={
                "design": [DESIGNS[name] for name in scenario.designs],
                "estimator": list(ESTIMATORS.values()),
                "snr_db": ("snr_db", snr_db, {"units": "dB"}),
            }
        )
        table = np.array(
            [[self._estimates(results, d, i) for i in range(snr_db.size)] for d in scenario.designs]
        ).transpose(3, 0, 2, 1, 4)  # [parameter, design, estimator, snr_db, sample]
        designs = [results[f"beams_{name}"] for name in scenario.designs]
        for p, (name, unit) in enumerate(PARAMETERS.items()):
            about, scale = {"units": unit}, np.degrees(1.0) if unit == "deg" else 1.0
            error = table[p] - self._trial.truth[name]
            if name == "orientation":
                error = (error + np.pi) % (2 * np.pi) - np.pi
            error = scale * error
            dataset[f"{name}_error"] = ((*curve, "sample"), error, about)
            add_rmse(dataset, f"{name}_rmse", curve, error**2, scenario.confidence, **about)
            for level, label in (("coherent", "bound"), ("resolved", "resolved_bound")):
                crb = [np.mean(np.atleast_2d(design[level])[:, p]) for design in designs]
                root = scale * np.sqrt(crb)[:, np.newaxis] * 10 ** (-snr_db / 20)
                text = {"long_name": f"root of the mean CRB, level {level}"}
                dataset[f"{name}_{label}"] = (("design", "snr_db"), root, about | text)
        sinr = 10 * np.log10([design["sinr"] for design in designs])
        dataset["sinr_db"] = (("design", "user"), sinr, {"units": "dB"})
        dataset.attrs["num_samples"] = scenario.num_samples
        return dataset

    def _estimates(self, results: Mapping[str, Arrays], design: str, level: int) -> np.ndarray:
        """[estimator, parameter, sample]."""
        batches = [
            results[f"{design}_{level:03d}_{block:05d}"]["estimates"][..., :size]
            for block, size in enumerate(self._sizes)
        ]
        return np.concatenate(batches, -1)


def _crb(fim: np.ndarray) -> np.ndarray:
    """Bounds [..., 4] of the pose, with an unknown gain."""
    crb = cramer_rao_bound(effective_fim(fim, num_interest=len(PARAMETERS)))
    return np.diagonal(crb, axis1=-2, axis2=-1)


def estimation_report(
    scenario: ExtendedTargetEstimationScenario, dataset: xr.Dataset
) -> Iterator[str]:
    """Errors at the highest SNR, relative to the bound, and those of designs to the first one."""
    last = dataset.isel(snr_db=-1)
    where = f"at {scenario.snr_db[-1]:g} dB, {scenario.num_samples} echoes"
    yield f"{where}; in brackets over the bound:"
    for design in dataset["design"].values:
        row = last.sel(design=design)
        yield f"{design}, SINR at least {float(row['sinr_db'].min()):.2f} dB"
        for estimator in dataset["estimator"].values:
            texts = []
            for name, unit in PARAMETERS.items():
                rmse = float(row[f"{name}_rmse"].sel(estimator=estimator))
                if np.isfinite(rmse):
                    ratio = rmse / float(row[f"{name}_bound"])
                    texts.append(f"{name} {rmse:.3g} {unit} ({ratio:.3g})")
            yield f"  {estimator}: {', '.join(texts)}"
    first, *others = dataset["design"].values
    found = last.sel(estimator=ESTIMATORS["search"])
    for design in others:
        against = found.sel(design=design) / found.sel(design=first)
        texts = [
            f"{name} {float(against[f'{name}_rmse']):.3f} ({float(against[f'{name}_bound']):.3f})"
            for name in PARAMETERS
        ]
        yield f"{design} over {first}, RMSE (bound): {', '.join(texts)}"
