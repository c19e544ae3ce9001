"""The comparison of volume integral solvers: bodies, one run of the library, the report."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import scattering
from benchmarks.scattering import BOX, WAVELENGTH, Case, measure, problem, report, truth


def test_bodies_are_the_same_for_both_sides():
    ours, theirs = (problem(Case("sphere", solver, 12)) for solver in ("scipy", "fft"))
    assert len(theirs.positions) == 912
    for task in (ours, theirs):
        volume = np.sum(task.fill) * task.voxel_size**3
        assert volume == pytest.approx(4 / 3 * np.pi * task.radius**3, rel=2e-3)
    for a, b in zip(ours.antennas, theirs.antennas, strict=True):
        np.testing.assert_array_equal(a, b)
    box = [problem(Case("box", solver, 16)) for solver in ("scipy", "lu")]
    np.testing.assert_array_equal(box[0].positions, box[1].positions)
    size = np.ptp(box[0].positions, axis=0) + box[0].voxel_size
    np.testing.assert_allclose(size, BOX * WAVELENGTH)


def test_a_run_of_the_library():
    """Its error against the Mie series, from a process of its own."""
    case = Case("sphere", "scipy", 8)
    run = measure(case, truth(case))
    assert run["error"] < 0.04 and run["voxels"] == len(problem(case).positions)
    assert run["cpu_again"] > 0 and run["memory"] > 0


def entry(solver, cells, error, seconds):
    runs = [
        {
            "voxels": cells**3,
            "error": error,
            "memory": 1e8,
            "cpu_first": 2 * s,
            "cpu_again": s,
            "wall_again": s,
        }
        for s in seconds
    ]
    return {"body": "sphere", "solver": solver, "cells": cells, "runs": runs}


def test_report():
    """Ratios are of pairs; at no larger error the cheapest grid counts, not the coarsest."""
    entries = [
        entry("fft", 12, 0.05, [4.0, 6.0]),
        entry("scipy", 6, 0.06, [0.1, 0.1]),
        entry("scipy", 8, 0.04, [0.5, 0.5]),
        entry("scipy", 12, 0.01, [1.0, 2.0]),
    ]
    cases = {f"{i}": e for i, e in enumerate(entries)}
    text = report({"environment": {"CPU": "any"}, "cases": cases})
    assert (
        "| sphere | torchgdm, FFT | library, scipy | 12 | 3.5 (3–4) | 10 (8–12), 8 cells |" in text
    )
    assert "CPU: any" in text and "N^1" in text


def test_without_torchgdm_one_line_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("TORCHGDM_PYTHON", raising=False)
    monkeypatch.setattr(scattering, "QUICK", scattering.QUICK[1:])
    monkeypatch.setattr("sys.argv", ["scattering", "--quick", "--out", str(tmp_path)])
    assert scattering.main() == 0
    assert "torchgdm is left out" in capsys.readouterr().out
    text = (tmp_path / "scattering.md").read_text()
    assert "library, scipy" in text and "torchgdm, FFT" not in text
