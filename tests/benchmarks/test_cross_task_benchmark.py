"""The comparison of cross-task networks runs, and both sides are the same function."""

from benchmarks.cross_task import TOLERANCE, Setting, compare, report


def test_comparison():
    row = compare(Setting(8, 2, 8, 3), "cta", 1, ("plain", "library"))
    assert row["deviation"] < TOLERANCE
    assert "| cta | library |" in report({"environment": {"threads": 1}, "rows": [row]})
