"""Cross sections of spheres by the volume integral against the Mie series."""

from __future__ import annotations

from sionna_isac.studies._scattering.scenario import ScatteringSphereScenario
from sionna_isac.study.registry import Kind, deferred

__all__ = ["KIND"]

KIND = Kind(
    scenario=ScatteringSphereScenario,
    run=deferred("sionna_isac.studies.scattering_sphere.study:scattering_sphere"),
    report=deferred("sionna_isac.studies._scattering.report:sphere_report"),
    draw=deferred("sionna_isac.studies.scattering_sphere.figure:scattering_sphere"),
    example={"size_parameters": [1.0, 2.0, 3.0], "grids": [{"cells": 12}]},
)
