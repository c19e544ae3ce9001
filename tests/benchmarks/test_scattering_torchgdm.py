"""The comparison with torchgdm: its side runs only where there is an environment for it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scattering_torchgdm import available, main, solve, sphere
from sionna_isac.scattering import sphere_response


def test_sphere_of_voxels():
    points, edge, radius = sphere(12, 2.0, 4.9e9)
    assert len(points) == 912
    np.testing.assert_allclose(len(points) * edge**3, 4 / 3 * np.pi * radius**3)
    np.testing.assert_allclose(2 * np.pi * 4.9e9 / 299792458 * radius, 2.0)


def test_environment_is_asked_for(monkeypatch, capsys):
    monkeypatch.delenv("TORCHGDM_PYTHON", raising=False)
    monkeypatch.setattr("sys.argv", ["benchmarks.scattering_torchgdm"])
    with pytest.raises(SystemExit):
        main()
    assert "set TORCHGDM_PYTHON" in capsys.readouterr().err


@pytest.mark.skipif(not available(), reason="TORCHGDM_PYTHON names no environment with torchgdm")
@pytest.mark.parametrize("solver", ["fft", "lu"])
def test_conventions(solver):
    """Signs, conjugates and units: lossy sphere, complex moment, two frequencies."""
    frequencies = [4.9e9, 5.0e9]
    points, edge, radius = sphere(8, 1.0, 4.9e9)
    tx, moment, rx = [[0.03, 0.04, 0.02]], [[1, 0.5j, -0.3]], [[-0.05, 0.01, 0.03]]
    result = solve(points, edge, 3 - 0.5j, 0.05, frequencies, tx, moment, rx, solver=solver)
    truth = sphere_response(
        radius, [0, 0, 0], 3 - 0.5j, 0.05, frequencies, tx, moment, rx * 3, np.eye(3)
    )
    error = np.linalg.norm(result["field"][:, 0, 0] - truth[:, :, 0]) / np.linalg.norm(truth)
    assert error < 0.08
