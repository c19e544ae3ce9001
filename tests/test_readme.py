"""The README: its code runs, its links and commands exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_code_runs_and_has_a_gradient():
    (code,) = blocks("python")
    namespace: dict = {}
    with tf.GradientTape() as tape:
        exec(compile(code, "README.md", "exec"), namespace)
    loss, array = namespace["loss"], namespace["array"]
    assert 0 < float(loss) < 90 * np.sqrt(5)
    (gradient,) = tape.gradient(loss, [v.value for v in array.trainable_variables])
    assert np.all(np.isfinite(gradient))
    assert np.linalg.norm(gradient) > 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)", README))))
def test_linked_files_exist(target):
    assert (ROOT / target).exists(), f"README.md links to {target}, which does not exist"


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for name in re.findall(r"^make (\w+)", "\n".join(blocks("sh")), re.M):
        assert re.search(rf"^{name}:", makefile, re.M), f"no make target {name}"


def requirements(text: str) -> dict[str, str]:
    """Version ranges by distribution."""
    found = re.findall(r"(?<![\w-])([A-Za-z][\w-]*)((?:[<>=!~]=?[\d.]+,?)*)", text)
    return {name.lower(): ranges for name, ranges in found}


def test_light_install_has_every_dependency():
    (command,) = re.findall(r"pip install (\"sionna-no-rt.*?)\npip", README, re.S)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = requirements("\n".join(project["dependencies"]))
    given = requirements(command.replace("\\\n", " ").replace('"', " "))
    assert given.pop("sionna-no-rt") == needed.pop("sionna")
    assert given == needed
    for extra in project["optional-dependencies"]["cluster"]:
        assert not requirements(extra).keys() & needed.keys()


def test_every_package_is_in_the_table():
    named = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", README, re.M))))
    assert named == set(isac._DOMAINS)
