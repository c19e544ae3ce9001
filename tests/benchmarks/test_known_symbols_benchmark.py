"""The comparison of near-field maximum likelihood runs, and both sides give the same position."""

from benchmarks.known_symbols import TOLERANCE, compare, report


def test_comparison():
    row = compare(2, 1, num_antennas=12, num_angles=64)
    assert row["deviation"] < TOLERANCE
    assert "| 2 |" in report({"environment": {"threads": 1}, "rows": [row]})
