"""Scenarios from YAML files, with overrides; what is wrong with one is said in one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from sionna_isac.study.profiles import ProfileError, apply_profile, profile_names
from sionna_isac.study.scenario import Scenario

__all__ = ["ScenarioError", "find_scenarios", "list_profiles", "load_scenario", "parse_scenario"]

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Scenario)


class ScenarioError(ValueError):
    """A scenario that cannot be read or is not valid; the message is one line."""


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
        Seed in place of the scenario's
    profile : `None` (default) | `str`
        Profile of the file, merged over the rest of it before the overrides; `None` is the first
        one, if the file has any

    Output
    ------
    : scenario
        Validated, of the class that belongs to its kind

    Raises
    ------
    ScenarioError
        If the file cannot be read, there is no such profile, a key is unknown or a value is not
        allowed
    """
    path, raw = _read(source)
    try:
        raw = apply_profile(raw, profile)
    except ProfileError as error:
        raise ScenarioError(f"{path}: {error}") from None
    for override in overrides:
        _override(raw, override)
    if seed is not None:
        raw["seed"] = seed
    return parse_scenario(raw)


def _read(source: str | Path) -> tuple[Path, dict[str, Any]]:
    """Path and content of a scenario file, which has a name."""
    path = Path(source)
    if not path.is_file():
        known = find_scenarios()
        if str(source) not in known:
            raise ScenarioError(
                f"scenario must be a YAML file or one of {', '.join(known) or '(none found)'}; "
                f"got '{source}'"
            )
        path = known[str(source)]
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ScenarioError(f"{path}: not readable as YAML: {_one_line(error)}") from None
    if not isinstance(raw, dict):
        raise ScenarioError(f"{path}: must be a mapping of keys to values")
    raw.setdefault("name", path.stem)
    return path, raw


def parse_scenario(raw: dict[str, Any]) -> Any:
    """Validate a mapping as a scenario; :class:`ScenarioError` if it is not one."""
    try:
        return _ADAPTER.validate_python(_numbers(raw))
    except ValidationError as error:
        first = error.errors()[0]
        where = _written(raw, first["loc"], first["type"] == "missing")
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "unknown key"
        elif first["type"] == "missing":
            reason = "required, but missing"
        elif not isinstance(first["input"], dict) and "got" not in reason:
            reason += f"; got {first['input']!r}"
        more = error.error_count() - 1
        tail = f" (and {more} more)" if more else ""
        raise ScenarioError(f"scenario {where or 'file'}: {reason}{tail}") from None


def _written(raw: Any, location: Sequence[str | int], missing: bool) -> str:
    """Path of an error as users write it: pydantic also names the chosen members of unions."""
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
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ScenarioError(f"--set {key}: not YAML: {_one_line(error)}") from None
    node: Any = raw
    *parents, last = key.split(".")
    for part in parents:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise ScenarioError(f"--set {key}: '{part}' is not a group of keys")
    node[last] = parsed


def _numbers(value: Any) -> Any:
    """YAML reads 60e9 as text (its numbers need a dot): such text becomes the number it is."""
    if isinstance(value, dict):
        return {k: _numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    if isinstance(value, str) and value[:1] in "+-.0123456789" and "e" in value.lower():
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
