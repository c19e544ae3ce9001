"""Scattering: full-wave response of extended targets, with the Mie series as truth."""

from sionna_isac.scattering.cross_section import (
    CrossSections,
    RadarCrossSection,
    sphere_cross_sections,
    sphere_radar_cross_section,
    sphere_scattering_amplitudes,
)
from sionna_isac.scattering.dipole import dipole_field
from sionna_isac.scattering.errors import CoarseGridWarning, NotConvergedError
from sionna_isac.scattering.green import green_kernel, self_term
from sionna_isac.scattering.layer import VolumeIntegralScattering
from sionna_isac.scattering.material import contrast, effective_conductivity, partial_contrast
from sionna_isac.scattering.mie import sphere_response
from sionna_isac.scattering.volume_integral import VolumeResponse, volume_response

__all__ = [
    "CoarseGridWarning",
    "CrossSections",
    "NotConvergedError",
    "RadarCrossSection",
    "VolumeIntegralScattering",
    "VolumeResponse",
    "contrast",
    "dipole_field",
    "effective_conductivity",
    "green_kernel",
    "partial_contrast",
    "self_term",
    "sphere_cross_sections",
    "sphere_radar_cross_section",
    "sphere_response",
    "sphere_scattering_amplitudes",
    "volume_response",
]
