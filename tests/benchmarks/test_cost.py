"""The table of costs: methods of both papers run, at a small size, and count what they have."""

import json
import subprocess

import pytest

import sionna_isac as isac
from benchmarks import cost
from benchmarks.cost import measure, operations, report
from benchmarks.methods import METHODS
from sionna_isac.studies import SingleCarrierSystem
from sionna_isac.study import load_scenario

KINDS = ("omp-1", "impairments-1", "map", "networks-21")


@pytest.fixture(scope="module")
def rows():
    isac.set_seed(1)
    return {name: measure(METHODS[name], 1, small=True) for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_measured(rows, name):
    row = rows[name]
    parts = [row["inference"], *row["training"].values()]
    for part in parts:
        assert part["flop_sample"] > 0 and part["flop_batch"] > 0 and not part["not_counted"]
        assert part["cpu"][0] > 0 and part["wall"][0] > 0
    stages = {"omp-1": 0, "impairments-1": 1, "map": 0, "networks-21": 2}
    assert len(row["training"]) == stages[name]
    assert bool(row["training"]) == (row["parameters"] > 0)


def test_report(rows):
    text = report({"environment": {"threads": 2}, "methods": rows})
    for name in KINDS:
        assert METHODS[name].title in text
    assert "networks, N = 21, single carrier: detection" in text
    assert "threads: 2" in text


def test_operations_are_affine_in_the_batch(monkeypatch):
    side = METHODS["map"].make(True)
    first = operations(side.inference)
    monkeypatch.setattr("benchmarks.cost.BATCHES", (3, 11))
    second = operations(side.inference)
    for key in ("flop_sample", "flop_batch"):
        assert first[key] == pytest.approx(second[key], rel=1e-6)


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("impairments-1", 64),
        ("dictionary-720", 2 * 46080),
        ("dictionary-156", 2 * 9984),
        ("networks-full", pytest.approx(7.78e6, abs=5e3)),
        ("networks-limited", 10555),
        ("model-500", 2 * 8000),
        ("model-156", 2 * 2496),
        ("networks-1024", pytest.approx(6.4e6, abs=5e4)),
        ("networks-21", pytest.approx(5000, abs=100)),
    ],
)
def test_parameters_are_those_of_the_papers(name, counted):
    assert METHODS[name].parameters()[1] == counted


@pytest.mark.parametrize(
    ("name", "label"),
    [("model-156", "model_driven_limited"), ("networks-21", "networks_limited")],
)
def test_single_carrier_is_trained_as_its_scenario_says(name, label):
    config = load_scenario("single_carrier_fig4", profile="full").approaches[label]
    side = METHODS[name].make(True)
    assert isinstance(side.learner, SingleCarrierSystem)
    expected = (
        {"angle": config.training}
        if label.startswith("model")
        else {
            "detection": config.detection,
            "angle": config.angle,
        }
    )
    stages = side.stages(1000)
    assert [s.name for s in stages] == list(expected)
    for stage in stages:
        assert stage.training == expected[stage.name].model_copy(update={"batch_size": 1000})


def test_measuring_some_methods_keeps_the_others(rows, monkeypatch, tmp_path):
    monkeypatch.setattr(cost, "measure", lambda method, repeats: next(fresh))
    stored = {}
    for name, now in (("map", 0.25), ("networks-21", 0.75)):
        fresh = iter([rows[name]])
        monkeypatch.setattr(cost.os, "getloadavg", lambda now=now: (now, 0, 0))
        command = ["cost", "--quick", "--only", name, "--out", str(tmp_path)]
        monkeypatch.setattr("sys.argv", command)
        assert cost.main() == 0
        stored = json.loads((tmp_path / "cost.json").read_text())
    assert stored["methods"] == {name: rows[name] for name in ("map", "networks-21")}
    assert stored["environment"]["load average at the end"] == 0.25
    assert (
        stored["environment"]["measured in a later session"]
        == "networks-21 (load average 0.75 to 0.75)"
    )


def test_memory_that_takes_too_long_is_left_out(rows, monkeypatch):
    def run(command, **options):
        if command[-2] == "detection":
            raise subprocess.TimeoutExpired(command, options["timeout"])
        return subprocess.CompletedProcess(command, 0, "log\n5000000\n", "")

    monkeypatch.setattr(cost.subprocess, "run", run)
    row = json.loads(json.dumps(rows["networks-21"]))
    assert cost.measure_memory({"networks-21": row}) == [
        "networks-21, detection: no memory after 100 s"
    ]
    assert "memory" not in row["training"]["detection"]
    assert row["training"]["angle"]["memory"] == 5000000
    text = report({"environment": {}, "methods": {"networks-21": row}})
    lines = [line for line in text.splitlines() if "single carrier: " in line]
    assert [line.split(" | ")[-1] for line in lines] == ["– |", "5 |"]
