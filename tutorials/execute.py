"""Run tutorials and store them with their outputs: ``python tutorials/execute.py [NAME.py ...]``.

The scripts are the source. Each notebook is made anew from its script, run in the interpreter that
runs this file, and written beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def execute(script: Path) -> None:
    """Make the notebook of one script."""
    notebook = jupytext.read(script)
    client = NotebookClient(
        notebook, timeout=1800, record_timing=False, resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    for cell in notebook.cells:
        # notices of TensorFlow and its compiler about the machine they run on
        kept = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
        if "outputs" in cell:
            cell["outputs"] = kept
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"  # the same in every run, for readable differences
    jupytext.write(notebook, script.with_suffix(".ipynb"))


if __name__ == "__main__":
    for script in [Path(a) for a in sys.argv[1:]] or sorted(HERE.glob("[0-9]*.py")):
        print(f"running {script.name} …", flush=True)
        execute(script)
