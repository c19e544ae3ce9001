"""The comparison of matched filters runs, and both sides give the same image."""

import pytest

from benchmarks.matched_filter import COMBINING, TOLERANCE, compare, report


@pytest.mark.parametrize("combining", COMBINING)
def test_comparison(combining):
    row = compare(combining, 2, 1, num_antennas=6, num_angles=9, num_ranges=4)
    assert row["deviation"] < TOLERANCE
    assert combining in report({"environment": {"threads": 1}, "rows": [row]})
