"""Kinds of studies: those of the library, and kinds that come from outside."""

from __future__ import annotations

import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import random_walk
import xarray as xr

import sionna_isac
from sionna_isac.cli import main
from sionna_isac.study import (
    Kind,
    Scenario,
    ScenarioError,
    draw_result,
    get_kind,
    kind_names,
    load_scenario,
    parse_scenario,
    read_result,
    register_kind,
    registry,
    run_scenario,
)
from sionna_isac.study.template import describe_kinds, scenario_kinds, write_template

HERE = Path(__file__).parent
SPHERE = "sionna_isac.studies.scattering_sphere:KIND"


@pytest.fixture(autouse=True)
def _unknown_again(monkeypatch):
    """Each test starts with nothing registered or imported, and leaves nothing behind."""
    monkeypatch.setattr(registry, "_known", {})
    registry._points.cache_clear()
    yield
    registry._points.cache_clear()


def install(folder: Path, package: str, **points: str) -> None:
    """What an installer writes for a package that has entry points."""
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {place}" for name, place in points.items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{registry.GROUP}]", *lines, ""]))


def command(*words, site: Path, **environment: str):
    paths = [str(site), str(HERE), str(Path(sionna_isac.__file__).parents[1])]
    return subprocess.run(
        [sys.executable, "-m", "sionna_isac.cli", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
    )


def test_a_registered_kind_is_validated_run_drawn_and_described(tmp_path, capsys):
    assert "random_walk" not in kind_names()
    assert register_kind(random_walk.KIND) is random_walk.KIND
    assert kind_names()[-1] == "random_walk"
    assert scenario_kinds()["random_walk"] is random_walk.RandomWalkScenario

    path = write_template("random_walk", tmp_path / "walk.yaml")
    assert "# num_walks: 50  # Number of walks; integer >= 2" in path.read_text().splitlines()
    with pytest.raises(ScenarioError, match=r"num_walks: must be >= 2; got 1"):
        load_scenario(path, ["num_walks=1"])
    with pytest.raises(ScenarioError, match=r"unknown key \(did you mean 'num_walks'\?\)"):
        load_scenario(path, ["num_walk=1"])

    scenario = load_scenario(path, ["num_walks=4000"])
    dataset = run_scenario(scenario, tmp_path / "run")
    # the mean square of the distance is the number of steps
    np.testing.assert_allclose(dataset.square.mean("walk"), [1, 4, 16], rtol=0.1)
    assert "16 steps: " in capsys.readouterr().out
    stored, again = read_result(tmp_path / "run")
    assert again == scenario
    line = draw_result(stored, "random_walk", tmp_path / "figure.png").axes[0].lines[0]
    np.testing.assert_array_equal(line.get_ydata(), stored.square.mean("walk"))
    assert (tmp_path / "figure.png").stat().st_size > 1000
    with pytest.raises(ScenarioError, match=r"workers has no effect.*'random_walk'"):
        run_scenario(scenario, tmp_path / "run", workers=2)


def test_an_installed_kind_has_every_command(tmp_path, monkeypatch, capsys):
    file = tmp_path / "walk.yaml"
    install(tmp_path / "site", "walks", random_walk="random_walk:KIND")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # handlers are those of the tests

    def output(*words):
        monkeypatch.setattr(sys, "argv", ["sionna-isac", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        assert not stop.value.code, printed.err
        return printed.out

    listing = output("list", "--kinds")
    assert "random_walk" in listing and random_walk.RandomWalkScenario.__doc__ in listing
    assert f"sionna-isac run {file}" in output("new", "random_walk", "-o", file)
    shown = output("show", file, "--set", "num_walks=7")
    assert "num_walks: 7" in shown and "num_steps:" in shown


def test_a_run_of_an_installed_kind_resumes_when_killed(tmp_path):
    site, file, out = tmp_path / "site", tmp_path / "walk.yaml", tmp_path / "run"
    install(site, "walks", random_walk="random_walk:KIND")
    made = command("new", "random_walk", "-o", file, site=site)
    assert made.returncode == 0, made.stderr

    killed = command("run", file, "--out", out, site=site, RANDOM_WALK_DIES_AFTER="1")
    assert killed.returncode == -9 and not (out / "result.nc").exists()
    kept = {p: p.stat().st_mtime_ns for p in (out / "partial").glob("*.npz")}
    assert [p.stem for p in sorted(kept)] == ["steps_000", "steps_001"]
    done = command("run", file, "--out", out, site=site)
    assert done.returncode == 0, done.stderr
    assert "16 steps: " in done.stdout and (out / "figure.png").exists()
    assert kept == {p: p.stat().st_mtime_ns for p in kept}

    register_kind(random_walk.KIND)
    whole = run_scenario(load_scenario(file), tmp_path / "whole", quiet=True)
    xr.testing.assert_equal(whole, read_result(out)[0])


def test_an_installed_kind_is_found_and_imported_when_asked_for(tmp_path, monkeypatch):
    (tmp_path / "seldom.py").write_text("raise RuntimeError('imported')\n")
    install(tmp_path, "walks", random_walk="random_walk:KIND", seldom="seldom:KIND")
    monkeypatch.syspath_prepend(tmp_path)
    assert {"random_walk", "seldom"} <= set(kind_names())
    assert get_kind("random_walk") is random_walk.KIND
    assert parse_scenario({"kind": "random_walk", "name": "a", "title": "A", "num_steps": [1]})
    with pytest.raises(ScenarioError, match="RuntimeError: imported"):
        get_kind("seldom")


BROKEN = {
    "no_such_module:KIND": "ModuleNotFoundError: No module named 'no_such_module'",
    "random_walk:KINDS": "AttributeError: .*KINDS",
    "random_walk:report": "must be a study.Kind",
    "random_walk:KIND": "must have the name of its entry .*; got 'random_walk'",
}


@pytest.mark.parametrize(("place", "message"), BROKEN.items())
def test_a_kind_that_cannot_be_imported_is_named_and_bars_no_other(
    place, message, tmp_path, monkeypatch
):
    install(tmp_path, "walks", broken=place)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ScenarioError, match=rf"^kind 'broken' .*{message}") as found:
        get_kind("broken")
    assert f"'{place}' of the package 'walks'" in str(found.value)
    with pytest.raises(ScenarioError, match=rf"^scenario kind 'broken' .*{message}"):
        parse_scenario({"kind": "broken"})
    assert load_scenario("quick").kind == "multi_target"
    texts = dict(describe_kinds())
    assert texts["broken"].startswith("not available: kind 'broken'")
    assert [name for name, text in texts.items() if "not available" in text] == ["broken"]


def test_a_kind_that_cannot_be_imported_is_one_line_of_a_command(tmp_path):
    install(tmp_path, "walks", broken="no_such_module:KIND")
    made = command("new", "broken", "-o", tmp_path / "a.yaml", site=tmp_path)
    assert made.returncode == 2 and made.stderr.count("\n") == 1
    assert "error: kind 'broken' cannot be imported from 'no_such_module:KIND'" in made.stderr


def test_two_packages_with_one_name_are_both_named(tmp_path, monkeypatch):
    install(tmp_path, "walks", random_walk="random_walk:KIND", scattering_sphere="walks:KIND")
    install(tmp_path, "strolls", random_walk="strolls:KIND")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ScenarioError, match=r"'random_walk' is there twice.*") as found:
        get_kind("random_walk")
    for origin in ("'random_walk:KIND' of the package 'walks'", "'strolls:KIND' of the package"):
        assert origin in str(found.value)
    with pytest.raises(ScenarioError, match=rf"twice, in '{SPHERE}' and in 'walks:KIND'"):
        load_scenario("scattering_quick")
    with pytest.raises(ScenarioError, match="there already"):
        register_kind(random_walk.KIND)
    assert load_scenario("quick").kind == "multi_target"


def test_a_registered_kind_takes_no_name_of_another():
    class RandomWalkScenario(Scenario):
        kind: Literal["random_walk"]

    class SphereScenario(Scenario):
        kind: Literal["scattering_sphere"]

    register_kind(random_walk.KIND)
    other = Kind(scenario=RandomWalkScenario, draw=random_walk.draw)
    with pytest.raises(ScenarioError, match="'random_walk:RandomWalkScenario'"):
        register_kind(other)
    with pytest.raises(ScenarioError, match=f"there already, in '{SPHERE}'"):
        register_kind(Kind(scenario=SphereScenario, draw=random_walk.draw))
    # a class that a notebook defines once more is the same kind
    again = Kind(scenario=random_walk.RandomWalkScenario, draw=random_walk.draw)
    assert get_kind(register_kind(again).name) is again


@pytest.mark.parametrize("kind", ["random_wolk", 3, ["random_walk"], None])
def test_an_unknown_kind_is_answered_with_those_there_are(kind):
    register_kind(random_walk.KIND)
    with pytest.raises(ScenarioError, match=r"one of multi_target, .*random_walk") as found:
        parse_scenario({"kind": kind, "name": "a", "title": "A"})
    assert f"got {kind!r}" in str(found.value)
    assert ("did you mean 'random_walk'?" in str(found.value)) == bool(kind and kind != 3)
    with pytest.raises(ScenarioError, match="must be one of"):
        draw_result(xr.Dataset(), kind)


def test_a_scenario_without_a_kind_or_fields_says_so():
    with pytest.raises(ScenarioError, match=r"^scenario kind: required, but missing$"):
        parse_scenario({"name": "a"})
    with pytest.raises(ScenarioError, match=r"must be a mapping .*got \['kind'\]"):
        parse_scenario(["kind"])


def test_a_stored_result_of_a_kind_that_is_gone_says_so(tmp_path, monkeypatch):
    register_kind(random_walk.KIND)
    scenario = load_scenario(write_template("random_walk", tmp_path / "walk.yaml"))
    run_scenario(scenario, tmp_path / "run", quiet=True)
    monkeypatch.setattr(registry, "_known", {})
    with pytest.raises(ScenarioError, match=r"kind must be one of .*got 'random_walk'"):
        read_result(tmp_path / "run")


def test_what_is_no_kind_is_refused():
    class Nameless(Scenario):
        pass

    class TwoNames(Scenario):
        kind: Literal["one", "two"]

    class Spaced(Scenario):
        kind: Literal["my study"]

    for model, got in ((Nameless, r"\[\]"), (TwoNames, "'two'"), (Spaced, "my study")):
        with pytest.raises(TypeError, match=f"kind: Literal.*got {model.__name__} with .*{got}"):
            Kind(scenario=model, draw=random_walk.draw)
    for model in (dict, random_walk.KIND):
        with pytest.raises(TypeError, match=r"scenario must be a subclass of study\.Scenario; got"):
            Kind(scenario=model, draw=random_walk.draw)
    model = random_walk.RandomWalkScenario
    for name in ("draw", "study", "report"):
        with pytest.raises(TypeError, match=f"{name} must be a function; got 'walk'"):
            Kind(**{"scenario": model, "draw": random_walk.draw, name: "walk"})
    with pytest.raises(ValueError, match=r"fields of RandomWalkScenario; got \['steps'\]"):
        Kind(scenario=model, draw=random_walk.draw, example={"steps": [1]})
    with pytest.raises(TypeError, match=r"kind must be a study\.Kind; got"):
        register_kind(random_walk.RandomWalkScenario)


def test_a_run_without_a_data_set_is_refused(tmp_path):
    class NoSummary(random_walk.RandomWalkStudy):
        def summarise(self, results):
            return None

    model = random_walk.RandomWalkScenario
    register_kind(Kind(scenario=model, draw=random_walk.draw, study=NoSummary))
    scenario = parse_scenario({"kind": "random_walk", "name": "a", "title": "A", "num_steps": [1]})
    with pytest.raises(TypeError, match=r"'random_walk' must return an xarray\.Dataset; got None"):
        run_scenario(scenario, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / "result.nc").exists()


def test_data_sets_name_their_command(tmp_path):
    scenario = load_scenario("dataset_quick")
    with pytest.raises(ScenarioError, match="'sionna-isac dataset generate'"):
        run_scenario(scenario, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", kind_names())
def test_kinds_of_the_library_are_whole(name):
    """Functions that are imported late exist, and the file has the name of the kind."""
    kind = get_kind(name)
    assert kind.name == name
    for function in (kind.study, kind.report, kind.draw):
        if hasattr(function, "args"):
            assert callable(pkgutil.resolve_name(function.args[0]))
    assert (kind.study is None) == (kind.command != "run")
