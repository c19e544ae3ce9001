"""Parts of a study: pieces of work that are computed at once and stored."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sionna_isac.study.blocks import Scenario
from sionna_isac.study.progress import Reporter

if TYPE_CHECKING:
    import xarray as xr

    from sionna_isac.study.store import RunFolder

__all__ = ["Arrays", "Part", "Study", "block_sizes"]

Arrays = dict[str, Any]
"""Result of a part: arrays (or values for `np.asarray`) by name"""
S = TypeVar("S", bound=Scenario)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+-]*")


def block_sizes(number: int, size: int) -> list[int]:
    """Numbers of samples in blocks of a size, of which the last one may hold fewer."""
    return [min(size, number - start) for start in range(0, number, size)]


@dataclasses.dataclass(frozen=True)
class Part:
    """Piece of the work of a study.

    Parameters
    ----------
    name : `str`
        Name, unique in the study, also of the file with the result
    arguments : `tuple`
        Arguments of the computation, for :meth:`Study.compute`
    task : `str`
        Text of the progress bar that neighbouring parts share; no bar if empty
    size : `int`, (default 1)
        Steps of the progress bar
    note : `str`
        Text beside the progress bar when the part is done
    needs : `tuple` of `str`
        Names of earlier parts whose results the computation needs
    shared : `bool`, (default `False`)
        If `True`, other studies that need the same result share it: it is stored in the folder of
        models, under a digest of :meth:`Study.key`
    parallel : `bool`, (default `False`)
        If `True`, a worker process computes the part
    chain : `str`
        One worker computes the parallel parts of a chain one after the other, so that they share
        the caches of the computation; if empty, the part is a chain of its own
    """

    name: str
    arguments: tuple[Any, ...] = ()
    task: str = ""
    size: int = 1
    note: str = ""
    needs: tuple[str, ...] = ()
    shared: bool = False
    parallel: bool = False
    chain: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                "name of a part must be of letters, digits and ._=+- and begin with a letter or "
                f"digit, as it is that of a file; got {self.name!r}"
            )


class Study(Generic[S]):
    """Base of the computations of studies: parts, and the summary of their results.

    An object lives as long as a run, in a worker process as long as the process: attributes can
    keep objects that several parts need, such as a compiled graph.

    Parameters
    ----------
    scenario : :class:`~sionna_isac.study.Scenario`
        Scenario of the run

    Attributes
    ----------
    reporter : :class:`~sionna_isac.study.Reporter`
        Progress of the run, for long parts
    folder : `None` | :class:`~sionna_isac.study.RunFolder`
        Folder of the run, for checkpoints within a part; `None` in worker processes
    """

    starting = ""
    """Text beside a progress bar until the first part is done"""

    def __init__(self, scenario: S) -> None:
        self.scenario = scenario
        self.reporter = Reporter(quiet=True)
        self.folder: RunFolder | None = None

    def parts(self) -> Iterable[Part]:
        """All parts, in the order of their computation, which depend on the scenario alone."""
        raise NotImplementedError

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Result of a part.

        Draw random numbers from the seed of the scenario and the identity of the part: a resumed
        run, or one with another number of workers, then gives the same numbers.

        Parameters
        ----------
        part : :class:`Part`
            One of :meth:`parts`
        earlier : mapping
            Results of the parts in ``part.needs``, by name
        """
        raise NotImplementedError

    def key(self, part: Part) -> Mapping[str, Any]:
        """Everything that the result of a shared part depends on.

        It may hold numbers, texts, arrays and layers. The code is represented by
        :func:`~sionna_isac.study.code_version`.
        """
        raise NotImplementedError

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Result of the study, from those of all parts by name."""
        raise NotImplementedError
