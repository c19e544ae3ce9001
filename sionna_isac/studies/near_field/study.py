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

from sionna_isac.studies.near_field.designs import Draw, design_block, requirements  # noqa: E402
from sionna_isac.studies.near_field.draws import ChannelDraws  # noqa: E402
from sionna_isac.studies.near_field.music import BATCH, Simulator  # noqa: E402
from sionna_isac.studies.near_field.scenario import NearFieldScenario  # noqa: E402
from sionna_isac.studies.near_field.summary import Block, summarise  # noqa: E402

__all__ = ["NearFieldStudy"]

BLOCK = 10  # draws of a part, a divisor of BATCH; published methods take a minute a draw: one
LIMITED = ("power_dbm", "min_rate", "max_peb")
BOUNDED = "maximize_sum_rate"
ESTIMATING = "estimating positions"


class NearFieldStudy(Study[NearFieldScenario]):
    """Beams of all designs on all draws, with the errors of receivers if the scenario has any."""

    def __init__(self, scenario: NearFieldScenario) -> None:
        super().__init__(scenario)
        self._simulator = functools.lru_cache(maxsize=1)(functools.partial(Simulator, scenario))

    @functools.cached_property
    def _draws(self) -> ChannelDraws:
        return ChannelDraws(self.scenario)

    @functools.cached_property
    def _limits(self) -> tuple[int, ...]:
        """Designs that are upper limits of others, and start from their beams, too."""
        designs = self.scenario.designs
        if all(d.design != BOUNDED for d in designs):
            return ()
        return tuple(d for d, x in enumerate(designs) if x.design == "communication_only")

    @functools.cached_property
    def _groups(self) -> dict[tuple[bool, int], tuple[int, ...]]:
        """Designs by whether they are limits and their number of draws: these share parts."""
        groups: dict[tuple[bool, int], tuple[int, ...]] = {}
        for d, design in enumerate(self.scenario.designs):
            key = d in self._limits, self.scenario.channels_of(design)
            groups[key] = (*groups.get(key, ()), d)
        return dict(sorted(groups.items(), key=lambda item: item[0][0]))

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        values = range(len(scenario.sweep.values))
        for value, (limit, number) in itertools.product(values, self._groups):
            if not limit:
                for block in self._designed(value, limit, number):
                    yield self._part(block, block.name, "designing beams", parallel=True)
        for value, (limit, number) in itertools.product(values, self._groups):
            if limit and value == self._alike(value)[0]:
                for block in self._designed(value, limit, number):
                    needs = tuple(b.name for b in self._bounded(block))
                    task = "designing upper limits"
                    yield self._part(block, block.name, task, needs=needs, parallel=True)
        if scenario.music is None:
            return
        for value, ((limit, number), designs) in itertools.product(values, self._groups.items()):
            beams = self._designed(value, limit, number)
            for block in itertools.chain(*(_blocks(value, (d,), number, BATCH) for d in designs)):
                needs = tuple(b.name for b in beams if b.overlaps(block))
                yield self._part(block, f"music_{block.name}", ESTIMATING, needs=needs)

    def _designed(self, value: int, limit: bool, number: int) -> list[Block]:
        """Blocks of the designs of a group; those of limits stand for all values that are alike."""
        step = BLOCK if number == self.scenario.num_channels else 1
        value = self._alike(value)[0] if limit else value
        return _blocks(value, self._groups[limit, number], number, step)

    def _alike(self, value: int) -> range:
        """Values of the sweep that are one to designs without a bound."""
        if self.scenario.sweep.parameter == "max_peb":
            return range(len(self.scenario.sweep.values))
        return range(value, value + 1)

    def _bounded(self, limit: Block) -> list[Block]:
        """Blocks of designs on the draws of a limit."""
        cells = itertools.product(self._alike(limit.value), self._groups)
        blocks = itertools.chain(*(self._designed(v, *key) for v, key in cells if not key[0]))
        return [block for block in blocks if block.overlaps(limit)]

    def _part(self, block: Block, name: str, task: str, **options: Any) -> Part:
        sweep, size = self.scenario.sweep, len(block.designs) * (block.stop - block.start)
        note = f"{sweep.parameter} {sweep.values[block.value]:g}"
        return Part(name, block, task, size, note, **options)

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        scenario, block = self.scenario, Block(*part.arguments)
        value = scenario.sweep.values[block.value]
        antennas = scenario.antennas(value)
        if part.task == ESTIMATING:
            (d,) = block.designs
            (row,) = (group.index(d) for group in self._groups.values() if d in group)
            beams = np.concatenate([earlier[name]["beams"][row] for name in part.needs])
            return self._simulator(antennas)(beams, block.start)
        draws = range(block.start, block.stop)
        limits = requirements(*(scenario.at(n, value) for n in LIMITED))
        drawn = [Draw(self._draws.scene(antennas, i), limits) for i in draws]
        if part.needs:
            found = [(other, earlier[other.name]["beams"]) for other in self._bounded(block)]
            for i, draw in zip(draws, drawn, strict=True):
                draw.starts = self._starts(i, found)
        designs = [scenario.designs[d] for d in block.designs]
        keep = scenario.music is not None or bool(self._limits)
        return design_block(drawn, designs, keep)

    def _starts(
        self, draw: int, found: list[tuple[Block, np.ndarray]]
    ) -> dict[int | None, list[np.ndarray]]:
        """Beams under a bound on a draw, by their number of chains."""
        starts: dict[int | None, list[np.ndarray]] = {}
        for block, beams in found:
            for row, d in enumerate(block.designs):
                design = self.scenario.designs[d]
                if design.design == BOUNDED and block.start <= draw < block.stop:
                    one = beams[row, draw - block.start]
                    if np.all(np.isfinite(one)):
                        starts.setdefault(design.num_rf_chains, []).append(one)
        return starts

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        found = []
        for part in self.parts():
            block = Block(*part.arguments)
            limit = part.task != ESTIMATING and block.designs[0] in self._limits
            for value in self._alike(block.value) if limit else [block.value]:
                found.append((block._replace(value=value), results[part.name]))
        return summarise(self.scenario, found)


def _blocks(value: int, designs: tuple[int, ...], number: int, step: int) -> list[Block]:
    starts = range(0, number, step)
    return [Block(value, designs, start, min(start + step, number)) for start in starts]
