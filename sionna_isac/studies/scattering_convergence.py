"""Error, or change, of the scattered field over the size of voxels."""

from __future__ import annotations

from sionna_isac.study.registry import Kind, deferred
from sionna_isac.study.scattering_scenario import ScatteringConvergenceScenario

__all__ = ["KIND"]

KIND = Kind(
    scenario=ScatteringConvergenceScenario,
    run=deferred("sionna_isac.study.scattering_convergence:scattering_convergence"),
    report=deferred("sionna_isac.study.scattering_report:convergence_report"),
    draw=deferred("sionna_isac.plots:scattering_convergence"),
    example={
        "bodies": [
            {
                "kind": "sphere",
                "voxels_per_wavelength": [8.0, 12.0, 16.0],
                "fit_from": 8.0,
                "methods": [{"kernel": "filtered"}],
            }
        ]
    },
)
