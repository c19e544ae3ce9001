"""YAML of scenario files: plain numbers are numbers, quoted text is text, keys are unique.

Types are those of YAML 1.2, which suits the values of a scenario: ``60e9`` is a number
(in YAML 1.1 only with a dot), ``010`` is ten, ``1:30``, ``on`` and ``2024-01-01`` are text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["dump", "parse"]

_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
_PLAIN = (  # type of a plain scalar, its pattern, and its possible first characters
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    ("float", rf"{_FLOAT}|\.(?:nan|NaN|NAN)", [*"-+.0123456789"]),
    ("merge", r"<<", ["<"]),
)


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> Any:
        # here and not where mappings are made: merge keys (<<) may repeat keys, files may not
        node = super().compose_mapping_node(anchor)
        first: dict[tuple[str, Any], Any] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            before = first.setdefault((key.tag, key.value), key)
            if before is not key:
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"key '{key.value}' stands twice, in line {before.start_mark.line + 1} and "
                    f"again in line {key.start_mark.line + 1}",
                )
        return node


class _Dumper(yaml.SafeDumper):
    """Dumper that quotes text which YAML 1.1, or this loader, would read as another type."""


def _integer(loader: _Loader, node: Any) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _number(loader: _Loader, node: Any) -> float:
    return float(re.sub(r"\.(inf|nan)$", r"\1", loader.construct_scalar(node).lower()))


_Loader.yaml_implicit_resolvers = {}  # none of YAML 1.1
for _name, _pattern, _first in _PLAIN:
    _whole = re.compile(rf"(?:{_pattern})\Z")
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _whole, _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


_HINTS = {  # usual causes of an error of the parser
    r"'\t'": "indent and separate with spaces, not tabs",
    "mapping values are not allowed": "a colon is missing above, the line is indented too far, "
    "or text that holds ': ' needs quotes",
    "could not find expected ':'": "a key needs a colon and a space after it",
}


def _said(error: yaml.MarkedYAMLError) -> str:
    """Error of the parser on one line, without its quotation of the file."""
    said = [
        f"{text} in line {mark.line + 1}, column {mark.column + 1}" if mark else text
        for text, mark in (
            (error.context, error.context_mark),
            (error.problem, error.problem_mark),
        )
        if text
    ]
    hints = [hint for part, hint in _HINTS.items() if part in (error.problem or "")]
    return " ".join([", ".join(said), *(f"({hint})" for hint in hints)])


def parse(text: str) -> Any:
    """Content of a YAML text with one document.

    Raises
    ------
    ValueError
        If it is not YAML, or a key occurs twice in one mapping; the message is one line
    """
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        raise ValueError(_said(error)) from None
    except (yaml.YAMLError, ValueError) as error:
        text = str(error).replace('"<unicode string>", ', "")
        raise ValueError(" ".join(text.split())) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dump(value: Any) -> str:
    """YAML text that :func:`parse` reads as the same value, keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False)
