"""Error, or change, of the scattered field over the size of voxels."""

from __future__ import annotations

from sionna_isac.studies._scattering.scenario import ScatteringConvergenceScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=ScatteringConvergenceScenario,
    run=deferred("sionna_isac.studies.scattering_convergence.study:scattering_convergence"),
    report=deferred("sionna_isac.studies._scattering.report:convergence_report"),
    draw=deferred("sionna_isac.studies.scattering_convergence.figure:scattering_convergence"),
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
