"""Scenarios from YAML files, with overrides; an error is one line."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.fields import describe, members
from sionna_isac.study.profiles import ProfileError, apply_profile, profile_names
from sionna_isac.study.registry import get_kind
from sionna_isac.study.suggest import suggestion
from sionna_isac.study.text import parse

__all__ = ["ScenarioError", "find_scenarios", "list_profiles", "load_scenario", "parse_scenario"]


def find_scenarios() -> dict[str, Path]:
    """Scenario files that come with the library, by name."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "scenarios", package.parent / "scenarios"):
        if folder.is_dir():
            return {p.stem: p for p in sorted(folder.glob("*.yaml"))}
    return {}


def list_profiles(source: str | Path) -> tuple[str, ...]:
    """Profiles of a scenario file (or of a scenario of the library), the default first.

    Raises
    ------
    ScenarioError
        If the file cannot be read or its profiles are not valid
    """
    path, raw = _read(source)
    try:
        return profile_names(raw)
    except ProfileError as error:
        raise ScenarioError(f"{path}: {error}") from None


def load_scenario(
    source: str | Path,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    profile: str | None = None,
) -> Any:
    """Read a scenario, choose a profile and apply overrides.

    Parameters
    ----------
    source : `str` | `Path`
        YAML file, or the name of a scenario of the library
    overrides : sequence of `str`
        "dotted.key=value" with the value in YAML
    seed : `None` (default) | `int`
        Seed, in place of the scenario's
    profile : `None` (default) | `str`
        Profile of the file, which overrides the rest of it; ``overrides`` come after. `None` is the
        first one, if the file has any

    Output
    ------
    : scenario
        Validated scenario, of the class of its kind

    Raises
    ------
    ScenarioError
        If the file cannot be read, there is no such profile, or (in any profile) a key is unknown
        or a value is not allowed
    """
    path, whole = _read(source)
    try:
        raw = copy.deepcopy(apply_profile(whole, profile))
    except ProfileError as error:
        raise ScenarioError(f"{path}: {error}") from None
    for override in overrides:
        _override(raw, override)
    if seed is not None:
        raw["seed"] = seed
    scenario = parse_scenario(raw).located(path.resolve().parent)
    for name in profile_names(whole):  # those that are not chosen are part of the file, too
        if name != scenario.profile:
            try:
                parse_scenario(apply_profile(whole, name))
            except ScenarioError as error:
                raise ScenarioError(f"profile {name}: {error}") from None
    return scenario


def _read(source: str | Path) -> tuple[Path, dict[str, Any]]:
    """Path and content of a scenario file; the name is that of the file if not given."""
    path = Path(source)
    if not path.is_file():
        known = find_scenarios()
        if str(source) not in known:
            raise ScenarioError(_unknown(path, known))
        path = known[str(source)]
    try:
        raw = parse(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ScenarioError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ScenarioError(f"{path}: must be a mapping of keys to values")
    raw.setdefault("name", path.stem)
    return path, raw


def _unknown(path: Path, known: dict[str, Path]) -> str:
    """Error message for a scenario that is neither a file nor a name of the library."""
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        what = "is a folder" if path.is_dir() else "does not exist"
        same = f"; for the scenario of the library, give its name: {path.stem}"
        return f"scenario file '{path}' {what}{same if path.stem in known else ''}"
    near = suggestion(path, known)
    names = "a name that 'sionna-isac list' shows" if near else f"one of {', '.join(known)}"
    return f"scenario must be a YAML file or {names}; got '{path}'{near}"


def parse_scenario(raw: dict[str, Any]) -> Any:
    """Validate a mapping as a scenario, or raise :class:`ScenarioError`."""
    if not isinstance(raw, dict):
        raise ScenarioError(f"scenario must be a mapping of keys to values; got {raw!r}")
    if "kind" not in raw:
        raise ScenarioError("scenario kind: required, but missing")
    try:
        model = get_kind(raw["kind"]).scenario
    except ScenarioError as error:
        raise ScenarioError(f"scenario {error}") from error
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        causes = _causes(error.errors())
        found = list(dict.fromkeys(_described(model, raw, e) for e in causes))
    if len(found) == 1:
        raise ScenarioError(f"scenario {found[0]}")
    numbered = "; ".join(f"({i}) {text}" for i, text in enumerate(found, 1))
    raise ScenarioError(f"scenario has {len(found)} errors: {numbered}")


def _causes(errors: Sequence[Any]) -> list[Any]:
    """Errors, without those of lists that are too short because their members are invalid."""
    places = [tuple(e["loc"]) for e in errors]
    return [
        e
        for e, place in zip(errors, places, strict=True)
        if e["type"] != "too_short" or not any(place == p[: len(place)] != p for p in places)
    ]


def _described(model: type[BaseModel], raw: dict[str, Any], error: Any) -> str:
    """Place and reason of an error of pydantic, with a suggestion."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    where = _written(raw, error["loc"], kind == "missing")
    reason = _reason(model, error)
    allowed = str(context.get("expected_tags", context.get("expected", "")))
    if kind == "union_tag_invalid":
        where, given = f"{where}.kind".lstrip("."), context["tag"]
        reason = f"must be one of {allowed}; got {given!r}"
    elif kind == "extra_forbidden":
        reason = f"unknown key{_meant(model, error['loc'])}"
    elif kind == "union_tag_not_found":
        where, reason = f"{where}.kind".lstrip("."), "required, but missing"
    elif kind == "missing":
        reason = "required, but missing"
    elif not isinstance(given, dict) and (kind != "value_error" or "got" not in reason):
        reason += f"; got {given!r}"
    if where == "name" and kind == "string_pattern_mismatch":
        reason += " (it is that of the file, unless the file has the key 'name')"
    if isinstance(given, str):
        reason += suggestion(given, re.findall("'([^']*)'", allowed))
    return f"{where or 'file'}: {reason}"


_BOUNDS = {
    "greater_than": ("gt", ">"),
    "greater_than_equal": ("ge", ">="),
    "less_than": ("lt", "<"),
    "less_than_equal": ("le", "<="),
}
_WORDS = {  # pydantic's reasons in the words of the library
    r"int_.*": "must be an integer",
    r"float_.*": "must be a number",
    r"finite_number": "must be a finite number",
    r"bool_.*": "must be true or false",
    r"string_type": "must be text",
    r"string_pattern_mismatch": "must consist of lower-case letters, digits and _",
    r"(tuple|list)_type": "must be a list",
    r"(model|model_attributes|dict)_type": "must be a group of keys (key, colon, space, value)",
    "invalid_key": "must be text, as all keys",
}


def _reason(model: type[BaseModel], error: Any) -> str:
    """Reason of an error of pydantic, with the unit of a number."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        name, sign = _BOUNDS[kind]
        return f"must be {sign} {context[name]:.10g} {_unit(model, error['loc'])}".rstrip()
    if kind == "too_long":
        return f"must hold at most {context['max_length']} values"
    reason = next((text for form, text in _WORDS.items() if re.fullmatch(form, kind)), "")
    unit = _unit(model, error["loc"]) if kind.startswith(("int_", "float_")) else ""
    other = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return (reason or other) + (f", in {unit}" if unit else "")


def _unit(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """Unit of the field at a location, or of the list that it is in."""
    names = list(location)
    while names and isinstance(names[-1], int):
        names.pop()
    groups = _groups(model, names[:-1])
    return next((f.unit for g in groups for f in describe(g) if f.name == names[-1]), "")


def _meant(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """Suggestion for an unknown key: nearly the same here, the same elsewhere, the nearest here."""
    key = str(location[-1])
    here = {n for g in _groups(model, location[:-1]) for n in g.model_fields}
    close = suggestion(key, here, cutoff=0.8)
    if close:
        return close
    for place in _places(model, key):
        outside = "" if "." in place else " outside of all groups"
        return f" (did you mean '{place}'{outside}?)"
    return suggestion(key, here)


def _places(model: type[BaseModel], key: str, above: str = "") -> Iterator[str]:
    """Dotted names of the fields with the name ``key``, except in lists."""
    if key in model.model_fields:
        yield above + key
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) not in (tuple, dict):
            for group in members(field.annotation):
                yield from _places(group, key, f"{above}{name}.")


def _groups(kind: Any, location: Sequence[str | int]) -> list[type[BaseModel]]:
    """Models at a location, as pydantic gives it, within a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        if not location:
            return [kind]
        first, rest = location[0], location[1:]
        if first in fields:
            return _groups(fields[str(first)].annotation, rest)
        # pydantic names the chosen member of a union
        chosen = "kind" in fields and first in get_args(fields["kind"].annotation)
        return _groups(kind, rest) if chosen else []
    if get_origin(kind) in (tuple, dict):  # the index or the key comes first
        location = location[1:]
    return [group for part in get_args(kind) for group in _groups(part, location)]


def _written(raw: Any, location: Sequence[str | int], missing: bool) -> str:
    """Path of an error in the file, without the chosen members of unions that pydantic names."""
    parts = []
    node: Any = raw
    for part in location:
        keys = (
            node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        )
        if part in keys:
            node = node[part]
        elif not (missing and part == location[-1]):
            continue
        parts.append(str(part))
    return ".".join(parts)


def _override(raw: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    if not sign or not key:
        raise ScenarioError(f"--set must be key=value; got {override!r}")
    if key.split(".")[0] in ("profile", "profiles"):
        raise ScenarioError(f"--set {key}: profiles are chosen with --profile")
    try:
        parsed = parse(value)
    except ValueError as error:
        raise ScenarioError(f"--set {key}: not YAML: {error}") from None
    node: Any = raw
    *parents, last = key.split(".")
    for part in parents:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise ScenarioError(f"--set {key}: '{part}' is not a group of keys")
    node[last] = parsed
