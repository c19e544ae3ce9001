"""Fields of scenarios in words, and the commented files that are made of them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from sionna_isac.study.fields import describe, groups_of, yaml_value
from sionna_isac.study.loading import ScenarioError, load_scenario
from sionna_isac.study.template import scenario_kinds, scenario_template, write_template

KINDS = scenario_kinds()
MODELS = {m for kind in KINDS.values() for m in (kind, *groups_of(kind))}
BY_NAME = sorted(MODELS, key=lambda m: (m.__name__, m.__module__))
UNITS = {"deg": "deg", "db": "dB", "dbm": "dBm", "frequency": "Hz", "spacing": "Hz|m"}
UNITS |= {"bandwidth": "Hz", "aperture": "m", "cutoff": "m", "wavelength": ""}
UNITS |= {"range_interval": "m", "cross_section": r"m\^2", "rcs": r"m\^2"}


@pytest.mark.parametrize("model", BY_NAME, ids=lambda m: m.__name__)
def test_every_field_has_a_meaning_and_its_unit(model):
    for field in describe(model):
        assert field.meaning, f"{model.__name__}.{field.name} has no description"
        assert field.choices
        assert len(field.meaning) <= 90
        for ending, unit in UNITS.items():
            if re.search(rf"(^|_){ending}$", field.name):
                assert re.fullmatch(unit, field.unit), (model, field.name, field.unit)


def test_ranges_are_those_that_are_enforced():
    texts = {f.name: f.choices for m in MODELS for f in describe(m)}
    assert texts["seed"] in ("integer in [0, 2147483648)", "integer >= 0")
    assert texts["coderate"] == "number in (0.1, 0.95)"
    windows = {f.choices for m in MODELS for f in describe(m) if f.name == "window"}
    assert windows == {"two integers >= 0", "three integers >= 0"}
    assert texts["strength_db"] == "number <= 0"
    assert texts["num_messages"] == "4 | 16 | 64"
    assert texts["p_fa"].endswith("in (0, 1)")


@pytest.mark.parametrize("value", [60e9, 120e3, 1e-6, 0.1, -40.0, 28e9, 123456789.0, 4.9e9, 5, "a"])
def test_numbers_are_what_yaml_reads(value):
    assert yaml.safe_load(yaml_value(value)) == value
    assert type(yaml.safe_load(yaml_value(value))) is type(value)


@pytest.mark.parametrize("kind", KINDS)
def test_file_is_valid_as_it_is(kind, tmp_path):
    path = write_template(kind, tmp_path / f"{kind}.yaml")
    scenario = load_scenario(path)
    assert scenario.kind == scenario.name == kind
    assert type(scenario) is KINDS[kind]
    assert "{" not in scenario.title


@pytest.mark.parametrize("kind", KINDS)
def test_optional_lines_state_the_defaults(kind, tmp_path):
    text = scenario_template(kind, "study")
    whole = tmp_path / "study.yaml"
    whole.write_text(text)
    before = load_scenario(whole)
    _, rest = text.split("\n\n", 1)  # the head explains
    lines = [line for line in rest.splitlines() if not line.startswith("##")]
    whole.write_text("\n".join(line.removeprefix("# ") for line in lines))
    assert len(lines) > text.count("\n# ") > 5
    assert load_scenario(whole) == before


@pytest.mark.parametrize("kind", KINDS)
def test_file_has_every_field_with_its_meaning(kind):
    text = scenario_template(kind, kind)
    for model in (KINDS[kind], *groups_of(KINDS[kind])):
        for field in describe(model):
            if field.name in ("kind", "profile"):
                continue
            row = rf"^[# -]*{field.name}:.*  # {re.escape(field.meaning)}"
            assert re.search(row, text, re.M), (model.__name__, field.name)


def test_file_is_not_overwritten(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("kept")
    with pytest.raises(ScenarioError, match=r"mine\.yaml' exists"):
        write_template("multi_target", path)
    assert path.read_text() == "kept"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("multi_traget", "a.yaml", r"did you mean 'multi_target'\?"),
        ("zzz", "a.yaml", r"must be one of multi_target, .*got 'zzz'$"),
        ("multi_target", "no/such/a.yaml", "cannot write"),
        ("dataset", "born.yaml", "says born"),
    ],
)
def test_what_cannot_be_written_is_one_error(kind, name, message, tmp_path):
    with pytest.raises(ScenarioError, match=message):
        write_template(kind, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_name_that_results_cannot_have_is_replaced(tmp_path):
    path = write_template("echo_map", tmp_path / "My study.yaml")
    assert load_scenario(path).name == "echo_map"


def test_command_line(tmp_path):
    command = [sys.executable, "-m", "sionna_isac.cli", "new", "localization"]
    options = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    run = subprocess.run(command, **options)
    assert run.returncode == 0, run.stderr
    assert "sionna-isac run localization.yaml" in run.stdout
    assert load_scenario(tmp_path / "localization.yaml").kind == "localization"
    again = subprocess.run(command, **options)
    assert again.returncode == 2
    assert again.stderr == "error: out: 'localization.yaml' exists; it is not overwritten\n"
    assert subprocess.run([*command, "-o", "b.yaml"], **options).returncode == 0
    assert (tmp_path / "b.yaml").is_file()
