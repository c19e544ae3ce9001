"""The comparison of Born channels runs, and both sides give the same channel."""

import pytest

from benchmarks.born import TOLERANCE, VEHICLES, compare, report


@pytest.mark.parametrize("vehicle", list(VEHICLES))
def test_comparison(vehicle):
    row = compare(vehicle, 1, voxel_size=0.3, num_antennas=3, num_tones=2)
    assert row["deviation"] < TOLERANCE
    assert vehicle in report({"environment": {"threads": 1}, "rows": [row]})
