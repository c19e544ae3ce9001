"""The comparison of beams for an extended target runs, and all methods reach the optimum."""

import pytest

from benchmarks.extended_target import METHODS, compare, report


def test_comparison():
    rows = compare(3, 2, 2, 1)
    assert [m in rows[1] for m in METHODS] == [False, True, True]
    best = rows[0]["certified"]["objective"]
    for method in METHODS:
        assert rows[0][method]["objective"] == pytest.approx(best, rel=1e-3)
        assert rows[0][method]["gap"] is not None
    text = report(
        {"environment": {"threads": 1}, "cases": [{"side": 3, "num_users": 2, "rows": rows}]}
    )
    assert "| 3×3, 2 | certified" in text
    assert "| 3×3, 2 | network" in text


def test_weighted():
    (row,) = compare(3, 2, 1, 1, "weighted")
    best = row["certified"]["objective"]
    for method in METHODS:
        assert row[method]["objective"] == pytest.approx(best, rel=1e-3)
    case = {"side": 3, "num_users": 2, "problem": "weighted", "rows": [row]}
    assert "weighted metric: published" in report({"environment": {}, "cases": [case]})
