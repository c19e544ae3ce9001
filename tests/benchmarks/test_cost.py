"""The table of costs: methods of both papers run, at a small size, and count what they have."""

import pytest

import sionna_isac as isac
from benchmarks.cost import measure, operations, report
from benchmarks.methods import METHODS

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
