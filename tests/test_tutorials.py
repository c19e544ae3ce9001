"""The tutorials: scripts and notebooks agree, notebooks are stored with outputs, and they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("[0-9]*.ipynb"))


def source(path: Path) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]


def test_every_script_has_a_notebook():
    assert NOTEBOOKS
    scripts = {p.stem for p in FOLDER.glob("[0-9]*.py")}
    assert scripts == {p.stem for p in NOTEBOOKS}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_script_and_notebook_agree(notebook):
    assert source(notebook) == source(notebook.with_suffix(".py")), (
        f"run: python tutorials/execute.py tutorials/{notebook.stem}.py"
    )


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_stored_with_outputs(notebook):
    assert notebook.stat().st_size < 1_500_000
    cells = [c for c in nbformat.read(notebook, 4).cells if c.cell_type == "code"]
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    outputs = [o for c in cells for o in c.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 5
    text = notebook.read_text()
    assert str(Path.home()) not in text
    assert "site-packages" not in text


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs(notebook):
    # in a process of its own, with the kernel that the interpreter of the tests has itself
    command = [sys.executable, "-m", "pytest", "--nbmake", "--nbmake-kernel=python3"]
    command += ["--nbmake-timeout=300", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = {
        **os.environ,
        "SIONNA_ISAC_TUTORIAL_QUICK": "1",
        "JUPYTER_DATA_DIR": str(Path(sys.prefix) / "share" / "jupyter"),
    }
    run = subprocess.run(
        [*command, "--rootdir", str(FOLDER), "-c", os.devnull, str(notebook)],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
