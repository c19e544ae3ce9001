"""Pages that are made when the documentation is built: API, references, tutorials."""

from __future__ import annotations

import base64
import importlib
import inspect
import json
import re
from pathlib import Path

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
        summary = (module.__doc__ or "").strip().splitlines()[0]
        rows = (
            f"| {{py:obj}}`~sionna_isac.{name}.{n}` | {_first_line(getattr(module, n))} |"
            for n in sorted(module.__all__)
        )
        names = "\n".join(["| name | what it is |", "| --- | --- |", *rows])
        if name == "core":  # modules are exported here too
            body = "".join(
                f"```{{eval-rst}}\n.. automodule:: sionna_isac.core.{part}\n```\n\n"
                for part in ("layer", "checks", "linalg", "random", "references")
            )
            body = f"{summary}\n\n{body}"
        else:
            body = f"{names}\n\n```{{eval-rst}}\n.. automodule:: sionna_isac.{name}\n```\n"
        _write(folder / f"{name}.md", f"# `sionna_isac.{name}`\n\n{body}")
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


def _first_line(obj: object) -> str:
    """First line of a docstring, its markup made plain."""
    line = (inspect.getdoc(obj) or "").split("\n", 1)[0]
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
    """Write the fields of scenarios, with their defaults, from the configuration models."""
    from pydantic_core import PydanticUndefined

    from sionna_isac.study import (
        blocks,
        dataset_scenario,
        localization_scenario,
        near_field_blocks,
        scattering_scenario,
    )
    from sionna_isac.study import scenario as models

    parts = ["# Fields of scenarios", ""]
    kinds = (
        models.MultiTargetScenario,
        models.CodedBERScenario,
        models.DatasetScenario,
        models.LocalizationScenario,
        models.NearFieldScenario,
        models.NearFieldConvergenceScenario,
        models.ScatteringSphereScenario,
        models.ScatteringConvergenceScenario,
        models.EchoMapScenario,
    )
    for kind in kinds:
        parts += [
            f"## {kind.model_fields['kind'].annotation.__args__[0]}",
            "",
            kind.__doc__ or "",
            "",
        ]
        parts += ["| field | default |", "| --- | --- |"]
        for name, field in kind.model_fields.items():
            default = field.default
            text = "required" if default is PydanticUndefined else f"`{default!r}`"
            if isinstance(default, blocks.Frozen):
                text = f"see `{type(default).__name__}` below"
            parts.append(f"| `{name}` | {text} |")
        parts.append("")
    parts += ["## Groups", ""]
    groups = "Array Spacing Gain Phase Coupling Waveform Targets Rayleigh RadarEquation Link "
    groups += "Multitap Geometric Receiver Training Evaluation Coding"
    for name in groups.split():
        parts += _group(getattr(blocks, name), PydanticUndefined)
    for name in localization_scenario.GROUPS:
        parts += _group(getattr(localization_scenario, name), PydanticUndefined)
    parts += ["## Groups of near-field scenarios", ""]
    groups = "NearFieldArray NearFieldTarget NearFieldUsers Sweep BeamDesign MUSICSearch"
    for name in groups.split():
        parts += _group(getattr(near_field_blocks, name), PydanticUndefined)
    parts += ["## Groups of scattering scenarios", ""]
    groups = "VoxelMethod SphereGrid Sphere SphereBody PlacedVehicle VehicleBody EchoImage"
    for name in groups.split():
        parts += _group(getattr(scattering_scenario, name), PydanticUndefined)
    parts += ["## Groups of data sets", ""]
    for name in ("CrossArray", "Tones", "Category", "SplitCounts", "Placement", "Solver"):
        parts += _group(getattr(dataset_scenario, name), PydanticUndefined)
    _write(path, "\n".join(parts))


def _group(model: type, undefined: object) -> list[str]:
    rows = [f"### {model.__name__}", "", inspect.cleandoc(model.__doc__ or ""), ""]
    rows += ["| field | default |", "| --- | --- |"]
    for name, field in model.model_fields.items():
        text = "required" if field.default is undefined else f"`{field.default!r}`"
        rows.append(f"| `{name}` | {text} |")
    return [*rows, ""]
