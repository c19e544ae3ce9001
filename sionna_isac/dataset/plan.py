"""Plan of the samples of a data set: functions of the scenario, the split and the number."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from sionna_isac.dataset.scenario import SPLITS
from sionna_isac.study.loading import ScenarioError

__all__ = ["SampleDraw", "Task", "check_disjoint", "draw_sample", "instances_of", "plan_chains"]

_INSTANCE, _SAMPLE = 0, 1  # independent streams of the scenario's seed


class SampleDraw(NamedTuple):
    """Drawn values of a sample.

    Attributes
    ----------
    category : `int`
        Index of the category in the scenario
    instance : `int`
        Number of the target's instance within its category, of no other split
    instance_seed : `int`
        Seed of its shape and materials
    material_seed : `int`
        Seed of the sample's change of the materials
    range : `float`
        Distance of the target's centre [m]
    azimuth : `float`
        Its azimuth [rad]
    heading : `float`
        Direction of the target's front [rad]
    """

    category: int
    instance: int
    instance_seed: int
    material_seed: int
    range: float
    azimuth: float
    heading: float


class Task(NamedTuple):
    """A sample to compute."""

    split: str
    number: int


def instance_seed(scenario: Any, category: int, instance: int) -> int:
    """Seed of an instance, whichever split it is in."""
    sequence = np.random.SeedSequence([scenario.seed, _INSTANCE, category, instance])
    return int(sequence.generate_state(1)[0]) % 2**31


def instances_of(scenario: Any, split: str) -> list[list[int]]:
    """Instances of a split for each category: every third number, so that no two splits meet."""
    place = SPLITS.index(split)
    return [
        [len(SPLITS) * n + place for n in range(getattr(target.instances, split))]
        for target in scenario.targets
    ]


def check_disjoint(scenario: Any) -> None:
    """Raise :class:`ScenarioError` if two instances of a category have the same seed."""
    for category, name in enumerate(scenario.categories):
        numbers = [n for split in SPLITS for n in instances_of(scenario, split)[category]]
        seeds = [instance_seed(scenario, category, n) for n in numbers]
        if len(set(seeds)) != len(seeds):
            raise ScenarioError(
                f"scenario seed: {scenario.seed} gives two instances of '{name}' the same shape; "
                "choose another seed"
            )


def draw_sample(scenario: Any, split: str, index: int) -> SampleDraw:
    """Draw a sample; categories alternate, and instances within them.

    Parameters
    ----------
    scenario : :class:`~sionna_isac.dataset.DatasetScenario`
        Scenario
    split : "train" | "validation" | "test"
        Split
    index : `int`
        Number of the sample within it, from 0

    Output
    ------
    : :class:`SampleDraw`
        The draw: it depends on nothing else
    """
    round_, category = divmod(index, len(scenario.targets))
    numbers = instances_of(scenario, split)[category]
    instance = numbers[round_ % len(numbers)]
    sequence = np.random.SeedSequence([scenario.seed, _SAMPLE, SPLITS.index(split), index])
    generator = np.random.Generator(np.random.PCG64(sequence))
    unit = generator.random(3)
    place = scenario.placement
    low, high = np.transpose([place.range_interval, place.azimuth_deg, place.heading_deg])
    distance, azimuth, heading = low + (high - low) * unit
    return SampleDraw(
        category,
        instance,
        instance_seed(scenario, category, instance),
        int(generator.integers(2**31)),
        float(distance),
        math.radians(azimuth),
        math.radians(heading),
    )


def plan_chains(
    scenario: Any, split: str, missing: Collection[int], length: int = 12
) -> list[list[Task]]:
    """Samples to compute, in chains of one instance and at most ``length``.

    The solver's kernels depend on the voxel grid of the instance: a worker that computes a chain
    computes them once.
    """

    def instance(index: int) -> tuple[int, int]:
        draw = draw_sample(scenario, split, index)
        return draw.category, draw.instance

    ordered = sorted(missing, key=lambda i: (*instance(i), i))
    groups = [[Task(split, i) for i in group] for _, group in itertools.groupby(ordered, instance)]
    return [
        group[start : start + length] for group in groups for start in range(0, len(group), length)
    ]
