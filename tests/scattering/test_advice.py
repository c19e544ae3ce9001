"""What an error advises works where it is advised: each advice is followed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sionna_isac.scattering import NotConvergedError, VolumeIntegralScattering, volume_response
from tests.scattering.voxel_bodies import FREQUENCY, antennas

pytestmark = pytest.mark.filterwarnings("ignore:voxel_size is:UserWarning")
AROUND = antennas(1, 1)
EXTENT = np.array([0.1, 0.08, 0.06])  # of a solid box of metal [m]


def box(size: float) -> dict:
    index = np.argwhere(np.ones(np.rint(EXTENT / size).astype(int), bool))
    return {
        "positions": (index + 0.5) * size,
        "voxel_size": size,
        "permittivity": np.ones(len(index)),
        "conductivity": np.full(len(index), 1e7),
    }


def respond(size: float, **options) -> np.ndarray:
    options = {"tolerance": 1e-5, "max_iterations": 60, **options}
    return volume_response(
        **box(size), **AROUND, frequencies=[FREQUENCY], allow_coarse=True, **options
    )


def graph(size: float, **options) -> np.ndarray:
    options = {"tolerance": 1e-5, "max_iterations": 60, **options}
    body = box(size)
    layer = VolumeIntegralScattering(
        body["positions"], size, [FREQUENCY], backend="tf", allow_coarse=True, **options
    )
    return layer(body["permittivity"], body["conductivity"], *AROUND.values()).numpy()


@pytest.mark.parametrize("size", [0.02, 0.01, 0.005])
@pytest.mark.parametrize("call", [respond, graph])
def test_metal_box(call, size):
    limit = {0.02: 60, 0.01: 1000, 0.005: 2000}[size] if call is respond else 60
    with pytest.raises(NotConvergedError) as caught:
        call(size, max_iterations=limit)
    message = str(caught.value)
    assert "shell" not in message
    tolerance = re.search(r"a tolerance above (\S+) \(about what was reached", message)
    assert (tolerance is None) == (call is graph)
    if tolerance:
        assert 1e-5 < float(tolerance[1]) <= 0.1
        assert np.all(np.isfinite(call(size, tolerance=float(tolerance[1]), max_iterations=limit)))
    assert f"max_iterations above {limit}" in message
    assert "the approximation metal='effective'" in message
    smaller = re.search(r"metal='effective' with voxels of at most (\S+) m", message)
    assert (smaller is None) == (size == 0.005)  # 1/(2 pi) wavelengths are 9.7 mm
    advised = float(smaller[1]) if smaller else size
    assert np.all(np.isfinite(call(advised, metal="effective", max_iterations=2000)))


def test_advice_is_not_what_was_done_already():
    with pytest.raises(NotConvergedError) as caught:
        respond(0.005, metal="effective", max_iterations=5)
    assert "effective" not in str(caught.value)
    body = {**box(0.01), "conductivity": np.zeros(480), "permittivity": np.full(480, 4.0)}
    with pytest.raises(NotConvergedError) as caught:
        volume_response(**body, **AROUND, frequencies=[FREQUENCY], max_iterations=5)
    assert "metal" not in str(caught.value) and "max_iterations above 5" in str(caught.value)


def test_more_iterations():
    with pytest.raises(NotConvergedError, match="max_iterations above 60 "):
        respond(0.02)
    assert np.all(np.isfinite(respond(0.02, max_iterations=20_000, tolerance=1e-4)))
