"""Base of studies that compare impaired, learned and known arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import xarray as xr

from sionna_isac.array import ImpairedArray
from sionna_isac.core import checks
from sionna_isac.studies._isac.approach import ArrayApproach
from sionna_isac.studies._isac.array_scenario import LearnedArrayScenario
from sionna_isac.studies._isac.arrays import assumed_array
from sionna_isac.studies._isac.study import ApproachStudy, histories
from sionna_isac.studies._isac.system import IsacSystem
from sionna_isac.study.part import Arrays, Part

__all__ = ["LearnedArrayStudy", "add_arrays"]

S = TypeVar("S", bound=LearnedArrayScenario)


class LearnedArrayStudy(ApproachStudy[S]):
    """Base of studies that compare the arrays "unknown", "learned" and "known"."""

    make_system = IsacSystem

    def make_approach(self, label: str, draw: int, eta: float | None) -> ArrayApproach:
        assumed = assumed_array(self.scenario, label, self.truth())
        training = self.scenario.training if label == "learned" else None
        return ArrayApproach(self.scenario, assumed, training)

    def trainings(self, label: str) -> tuple[Part, ...]:
        """Part that learns an array; none for an array that is not learned."""
        learns = label == "learned" and self.scenario.learns
        return (self.training(label),) if learns else ()

    def ready(self, label: str, results: Mapping[str, Arrays]) -> ArrayApproach:
        """Approach, with its learned array if it learns one."""
        found = self.approach(label, results=results)
        return checks.instance("approach", found, ArrayApproach)

    def add_arrays(self, dataset: xr.Dataset, results: Mapping[str, Arrays]) -> None:
        """Add the compared arrays and the losses of training to a result."""
        methods = self.scenario.compared()
        arrays = {
            str(m): checks.instance("array", self.ready(m, results).array, ImpairedArray)
            for m in methods
        }
        losses = [histories(results[t.name]) for m in methods for t in self.trainings(m)]
        loss = losses[0]["array_loss"] if losses else np.zeros(0)
        add_arrays(dataset, self.truth(), arrays, loss)


def add_arrays(
    dataset: xr.Dataset,
    truth: ImpairedArray,
    arrays: dict[str, ImpairedArray],
    losses: np.ndarray,
) -> None:
    """Add the true array, the compared arrays and the losses of training to a result."""
    positions = np.stack([a.element_positions for a in arrays.values()])
    dataset["element_positions"] = (("approach", "antenna"), positions, {"units": "m"})
    dataset["true_element_positions"] = ("antenna", truth.element_positions, {"units": "m"})
    for name, units in (("gain", "1"), ("phase", "rad")):
        values = np.stack([getattr(a, name) for a in arrays.values()])
        dataset[f"element_{name}"] = (("approach", "antenna"), values, {"units": units})
        dataset[f"true_element_{name}"] = ("antenna", getattr(truth, name), {"units": units})
    if truth.coupling is not None:
        coupling = np.stack([np.asarray(a.coupling) for a in arrays.values()])
        for part in ("real", "imag"):
            values = getattr(coupling, part)
            dataset[f"coupling_{part}"] = (("approach", "neighbour"), values)
            dataset[f"true_coupling_{part}"] = ("neighbour", getattr(truth.coupling, part))
    dataset["loss"] = ("iteration", losses, {"long_name": "training loss"})
