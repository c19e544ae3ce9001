"""A commented scenario file to start from, made from the models of its kind."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sionna_isac.study._yaml import parse
from sionna_isac.study.fields import FieldText, describe, members, summary, yaml_value
from sionna_isac.study.loading import ScenarioError, parse_scenario
from sionna_isac.study.scenario import Scenario
from sionna_isac.study.suggest import suggestion

__all__ = ["scenario_kinds", "scenario_template", "write_template"]

_ISAC = {
    "targets": {"gain": {"kind": "rayleigh", "snr_db": 15.0}},
    "link": {"channel": {"kind": "multitap"}},
}
_NEAR_FIELD = {"array": {"num_antennas": 32, "aperture": 0.5}, "num_channels": 4}
# What a file of each kind must say, beside its title.
_EXAMPLES: dict[str, dict[str, Any]] = {
    "multi_target": _ISAC,
    "coded_ber": _ISAC,
    "angle_delay_map": {},
    "dataset": {
        "targets": [
            {
                "category": category,
                "family": f"parametric_{category}",
                "instances": {"train": 8, "validation": 2, "test": 2},
            }
            for category in ("motorbike", "car")
        ],
        "num_samples": {"train": 80, "validation": 10, "test": 10},
    },
    "learning": {
        **_ISAC,
        "approaches": {
            "baseline": {"kind": "unknown"},
            "impairments": {"kind": "impairments", "training": {"iterations": 300}},
            "known": {"kind": "known"},
        },
    },
    "localization": {
        "echo": {
            "kind": "ofdm",
            "snr_db": [0.0, 10.0, 20.0],
            "region": {
                "sector_deg": [-30.0, -10.0],
                "range_interval": [50.0, 150.0],
                "search_sector_deg": [-35.0, -5.0],
                "search_range": [40.0, 160.0],
            },
        },
        "receivers": [{"kind": "omp"}, {"kind": "differentiable_omp"}],
    },
    "near_field": {
        **_NEAR_FIELD,
        "min_rate": 2.0,
        "metric": "peb",
        "sweep": {"parameter": "power_dbm", "values": [20.0, 25.0, 30.0]},
        "designs": [{"design": "minimize_speb"}, {"design": "minimize_speb", "num_rf_chains": 4}],
    },
    "near_field_convergence": {
        **_NEAR_FIELD,
        "power_dbm": 20.0,
        "min_rate": 2.0,
        "algorithm": "sdr-bcd",
        "num_rf_chains": [4],
    },
    "scattering_sphere": {"size_parameters": [1.0, 2.0, 3.0], "grids": [{"cells": 12}]},
    "scattering_convergence": {
        "bodies": [
            {
                "kind": "sphere",
                "voxels_per_wavelength": [8.0, 12.0, 16.0],
                "fit_from": 8.0,
                "methods": [{"kernel": "filtered"}],
            }
        ]
    },
    "echo_map": {"targets": [{"category": "car"}]},
    "single_carrier": {
        "approaches": {
            "baseline": {"kind": "unknown"},
            "dictionary": {"kind": "dictionary", "training": {"iterations": 600}},
            "known": {"kind": "known"},
        },
        "eta": [0.2, 0.5, 0.8],
    },
}
_OFF, _OTHER = "# ", "## "  # optional, as by default; another choice
_LATER = ("name", "title", "kind", "profile")  # fields that the head of a file has


def scenario_kinds() -> dict[str, type[BaseModel]]:
    """Models of scenarios, by kind."""
    models = typing.get_args(typing.get_args(Scenario)[0])
    return {typing.get_args(m.model_fields["kind"].annotation)[0]: m for m in models}


def scenario_template(kind: str, name: str) -> str:
    """Text of a scenario file that is valid as it is.

    Parameters
    ----------
    kind : `str`
        Kind of the scenario, one of :func:`scenario_kinds`
    name : `str`
        Name of the scenario, as the file will have without its ending

    Output
    ------
    : `str`
        YAML with every field, its meaning, unit and choices; those that need not be given are
        comments with their default
    """
    model = scenario_kinds()[kind]
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
    for line in _Writer().fields(model, fields, _EXAMPLES[kind], None, 0, ""):
        group = re.match(r"(# )?\w+:  #", line)
        after = re.match(r"(# )?\w", line) and re.match(r"#* *[ -]  ", text[-1])
        text += ["", line] if group or after else [line]
    return "\n".join(text) + "\n"


def write_template(kind: str, path: Path) -> Path:
    """Write a commented scenario file.

    Raises
    ------
    ScenarioError
        If the kind is unknown, the file exists or cannot be written, or its name cannot be that of
        such a scenario
    """
    kinds = scenario_kinds()
    if kind not in kinds:
        raise ScenarioError(
            f"kind must be one of {', '.join(kinds)}; got '{kind}'{suggestion(kind, kinds)}"
        )
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
    """Lines of a file; a model is described in full where it first appears."""

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
        """Fields of a model: what is given, else the defaults as comments."""
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
        """A group, an entry of a list, or one with a name."""
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
