"""Scattering: full-wave response of extended targets, with the Mie series as truth."""

from sionna_isac.scattering.cross_section import (
    CrossSections,
    RadarCrossSection,
    sphere_cross_sections,
    sphere_radar_cross_section,
    sphere_scattering_amplitudes,
)
from sionna_isac.scattering.mie import sphere_response

__all__ = [
    "CrossSections",
    "RadarCrossSection",
    "sphere_cross_sections",
    "sphere_radar_cross_section",
    "sphere_response",
    "sphere_scattering_amplitudes",
]
