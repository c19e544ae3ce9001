"""The comparison of pursuits of moving targets runs, and both sides find the same."""

import pytest

from benchmarks.moving_pursuit import NOISE, TOLERANCE, Setting, Size, compare, report


@pytest.mark.parametrize("products", [False, True])
def test_comparison(products):
    size = Size(2, (4, 6, 16), (12, 8, 10))
    row = compare(Setting(size, NOISE["20 dB"], num_targets=2), products, False, 1)
    assert row["deviation"] < TOLERANCE
    row |= {"size": "small", "noise": "20 dB", "targets": 2, "memory": [2**20, 2**21]}
    assert "| 1 / 2 |" in report({"environment": {"threads": 1}, "rows": [row]})
