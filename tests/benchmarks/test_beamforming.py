"""The comparison of beamforming methods runs, and the default is no worse."""

import pytest

from benchmarks.beamforming import CASES, compare, draw, report
from sionna_isac.beamforming import SolverError


@pytest.mark.parametrize("name", CASES)
def test_comparison(name):
    row = compare(CASES[name], draw(0, num_antennas=8))
    ratio = row["default"] / row["published"]
    assert ratio <= 1 + 1e-5 if "sensing" in name else ratio >= 1 - 1e-5
    text = report({"antennas": 8, "environment": {}, "cases": {name: [row]}})
    assert CASES[name].title in text
    assert "1 of 1" in text


def test_failures_are_counted():
    def fail(scene):
        raise SolverError("no luck")

    case = CASES["digital-sensing"]
    scene = draw(0, num_antennas=8)
    failed = compare(type(case)("", "", case.default, fail), scene)
    rows = [compare(case, scene), failed]
    text = report({"antennas": 8, "environment": {}, "cases": {"digital-sensing": rows}})
    assert "1 of 2" in text
    assert "no luck" in text
