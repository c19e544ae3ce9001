"""Cross sections of spheres by the volume integral against the Mie series."""

from __future__ import annotations

from sionna_isac.study.registry import Kind, deferred
from sionna_isac.study.scattering_scenario import ScatteringSphereScenario

__all__ = ["KIND"]

KIND = Kind(
    scenario=ScatteringSphereScenario,
    run=deferred("sionna_isac.study.scattering_sphere:scattering_sphere"),
    report=deferred("sionna_isac.study.scattering_report:sphere_report"),
    draw=deferred("sionna_isac.plots:scattering_sphere"),
    example={"size_parameters": [1.0, 2.0, 3.0], "grids": [{"cells": 12}]},
)
