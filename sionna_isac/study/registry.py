"""Registry of the kinds of studies.

The registry names no kind itself. It finds those of the library as packages of
``sionna_isac.studies``, and those of other packages by their entry points. It imports a kind at its
first use, so that a broken kind does not affect others.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.metadata
import pkgutil
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sionna_isac.study.blocks import Scenario
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.suggest import suggestion

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from sionna_isac.study.part import Study

__all__ = [
    "GROUP",
    "Kind",
    "deferred",
    "draw_result",
    "get_kind",
    "kind_names",
    "register_kind",
    "save_figure",
]

GROUP = "sionna_isac.studies"
"""Package of the kinds of the library, and group of the entry points of others"""


def _no_report(scenario: Scenario, dataset: xr.Dataset) -> Iterable[str]:
    return ()


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """Description of a kind of study.

    Import heavy packages inside the functions, or name the functions by :func:`deferred`: listing,
    showing and checking of scenarios then needs none of them.

    Parameters
    ----------
    scenario : subclass of :class:`~sionna_isac.study.Scenario`
        Fields of its scenarios; the name is the value of the field ``kind: Literal["..."]``
    draw : callable
        ``draw(dataset)`` returns the figure of a result
    study : `None` (default) | subclass of :class:`~sionna_isac.study.Study`
        Computation, or its name by :func:`deferred`; `None` if another command serves the kind
    report : callable
        ``report(scenario, dataset)`` returns the lines to print after a run; none if not given
    example : mapping
        Required fields of a new scenario file, beside its kind, name and title
    command : `str`
        Command that runs a scenario, "run" if not given

    Raises
    ------
    TypeError
        If the scenario is no such class, or a function is not callable
    ValueError
        If the example has a field that scenarios do not have
    """

    scenario: type[Scenario]
    draw: Callable[[xr.Dataset], Figure]
    study: Callable[[Any], Study] | None = None
    report: Callable[[Any, xr.Dataset], Iterable[str]] = _no_report
    example: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    command: str = "run"

    def __post_init__(self) -> None:
        model = self.scenario
        if not (isinstance(model, type) and issubclass(model, Scenario)):
            raise TypeError(f"scenario must be a subclass of study.Scenario; got {model!r}")
        field = model.model_fields.get("kind")
        names = typing.get_args(field.annotation) if field else ()
        if len(names) != 1 or not re.fullmatch("[a-z0-9_]+", str(names[0])):
            raise TypeError(
                f"scenario must have a field kind: Literal[...] of one name in lower-case letters, "
                f"digits and _; got {model.__name__} with {list(names)}"
            )
        for name in ("draw", "study", "report"):
            value = getattr(self, name)
            if not callable(value) and not (name == "study" and value is None):
                raise TypeError(f"{name} must be a function; got {value!r}")
        unknown = [key for key in self.example if key not in model.model_fields]
        if unknown:
            raise ValueError(f"example must hold fields of {model.__name__}; got {unknown}")

    @property
    def name(self) -> str:
        """`str` : Name, as in the field ``kind`` of its scenarios"""
        return str(typing.get_args(self.scenario.model_fields["kind"].annotation)[0])

    def check_runs(self) -> None:
        """Raise :class:`~sionna_isac.study.ScenarioError` if another command serves the kind."""
        if self.study is None:
            raise ScenarioError(
                f"a scenario of kind '{self.name}' is for 'sionna-isac {self.command}'"
            )

    def computation(self, scenario: Scenario) -> Study:
        """Computation of a scenario; the error of :meth:`check_runs` if there is none."""
        self.check_runs()
        assert self.study is not None
        made = self.study(scenario)
        if not all(callable(getattr(made, n, None)) for n in ("parts", "compute", "summarise")):
            raise TypeError(
                f"study of the kind '{self.name}' must make a study.Study; got {made!r}"
            )
        return made


def deferred(place: str) -> Callable[..., Any]:
    """Function at ``"module:name"``, which imports the module at the first call."""
    return functools.partial(_call, place)


def _call(place: str, /, *arguments: Any, **named: Any) -> Any:
    return pkgutil.resolve_name(place)(*arguments, **named)


_known: dict[str, Kind] = {}  # registered, or imported


@functools.cache
def _points() -> dict[str, list[importlib.metadata.EntryPoint]]:
    """Places of kinds by name, those of the library first."""
    package = importlib.import_module(GROUP)
    first = package.FIRST
    names = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
    found = {
        name: [importlib.metadata.EntryPoint(name, f"{GROUP}.{name}:KIND", GROUP)]
        for name in sorted(names, key=lambda name: (name != first, name))
    }
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda p: p.name):
        places = found.setdefault(point.name, [])
        if point.value not in [p.value for p in places]:
            places.append(point)
    return found


def kind_names() -> tuple[str, ...]:
    """Names of all kinds, those of the library first; none is imported."""
    return tuple(dict.fromkeys([*_points(), *_known]))


def get_kind(name: Any) -> Kind:
    """Kind with a name.

    Parameters
    ----------
    name : `str`
        One of :func:`kind_names`

    Output
    ------
    : :class:`Kind`
        Its description

    Raises
    ------
    ScenarioError
        If there is no such kind, two kinds have the name, or the import fails
    """
    names = kind_names()
    if not isinstance(name, str) or name not in names:
        raise ScenarioError(
            f"kind must be one of {', '.join(names)}; got {name!r}{suggestion(name, names)}"
        )
    if name not in _known:
        first, *others = _points()[name]
        if others:
            raise ScenarioError(
                f"kind '{name}' is there twice, in {_origin(first)} and in {_origin(others[0])}: "
                "rename or uninstall one of them"
            )
        _known[name] = _load(first)
    return _known[name]


def _load(point: importlib.metadata.EntryPoint) -> Kind:
    try:
        kind = point.load()
    except Exception as error:  # code of others may raise anything
        raise ScenarioError(
            f"kind '{point.name}' cannot be imported from {_origin(point)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(kind, Kind):
        raise ScenarioError(
            f"kind '{point.name}' must be a study.Kind in {_origin(point)}; got {kind!r}"
        )
    if kind.name != point.name:
        raise ScenarioError(
            f"kind '{point.name}' must have the name of its entry in {_origin(point)}; got "
            f"'{kind.name}'"
        )
    return kind


def _origin(point: importlib.metadata.EntryPoint) -> str:
    package = f" of the package '{point.dist.name}'" if point.dist else ""
    return f"'{point.value}'{package}"


def register_kind(kind: Kind) -> Kind:
    """Make a kind known in this process, without an installed package.

    A new definition of the same class of scenarios, as in a notebook, replaces the old one.

    Raises
    ------
    TypeError
        If ``kind`` is not a :class:`Kind`
    ScenarioError
        If there is another kind of the same name
    """
    if not isinstance(kind, Kind):
        raise TypeError(f"kind must be a study.Kind; got {kind!r}")
    old = _known.get(kind.name)
    if kind.name in _points() or (old and _identity(old) != _identity(kind)):
        other = _identity(old) if old else _origin(_points()[kind.name][0])
        raise ScenarioError(f"kind '{kind.name}' is there already, in {other}: choose another name")
    _known[kind.name] = kind
    return kind


def _identity(kind: Kind) -> str:
    return f"'{kind.scenario.__module__}:{kind.scenario.__qualname__}'"


def draw_result(dataset: xr.Dataset, kind: str, path: str | Path | None = None) -> Figure:
    """Draw the figure of a result, and save it if a path is given.

    Parameters
    ----------
    dataset : `xarray.Dataset`
        Stored result
    kind : `str`
        Kind of the scenario, such as "multi_target"
    path : `None` (default) | `str` | `Path`
        Image file; a PDF stands beside a PNG

    Output
    ------
    : `matplotlib.figure.Figure`
        The figure
    """
    figure = get_kind(kind).draw(dataset)
    if path is not None:
        save_figure(figure, path)
    return figure


def save_figure(figure: Figure, path: str | Path) -> list[Path]:
    """Save a figure, and beside a PNG the same as a PDF, for print.

    PNG and PDF hold no date: equal figures are equal files.

    Output
    ------
    : `list` of `Path`
        Files that were written
    """
    path = Path(path)
    paths = [path, path.with_suffix(".pdf")] if path.suffix.lower() == ".png" else [path]
    for file in paths:
        dates = {".pdf": "CreationDate", ".svg": "Date"}
        metadata = {name: None for end, name in dates.items() if file.suffix.lower() == end}
        figure.savefig(file, metadata=metadata, dpi=300 if metadata else "figure")
    return paths
