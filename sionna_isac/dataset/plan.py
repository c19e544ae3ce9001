"""Plan of the samples of a data set: functions of the scenario, the split and the number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from sionna_isac.dataset.scenario import SPLITS, DatasetScenario, Split
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.part import Part

__all__ = [
    "SampleDraw",
    "check_disjoint",
    "draw_sample",
    "instances_of",
    "mesh_files",
    "sample_name",
    "sample_parts",
]

_INSTANCE, _SAMPLE, _MESH = 0, 1, 2  # independent streams of the scenario's seed


class SampleDraw(NamedTuple):
    """Drawn values of a sample.

    Attributes
    ----------
    category : `int`
        Index of the category in the scenario
    instance : `int`
        Number of the target's instance within its category; splits share no instance
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


def instance_seed(scenario: DatasetScenario, category: int, instance: int) -> int:
    """Seed of an instance, in any split."""
    sequence = np.random.SeedSequence([scenario.seed, _INSTANCE, category, instance])
    return int(sequence.generate_state(1)[0]) % 2**31


def instances_of(scenario: DatasetScenario, split: Split) -> list[list[int]]:
    """Instances of a split for each category: every third number, so that splits share none."""
    place = SPLITS.index(split)
    return [
        [len(SPLITS) * n + place for n in range(getattr(target.instances, split))]
        for target in scenario.targets
    ]


def mesh_files(scenario: DatasetScenario, category: int) -> dict[int, int]:
    """Number of the mesh file of each instance of a category: a random order, by the seed."""
    target = scenario.targets[category]
    if target.mesh is None:
        return {}
    generator = np.random.default_rng([scenario.seed, _MESH, category])
    numbers = [n for split in SPLITS for n in instances_of(scenario, split)[category]]
    order = generator.permutation(len(target.mesh.files)).tolist()
    return dict(zip(numbers, order, strict=False))  # there may be more files


def check_disjoint(scenario: DatasetScenario) -> None:
    """Raise :class:`ScenarioError` if two instances of a category have the same seed."""
    for category, name in enumerate(scenario.categories):
        numbers = [n for split in SPLITS for n in instances_of(scenario, split)[category]]
        seeds = [instance_seed(scenario, category, n) for n in numbers]
        if len(set(seeds)) != len(seeds):
            raise ScenarioError(
                f"scenario seed: {scenario.seed} gives two instances of '{name}' the same shape; "
                "choose another seed"
            )


def draw_sample(scenario: DatasetScenario, split: Split, index: int) -> SampleDraw:
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
        Draw, a function of the arguments alone
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


def sample_name(split: Split, index: int) -> str:
    """Name of the part that computes a sample."""
    return f"{split}_{index:06d}"


def sample_parts(
    scenario: DatasetScenario, splits: Iterable[Split], length: int = 12
) -> Iterator[Part]:
    """Samples of splits as parts, in chains of one instance and at most ``length``.

    The solver's kernels depend on the voxel grid of the instance: a worker that computes a chain
    computes them once.
    """
    for split in splits:
        seen: Counter[tuple[int, int]] = Counter()
        for index in range(getattr(scenario.num_samples, split)):
            draw = draw_sample(scenario, split, index)
            instance = draw.category, draw.instance
            chain = f"{split}_{draw.category}_{draw.instance}_{seen[instance] // length}"
            seen[instance] += 1
            yield Part(
                sample_name(split, index),
                (split, index),
                task="computing samples",
                parallel=True,
                chain=chain,
            )
