"""Pages that are made when the documentation is built: API, references, tutorials."""

from __future__ import annotations

import base64
import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from textwrap import indent

from sphinx.pycode import ModuleAnalyzer

from sionna_isac.core.references import BIBLIOGRAPHY

ACCENTS = {
    r"{\'e}": "é",
    r"{\'i}": "í",
    r"{\'a}": "á",
    r"{\'A}": "Á",
    r"{\"a}": "ä",
    r"{\c{c}}": "ç",
}


def _write(path: Path, text: str) -> None:
    """Write a page only if it changed, so that the next build is incremental."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _forget(folder: Path, stems: list[str]) -> None:
    """Remove pages of an earlier build whose subject is gone."""
    for page in folder.glob("*.md"):
        if page.stem not in (*stems, "index"):
            page.unlink()


def api(folder: Path, domains: list[str]) -> None:
    """One page for each package, from its docstrings."""
    _forget(folder, domains)
    for name in domains:
        module = importlib.import_module(f"sionna_isac.{name}")
        about = inspect.getdoc(module)
        public = {n: getattr(module, n) for n in sorted(module.__all__)}
        modules = [n for n, value in public.items() if inspect.ismodule(value)]
        constants = {
            n: _constant(name, n)
            for n, value in public.items()
            if not (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value))
        }
        rows = (
            f"| {{py:obj}}`~sionna_isac.{name}.{n}` | {_first_line(constants.get(n, value))} |"
            for n, value in public.items()
        )
        names = "\n".join(["| name | what it is |", "| --- | --- |", *rows])
        left_out = ", ".join([*modules, *constants])
        parts = [f".. automodule:: sionna_isac.{name}"]
        parts += [f"   :exclude-members: {left_out}"] if left_out else []
        for n, text in constants.items():
            parts += ["", f".. py:data:: {n}", "", indent(text, "   ")]
        for n in modules:
            parts += ["", f".. automodule:: sionna_isac.{name}.{n}"]
        body = "\n".join(parts)
        _write(
            folder / f"{name}.md",
            f"# `sionna_isac.{name}`\n\n```{{eval-rst}}\n{about}\n```\n\n{names}\n\n"
            f"```{{eval-rst}}\n{body}\n```\n",
        )
    listing = "\n".join(domains)
    top = "```{eval-rst}\n.. autofunction:: sionna_isac.set_seed\n   :no-index:\n```\n"
    tree = f"```{{toctree}}\n:maxdepth: 1\n\n{listing}\n```\n"
    _write(
        folder / "index.md",
        "# API reference\n\nWhat a package exports is its public surface; everything else may "
        "change without notice.\n`import sionna_isac as isac` makes the packages available as "
        "`isac.array`, `isac.receiver` and so on;\n`isac.set_seed` and `isac.citation` are "
        f"shortcuts to `isac.core`.\n\n{tree}\n{top}",
    )


def _constant(domain: str, name: str) -> str:
    """Text below a constant, in the module that defines it."""
    for path, module in list(sys.modules.items()):
        if path.startswith(f"sionna_isac.{domain}.") and name in getattr(module, "__all__", ()):
            texts = ModuleAnalyzer.for_module(path).find_attr_docs()
            return "\n".join(texts.get(("", name), [])).strip()
    return ""


def _first_line(obj: object) -> str:
    """First paragraph of a docstring (or of a text), its markup made plain."""
    text = obj if isinstance(obj, str) else inspect.getdoc(obj) or ""
    line = " ".join(text.split("\n\n", 1)[0].split())
    line = re.sub(r":math:`([^`]*)`", r"$\1$", line)
    line = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", line)
    line = re.sub(r"\[(\w+)\]_", r"\1", line)
    return line.replace("|", r"\|")


def _field(entry: str, name: str) -> str:
    """Value of a BibTeX field in plain letters."""
    start = re.search(rf"\b{name}\s*=\s*\{{", entry)
    if not start:
        return ""
    depth, end = 1, start.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(entry[end], 0)
        end += 1
    text = re.sub(r"\s+", " ", entry[start.end() : end - 1])
    for code, letter in ACCENTS.items():
        text = text.replace(code, letter)
    return text.replace("{", "").replace("}", "").replace("--", "–")


def references(path: Path) -> None:
    """Citation targets and BibTeX entries of all publications."""
    parts = [
        "# References\n\n"
        "`isac.citation(object, ...)` prints the BibTeX entries for the classes and functions that "
        "you used.\n"
    ]
    for key in sorted(BIBLIOGRAPHY):
        entry = BIBLIOGRAPHY[key]
        kinds = ("journal", "booktitle", "publisher", "note")
        where = next(filter(None, (_field(entry, kind) for kind in kinds)), "")
        authors = _field(entry, "author").replace(" and others", " et al.").replace(" and ", "; ")
        line = f"{authors}: *{_field(entry, 'title')}*. "
        line += f"{where}, {_field(entry, 'year')}." if where else f"{_field(entry, 'year')}."
        parts.append(f"```{{eval-rst}}\n.. [{key}] {line}\n```\n\n```bibtex\n{entry}\n```\n")
    _write(path, "\n".join(parts))


def tutorials(source: Path, folder: Path) -> None:
    """Stored notebooks as pages: text, code, printed output, figures."""
    notebooks = sorted(source.glob("[0-9]*.ipynb"))
    names = [notebook.stem for notebook in notebooks]
    _forget(folder, names)
    for notebook in notebooks:
        cells = json.loads(notebook.read_text())["cells"]
        parts = []
        for number, cell in enumerate(cells):
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                parts.append(text)
                continue
            parts.append(f"```python\n{text}\n```")
            for output in cell["outputs"]:
                if output["output_type"] == "stream":
                    parts.append(f"```text\n{''.join(output['text']).rstrip()}\n```")
                elif "image/png" in output.get("data", {}):
                    image = folder / f"{notebook.stem}_{number}.png"
                    folder.mkdir(parents=True, exist_ok=True)
                    image.write_bytes(base64.b64decode(output["data"]["image/png"]))
                    parts.append(f"![Figure of the step above]({image.name})")
        _write(folder / f"{notebook.stem}.md", "\n\n".join(parts) + "\n")
    tree = "```{toctree}\n:maxdepth: 1\n\n" + "\n".join(names) + "\n```\n"
    _write(
        folder / "index.md",
        "# Tutorials\n\nThe notebooks are in the folder `tutorials` of the repository, each beside "
        f"its script.\n\n{tree}",
    )


def fields(path: Path) -> None:
    """Write the fields of scenarios in words, from the configuration models."""
    from sionna_isac.study.fields import groups_of
    from sionna_isac.study.template import scenario_kinds

    parts = [
        "# Fields of scenarios",
        "",
        "All kinds of scenarios, and the groups that they are made of; a group that several kinds "
        "have is listed once. `sionna-isac new KIND` writes a file with all fields as comments. "
        "Every file may also have [`profiles`](../scenarios.md#profiles); `profile` names the one "
        "that was chosen. Ranges are those of a field alone: what must agree with other fields "
        "is checked when a file is read.",
        "",
    ]
    seen: set[type] = set()
    for kind, model in scenario_kinds().items():
        parts += [f"(kind-{kind})=", f"## {kind}", "", *_table(model)]
        for group in groups_of(model):
            if group not in seen:
                seen.add(group)
                parts += [f"(group-{_anchor(group)})=", f"### {group.__name__}", "", *_table(group)]
    _write(path, "\n".join(parts))


def _anchor(model: type) -> str:
    """Name of a group that is unique: two kinds may have groups of the same name."""
    return f"{model.__module__.rsplit('.', 1)[-1]}-{model.__name__}".lower()


def _table(model: type) -> list[str]:
    from pydantic import BaseModel

    from sionna_isac.study.fields import describe, members, yaml_value

    rows = [
        *(inspect.cleandoc(model.__doc__ or "").replace("``", "`"), ""),
        *("| field | meaning | unit | choices | default |", "| --- | --- | --- | --- | --- |"),
    ]
    for field in sorted(describe(model), key=lambda f: f.name != "kind"):
        groups = members(model.model_fields[field.name].annotation)
        choices = f"`{field.choices}`"
        if groups:
            links = ", ".join(f"[{g.__name__}](#group-{_anchor(g)})" for g in groups)
            several = "list of " if field.choices.startswith("list") else ""
            several = "names, each with " if field.choices.startswith("names") else several
            choices = several + links + (" or `null`" if "null" in field.choices else "")
        default = "required" if field.required else f"`{yaml_value(field.default)}`"
        default = "of the file" if field.name == "name" else default
        if isinstance(field.default, BaseModel):
            changed = type(field.default)() if not _required(type(field.default)) else None
            default = "as in the group" if field.default == changed else default
        cells = (f"`{field.name}`", field.meaning, field.unit, choices, default)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return [*rows, ""]


def _required(model: type) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
