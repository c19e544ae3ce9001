"""Profiles of a scenario file: named sets of changes, such as a quick and a full size."""

from __future__ import annotations

import re
from typing import Any

from sionna_isac.errors import UsageError
from sionna_isac.study.suggest import suggestion

__all__ = ["ProfileError", "apply_profile", "profile_names"]

FIXED = ("kind", "name", "profile", "profiles")  # keys that a profile does not change
NAME = re.compile(r"[a-z0-9_]+")


class ProfileError(UsageError, ValueError):
    """Invalid profiles, or an unknown one; the message is one line."""


def profile_names(raw: dict[str, Any]) -> tuple[str, ...]:
    """Names of the profiles of a scenario file, the default first.

    Raises
    ------
    ProfileError
        If ``profiles`` is given and is not a mapping of names to groups of changes
    """
    if "profiles" not in raw:
        return ()
    profiles = raw["profiles"]
    if not isinstance(profiles, dict) or not profiles:
        raise ProfileError(f"profiles must be a mapping of at least one name; got {profiles!r}")
    for name, changes in profiles.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ProfileError(
                f"profiles must have names of lower-case letters, digits and _; got {name!r}"
            )
        if not isinstance(changes, dict):
            raise ProfileError(
                f"profiles.{name} must be a mapping of keys to values ({{}} changes nothing); "
                f"got {changes!r}"
            )
        for key in FIXED:
            if key in changes:
                raise ProfileError(f"profiles.{name}.{key}: a profile cannot change {key!r}")
    return tuple(profiles)


def apply_profile(raw: dict[str, Any], profile: str | None = None) -> dict[str, Any]:
    """Scenario file with one of its profiles, which overrides the rest.

    Mappings are merged, lists and scalars replaced. A mapping whose ``kind`` changes is replaced
    as a whole, since another kind has other fields.

    Parameters
    ----------
    raw : `dict`
        Content of the file
    profile : `None` (default) | `str`
        Name of the profile; `None` is the first one, if there are any

    Output
    ------
    : `dict`
        Content without ``profiles``; ``profile`` is the name, if there is one

    Raises
    ------
    ProfileError
        If there is no such profile, or the profiles are not valid
    """
    names = profile_names(raw)
    if not names:
        if profile is not None:
            raise ProfileError(f"profile must be left out: the file has none; got '{profile}'")
        return raw
    if "profile" in raw:
        raise ProfileError("profile must not be in a file with profiles: --profile chooses it")
    chosen = names[0] if profile is None else profile
    if chosen not in names:
        raise ProfileError(
            f"profile must be one of {', '.join(names)}; got '{chosen}'{suggestion(chosen, names)}"
        )
    rest = {key: value for key, value in raw.items() if key != "profiles"}
    return {**_merge(rest, raw["profiles"][chosen]), "profile": chosen}


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            kind = old.get("kind")
            value = _merge(old, value) if value.get("kind", kind) == kind else value
        merged[key] = value
    return merged
