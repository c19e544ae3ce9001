"""Beam designs over a sweep on common channel draws, and position errors of receivers with them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.quiet import load_tensorflow

load_tensorflow()  # a worker process imports this module before anything else

from sionna_isac.studies.near_field.designs import design_block, requirements  # noqa: E402
from sionna_isac.studies.near_field.draws import ChannelDraws  # noqa: E402
from sionna_isac.studies.near_field.music import BATCH, Simulator  # noqa: E402
from sionna_isac.studies.near_field.scenario import NearFieldScenario  # noqa: E402
from sionna_isac.studies.near_field.summary import Block, summarise  # noqa: E402

__all__ = ["NearFieldStudy"]

BLOCK = 10  # draws of a part, a divisor of BATCH; published methods take a minute a draw: one
LIMITED = ("power_dbm", "min_rate", "max_peb")


class NearFieldStudy(Study[NearFieldScenario]):
    """Beams of all designs on all draws, with the errors of receivers if the scenario has any."""

    def __init__(self, scenario: NearFieldScenario) -> None:
        super().__init__(scenario)
        self._simulator = functools.lru_cache(maxsize=1)(functools.partial(Simulator, scenario))

    @functools.cached_property
    def _draws(self) -> ChannelDraws:
        return ChannelDraws(self.scenario)

    @functools.cached_property
    def _groups(self) -> dict[int, tuple[int, ...]]:
        """Designs by their number of draws; equal numbers share their parts."""
        groups: dict[int, tuple[int, ...]] = {}
        for d, design in enumerate(self.scenario.designs):
            number = self.scenario.channels_of(design)
            groups[number] = (*groups.get(number, ()), d)
        return groups

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        cells = list(itertools.product(range(len(scenario.sweep.values)), self._groups.items()))
        for value, (number, designs) in cells:
            for block in self._designed(value, number, designs):
                yield self._part(block, block.name, "designing beams", parallel=True)
        for value, (number, designs) in cells if scenario.music is not None else ():
            beams = self._designed(value, number, designs)
            for block in itertools.chain(*(_blocks(value, (d,), number, BATCH) for d in designs)):
                needs = tuple(b.name for b in beams if block.start <= b.start < block.stop)
                name = f"music_{block.name}"
                yield self._part(block, name, "estimating positions", needs=needs)

    def _designed(self, value: int, number: int, designs: tuple[int, ...]) -> list[Block]:
        return _blocks(value, designs, number, BLOCK if number == self.scenario.num_channels else 1)

    def _part(self, block: Block, name: str, task: str, **options: Any) -> Part:
        sweep, size = self.scenario.sweep, len(block.designs) * (block.stop - block.start)
        note = f"{sweep.parameter} {sweep.values[block.value]:g}"
        return Part(name, block, task, size, note, **options)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        scenario, block = self.scenario, Block(*part.arguments)
        value = scenario.sweep.values[block.value]
        antennas = scenario.antennas(value)
        designs = [scenario.designs[d] for d in block.designs]
        if part.needs:
            row = self._groups[scenario.channels_of(designs[0])].index(block.designs[0])
            beams = np.concatenate([earlier[name]["beams"][row] for name in part.needs])
            return self._simulator(antennas)(beams, block.start)
        scenes = [self._draws.scene(antennas, i) for i in range(block.start, block.stop)]
        limits = requirements(*(scenario.at(n, value) for n in LIMITED))
        return design_block(scenes, limits, designs, keep_beams=scenario.music is not None)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        found = [(Block(*part.arguments), results[part.name]) for part in self.parts()]
        return summarise(self.scenario, found)


def _blocks(value: int, designs: tuple[int, ...], number: int, step: int) -> list[Block]:
    starts = range(0, number, step)
    return [Block(value, designs, start, min(start + step, number)) for start in starts]
