"""Commented scenario files to start from, from the models of their kinds."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.fields import FieldText, describe, members, summary, yaml_value
from sionna_isac.study.loading import parse_scenario
from sionna_isac.study.registry import get_kind, kind_names
from sionna_isac.study.text import parse

__all__ = ["describe_kinds", "scenario_kinds", "scenario_template", "write_template"]

_OFF, _OTHER = "# ", "## "  # optional, as by default; another choice
_LATER = ("name", "title", "kind", "profile")  # fields that the head of a file has


def scenario_kinds() -> dict[str, type[BaseModel]]:
    """Models of scenarios, by kind."""
    return {name: get_kind(name).scenario for name in kind_names()}


def describe_kinds() -> Iterator[tuple[str, str]]:
    """Name and summary of every kind, or the reason why it cannot be used."""
    for name in kind_names():
        try:
            yield name, summary(get_kind(name).scenario)
        except ScenarioError as error:
            yield name, f"not available: {error}"


def scenario_template(kind: str, name: str) -> str:
    """Text of a valid scenario file.

    Parameters
    ----------
    kind : `str`
        Kind of the scenario, one of :func:`scenario_kinds`
    name : `str`
        Name of the scenario, that of the file without its ending

    Output
    ------
    : `str`
        YAML with every field, its meaning, unit and choices; optional fields are comments with
        their default
    """
    example, model = dict(get_kind(kind).example), get_kind(kind).scenario
    head = {field.name: field for field in describe(model)}
    valid = re.fullmatch(r"[a-z0-9_]+", name)
    text = [
        f"# {summary(model)}",
        "#",
        "# Lines that start with # are optional and show the default: to change one, remove the #",
        "# and a space, there and from the group above it. Lines with ## show other choices.",
        "",
        f"kind: {kind}",
        f"title: {yaml_value(f'My {kind} study')}{_note(head['title'])}",
        f"{_OFF if valid else ''}name: {yaml_value(name if valid else kind)}{_note(head['name'])}",
    ]
    fields = [f for f in head.values() if f.name not in _LATER]
    for line in _Writer().fields(model, fields, example, None, 0, ""):
        group = re.match(r"(# )?\w+:  #", line)
        after = re.match(r"(# )?\w", line) and re.match(r"#* *[ -]  ", text[-1])
        text += ["", line] if group or after else [line]
    return "\n".join(text) + "\n"


def write_template(kind: str, path: Path) -> Path:
    """Write a commented scenario file.

    Raises
    ------
    ScenarioError
        If the kind is unknown, the file exists or cannot be written, or its name is not valid for
        a scenario
    """
    text = scenario_template(kind, path.stem)
    raw = parse(text)
    parse_scenario({"name": path.stem, **raw})
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ScenarioError(f"out: '{path}' exists; it is not overwritten") from None
    except OSError as error:
        raise ScenarioError(f"out: cannot write '{path}': {error.strerror}") from None
    return path


def _note(field: FieldText) -> str:
    unit = f" [{field.unit}]" if field.unit else ""
    said = field.choices != "text" and " " in field.choices and "group" not in field.choices
    kinds = re.search(r"(?<=of kind )\w+( \| \w+)*", field.choices)
    choices = kinds[0] if kinds else field.choices if said or "[" in field.choices else ""
    return f"  # {field.meaning}{unit}{'; ' if choices else ''}{choices}"


class _Writer:
    """Lines of a file, with the full description of a model at its first occurrence."""

    def __init__(self) -> None:
        self._described: set[type[BaseModel]] = set()

    def fields(
        self,
        model: type[BaseModel],
        fields: list[FieldText],
        given: dict[str, Any],
        defaults: BaseModel | None,
        depth: int,
        mark: str,
    ) -> Iterator[str]:
        """Fields of a model: given values, else the defaults as comments."""
        known = model in self._described
        self._described.add(model)
        for field in fields:
            here = mark
            if field.name in given:
                value = given[field.name]
            elif known and not field.required:
                continue
            else:
                here = mark or _OFF
                value = getattr(defaults, field.name) if defaults else field.default
            yield from self._field(model, field, value, defaults, depth, here)
        if known and any(f.name not in given and not f.required for f in fields):
            yield f"{_OTHER}{'  ' * depth}(further fields as above)"

    def _field(
        self,
        model: type[BaseModel],
        field: FieldText,
        value: Any,
        defaults: BaseModel | None,
        depth: int,
        mark: str,
    ) -> Iterator[str]:
        start, note = f"{mark}{'  ' * depth}{field.name}:", _note(field)
        annotation = model.model_fields[field.name].annotation
        models = members(annotation)
        missing = value is None and field.required
        if not models:
            yield f"{start}{'' if missing else ' ' + yaml_value(value)}{note}"
            return
        if missing:
            used = models[:1]
            yield f"{start}{note}"
            yield from self._part(models[0], {}, None, depth + 1, mark, annotation)
        elif value is None or not value:
            used = []
            yield f"{start} {yaml_value(value)}{note}"
        else:
            yield f"{start}{note}"
            parts = value.items() if isinstance(value, dict) and _is(annotation, dict) else None
            many = isinstance(value, list | tuple)
            entries = list(parts) if parts else [("", v) for v in (value if many else [value])]
            used = []
            for label, entry in entries:
                chosen = self._chosen(models, entry)
                used.append(chosen)
                given = entry if isinstance(entry, dict) else {}
                instance = entry if isinstance(entry, BaseModel) else None
                yield from self._part(chosen, given, instance, depth + 1, mark, annotation, label)
        others = [m for m in models if m not in used and m not in self._described]
        if others and not used:
            yield f"{_OTHER}{'  ' * depth}{field.name}:"
        elif others:
            yield f"{_OTHER}{'  ' * (depth + 1)}or"
        for other in others:
            yield from self._part(other, {}, None, depth + 1, _OTHER, annotation)

    def _part(
        self,
        model: type[BaseModel],
        given: dict[str, Any],
        defaults: BaseModel | None,
        depth: int,
        mark: str,
        annotation: Any,
        label: str = "NAME",
    ) -> Iterator[str]:
        """Group, entry of a list, or entry with a name."""
        fields = list(describe(model))
        item = _is(annotation, tuple)
        fields.sort(key=lambda f: (f.name != "kind", item and f.name not in given))
        if _is(annotation, dict):
            yield f"{mark}{'  ' * depth}{label}:"
            depth += 1
        if "kind" not in given and "kind" in model.model_fields:
            kinds = typing.get_args(model.model_fields["kind"].annotation)
            given = {"kind": getattr(defaults, "kind", kinds[0]), **given}
        lines = list(self.fields(model, fields, given, defaults, depth + item, mark))
        if item:
            first = next(i for i, line in enumerate(lines) if line.startswith(mark or " "))
            place = len(mark) + 2 * depth
            lines[first] = f"{lines[first][:place]}- {lines[first][place + 2 :]}"
        yield from lines

    @staticmethod
    def _chosen(models: list[type[BaseModel]], entry: Any) -> type[BaseModel]:
        if isinstance(entry, BaseModel):
            return type(entry)
        kind = entry.get("kind")
        for model in models:
            if kind is None or kind in typing.get_args(model.model_fields["kind"].annotation):
                return model
        raise ValueError(f"kind must be that of a group; got {kind!r}")


def _is(annotation: Any, container: type) -> bool:
    """`True` for a field that holds a list (tuple) or named entries (dict)."""
    origins = [annotation, *typing.get_args(annotation)]
    return any(typing.get_origin(a) is container for a in origins)
