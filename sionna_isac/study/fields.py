"""Meaning, unit, choices and default of the fields of scenarios, from the models themselves."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["FieldText", "describe", "groups_of", "members", "summary", "yaml_value"]

_UNIT = re.compile(r"\s*\[([^\]]+)\]$")
_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


class FieldText(NamedTuple):
    """Description of a field."""

    name: str
    meaning: str
    unit: str
    choices: str
    default: Any
    required: bool


def summary(model: type[BaseModel]) -> str:
    """First paragraph of the docstring of a model, on one line."""
    return " ".join((inspect.getdoc(model) or "").split("\n\n", 1)[0].split())


def describe(model: type[BaseModel]) -> Iterator[FieldText]:
    """Fields of a model, in order."""
    for name, field in model.model_fields.items():
        text = field.description or (summary(model) if name == "kind" else "")
        unit = _UNIT.search(text)
        yield FieldText(
            name,
            _UNIT.sub("", text).rstrip(".").replace("``", "`"),
            unit[1] if unit else "",
            _choices(field.annotation, field.metadata),
            None if field.is_required() else field.get_default(call_default_factory=True),
            field.is_required(),
        )


def members(annotation: Any) -> list[type[BaseModel]]:
    """Models that a value may be or contain, without their own parts."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in typing.get_args(annotation) for m in members(part)]


def groups_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Models that a model contains, each before its own parts."""
    found: list[type[BaseModel]] = []

    def visit(part: type[BaseModel]) -> None:
        for field in part.model_fields.values():
            for group in members(field.annotation):
                if group not in found:
                    found.append(group)
                    visit(group)

    visit(model)
    return found


class _Dumper(yaml.SafeDumper):
    pass


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.Node:
    text = f"{value:.15g}"
    if "e" in text:  # YAML wants a dot
        mantissa, exponent = text.split("e")
        text = f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
    elif float(text) >= 1e6 and value % 1e5 == 0:
        digits = text.rstrip("0")
        text = f"{digits[0]}.{digits[1:] or '0'}e+{len(text) - 1}"
    elif "." not in text:
        text += ".0"
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(float, _number)


def yaml_value(value: Any) -> str:
    """Value in YAML, on one line."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(yaml_value, value))}]"
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=1000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _choices(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """Allowed values, as far as the field alone determines them."""
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        more = [m for x in more for m in (x.metadata if isinstance(x, FieldInfo) else [x])]
        return _choices(inner, [*metadata, *more])
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " | ".join(yaml_value(value) for value in parts)
    if origin in (typing.Union, types.UnionType):
        models = members(annotation)
        rest = [_choices(p, metadata) for p in parts if not members(p)]
        group = ["group of kind " + " | ".join(map(_kind, models))] if len(models) > 1 else []
        group = group or [_choices(m) for m in models]
        return " | ".join([*group, *rest])
    if origin is tuple:
        if parts[-1] is not Ellipsis:
            each = [_choices(part) for part in parts]
            number = {2: "two", 3: "three"}.get(len(each))
            same = number and len(set(each)) == 1
            return f"{number} {_plural(each[0])}" if same else ", ".join(each)
        least = next((m.min_length for m in metadata if hasattr(m, "min_length")), 0)
        return f"list of {_plural(_choices(parts[0]))}" + (", at least one" if least else "")
    if origin is dict:
        return f"names with a {_choices(parts[1])} each"
    if annotation is type(None):
        return "null"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"group {annotation.__name__}"
    if annotation is bool:
        return "true | false"
    if annotation in (int, float):
        return ("integer" if annotation is int else "number") + _range(metadata)
    if any(getattr(m, "pattern", None) for m in metadata):
        return "lower-case letters, digits and _"
    return "text"


def _kind(model: type[BaseModel]) -> str:
    return " | ".join(typing.get_args(model.model_fields["kind"].annotation))


def _plural(text: str) -> str:
    return re.sub(r"^(integer|number|group)\b", r"\1s", text)


def _range(metadata: Sequence[Any]) -> str:
    bounds = {
        name: f"{getattr(m, name):.10g}"
        for m in metadata
        for name in _BOUNDS
        if getattr(m, name, None) is not None
    }
    if len(bounds) == 2:
        (low, least), (high, most) = sorted(bounds.items())
        return f" in {'[' if low == 'ge' else '('}{least}, {most}{']' if high == 'le' else ')'}"
    return "".join(f" {_BOUNDS[name]} {value}" for name, value in bounds.items())
