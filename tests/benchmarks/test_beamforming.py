"""The comparison of beamforming methods runs, and the default is no worse."""

import pytest

from benchmarks.beamforming import CASES, compare


@pytest.mark.parametrize("name", CASES)
def test_comparison(name):
    result = compare(name, range(2), num_antennas=8)
    assert max(result["peb"]) <= 1 + 1e-5
    assert min(result["default"]) > 0
