"""A kind of study that the library knows nothing of: NumPy only, in one file."""

from __future__ import annotations

import os
import signal
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from sionna_isac.study import Kind, Part, Scenario, Study


class RandomWalkScenario(Scenario):
    """Squared distance from the start after steps of unit length in the plane."""

    kind: Literal["random_walk"]
    num_walks: Annotated[int, Field(ge=2)] = 50
    """Number of walks"""
    num_steps: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    """Numbers of steps, each a part of its own"""


class RandomWalkStudy(Study[RandomWalkScenario]):
    def parts(self):
        for i, number in enumerate(self.scenario.num_steps):
            yield Part(f"steps_{i:03d}", (i, number), task="walking")

    def compute(self, part, earlier):
        i, number = part.arguments
        if os.environ.get("RANDOM_WALK_DIES_AFTER") == str(i - 1):
            os.kill(os.getpid(), signal.SIGKILL)
        rng = np.random.default_rng([self.scenario.seed, i])
        angle = rng.uniform(0, 2 * np.pi, (self.scenario.num_walks, number))
        return {"square": np.abs(np.exp(1j * angle).sum(-1)) ** 2}

    def summarise(self, results):
        squares = np.stack([part["square"] for part in results.values()])
        return xr.Dataset(
            {"square": (("num_steps", "walk"), squares)},
            coords={"num_steps": list(self.scenario.num_steps)},
        )


def report(scenario, dataset):
    for number in dataset["num_steps"].values:
        yield f"  {number} steps: {float(dataset['square'].sel(num_steps=number).mean()):.4g}"


def draw(dataset):
    from sionna_isac.plots.style import new_figure

    figure, axes = new_figure(1, 1, dataset.attrs["title"])
    axes[0, 0].plot(dataset["num_steps"], dataset["square"].mean("walk"), "o-")
    return figure


KIND = Kind(
    scenario=RandomWalkScenario,
    study=RandomWalkStudy,
    report=report,
    draw=draw,
    example={"num_steps": [1, 4, 16]},
)
