"""A kind of study that the library knows nothing of: NumPy only, in one file."""

from __future__ import annotations

import os
import signal
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from sionna_isac.study import Kind, Study


class RandomWalkScenario(Study):
    """Squared distance from the start after steps of unit length in the plane."""

    kind: Literal["random_walk"]
    num_walks: Annotated[int, Field(ge=2)] = 50
    """Number of walks"""
    num_steps: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    """Numbers of steps, each a part of its own"""


def run(scenario, folder, reporter):
    parts = []
    with reporter.task("walking", len(scenario.num_steps)) as advance:
        for i, number in enumerate(scenario.num_steps):
            part = folder.load(f"steps_{i:03d}")
            if part is None:
                rng = np.random.default_rng([scenario.seed, i])
                angle = rng.uniform(0, 2 * np.pi, (scenario.num_walks, number))
                part = {"square": np.abs(np.exp(1j * angle).sum(-1)) ** 2}
                folder.save(f"steps_{i:03d}", **part)
                if os.environ.get("RANDOM_WALK_DIES_AFTER") == str(i):
                    os.kill(os.getpid(), signal.SIGKILL)
            parts.append(part["square"])
            advance(1)
    return xr.Dataset(
        {"square": (("num_steps", "walk"), np.stack(parts))},
        coords={"num_steps": list(scenario.num_steps)},
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
    run=run,
    report=report,
    draw=draw,
    example={"num_steps": [1, 4, 16]},
)
