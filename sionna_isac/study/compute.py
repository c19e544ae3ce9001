"""Loop over the parts of a study, which computes missing parts only."""

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

import numpy as np

import sionna_isac
from sionna_isac.errors import UsageError
from sionna_isac.study.blocks import Scenario
from sionna_isac.study.fingerprint import fingerprint
from sionna_isac.study.models import ModelStore
from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.study.store import RESERVED, RunFolder, StoreError
from sionna_isac.study.workers import interrupts_noticed, run_chains

__all__ = ["PartStore", "compute_parts"]


class PartStore:
    """Results of parts: in the folder of the run, or in that of models if they are shared.

    Parameters
    ----------
    study : :class:`Study`
        Study that runs
    folder : :class:`RunFolder`
        Folder of the run
    """

    def __init__(self, study: Study, folder: RunFolder) -> None:
        self._study, self._folder = study, folder
        self._models = ModelStore(folder.models)
        self._key = functools.cache(lambda part: fingerprint(study.key(part)))

    @property
    def origins(self) -> dict[str, str]:
        """`dict` : Files and versions of shared results, ``file@commit`` by the name of the part"""
        return self._models.origins

    def load(self, part: Part) -> Arrays | None:
        """Result of a part, or `None` if it is not stored."""
        if not part.shared:
            return self._folder.load(part.name)
        return self._models.load(part.name, self._key(part), self._folder.fresh_since)

    def get(self, part: Part) -> Arrays:
        """Result of a computed part."""
        found = self.load(part)
        if found is None:
            raise StoreError(
                f"the result of '{part.name}' has vanished from '{self._folder.path}'; run again "
                "to compute it"
            )
        return found

    def save(self, part: Part, arrays: Arrays) -> None:
        """Store the result of a part, atomically."""
        if part.shared:
            self._models.save(part.name, self._key(part), self._study.scenario, arrays)
        else:
            self._folder.save(part.name, **arrays)

    def note(self, part: Part) -> None:
        """Print the origin of a shared result."""
        if part.shared:
            file = self._models.file(part.name, self._key(part))
            self._study.reporter.say(f"{part.name}: computed before, {file}")


def compute_parts(
    study: Study,
    store: PartStore,
    workers: int | None = None,
    scheduler: str | None = None,
    parts: Iterable[Part] | None = None,
    there: Callable[[Part], bool] | None = None,
) -> Sequence[Part]:
    """Compute and store the missing parts of a study.

    Parameters
    ----------
    study : :class:`Study`
        Study
    store : :class:`PartStore`
        Storage of results
    workers : `None` (default) | `int`
        Number of worker processes for parallel parts; `None` is one per core, 0 none at all
    scheduler : `None` (default) | `str`
        Address of a Dask scheduler, whose workers are used instead
    parts : `None` (default) | iterable of :class:`Part`
        Wanted parts, with the parts that they need; `None` is all
    there : `None` (default) | callable
        ``there(part)`` is `True` for a part that need not be computed; `None` is for stored ones

    Output
    ------
    : sequence of :class:`Part`
        The parts
    """
    parts = list(study.parts() if parts is None else parts)
    by_name = {part.name: part for part in parts}
    _check(parts)
    for task, neighbours in itertools.groupby(parts, key=lambda part: part.task):
        group = list(neighbours)
        todo = []
        for part in group:
            known = store.load(part) is not None if there is None else there(part)
            if not known:
                todo.append(part)
            else:
                store.note(part)
        total = sum(part.size for part in group)
        done = total - sum(part.size for part in todo)
        with contextlib.ExitStack() as stack:
            advance: Callable[[int, str], None] = lambda steps, note: None  # noqa: E731
            check: Callable[[], None] = lambda: None  # noqa: E731
            if any(part.parallel for part in todo):
                check = stack.enter_context(interrupts_noticed())
            if task:
                bar = study.reporter.task(task, total, done, study.starting)
                advance = stack.enter_context(bar)
            results = _results(study, store, by_name, todo, workers, scheduler)
            for name, found in stack.enter_context(contextlib.closing(results)):
                part = by_name[name]
                store.save(part, _checked(name, found))
                advance(part.size, part.note)
                check()
    return parts


def _check(parts: Sequence[Part]) -> None:
    """Refuse repeated names, and needs that are no earlier parts."""
    known: dict[str, Part] = {}
    for part in parts:
        if not isinstance(part, Part):
            raise TypeError(f"parts must give study.Part objects; got {part!r}")
        if part.name in known:
            raise ValueError(f"parts must have names of their own; got '{part.name}' twice")
        for name in part.needs:
            if name not in known:
                raise ValueError(
                    f"needs of '{part.name}' must be names of earlier parts; got '{name}'"
                )
            if known[name].parallel and known[name].task == part.task:
                raise ValueError(
                    f"needs of '{part.name}' must be of an earlier task where they are parallel; "
                    f"got '{name}'"
                )
        known[part.name] = part


def _checked(name: str, found: object) -> Arrays:
    """Refuse results that cannot be stored, or not be read again."""
    if not isinstance(found, Mapping) or not all(isinstance(k, str) for k in found):
        raise TypeError(f"compute must return arrays by name for the part '{name}'; got {found!r}")
    for key, value in found.items():
        if key in RESERVED:
            raise ValueError(
                f"the result of the part '{name}' must have other names than {', '.join(RESERVED)}"
            )
        if np.asarray(value).dtype == object:
            raise TypeError(
                f"the result of the part '{name}' must hold numbers and texts; got {value!r} for "
                f"'{key}'"
            )
    return dict(found)


def _results(
    study: Study,
    store: PartStore,
    by_name: dict[str, Part],
    todo: list[Part],
    workers: int | None,
    scheduler: str | None,
) -> Generator[tuple[str, Arrays], None, None]:
    """Names and results of parts, as they become available."""

    kept: dict[str, Arrays] = {}  # neighbours mostly need the same: it is read once for all

    def earlier(part: Part) -> dict[str, Arrays]:
        nonlocal kept
        kept = {n: kept[n] if n in kept else store.get(by_name[n]) for n in part.needs}
        return dict(kept)

    here = workers == 0 and scheduler is None
    for part in todo:
        if here or not part.parallel:
            yield part.name, study.compute(part, earlier(part))
    if here:
        return
    chains: dict[str, list[Part]] = {}
    for part in todo:
        if part.parallel:
            chains.setdefault(part.chain or part.name, []).append(part)
    version = sionna_isac.__version__
    calls = [
        [(type(study), study.scenario, part, earlier(part), version) for part in chain]
        for chain in chains.values()
    ]
    yield from run_chains(_compute, calls, workers, scheduler)


def _compute(
    study: type[Study],
    scenario: Scenario,
    part: Part,
    earlier: dict[str, Arrays],
    version: str,
) -> tuple[str, Arrays]:
    """Result of a part in a worker process; ``version`` is that of the calling process."""
    if version != sionna_isac.__version__:
        raise UsageError(
            f"scheduler: its workers run sionna_isac {sionna_isac.__version__}, this process "
            f"{version}: install the same version"
        )
    known = _worker_study
    with _one_at_a_time:
        if not (known and type(known[0]) is study and known[0].scenario == scenario):
            known[:] = [study(scenario)]
        return part.name, known[0].compute(part, earlier)


_worker_study: list[Study] = []  # the one that this worker process computes for
# workers of a cluster may have several threads, but there is one stream of random numbers
_one_at_a_time = threading.Lock()
